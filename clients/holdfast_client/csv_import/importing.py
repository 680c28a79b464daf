"""Imports one file: reads it, checks it, sends it, and keeps the report.

Owns the flow: a reader fills a bounded queue with batches and a few senders empty it. Memory is bounded by
the batches under way, apart from the SKUs that are remembered to find repetitions and the rejected rows
that are named.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol

from holdfast.inventory.v1 import catalog_pb2, catalog_service_pb2, inventory_service_pb2

from holdfast_client.csv_import.batches import Batch, cut_batches
from holdfast_client.csv_import.columns import resolve_columns
from holdfast_client.csv_import.patience import Patience
from holdfast_client.csv_import.reading import BrokenRecord, CsvFile, Record
from holdfast_client.csv_import.report import ImportReport
from holdfast_client.csv_import.rows import (
    ITEM_FIELDS,
    RECEIPT_FIELDS,
    ImportRow,
    M,
    RepeatedSkus,
    read_item,
    read_receipt,
)
from holdfast_client.csv_import.sending import BatchSender, Send, SentRows
from holdfast_client.csv_import.together import together

DEFAULT_CONCURRENCY = 4
MAX_CONCURRENCY = 64


class ImportAuthority(Protocol):
    """What an import asks of the service. `HoldfastClient` is one."""

    async def put_items(
        self, items: Iterable[catalog_pb2.Item], *, request_id: str | None = None
    ) -> catalog_service_pb2.PutItemsResponse:
        """Creates items or replaces them."""
        ...

    async def receive_stock(
        self,
        lines: Iterable[inventory_service_pb2.ReceiptLine],
        *,
        reference: str = "",
        reason: str = "",
        request_id: str | None = None,
    ) -> inventory_service_pb2.ReceiveStockResponse:
        """Books units that came in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSource(Generic[M]):
    """A file with what its rows mean. `read` turns a record into a row, into its fault, or into None to
    pass it over.
    """

    kind: str
    file: CsvFile
    columns: Mapping[str, str]
    read: Callable[[Record], ImportRow[M] | BrokenRecord | None]
    context: tuple[str, ...] = ()


def items_source(file: CsvFile, *, mapped: Mapping[str, str]) -> ImportSource[catalog_pb2.Item]:
    """A file of items. Raises MappingError or UnreadableFileError if its columns do not do.

    Every source has request ids of its own: to put the same items again is harmless, and must undo what was put in
    between.
    """
    columns = resolve_columns(mapped, header=file.header, fields=ITEM_FIELDS, required=("sku",))
    repeated = RepeatedSkus()

    def read(record: Record) -> ImportRow[catalog_pb2.Item] | BrokenRecord | None:
        row = read_item(record, columns)
        if isinstance(row, BrokenRecord):
            return row
        repetition = repeated.check(row, column=columns["sku"])
        if isinstance(repetition, BrokenRecord):
            return repetition
        return None if repetition else row

    return ImportSource(kind="items", file=file, columns=columns, read=read, context=(secrets.token_hex(16),))


def stock_source(
    file: CsvFile, *, mapped: Mapping[str, str], default_location: str, reference: str, reason: str
) -> ImportSource[inventory_service_pb2.ReceiptLine]:
    """A file of units that came in. Raises MappingError or UnreadableFileError if its columns do not do."""
    required = ("sku", "quantity") if default_location else ("sku", "quantity", "location")
    columns = resolve_columns(mapped, header=file.header, fields=RECEIPT_FIELDS, required=required)

    def read(record: Record) -> ImportRow[inventory_service_pb2.ReceiptLine] | BrokenRecord:
        return read_receipt(record, columns, default_location=default_location)

    return ImportSource(kind="stock", file=file, columns=columns, read=read, context=(reference, reason))


def items_send(authority: ImportAuthority) -> Send[catalog_pb2.Item]:
    """Sends items."""

    async def send(items: Sequence[catalog_pb2.Item], request_id: str) -> bool:
        return (await authority.put_items(items, request_id=request_id)).replayed

    return send


def stock_send(authority: ImportAuthority, *, reference: str, reason: str) -> Send[inventory_service_pb2.ReceiptLine]:
    """Sends receipts."""

    async def send(lines: Sequence[inventory_service_pb2.ReceiptLine], request_id: str) -> bool:
        answer = await authority.receive_stock(lines, reference=reference, reason=reason, request_id=request_id)
        return answer.replayed

    return send


class Import(Generic[M]):
    """One import. `report` can be looked at while it runs."""

    def __init__(self, source: ImportSource[M], *, path: Path, dry_run: bool) -> None:
        """Reads the file once for its content hash.

        Raises UnreadableFileError if it cannot be read to its end.
        """
        self._source = source
        self.report = ImportReport(
            kind=source.kind, file=str(path), content_hash=source.file.content_hash(), dry_run=dry_run
        )
        self._given_up = False

    def check(self) -> ImportReport:
        """Checks every row and sends nothing."""
        with self._timed():
            for _ in self._rows():
                self.report.rows_accepted += 1
        return self.report

    async def send(self, send: Send[M], *, patience: Patience, concurrency: int) -> ImportReport:
        """Checks every row and sends those that pass, `concurrency` batches at a time.

        After a batch that the service gave no answer about nothing more is sent: the rows behind it are
        reported so.
        """
        queue: asyncio.Queue[Batch[M] | None] = asyncio.Queue(maxsize=concurrency)
        sender = BatchSender(send=send, patience=patience)
        with self._timed():
            await together(self._fill(queue, concurrency), *(self._empty(queue, sender) for _ in range(concurrency)))
        self.report.unavailable_retries = patience.repetitions
        return self.report

    async def _fill(self, queue: asyncio.Queue[Batch[M] | None], senders: int) -> None:
        for batch in self._batches():
            await queue.put(batch)
        for _ in range(senders):
            await queue.put(None)

    def _batches(self) -> Iterator[Batch[M]]:
        return cut_batches(
            self._rows(),
            kind=self._source.kind,
            content_hash=self.report.content_hash,
            context=self._source.context,
        )

    def _rows(self) -> Iterator[ImportRow[M]]:
        for record in self._source.file.records():
            self.report.rows_read += 1
            row = self._source.read(record) if isinstance(record, Record) else record
            if isinstance(row, ImportRow):
                yield row
            elif row is None:
                self.report.rows_repeated += 1
            else:
                self.report.reject(row)

    async def _empty(self, queue: asyncio.Queue[Batch[M] | None], sender: BatchSender[M]) -> None:
        while (batch := await queue.get()) is not None:
            if self._given_up:
                reason = "not sent, because the service did not answer before; run the same import again"
                self._take_down(SentRows(rows=batch.rows, refusal=reason, answered=False))
                continue
            for result in await sender.send_batch(batch):
                self._take_down(result)

    def _take_down(self, result: SentRows[M]) -> None:
        if not result.refusal:
            self.report.rows_accepted += len(result.rows)
            self.report.rows_replayed += len(result.rows) if result.replayed else 0
            return
        if not result.answered:
            self._given_up = True
            self.report.rows_unanswered += len(result.rows)
        for row in result.rows:
            field = result.field or "sku"
            self.report.reject(
                BrokenRecord(
                    line_number=row.line_number,
                    column=self._source.columns.get(field, field),
                    value=str(getattr(row.message, field, "")),
                    reason=result.refusal,
                )
            )

    @contextmanager
    def _timed(self) -> Iterator[None]:
        begin = time.monotonic()
        try:
            yield
        finally:
            self.report.duration_seconds = round(time.monotonic() - begin, 3)
