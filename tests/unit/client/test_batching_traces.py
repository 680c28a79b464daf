"""Calls of different traces may travel together; each stays in its own, and a batch is in nobody's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast_client import HoldfastClient
from holdfast_client.calls import Calls
from holdfast_client.trace_parent import current_trace_parent
from unit.client.batching_cases import ALONE, CREATED, TOGETHER, ask, ask_all
from unit.client.scripted import ScriptedAuthority

trace: Any = pytest.importorskip("opentelemetry.trace")


@contextlib.contextmanager
def span(number: int) -> Iterator[str]:
    """A span of its own trace is current; yields what names it."""
    context = trace.SpanContext(
        trace_id=0xABC000 + number, span_id=number, is_remote=False, trace_flags=trace.TraceFlags(1)
    )
    with trace.use_span(trace.NonRecordingSpan(context)):
        yield f"00-{0xABC000 + number:032x}-{number:016x}-01"


async def test_each_request_of_a_batch_keeps_its_trace(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer(TOGETHER, CREATED)
    with span(1) as first:
        calls = [ask(client, "a")]
    calls.append(ask(client, "b"))
    with span(2) as second:
        calls.append(ask(client, "c"))
    await asyncio.gather(*calls)
    (heard,) = authority.heard(TOGETHER)
    assert [one.order_id for one in heard.request.requests] == ["a", "b", "c"]
    assert list(heard.request.trace_parents) == [first, "", second]
    assert "traceparent" not in heard.metadata


async def test_requests_of_one_trace_share_what_names_it(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer(TOGETHER, CREATED, CREATED)
    with span(1) as only:
        await ask_all(client, "a", "b")
    await ask_all(client, "c", "d")
    inside, outside = authority.heard(TOGETHER)
    assert inside.metadata["traceparent"] == only
    assert "traceparent" not in outside.metadata
    assert not inside.request.trace_parents
    assert not outside.request.trace_parents


async def test_a_call_that_goes_alone_is_in_its_trace(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer(ALONE, CREATED)
    with span(1) as only:
        await ask(client, "a")
    assert authority.heard(ALONE)[0].metadata["traceparent"] == only


async def test_a_batch_is_sent_in_no_span_of_a_caller(
    authority: ScriptedAuthority, client: HoldfastClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What instruments gRPC would make the batch a part of whatever span is current."""
    authority.will_answer(TOGETHER, CREATED)
    spans = []
    try_once = Calls.try_once

    async def noting(self: Calls, *args: Any, **kwargs: Any) -> bytes:
        spans.append(current_trace_parent())
        return await try_once(self, *args, **kwargs)

    monkeypatch.setattr(Calls, "try_once", noting)
    with span(1):
        await ask_all(client, "a", "b")
    assert spans == [""]
