"""Takes commands from the edge to the sequencer, tick by tick, and holds every answer until its commit.

A tick is whatever gathered while the tick before it was under way, so ticks grow with the load by themselves. The
decider owns the connection to Redis: a cancelled RPC drops its place and nothing else.

A tick that wrote an entry is as new as can be: the commit of that entry proves that nothing had overtaken it. A tick
that wrote nothing, of reads and refusals alone, may come from a Redis that fell back. So its answers are held until the
ledger's cursor, read after the tick, says that nothing newer is committed; otherwise its commands run again.

Promises: Once, Durable reads, Bounded.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis
import redis.asyncio
import structlog

from holdfast_server import failpoints
from holdfast_server.decide.answers import LookUp, NotLive, Recall, Reused, Unanswered, answer_of, why_not_live
from holdfast_server.decide.commands import NOT_LOOKED_UP, Command, Decision, Reading
from holdfast_server.decide.gathering import Gathering
from holdfast_server.decide.keys import OUTCOME_GENERATIONS, SegmentKeys
from holdfast_server.decide.limits import MICROSECONDS, packed_limits
from holdfast_server.decide.owner import is_state_of_server
from holdfast_server.decide.packing import pack, unpack
from holdfast_server.decide.script import TICK, load_script
from holdfast_server.ledger import queries, segments
from holdfast_server.ledger.commits import CommitWatch, Verdict
from holdfast_server.ledger.cursor import LedgerCursor
from holdfast_server.ledger.errors import Fenced
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.records import LIVE_STATES
from holdfast_server.refusals import (
    BacklogFull,
    LedgerUnavailable,
    Overloaded,
    Refusal,
    SegmentLoading,
    SegmentQuarantined,
    SequencerUnavailable,
)
from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.decider")

Answer = Decision | Reading

# A request is looked up again if its look-up was overtaken, and for each ended thing that it names; more often than
# this is a fault.
_MAX_LOOKUPS: Final = 6
# Results that do not wait for the commit.
_LATER: Final = ["LATER"]
_BACKLOG_FULL: Final = ["REFUSED", "BACKLOG_FULL"]
# A tick that wrote nothing runs again if the ledger has passed it; a sequencer that is behind every time is at fault.
_MAX_TICKS: Final = 5
_Settled = Answer | Exception


class CommandFault(Exception):
    """The script broke on this command alone. A fault of the authority, not of the caller."""


@dataclass(slots=True)
class _Group:
    """Commands that one call waits for together."""

    answers: list[_Settled | None]
    remaining: int
    done: asyncio.Future[None]

    def settle(self, index: int, answer: _Settled) -> None:
        """Takes the answer to one command; the first one counts."""
        if self.answers[index] is not None:
            return
        self.answers[index] = answer
        self.remaining -= 1
        if self.remaining == 0 and not self.done.done():
            self.done.set_result(None)


@dataclass(slots=True)
class _Pending:
    command: Command
    group: _Group
    index: int
    ticks: int = 0
    """The ticks that the command was in vain."""
    seen_epoch: int = 0
    """The epoch in which the ledger's cursor was seen since the command came; the tick is told where it stood."""


@dataclass(frozen=True, slots=True)
class _Ticked:
    """Commands that were decided in a tick, with their results, and the journal entry that these rest on."""

    decided: list[tuple[_Pending, Any]]
    epoch: int
    position: int
    chain_hash: str

    def settle_all(self, refusal: Exception) -> None:
        """Gives every command the same refusal."""
        for pending, _ in self.decided:
            pending.group.settle(pending.index, refusal)


