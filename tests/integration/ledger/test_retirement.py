"""What a retirement takes away, what it leaves, and what the ledger says of it afterwards."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from holdfast_server import failpoints
from holdfast_server.ledger import history, retirement
from holdfast_server.ledger.archive import check_archive
from holdfast_server.ledger.changes import changes_after, released_since
from holdfast_server.ledger.documents import find_recalled
from holdfast_server.ledger.followed import movements_after
from holdfast_server.ledger.queries import MovementFilter
from holdfast_server.ledger.retirement import Retired
from holdfast_server.ledger.retiring import BrokenHistory, Retirer, Step, carry_out
from holdfast_server.ledger.verify import Verdict
from holdfast_server.refusals import HistoryRetired
from holdfast_server.settings import Settings
from holdfast_server.watch.movements import MovementSelection, PackedMovement
from integration.ledger.entries import (
    CLOCK_US,
    KIND,
    SEGMENT,
    STATE,
    Ledger,
    document,
    entry,
    line,
    movement,
    operation,
    receipt,
    request,
    reservation,
    rule,
)

_RESERVATION = 0


def settings_of(ledger: Ledger, **changed: Any) -> Settings:
    """Settings under which one operation is a step and only the last one is kept."""
    small = {
        "min_kept_operations": 1,
        "journal_tail_operations": 0,
        "retirement_grace_seconds": 0.0,
        "retirement_share": 1.0,
        "max_operations_retired_per_step": 1,
    }
    return Settings(**(ledger.settings.model_dump() | small | changed))


def retirer(ledger: Ledger, **changed: Any) -> Retirer:
    return Retirer(ledger.connection, settings_of(ledger, **changed))


def ask(ledger: Ledger, until: int, *, archive: Path | None = None) -> int:
    with ledger.reading() as connection:
        return retirement.ask_retirement(
            connection,
            SEGMENT,
            until=until,
            caller="ops",
            on_behalf_of="",
            reason="spring cleaning",
            archive=str(archive or ""),
        )


def retire(ledger: Ledger, until: int, **changed: Any) -> None:
    """Retires everything up to a position."""
    ask(ledger, until)
    carry_out(settings_of(ledger, **changed), threading.Event())
    with ledger.reading() as connection:
        found = retirement.read_retired(connection, SEGMENT)
    assert found is not None
    assert found.position == until


def kept(ledger: Ledger) -> dict[str, list[int]]:
    """The positions that are left in each table of the history."""
    found = {}
    for table in ("operation", "movement", "journal_entry", "rule_change"):
        column = "last_position" if table == "journal_entry" else "position"
        found[table] = [place for (place,) in ledger.query(f"SELECT DISTINCT {column} FROM {table} ORDER BY 1")]
    return found


def state_of(ledger: Ledger) -> tuple[Any, ...]:
    """All that a step changes."""
    tables = ("opening_balance", "retired", "retirement", "reservation")
    return kept(ledger), *(ledger.query(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables)


def die_before_commit(name: str) -> None:
    if name == "before_retirement_commit":
        raise RuntimeError("the process dies here")


def take(version: int, units: int, *, of: int = 20, before: int = 0) -> tuple[Any, ...]:
    balance = (of, 0, 0, before + units, 0)
    return movement(KIND["RESERVE"], "sku-1", (0, 0, 0, units, 0), version, balance, line=1)


def give(version: int, units: int, *, of: int = 20, before: int) -> tuple[Any, ...]:
    balance = (of, 0, 0, before - units, 0)
    return movement(KIND["RELEASE"], "sku-1", (0, 0, 0, -units, 0), version, balance, line=1)


@pytest.fixture
def written(ledger: Ledger) -> Ledger:
    """Eight operations: receipts, a reservation that is released, a rule, and a reservation that lives on."""
    held = {"version": 1, "state": STATE["HELD"]}
    ended = reservation(
        "r-1", version=2, state=STATE["RELEASED"], lines=[line("sku-1", 4, open=0, released=4)], position=4
    )
    steps: Sequence[tuple[Any, ...]] = [
        operation(1, KIND["RECEIVE"], [receipt("sku-1", 20)], request=request("in-1", reason="delivery")),
        operation(2, KIND["RECEIVE"], [receipt("sku-2", 5)], request=request("in-2")),
        operation(
            3,
            KIND["RESERVE"],
            [take(2, 4)],
            request=request("order-1"),
            reservation=reservation("r-1", **held, lines=[line("sku-1", 4)], position=3),
        ),
        operation(4, KIND["RELEASE"], [give(3, 4, before=4)], reservation=ended),
        operation(5, KIND["PUT_RULES"], catalog=[rule("SAFETY_STOCK", [1], sku="sku-1")]),
        operation(
            6,
            KIND["RESERVE"],
            [take(4, 3)],
            request=request("order-2"),
            reservation=reservation("r-2", **held, lines=[line("sku-1", 3)], position=6),
        ),
        operation(7, KIND["RECEIVE"], [receipt("sku-2", 1, version=2, before=5)]),
        operation(8, KIND["RECEIVE"], [receipt("sku-3", 9)]),
    ]
    after = ledger.store.read().segment.chain_hash
    made = []
    for number, one in enumerate(steps):
        made.append(entry([one], after=after, clock_us=CLOCK_US + number * 1_000_000))
        after = made[-1].chain_hash
    ledger._writer._commit(ledger.connection, ledger.batch(made))
    assert ledger.verdict() == Verdict()
    return ledger


def sound(position: int) -> Verdict:
    return Verdict(retired=Retired(position=position, decide_us=CLOCK_US + (position - 1) * 1_000_000, retire_us=0))


@pytest.mark.parametrize("until", range(1, 8))
def test_the_ledger_is_proved_from_any_boundary(written: Ledger, until: int) -> None:
    retire(written, until)
    assert written.verdict() == sound(until)


def test_what_lies_at_or_below_the_boundary_is_gone_and_all_else_stays(written: Ledger) -> None:
    retire(written, 5)
    assert kept(written) == {
        "operation": [6, 7, 8],
        "movement": [6, 7, 8],
        "journal_entry": [6, 7, 8],
        "rule_change": [],
    }
    assert written.query("SELECT reservation_id FROM reservation") == [("r-2",)]
    assert written.query("SELECT reservation_id FROM reservation_line") == [("r-2",)]
    assert written.query("SELECT count(*) FROM outcome") == [(4,)]
    assert written.query("SELECT count(*) FROM rule") == [(1,)]


def test_a_reservation_that_lives_outlives_the_operation_that_made_it(written: Ledger) -> None:
    retire(written, 7)
    assert written.query("SELECT reservation_id, state FROM reservation") == [("r-2", STATE["HELD"])]
    ended = reservation(
        "r-2", version=2, state=STATE["RELEASED"], lines=[line("sku-1", 3, open=0, released=3)], position=9
    )
    written.write([operation(9, KIND["RELEASE"], [give(5, 3, before=3)], reservation=ended)])
    assert written.verdict() == sound(7)


def test_the_history_goes_on_after_a_boundary_and_can_be_retired_again(written: Ledger) -> None:
    retire(written, 3)
    written.write([operation(9, KIND["RECEIVE"], [receipt("sku-3", 2, version=2, before=9)])])
    retire(written, 8)
    assert written.verdict() == sound(8)


def test_an_opening_balance_that_was_altered_is_found(written: Ledger) -> None:
    retire(written, 7)
    written.query("UPDATE opening_balance SET sellable = sellable + 1 WHERE sku = 'sku-2'")
    found = written.verdict()
    assert not found.levels_equal_movements
    assert {"stock level sku-2 at store-1", f"opening balances of segment {SEGMENT}"} <= {
        finding.row for finding in found.findings
    }


def test_an_opening_balance_that_was_altered_together_with_its_level_is_found(written: Ledger) -> None:
    retire(written, 7)
    written.query("UPDATE opening_balance SET sellable = sellable + 1 WHERE sku = 'sku-2'")
    written.query("UPDATE stock_level SET sellable = sellable + 1 WHERE sku = 'sku-2'")
    assert [finding.row for finding in written.verdict().findings] == [f"opening balances of segment {SEGMENT}"]


def test_an_opening_balance_that_was_taken_away_is_found(written: Ledger) -> None:
    retire(written, 7)
    written.query("DELETE FROM opening_balance WHERE sku = 'sku-2'")
    assert not written.verdict().levels_equal_movements


def test_the_first_operation_after_the_boundary_is_still_chained_to_what_is_gone(written: Ledger) -> None:
    retire(written, 5)
    written.query("UPDATE retired SET audit_hash = sha256('another history')")
    assert [finding.row for finding in written.verdict().findings] == ["operation paper/6"]


def test_an_altered_movement_behind_the_boundary_is_named_by_its_line(written: Ledger) -> None:
    retire(written, 6)
    written.query("UPDATE movement SET sellable_delta = 2 WHERE position = 7")
    assert "movement paper/7/0" in {finding.row for finding in written.verdict().findings}


def test_an_operation_that_comes_back_is_named(written: Ledger) -> None:
    written.query("CREATE TABLE old AS SELECT * FROM operation WHERE position = 2")
    retire(written, 5)
    written.query("INSERT INTO operation SELECT * FROM old")
    assert [finding.row for finding in written.verdict().findings] == ["operation paper/2"]


@pytest.mark.parametrize(
    ("alteration", "row"),
    [
        ("UPDATE operation SET caller = 'somebody else' WHERE position = 3", "operation paper/3"),
        ("UPDATE movement SET held = 5 WHERE position = 3", "operation paper/3"),
        ("DELETE FROM movement WHERE position = 3", "operation paper/3"),
        ("DELETE FROM operation WHERE position = 3", "operation paper/2"),
    ],
)
def test_what_is_not_as_it_was_written_is_not_buried(written: Ledger, alteration: str, row: str) -> None:
    written.query(alteration)
    ask(written, 6)
    with pytest.raises(BrokenHistory, match=row):
        carry_out(settings_of(written), threading.Event())
    assert kept(written)["journal_entry"][0] == 3
    with written.reading() as connection:
        (asked,) = retirement.list_retirements(connection, SEGMENT, before=None, limit=10)
        assert asked.stop_reason.startswith(row)
        assert not asked.end_us
        assert not retirement.is_due(connection, SEGMENT, kept=1, grace_seconds=0)


def test_a_step_that_is_broken_off_changes_nothing_and_the_next_one_goes_on(
    written: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(written, 5)
    steps = retirer(written)
    assert steps.step() is Step.MOVED
    before = state_of(written)
    with monkeypatch.context() as dying:
        dying.setattr(failpoints, "reach", die_before_commit)
        with pytest.raises(RuntimeError):
            steps.step()
    assert state_of(written) == before
    assert written.verdict() == sound(1)
    carry_out(settings_of(written), threading.Event())
    assert written.verdict() == sound(5)


def test_a_retirement_says_who_wanted_it_and_what_is_gone(written: Ledger) -> None:
    retire(written, 5)
    with written.reading() as connection:
        (asked,) = retirement.list_retirements(connection, SEGMENT, before=None, limit=10)
    assert (asked.caller, asked.reason, asked.until_position) == ("ops", "spring cleaning", 5)
    assert asked.end_us > 0
    assert (asked.operations, asked.movements, asked.reservations, asked.documents) == (5, 4, 1, 0)


@pytest.mark.parametrize("most", [1, 2, 3, 100])
def test_a_step_takes_whole_operations_however_few_movements_it_may_take(ledger: Ledger, most: int) -> None:
    ledger.write([operation(1, KIND["RECEIVE"], [receipt(f"sku-{number}", 1) for number in range(5)])])
    ledger.write([operation(2, KIND["RECEIVE"], [receipt("sku-a", 1), receipt("sku-b", 1)])])
    ledger.write([operation(3, KIND["RECEIVE"], [receipt("sku-c", 1)])])
    ask(ledger, 2)
    steps = retirer(ledger, max_operations_retired_per_step=100, max_movements_retired_per_step=most)
    came_to = [steps.step() for _ in range(3)]
    assert came_to.count(Step.MOVED) == (1 if most == 100 else 2)
    assert kept(ledger)["movement"] == [3]
    assert ledger.verdict().findings == []


def test_the_newest_operations_are_never_retired(written: Ledger) -> None:
    ask(written, 8)
    carry_out(settings_of(written, min_kept_operations=3), threading.Event())
    assert kept(written)["operation"] == [6, 7, 8]


def test_movements_that_a_subscription_has_not_acknowledged_are_not_retired(written: Ledger) -> None:
    (lineage,) = written.query("SELECT lineage::text FROM segment")[0]
    columns = (
        "segment, name, description, kind, skus, locations, channels, filter_digest, lineage, position, resume_token,"
        " acknowledge_us, create_us, update_us"
    )
    written.query(
        f"INSERT INTO subscription ({columns}) VALUES"
        " (%s, 'books', '', 2, '{}', '{}', '{}', '', %s, 4, '', 0, 0, 0),"
        " (%s, 'shop', '', 1, '{}', '{}', '{}', '', %s, 1, '', 0, 0, 0),"
        " (%s, 'old', '', 2, '{}', '{}', '{}', '', 'another', 1, '', 0, 0, 0)",
        SEGMENT, lineage, SEGMENT, lineage, SEGMENT,
    )  # fmt: skip
    ask(written, 6)
    carry_out(settings_of(written), threading.Event())
    assert kept(written)["operation"] == [5, 6, 7, 8]
    with written.reading() as connection:
        assert retirement.bound(connection, SEGMENT, 1).needed_by == "subscription books"
        assert not retirement.is_due(connection, SEGMENT, kept=1, grace_seconds=0)
    written.query("UPDATE subscription SET position = 7 WHERE name = 'books'")
    with written.reading() as connection:
        assert retirement.is_due(connection, SEGMENT, kept=1, grace_seconds=0)
    carry_out(settings_of(written), threading.Event())
    assert kept(written)["operation"] == [7, 8]


def test_a_parked_request_keeps_the_operation_that_parked_it_and_what_follows(ledger: Ledger) -> None:
    parked = document("PARKED", "p-1", version=1, position=2, lines=[("sku-9",)])
    ledger.write(
        [operation(1, KIND["RECEIVE"], [receipt("sku-1", 1)])],
        [operation(2, KIND["PARK"], request=request("parked"), documents=[parked])],
        [operation(3, KIND["RECEIVE"], [receipt("sku-2", 1)])],
        [operation(4, KIND["RECEIVE"], [receipt("sku-3", 1)])],
    )
    ask(ledger, 3)
    carry_out(settings_of(ledger), threading.Event())
    assert kept(ledger)["operation"] == [2, 3, 4]
    with ledger.reading() as connection:
        assert retirement.bound(connection, SEGMENT, 1).needed_by == "parked request p-1"


def test_documents_that_have_ended_go_and_those_that_live_stay(ledger: Ledger) -> None:
    for position, (name, state) in enumerate([("plan-1", 2), ("plan-2", 1), ("plan-3", 2)], start=1):
        plan = document("INBOUND", name, version=1, position=position, state=state, lines=[("sku-1", 1, 0, 1)])
        ledger.write([operation(position, KIND["PLAN_INBOUND"], documents=[plan])])
    retire(ledger, 2)
    assert ledger.query("SELECT document_id FROM document ORDER BY 1") == [("plan-2",), ("plan-3",)]


def test_the_books_of_a_moment_are_told_from_the_boundary_on(written: Ledger) -> None:
    rows = [("sku-1", "store-1", 1), ("sku-2", "store-1", 1), ("sku-3", "store-1", 1)]
    with written.reading() as connection:
        told = {position: history.book_quantities(connection, SEGMENT, rows, position) for position in range(9)}
        assert told[6] == [20, 5, 0]
        retire(written, 6)
        for position in (6, 7, 8):
            assert history.book_quantities(connection, SEGMENT, rows, position) == told[position]
        for position in range(6):
            with pytest.raises(HistoryRetired) as refused:
                history.book_quantities(connection, SEGMENT, rows, position)
            assert refused.value.facts() == {"segment": SEGMENT, "position": str(position), "retired_position": "6"}


def test_a_time_before_the_boundary_is_refused_and_one_after_it_is_found(written: Ledger) -> None:
    with written.reading() as connection:
        times = [CLOCK_US + half * 500_000 for half in range(-1, 18)]
        told = [history.position_at(connection, SEGMENT, time_us) for time_us in times]
        retire(written, 4)
        boundary_us = CLOCK_US + 3_000_000
        for time_us, position in zip(times, told, strict=True):
            if time_us >= boundary_us:
                assert history.position_at(connection, SEGMENT, time_us) == position
            else:
                with pytest.raises(HistoryRetired):
                    history.position_at(connection, SEGMENT, time_us)


def test_movements_after_a_retired_position_are_refused_and_not_left_out(written: Ledger) -> None:
    def pack(one: Any) -> PackedMovement:
        return PackedMovement(one.position, one.balance.sku, one.balance.location, one.channel, b"")

    of_all = functools.partial(movements_after, of=MovementSelection(), operations=100, limit=100, pack=pack)
    retire(written, 4)
    with written.reading() as connection:
        for after in range(4):
            with pytest.raises(HistoryRetired):
                of_all(connection, SEGMENT, after=after)
            with pytest.raises(HistoryRetired):
                changes_after(connection, SEGMENT, after, 100)
        assert [one.position for one in of_all(connection, SEGMENT, after=4).movements] == [6, 7, 8]
        assert changes_after(connection, SEGMENT, 4, 100).reached == 8


def test_listing_and_tracing_tell_what_is_left(written: Ledger) -> None:
    retire(written, 5)
    with written.reading() as connection:
        found = history.list_movements(connection, SEGMENT, MovementFilter(), after=(0, -1), limit=100)
        assert [one.position for one in found] == [6, 7, 8]
        since = MovementFilter(start_us=CLOCK_US)
        found = history.list_movements(connection, SEGMENT, since, after=(0, -1), limit=100)
        assert [one.position for one in found] == [6, 7, 8]
        steps = history.trace_order(connection, SEGMENT, "order-1", after=0, limit=100)
        assert [step.position for step in steps] == [6]


def test_what_has_ended_counts_as_gone_as_soon_as_it_is_to_be_retired(written: Ledger) -> None:
    with written.reading() as connection:
        assert find_recalled(connection, SEGMENT, _RESERVATION, "r-1")[1]
        ask(written, 5)
        assert find_recalled(connection, SEGMENT, _RESERVATION, "r-1") == (8, b"")
        assert find_recalled(connection, SEGMENT, _RESERVATION, "r-2")[1]


def test_nothing_goes_before_the_grace_is_over(written: Ledger) -> None:
    ask(written, 5)
    assert retirer(written, retirement_grace_seconds=3_600.0).step() is Step.NOTHING
    with written.reading() as connection:
        assert not retirement.is_due(connection, SEGMENT, kept=1, grace_seconds=3_600)
        assert retirement.is_due(connection, SEGMENT, kept=1, grace_seconds=0)


def test_only_one_process_takes_steps(written: Ledger) -> None:
    ask(written, 5)
    with psycopg.connect(written.settings.postgres_url, autocommit=True) as connection:
        assert Retirer(connection, settings_of(written)).take_lock()
        with written.reading() as reading:
            assert not retirement.is_due(reading, SEGMENT, kept=1, grace_seconds=0)
        carry_out(settings_of(written), threading.Event())
        assert kept(written)["operation"] == list(range(1, 9))


def test_releases_since_a_retired_moment_are_all_of_them(written: Ledger) -> None:
    written.query(
        'INSERT INTO rule (segment, kind, sku, location, channel, name, used, start_position, "values")'
        " VALUES (%s, 4, 'sku-1', '', '', '', 0, 0, '{\"release_us\": 5}')",
        SEGMENT,
    )
    with written.reading() as connection:
        assert released_since(connection, SEGMENT, 2, CLOCK_US) == []
        retire(written, 5)
        assert released_since(connection, SEGMENT, 2, CLOCK_US) == ["sku-1"]


def test_an_archive_holds_what_is_gone_and_proves_itself(written: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl.gz"
    (audit_hash,) = written.query("SELECT audit_hash FROM operation WHERE position = 5")[0]
    ask(written, 5, archive=path)
    carry_out(settings_of(written), threading.Event())
    found = check_archive([path])
    assert (found.segment, found.after, found.until, found.movements, found.audit_hash) == (
        SEGMENT,
        0,
        5,
        4,
        audit_hash,
    )
    second = tmp_path / "more.jsonl.gz"
    ask(written, 7, archive=second)
    carry_out(settings_of(written, max_operations_retired_per_step=100), threading.Event())
    assert check_archive([path, second]).until == 7
    with pytest.raises(ValueError, match="paper/5 does not follow paper/7"):
        check_archive([path, second, second])


def test_what_a_broken_step_left_in_the_archive_is_cut_off(
    written: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.jsonl.gz"
    ask(written, 5, archive=path)
    assert retirer(written).step() is Step.MOVED
    before = path.stat().st_size
    with monkeypatch.context() as dying:
        dying.setattr(failpoints, "reach", die_before_commit)
        with pytest.raises(RuntimeError):
            retirer(written).step()
    assert path.stat().st_size > before
    with path.open("ab") as file:
        file.write(b"half a stretch")
    carry_out(settings_of(written), threading.Event())
    assert check_archive([path]).until == 5


def test_nothing_goes_if_it_cannot_be_archived(written: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl.gz"
    ask(written, 5, archive=path)
    assert retirer(written).step() is Step.MOVED
    path.unlink()
    with pytest.raises(OSError, match="has 0 bytes"):
        retirer(written).step()
    assert kept(written)["operation"][0] == 2
