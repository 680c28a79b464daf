"""Clients that trade while things are killed, keep book of what they were told, and ask again until they know."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message
from holdfast.inventory.v1.inventory_service_pb2 import CommitReservationRequest, ReleaseReservationRequest
from holdfast.inventory.v1.stock_pb2 import MovementKind

from api.ids import uuid7
from api.refusals import read_error
from api.shop import Shop, Stubs, assert_ledger_is_sound

PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.05
_CALL_SECONDS = 5.0
# After these the same request_id may be sent again, and must be: nobody knows whether it took effect.
_OPEN_ENDED = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}
# A server that is killed leaves its calls behind like this.
_BROKEN = {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN}


@dataclass(slots=True)
class Book:
    """What the clients were told, by request id and reservation."""

    held: dict[str, str] = field(default_factory=dict)
    committed: set[str] = field(default_factory=set)
    released: set[str] = field(default_factory=set)
    refused: int = 0
    answers: int = 0


class Clients:
    """A number of clients that share a shop and a book. `stubs` is asked anew for every call: servers come and go."""

    def __init__(self, shop: Shop, stubs: Callable[[], Stubs], *, seed: int) -> None:
        self._shop = shop
        self._stubs = stubs
        self._numbers = random.Random(seed)
        self.book = Book()

    async def trade(self, rounds: int) -> None:
        """One client: reserves a unit, then commits it, releases it, or leaves it held; and again."""
        for _ in range(rounds):
            request = self._shop.one_unit()
            answer = await self._patiently("CreateReservation", request)
            if answer is None:
                self.book.refused += 1
                continue
            reservation_id = answer.reservation.reservation_id
            assert self.book.held.setdefault(request.request_id, reservation_id) == reservation_id
            choice = self._numbers.random()
            if choice < 0.4:
                done = CommitReservationRequest(request_id=uuid7(), reservation_id=reservation_id)
                await self._surely("CommitReservation", done)
                self.book.committed.add(reservation_id)
            elif choice < 0.8:
                back = ReleaseReservationRequest(request_id=uuid7(), reservation_id=reservation_id)
                await self._surely("ReleaseReservation", back)
                self.book.released.add(reservation_id)

    async def _surely(self, method: str, request: Message) -> None:
        assert await self._patiently(method, request) is not None

    async def _patiently(self, method: str, request: Message) -> Any | None:
        """The answer, or None for a lack of stock. The same request is sent again while the outcome is open."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    call = getattr(self._stubs().inventory, method)
                    answer = await call(request, timeout=_CALL_SECONDS)
                except grpc.aio.AioRpcError as error:
                    if error.code() not in _OPEN_ENDED | _BROKEN:
                        if read_error(error).reason != "INSUFFICIENT_STOCK":
                            raise
                        self.book.answers += 1
                        return None
                except grpc.aio.UsageError:
                    # The channel was closed because its server is gone; there will be another.
                    pass
                else:
                    self.book.answers += 1
                    return answer
                await asyncio.sleep(_PAUSE_SECONDS)


async def assert_book_and_ledger_agree(shop: Shop, stubs: Stubs, book: Book, *, units: int) -> None:
    """No acknowledged operation is lost, none took effect twice, nothing is oversold and nothing has leaked."""
    movements = await shop.seen_through(stubs).movements()
    of_kind: dict[int, Counter[str]] = {}
    for movement in movements:
        of_kind.setdefault(movement.kind, Counter())[movement.reservation_id] += 1
    reserved = of_kind.get(MovementKind.MOVEMENT_KIND_RESERVE, Counter())
    assert reserved == Counter(book.held.values())
    assert of_kind.get(MovementKind.MOVEMENT_KIND_COMMIT, Counter()) == Counter(book.committed)
    assert of_kind.get(MovementKind.MOVEMENT_KIND_RELEASE, Counter()) == Counter(book.released)
    requests = {m.request_id: m.reservation_id for m in movements if m.kind == MovementKind.MOVEMENT_KIND_RESERVE}
    assert requests == book.held
    level = await shop.seen_through(stubs).level()
    live = len(book.held) - len(book.released)
    assert (level.held_quantity + level.committed_quantity, level.committed_quantity) == (live, len(book.committed))
    assert await shop.seen_through(stubs).available() == units - live
    await assert_ledger_is_sound(stubs)
