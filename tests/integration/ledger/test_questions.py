"""What the ledger is asked about the past: movements by page, the life of an order, the books of a moment, causes."""

from __future__ import annotations

import errno

import msgpack
import pytest

from holdfast_server import layouts
from holdfast_server.ledger import queries
from holdfast_server.ledger.history import first_position_at
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.records import Change, DocumentKind, unpack_reservation
from holdfast_server.refusals import LedgerUnavailable
from holdfast_server.settings import Settings
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
)
from support.servers import Servers

SECOND = 1_000_000
STATUS = {"SELLABLE": 1, "QUALITY_HOLD": 2, "DAMAGED": 3}


def at(ledger: Ledger, second: int, *operations: tuple[object, ...]) -> None:
    """Writes operations that are decided so many seconds after the beginning."""
    made = entry(operations, after=ledger.store.read().segment.chain_hash, clock_us=CLOCK_US + second * SECOND)
    ledger._writer._commit(ledger.connection, ledger.batch([made]))


@pytest.fixture
def written(ledger: Ledger) -> Ledger:
    """Ten operations, two in every second: one unit each comes in, and the first of each second is of the wms."""
    for second in range(5):
        at(
            ledger,
            second,
            *(
                operation(
                    number,
                    KIND["RECEIVE"],
                    [receipt("sku-1", 1, version=number, before=number - 1)],
                    request=request(f"in-{number}", caller="wms" if number % 2 else "shop"),
                )
                for number in (2 * second + 1, 2 * second + 2)
            ),
        )
    return ledger


@pytest.mark.parametrize(
    ("time_us", "position"), [(0, 1), (CLOCK_US, 1), (CLOCK_US + 1, 3), (CLOCK_US + 4 * SECOND, 9), (2**62, 11)]
)
def test_the_first_position_at_a_time_is_found(written: Ledger, time_us: int, position: int) -> None:
    with written.reading() as connection:
        assert first_position_at(connection, SEGMENT, time_us) == position


def test_an_empty_ledger_has_its_first_position_before_it(ledger: Ledger) -> None:
    with ledger.reading() as connection:
        assert first_position_at(connection, SEGMENT, CLOCK_US) == 1
        assert queries.position_at(connection, SEGMENT, CLOCK_US) == 0
        assert queries.book_quantities(connection, SEGMENT, [], 1) == []


def test_movements_are_listed_by_time_caller_and_page(written: Ledger) -> None:
    def positions(after: int = 0, limit: int = 100, **only: object) -> list[int]:
        found = queries.list_movements(
            connection,
            SEGMENT,
            queries.MovementFilter(**only),  # type: ignore[arg-type]
            after=(after, 0),
            limit=limit,
        )
        return [one.position for one in found]

    with written.reading() as connection:
        assert positions(caller="wms") == [1, 3, 5, 7, 9]
        assert positions(caller="wms", after=3, limit=2) == [5, 7]
        assert positions(start_us=CLOCK_US + SECOND, end_us=CLOCK_US + 3 * SECOND) == [3, 4, 5, 6]
        assert positions(start_us=CLOCK_US + SECOND + 1, end_us=CLOCK_US + 3 * SECOND + 1) == [5, 6, 7, 8]
        assert positions(end_us=CLOCK_US) == positions(start_us=2**61) == positions(channel="web") == []
        assert positions(after=8, caller="shop", start_us=0, end_us=2**62) == [10]


def test_the_books_of_a_moment_are_what_had_been_booked_by_then(written: Ledger) -> None:
    level = ("sku-1", "store-1")
    rows = [(*level, STATUS["SELLABLE"]), (*level, STATUS["DAMAGED"]), ("sku-9", "store-1", STATUS["SELLABLE"])]
    with written.reading() as connection:
        for position in range(12):
            quantities = queries.book_quantities(connection, SEGMENT, rows, position)
            assert quantities == [min(position, 10), 0, 0]
        for microsecond, sellable in ((-1, 0), (0, 2), (SECOND - 1, 2), (SECOND, 4), (99 * SECOND, 10)):
            position = queries.position_at(connection, SEGMENT, CLOCK_US + microsecond)
            assert queries.book_quantities(connection, SEGMENT, rows[:1], position) == [sellable]


