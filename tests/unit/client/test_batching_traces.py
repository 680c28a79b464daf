"""Calls of different traces may travel together; each stays in its own, and their batch is in nobody's."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast_client import HoldfastClient
from holdfast_client.calls import Calls
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


@contextlib.contextmanager
def instrumented() -> Iterator[None]:
    """What instruments gRPC makes each call a part of the span that is current where it is made, and says so."""
    provider = pytest.importorskip("opentelemetry.sdk.trace").TracerProvider(shutdown_on_exit=False)
    instrumentor = pytest.importorskip("opentelemetry.instrumentation.grpc").GrpcAioInstrumentorClient()
    instrumentor.instrument(tracer_provider=provider)
    try:
        yield
    finally:
        instrumentor.uninstrument()


def trace_of(traceparent: str) -> str:
    return traceparent.split("-")[1]


async def test_where_grpc_is_instrumented_a_call_that_goes_alone_is_in_its_trace(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(ALONE, CREATED, CREATED)
    with instrumented():
        with span(1) as only:
            await ask(client, "a")
        await ask(client, "b")
    inside, outside = (trace_of(call.metadata["traceparent"]) for call in authority.heard(ALONE))
    assert inside == trace_of(only)
    assert outside != inside


async def test_where_grpc_is_instrumented_a_batch_of_one_trace_is_in_it(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(TOGETHER, CREATED, CREATED)
    with instrumented():
        with span(1) as only:
            await ask_all(client, "a", "b")
        await ask_all(client, "c", "d")
    inside, outside = (trace_of(call.metadata["traceparent"]) for call in authority.heard(TOGETHER))
    assert inside == trace_of(only)
    assert outside != inside


async def test_where_grpc_is_instrumented_nobody_gets_into_the_trace_of_another(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(TOGETHER, CREATED)
    with instrumented():
        with span(1) as first:
            calls = [ask(client, "a")]
        calls.append(ask(client, "b"))
        with span(2) as second:
            calls.append(ask(client, "c"))
        await asyncio.gather(*calls)
    (heard,) = authority.heard(TOGETHER)
    assert list(heard.request.trace_parents) == [first, "", second]
    # A request whose own is empty gets the trace of the call.
    assert trace_of(heard.metadata["traceparent"]) not in (trace_of(first), trace_of(second))


async def test_a_call_is_sent_in_the_context_of_its_caller_and_leaves_it_as_it_was(
    authority: ScriptedAuthority, client: HoldfastClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.will_answer(ALONE, CREATED)
    authority.will_answer(TOGETHER, CREATED)
    tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="nobody")
    seen = []
    try_once = Calls.try_once

    async def noting(self: Calls, *args: Any, **kwargs: Any) -> bytes:
        seen.append(tenant.get())
        tenant.set("the sender")
        return await try_once(self, *args, **kwargs)

    monkeypatch.setattr(Calls, "try_once", noting)
    tenant.set("the caller")
    await client.create_reservation(channel="WEB", lines=[("85123A", 1)])
    assert (seen, tenant.get()) == (["the caller"], "the caller")
    # Of calls without a trace it is not known whether they have anything in common.
    await ask_all(client, "a", "b")
    assert seen[1:] == ["nobody"]
