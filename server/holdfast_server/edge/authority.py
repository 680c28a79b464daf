"""What the services stand on: the decider, the ledger's reader, and the one refusal that needs both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from holdfast_server.decide.answers import Reused
from holdfast_server.decide.commands import Command, Decision, Reading
from holdfast_server.decide.decider import Decider
from holdfast_server.edge.differences import first_difference
from holdfast_server.ledger import queries
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.refusals import LedgerUnavailable, Refusal, RequestIdReused
from holdfast_server.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Decides requests and reads the ledger, for the services of the contract."""

    settings: Settings
    decider: Decider
    reader: LedgerReader
    refused_again: Mapping[str, str] = field(default_factory=dict)
    """By the id of a parked request, what it was refused with when its items existed and it was asked again."""

    async def decide(self, command: Command, request: Message) -> Decision:
        """Returns what a request came to, once that is durable, or raises the refusal."""
        (answer,) = await self.decide_all([command], [request])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def decide_all(self, commands: Sequence[Command], requests: Sequence[Message]) -> list[Decision | Exception]:
        """Decides requests in order, each by itself, and returns the decision or the refusal of each."""
        answers: list[Decision | Exception] = []
        for command, request, answer in zip(commands, requests, await self.decider.decide_all(commands), strict=True):
            if isinstance(answer, Reused):
                answers.append(await self._how_reused(command, request))
            elif isinstance(answer, Reading):
                raise AssertionError(f"{command.name} is a question, not a request")
            else:
                answers.append(answer)
        return answers

    async def read(self, question: Command) -> Reading:
        """Returns what a question was answered with, once the state that it rests on is durable."""
        answer = await self.decider.decide(question)
        if not isinstance(answer, Reading):
            raise AssertionError(f"{question.name} is a request, not a question")
        return answer

    async def _how_reused(self, command: Command, request: Message) -> Refusal:
        """Names the first field in which a request differs from the one that took effect under its id."""
        try:
            _, outcomes = await self.reader.ask(queries.find_outcomes, self.settings.segment, [command.request_id])
        except Refusal as refusal:
            return refusal
        outcome = outcomes.get(command.request_id)
        if outcome is None:
            return LedgerUnavailable(self.settings.segment)
        if outcome.method != command.method:
            return RequestIdReused(command.request_id, "method")
        first: Any = type(request)()
        first.ParseFromString(outcome.body)
        return RequestIdReused(command.request_id, first_difference(first, request))
