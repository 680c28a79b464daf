"""Requests that cannot be right: a typed refusal that names the field, nothing written, no harm done."""

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf import duration_pb2
from holdfast.inventory.v1 import audit_service_pb2 as audit
from holdfast.inventory.v1 import catalog_pb2 as catalog
from holdfast.inventory.v1 import catalog_service_pb2 as catalog_service
from holdfast.inventory.v1 import inventory_service_pb2 as inventory

from api.calls import answer_or_refusal, together
from api.ids import some, uuid7
from api.mutations import MUTATIONS, Mutation
from api.refusals import invalid, read_status, refusal_of
from api.requests import MAX_QUANTITY, Make, correction, demand, lines_of, receipt
from api.shop import Shop, open_shop

ODD_IDS = {
    "empty": "",
    "a space": "A B",
    "a leading hyphen": "-A",
    "a line feed": "A\n",
    "a NUL": "A\0B",
    "a letter beyond ASCII": "Größe",
    "a brace": "A{B}",
    "a star": "A*",
    "a quote": "A'B",
    "65 characters": "A" * 65,
}


def release(*lines: tuple[int, int]) -> Make:
    def make(_shop: Shop) -> Any:
        released = [inventory.ReleaseLine(line_number=number, quantity=units) for number, units in lines]
        return inventory.ReleaseReservationRequest(request_id=uuid7(), reservation_id="any", lines=released)

    return make


def seconds(value: int, nanos: int = 0) -> duration_pb2.Duration:
    return duration_pb2.Duration(seconds=value, nanos=nanos)


BROKEN_RULES: list[tuple[str, str, Make, tuple[str, ...]]] = [
    ("a quantity of zero", "CreateReservation", demand(quantity=0), ("lines[0].quantity",)),
    ("a negative quantity", "CreateReservation", demand(quantity=-1), ("lines[0].quantity",)),
    ("a quantity above the greatest", "CreateReservation", demand(quantity=MAX_QUANTITY + 1), ("lines[0].quantity",)),
    ("the least quantity", "CreateReservation", demand(quantity=-(2**63)), ("lines[0].quantity",)),
    ("no lines", "CreateReservation", lines_of(0), ("lines",)),
    ("1,001 lines", "CreateReservation", lines_of(1001), ("lines",)),
    ("no channel", "CreateReservation", demand(channel=""), ("channel",)),
    ("a ttl of nothing", "CreateReservation", demand(ttl=seconds(0)), ("ttl",)),
    ("a negative ttl", "CreateReservation", demand(ttl=seconds(-5)), ("ttl",)),
    ("a ttl above seven days", "CreateReservation", demand(ttl=seconds(604_801)), ("ttl",)),
    ("a ttl just above seven days", "CreateReservation", demand(ttl=seconds(604_800, 1)), ("ttl",)),
    ("a ttl just below one second", "CreateReservation", demand(ttl=seconds(0, 999_999_999)), ("ttl",)),
    ("an unknown fill policy", "CreateReservation", demand(fill_policy=9), ("fill_policy",)),
    ("a request id of seven characters", "CreateReservation", demand(request_id="A" * 7), ("request_id",)),
    ("a receipt of nothing", "ReceiveStock", receipt(quantity=0), ("lines[0].quantity",)),
    ("a negative receipt", "ReceiveStock", receipt(quantity=-1), ("lines[0].quantity",)),
    ("a receipt above the greatest", "ReceiveStock", receipt(quantity=MAX_QUANTITY + 1), ("lines[0].quantity",)),
    ("a receipt nowhere", "ReceiveStock", receipt(location=""), ("lines[0].location",)),
    ("a receipt of an unknown status", "ReceiveStock", receipt(status=9), ("lines[0].status",)),
    ("a correction by zero", "AdjustStock", correction(delta_quantity=0), ("lines[0].delta_quantity",)),
    (
        "a correction above the greatest",
        "AdjustStock",
        correction(delta_quantity=-MAX_QUANTITY - 1),
        ("lines[0].delta_quantity",),
    ),
    ("a correction without a reason", "AdjustStock", correction(reason=""), ("reason",)),
    ("a reason with a control character", "AdjustStock", correction(reason="a\x07b"), ("reason",)),
    ("a reason of 257 characters", "AdjustStock", correction(reason="a" * 257), ("reason",)),
    ("line number zero", "ReleaseReservation", release((0, 1)), ("lines[0].line_number",)),
    ("a negative release", "ReleaseReservation", release((1, -1)), ("lines[0].quantity",)),
    ("a line released twice", "ReleaseReservation", release((1, 1), (1, 1)), ("lines[1].line_number",)),
]


