"""Cuts rows into batches and gives each a request id that the same import always makes again.

The id comes from the content of the file and of the batch, so sending the same import twice books nothing
twice: the service knows the id and gives its first answer again, for as long as it remembers (30 days
unless configured otherwise). A file that was edited is another import, and so is one with another context: where the
same again must take effect again, as with items, the context is new each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic

from holdfast_client.csv_import.rows import ImportRow, M

MAX_BATCH_ROWS = 1_000
"""The most rows in one request, as the service bounds it."""

_ID_DIGITS = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Generic[M]):
    """Rows that go in together. `seed` is the digest that the request ids of its parts are derived from."""

    rows: tuple[ImportRow[M], ...]
    seed: str

    def request_id(self, row: int) -> str:
        """The id under which the part that begins with the row goes in: the batch as a whole begins with
        row 0.
        """
        return "import-" + hashlib.sha256(f"{self.seed}/{row}".encode()).hexdigest()[:_ID_DIGITS]

    def single_request_id(self, row: int) -> str:
        """The id under which one row goes in when the id of its part was taken by other rows before."""
        return "import-" + hashlib.sha256(f"{self.seed}/{row}/single".encode()).hexdigest()[:_ID_DIGITS]


def cut_batches(
    rows: Iterable[ImportRow[M]], *, kind: str, content_hash: str, context: Sequence[str] = ()
) -> Iterator[Batch[M]]:
    """Yields batches in the order of the rows, each of MAX_BATCH_ROWS but the last.

    `context` is what else the requests will say, such as their reference: another one makes another import.
    """
    rows = iter(rows)
    while batch := _take(rows, MAX_BATCH_ROWS):
        yield Batch(rows=tuple(batch), seed=_seed(batch, kind, content_hash, context))


def _take(rows: Iterator[ImportRow[M]], count: int) -> list[ImportRow[M]]:
    taken = []
    for row in rows:
        taken.append(row)
        if len(taken) == count:
            break
    return taken


def _seed(batch: list[ImportRow[M]], kind: str, content_hash: str, context: Sequence[str]) -> str:
    digest = hashlib.sha256(repr((kind, content_hash, tuple(context))).encode())
    for row in batch:
        content = row.message.SerializeToString(deterministic=True)
        # Line numbers keep two batches of the same content apart: both are meant.
        digest.update(f"{row.line_number}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()