def test_the_last_count_is_that_of_the_same_status_of_the_level(ledger: Ledger) -> None:
    for position, status in ((1, 1), (2, 3), (3, 1)):
        deltas = [0, 0, 0, 0, 0]
        deltas[status - 1] = 1
        balance = [1 if position < 3 else 2, 0, 1 if position > 1 else 0, 0, 0]
        counted = movement(KIND["COUNT"], "sku-1", tuple(deltas), position, tuple(balance), line=status)
        at(ledger, position - 1, operation(position, KIND["COUNT"], [counted]))
    rows = [("sku-1", "store-1", status) for status in (1, 2, 3)]
    with ledger.reading() as connection:
        position, counts = queries.last_counts(connection, SEGMENT, rows)
        assert (position, [msgpack.unpackb(one) if one else None for one in counts]) == (3, [3, None, 2])
        assert queries.find_recalled(connection, SEGMENT, layouts.RECALLED_COUNT, "sku-1|store-1|3") == (3, counts[2])


def test_the_books_tell_the_statuses_apart(ledger: Ledger) -> None:
    at(ledger, 0, operation(1, KIND["RECEIVE"], [movement(5, "sku-1", (1, 2, 3, 0, 0), 1, (1, 2, 3, 0, 0))]))
    at(ledger, 1, operation(2, KIND["ADJUST"], [movement(6, "sku-1", (4, 0, 0, 0, 0), 2, (5, 2, 3, 0, 0))]))
    rows = [("sku-1", "store-1", status) for status in (3, 2, 1)]
    with ledger.reading() as connection:
        assert queries.book_quantities(connection, SEGMENT, rows, 1) == [3, 2, 1]
        assert queries.book_quantities(connection, SEGMENT, rows, 2) == [3, 2, 5]


def sold_out(ledger: Ledger) -> None:
    """Two units are sold, one is found missing, and then three are told that are not there."""
    pool = operation(1, KIND["PUT_POOLS"], catalog=[("all", "", ["store-1", "store-2"])])
    at(ledger, 0, pool, operation(2, KIND["PUT_CHANNELS"], catalog=[("web", "", "all")]))
    at(ledger, 1, operation(3, KIND["RECEIVE"], [receipt("sku-1", 3)]))
    taken = reservation("r-1", version=1, state=STATE["HELD"], lines=[line("sku-1", 2)], position=4)
    take = movement(KIND["RESERVE"], "sku-1", (0, 0, 0, 2, 0), 2, (3, 0, 0, 2, 0), line=1)
    at(ledger, 2, operation(4, KIND["RESERVE"], [take], reservation=taken, request=request("order-1")))
    lost = movement(KIND["ADJUST"], "sku-1", (-1, 0, 0, 0, 0), 3, (2, 0, 0, 2, 0))
    at(ledger, 3, operation(5, KIND["ADJUST"], [lost]))
    settle = movement(KIND["COMMIT"], "sku-1", (0, 0, 0, -2, 2), 4, (2, 0, 0, 0, 2), line=1)
    settled = reservation("r-1", version=2, state=STATE["COMMITTED"], lines=[line("sku-1", 2)], position=6)
    at(ledger, 4, operation(6, KIND["COMMIT"], [settle], reservation=settled))
    told = reservation(
        "r-2",
        version=1,
        state=STATE["COMMITTED"],
        lines=[line("sku-1", 3, backordered=3, wait_position=7)],
        position=7,
        told=1,
    )
    wait = movement(KIND["BACKORDER"], "sku-1", (0, 0, 0, 0, 0, 3, 0), 5, (2, 0, 0, 0, 2, 3, 0), line=1)
    incident = document(
        "INCIDENT",
        "paper-incident-7",
        version=1,
        position=7,
        lines=[(1, "sku-1", "store-1", 3, 3)],
        channel="web",
        order_id="order-1",
        reservation_id="r-2",
    )
    at(ledger, 5, operation(7, KIND["RESERVE"], [wait], reservation=told, documents=[incident]))


def test_the_cause_of_an_incident_is_the_last_change_before_it_that_took_units(ledger: Ledger) -> None:
    sold_out(ledger)
    with ledger.reading() as connection:
        causes = queries.incident_causes(connection, SEGMENT, ["paper-incident-7", "paper-incident-8"])
    assert causes == {"paper-incident-7": Change(5, CLOCK_US + 3 * SECOND, KIND["ADJUST"])}

    elsewhere = movement(KIND["ADJUST"], "sku-1", (0, 0, 0, 0, 0), 1, (0, 0, 0, 0, 0), location="store-2")
    closed = document(
        "INCIDENT", "paper-incident-7", version=2, position=8, state=3, lines=[(1, "sku-1", "store-1", 3, 3)]
    )
    at(ledger, 6, operation(8, KIND["CLOSE_INCIDENT"], [elsewhere], documents=[closed]))
    with ledger.reading() as connection:
        assert queries.incident_causes(connection, SEGMENT, ["paper-incident-7"]) == causes
        assert queries.incident_causes(connection, SEGMENT, []) == {}


