"""The client for programs without an event loop: the same methods, which wait.

There is one client; here it runs on a thread of its own. Each line below wraps one of its methods, with the
parameters and the answer that it has there, so nothing is said twice.
"""

import asyncio
import concurrent.futures
import contextlib
import functools
import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar, cast

from holdfast_client.client import HoldfastClient

_Parameters = ParamSpec("_Parameters")
_Answer = TypeVar("_Answer")
_Element = TypeVar("_Element")

CLOSING_STEP_SECONDS: Final = 5.0
"""How long closing waits for each of its steps. What has not ended then is left behind, and nobody waits for it."""


def _made_like(
    build: Callable[Concatenate[HoldfastClient, _Parameters], None],
) -> Callable[[Callable[..., None]], Callable[Concatenate["SyncHoldfastClient", _Parameters], None]]:
    def decorate(
        initialise: Callable[..., None],
    ) -> Callable[Concatenate["SyncHoldfastClient", _Parameters], None]:
        @functools.wraps(build)
        def initialise_like(self: "SyncHoldfastClient", *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> None:
            initialise(self, *args, **kwargs)

        return cast("Callable[Concatenate[SyncHoldfastClient, _Parameters], None]", initialise_like)

    return decorate


def _waits_for(
    method: Callable[Concatenate[HoldfastClient, _Parameters], Coroutine[Any, Any, _Answer]],
) -> Callable[Concatenate["SyncHoldfastClient", _Parameters], _Answer]:
    @functools.wraps(method)
    def wait(self: "SyncHoldfastClient", *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Answer:
        return self._run(method(self._client, *args, **kwargs))

    return cast("Callable[Concatenate[SyncHoldfastClient, _Parameters], _Answer]", wait)


def _iterates(
    method: Callable[Concatenate[HoldfastClient, _Parameters], AsyncGenerator[_Element, None]],
) -> Callable[Concatenate["SyncHoldfastClient", _Parameters], Generator[_Element, None, None]]:
    @functools.wraps(method)
    def iterate(
        self: "SyncHoldfastClient", *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> Generator[_Element, None, None]:
        elements = method(self._client, *args, **kwargs)
        try:
            while True:
                try:
                    element = self._run(_next_of(elements))
                except StopAsyncIteration:
                    return
                yield element
        finally:
            self._leave(elements)

    return cast("Callable[Concatenate[SyncHoldfastClient, _Parameters], Generator[_Element, None, None]]", iterate)


async def _end(elements: AsyncGenerator[Any, None]) -> None:
    await elements.aclose()


async def _end_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


async def _next_of(elements: AsyncGenerator[_Element, None]) -> _Element:
    return await anext(elements)


class SyncHoldfastClient:
    """`HoldfastClient` with methods that wait for the answer, and plain iterators.

        with SyncHoldfastClient(caller="till") as client:
            answer = client.create_reservation(channel="STORES", lines=[("85123A", 1, "STORE-7")])

    It is made with the same parameters and raises the same errors. It may be used from several threads at
    once. An interrupted wait (KeyboardInterrupt) cancels its call. Close it, or its thread lives as long as
    the program. A process that was forked has no such thread: make the client after the fork.
    """

    @_made_like(HoldfastClient.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._client = HoldfastClient(*args, **kwargs)
        self._loop = asyncio.new_event_loop()
        self._process_id = os.getpid()
        self._closing = threading.Lock()
        # Guards what follows. It may be taken twice: an iterator that is collected while it is held takes it again.
        self._taking = threading.RLock()
        self._takes_calls = True
        self._waits: set[concurrent.futures.Future[Any]] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="holdfast-client", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and end the thread. Calls in progress are cancelled. May be called again.

        In a process that was forked nothing is done: all there is to close is the other's.
        """
        if self._was_forked():
            return
        with self._closing:
            with self._taking:
                if not self._takes_calls:
                    return
                self._takes_calls = False
            try:
                for step in (self._client.close, _end_the_rest, self._loop.shutdown_asyncgens):
                    self._take_step(step())
            finally:
                self._end_thread()

    @property
    def target(self) -> str:
        """Where the authority is."""
        return self._client.target

    create_reservation = _waits_for(HoldfastClient.create_reservation)
    batch_create_reservations = _waits_for(HoldfastClient.batch_create_reservations)
    commit_reservation = _waits_for(HoldfastClient.commit_reservation)
    extend_reservation = _waits_for(HoldfastClient.extend_reservation)
    release_reservation = _waits_for(HoldfastClient.release_reservation)
    transfer_reservation = _waits_for(HoldfastClient.transfer_reservation)
    post_fulfillment = _waits_for(HoldfastClient.post_fulfillment)
    process_return = _waits_for(HoldfastClient.process_return)
    receive_return = _waits_for(HoldfastClient.receive_return)
    inspect_return = _waits_for(HoldfastClient.inspect_return)
    list_returns = _iterates(HoldfastClient.list_returns)
    list_returns_page = _waits_for(HoldfastClient.list_returns_page)
    get_reservation = _waits_for(HoldfastClient.get_reservation)
    list_reservations = _iterates(HoldfastClient.list_reservations)
    list_reservations_page = _waits_for(HoldfastClient.list_reservations_page)
    get_availability = _waits_for(HoldfastClient.get_availability)
    batch_get_availability = _waits_for(HoldfastClient.batch_get_availability)
    watch_availability = _iterates(HoldfastClient.watch_availability)
    watch_movements = _iterates(HoldfastClient.watch_movements)
    receive_stock = _waits_for(HoldfastClient.receive_stock)
    adjust_stock = _waits_for(HoldfastClient.adjust_stock)
    count_stock = _waits_for(HoldfastClient.count_stock)
    stream_counts = _iterates(HoldfastClient.stream_counts)
    move_status = _waits_for(HoldfastClient.move_status)
    plan_inbound = _waits_for(HoldfastClient.plan_inbound)
    list_inbounds = _iterates(HoldfastClient.list_inbounds)
    list_inbounds_page = _waits_for(HoldfastClient.list_inbounds_page)
    ship_transfer = _waits_for(HoldfastClient.ship_transfer)
    receive_transfer = _waits_for(HoldfastClient.receive_transfer)
    list_transfers = _iterates(HoldfastClient.list_transfers)
    list_transfers_page = _waits_for(HoldfastClient.list_transfers_page)
    put_items = _waits_for(HoldfastClient.put_items)
    put_locations = _waits_for(HoldfastClient.put_locations)
    put_pools = _waits_for(HoldfastClient.put_pools)
    put_channels = _waits_for(HoldfastClient.put_channels)
    get_item = _waits_for(HoldfastClient.get_item)
    list_items = _iterates(HoldfastClient.list_items)
    list_items_page = _waits_for(HoldfastClient.list_items_page)
    list_locations = _iterates(HoldfastClient.list_locations)
    list_locations_page = _waits_for(HoldfastClient.list_locations_page)
    list_pools = _iterates(HoldfastClient.list_pools)
    list_pools_page = _waits_for(HoldfastClient.list_pools_page)
    list_channels = _iterates(HoldfastClient.list_channels)
    list_channels_page = _waits_for(HoldfastClient.list_channels_page)
    put_rules = _waits_for(HoldfastClient.put_rules)
    list_rules = _iterates(HoldfastClient.list_rules)
    list_rules_page = _waits_for(HoldfastClient.list_rules_page)
    move_allotment = _waits_for(HoldfastClient.move_allotment)
    list_incidents = _iterates(HoldfastClient.list_incidents)
    list_incidents_page = _waits_for(HoldfastClient.list_incidents_page)
    resolve_incident = _waits_for(HoldfastClient.resolve_incident)
    close_incident = _waits_for(HoldfastClient.close_incident)
    compare_stock = _waits_for(HoldfastClient.compare_stock)
    note_posting = _waits_for(HoldfastClient.note_posting)
    list_parked_requests = _iterates(HoldfastClient.list_parked_requests)
    list_parked_requests_page = _waits_for(HoldfastClient.list_parked_requests_page)
    discard_parked_request = _waits_for(HoldfastClient.discard_parked_request)
    put_subscription = _waits_for(HoldfastClient.put_subscription)
    get_subscription = _waits_for(HoldfastClient.get_subscription)
    list_subscriptions = _iterates(HoldfastClient.list_subscriptions)
    list_subscriptions_page = _waits_for(HoldfastClient.list_subscriptions_page)
    delete_subscription = _waits_for(HoldfastClient.delete_subscription)
    acknowledge_revision = _waits_for(HoldfastClient.acknowledge_revision)
    list_movements = _iterates(HoldfastClient.list_movements)
    list_movements_page = _waits_for(HoldfastClient.list_movements_page)
    trace_order = _iterates(HoldfastClient.trace_order)
    trace_order_page = _waits_for(HoldfastClient.trace_order_page)
    verify_ledger = _iterates(HoldfastClient.verify_ledger)
    list_segments = _iterates(HoldfastClient.list_segments)
    list_segments_page = _waits_for(HoldfastClient.list_segments_page)
    retire_history = _waits_for(HoldfastClient.retire_history)
    list_retirements = _iterates(HoldfastClient.list_retirements)
    list_retirements_page = _waits_for(HoldfastClient.list_retirements_page)
    resume_segment = _waits_for(HoldfastClient.resume_segment)
    is_serving = _waits_for(HoldfastClient.is_serving)

    def _was_forked(self) -> bool:
        """Whether this is another process: without the thread, and with locks that may be held for ever."""
        return os.getpid() != self._process_id

    def _run(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        if self._was_forked():
            work.close()
            raise RuntimeError("the client was made before a fork: make it in the process that uses it")
        with self._taking:
            if not self._takes_calls:
                work.close()
                raise RuntimeError("the client is closed")
            wait = asyncio.run_coroutine_threadsafe(work, self._loop)
            self._waits.add(wait)
        try:
            return wait.result()
        finally:
            # Only a wait that was interrupted leaves something to cancel.
            wait.cancel()
            self._waits.discard(wait)

    def _take_step(self, work: Coroutine[Any, Any, None]) -> None:
        """Do a part of the closing, within its bound."""
        step = asyncio.run_coroutine_threadsafe(work, self._loop)
        with contextlib.suppress(TimeoutError):
            step.result(CLOSING_STEP_SECONDS)

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        try:
            self._thread.join(CLOSING_STEP_SECONDS)
        finally:
            # Nobody waits any more, unless a step of the closing took too long, or somebody has interrupted it.
            for wait in tuple(self._waits):
                wait.cancel()
        if not self._thread.is_alive():
            self._loop.close()

    def _leave(self, elements: AsyncGenerator[Any, None]) -> None:
        """End an iteration without waiting for it: an abandoned iterator may be collected on any thread."""
        if self._was_forked():
            return
        with self._taking:
            if self._takes_calls:
                self._loop.call_soon_threadsafe(self._end_soon, elements)

    def _end_soon(self, elements: AsyncGenerator[Any, None]) -> None:
        ending = self._loop.create_task(_end(elements))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)
