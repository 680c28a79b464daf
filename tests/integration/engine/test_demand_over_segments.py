"""What a segment notes of demand that lies in several: the plan, and where it stands. Exactly one end wins."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from holdfast_server.decide.answers import SplitMoved, TooLate
from holdfast_server.decide.commands import Command, Decision
from holdfast_server.ledger import queries
from holdfast_server.phases import SplitPhase
from holdfast_server.records import Document, unpack_document, unpack_reservation
from holdfast_server.refusals import AlreadyCommitted, DocumentClosed, UnknownChannel, UnknownDocument
from integration.engine import demands
from integration.engine.rig import CHANNEL, LOCATION, SKU, Rig

SECOND = 1_000_000
TTL_US = 100 * SECOND
_numbers = itertools.count(1)

# Every phase that may follow each.
FOLLOWS = {
    SplitPhase.PLANNED: {SplitPhase.HELD, SplitPhase.ABORTING, SplitPhase.REFERRED},
    SplitPhase.HELD: {SplitPhase.HELD, SplitPhase.COMMITTING, SplitPhase.RELEASING},
    SplitPhase.COMMITTING: {SplitPhase.COMMITTED},
    SplitPhase.RELEASING: {SplitPhase.RELEASED},
    SplitPhase.EXPIRING: {SplitPhase.EXPIRED},
    SplitPhase.ABORTING: {SplitPhase.ABORTED},
}
ENDS = {
    SplitPhase.COMMITTED,
    SplitPhase.RELEASED,
    SplitPhase.EXPIRED,
    SplitPhase.ABORTED,
    SplitPhase.REFERRED,
}
WAY_TO = {
    SplitPhase.PLANNED: (),
    SplitPhase.HELD: (SplitPhase.HELD,),
    SplitPhase.COMMITTING: (SplitPhase.HELD, SplitPhase.COMMITTING),
    SplitPhase.RELEASING: (SplitPhase.HELD, SplitPhase.RELEASING),
    SplitPhase.ABORTING: (SplitPhase.ABORTING,),
}


def plan(split_id: str, **options: Any) -> Command:
    rows = [["north", "north-part-1", SKU, "", 2], ["south", "south-part-1", SKU, "", 1]]
    arguments = (split_id, options.pop("channel", CHANNEL), "order-1", "request-1", rows)
    return demands.mutation("plan_split", arguments, **options)


def move(split_id: str, phase: SplitPhase, **options: Any) -> Command:
    return demands.mutation(
        "move_split",
        (split_id, int(phase), options.pop("ttl_us", TTL_US if phase is SplitPhase.HELD else 0)),
        **options,
    )


async def planned(rig: Rig) -> str:
    split_id = f"north-split-{next(_numbers)}"
    await rig.decide(plan(split_id))
    return split_id


async def moved(rig: Rig, split_id: str, *phases: SplitPhase) -> Document:
    decision = Decision(position=0)
    for phase in phases:
        decision = await rig.decide(move(split_id, phase))
    return unpack_document(decision.extra)


async def test_a_plan_is_remembered_with_its_request(rig: Rig) -> None:
    command = plan("north-split-a")
    first = await rig.decide(command)
    noted = unpack_document(first.extra)
    assert [line[1] for line in noted.lines] == ["north-part-1", "south-part-1"]
    assert (noted.channel, noted.order_id, noted.note) == (CHANNEL, "order-1", "request-1")
    again = await rig.decide(command)
    assert (again.replayed, again.extra) == (True, first.extra)
    with pytest.raises(UnknownChannel):
        await rig.decide(plan("north-split-b", channel="nowhere"))


@pytest.mark.parametrize("phase", WAY_TO, ids=lambda phase: phase.name)
async def test_only_what_may_follow_follows(rig: Rig, phase: SplitPhase) -> None:
    for wanted in SplitPhase:
        split_id = await planned(rig)
        if WAY_TO[phase]:
            await moved(rig, split_id, *WAY_TO[phase])
        if wanted in FOLLOWS[phase]:
            assert (await moved(rig, split_id, wanted)).resolution == wanted
        else:
            with pytest.raises(SplitMoved) as where:
                await rig.decide(move(split_id, wanted))
            assert where.value.phase is phase
        if wanted in FOLLOWS[phase] & ENDS:
            with pytest.raises(DocumentClosed):
                await rig.decide(move(split_id, SplitPhase.HELD))


async def test_a_hold_ends_by_the_clock_and_not_before(rig: Rig) -> None:
    now = demands.now_us() + 60 * SECOND
    rig.decider.clock_us = now
    split_id = await planned(rig)
    held = await moved(rig, split_id, SplitPhase.HELD)
    assert held.expected_us == now + TTL_US
    rig.decider.clock_us = now + TTL_US - 1
    with pytest.raises(SplitMoved) as where:
        await rig.decide(move(split_id, SplitPhase.EXPIRING))
    assert where.value.phase is SplitPhase.HELD
    rig.decider.clock_us = now + TTL_US
    for phase in (SplitPhase.COMMITTING, SplitPhase.RELEASING, SplitPhase.HELD):
        with pytest.raises(SplitMoved) as where:
            await rig.decide(move(split_id, phase))
        assert where.value.phase is SplitPhase.EXPIRING
    await moved(rig, split_id, SplitPhase.EXPIRING, SplitPhase.EXPIRED)


async def test_more_time_never_shortens_a_hold(rig: Rig) -> None:
    split_id = await planned(rig)
    held = await moved(rig, split_id, SplitPhase.HELD)
    shorter = unpack_document((await rig.decide(move(split_id, SplitPhase.HELD, ttl_us=SECOND))).extra)
    assert shorter.expected_us == held.expected_us


async def test_what_was_never_planned_is_unknown(rig: Rig) -> None:
    with pytest.raises(UnknownDocument):
        await rig.decide(move("north-split-none", SplitPhase.HELD))


async def test_a_part_comes_in_time_or_not_at_all(rig: Rig) -> None:
    now = demands.now_us() + 60 * SECOND
    rig.decider.clock_us = now
    lines = [(SKU, 1)]
    in_time = demands.reserve(CHANNEL, lines, not_after_us=now)
    held = unpack_reservation((await rig.decide(in_time)).reservation)
    too_late = demands.reserve(CHANNEL, lines, not_after_us=now - 1)
    with pytest.raises(TooLate):
        await rig.decide(too_late)
    # What was reserved in time is answered again at any time.
    rig.decider.clock_us = now + 60 * SECOND
    again = await rig.decide(in_time)
    assert (again.replayed, unpack_reservation(again.reservation)) == (True, held)
    assert await rig.available() == 9


async def test_open_plans_survive_a_rebuild(own_valkey_rig: Rig) -> None:
    rig = own_valkey_rig
    split_id = await planned(rig)
    await moved(rig, split_id, SplitPhase.HELD)
    ended = await planned(rig)
    await moved(rig, ended, SplitPhase.ABORTING, SplitPhase.ABORTED)
    rig.redis.flushall()
    await rig.patiently(demands.receive(SKU, LOCATION, 1))
    committed = await rig.patiently(move(split_id, SplitPhase.COMMITTING))
    assert isinstance(committed, Decision)
    assert unpack_document(committed.extra).resolution == SplitPhase.COMMITTING
    with pytest.raises(DocumentClosed):
        await rig.patiently(move(ended, SplitPhase.HELD))


async def test_a_part_that_somebody_has_committed_is_not_given_back(rig: Rig) -> None:
    """Taken out by: only_held not looked at in release.lua."""
    committed, held = [await rig.hold_units() for _ in range(2)]
    await rig.decide(demands.commit(committed.reservation_id))
    for one in (committed, held):
        give_back = demands.mutation("release", (one.reservation_id, [], True), reservation_id=one.reservation_id)
        if one is committed:
            with pytest.raises(AlreadyCommitted):
                await rig.decide(give_back)
        else:
            await rig.decide(give_back)
    assert await rig.available() == 9


async def test_a_plan_does_not_end_before_its_parts_are_surely_too_late(rig: Rig) -> None:
    """By the home's own clock, whatever clock the upkeep goes by."""
    split_id = await planned(rig)
    await moved(rig, split_id, SplitPhase.ABORTING)
    with pytest.raises(SplitMoved):
        await rig.decide(move(split_id, SplitPhase.ABORTED, ttl_us=100 * SECOND))
    assert (await moved(rig, split_id, SplitPhase.ABORTED)).resolution == SplitPhase.ABORTED


async def test_a_part_that_comes_to_be_while_it_is_given_back_is_given_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sequencer does not know it yet; the ledger, that is asked next, does."""
    part = demands.reserve(CHANNEL, [(SKU, 2)])
    reservation_id = part.arguments[6]
    there = await rig.available()
    look = rig.reader.ask

    async def look_late(*question: Any) -> Any:
        if question[0] is queries.find_reservation:
            monkeypatch.undo()
            await rig.decide(part)
        return await look(*question)

    monkeypatch.setattr(rig.reader, "ask", look_late)
    released = unpack_reservation((await rig.decide(demands.release(reservation_id))).reservation)
    assert released.reservation_id == reservation_id
    assert await rig.available() == there
