"""Clients that trade while things break: they keep a history of what they asked and were told, and never give up.

A call whose outcome is not known is asked again with the same request_id, until it is known. So every acknowledgement
is to be found in the ledger, and every request took effect at most once, whatever broke in between.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf import duration_pb2
from google.protobuf.message import Message
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from api.ids import uuid7
from api.refusals import read_error, read_status
from robustness.history import Call, History
from robustness.world import CHANNEL, LOCATION, World

PATIENCE_SECONDS: Final = 90.0
_CALL_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.05
# After these nobody knows whether the request took effect, or it surely did not; either way it is asked again.
_OPEN_ENDED: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNKNOWN,
    }
)


_FIRST_SHARE: Final = 0.1
_LAST_SHARE: Final = 0.85


def share_of(turn: int, turns: int) -> float:
    """Returns which share of the operations is to be answered after so many turns of a fault."""
    return _FIRST_SHARE + (_LAST_SHARE - _FIRST_SHARE) * turn / turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What clients trade in. Half of their steps are reservations; the others settle these, read, and receive units."""

    name: str
    skus: int
    clients: int
    batch: int
    """Reservations in one call."""
    basket: int
    """The most lines of a reservation."""
    units: int
    """Units that are received of a SKU at a time: few, so that some demand is refused."""


HOT: Final = Profile(name="hot", skus=1, clients=6, batch=20, basket=1, units=300)
BASKETS: Final = Profile(name="baskets", skus=8, clients=6, batch=20, basket=3, units=120)
WIDE: Final = Profile(name="wide", skus=50, clients=6, batch=20, basket=2, units=30)
PROFILES: Final = (HOT, BASKETS, WIDE)


