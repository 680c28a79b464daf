"""Random files: whatever is in one, it is read to its end or refused as a whole, and every fault names its line.

HOLDFAST_FUZZ_ROUNDS has it go on for longer, HOLDFAST_FUZZ_SEED with other chances.
"""

import gzip
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast_client.csv_import.columns import MappingError
from holdfast_client.csv_import.importing import items_source, stock_source
from holdfast_client.csv_import.reading import BrokenRecord, CsvFile, UnreadableFileError
from holdfast_client.orders.mapping import load_mapping
from holdfast_client.orders.names import RunNames
from holdfast_client.orders.plan import TooManyRowsError
from holdfast_client.orders.replay import plan_file
from robustness.fuzz.messages import damaged

ROUNDS = int(os.environ.get("HOLDFAST_FUZZ_ROUNDS", "40")) * 10
SEED = int(os.environ.get("HOLDFAST_FUZZ_SEED", "0")) or random.SystemRandom().randrange(2**31)
# A header, and a row that is good.
FILES = {
    "items": ("sku,display_name,base_unit,scale", "A-1,Lantern,each,0"),
    "stock": ("sku,location,quantity,status", "A-1,LONDON,5,"),
    "orders": (
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
        "536365,85123A,LANTERN,6,12/1/2010 8:26,2.55,17850,United Kingdom",
    ),
}
CELLS = (
    *("A-1", "LONDON", "5", "-5", "0", "1e9", "9" * 40, "SELLABLE", "NaN", "C536379", "12/1/2010 8:26", "2.55"),
    *("", " ", '"', '""', '"a,b"', '"a\nb"', "'", "=1+1", "Größe", "\0", "\x85", "\u2028", "x" * 70),
)


def random_file(header: str, good: str, chance: random.Random) -> bytes:
    """Returns a file that begins like a good one more often than not, and is cut, packed or damaged now and then."""
    width = header.count(",") + 1
    oddness = chance.choice((0.0, 0.2, 0.6, 1.0))
    lines = [header if chance.random() < 0.8 else damaged(header, chance)]
    for _ in range(chance.randrange(30)):
        columns = width if chance.random() < 0.9 else chance.randrange(12)
        odd = [chance.choice(CELLS) for _ in range(columns)]
        lines.append(",".join(odd) if chance.random() < oddness else good)
    content = chance.choice(("\n", "\r\n", "\n", "\r")).join(lines).encode()
    if chance.random() < 0.3:
        place = chance.randrange(len(content) + 1)
        content = content[:place] + chance.randbytes(chance.randrange(20)) + content[place:]
    if chance.random() < 0.2:
        content = gzip.compress(content)
        content = content[: chance.randrange(len(content) + 1)] if chance.random() < 0.5 else content
    return content if chance.random() < 0.95 else chance.randbytes(chance.randrange(3_000))


def is_clean(content: bytes, good: tuple[str, str]) -> bool:
    """Says whether a file has nothing but good rows, so that it is known how many there are."""
    return set(content.decode(errors="replace").splitlines()) == set(good)


def read_items(path: Path) -> tuple[int, list[BrokenRecord]]:
    return read_all(items_source(CsvFile(path), mapped={}))


def read_stock(path: Path) -> tuple[int, list[BrokenRecord]]:
    return read_all(stock_source(CsvFile(path), mapped={}, default_location="", reference="R", reason="import"))


def read_orders(path: Path) -> tuple[int, list[BrokenRecord]]:
    names = RunNames(run_id="fuzz", location_count=3)
    plan = plan_file(path, mapping=load_mapping(), names=names, limit=None)
    return len(plan.events), list(plan.rejections)


def read_all(source: Any) -> tuple[int, list[BrokenRecord]]:
    good, broken = 0, []
    for record in source.file.records():
        row = record if isinstance(record, BrokenRecord) else source.read(record)
        if isinstance(row, BrokenRecord):
            broken.append(row)
        elif row is not None:
            good += 1
    return good, broken


@pytest.mark.parametrize("seed", [SEED])
@pytest.mark.parametrize(
    ("kind", "read"), [("items", read_items), ("stock", read_stock), ("orders", read_orders)], ids=tuple(FILES)
)
def test_a_random_file_is_read_to_its_end_or_refused_as_a_whole(
    tmp_path: Path, kind: str, read: Callable[[Path], tuple[int, list[BrokenRecord]]], seed: int
) -> None:
    chance = random.Random(seed)
    good = broken = refused = clean = 0
    for number in range(ROUNDS):
        content = random_file(*FILES[kind], chance)
        path = tmp_path / f"{number}.csv"
        path.write_bytes(content)
        try:
            rows, faults = read(path)
        except (UnreadableFileError, MappingError, TooManyRowsError):
            refused += 1
        else:
            good, broken = good + rows, broken + len(faults)
            assert all(fault.line_number >= 1 and fault.reason for fault in faults)
            if is_clean(content, FILES[kind]):
                assert len(list(CsvFile(path).records())) == content.count(FILES[kind][1].encode())
                clean += 1
        path.unlink()
    # The files are neither all good nor all so odd that nothing of them is read.
    assert good
    assert broken
    assert refused
    assert clean
