"""A file is read to its end, whatever stands in it, and every broken record is named."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from holdfast_client.csv_import import reading
from holdfast_client.csv_import.reading import BrokenRecord, CsvFile, Record, UnreadableFileError


def _file(folder: Path, content: bytes, *, delimiter: str = ",") -> CsvFile:
    path = folder / "file.csv"
    path.write_bytes(content)
    return CsvFile(path, delimiter=delimiter)


def _values(file: CsvFile) -> list[tuple[int, list[str]]]:
    return [(record.line_number, list(record.values.values())) for record in _records(file)]


def _records(file: CsvFile) -> list[Record]:
    return [record for record in file.records() if isinstance(record, Record)]


def _broken(file: CsvFile) -> list[BrokenRecord]:
    return [record for record in file.records() if isinstance(record, BrokenRecord)]


def test_a_plain_file_and_its_gzip_hold_the_same(tmp_path: Path) -> None:
    content = b"sku,name\nA,one\nB,two\n"
    plain = _file(tmp_path, content)
    (tmp_path / "packed.bin").write_bytes(gzip.compress(content))
    packed = CsvFile(tmp_path / "packed.bin")
    assert list(plain.records()) == list(packed.records())
    assert plain.content_hash() == packed.content_hash()


def test_a_byte_order_mark_is_not_part_of_the_first_column(tmp_path: Path) -> None:
    file = _file(tmp_path, b"\xef\xbb\xbfsku,name\nA,one\n")
    assert file.header == ("sku", "name")
    assert _values(file) == [(2, ["A", "one"])]


def test_another_delimiter_and_carriage_returns_are_read(tmp_path: Path) -> None:
    file = _file(tmp_path, b"sku;name\r\nA;one, two\r\n\r\nB;three\r\n", delimiter=";")
    assert _values(file) == [(2, ["A", "one, two"]), (4, ["B", "three"])]


def test_a_quoted_value_may_span_lines_and_hold_quotation_marks(tmp_path: Path) -> None:
    file = _file(tmp_path, b'sku,name\nA,"one\ntwo ""2"""\nB,7"\n')
    assert _values(file) == [(2, ["A", 'one\ntwo "2"']), (4, ["B", '7"'])]


def test_a_quotation_mark_that_is_never_closed_costs_its_own_line_only(tmp_path: Path) -> None:
    rows = b"".join(b"S%d,name\n" % number for number in range(2 * reading.MAX_LINES_PER_RECORD))
    file = _file(tmp_path, b'sku,name\nA,"open\n' + rows)
    assert [(one.line_number, one.reason) for one in _broken(file)] == [(2, "a quotation mark is never closed")]
    assert len(_records(file)) == 2 * reading.MAX_LINES_PER_RECORD


def test_broken_rows_are_named_with_their_line_and_reading_goes_on(tmp_path: Path) -> None:
    file = _file(tmp_path, b'sku,name\nA\nB,two,three\n\xff,four\nC,"x"y\nD,five\n')
    assert [(one.line_number, one.reason.split(":")[0]) for one in _broken(file)] == [
        (2, "the row has 1 columns, the header has 2"),
        (3, "the row has 3 columns, the header has 2"),
        (4, "the line is not UTF-8"),
        (5, "the record cannot be read"),
    ]
    assert _values(file) == [(6, ["D", "five"])]


def test_a_line_without_end_is_not_taken_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 20)
    file = _file(tmp_path, b"sku,name\nA," + b"x" * 100 + b"\nB,two\n")
    assert [one.line_number for one in _broken(file)] == [2]
    assert _values(file) == [(3, ["B", "two"])]


def test_a_gzip_that_ends_in_the_middle_is_read_as_far_as_it_goes_and_named(tmp_path: Path) -> None:
    rows = b"".join(b"S%d,name %d\n" % (number, number * 7919) for number in range(20_000))
    file = _file(tmp_path, gzip.compress(b"sku,name\n" + rows)[:-2_000])
    records = list(file.records())
    assert len(records) > 1_000
    assert isinstance(records[-1], BrokenRecord)
    assert records[-1].reason.startswith("the file cannot be read any further")
    with pytest.raises(UnreadableFileError):
        file.content_hash()


@pytest.mark.parametrize("content", [b"", b"\n\n", b"sku,sku\nA,B\n", b'"sku\n'])
def test_a_file_without_a_usable_header_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableFileError):
        _file(tmp_path, content)


def test_a_missing_file_or_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError):
        CsvFile(tmp_path / "nowhere.csv")
    with pytest.raises(UnreadableFileError, match="'units'"):
        _file(tmp_path, b"sku,name\n").require_columns(["sku", "units"])
