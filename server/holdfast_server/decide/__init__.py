"""Decides: commands of a tick, one atomic step in Redis, answers bound to their commit."""
