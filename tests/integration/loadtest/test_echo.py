"""Baselines that are gRPC servers answer as the authority does: with less to say they would be faster for nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from holdfast.inventory.v1 import catalog_pb2, inventory_service_pb2

from holdfast_client.client import HoldfastClient
from holdfast_loadtest.baselines.echo_server import echo_server
from holdfast_loadtest.baselines.row_lock_server import row_lock_server
from holdfast_loadtest.demand import CALLER, CHANNEL, HOT_SKUS, LOCATION, POOL, Demand
from support.authority import TestAuthority

_SKU = HOT_SKUS[0]
_TIMESTAMP = "google.protobuf.Timestamp"


@pytest.fixture
async def answer_of_the_authority(authority: TestAuthority) -> inventory_service_pb2.CreateReservationResponse:
    async with HoldfastClient(authority.target, caller=CALLER) as client:
        await client.put_items([catalog_pb2.Item(sku=_SKU)])
        await client.put_locations([catalog_pb2.Location(location=LOCATION)])
        await client.put_pools([catalog_pb2.Pool(pool=POOL, locations=[LOCATION])])
        await client.put_channels([catalog_pb2.Channel(channel=CHANNEL, pool=POOL)])
        await client.receive_stock([inventory_service_pb2.ReceiptLine(sku=_SKU, location=LOCATION, quantity=1)])
        return await _answer(authority.target)


async def _answer(target: str) -> inventory_service_pb2.CreateReservationResponse:
    """Returns the answer to the very request that the load sends."""
    request = Demand(hot=True, seed=1).next()
    async with HoldfastClient(target, caller=CALLER) as client:
        return await client.create_reservation(
            channel=request.channel, order_id=request.order_id, lines=[(request.lines[0].sku, 1)]
        )


def _said(message: Any, prefix: str = "") -> Iterator[str]:
    """Yields the path of every field that a message says."""
    for field, value in message.ListFields():
        # Times are held against each other as a whole: fractions of a second are a few bytes.
        if field.type != FieldDescriptor.TYPE_MESSAGE or field.message_type.full_name == _TIMESTAMP:
            yield prefix + field.name
        else:
            for one in [value] if hasattr(value, "ListFields") else value:
                yield from _said(one, f"{prefix}{field.name}.")


async def test_the_echo_says_as_much_as_the_authority(
    answer_of_the_authority: inventory_service_pb2.CreateReservationResponse,
) -> None:
    async with echo_server() as echo:
        echoed = await _answer(echo.target)
    assert list(_said(echoed)) == list(_said(answer_of_the_authority))
    assert echoed.ByteSize() == pytest.approx(answer_of_the_authority.ByteSize(), rel=0.1)


async def test_the_server_with_a_row_lock_says_as_much_as_the_authority(
    answer_of_the_authority: inventory_service_pb2.CreateReservationResponse, authority: TestAuthority
) -> None:
    async with row_lock_server(authority.postgres_url, units=1) as server:
        await server.resize_pool(1)
        answered = await _answer(server.target)
    assert list(_said(answered)) == list(_said(answer_of_the_authority))
    assert answered.ByteSize() == pytest.approx(answer_of_the_authority.ByteSize(), rel=0.1)
