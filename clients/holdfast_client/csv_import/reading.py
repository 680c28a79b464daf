"""Reads CSV files, plain or gzip, record by record, and goes on behind what is broken.

Owns what is common to every CSV file: compression, encoding, quoting, the header. It knows nothing of what
the columns mean.

The standard library's reader swallows the rest of the file behind a quotation mark that is never closed.
Here a record may span a bounded number of lines; if it is not closed by then, its first line alone is
reported as broken and reading goes on with the next.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

MAX_LINE_BYTES = 1_048_576
"""The longest line that is looked at; a longer one is broken."""

MAX_LINES_PER_RECORD = 64
"""The most lines that one record may span by line breaks inside quotation marks."""

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class UnreadableFileError(Exception):
    """The file as a whole cannot be used: it cannot be opened, is empty, or lacks a column that is asked
    for.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of the file, as text.

    `line_number` is the number of its first line, from 1, the header included: what an editor shows.
    """

    line_number: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRecord:
    """A record that cannot be read, or whose content breaks a rule, and why.

    `column` and `value` are empty where the record as a whole is broken.
    """

    line_number: int
    reason: str
    column: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    content: bytes | None  # None: the line was longer than MAX_LINE_BYTES.


class CsvFile:
    """A CSV file with a header line, UTF-8 with or without byte order mark, plain or gzip.

    Compression is told from the content, not from the name. The file is opened anew by every iteration, so
    it can be read in several passes; memory is bounded by one record.
    """

    def __init__(self, path: Path, *, delimiter: str = ",") -> None:
        """Reads the header. Raises UnreadableFileError if there is none."""
        if len(delimiter) != 1 or delimiter in '"\r\n':
            raise UnreadableFileError(f"the delimiter must be one character, not {delimiter!r}")
        self._path = path
        self._delimiter = delimiter
        self.header: tuple[str, ...] = self._read_header()

    def require_columns(self, columns: Iterable[str]) -> None:
        """Raises UnreadableFileError with every column that the header lacks."""
        missing = [column for column in columns if column not in self.header]
        if missing:
            raise UnreadableFileError(
                f"{self._path} has no column {', '.join(map(repr, missing))}; "
                f"its columns are {', '.join(map(repr, self.header))}"
            )

    def content_hash(self) -> str:
        """The SHA-256 of the uncompressed content in hexadecimal: the same for a file and its gzip.

        Raises UnreadableFileError if the file ends in the middle.
        """
        digest = hashlib.sha256()
        try:
            with closing(self._open()) as file:
                while chunk := file.read(MAX_LINE_BYTES):
                    digest.update(chunk)
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableFileError(f"{self._path} cannot be read to its end: {error}") from error
        return digest.hexdigest()

    def records(self) -> Iterator[Record | BrokenRecord]:
        """Yields every record in the file's order, the broken ones as what they are.

        Empty lines are passed over.
        """
        with closing(self._open()) as file:
            lines = _LineFeed(file)
            header_seen = False
            while (record := self._next_record(lines)) is not None:
                if isinstance(record, _Values) and not header_seen:
                    header_seen = True
                    continue
                yield self._named(record) if isinstance(record, _Values) else record
            if lines.fault:
                yield BrokenRecord(line_number=lines.line_number + 1, reason=lines.fault)

    def _read_header(self) -> tuple[str, ...]:
        with closing(self._open()) as file:
            record = self._next_record(_LineFeed(file))
        if not isinstance(record, _Values):
            raise UnreadableFileError(f"{self._path} has no readable header line")
        header = tuple(name.strip() for name in record.values)
        repeated = sorted({name for name in header if name and header.count(name) > 1})
        if repeated:
            raise UnreadableFileError(f"{self._path} names the column {repeated[0]!r} more than once")
        return header

    def _open(self) -> BinaryIO:
        try:
            file = self._path.open("rb")
            compressed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            file.seek(0)
        except OSError as error:
            raise UnreadableFileError(f"{self._path} cannot be opened: {error.strerror or error}") from error
        if not compressed:
            return file
        # GzipFile does not close a file object that it was given, so it gets the path.
        file.close()
        return cast(BinaryIO, gzip.open(self._path, "rb"))

    def _next_record(self, lines: _LineFeed) -> _Values | BrokenRecord | None:
        """The next record, or None behind the last."""
        while (line := lines.take()) is not None:
            if line.content is None:
                return BrokenRecord(line_number=line.number, reason=f"the line is longer than {MAX_LINE_BYTES} bytes")
            if not line.content.strip():
                continue
            return self._close_record(line.number, line.content, lines)
        return None

    def _close_record(self, line_number: int, content: bytes, lines: _LineFeed) -> _Values | BrokenRecord:
        """Takes as many lines as the record's open quotation marks ask for, or gives them back."""
        borrowed: list[_Line] = []
        while True:
            try:
                return _Values(line_number, tuple(self._split(content)))
            except UnicodeDecodeError:
                lines.give_back(borrowed)
                return BrokenRecord(line_number=line_number, reason="the line is not UTF-8")
            except _OpenQuoteError:
                further = lines.take() if len(borrowed) < MAX_LINES_PER_RECORD - 1 else None
                if further is None or further.content is None:
                    lines.give_back([*borrowed, *([further] if further else [])])
                    return BrokenRecord(line_number=line_number, reason="a quotation mark is never closed")
                borrowed.append(further)
                content += further.content
            except csv.Error as error:
                lines.give_back(borrowed)
                return BrokenRecord(line_number=line_number, reason=f"the record cannot be read: {error}")

    def _split(self, content: bytes) -> list[str]:
        text = content.decode("utf-8")
        try:
            return next(csv.reader([text], delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise _OpenQuoteError from error
            raise

    def _named(self, record: _Values) -> Record | BrokenRecord:
        if len(record.values) != len(self.header):
            return BrokenRecord(
                line_number=record.line_number,
                reason=f"the row has {len(record.values)} columns, the header has {len(self.header)}",
            )
        return Record(line_number=record.line_number, values=dict(zip(self.header, record.values, strict=True)))


@dataclass(frozen=True, slots=True)
class _Values:
    line_number: int
    values: tuple[str, ...]


class _OpenQuoteError(Exception):
    """The record is not closed at the end of the line."""


class _LineFeed:
    """The lines of a file with their numbers; lines that were taken too many can be given back."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._returned: deque[_Line] = deque()
        self._at_start = True
        self.line_number = 0
        self.fault = ""

    def take(self) -> _Line | None:
        """The next line, or None at the end or where the file cannot be read any further; `fault` says
        which.
        """
        if self._returned:
            return self._returned.popleft()
        if self.fault:
            return None
        try:
            content = self._file.readline(MAX_LINE_BYTES + 1)
            too_long = len(content) > MAX_LINE_BYTES
            rest = content
            while too_long and rest and not rest.endswith(b"\n"):
                rest = self._file.readline(MAX_LINE_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            self.fault = f"the file cannot be read any further: {error}"
            return None
        if not content:
            return None
        if self._at_start:
            content = content.removeprefix(BYTE_ORDER_MARK)
            self._at_start = False
        self.line_number += 1
        return _Line(self.line_number, None if too_long else content)

    def give_back(self, lines: list[_Line]) -> None:
        """Puts lines back in front, in their order."""
        self._returned.extendleft(reversed(lines))
