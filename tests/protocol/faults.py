"""What befalls Redis: it forgets outcomes by design, and by misfortune it is lost, goes back, or is there twice."""

from __future__ import annotations

from collections.abc import Iterator

from protocol.model import Level, Redis, Scenario, State, Step, put
from protocol.sequencer import without_oldest_outcome


def forgetting(state: State, scenario: Scenario) -> Iterator[Step]:
    """Let the window move on, at any time: the oldest outcome leaves the memory of a Redis."""
    if not scenario.small_window:
        return
    for primary, redis in enumerate(state.primaries):
        space = redis.space(redis.epoch)
        if space.outcomes:
            smaller = redis.with_space(redis.epoch, without_oldest_outcome(space))
            yield (
                f"Redis forgets the outcome of {space.outcomes[0].request}",
                state._replace(primaries=put(state.primaries, primary, smaller)),
            )


def passing(state: State, scenario: Scenario) -> Iterator[Step]:
    """Let time pass: every hold that was made before is due."""
    if state.now < scenario.time_max:
        yield "time passes", state._replace(now=state.now + 1)


def faults(state: State, scenario: Scenario) -> Iterator[Step]:
    """Give every fault that may strike now. A copy may be left behind at any instant, and used at any later one."""
    if not state.faults_left:
        return
    if (scenario.may_fall_back or scenario.may_split) and not state.copies:
        yield "a copy of Redis is left behind", state._replace(copies=(state.primaries[0],))
    struck = state._replace(faults_left=state.faults_left - 1)
    process = 1 + scenario.faults - state.faults_left
    for primary, redis in enumerate(state.primaries):
        for name, after, copies in _faults_of_one(redis, state.copies, process, scenario):
            yield name, struck._replace(primaries=put(state.primaries, primary, after), copies=copies)
    if scenario.may_split and state.copies and len(state.primaries) == 1:
        second = state.copies[0]._replace(process=process)
        yield (
            "the copy is promoted as Redis 2 while Redis 1 lives on",
            struck._replace(primaries=(*state.primaries, second), copies=()),
        )


def _faults_of_one(
    redis: Redis, copies: tuple[Redis, ...], process: int, scenario: Scenario
) -> Iterator[tuple[str, Redis, tuple[Redis, ...]]]:
    """Give the name of a fault, what becomes of this Redis, and the copies that are left."""
    if scenario.may_lose and redis.spaces:
        yield "Redis is lost, and empty", Redis(process, 0, ()), copies
    if scenario.may_slip:
        slipped = redis.space(redis.epoch)._replace(level=Level(scenario.units, 0))
        yield "one key of Redis goes back to its first value", redis.with_space(redis.epoch, slipped), copies
    if scenario.may_fall_back and copies:
        yield "Redis falls back to the copy", copies[0]._replace(process=process), ()