class Traffic:
    """The clients of one run. They trade until so many operations were answered."""

    def __init__(
        self, world: World, profile: Profile, *, seed: int, operations: int, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._world = world
        self.profile = profile
        self._numbers = random.Random(seed)
        self._operations = operations
        self._patience_seconds = patience_seconds
        self.skus = [f"sku-{number}" for number in range(profile.skus)]
        self.history = History()
        self.answered = 0
        self.may_end = False
        """The fault is over: it is enough once all operations were answered. Until then clients go on."""
        self._tasks: list[asyncio.Task[None]] = []

    async def open_shop(self) -> None:
        """Puts what is sold, and the first units of it."""
        await self._world.put_catalog(self.skus)
        await self.receive(self.skus)

    def start(self) -> None:
        for number in range(self.profile.clients):
            client = _Client(self, random.Random(self._numbers.random()))
            self._tasks.append(asyncio.create_task(client.trade(), name=f"client-{number}"))

    async def reached(self, share: float) -> None:
        """Waits until a share of the operations was answered."""
        async with asyncio.timeout(self._patience_seconds * 2):
            while self.answered < share * self._operations:
                self._raise_if_broken()
                await asyncio.sleep(0.01)

    async def finish(self) -> None:
        """Waits until all operations were answered. Raises what a client stumbled over."""
        self.may_end = True
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _raise_if_broken(self) -> None:
        for task in self._tasks:
            if task.done():
                task.result()

    @property
    def share(self) -> float:
        """Which share of the operations was answered."""
        return self.answered / self._operations

    @property
    def is_over(self) -> bool:
        return self.may_end and self.answered >= self._operations

    async def receive(self, skus: Sequence[str]) -> None:
        lines = [pb.ReceiptLine(sku=sku, location=LOCATION, quantity=self.profile.units) for sku in skus]
        request = pb.ReceiveStockRequest(request_id=uuid7(), lines=lines)
        call = Call(method="receive", request_id=request.request_id, began=time.monotonic())
        call.lines = [(sku, self.profile.units) for sku in skus]
        answer = await self.ask("ReceiveStock", request, [self.history.begin(call)])
        if answer is not None:
            _done(call, answer.revision.position, answer.replayed)

    async def ask(self, method: str, request: Message, calls: Sequence[Call]) -> Any | None:
        """Returns the answer, or None for a refusal, which is noted. Asks again while the outcome is open."""
        deadline = calls[0].began + self._patience_seconds
        while True:
            for call in calls:
                call.attempts += 1
                call.asked = time.monotonic()
            try:
                answer = await getattr(self._world.stubs.inventory, method)(request, timeout=_CALL_SECONDS)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _OPEN_ENDED:
                    self._refused(calls, read_error(error).reason)
                    return None
                if time.monotonic() > deadline:
                    raise AssertionError(
                        f"{method} was not answered within {self._patience_seconds} s: {error}"
                    ) from error
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                self.answered += len(calls)
                ended = time.monotonic()
                for call in calls:
                    call.ended = ended
                return answer

    def _refused(self, calls: Sequence[Call], reason: str) -> None:
        self.answered += len(calls)
        for call in calls:
            call.ended, call.outcome, call.reason = time.monotonic(), "refused", reason


class _Client:
    def __init__(self, traffic: Traffic, numbers: random.Random) -> None:
        self._traffic = traffic
        self._profile = traffic.profile
        self._numbers = numbers
        self._held: list[str] = []

    async def trade(self) -> None:
        while not self._traffic.is_over:
            choice = self._numbers.random()
            if choice < 0.5 or not self._held:
                await self._reserve()
            elif choice < 0.85:
                await self._settle()
            elif choice < 0.95:
                await self._read()
            else:
                await self._traffic.receive([self._numbers.choice(self._traffic.skus)])

    async def _reserve(self) -> None:
        began = time.monotonic()
        requests, calls = [], []
        for _ in range(self._profile.batch):
            count = self._numbers.randint(1, self._profile.basket)
            lines = [(self._numbers.choice(self._traffic.skus), self._numbers.randint(1, 2)) for _ in range(count)]
            request = pb.CreateReservationRequest(
                request_id=uuid7(),
                channel=CHANNEL,
                lines=[pb.DemandLine(sku=sku, quantity=units) for sku, units in lines],
                ttl=duration_pb2.Duration(seconds=900),
            )
            call = Call(method="reserve", request_id=request.request_id, began=began, lines=lines)
            requests.append(request)
            calls.append(self._traffic.history.begin(call))
        while requests:
            batch = pb.BatchCreateReservationsRequest(requests=requests)
            answer = await self._traffic.ask("BatchCreateReservations", batch, calls)
            if answer is None:
                return
            again = [
                (request, call)
                for request, call, result in zip(requests, calls, answer.results, strict=True)
                if not self._take(call, result)
            ]
            self._traffic.answered -= len(again)
            if again:
                await asyncio.sleep(_PAUSE_SECONDS)
            requests, calls = [request for request, _ in again], [call for _, call in again]

    def _take(self, call: Call, result: pb.ReservationResult) -> bool:
        """Notes a result of a batch; False if its outcome is open."""
        if result.HasField("created"):
            created = result.created
            call.reservation_id = created.reservation.reservation_id
            _done(call, created.revision.position, created.replayed)
            self._held.append(call.reservation_id)
            return True
        refusal = read_status(result.refusal)
        if refusal.code in _OPEN_ENDED:
            return False
        call.outcome, call.reason = "refused", refusal.reason
        return True

    async def _settle(self) -> None:
        """Commits some of what is held, and releases some: what is committed too."""
        for _ in range(min(len(self._held), self._profile.batch // 4)):
            reservation_id = self._held.pop(self._numbers.randrange(len(self._held)))
            if self._numbers.random() < 0.5:
                await self._change("commit", "CommitReservation", pb.CommitReservationRequest, reservation_id)
            if self._numbers.random() < 0.7:
                await self._change("release", "ReleaseReservation", pb.ReleaseReservationRequest, reservation_id)

    async def _change(self, method: Any, rpc: str, kind: Any, reservation_id: str) -> None:
        request = kind(request_id=uuid7(), reservation_id=reservation_id)
        call = Call(method=method, request_id=request.request_id, began=time.monotonic(), reservation_id=reservation_id)
        answer = await self._traffic.ask(rpc, request, [self._traffic.history.begin(call)])
        if answer is not None:
            _done(call, answer.revision.position, answer.replayed)

    async def _read(self) -> None:
        skus = self._numbers.sample(self._traffic.skus, min(3, len(self._traffic.skus)))
        keys = [pb.AvailabilityKey(sku=sku, channel=CHANNEL) for sku in skus]
        call = self._traffic.history.begin(Call(method="read", began=time.monotonic()))
        answer = await self._traffic.ask("BatchGetAvailability", pb.BatchGetAvailabilityRequest(keys=keys), [call])
        if answer is not None:
            call.available = {one.sku: one.available_to_sell_quantity for one in answer.availabilities}
            _done(call, answer.revision.position, False)


def _done(call: Call, position: int, replayed: bool) -> None:
    call.outcome, call.position, call.replayed = "done", position, replayed