@pytest.mark.parametrize(("what", "rpc", "make", "fields"), BROKEN_RULES, ids=[row[0] for row in BROKEN_RULES])
async def test_a_broken_rule_is_refused_and_its_field_named(
    shop: Shop, what: str, rpc: str, make: Make, fields: tuple[str, ...]
) -> None:
    method = getattr(shop.stubs.inventory, rpc)
    assert await refusal_of(method(make(shop))) == invalid(*fields), what


ID_FIELDS = {
    "request_id": "request_id",
    "channel": "channel",
    "order_id": "order_id",
    "sku": "lines[0].sku",
    "location": "lines[0].location",
}
MAY_BE_LEFT_OUT = {"order_id", "location"}


@pytest.mark.parametrize(
    ("field", "what"),
    [(field, what) for field in ID_FIELDS for what in ODD_IDS if what != "empty" or field not in MAY_BE_LEFT_OUT],
)
async def test_an_odd_id_is_refused_and_its_field_named(shop: Shop, field: str, what: str) -> None:
    request = demand(**{field: ODD_IDS[what]})(shop)
    refusal = await refusal_of(shop.stubs.inventory.CreateReservation(request))
    assert refusal == invalid(ID_FIELDS[field])


async def test_all_violations_are_told_at_once(shop: Shop) -> None:
    request = inventory.CreateReservationRequest(
        request_id="short",
        order_id="no good",
        lines=[
            inventory.DemandLine(sku=shop.sku, quantity=1),
            inventory.DemandLine(sku="", quantity=-3),
            inventory.DemandLine(sku=shop.sku, quantity=0, location="no good"),
        ],
        ttl=seconds(0),
    )
    assert await refusal_of(shop.stubs.inventory.CreateReservation(request)) == invalid(
        "request_id",
        "channel",
        "order_id",
        "lines[1].sku",
        "lines[1].quantity",
        "lines[2].quantity",
        "lines[2].location",
        "ttl",
    )


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.rpc)
async def test_an_empty_request_is_refused_with_its_request_id_first(stubs: Any, mutation: Mutation) -> None:
    shop = await open_shop(stubs, units=9)
    empty = type(await mutation.make(shop))()
    refusal = await refusal_of(mutation.method(stubs)(empty))
    assert refusal == invalid(*refusal.invalid_fields)
    assert refusal.invalid_fields[0] == "request_id"
    assert len(refusal.invalid_fields) > 1


