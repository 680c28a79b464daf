"""Closing a waiting client, whatever goes on in other threads: all of them go on, and none is let in any more."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable

import pytest

from holdfast_client import SyncHoldfastClient, sync
from unit.client.scripted import PATIENCE_SECONDS, ScriptedAuthority, Silence


class Asking:
    """A thread that makes a call, and how that ended."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.end: BaseException | None = None
        self._call = call
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def returned(self, seconds: float = PATIENCE_SECONDS) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def is_told_that_the_client_is_closed(self) -> bool:
        return self.returned(PATIENCE_SECONDS / 10) and str(self.end) == "the client is closed"

    def _ask(self) -> None:
        try:
            self._call()
        except BaseException as end:
            self.end = end


def test_who_asks_while_the_client_is_closed_is_refused(
    authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = SyncHoldfastClient(authority.target, caller="tests")
    close = client._client.close
    late: list[Asking] = []

    async def close_with_somebody_late() -> None:
        late.append(Asking(lambda: client.get_item("85123A")))
        await asyncio.to_thread(late[0].returned, 1.0)
        await close()

    monkeypatch.setattr(client._client, "close", close_with_somebody_late)
    client.close()
    assert late[0].is_told_that_the_client_is_closed()
    assert not authority.heard("GetItem")


def test_who_asks_when_the_thread_ends_is_refused(
    authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = SyncHoldfastClient(authority.target, caller="tests")
    stop = client._loop.stop
    late: list[Asking] = []

    def stop_with_somebody_late() -> None:
        late.append(Asking(lambda: client.get_item("85123A")))
        late[0].returned(1.0)
        stop()

    monkeypatch.setattr(client._loop, "stop", stop_with_somebody_late)
    client.close()
    assert late[0].is_told_that_the_client_is_closed()


def test_what_does_not_let_itself_be_cancelled_holds_up_nobody(
    authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "CLOSING_STEP_SECONDS", 0.05)
    client = SyncHoldfastClient(authority.target, caller="tests")
    begun = threading.Event()

    async def stubborn() -> None:
        while True:
            begun.set()
            try:
                await asyncio.sleep(10 * PATIENCE_SECONDS)
            except asyncio.CancelledError:
                continue

    waiting = Asking(lambda: client._run(stubborn()))
    assert begun.wait(PATIENCE_SECONDS)
    closing = Asking(client.close)
    assert closing.returned(PATIENCE_SECONDS / 10)
    assert waiting.returned(PATIENCE_SECONDS / 10)
    assert (closing.end, type(waiting.end)) == (None, concurrent.futures.CancelledError)


def test_a_thread_that_is_stuck_holds_up_nobody(authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "CLOSING_STEP_SECONDS", 0.05)
    silence, stuck, free = Silence(), threading.Event(), threading.Event()
    authority.will_answer("GetItem", silence)
    client = SyncHoldfastClient(authority.target, caller="tests")
    waiting = Asking(lambda: client.get_item("85123A"))
    assert silence.arrived.wait(PATIENCE_SECONDS)

    def be_stuck() -> None:
        stuck.set()
        free.wait(PATIENCE_SECONDS)

    client._loop.call_soon_threadsafe(be_stuck)
    assert stuck.wait(PATIENCE_SECONDS)
    closing = Asking(client.close)
    try:
        assert closing.returned(PATIENCE_SECONDS / 10)
        assert waiting.returned(PATIENCE_SECONDS / 10)
        assert (closing.end, type(waiting.end)) == (None, concurrent.futures.CancelledError)
    finally:
        free.set()
    client._thread.join(PATIENCE_SECONDS)
    # What the closing began is still there, and would be missed by the warnings of asyncio.
    while asyncio.all_tasks(client._loop):
        client._loop.call_later(0.01, client._loop.stop)
        client._loop.run_forever()
    client._loop.close()


def test_a_step_that_fails_leaves_no_thread(authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    client = SyncHoldfastClient(authority.target, caller="tests")

    async def fail() -> None:
        raise OSError("it does not close")

    monkeypatch.setattr(client._client, "close", fail)
    with pytest.raises(OSError, match="does not close"):
        client.close()
    assert not client._thread.is_alive()
    assert client._loop.is_closed()


def test_an_interrupt_while_the_thread_ends_leaves_nobody_waiting(
    authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = SyncHoldfastClient(authority.target, caller="tests")
    wait: concurrent.futures.Future[None] = concurrent.futures.Future()
    client._waits.add(wait)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(client._thread, "join", interrupt)
        with pytest.raises(KeyboardInterrupt):
            client.close()
    assert wait.cancelled()
    client._thread.join(PATIENCE_SECONDS)
    client._loop.close()
