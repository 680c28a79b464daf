"""Replays a file of order lines as traffic against the service, and judges the ledger afterwards."""