async def test_an_invalid_request_in_a_batch_is_refused_alone(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    requests = [shop.one_unit(), demand(quantity=0, order_id="no good")(shop), shop.one_unit()]
    batch = inventory.BatchCreateReservationsRequest(requests=requests)
    first, second, third = (await stubs.inventory.BatchCreateReservations(batch)).results
    assert first.created.reservation.reservation_id != third.created.reservation.reservation_id
    assert read_status(second.refusal) == invalid("order_id", "lines[0].quantity")
    assert await shop.available() == 0


async def test_an_empty_batch_is_refused(shop: Shop) -> None:
    batch = inventory.BatchCreateReservationsRequest()
    assert await refusal_of(shop.stubs.inventory.BatchCreateReservations(batch)) == invalid("requests")


@pytest.mark.parametrize(
    ("rpc", "request_", "path"),
    [
        (
            "PutItems",
            catalog_service.PutItemsRequest(items=[catalog.Item(sku="A"), catalog.Item(sku="A")]),
            "items[1].sku",
        ),
        (
            "PutLocations",
            catalog_service.PutLocationsRequest(
                locations=[catalog.Location(location="A"), catalog.Location(location="A")]
            ),
            "locations[1].location",
        ),
        (
            "PutPools",
            catalog_service.PutPoolsRequest(pools=[catalog.Pool(pool="A", locations=["B", "C", "B"])]),
            "pools[0].locations[2]",
        ),
        (
            "PutChannels",
            catalog_service.PutChannelsRequest(
                channels=[catalog.Channel(channel="A", pool="B"), catalog.Channel(channel="A", pool="B")]
            ),
            "channels[1].channel",
        ),
    ],
)
async def test_an_id_that_is_named_twice_is_refused(stubs: Any, rpc: str, request_: Any, path: str) -> None:
    request_.request_id = uuid7()
    assert await refusal_of(getattr(stubs.catalog, rpc)(request_)) == invalid(path)


async def test_an_item_of_an_impossible_scale_is_refused(stubs: Any) -> None:
    item = catalog.Item(sku=some("sku"), scale=7)
    request = catalog_service.PutItemsRequest(request_id=uuid7(), items=[item])
    assert await refusal_of(stubs.catalog.PutItems(request)) == invalid("items[0].scale")


@pytest.mark.parametrize("page_size", [-1, 1001])
async def test_an_impossible_page_size_is_refused(stubs: Any, page_size: int) -> None:
    calls = [
        stubs.inventory.ListReservations(inventory.ListReservationsRequest(page_size=page_size)),
        stubs.audit.ListMovements(audit.ListMovementsRequest(page_size=page_size)),
        stubs.audit.ListSegments(audit.ListSegmentsRequest(page_size=page_size)),
        stubs.catalog.ListItems(catalog_service.ListItemsRequest(page_size=page_size)),
        stubs.catalog.ListLocations(catalog_service.ListLocationsRequest(page_size=page_size)),
        stubs.catalog.ListPools(catalog_service.ListPoolsRequest(page_size=page_size)),
        stubs.catalog.ListChannels(catalog_service.ListChannelsRequest(page_size=page_size)),
    ]
    for call in calls:
        assert await refusal_of(call) == invalid("page_size")


# What the transport sees.


async def test_a_deadline_that_passes_takes_effect_wholly_or_not_at_all(stubs: Any) -> None:
    """Whoever has waited too long asks again with the same request, and has exactly one effect."""
    shop = await open_shop(stubs, units=40)
    requests = [shop.one_unit() for _ in range(40)]

    async def ask_in_a_hurry(number: int) -> bool:
        """Whether the answer came within the deadline, of 0 to 4 milliseconds."""
        call = stubs.inventory.CreateReservation(requests[number], timeout=number / 10_000)
        code = await call.code()
        assert code in (grpc.StatusCode.OK, grpc.StatusCode.DEADLINE_EXCEEDED)
        return bool(code == grpc.StatusCode.OK)

    in_time = await together(ask_in_a_hurry(number) for number in range(len(requests)))
    assert not all(in_time)
    answers = await together(stubs.inventory.CreateReservation(request) for request in requests)
    assert len({answer.reservation.reservation_id for answer in answers}) == 40
    assert all(answer.replayed for answer, known in zip(answers, in_time, strict=True) if known)
    assert await shop.available() == 0


async def test_callers_that_go_away_take_effect_wholly_or_not_at_all(stubs: Any) -> None:
    """Fifty calls are cancelled in flight; asked again, each has exactly one effect."""
    shop = await open_shop(stubs, units=50)
    requests = [shop.one_unit() for _ in range(50)]
    calls = [stubs.inventory.CreateReservation(request) for request in requests]
    tasks = [asyncio.ensure_future(answer_or_refusal(call)) for call in calls]
    await tasks[0]
    for call in calls:
        call.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    answers = await asyncio.gather(*(stubs.inventory.CreateReservation(request) for request in requests))
    assert len({answer.reservation.reservation_id for answer in answers}) == 50
    assert await shop.available() == 0
    assert (await shop.level()).held_quantity == 50
