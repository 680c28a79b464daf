"""The journal as the ledger writer reads it: what follows the ledger's cursor, and whether it fits."""

from __future__ import annotations

from protocol.model import Batch, Entry, Postgres, Redis, space_name
from protocol.rules import Rules


def readable(postgres: Postgres, redis: Redis, rules: Rules) -> Batch | None:
    """Read all that follows the cursor; None if there is nothing or it does not fit (which calls for a rebuild)."""
    cursor = postgres.cursor
    entries = entries_after_cursor(postgres, redis, rules)
    if not entries:
        return None
    if rules.writer_verifies_chain:
        expected = cursor.hash
        for entry in entries:
            if entry.previous != expected or entry.epoch != cursor.epoch:
                return None
            expected = entry.hash
    return Batch(cursor, entries, postgres.segment)


def entries_after_cursor(postgres: Postgres, redis: Redis, rules: Rules) -> tuple[Entry, ...]:
    """Give what the journal of the ledger's epoch holds after the ledger's seq, fitting or not."""
    journal = redis.space(space_name(postgres.epoch, rules)).journal
    return tuple(entry for entry in journal if entry.seq > postgres.cursor.seq)


def continuation(postgres: Postgres, redis: Redis) -> tuple[Entry, ...]:
    """Give what the open journal holds that goes on exactly where the ledger ends, without a gap.

    A journal of a lower epoch than the ledger's goes on with nothing: it can never be written any more.
    """
    if redis.epoch < postgres.epoch:
        return ()
    expected = postgres.cursor.hash
    entries: list[Entry] = []
    for entry in redis.space(redis.epoch).journal:
        if entry.seq > postgres.cursor.seq:
            if entry.previous != expected:
                break
            entries.append(entry)
            expected = entry.hash
    return tuple(entries)
