"""Point 13, Once in two tiers: Redis remembers minutes, Postgres the whole retention, and no id falls between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import sqlalchemy

from holdfast_server.decide.answers import Reused
from holdfast_server.decide.commands import Decision
from holdfast_server.ledger import queries
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.refusals import InvalidField, RequestIdTooOld
from holdfast_server.settings import Settings
from integration.engine import demands
from integration.engine.conftest import MakeSettings
from integration.engine.rig import CHANNEL, LOCATION, SKU, Rig, open_rig, outcome_of

SECOND = demands.MICROSECONDS
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE


class CountingReader(LedgerReader):
    """The ledger's reader, which notes what it is asked."""

    def __init__(self, settings: Settings, *, name: str, threads: int) -> None:
        super().__init__(settings, name=name, threads=threads)
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    async def ask(self, question: Callable[..., Any], /, *arguments: Any, **options: Any) -> Any:
        self.asked.append((question.__name__, arguments))
        return await super().ask(question, *arguments, **options)

    def looked_up(self) -> list[Sequence[str]]:
        """The request ids of each look-up."""
        return [arguments[1] for name, arguments in self.asked if name == "find_outcomes"]


def spy_on(rig: Rig) -> CountingReader:
    """Has the decider ask the ledger through a reader that notes it."""
    spy = CountingReader(rig.settings, name="spy", threads=2)
    rig.decider._reader = spy
    return spy


async def fill_generations(rig: Rig, count: int) -> None:
    """Lets that many generations of outcomes come and go, by the segment's clock."""
    rig.decider.clock_us = rig.decider.clock_us or demands.now_us()
    for _ in range(count):
        rig.decider.clock_us += rig.settings.outcome_generation_seconds * SECOND
        await rig.decide(demands.receive(SKU, LOCATION, 1, request_id=demands.uuid7(rig.decider.clock_us)))


async def test_point_13_an_id_in_the_window_costs_no_question_to_postgres(rig: Rig) -> None:
    """Taken out by: `oldest_us = float("inf")` in Decider._look_up, so that every id is looked up."""
    spy = spy_on(rig)
    try:
        command = demands.receive(SKU, LOCATION, 1)
        first = await rig.decide(command)
        again = await rig.decide(command)
        assert again == Decision(
            position=first.position, reservation=first.reservation, extra=first.extra, replayed=True
        )
        assert spy.looked_up() == []
    finally:
        spy.close()


async def test_point_13_all_other_ids_of_a_call_are_looked_up_in_one_question(rig: Rig) -> None:
    """Taken out by: looking nothing up in Decider._look_up (`unknown = {}`)."""
    spy = spy_on(rig)
    try:
        names = ["order/1", "order/2", demands.uuid7(demands.now_us() - 20 * MINUTE)]
        commands = [demands.receive(SKU, LOCATION, 1, request_id=name) for name in names]
        answers = await rig.decider.decide_all([*commands, demands.receive(SKU, LOCATION, 1)])
        assert all(isinstance(answer, Decision) and not answer.replayed for answer in answers)
        assert spy.looked_up() == [names]
    finally:
        spy.close()


async def test_point_13_an_id_that_redis_has_dropped_is_found_in_postgres(rig: Rig) -> None:
    """Taken out by: no look-up in Decider._look_up, and `< head.evicted_position` taken out of outcomes.lua."""
    rig.decider.clock_us = demands.now_us()
    plain = demands.receive(SKU, LOCATION, 1, request_id="invoice-1")
    coded = demands.receive(SKU, LOCATION, 1, request_id=demands.uuid7(rig.decider.clock_us - 10 * MINUTE))
    first = [await rig.decide(plain), await rig.decide(coded)]
    await fill_generations(rig, 5)
    remembered = [rig.redis.hkeys(key) for key in rig.keys.outcomes]
    assert not any(command.request_id.encode() in ids for ids in remembered for command in (plain, coded))
    again = [await rig.decide(plain), await rig.decide(coded)]
    assert [(a.position, a.replayed) for a in again] == [(f.position, True) for f in first]
    other = demands.receive(SKU, LOCATION, 2, request_id=plain.request_id)
    assert isinstance(await outcome_of_any(rig, other), Reused)


async def outcome_of_any(rig: Rig, command: Any) -> object:
    (answer,) = await rig.decider.decide_all([command])
    return answer


async def test_point_13_a_look_up_that_eviction_has_overtaken_is_asked_again(rig: Rig) -> None:
    """The ledger is asked, finds nothing, and before the tick runs the id takes effect elsewhere and is dropped again.

    Taken out by: `and command[5] < head.evicted_position` replaced by `and false` in outcomes.lua.
    """
    rig.decider.clock_us = demands.now_us()
    command = demands.receive(SKU, LOCATION, 1, request_id="invoice-2")
    elsewhere: list[Decision] = []
    real_ask = rig.reader.ask

    class Overtaken(LedgerReader):
        async def ask(self, question: Callable[..., Any], /, *arguments: Any, **options: Any) -> Any:
            found = await real_ask(question, *arguments, **options)
            if question is queries.find_outcomes and not elsewhere:
                rig.decider._reader = rig.reader
                elsewhere.append(await rig.decide(command))
                await fill_generations(rig, 5)
            return found

    overtaken = Overtaken(rig.settings, name="late", threads=2)
    rig.decider._reader = overtaken
    try:
        answer = await rig.decide(command)
    finally:
        overtaken.close()
    assert answer.replayed
    assert answer.position == elsewhere[0].position
    assert rig.query("SELECT count(*) FROM operation WHERE request_id = 'invoice-2'") == [(1,)]


