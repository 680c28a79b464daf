"""Sends batches, several at a time, and finds the rows that the service refuses.

A refused batch is halved until the refused rows stand alone; everything else goes in. Which request id a
part gets is decided so that a later run of the same import, whatever became possible in between, books no
row twice:

    A part is sent under its id. If it is refused, its left half is sent under the same id; its right half
    too if nothing of the left went in, otherwise under an id of its own.

So as soon as anything of a part has gone in, the id of the part is taken, and the same part asked again as
a whole is either what went in (the service says so) or refused as another body under a taken id; then its
halves are asked in the same order with the same ids. A row that was refused alone and whose part's id was
taken by others goes in, once it can, under an id of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic

import grpc

from holdfast_client import errors
from holdfast_client.csv_import.batches import Batch
from holdfast_client.csv_import.patience import NoAnswerError, Patience
from holdfast_client.csv_import.rows import ImportRow, M

_CODES_OF_ROWS = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ALREADY_EXISTS,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRows(Generic[M]):
    """What became of some rows of one batch: all of them the same.

    `refusal` is empty if they went in. `replayed` says that they had gone in before. Where the service gave
    no answer it is not known whether they are in.
    """

    rows: tuple[ImportRow[M], ...]
    refusal: str = ""
    field: str = ""
    """The field that the refusal is about, where it is about one."""
    replayed: bool = False
    answered: bool = True


Send = Callable[[Sequence[M], str], Awaitable[bool]]
"""Sends messages under a request id; True if the service says that they had gone in before.

Raises HoldfastError.
"""


class BatchSender(Generic[M]):
    """Sends one batch at a time."""

    def __init__(self, *, send: Send[M], patience: Patience) -> None:
        self._send = send
        self._patience = patience

    async def send_batch(self, batch: Batch[M]) -> list[SentRows[M]]:
        """Sends the batch, in parts where the service refuses it. Every row is in exactly one of the
        results.

        Once the service gives no answer, the rest of the batch is not asked for: its rows are reported as
        unanswered.
        """
        results: list[SentRows[M]] = []
        try:
            await self._send_part(batch, 0, len(batch.rows), batch.request_id(0), results)
        except NoAnswerError as error:
            done = sum(len(result.rows) for result in results)
            reason = f"the service did not answer; run the same import again ({error})"
            results.append(SentRows(rows=batch.rows[done:], refusal=reason, answered=False))
        return results

    async def _send_part(
        self, batch: Batch[M], start: int, end: int, request_id: str, results: list[SentRows[M]]
    ) -> bool:
        """Sends the rows from start to before end; True if anything of them is in under the id."""
        rows = batch.rows[start:end]
        try:
            replayed = await self._ask(rows, request_id)
        except errors.RequestIdReused:
            if end - start == 1:
                await self._send_single(batch, start, results)
                return False
        except errors.HoldfastError as error:
            if end - start == 1 or not _concerns_rows(error):
                results.append(SentRows(rows=rows, refusal=str(error), field=_field(error)))
                return False
        else:
            results.append(SentRows(rows=rows, replayed=replayed))
            return True
        middle = (start + end) // 2
        if await self._send_part(batch, start, middle, request_id, results):
            await self._send_part(batch, middle, end, batch.request_id(middle), results)
            return True
        return await self._send_part(batch, middle, end, request_id, results)

    async def _send_single(self, batch: Batch[M], row: int, results: list[SentRows[M]]) -> None:
        rows = batch.rows[row : row + 1]
        try:
            replayed = await self._ask(rows, batch.single_request_id(row))
            results.append(SentRows(rows=rows, replayed=replayed))
        except errors.HoldfastError as error:
            results.append(SentRows(rows=rows, refusal=str(error), field=_field(error)))

    async def _ask(self, rows: Sequence[ImportRow[M]], request_id: str) -> bool:
        return await self._patience.ask(lambda: self._send([row.message for row in rows], request_id))


def _concerns_rows(error: errors.HoldfastError) -> bool:
    """Whether another choice of rows could get another answer."""
    whole = (errors.SegmentStopped, errors.RequestIdTooOld)
    return error.code in _CODES_OF_ROWS and not isinstance(error, whole)


def _field(error: errors.HoldfastError) -> str:
    """The field of a row that a refusal is about; empty if it names none."""
    if isinstance(error, errors.InvalidField):
        return error.metadata.get("field", "").rpartition(".")[2]
    for kind, field in (
        (errors.UnknownSku, "sku"),
        (errors.UnknownLocation, "location"),
        (errors.QuantityOverflow, "quantity"),
        (errors.ScaleInUse, "scale"),
    ):
        if isinstance(error, kind):
            return field
    return ""
