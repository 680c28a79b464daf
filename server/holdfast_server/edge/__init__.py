"""The edge: gRPC in, typed refusals out. Nobody imports it but the composition."""