async def test_point_13_a_rebuild_loads_the_window(rig: Rig) -> None:
    """Taken out by: loading no outcomes in Loader._load_window, with the floor at zero."""
    commands = [demands.reserve(CHANNEL, [(SKU, 1)]) for _ in range(3)]
    first = [await rig.decide(command) for command in commands]
    epoch = rig.segment().epoch
    rig.redis.delete(rig.keys.head)
    await rig.wait_until_open(above_epoch=epoch)
    spy = spy_on(rig)
    try:
        again = [await rig.decide(command) for command in commands]
        assert [a.reservation for a in again] == [f.reservation for f in first]
        assert all(answer.replayed for answer in again)
        assert spy.looked_up() == []
    finally:
        spy.close()


async def test_point_13_a_window_that_a_rebuild_cut_short_sends_older_ids_to_postgres(
    make_settings: MakeSettings,
) -> None:
    """Taken out by: `floor_us = since_us` without regard to the limit in Loader._load_window."""
    async with open_rig(make_settings(max_outcomes_per_generation=2)) as rig:
        await rig.open_trade()
        commands = [demands.receive(SKU, LOCATION, 1) for _ in range(6)]
        first = [await rig.decide(command) for command in commands]
        epoch = rig.segment().epoch
        rig.redis.delete(rig.keys.head)
        await rig.wait_until_open(above_epoch=epoch)
        again = [await rig.patiently(command) for command in commands]
        assert [answer.position for answer in again] == [answer.position for answer in first]
        assert rig.segment().position == first[-1].position


async def test_point_13_a_window_that_load_made_short_sends_older_ids_to_postgres(make_settings: MakeSettings) -> None:
    """Generations that fill up are dropped before their time; ids that are young by the clock are looked up then.

    Taken out by: `command.must_look_up` not asked for in Decider._look_up.
    """
    async with open_rig(make_settings(max_outcomes_per_generation=1)) as rig:
        await rig.open_trade()
        commands = [demands.receive(SKU, LOCATION, 1) for _ in range(8)]
        first = [await rig.decide(command) for command in commands]
        again = [await rig.decide(command) for command in commands]
        assert [(a.position, a.replayed) for a in again] == [(f.position, True) for f in first]


async def test_point_13_one_caller_whose_clock_is_ahead_does_not_shut_out_the_others(rig: Rig) -> None:
    """An id of the allowed future lifts the floor of the window, once it is dropped, above everybody's time.

    Taken out by: `command.must_look_up` not asked for in Decider._look_up.
    """
    rig.decider.clock_us = demands.now_us()
    ahead_us = rig.decider.clock_us + (rig.settings.max_request_id_ahead_seconds - 60) * SECOND
    await rig.decide(demands.receive(SKU, LOCATION, 1, request_id=demands.uuid7(ahead_us)))
    await fill_generations(rig, 5)
    command = demands.receive(SKU, LOCATION, 1, request_id=demands.uuid7(rig.decider.clock_us))
    first = await rig.decide(command)
    again = await rig.decide(command)
    assert (first.replayed, again.replayed) == (False, True)


@pytest.mark.parametrize("minutes_behind", [0, 1, 2, 3, 4, 30])
async def test_point_13_an_id_from_a_clock_that_is_behind_takes_effect_once(rig: Rig, minutes_behind: int) -> None:
    """Taken out by: comparing with the segment's clock instead of the floor (`id_time_us <= now_us - 1e12`)."""
    rig.decider.clock_us = demands.now_us()
    request_id = demands.uuid7(rig.decider.clock_us - minutes_behind * MINUTE)
    command = demands.receive(SKU, LOCATION, 1, request_id=request_id)
    first = await rig.decide(command)
    for _ in range(6):
        again = await rig.decide(command)
        assert (again.position, again.replayed) == (first.position, True)
        await fill_generations(rig, 1)


async def test_point_13_an_id_older_than_the_retention_is_refused_and_one_far_ahead_too(rig: Rig) -> None:
    """Taken out by: removing the two refusals from settled_before in outcomes.lua."""
    rig.decider.clock_us = demands.now_us()
    old = demands.uuid7(rig.decider.clock_us - 31 * DAY)
    ahead = demands.uuid7(rig.decider.clock_us + 11 * MINUTE)
    assert isinstance(await outcome_of(rig.decide(demands.receive(SKU, LOCATION, 1, request_id=old))), RequestIdTooOld)
    assert isinstance(await outcome_of(rig.decide(demands.receive(SKU, LOCATION, 1, request_id=ahead))), InvalidField)


async def test_point_13_the_look_up_and_its_position_are_one_state(rig: Rig) -> None:
    """Taken out by: reading the cursor in a statement of its own before the outcomes in queries.find_outcomes."""
    statements: list[str] = []
    sqlalchemy.event.listen(rig.reader.engine, "before_cursor_execute", lambda *event: statements.append(str(event[2])))
    position, found = await rig.reader.ask(queries.find_outcomes, rig.settings.segment, ["nobody-1"])
    assert (position, found) == (rig.segment().position, {})
    assert len(statements) == 1
