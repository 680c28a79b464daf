"""The calls of InventoryService that take counts: one by one, or in a stream.

A count is true of the moment at which it was made, so its command carries what the books said then.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Final

from google.rpc import status_pb2
from holdfast.inventory.v1 import supply_pb2 as pb

from holdfast_server import records
from holdfast_server.decide.commands import Command, Decision
from holdfast_server.edge import conversion
from holdfast_server.edge.books import books_of
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.calls import Calls
from holdfast_server.edge.errors import status_in_response
from holdfast_server.edge.requests import stock as commands
from holdfast_server.edge.rpc import conversing, unary
from holdfast_server.edge.validation import violations_of
from holdfast_server.edge.window import Window
from holdfast_server.refusals import InvalidField, Refusal, Violation

# Counts that a stream brings while those before them are decided; also at most one message over max_message_bytes.
MAX_GATHERED_COUNTS: Final = 256


class CountCalls(Calls):
    """Sets units on hand to what was counted."""

    @unary
    async def CountStock(self, request: pb.CountStockRequest, caller: Caller) -> pb.CountStockResponse:
        (answer,) = await self._count_all([request], caller)
        if isinstance(answer, Exception):
            raise answer
        return self._counted(answer)

    @conversing
    async def StreamCounts(
        self, requests: AsyncIterator[pb.StreamCountsRequest], caller: Caller
    ) -> AsyncGenerator[pb.StreamCountsResponse]:
        window = Window(requests, max_messages=MAX_GATHERED_COUNTS, max_bytes=self.settings.max_message_bytes)
        async with window:
            while group := await window.take():
                for response in await self.answer_group(group, caller):
                    yield response

    async def answer_group(
        self, group: Sequence[pb.StreamCountsRequest], caller: Caller
    ) -> list[pb.StreamCountsResponse]:
        """Returns the answers to counts of a stream, in order; what is wrong with one does not end the others."""
        refused = [self._invalid(one) for one in group]
        valid = [one.count for one, refusal in zip(group, refused, strict=True) if refusal is None]
        answers = iter(await self._count_all(valid, caller))
        return [
            self._streamed(one.count.request_id, next(answers) if refusal is None else refusal)
            for one, refusal in zip(group, refused, strict=True)
        ]

    def _invalid(self, request: pb.StreamCountsRequest) -> Refusal | None:
        if not request.HasField("count"):
            return InvalidField([Violation(field="count", description="must be given")])
        violations = violations_of(request.count, self.settings)
        return InvalidField(violations) if violations else None

    def _streamed(self, request_id: str, answer: Decision | Exception) -> pb.StreamCountsResponse:
        if isinstance(answer, Exception):
            refusal: status_pb2.Status = status_in_response(answer, "StreamCounts")
            return pb.StreamCountsResponse(request_id=request_id, refusal=refusal)
        return pb.StreamCountsResponse(request_id=request_id, counted=self._counted(answer))

    async def _count_all(self, requests: Sequence[pb.CountStockRequest], caller: Caller) -> list[Decision | Exception]:
        """Decides valid counts in order, each by itself, as one group."""
        books = await books_of(self._authority, requests)
        asked: list[Command | Refusal] = [
            book if isinstance(book, Refusal) else commands.count_stock(request, caller, book)
            for request, book in zip(requests, books, strict=True)
        ]
        answers = iter(
            await self._authority.decide_all(
                [one for one in asked if isinstance(one, Command)],
                [request for request, one in zip(requests, asked, strict=True) if isinstance(one, Command)],
            )
        )
        return [one if isinstance(one, Refusal) else next(answers) for one in asked]

    def _counted(self, decision: Decision) -> pb.CountStockResponse:
        levels, deltas = records.unpack_count(decision.extra)
        return pb.CountStockResponse(
            stock_levels=[conversion.stock_level(level) for level in levels],
            booked_deltas=deltas,
            parked_id=records.unpack_parked_id(decision.extra),
            revision=self._revision(decision),
            replayed=decision.replayed,
        )
