"""A call is tried again where that is safe and useful, and only there; its deadline covers all tries."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from google.rpc import status_pb2
from holdfast.inventory.v1 import audit_service_pb2, catalog_service_pb2, inventory_service_pb2

from holdfast_client import (
    BacklogFull,
    DeadlineExceeded,
    Deadlines,
    HoldfastClient,
    HoldfastError,
    Overloaded,
    RetryPolicy,
    SegmentLoading,
    Unavailable,
)
from holdfast_client.calls import Calls
from unit.client.scripted import PATIENCE_SECONDS, RPCS, ScriptedAuthority, Silence, loading, status_of

ITEM = catalog_service_pb2.GetItemResponse()
COMMITTED = inventory_service_pb2.CommitReservationResponse()
TRIED_AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
# What gRPC says of a call that it drops, here or on the way, without anybody having asked for that.
DROPPED = status_pb2.Status(code=grpc.StatusCode.CANCELLED.value[0], message="dropped")
POLICY = RetryPolicy(max_tries=4, initial_backoff_seconds=1.0, max_backoff_seconds=3.0)


class Waits:
    """Records the waits that are asked for, instead of waiting. Draws always the greatest number."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.passing_seconds: float | None = None

    async def wait(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if self.passing_seconds is not None:
            let_time_pass(self.passing_seconds)

    @staticmethod
    def draw(low: float, high: float) -> float:
        assert low == 0.0
        return high


def let_time_pass(seconds: float) -> None:
    """Put the clock of the running loop forward."""
    loop = asyncio.get_running_loop()
    time_before = loop.time
    loop.time = lambda: time_before() + seconds  # type: ignore[method-assign]


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
async def calls(authority: ScriptedAuthority, waits: Waits) -> AsyncIterator[Calls]:
    calls = Calls(authority.target, metadata=(), retry=POLICY, wait=waits.wait, draw=waits.draw)
    yield calls
    await calls.close()


async def get_item(calls: Calls, deadline_seconds: float = PATIENCE_SECONDS) -> catalog_service_pb2.GetItemResponse:
    return await calls.unary(
        catalog_service_pb2.GetItemRequest(sku="85123A"),
        catalog_service_pb2.GetItemResponse,
        deadline_seconds=deadline_seconds,
    )


async def test_a_call_is_tried_again_after_unavailable_under_the_same_request_id(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer("CommitReservation", loading(), loading(), COMMITTED)
    await client.commit_reservation("main-1")
    requests = [call.request for call in authority.heard("CommitReservation")]
    assert len(requests) == 3
    assert requests[0].request_id
    assert requests[0] == requests[1] == requests[2]


async def test_two_calls_have_two_request_ids(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer("CommitReservation", COMMITTED, COMMITTED)
    await client.commit_reservation("main-1")
    await client.commit_reservation("main-1")
    first, second = authority.heard("CommitReservation")
    assert first.request.request_id < second.request.request_id


async def test_a_request_id_that_the_caller_gives_is_used(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer("CommitReservation", COMMITTED)
    await client.commit_reservation("main-1", request_id="order-536365")
    assert authority.heard("CommitReservation")[0].request.request_id == "order-536365"


@pytest.mark.parametrize(
    "refusal",
    [status_of(code, "") for code in grpc.StatusCode if code not in {grpc.StatusCode.OK, *TRIED_AGAIN}],
    ids=lambda status: str(status.code),
)
async def test_no_other_code_is_tried_again(
    authority: ScriptedAuthority, client: HoldfastClient, refusal: status_pb2.Status
) -> None:
    authority.will_answer("GetItem", refusal, ITEM)
    with pytest.raises(HoldfastError) as raised:
        await client.get_item("85123A")
    assert raised.value.code.value[0] == refusal.code
    assert len(authority.heard("GetItem")) == 1


async def test_a_call_that_was_dropped_on_its_way_is_tried_again_under_the_same_request_id(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer("CommitReservation", DROPPED, DROPPED, COMMITTED)
    await client.commit_reservation("main-1")
    requests = [call.request for call in authority.heard("CommitReservation")]
    assert len(requests) == 3
    assert requests[0].request_id
    assert requests[0] == requests[1] == requests[2]


async def test_a_call_that_is_dropped_at_every_try_is_unavailable(authority: ScriptedAuthority, calls: Calls) -> None:
    authority.will_answer("GetItem", *[DROPPED] * POLICY.max_tries)
    with pytest.raises(Unavailable, match="CANCELLED") as raised:
        await get_item(calls)
    assert raised.value.code is grpc.StatusCode.UNAVAILABLE
    assert len(authority.heard("GetItem")) == POLICY.max_tries


async def test_a_stream_that_was_dropped_before_its_first_answer_is_tried_again(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    progress = audit_service_pb2.VerifyLedgerResponse()
    authority.will_answer("VerifyLedger", [DROPPED], [progress, DROPPED])
    responses = client.verify_ledger()
    assert await anext(responses) == progress
    with pytest.raises(Unavailable):
        await anext(responses)
    assert len(authority.heard("VerifyLedger")) == 2


async def test_a_task_that_is_cancelled_while_a_dropped_call_waits_is_not_tried_again(
    authority: ScriptedAuthority,
) -> None:
    waiting = asyncio.Event()

    async def wait(_: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    authority.will_answer("GetItem", DROPPED, ITEM)
    calls = Calls(authority.target, metadata=(), retry=POLICY, wait=wait)
    task = asyncio.create_task(get_item(calls))
    await asyncio.wait_for(waiting.wait(), PATIENCE_SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await calls.close()
    assert len(authority.heard("GetItem")) == 1


@pytest.mark.parametrize(("reason", "expected"), [("OVERLOADED", Overloaded), ("BACKLOG_FULL", BacklogFull)])
async def test_a_limit_that_was_reached_is_not_tried_again_although_it_has_a_retry_delay(
    authority: ScriptedAuthority, client: HoldfastClient, reason: str, expected: type[HoldfastError]
) -> None:
    authority.will_answer(
        "GetItem", status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, reason, retry_delay_seconds=0.0), ITEM
    )
    with pytest.raises(expected):
        await client.get_item("85123A")
    assert len(authority.heard("GetItem")) == 1


async def test_the_tries_are_bounded_and_the_last_refusal_is_raised(authority: ScriptedAuthority, calls: Calls) -> None:
    authority.will_answer("GetItem", *[status_of(grpc.StatusCode.UNAVAILABLE, "LEDGER_UNAVAILABLE")] * 3, loading())
    with pytest.raises(SegmentLoading):
        await get_item(calls)
    assert len(authority.heard("GetItem")) == POLICY.max_tries


async def test_the_bound_of_the_wait_doubles_up_to_the_greatest(
    authority: ScriptedAuthority, calls: Calls, waits: Waits
) -> None:
    authority.will_answer("GetItem", loading(), loading(), loading(), ITEM)
    await get_item(calls)
    assert waits.seconds == [1.0, 2.0, 3.0]


async def test_the_authority_s_retry_delay_comes_on_top_of_the_drawn_wait(
    authority: ScriptedAuthority, calls: Calls, waits: Waits
) -> None:
    authority.will_answer("GetItem", loading(0.5), loading(), ITEM)
    await get_item(calls)
    assert waits.seconds == [1.5, 2.0]


async def test_a_wait_that_would_pass_the_deadline_is_not_begun(
    authority: ScriptedAuthority, calls: Calls, waits: Waits
) -> None:
    authority.will_answer("GetItem", loading(PATIENCE_SECONDS), ITEM)
    with pytest.raises(SegmentLoading) as raised:
        await get_item(calls)
    assert raised.value.retry_delay_seconds == PATIENCE_SECONDS
    assert waits.seconds == []
    assert len(authority.heard("GetItem")) == 1


async def test_a_try_gets_what_the_tries_before_left_of_the_deadline(
    authority: ScriptedAuthority, calls: Calls, waits: Waits
) -> None:
    waits.passing_seconds = 20.0
    authority.will_answer("GetItem", loading(), ITEM)
    await get_item(calls, deadline_seconds=30.0)
    first, second = (call.remaining_seconds for call in authority.heard("GetItem"))
    # gRPC rounds what is left up as it sends it.
    assert 20.0 < first < 40.0
    assert second < 15.0


async def test_a_deadline_that_passes_during_a_wait_raises_the_refusal_behind_it(
    authority: ScriptedAuthority, calls: Calls, waits: Waits
) -> None:
    waits.passing_seconds = 30.0
    authority.will_answer("GetItem", loading(), ITEM)
    with pytest.raises(SegmentLoading):
        await get_item(calls, deadline_seconds=30.0)
    assert len(authority.heard("GetItem")) == 1


async def test_no_answer_by_the_deadline_is_an_error_that_names_the_refusal_before_it(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    silence = Silence()
    authority.will_answer("CommitReservation", loading(), silence)
    with pytest.raises(DeadlineExceeded) as raised:
        await client.commit_reservation("main-1", deadline_seconds=0.5)
    assert isinstance(raised.value.__cause__, SegmentLoading)
    assert raised.value.request_id == authority.heard("CommitReservation")[0].request.request_id
    assert silence.left.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize(("method", "kind"), [("GetItem", "read_seconds"), ("CommitReservation", "mutation_seconds")])
async def test_each_kind_of_call_has_its_own_deadline(authority: ScriptedAuthority, method: str, kind: str) -> None:
    authority.will_answer(method, ITEM)
    async with HoldfastClient(authority.target, caller="tests", deadlines=Deadlines(**{kind: 777.0})) as client:
        await (client.get_item("A") if method == "GetItem" else client.commit_reservation("main-1"))
    assert 700.0 < authority.heard(method)[0].remaining_seconds < 800.0


async def test_a_reply_that_was_lost_with_its_connection_is_asked_for_again(
    authority: ScriptedAuthority,
) -> None:
    authority.will_answer("CommitReservation", COMMITTED, COMMITTED)
    async with (
        CutOnce(authority) as target,
        HoldfastClient(target, caller="tests", retry=RetryPolicy(max_tries=20, initial_backoff_seconds=0.1)) as client,
    ):
        await client.commit_reservation("main-1", deadline_seconds=PATIENCE_SECONDS)
    lost, again = authority.heard("CommitReservation")
    assert lost.request == again.request


async def test_nobody_listening_is_unavailable() -> None:
    client = HoldfastClient("127.0.0.1:1", caller="tests", retry=RetryPolicy(max_tries=1))
    async with client:
        with pytest.raises(Unavailable) as raised:
            await client.get_item("85123A")
    assert type(raised.value) is Unavailable
    assert raised.value.reason == ""


async def test_resuming_a_segment_is_never_tried_again(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer("ResumeSegment", loading(), audit_service_pb2.ResumeSegmentResponse())
    with pytest.raises(SegmentLoading):
        await client.resume_segment("main", mode=audit_service_pb2.RESUME_MODE_DISCARD_JOURNAL, reason="failover")
    assert len(authority.heard("ResumeSegment")) == 1


async def test_cancelling_the_task_cancels_the_call(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    silence = Silence()
    authority.will_answer("GetItem", silence, ITEM)
    task = asyncio.create_task(client.get_item("85123A"))
    assert await asyncio.to_thread(silence.arrived.wait, PATIENCE_SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(silence.left.wait, PATIENCE_SECONDS)
    assert len(authority.heard("GetItem")) == 1


async def test_leaving_a_stream_cancels_its_call(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    silence = Silence()
    authority.will_answer("VerifyLedger", [audit_service_pb2.VerifyLedgerResponse(), silence])
    responses = client.verify_ledger()
    await anext(responses)
    assert await asyncio.to_thread(silence.arrived.wait, PATIENCE_SECONDS)
    await responses.aclose()
    assert await asyncio.to_thread(silence.left.wait, PATIENCE_SECONDS)


async def test_cancelling_the_task_that_reads_a_stream_cancels_its_call(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    silence = Silence()
    authority.will_answer("VerifyLedger", [silence])

    async def read() -> None:
        async for _ in client.verify_ledger():
            pass

    task = asyncio.create_task(read())
    assert await asyncio.to_thread(silence.arrived.wait, PATIENCE_SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(silence.left.wait, PATIENCE_SECONDS)


async def test_the_caller_is_named_in_the_metadata(authority: ScriptedAuthority) -> None:
    authority.will_answer("GetItem", ITEM)
    async with HoldfastClient(authority.target, caller="checkout", on_behalf_of="customer 17850") as client:
        await client.get_item("85123A")
    metadata = authority.heard("GetItem")[0].metadata
    assert metadata["holdfast-caller"] == "checkout"
    assert metadata["holdfast-on-behalf-of"] == "customer 17850"
    assert "traceparent" not in metadata


async def test_nobody_is_named_where_the_program_acts_for_itself(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer("GetItem", ITEM)
    await client.get_item("85123A")
    assert "holdfast-on-behalf-of" not in authority.heard("GetItem")[0].metadata


async def test_a_current_span_is_passed_on(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    trace = pytest.importorskip("opentelemetry.trace")
    context = trace.SpanContext(
        trace_id=0x0AF7651916CD43DD8448EB211C80319C,
        span_id=0x00F067AA0BA902B7,
        is_remote=False,
        trace_flags=trace.TraceFlags(1),
    )
    authority.will_answer("GetItem", ITEM, ITEM)
    with trace.use_span(trace.NonRecordingSpan(context)):
        await client.get_item("85123A")
    await client.get_item("85123A")
    inside, outside = (call.metadata for call in authority.heard("GetItem"))
    assert inside["traceparent"] == "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
    assert "traceparent" not in outside


@pytest.mark.parametrize("caller", ["", "Käufer", "two\nlines"])
def test_a_caller_that_metadata_cannot_carry_is_refused_at_once(caller: str) -> None:
    with pytest.raises(ValueError):
        HoldfastClient(caller=caller)


async def test_several_channels_are_used_in_turn_over_connections_of_their_own(
    authority: ScriptedAuthority,
) -> None:
    authority.will_answer("GetItem", *[ITEM] * 6)
    async with HoldfastClient(authority.target, caller="tests", channel_count=3) as client:
        for _ in range(6):
            await client.get_item("85123A")
    peers = [call.peer for call in authority.heard("GetItem")]
    assert len(set(peers)) == 3
    assert peers[:3] == peers[3:]


async def test_a_closed_client_says_so(authority: ScriptedAuthority) -> None:
    client = HoldfastClient(authority.target, caller="tests")
    await client.close()
    await client.close()
    with pytest.raises(RuntimeError, match="closed"):
        await client.get_item("85123A")


def test_the_target_comes_from_the_argument_then_the_environment_then_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HOLDFAST_TARGET", raising=False)
    assert HoldfastClient(caller="tests").target == "127.0.0.1:50051"
    monkeypatch.setenv("HOLDFAST_TARGET", "authority:1")
    assert HoldfastClient(caller="tests").target == "authority:1"
    assert HoldfastClient("authority:2", caller="tests").target == "authority:2"


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_tries": 0},
        {"initial_backoff_seconds": -1.0},
        {"initial_backoff_seconds": 3.0, "max_backoff_seconds": 2.0},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        RetryPolicy(**wrong)  # type: ignore[arg-type]


def test_every_rpc_has_a_request_type_of_its_own() -> None:
    # The path of a call is found by the type of its request.
    assert len({rpc.input_type.full_name for rpc in RPCS.values()}) == len(RPCS)


class CutOnce:
    """A way to the authority that breaks once, when the reply to the first call comes back."""

    def __init__(self, authority: ScriptedAuthority) -> None:
        self._authority = authority
        self._cut = False
        self._pumps: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._authority.target.split(":")
        back_reader, back_writer = await asyncio.open_connection(host, int(port))
        for pump in (self._pump(reader, back_writer, False), self._pump(back_reader, writer, True)):
            self._pumps.add(asyncio.create_task(pump))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: bool) -> None:
        try:
            while some := await reader.read(65536):
                # The authority hears a call before it answers, so the answer never gets past this.
                if back and not self._cut and self._authority.all_heard():
                    self._cut = True
                    break
                writer.write(some)
                await writer.drain()
        finally:
            writer.close()
