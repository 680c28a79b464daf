"""The audit chain: SHA-256 over every operation with its movements, each digest covering the one before it.

The chain is computed by the ledger writer from the very values that it writes, and recomputed from the rows by
verify.py. It shows an altered, removed or inserted row to anyone who kept one later digest; it does not keep a person
who can rewrite the whole ledger and every copy of its digests from doing so.

Columns that came later stand at the end, and are left out where they say nothing. So what was written before there were
any has the digest that it always had, and no two different rows have the same one.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from typing import Any, Final

import msgpack

GENESIS: Final = hashlib.sha256(b"holdfast ledger").digest()
"""The digest before the first operation."""

# The last columns of a movement: backordered_delta, in_transit_delta, backordered, in_transit.
LATER_MOVEMENT_COLUMNS: Final = 4

# A packer of its own for each thread: one that is made for every operation takes a quarter of a megabyte each time.
_of_thread = threading.local()


def digest(previous: bytes, operation: Sequence[object], movements: Sequence[Sequence[object]]) -> bytes:
    """Returns the digest of an operation.

    `operation` holds its columns from position to trace_parent, then its document_id unless that is empty. Each
    movement holds its columns from line_number to committed, then the later ones unless all of them are zero.
    """
    try:
        pack = _of_thread.pack
    except AttributeError:
        pack = _of_thread.pack = msgpack.Packer().pack
    return hashlib.sha256(previous + pack((operation, movements))).digest()


def trimmed_operation(columns: Sequence[Any]) -> Sequence[Any]:
    """Returns the columns of an operation, the last of which is its document_id, as the digest takes them."""
    return columns if columns[-1] else columns[:-1]


def trimmed_movement(columns: Sequence[Any]) -> Sequence[Any]:
    """Returns all columns of a movement as the digest takes them."""
    return columns if any(columns[-LATER_MOVEMENT_COLUMNS:]) else columns[:-LATER_MOVEMENT_COLUMNS]
