"""Upkeep: what has to happen without being asked for.

Expiry; parked requests that take effect once their items exist; forgetting what is older than the retention.
"""
