"""The validators themselves: each finds its own of all ways to break a promise, and nothing in a sound run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from robustness.books import Books, Movement, Operation
from robustness.history import Call, History
from robustness.promises import PROMISES, judge

SKU, HERE = "sku-0", "store-1"


def sound() -> tuple[History, Books]:
    """Five units come, two are reserved and one of them released; somebody asks for ten in vain, and somebody looks."""
    history = History()
    history.calls = [
        Call(method="receive", request_id="r1", began=0, ended=1, outcome="done", lines=[(SKU, 5)], position=1),
        Call(
            method="reserve", request_id="r2", began=2, ended=3, outcome="done", lines=[(SKU, 1), (SKU, 1)], position=2,
            reservation_id="one",
        ),
        Call(
            method="reserve", request_id="r3", began=2, ended=3, outcome="refused", reason="INSUFFICIENT_STOCK",
            lines=[(SKU, 10)],
        ),
        Call(method="read", began=4, ended=5, outcome="done", position=2, available={SKU: 3}),
        Call(method="release", request_id="r4", began=6, ended=7, outcome="done", position=3, reservation_id="one"),
        Call(method="reserve", request_id="r5", began=8, ended=9, outcome="open", lines=[(SKU, 1)]),
    ]  # fmt: skip
    books = Books(
        operations=[Operation(1, "r1", ""), Operation(2, "r2", "one"), Operation(3, "r4", "one")],
        movements=[
            Movement(1, SKU, HERE, "", False, 5, 0, 0, 0),
            Movement(2, SKU, HERE, "one", True, 0, 2, 0, 0),
            Movement(3, SKU, HERE, "one", False, 0, -2, 0, 0),
        ],
        levels={(SKU, HERE): (5, 0, 0, 0)},
        reserved={"one": {SKU: 2}},
    )
    return history, books


def test_nothing_is_found_in_a_sound_run() -> None:
    assert judge(*sound()) == {figure: [] for figure in PROMISES}


def lost(history: History, books: Books) -> None:
    del books.operations[1]


def booked_elsewhere(history: History, books: Books) -> None:
    books.operations[1] = books.operations[1]._replace(position=4)


def booked_twice(history: History, books: Books) -> None:
    books.operations.append(Operation(4, "r2", "one"))


def refused_and_booked(history: History, books: Books) -> None:
    books.operations.append(Operation(4, "r3", "two"))


def refused_again_though_booked(history: History, books: Books) -> None:
    history.calls[2].attempts, history.calls[2].asked = 2, 8
    books.operations.append(Operation(3, "r3", "two"))


def refused_again_and_booked_after_that(history: History, books: Books) -> None:
    history.calls[2].attempts, history.calls[2].asked = 2, 2.5
    books.operations.append(Operation(4, "r3", "two"))


def answered_for_another(history: History, books: Books) -> None:
    books.operations[1] = books.operations[1]._replace(reservation_id="another")


def oversold(history: History, books: Books) -> None:
    books.movements[1] = books.movements[1]._replace(held=6)
    books.movements[2] = books.movements[2]._replace(held=-6)
    history.calls[3].available[SKU] = 0


def told_is_not_oversold(history: History, books: Books) -> None:
    oversold(history, books)
    books.movements[1] = books.movements[1]._replace(asked=False)


def level_differs(history: History, books: Books) -> None:
    books.levels[SKU, HERE] = (4, 0, 0, 0)


def leaked(history: History, books: Books) -> None:
    del books.movements[2]
    books.levels[SKU, HERE] = (5, 2, 0, 0)


def found_by_the_audit(history: History, books: Books) -> None:
    books.verdict = "the chain is broken at 2"


def given_up_twice(history: History, books: Books) -> None:
    books.movements.append(Movement(4, SKU, HERE, "one", False, 0, -2, 0, 0))
    books.movements.append(Movement(5, SKU, HERE, "", False, 0, 2, 0, 0))


def half_reserved(history: History, books: Books) -> None:
    books.reserved["one"][SKU] = 1


def read_is_wrong(history: History, books: Books) -> None:
    history.calls[3].available[SKU] = 4


def read_is_stale(history: History, books: Books) -> None:
    history.calls[3].position, history.calls[3].available = 1, {SKU: 5}


def out_of_order(history: History, books: Books) -> None:
    history.calls[1].position, history.calls[4].position = 3, 2
    books.operations = [Operation(1, "r1", ""), Operation(2, "r4", "one"), Operation(3, "r2", "one")]


def refused_without_need(history: History, books: Books) -> None:
    history.calls[2].lines = [(SKU, 3)]


@pytest.mark.parametrize(
    ("breaks", "figures"),
    [
        (lost, {"acked_lost", "applied_twice"}),
        (booked_elsewhere, {"acked_lost"}),
        (booked_twice, {"acked_lost", "applied_twice"}),
        (refused_and_booked, {"applied_twice"}),
        (refused_again_though_booked, {"applied_twice"}),
        (refused_again_and_booked_after_that, set()),
        (answered_for_another, {"applied_twice"}),
        (oversold, {"oversold"}),
        (told_is_not_oversold, set()),
        (level_differs, {"leaked"}),
        (leaked, {"leaked"}),
        (found_by_the_audit, {"leaked"}),
        (given_up_twice, {"leaked"}),
        (half_reserved, {"half_done"}),
        (read_is_wrong, {"not_linearizable"}),
        (read_is_stale, {"not_linearizable"}),
        (out_of_order, {"not_linearizable"}),
        (refused_without_need, {"not_linearizable"}),
    ],
)
def test_every_way_to_break_a_promise_is_found(breaks: Callable[[History, Books], None], figures: set[str]) -> None:
    history, books = sound()
    breaks(history, books)
    assert {figure for figure, found in judge(history, books).items() if found} == figures


def test_evidence_that_was_kept_is_judged_alike(tmp_path: Path) -> None:
    history, books = sound()
    refused_without_need(history, books)
    history.save(tmp_path / "history.jsonl")
    books.save(tmp_path / "books.json")
    again, ledger = History.load(tmp_path / "history.jsonl"), Books.load(tmp_path / "books.json")
    assert again.calls == history.calls
    assert dataclasses.asdict(ledger) == dataclasses.asdict(books)
    assert judge(again, ledger) == judge(history, books)
