"""A stream of counts: every count is answered, few are under way at a time, and nothing is sent twice."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
from holdfast.inventory.v1 import supply_pb2

from holdfast_client import (
    HoldfastClient,
    LedgerUnavailable,
    RetryPolicy,
    SegmentLoading,
    Unavailable,
    UnknownSku,
    count_request,
    error_from_status,
)
from unit.client.scripted import PATIENCE_SECONDS, ScriptedAuthority, Silence, loading, status_of

Answer = supply_pb2.StreamCountsResponse


def counts(number: int) -> list[supply_pb2.CountStockRequest]:
    return [count_request([("A", each, "LONDON")], request_id=f"count-{each}") for each in range(number)]


def answers(number: int) -> list[Answer]:
    return [Answer(request_id=f"count-{each}", counted=supply_pb2.CountStockResponse()) for each in range(number)]


async def test_every_count_is_sent_and_answered_in_order(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer("StreamCounts", *answers(200))
    got = [answer.request_id async for answer in client.stream_counts(counts(200), max_unanswered=7)]
    assert got == [f"count-{each}" for each in range(200)]
    assert [call.request.count for call in authority.heard("StreamCounts")] == counts(200)


async def test_counts_may_come_from_a_plain_iterator_or_an_asynchronous_one(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    async def slowly() -> AsyncIterator[supply_pb2.CountStockRequest]:
        for count in counts(3):
            await asyncio.sleep(0)
            yield count

    for source in (iter(counts(3)), slowly(), tuple(counts(3))):
        authority.will_answer("StreamCounts", *answers(3))
        assert len([answer async for answer in client.stream_counts(source)]) == 3


async def test_a_stream_of_nothing_ends_at_once(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    assert [answer async for answer in client.stream_counts([])] == []
    assert authority.all_heard() == []


async def test_a_count_without_an_id_gets_one_in_the_message_that_was_passed(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    bare = supply_pb2.CountStockRequest()
    authority.will_answer("StreamCounts", Answer())
    assert len([answer async for answer in client.stream_counts([bare])]) == 1
    assert bare.request_id
    assert authority.heard("StreamCounts")[0].request.count.request_id == bare.request_id


async def test_a_refusal_of_one_is_its_answer(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    refusal = status_of(grpc.StatusCode.NOT_FOUND, "UNKNOWN_SKU", metadata={"sku": "A"})
    authority.will_answer("StreamCounts", Answer(request_id="count-0", refusal=refusal), answers(2)[1])
    first, second = [answer async for answer in client.stream_counts(counts(2))]
    assert isinstance(error_from_status(first.refusal), UnknownSku)
    assert second.WhichOneof("result") == "counted"


async def test_no_more_are_under_way_than_the_window_holds(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    taken: list[int] = []

    def watched() -> Iterator[supply_pb2.CountStockRequest]:
        for number, count in enumerate(counts(20)):
            taken.append(number)
            yield count

    answered = 0
    authority.will_answer("StreamCounts", *answers(20))
    async for _ in client.stream_counts(watched(), max_unanswered=3):
        answered += 1
        assert len(taken) <= answered + 3
    assert answered == 20


async def test_a_window_of_nothing_is_a_mistake_of_the_program(client: HoldfastClient) -> None:
    with pytest.raises(ValueError):
        await anext(client.stream_counts(counts(1), max_unanswered=0))


async def test_a_stream_that_broke_is_not_begun_again(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer("StreamCounts", answers(1)[0], loading(), *answers(2))
    stream = client.stream_counts(counts(2))
    assert (await anext(stream)).request_id == "count-0"
    with pytest.raises(SegmentLoading):
        await anext(stream)
    assert len(authority.heard("StreamCounts")) == 2


async def test_nobody_listening_takes_no_count_and_is_unavailable() -> None:
    taken = []

    def watched() -> Iterator[supply_pb2.CountStockRequest]:
        taken.append(True)
        yield from counts(1)

    policy = RetryPolicy(max_tries=2, initial_backoff_seconds=0.0, max_backoff_seconds=0.0)
    async with HoldfastClient("127.0.0.1:1", caller="tests", retry=policy) as client:
        with pytest.raises(Unavailable):
            await anext(client.stream_counts(watched()))
    assert taken == []


async def test_what_the_counts_raise_is_raised_after_the_answers_to_those_that_were_sent(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer("StreamCounts", *answers(2))

    def broken() -> Iterator[supply_pb2.CountStockRequest]:
        yield from counts(2)
        raise OSError("the file ends in the middle")

    stream = client.stream_counts(broken())
    assert [(await anext(stream)).request_id for _ in range(2)] == ["count-0", "count-1"]
    with pytest.raises(OSError, match="in the middle"):
        await anext(stream)


async def test_leaving_the_stream_cancels_it(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    silence = Silence()
    authority.will_answer("StreamCounts", [answers(1)[0], silence])
    stream = client.stream_counts(counts(2))
    await anext(stream)
    assert await asyncio.to_thread(silence.arrived.wait, PATIENCE_SECONDS)
    await stream.aclose()
    assert await asyncio.to_thread(silence.left.wait, PATIENCE_SECONDS)


async def test_cancelling_the_task_that_reads_ends_the_stream(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    silence = Silence()
    authority.will_answer("StreamCounts", silence)

    async def read() -> None:
        async for _ in client.stream_counts(counts(1)):
            pass

    task = asyncio.create_task(read())
    assert await asyncio.to_thread(silence.arrived.wait, PATIENCE_SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(silence.left.wait, PATIENCE_SECONDS)


async def test_a_write_that_meets_the_end_does_not_hide_what_the_authority_said(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    """grpc.aio puts a status of its own before or over the one that was sent, about every other time here."""
    for _ in range(30):
        authority.will_answer("StreamCounts", status_of(grpc.StatusCode.UNAVAILABLE, "LEDGER_UNAVAILABLE"))
        with pytest.raises(LedgerUnavailable):
            async for _ in client.stream_counts(counts(5)):
                pass
