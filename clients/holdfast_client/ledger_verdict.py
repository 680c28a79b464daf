"""What the check of a ledger comes to."""

from __future__ import annotations

from holdfast.inventory.v1 import audit_service_pb2


def is_verified(verdict: audit_service_pb2.LedgerVerdict) -> bool:
    """Whether a ledger agrees with itself, and nothing was oversold or leaked."""
    agrees = verdict.chain_verified and verdict.levels_equal_movements and verdict.reserved_equals_open_lines
    return agrees and not (verdict.oversold_quantity or verdict.leaked_quantity or verdict.findings)
