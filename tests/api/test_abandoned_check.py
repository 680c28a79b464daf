"""A check of the ledger that nobody waits for any more gives its place back at once."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
from holdfast.inventory.v1 import audit_service_pb2 as audit

from support.authority import TestAuthority, wait_until

_CHECKS_UNDER_WAY = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holdfast-verify' AND datname = %s"


async def test_a_check_that_is_given_up_ends_while_its_statement_still_waits(
    stubs: Any, authority: TestAuthority
) -> None:
    """Bounded: the table stays locked all the time, so only cancelling the statement can end the check."""
    with psycopg.connect(authority.postgres_url, autocommit=True) as watcher:

        def checks() -> int:
            row = watcher.execute(_CHECKS_UNDER_WAY, (watcher.info.dbname,)).fetchone()
            assert row is not None
            return int(row[0])

        with psycopg.connect(authority.postgres_url) as locker:
            locker.execute("LOCK TABLE operation IN ACCESS EXCLUSIVE MODE")
            for _ in range(3):  # more than may run at a time
                call = stubs.audit.VerifyLedger(audit.VerifyLedgerRequest())
                waiting = asyncio.ensure_future(call.read())
                await asyncio.to_thread(wait_until, lambda: checks() == 1, "the check to be under way")
                call.cancel()
                await asyncio.wait([waiting])
                await asyncio.to_thread(wait_until, lambda: checks() == 0, "the check to end", 10.0)
            locker.rollback()
    told = [progress async for progress in stubs.audit.VerifyLedger(audit.VerifyLedgerRequest())]
    assert told[-1].verdict.chain_verified