def test_the_life_of_an_order_is_told_step_by_step(ledger: Ledger) -> None:
    sold_out(ledger)
    with ledger.reading() as connection:
        steps = queries.trace_order(connection, SEGMENT, "order-1", after=0, limit=9)
        rest = queries.trace_order(connection, SEGMENT, "order-1", after=steps[0].position, limit=1)
        assert queries.trace_order(connection, SEGMENT, "order-2", after=0, limit=9) == []
    assert [(one.position, one.operation, one.reservation_id, one.document_id) for one in steps] == [
        (4, "RESERVE", "r-1", ""),
        (6, "COMMIT", "r-1", ""),
        (7, "RESERVE", "r-2", "paper-incident-7"),
    ]
    assert [one.previous_us for one in steps] == [None, CLOCK_US + 2 * SECOND, CLOCK_US + 4 * SECOND]
    assert rest == steps[1:2]
    (waits,) = steps[2].movements
    assert (waits.kind, waits.backordered_delta, waits.balance.backordered) == (KIND["BACKORDER"], 3, 3)
    assert (waits.document_id, waits.channel, waits.balance.net) == ("paper-incident-7", "web", -3)


def test_movements_of_a_channel_are_found(ledger: Ledger) -> None:
    sold_out(ledger)
    with ledger.reading() as connection:
        only = queries.MovementFilter(channel="web", sku="sku-1")
        found = queries.list_movements(connection, SEGMENT, only, after=(4, 0), limit=9)
    assert [one.position for one in found] == [6, 7]


def test_a_reservation_is_recalled_with_the_position_of_the_ledger(ledger: Ledger) -> None:
    sold_out(ledger)
    with ledger.reading() as connection:
        position, packed = queries.find_recalled(connection, SEGMENT, 0, "r-1")
        assert queries.find_recalled(connection, SEGMENT, 0, "r-9") == (7, b"")
        assert queries.find_recalled(connection, SEGMENT, DocumentKind.RETURN, "r-1") == (7, b"")
        assert queries.find_reservation(connection, SEGMENT, "r-1") == unpack_reservation(packed)
    assert position == 7


def test_documents_are_listed_by_kind_in_pages(ledger: Ledger) -> None:
    papers = [
        document(
            "TRANSFER", f"t-{number}", version=1, position=1, state=1 + number % 2, lines=[], location=f"s-{number % 3}"
        )
        for number in range(1, 8)
    ]
    other = document("RETURN", "t-3", version=1, position=1, lines=[], order_id="order-1")
    ledger.write([operation(1, KIND["SHIP_TRANSFER"], documents=[*papers, other])])

    def ids(kind: DocumentKind, after: str = "", limit: int = 9, **only: object) -> list[str]:
        chosen = queries.DocumentFilter(**only)  # type: ignore[arg-type]
        found = queries.list_documents(connection, SEGMENT, kind, chosen, after=after, limit=limit)
        return [one.document_id for one in found]

    with ledger.reading() as connection:
        assert ids(DocumentKind.TRANSFER, after="t-2", limit=3) == ["t-3", "t-4", "t-5"]
        assert ids(DocumentKind.TRANSFER, state=1) == ["t-2", "t-4", "t-6"]
        assert ids(DocumentKind.TRANSFER, state=2, location="s-1") == ["t-1", "t-7"]
        assert ids(DocumentKind.RETURN, order_id="order-1") == ["t-3"]
        assert ids(DocumentKind.RETURN, channel="web") == ids(DocumentKind.PARKED) == []


async def test_a_question_for_which_there_is_no_file_descriptor_finds_the_ledger_unavailable(
    servers: Servers,
) -> None:
    """Taken out by: `OSError` not caught in LedgerReader.ask."""

    def question(_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    reader = LedgerReader(settings=Settings(postgres_url=servers.postgres_url), name="test", threads=1)
    with pytest.raises(LedgerUnavailable):
        await reader.ask(question)
    reader.close()
