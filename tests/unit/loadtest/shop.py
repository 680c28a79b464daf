"""An authority by hand, and a buyer who asks it: nothing but the answers is made up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as pb
from holdfast.inventory.v1 import reservation_pb2
from holdfast.inventory.v1.revision_pb2 import Revision

from holdfast_client.status_details import ERROR_DOMAIN
from holdfast_loadtest.workload.asking import Answer, Asker
from holdfast_loadtest.workload.demand import Copy, Wish
from holdfast_loadtest.workload.lives import Lives
from holdfast_loadtest.workload.loops import Course

WISH = Wish(channel="C1", lines=(("S1", 1),))


def refusal(code: int, reason: str) -> Answer:
    """The answer of an authority that refuses."""
    packed = Packed()
    packed.Pack(error_details_pb2.ErrorInfo(reason=reason, domain=ERROR_DOMAIN))
    return Answer.of_status(status_pb2.Status(code=code, details=[packed]))


SHORT = refusal(code_pb2.FAILED_PRECONDITION, "INSUFFICIENT_STOCK")


def unanswered() -> Answer:
    return Answer.of_status(status_pb2.Status(code=code_pb2.UNAVAILABLE))


class Shop(Asker):
    """An authority that grants everything once, unless a test says otherwise for a while."""

    def __init__(self, *instead: Callable[[], Answer] | None, takes_seconds: float = 0.01) -> None:
        self._patience_seconds = 5.0
        self.instead = list(instead)
        self.takes_seconds = takes_seconds
        self.asked: Counter[str] = Counter()
        self._first: dict[str, pb.CreateReservationResponse] = {}
        self.kinds: list[str] = []
        self.begun: list[float] = []

    async def once(self, request: Message) -> Answer:
        self.begun.append(asyncio.get_running_loop().time())
        self.kinds.append(type(request).__name__)
        await asyncio.sleep(self.takes_seconds)
        if isinstance(request, pb.BatchCreateReservationsRequest):
            results = [pb.ReservationResult(created=self.grant(one)) for one in request.requests]
            return Answer(response=pb.BatchCreateReservationsResponse(results=results))
        answer = self.instead.pop(0) if self.instead else None
        return Answer(response=self.grant(request)) if answer is None else answer()

    def grant(self, request: Any) -> pb.CreateReservationResponse:
        self.asked[request.request_id] += 1
        first = self._first.setdefault(request.request_id, self._answer(request))
        return pb.CreateReservationResponse(
            reservation=first.reservation, revision=first.revision, replayed=self.asked[request.request_id] > 1
        )

    def _answer(self, request: Any) -> pb.CreateReservationResponse:
        lines = [
            reservation_pb2.ReservationLine(sku=line.sku, location="L1", quantity=line.quantity, open_quantity=1)
            for line in getattr(request, "lines", ())
        ]
        state = reservation_pb2.RESERVATION_STATE_HELD
        return pb.CreateReservationResponse(
            reservation=reservation_pb2.Reservation(
                reservation_id=f"of-{request.request_id}", state=state, lines=lines
            ),
            revision=Revision(segment="main", position=sum(self.asked.values())),
        )


def lives_in(shop: Shop, **options: Any) -> Lives:
    """What the buyers of a shop have in common."""
    course = Course(60.0, asyncio.Semaphore(4), clock=asyncio.get_running_loop().time)
    return Lives(shop, course, run_id="T1", **options)


async def live(shop: Shop, wish: Wish = WISH, copy: Copy = Copy.NONE, **options: Any) -> Lives:
    """Lives through one wish in a shop."""
    lives = lives_in(shop, **options)
    course = lives.course
    await course.slots.acquire()
    await lives.live(wish, 0.0, copy)
    # Every slot was given back.
    for _ in range(4):
        await course.slots.acquire()
    return lives
