"""Puts server processes together: the parts of each segment, the gRPC server in front, and the processes of a host."""
