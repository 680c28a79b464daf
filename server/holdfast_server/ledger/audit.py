"""The audit chain: SHA-256 over every operation with its movements, each digest covering the one before it.

The chain is computed by the ledger writer from the very values that it writes, and recomputed from the rows by
verify.py. It shows an altered, removed or inserted row to anyone who kept one later digest; it does not keep a person
who can rewrite the whole ledger and every copy of its digests from doing so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import msgpack

GENESIS: Final = hashlib.sha256(b"holdfast ledger").digest()
"""The digest before the first operation."""


def digest(previous: bytes, operation: Sequence[object], movements: Sequence[Sequence[object]]) -> bytes:
    """Returns the digest of an operation.

    `operation` holds its columns from position to trace_parent, and each movement its columns from line_number to
    committed, in the order of the tables.
    """
    return hashlib.sha256(previous + msgpack.packb((operation, movements))).digest()