class Decider:
    """Decides commands of one segment, through one connection to its sequencer."""

    def __init__(
        self,
        *,
        settings: Settings,
        connection: redis.asyncio.Redis,
        commits: CommitWatch,
        reader: LedgerReader,
        cursor: LedgerCursor,
        clock_us: int | None = None,
    ) -> None:
        self._settings = settings
        self._segment = settings.segment
        self._redis = connection
        self._commits = commits
        self._reader = reader
        self._cursor = cursor
        self._script = load_script(TICK)
        self._limits = packed_limits(settings)
        self._queue: deque[_Pending] = deque()
        self._wake = asyncio.Event()
        self._gathering = Gathering(settings, self._queue)
        self._unproven: list[_Ticked] = []
        self._prove = asyncio.Event()
        # The highest (epoch, position) that the ledger's cursor was seen at.
        self._seen = (0, 0)
        # The newest generations of outcomes are surely in Redis; older ids are looked up before they cost a tick.
        self._window_us = settings.outcome_generation_seconds * (OUTCOME_GENERATIONS - 2) * MICROSECONDS
        self.is_more_due = False
        """The last tick left holds that are due: another one should follow at once."""
        self.clock_us = clock_us
        """The time that the segment's clock is told, in tests; None lets the sequencer's own clock run."""

    async def decide(self, command: Command) -> Answer:
        """Returns what a command came to, once that is durable, or raises the refusal."""
        (answer,) = await self.decide_all([command])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def decide_all(self, commands: Sequence[Command]) -> list[Answer | Exception]:
        """Decides commands in order, each by itself, and returns the answer or the refusal of each."""
        answers: list[Answer | Exception | None] = [None] * len(commands)
        open_commands = dict(enumerate(commands))
        for turn in range(_MAX_LOOKUPS):
            closed = self._commits.why_closed()
            if closed is not None:
                return [closed if answer is None else answer for answer in answers]
            open_commands = await self._look_up(open_commands, answers)
            if not open_commands:
                break
            settled = await self._in_tick(list(open_commands.values()))
            again: dict[int, Command] = {}
            for (index, command), answer in zip(open_commands.items(), settled, strict=True):
                if isinstance(answer, Unanswered):
                    found = await self._found_out(command, answer, may_ask_again=turn == 0)
                    if isinstance(found, Command):
                        again[index] = found
                    else:
                        answers[index] = found
                else:
                    answers[index] = answer
            open_commands = again
            if not open_commands:
                break
        return [LedgerUnavailable(self._segment) if answer is None else answer for answer in answers]

    async def _found_out(self, command: Command, answer: Unanswered, *, may_ask_again: bool) -> Command | Exception:
        """Returns the answer to what the sequencer alone cannot answer, or the command that it has to be asked next."""
        if isinstance(answer, LookUp):
            return command.to_look_up()
        if isinstance(answer, Recall):
            return await self._recall(command, answer)
        if isinstance(answer, NotLive):
            explained = await self._explained(command)
            # It may have come to be since: a part of a plan has its id before it is reserved.
            return command if may_ask_again and isinstance(explained, SegmentLoading) else explained
        return answer

    async def _look_up(
        self, commands: dict[int, Command], answers: list[Answer | Exception | None]
    ) -> dict[int, Command]:
        """Answers the commands that the ledger knows to have taken effect; returns the others.

        Only commands whose id surely or perhaps lies below the window are looked up, all of a call in one query.
        """
        oldest_us = time.time() * MICROSECONDS - self._window_us
        unknown = {
            index: command
            for index, command in commands.items()
            if command.must_look_up
            or (command.request_id and command.id_time_us <= oldest_us and command.lookup_position == NOT_LOOKED_UP)
        }
        if not unknown:
            return commands
        request_ids = [command.request_id for command in unknown.values()]
        try:
            position, outcomes = await self._reader.ask(queries.find_outcomes, self._segment, request_ids)
        except Refusal as refusal:
            for index in unknown:
                answers[index] = refusal
            return {index: command for index, command in commands.items() if index not in unknown}
        rest = {}
        for index, command in commands.items():
            outcome = outcomes.get(command.request_id) if index in unknown else None
            if outcome is None:
                rest[index] = command.looked_up_at(position) if index in unknown else command
            elif outcome.fingerprint == command.fingerprint:
                answers[index] = Decision(
                    position=outcome.position,
                    reservation=outcome.reservation,
                    extra=outcome.extra,
                    replayed=True,
                )
            else:
                answers[index] = Reused()
        return rest

    async def _recall(self, command: Command, wanted: Recall) -> Command | Refusal:
        """Returns the command with what the ledger knows of something that has ended, or never was."""
        try:
            position, image = await self._reader.ask(queries.find_recalled, self._segment, wanted.kind, wanted.id)
        except Refusal as refusal:
            return refusal
        return command.with_recalled(wanted.kind, wanted.id, position, image)

    async def _explained(self, command: Command) -> Refusal:
        """Asks the ledger for what the sequencer has forgotten about a reservation that has ended."""
        try:
            reservation = await self._reader.ask(queries.find_reservation, self._segment, command.reservation_id)
        except Refusal as refusal:
            return refusal
        if reservation is not None and reservation.state in LIVE_STATES:
            # The ledger holds it live and the sequencer does not: they disagree, or a rebuild came in between.
            return SegmentLoading(self._segment)
        return why_not_live(command.reservation_id, reservation)

    async def _in_tick(self, commands: list[Command]) -> list[_Settled]:
        limit = self._settings.max_queued_commands
        if len(self._queue) + len(commands) > limit:
            return [Overloaded("max_queued_commands", limit)] * len(commands)
        group = _Group([None] * len(commands), len(commands), asyncio.get_running_loop().create_future())
        for index, command in enumerate(commands):
            self._queue.append(_Pending(command, group, index))
        self._wake.set()
        self._gathering.more_came()
        await group.done
        return [answer for answer in group.answers if answer is not None]

    async def run(self) -> None:
        """Runs ticks until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick_for_ever(), name="ticks")
            tasks.create_task(self._prove_for_ever(), name="proofs")

    async def _tick_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            await self._gathering.until_due()
            tick = self._next_tick()
            try:
                if tick:
                    await self._run_tick(tick)
            except Exception as error:
                # Nobody foresaw this one. It ends these calls, not the server.
                log.exception("tick_fault", segment=self._segment)
                _settle_all(tick, CommandFault(repr(error)))

    def _next_tick(self) -> list[_Pending]:
        """Takes what has gathered, up to the limits of a tick; what nobody waits for any more is dropped."""
        tick: list[_Pending] = []
        lines = 0
        while self._queue and len(tick) < self._settings.max_commands_per_tick:
            pending = self._queue[0]
            if pending.group.done.cancelled():
                self._queue.popleft()
                continue
            lines += pending.command.line_count
            if tick and lines > self._settings.max_lines_per_tick:
                break
            tick.append(self._queue.popleft())
        if not self._queue:
            self._wake.clear()
        return tick

    async def _run_tick(self, tick: list[_Pending]) -> None:
        epoch = self._commits.epoch
        failpoints.reach("before_decide")
        try:
            async with asyncio.timeout(self._settings.sequencer_timeout_seconds):
                reply = await self._evaluate(epoch, [pending.command for pending in tick])
        except redis.exceptions.ResponseError as error:
            await self._run_singly(tick, error)
            return
        except (redis.RedisError, OSError, TimeoutError) as error:
            log.warning("sequencer_lost", segment=self._segment, error=f"{type(error).__name__}: {error}")
            await self._connect_anew()
            # Whoever waits behind this tick would wait as long again, one tick after the other.
            _settle_all([*tick, *self._queue], SequencerUnavailable(self._segment))
            self._queue.clear()
            return
        failpoints.reach("after_decide")
        tag, *rest = unpack(reply)
        if tag == "CLOSED":
            reason, detail = rest
            _settle_all(tick, await self._why_closed(epoch, reason, detail))
            return
        position, chain_hash, _, results, changed, self.is_more_due = rest
        decided = self._set_apart(tick, results)
        if changed:
            self._hold_until_committed(_Ticked(decided, epoch, position, chain_hash))
            return
        proven = [(pending, result) for pending, result in decided if pending.seen_epoch == epoch]
        unproven = [(pending, result) for pending, result in decided if pending.seen_epoch != epoch]
        if proven:
            self._hold_until_committed(_Ticked(proven, epoch, position, chain_hash))
        if unproven:
            # Questions and refusals gather as well: a proof is asked for all ticks that wait for one.
            self._gathering.tick_waits()
            self._gathering.tick_wrote_nothing(callers=len({id(pending.group) for pending, _ in unproven}))
            self._unproven.append(_Ticked(unproven, epoch, position, chain_hash))
            self._prove.set()

    def _set_apart(self, tick: list[_Pending], results: list[Any]) -> list[tuple[_Pending, Any]]:
        """Takes out what does not wait for the commit; returns the rest with its results.

        What the tick did not get to goes to the front of the queue again: a tick stops at a bound of work, but only
        after at least one command, so every command has its turn. That the backlog is full is true whatever becomes of
        it, and is said at once: the commit may be what everybody waits for.
        """
        decided = []
        later = []
        for pending, result in zip(tick, results, strict=True):
            if result == _LATER:
                later.append(pending)
            elif result == _BACKLOG_FULL:
                pending.group.settle(
                    pending.index,
                    BacklogFull("max_uncommitted_operations", self._settings.max_uncommitted_operations),
                )
            else:
                decided.append((pending, result))
        if later:
            self._queue.extendleft(reversed(later))
            self._wake.set()
        return decided

    def _hold_until_committed(self, ticked: _Ticked) -> None:
        self._gathering.tick_waits()
        self._commits.when_committed(
            epoch=ticked.epoch,
            position=ticked.position,
            chain_hash=ticked.chain_hash,
            settle=lambda verdict: self._answer(ticked, verdict),
        )

    async def _prove_for_ever(self) -> None:
        """Has the ledger's cursor say of ticks that wrote nothing whether anything newer is committed."""
        while True:
            await self._prove.wait()
            self._prove.clear()
            unproven, self._unproven = self._unproven, []
            try:
                known = max(self._seen, (self._commits.epoch, self._commits.position))
                self._seen = await self._cursor.read(at_least=known)
            except Refusal as refusal:
                for ticked in unproven:
                    self._gathering.tick_ended()
                    ticked.settle_all(refusal)
                continue
            for ticked in unproven:
                self._gathering.tick_ended()
                if self._seen <= (ticked.epoch, ticked.position):
                    self._hold_until_committed(ticked)
                else:
                    self._run_again([pending for pending, _ in ticked.decided])

    def _run_again(self, commands: list[_Pending]) -> None:
        """Puts commands in front of the queue again, for a tick that is told how new it must be: it needs no proof."""
        for pending in reversed(commands):
            pending.ticks += 1
            pending.seen_epoch = self._seen[0]
            if pending.ticks < _MAX_TICKS:
                self._queue.appendleft(pending)
            else:
                pending.group.settle(pending.index, SegmentLoading(self._segment))
        self._wake.set()

    async def _evaluate(self, epoch: int, commands: list[Command]) -> bytes:
        keys = SegmentKeys(segment=self._segment, epoch=epoch).for_tick()
        seen_epoch, seen_position = self._seen
        committed = max(self._commits.position, seen_position if seen_epoch == epoch else 0)
        arguments: list[Any] = [
            *keys,
            epoch,
            committed,
            "" if self.clock_us is None else self.clock_us,
            self._limits,
            pack([command.for_script() for command in commands]),
        ]
        try:
            reply: bytes = await self._redis.evalsha(self._script.digest, len(keys), *arguments)
        except redis.exceptions.NoScriptError:
            reply = await self._redis.eval(self._script.source, len(keys), *arguments)
        return reply

    async def _run_singly(self, tick: list[_Pending], error: Exception) -> None:
        """A script that breaks has changed nothing. Its commands run one by one, so that only the guilty one fails."""
        if is_state_of_server(error):
            log.warning("sequencer_refuses", segment=self._segment, error=str(error))
            await self._connect_anew()
            _settle_all(tick, SequencerUnavailable(self._segment))
        elif len(tick) == 1:
            log.error("command_fault", segment=self._segment, command=tick[0].command.name, error=str(error))
            _settle_all(tick, CommandFault(str(error)))
        else:
            for pending in tick:
                await self._run_tick([pending])

    async def _connect_anew(self) -> None:
        """Drops the connection: after a failover the name of the sequencer may lead to another server by now."""
        await self._redis.connection_pool.disconnect()

    async def _why_closed(self, epoch: int, reason: str, detail: str) -> Refusal:
        """Returns the refusal for a sequencer that decides nothing, and has it rebuilt if it is broken."""
        if reason in ("OTHER_EPOCH", "OTHER_FORMAT"):
            if reason == "OTHER_EPOCH" and int(detail) < epoch:
                await self._connect_anew()
            return SegmentLoading(self._segment)
        log.error("sequencer_broken", segment=self._segment, epoch=epoch, reason=reason, detail=detail)
        try:
            await self._reader.ask(segments.quarantine, self._segment, epoch, f"sequencer: {reason} {detail}".strip())
        except (Refusal, Fenced) as error:
            log.info("not_quarantined", segment=self._segment, error=str(error))
        return SegmentQuarantined(self._segment)

    def _answer(self, ticked: _Ticked, verdict: Verdict) -> None:
        """Gives the answers of a tick out, now that it is known what became of its journal entry."""
        self._gathering.tick_ended()
        if verdict is not None:
            ticked.settle_all(verdict)
            return
        failpoints.reach("before_answer")
        for pending, result in ticked.decided:
            try:
                answer: _Settled = answer_of(pending.command, self._settings, result)
            except (Refusal, Unanswered) as refusal:
                answer = refusal
            except Exception as error:
                log.exception("answer_fault", segment=self._segment, command=pending.command.name)
                answer = CommandFault(repr(error))
            pending.group.settle(pending.index, answer)


def _settle_all(tick: list[_Pending], refusal: Exception) -> None:
    for pending in tick:
        pending.group.settle(pending.index, refusal)
