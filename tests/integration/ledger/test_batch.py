"""A batch is made of entries that continue the cursor exactly, and folds what is hot."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest

from holdfast_server import layouts
from holdfast_server.decide.packing import pack
from holdfast_server.ledger import audit
from holdfast_server.ledger.batch import Batch, build_batch
from holdfast_server.ledger.errors import Disagreement
from holdfast_server.ledger.journal import JournalEntry
from holdfast_server.ledger.segments import GENESIS_CHAIN_HASH, Cursor
from holdfast_server.records import Segment, SegmentState
from integration.ledger.entries import (
    CLOCK_US,
    KIND,
    SEGMENT,
    STATE,
    entries,
    entry,
    line,
    movement,
    operation,
    receipt,
    request,
    reservation,
)


def batch_of(made: list[JournalEntry], *, position: int = 0, epoch: int = 1) -> Batch:
    segment = Segment(
        segment=SEGMENT,
        state=SegmentState.OPEN,
        state_reason="",
        lineage="",
        epoch=epoch,
        position=position,
        chain_hash=GENESIS_CHAIN_HASH,
        clock_us=0,
        heartbeat_us=0,
    )
    return build_batch(Cursor(segment=segment, audit_hash=audit.GENESIS, resume_mode=0), made)


def arrivals(count: int) -> list[tuple[object, ...]]:
    """Receipts of one unit each, at positions from one."""
    return [
        operation(number, KIND["RECEIVE"], [receipt("sku-1", 1, version=number, before=number - 1)])
        for number in range(1, count + 1)
    ]


def test_a_batch_ends_where_its_last_entry_ends() -> None:
    one, two, three = arrivals(3)
    made = entries([one], [two, three])
    batch = batch_of(made)
    assert (batch.position, batch.chain_hash, batch.clock_us) == (3, made[-1].chain_hash, CLOCK_US)
    assert [row[:3] for row in batch.entries] == [(1, 1, 1), (3, 2, 1)]


def test_an_entry_that_is_missing_between_two_is_a_disagreement() -> None:
    one, two, three = arrivals(3)
    first, _, last = entries([one], [two], [three])
    with pytest.raises(Disagreement, match="chain"):
        batch_of([first, last])


def test_positions_that_leave_a_gap_are_a_disagreement_though_the_chain_holds() -> None:
    one, _, three = arrivals(3)
    with pytest.raises(Disagreement, match="gap"):
        batch_of(entries([one], [three]))
    with pytest.raises(Disagreement, match="gap"):
        batch_of(entries([one, three]))
    with pytest.raises(Disagreement, match="gap"):
        batch_of(entries([three]))


def test_an_entry_under_another_number_than_its_own_is_a_disagreement() -> None:
    (made,) = entries(arrivals(1))
    with pytest.raises(Disagreement, match="gap"):
        batch_of([dataclasses.replace(made, last_position=2)])


def test_an_entry_of_another_epoch_or_format_is_a_disagreement() -> None:
    cases: list[dict[str, Any]] = [{"epoch": 2}, {"format_": layouts.SCRIPT_FORMAT + 1}]
    for options in cases:
        with pytest.raises(Disagreement, match="format"):
            batch_of([entry(arrivals(1), after=GENESIS_CHAIN_HASH, **options)])


def test_an_entry_of_which_one_bit_was_altered_is_a_disagreement() -> None:
    (made,) = entries(arrivals(1))
    for place in (0, len(made.packed) // 2, len(made.packed) - 1):
        altered = bytearray(made.packed)
        altered[place] ^= 1
        with pytest.raises(Disagreement, match="chain"):
            batch_of([dataclasses.replace(made, packed=bytes(altered))])


def test_a_hot_level_becomes_one_row_however_often_it_moved() -> None:
    batch = batch_of(entries(*[[one] for one in arrivals(50)]))
    assert batch.new_levels() == [("sku-1", "store-1", 50, 50, 0, 0, 0, 0)]
    assert batch.changed_levels() == []
    assert len(batch.movements) == len(batch.operations) == 50


def test_a_level_that_exists_is_changed_from_exactly_what_it_was() -> None:
    later = [
        operation(number, KIND["RECEIVE"], [receipt("sku-1", 2, version=7 + number, before=18 + 2 * number)])
        for number in (1, 2)
    ]
    batch = batch_of(entries(later))
    assert batch.new_levels() == []
    assert batch.changed_levels() == [("sku-1", SEGMENT, "store-1", 7, 20, 0, 0, 0, 0, 9, 24, 0, 0, 0, 0)]


def test_a_version_of_a_level_that_is_left_out_is_a_disagreement() -> None:
    first = operation(1, KIND["RECEIVE"], [receipt("sku-1", 1)])
    second = operation(2, KIND["RECEIVE"], [receipt("sku-1", 1, version=3, before=1)])
    with pytest.raises(Disagreement, match="from version 1 to 3"):
        batch_of(entries([first, second]))


def test_a_new_level_that_does_not_begin_at_zero_is_a_disagreement() -> None:
    batch = batch_of(entries([operation(1, KIND["RECEIVE"], [receipt("sku-1", 1, before=5)])]))
    with pytest.raises(Disagreement, match="begin at zero"):
        batch.new_levels()


def test_a_reservation_that_came_and_went_in_one_batch_is_one_row_in_its_end() -> None:
    held = reservation("r-1", version=1, state=STATE["HELD"], lines=[line("s", 2)], position=2)
    done = reservation("r-1", version=2, state=STATE["RELEASED"], lines=[line("s", 2, open=0, released=2)], position=3)
    take = movement(KIND["RESERVE"], "s", (0, 0, 0, 2, 0), 2, (5, 0, 0, 2, 0), line=1)
    give = movement(KIND["RELEASE"], "s", (0, 0, 0, -2, 0), 3, (5, 0, 0, 0, 0), line=1)
    batch = batch_of(
        entries(
            [operation(1, KIND["RECEIVE"], [receipt("s", 5)])],
            [operation(2, KIND["RESERVE"], [take], reservation=held)],
            [operation(3, KIND["RELEASE"], [give], reservation=done)],
        )
    )
    ((reservation_id, version, state, *_),) = batch.new_reservations()
    assert (reservation_id, version, state) == ("r-1", 2, STATE["RELEASED"])
    assert batch.changed_reservations() == []


def test_an_outcome_counts_from_the_later_of_its_own_time_and_that_of_its_id() -> None:
    ahead = CLOCK_US + 5
    first, second = (receipt("sku-1", 1), receipt("sku-2", 1))
    batch = batch_of(
        entries(
            [
                operation(1, KIND["RECEIVE"], [first], request=request("a", id_time_us=ahead)),
                operation(2, KIND["RECEIVE"], [second], request=request("b", id_time_us=5)),
            ]
        )
    )
    assert [(row[0], row[2]) for row in batch.outcomes] == [("a", ahead), ("b", CLOCK_US)]
    assert batch.outcomes[0][4] == b"\xff\x00"


@pytest.mark.parametrize("packed", [b"", b"\xc1", pack("no entry"), pack((layouts.SCRIPT_FORMAT, 1, 1, 1, 0, [7], []))])
def test_an_entry_that_cannot_be_read_is_a_disagreement_and_no_fault(packed: bytes) -> None:
    chain_hash = hashlib.sha1(GENESIS_CHAIN_HASH.encode() + packed, usedforsecurity=False).hexdigest()
    with pytest.raises(Disagreement, match="entry 1"):
        batch_of([JournalEntry(last_position=1, chain_hash=chain_hash, packed=packed)])
