"""Counts what a file says: streams its rows, each a count of its own, and tells what became of each.

Memory is bounded by the counts under way, apart from some 250 bytes a row that are remembered to find rows that stand
in the file twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from holdfast.inventory.v1 import revision_pb2, stock_pb2, supply_pb2

from holdfast_client.csv_import import rows
from holdfast_client.csv_import.columns import resolve_columns
from holdfast_client.csv_import.reading import BrokenRecord, CsvFile, Record
from holdfast_client.errors import CountedSince, error_from_status
from holdfast_client.moments import Moment
from holdfast_client.supply_requests import count_request

COUNT_FIELDS = ("sku", "location", "counted_quantity", "status", "expected_quantity")
MAX_UNANSWERED = 256
"""The rows that are sent and not answered at a time."""

_ID_DIGITS = 40


class CountingAuthority(Protocol):
    """What a count of a file asks of the service. `HoldfastClient` is one."""

    def stream_counts(
        self, counts: Iterator[supply_pb2.CountStockRequest], *, max_unanswered: int
    ) -> AsyncGenerator[supply_pb2.StreamCountsResponse, None]:
        """Sends counts and yields the answer to each."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedTerms:
    """What is said of all rows of a file."""

    location: str = ""
    """The location of rows that name none."""
    status: stock_pb2.StockStatus = stock_pb2.STOCK_STATUS_SELLABLE
    """The status of rows that name none."""
    as_of: revision_pb2.Revision | Moment | None = None
    """When it was counted; None is now."""
    park_unknown: bool = False
    reason: str = ""
    reference: str = ""
    seed: str = ""
    """What sets the request ids of this run apart from those of another run. With an empty one a row that says the
    same under the same terms is the same count, in whatever file it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedRow:
    """What became of one row."""

    line_number: int
    line: supply_pb2.CountLine | None
    """What was counted; None where the row does not say so."""
    result: str
    booked: bool
    booked_delta: int | None = None
    """The units that were booked: counted minus the books of that moment. None if nothing was."""

    def as_json(self) -> dict[str, object]:
        """The row as one line of JSON."""
        line = self.line
        return {
            "line_number": self.line_number,
            "sku": line.sku if line is not None else None,
            "location": line.location if line is not None else None,
            "counted_quantity": line.counted_quantity if line is not None else None,
            "booked_delta": self.booked_delta,
            "booked": self.booked,
            "result": self.result,
        }


@dataclass(slots=True)
class CountFile:
    """One count of one file; the figures can be looked at while it runs."""

    file: CsvFile
    mapped: Mapping[str, str]
    terms: CountedTerms
    rows_checked: int = 0
    """Rows that would be sent, where they are only looked at."""
    rows_booked: int = 0
    """With those that were booked before and those that wait for their items."""
    rows_refused: int = 0
    rows_differing: int = 0
    """Of the rows that were booked by this run, those whose count was not that of the books."""
    rows_replayed: int = 0
    rows_parked: int = 0
    rows_repeated: int = 0
    """Rows that say what an earlier row says; they are not sent."""
    rows_counted_since: int = 0
    """Of the rows that were not booked, those of levels that were counted again since the moment of this count."""
    units_found: int = 0
    units_lost: int = 0
    _columns: dict[str, str] = field(init=False)
    _repeated: rows.RepeatedLevels = field(default_factory=rows.RepeatedLevels)
    _under_way: dict[str, rows.ImportRow[supply_pb2.CountLine]] = field(default_factory=dict)
    _not_sent: list[CountedRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Reads the file once to its end: of one that is cut off nothing is counted.

        Raises MappingError or UnreadableFileError if it, or its columns, do not do.
        """
        required = ("sku", "counted_quantity") if self.terms.location else ("sku", "location", "counted_quantity")
        self._columns = resolve_columns(self.mapped, header=self.file.header, fields=COUNT_FIELDS, required=required)
        self.file.content_hash()

    @property
    def exit_code(self) -> int:
        """0 if no row was refused, 3 if some were, 1 if all were."""
        if not self.rows_refused:
            return 0
        return 3 if self.rows_booked or self.rows_checked else 1

    def check(self) -> Iterator[CountedRow]:
        """Yields the rows that would not be sent, and why; sends nothing. `rows_checked` counts the others."""
        for _ in self.lines():
            yield from self.take_not_sent()
        yield from self.take_not_sent()

    def lines(self) -> Iterator[supply_pb2.CountLine]:
        """Yields what would be sent, row by row; sends nothing. `take_not_sent` has the other rows."""
        for request in self._requests():
            self.rows_checked += 1
            self._under_way.clear()
            yield request.lines[0]

    async def send(self, authority: CountingAuthority) -> AsyncGenerator[CountedRow, None]:
        """Streams the rows and yields what became of each, in the order of the answers.

        Raises HoldfastError if the stream breaks. Rows that were not answered may have been booked; with a fixed
        moment the file can be sent again.
        """
        async with aclosing(authority.stream_counts(self._requests(), max_unanswered=MAX_UNANSWERED)) as answers:
            async for answer in answers:
                for row in self.take_not_sent():
                    yield row
                yield self._answered(answer)
        for row in self.take_not_sent():
            yield row

    def _requests(self) -> Iterator[supply_pb2.CountStockRequest]:
        for record in self.file.records():
            row = self._read(record) if isinstance(record, Record) else record
            if isinstance(row, BrokenRecord):
                self._refuse_broken(row)
                continue
            repetition = self._repeated.check(row)
            if isinstance(repetition, BrokenRecord):
                self._refuse_broken(repetition, line=row.message)
                continue
            if repetition:
                self._pass_over(row, first_line=repetition)
                continue
            request = self._request(row.message)
            self._under_way[request.request_id] = row
            yield request

    def _read(self, record: Record) -> rows.ImportRow[supply_pb2.CountLine] | BrokenRecord:
        return rows.read_count(
            record, self._columns, default_location=self.terms.location, default_status=self.terms.status
        )

    def _request(self, line: supply_pb2.CountLine) -> supply_pb2.CountStockRequest:
        """The count of one row. Its id is made of all that it says, so that the same again is the same count.

        Neither the file nor the line number goes in: in a file that was corrected the rows that stayed as they were
        are answered as before.
        """
        request = count_request(
            [line],
            as_of=self.terms.as_of,
            reason=self.terms.reason,
            reference=self.terms.reference,
            park_unknown=self.terms.park_unknown,
        )
        request.ClearField("request_id")
        digest = hashlib.sha256(repr((self.terms.seed, request.SerializeToString(deterministic=True))).encode())
        request.request_id = "count-" + digest.hexdigest()[:_ID_DIGITS]
        return request

    def _refuse_broken(self, broken: BrokenRecord, *, line: supply_pb2.CountLine | None = None) -> None:
        self.rows_refused += 1
        where = f"{broken.column}: " if broken.column else ""
        said = f" ({broken.value!r})" if broken.value and line is None else ""
        self._not_sent.append(
            CountedRow(line_number=broken.line_number, line=line, result=f"{where}{broken.reason}{said}", booked=False)
        )

    def _pass_over(self, row: rows.ImportRow[supply_pb2.CountLine], *, first_line: int) -> None:
        self.rows_repeated += 1
        result = f"a duplicate of row {first_line}, passed over"
        self._not_sent.append(CountedRow(line_number=row.line_number, line=row.message, result=result, booked=False))

    def take_not_sent(self) -> list[CountedRow]:
        """Takes the rows that were read since the last time and are not sent."""
        taken, self._not_sent = self._not_sent, []
        return taken

    def _answered(self, answer: supply_pb2.StreamCountsResponse) -> CountedRow:
        row = self._under_way.pop(answer.request_id)
        if answer.WhichOneof("result") != "counted":
            self.rows_refused += 1
            refusal = error_from_status(answer.refusal, request_id=answer.request_id)
            self.rows_counted_since += isinstance(refusal, CountedSince)
            broken = "; ".join(f"{each.field}: {each.description}" for each in refusal.violations)
            result = f"{refusal} ({broken})" if broken else str(refusal)
            return CountedRow(line_number=row.line_number, line=row.message, result=result, booked=False)
        self.rows_booked += 1
        counted = answer.counted
        if counted.parked_id:
            self.rows_parked += 1
            result = f"waits for its item as {counted.parked_id}"
            return CountedRow(line_number=row.line_number, line=row.message, result=result, booked=True)
        delta = sum(counted.booked_deltas)
        self.rows_replayed += counted.replayed
        if not counted.replayed:
            self.rows_differing += delta != 0
            self.units_found += max(0, delta)
            self.units_lost += max(0, -delta)
        return CountedRow(
            line_number=row.line_number,
            line=row.message,
            result="booked before" if counted.replayed else "booked",
            booked=True,
            booked_delta=delta,
        )
