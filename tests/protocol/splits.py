"""Demand over two segments: its home, a part in each, and whoever carries it on. One atomic act per step.

A model of its own: what a segment decides is one step here, durable at once; that it is so is what the rest of this
folder is about. Whoever carries the demand on may stop for ever between any two steps, and may go on at any later time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

# Phases of the home.
NONE, PLANNED, HELD, COMMITTING, RELEASING, EXPIRING, ABORTING = range(7)
COMMITTED, RELEASED, EXPIRED, ABORTED = range(7, 11)
ENDS = frozenset({COMMITTED, RELEASED, EXPIRED, ABORTED})
NAMES = (
    "none",
    "PLANNED",
    "HELD",
    "COMMITTING",
    "RELEASING",
    "EXPIRING",
    "ABORTING",
    "COMMITTED",
    "RELEASED",
    "EXPIRED",
    "ABORTED",
)
# What becomes of a part in its segment.
FREE, TAKEN, GIVEN_BACK, SOLD = range(4)

END_OF = {COMMITTING: COMMITTED, RELEASING: RELEASED, EXPIRING: EXPIRED, ABORTING: ABORTED}
SEGMENTS = (0, 1)
MAX_ATTEMPTS = 2


class SplitRules(NamedTuple):
    """One switch per guard."""

    home_remembers_the_request: bool = True
    parts_come_in_time: bool = True
    end_of_a_plan_waits_for_the_window: bool = True
    hold_needs_the_plan: bool = True
    one_end_wins: bool = True
    parts_outlive_the_whole: bool = True
    home_decides_before_parts_are_given_back: bool = True
    upkeep_gives_back: bool = True
    commit_looks_at_the_time: bool = True


class Attempt(NamedTuple):
    """A plan: its phase at the home, its parts in their segments, and whether its window is over."""

    phase: int = NONE
    parts: tuple[int, ...] = (FREE, FREE)
    is_late: bool = False


class Actor(NamedTuple):
    """Who carries the demand on. `at` says what comes next; `seen` what the parts answered."""

    role: str
    at: str = "begin"
    attempt: int = 0
    seen: tuple[bool | None, ...] = (None, None)


class State(NamedTuple):
    """Everything. `answers` is what left the house in the last step, and no part of what is remembered."""

    units: tuple[int, ...]
    attempts: tuple[Attempt, ...]
    actors: tuple[Actor, ...]
    is_due: bool = False
    answers: tuple[tuple[str, int], ...] = ()


Step = tuple[str, State]


def initial(*roles: str, units: tuple[int, ...] = (1, 1)) -> State:
    """Units to spare in each segment, and who acts."""
    return State(units, (Attempt(),) * MAX_ATTEMPTS, tuple(Actor(role) for role in roles))


def successors(state: State, rules: SplitRules) -> Iterator[Step]:
    """Every next state, with a readable name of the step."""
    state = state._replace(answers=())
    for index, actor in enumerate(state.actors):
        for name, after, next_actor in _ACTS[actor.role](state, actor, rules):
            actors = (*state.actors[:index], next_actor, *state.actors[index + 1 :])
            yield f"{actor.role}{index}: {name}", after._replace(actors=actors)
    yield from _passing(state, rules)
    yield from _upkeep(state, rules)


def _with(state: State, number: int, attempt: Attempt) -> State:
    return state._replace(attempts=(*state.attempts[:number], attempt, *state.attempts[number + 1 :]))


def _with_part(attempt: Attempt, segment: int, part: int) -> Attempt:
    return attempt._replace(parts=(*attempt.parts[:segment], part, *attempt.parts[segment + 1 :]))


Act = tuple[str, State, Actor]


def _became(state: State) -> list[int]:
    """The plans that became a reservation: what the request came to, of which there may be one."""
    came_to_nothing = (NONE, PLANNED, ABORTING, ABORTED)
    return [number for number, attempt in enumerate(state.attempts) if attempt.phase not in came_to_nothing]


def _buy(state: State, actor: Actor, rules: SplitRules) -> Iterator[Act]:
    """A server that creates the reservation for a caller; a second one is the caller that asks again elsewhere.

    What it has heard of other attempts may be old by the time that it acts, so it may plan anew although there is a
    plan, or even a reservation.
    """
    number = actor.attempt
    if actor.at == "begin":
        yield from _begin(state, actor, rules)
    elif actor.at == "reserve":
        yield from _reserve(state, actor, rules)
    elif actor.at == "settle":
        yield from _settle(state, actor, rules)
    elif actor.at == "abort":
        yield from _abort(state, actor, rules)
    elif actor.at == "give back":
        yield from _give_back(state, actor, "again")
    elif actor.at == "again":
        yield f"is done with plan {number}", state, Actor(actor.role)


def _begin(state: State, actor: Actor, rules: SplitRules) -> Iterator[Act]:
    if rules.home_remembers_the_request:
        for number in _became(state):
            yield "is told again -> held", state._replace(answers=(("held", number),)), actor._replace(at="over")
    for number, attempt in enumerate(state.attempts):
        if attempt.phase == PLANNED:
            yield f"finds plan {number}", state, actor._replace(at="reserve", attempt=number)
    for number, attempt in enumerate(state.attempts):
        if attempt.phase == NONE:
            planned = _with(state, number, attempt._replace(phase=PLANNED))
            yield f"makes plan {number}", planned, actor._replace(at="reserve", attempt=number)
            break


def _reserve(state: State, actor: Actor, rules: SplitRules) -> Iterator[Act]:
    number = actor.attempt
    attempt = state.attempts[number]
    for segment in SEGMENTS:
        if actor.seen[segment] is not None:
            continue
        if attempt.parts[segment] != FREE:
            # It is remembered, whatever became of it since.
            yield f"is told again of part {segment}", state, _saw(actor, segment, held=True)
        elif attempt.is_late and rules.parts_come_in_time:
            yield f"is too late with part {segment}", state, _saw(actor, segment, held=False)
        elif state.units[segment] > 0:
            units = list(state.units)
            units[segment] -= 1
            taken = _with(state, number, _with_part(attempt, segment, TAKEN))._replace(units=tuple(units))
            yield f"takes part {segment}", taken, _saw(actor, segment, held=True)
        else:
            yield f"is refused part {segment}", state, _saw(actor, segment, held=False)


def _saw(actor: Actor, segment: int, *, held: bool) -> Actor:
    seen = (*actor.seen[:segment], held, *actor.seen[segment + 1 :])
    if None in seen:
        return actor._replace(seen=seen)
    return actor._replace(seen=seen, at="settle" if all(seen) else "abort")


def _settle(state: State, actor: Actor, rules: SplitRules) -> Iterator[Act]:
    number = actor.attempt
    attempt = state.attempts[number]
    told = state._replace(answers=(("held", number),))
    others = [one for one in _became(state) if one != number]
    if others and rules.home_remembers_the_request:
        yield f"is told of plan {others[0]} instead", state, actor._replace(at="abort")
    elif attempt.phase == PLANNED or (attempt.phase == ABORTING and not rules.hold_needs_the_plan):
        yield "has all -> held", _with(told, number, attempt._replace(phase=HELD)), actor._replace(at="over")
    elif attempt.phase in (ABORTING, ABORTED):
        yield "finds the plan given up", state, actor._replace(at="give back")
    else:
        # The step is remembered: the first answer is given again.
        yield "is told again -> held", told, actor._replace(at="over")


def _abort(state: State, actor: Actor, rules: SplitRules) -> Iterator[Act]:
    number = actor.attempt
    attempt = state.attempts[number]
    if not rules.home_decides_before_parts_are_given_back and actor.at == "abort" and attempt.phase == PLANNED:
        for name, after, _ in _give_back(state, actor, "abort"):
            yield f"{name} before the home knows", after, actor
    if attempt.phase in (PLANNED, ABORTING, ABORTED):
        phase = ABORTING if attempt.phase == PLANNED else attempt.phase
        yield "gives the plan up", _with(state, number, attempt._replace(phase=phase)), actor._replace(at="give back")
    else:
        yield "finds that another was faster", state, actor._replace(at="over")


def _give_back(state: State, actor: Actor, then: str) -> Iterator[Act]:
    number = actor.attempt
    for segment in SEGMENTS:
        if state.attempts[number].parts[segment] == TAKEN:
            yield f"gives part {segment} back", _given_back(state, number, segment), actor
    yield "has given back what it found", state, actor._replace(at=then)


def _given_back(state: State, number: int, segment: int) -> State:
    units = list(state.units)
    units[segment] += 1
    after = _with(state, number, _with_part(state.attempts[number], segment, GIVEN_BACK))
    return after._replace(units=tuple(units))


def _end(state: State, actor: Actor, rules: SplitRules) -> Iterator[Act]:
    """A caller that commits or releases what is held; the home decides."""
    wanted = COMMITTING if actor.role == "commit" else RELEASING
    others = {COMMITTING, RELEASING, EXPIRING} - {wanted}
    for number, attempt in enumerate(state.attempts):
        may = attempt.phase == HELD and not (state.is_due and rules.commit_looks_at_the_time)
        if actor.at == "begin" and (may or (attempt.phase in others and not rules.one_end_wins)):
            decided = _with(state, number, attempt._replace(phase=wanted))
            told = decided._replace(answers=((actor.role, number),)) if wanted == COMMITTING else decided
            yield f"decides {NAMES[wanted]}", told, actor._replace(at="over", attempt=number)


def _compete(state: State, actor: Actor, _: SplitRules) -> Iterator[Act]:
    """Somebody else, who buys one unit of one segment."""
    for segment in SEGMENTS:
        if actor.at == "begin" and state.units[segment] > 0:
            units = list(state.units)
            units[segment] -= 1
            yield f"buys in {segment}", state._replace(units=tuple(units)), actor._replace(at="over")


_ACTS = {"buy": _buy, "commit": _end, "release": _end, "compete": _compete}


def _passing(state: State, rules: SplitRules) -> Iterator[Step]:
    """Time: the window of a plan is over; the hold is due; parts expire if nothing keeps them from it."""
    for number, attempt in enumerate(state.attempts):
        if attempt.phase != NONE and not attempt.is_late:
            yield f"the window of plan {number} is over", _with(state, number, attempt._replace(is_late=True))
        for segment in SEGMENTS:
            if state.is_due and not rules.parts_outlive_the_whole and attempt.parts[segment] == TAKEN:
                yield f"part {segment} of {number} expires by itself", _given_back(state, number, segment)
    if not state.is_due and any(attempt.phase == HELD for attempt in state.attempts):
        yield "the hold is due", state._replace(is_due=True)


def _upkeep(state: State, rules: SplitRules) -> Iterator[Step]:
    """Any server, at any time: it ends what is due, and does to the parts what the home has decided."""
    for number, attempt in enumerate(state.attempts):
        if attempt.phase == PLANNED and attempt.is_late:
            yield f"upkeep gives plan {number} up", _with(state, number, attempt._replace(phase=ABORTING))
        elif attempt.phase == HELD and state.is_due:
            yield f"upkeep ends the hold of {number}", _with(state, number, attempt._replace(phase=EXPIRING))
        elif attempt.phase in END_OF:
            yield from _follow(state, number, attempt, rules)


def _follow(state: State, number: int, attempt: Attempt, rules: SplitRules) -> Iterator[Step]:
    if attempt.phase == ABORTING and not attempt.is_late and rules.end_of_a_plan_waits_for_the_window:
        return
    gives_back = attempt.phase != COMMITTING
    for segment in SEGMENTS:
        if attempt.parts[segment] == TAKEN and not gives_back:
            yield f"part {segment} of {number} is sold", _with(state, number, _with_part(attempt, segment, SOLD))
            return
        if attempt.parts[segment] == TAKEN and rules.upkeep_gives_back:
            yield f"upkeep gives part {segment} of {number} back", _given_back(state, number, segment)
            return
    yield f"plan {number} ends", _with(state, number, attempt._replace(phase=END_OF[attempt.phase]))


def identity(state: State) -> State:
    """The same for states that differ only in which of two servers is where, or in what was answered."""
    return state._replace(actors=tuple(sorted(state.actors, key=repr)), answers=())


# Promises.


def all_or_nothing(state: State) -> str | None:
    """What is committed is sold in both, and what has ended otherwise is sold in none."""
    for number, attempt in enumerate(state.attempts):
        if attempt.phase in (HELD, COMMITTING) and not set(attempt.parts) <= {TAKEN, SOLD}:
            return f"plan {number} is {NAMES[attempt.phase]}, and its parts are {attempt.parts}"
        if attempt.phase == COMMITTED and set(attempt.parts) != {SOLD}:
            return f"plan {number} is committed, and its parts are {attempt.parts}"
        if attempt.phase not in (COMMITTING, COMMITTED) and SOLD in attempt.parts:
            return f"plan {number} is {NAMES[attempt.phase]}, and a part of it is sold"
    return None


def nothing_leaks(state: State) -> str | None:
    """What has ended holds nothing, now or later."""
    for number, attempt in enumerate(state.attempts):
        if attempt.phase in ENDS and TAKEN in attempt.parts:
            return f"plan {number} is {NAMES[attempt.phase]}, and a part of it is held"
    return None


def once(state: State) -> str | None:
    """Of all plans of one request at most one becomes a reservation."""
    became = _became(state)
    return f"plans {became} of one request are reservations" if len(became) > 1 else None


def told_is_true(state: State) -> str | None:
    """Who was told that it is committed finds it so."""
    for actor in state.actors:
        if actor.role == "commit" and actor.at == "over":
            phase = state.attempts[actor.attempt].phase
            if phase not in (COMMITTING, COMMITTED):
                return f"the caller was told of a commit, and the demand is {NAMES[phase]}"
    return None


def due_is_over(state: State) -> str | None:
    """Nobody is told of a commit after the hold was due."""
    if state.is_due and any(kind == "commit" for kind, _ in state.answers):
        return "a hold was committed after it was due"
    return None


PROMISES = {
    "AllOrNothing": all_or_nothing,
    "NoUndersell": nothing_leaks,
    "Once": once,
    "NoLoss": told_is_true,
    "DueIsOver": due_is_over,
}
