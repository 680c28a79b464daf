"""Random bytes and random messages at every call: each is answered or refused with a reason, and nothing is harmed.

HOLDFAST_FUZZ_ROUNDS has it go on for longer, HOLDFAST_FUZZ_SEED with other chances.
"""

import asyncio
import os
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from holdfast.inventory.v1 import (
    audit_service_pb2,
    catalog_service_pb2,
    inventory_service_pb2,
    reconciliation_service_pb2,
    subscription_service_pb2,
)

from api.ids import uuid7
from api.refusals import read_error
from api.shop import Shop, Stubs, assert_ledger_is_sound, open_shop
from robustness.fuzz.messages import Inventor, Words
from support.authority import TestAuthority

ROUNDS = int(os.environ.get("HOLDFAST_FUZZ_ROUNDS", "40"))
SEED = int(os.environ.get("HOLDFAST_FUZZ_SEED", "0")) or random.SystemRandom().randrange(2**31)
AT_ONCE = 16
MESSAGES_OF_A_STREAM = 3
STREAM_SECONDS = 0.3
GROWTH_KIB = 48 * 1024
MODULES = (
    audit_service_pb2,
    catalog_service_pb2,
    inventory_service_pb2,
    reconciliation_service_pb2,
    subscription_service_pb2,
)
METHODS: list[MethodDescriptor] = [
    method
    for module in MODULES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
# What a caller may be told of a request that means nothing. INTERNAL and UNKNOWN are faults of the server; a deadline
# that runs out or a server that is away is not what one odd request may bring about.
FAULTS = {
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.DATA_LOSS,
}


@pytest.fixture(scope="module")
def own(servers: Any) -> Iterator[TestAuthority]:
    """An authority that nobody else uses: whatever is asked of it may be done."""
    authority = TestAuthority(servers, database="fuzz", segment="fuzz")
    authority.start_server()
    yield authority
    authority.close()


@pytest.fixture
async def channel(own: TestAuthority) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(own.target, options=[("grpc.use_local_subchannel_pool", 1)]) as opened:
        yield opened


async def one_by_one(requests: list[bytes]) -> AsyncIterator[bytes]:
    """Leaves time to refuse a message: gRPC's client calls it an error of its own to send one after the end."""
    for request in requests:
        yield request
        await asyncio.sleep(0.02)


async def call(channel: grpc.aio.Channel, method: MethodDescriptor, requests: list[bytes]) -> list[bytes]:
    """Makes a call with packed requests, and returns what was answered: of a stream its first messages."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    if method.client_streaming:
        stream = channel.stream_stream(path)(one_by_one(requests), timeout=20)
    elif method.server_streaming:
        stream = channel.unary_stream(path)(requests[0], timeout=20)
    else:
        return [await channel.unary_unary(path)(requests[0], timeout=20)]
    answers: list[bytes] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(STREAM_SECONDS):
            async for answer in stream:
                answers.append(answer)
                if len(answers) == MESSAGES_OF_A_STREAM:
                    break
    stream.cancel()
    return answers


async def outcome(channel: grpc.aio.Channel, method: MethodDescriptor, requests: list[bytes], words: Words) -> str:
    """Makes a call, learns from its answers, and returns the code it ended with. Refusals must have a reason."""
    refused = None
    answers: list[bytes] = []
    try:
        answers = await call(channel, method, requests)
        for answer in answers:
            words.learn_from(message_factory.GetMessageClass(method.output_type).FromString(answer))
    except grpc.aio.AioRpcError as error:
        refused = error
    if refused is None:
        is_stream = method.server_streaming or method.client_streaming
        return ("TOLD" if answers else "SILENT") if is_stream else "OK"
    assert refused.code() not in FAULTS, f"{method.name} of {requests}: {refused.code()} {refused.details()}"
    read_error(refused)  # Raises if the refusal is not typed.
    return str(refused.code().name)


async def fuzz(channel: grpc.aio.Channel, invent: Any, words: Words, rounds: int) -> Counter[str]:
    """Sends so many invented requests to every method, many at once, and returns how the calls ended."""
    ended: Counter[str] = Counter()
    for _ in range(rounds):
        for start in range(0, len(METHODS), AT_ONCE):
            part = METHODS[start : start + AT_ONCE]
            for code in await asyncio.gather(*(outcome(channel, one, invent(one), words) for one in part)):
                ended[code] += 1
    return ended


def memory_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


async def assert_unharmed(own: TestAuthority, shop: Shop) -> None:
    """The server is the one that was started, had no fault, decides, and its ledger is sound."""
    assert own.processes[0].is_alive
    assert not [line for line in own.processes[0].lines if re.search(r"Traceback|\[(error|critical)|quarantined", line)]
    fresh = await open_shop(shop.stubs, skus=1, units=3)
    reserved = await fresh.reserve((fresh.sku, 1))
    await fresh.release(reserved.reservation_id)
    await assert_ledger_is_sound(shop.stubs, uncovered=None)


def learned(shop: Shop) -> Words:
    words = Words()
    for name, values in (
        ("sku", shop.skus),
        ("location", shop.locations),
        ("pool", (shop.pool,)),
        ("channel", (shop.channel,)),
        ("segment", ("fuzz",)),
    ):
        for value in values:
            words.learn(name, value)
    return words


@pytest.mark.parametrize("seed", [SEED])
async def test_random_bytes_at_every_call_are_refused_and_harm_nothing(
    own: TestAuthority, channel: grpc.aio.Channel, seed: int
) -> None:
    shop = await open_shop(Stubs(channel), skus=3, units=50)
    chance = random.Random(seed)

    def invent(_: MethodDescriptor) -> list[bytes]:
        return [chance.randbytes(chance.choice((1, 2, 7, 40, 300, 5_000))) for _ in range(3)]

    ended = await fuzz(channel, invent, Words(), ROUNDS // 2)
    assert ended["INVALID_ARGUMENT"] > ended.total() / 2, ended
    await assert_unharmed(own, shop)


@pytest.mark.parametrize("seed", [SEED])
async def test_random_messages_at_every_call_are_answered_or_refused_and_harm_nothing(
    own: TestAuthority, channel: grpc.aio.Channel, seed: int
) -> None:
    shop = await open_shop(Stubs(channel), skus=5, units=500)
    chance = random.Random(seed)
    words = learned(shop)
    inventor = Inventor(chance, words, request_id=uuid7)

    def invent(method: MethodDescriptor) -> list[bytes]:
        count = 4 if method.client_streaming else 1
        return [inventor.request(method.input_type).SerializeToString() for _ in range(count)]

    ended = await fuzz(channel, invent, words, ROUNDS // 2)
    before = memory_kib(own.processes[0].pid)
    ended += await fuzz(channel, invent, words, ROUNDS // 2)
    assert ended["OK"] > ended.total() / 10, f"the requests are too odd to get far: {ended}"
    assert ended["TOLD"], f"no stream said anything: {ended}"
    assert memory_kib(own.processes[0].pid) - before < GROWTH_KIB
    await assert_unharmed(own, shop)
