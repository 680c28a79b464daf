"""Upkeep: what has to happen without being asked for: expiry, and forgetting what is older than the retention."""
