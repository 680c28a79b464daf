"""What a method is told reaches the authority as the contract words it."""

from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.protobuf import duration_pb2, timestamp_pb2
from holdfast.inventory.v1 import (
    audit_service_pb2,
    catalog_pb2,
    catalog_service_pb2,
    fulfillment_pb2,
    inventory_service_pb2,
    reconciliation_service_pb2,
    reservation_pb2,
    revision_pb2,
    stock_pb2,
    subscription_service_pb2,
    supply_pb2,
)

from holdfast_client import (
    HoldfastClient,
    InsufficientStock,
    Unavailable,
    availability_key,
    error_from_status,
    reservation_request,
)
from unit.client.scripted import ScriptedAuthority, loading, short_of, status_of

DemandLine = inventory_service_pb2.DemandLine


async def test_a_reservation_is_asked_for_as_it_was_told(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    answer = inventory_service_pb2.CreateReservationResponse(
        reservation=reservation_pb2.Reservation(reservation_id="main-1")
    )
    authority.will_answer("CreateReservation", answer)
    response = await client.create_reservation(
        channel="WEB",
        lines=[("A", 2), ("B", 1, "STORE-1"), DemandLine(sku="C", quantity=3)],
        order_id="536365",
        ttl_seconds=1.5,
        allow_split=True,
        partial=True,
        request_id="request-1",
    )
    assert response == answer
    assert authority.heard("CreateReservation")[0].request == inventory_service_pb2.CreateReservationRequest(
        request_id="request-1",
        channel="WEB",
        order_id="536365",
        lines=[
            DemandLine(sku="A", quantity=2),
            DemandLine(sku="B", quantity=1, location="STORE-1"),
            DemandLine(sku="C", quantity=3),
        ],
        ttl=duration_pb2.Duration(seconds=1, nanos=500_000_000),
        allow_split=True,
        fill_policy=inventory_service_pb2.FILL_POLICY_PARTIAL,
    )


def test_a_reservation_without_options_asks_for_all_or_nothing_and_leaves_the_time_to_the_authority() -> None:
    request = reservation_request(channel="WEB", lines=[("A", 2)])
    assert request.fill_policy == inventory_service_pb2.FILL_POLICY_ALL_OR_NOTHING
    assert not request.HasField("ttl")
    assert not request.allow_split
    assert request.request_id


async def test_a_batch_gives_ids_to_the_requests_that_have_none_and_leaves_the_others(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    bare = inventory_service_pb2.CreateReservationRequest(channel="WEB")
    named = reservation_request(channel="WEB", lines=[("A", 1)], request_id="request-2")
    results = [inventory_service_pb2.ReservationResult(refusal=short_of(("A", 1, 0)))]
    authority.will_answer(
        "BatchCreateReservations",
        loading(),
        inventory_service_pb2.BatchCreateReservationsResponse(results=results),
    )
    response = await client.batch_create_reservations([bare, named])
    first, again = (call.request for call in authority.heard("BatchCreateReservations"))
    assert first == again
    assert [request.request_id for request in first.requests] == [bare.request_id, "request-2"]
    assert bare.request_id
    refusal = error_from_status(response.results[0].refusal)
    assert isinstance(refusal, InsufficientStock)
    assert refusal.short_lines[0].sku == "A"


async def test_a_hold_is_extended_by_the_told_time(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer("ExtendReservation", inventory_service_pb2.ExtendReservationResponse())
    await client.extend_reservation("main-1", ttl_seconds=900, request_id="request-1")
    assert authority.heard("ExtendReservation")[0].request == inventory_service_pb2.ExtendReservationRequest(
        request_id="request-1", reservation_id="main-1", ttl=duration_pb2.Duration(seconds=900)
    )


async def test_lines_are_released_whole_or_in_part(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    line = inventory_service_pb2.ReleaseLine
    authority.will_answer("ReleaseReservation", inventory_service_pb2.ReleaseReservationResponse())
    await client.release_reservation(
        "main-1", lines=[1, (2, 5), line(line_number=3, quantity=7)], reason="changed", request_id="request-1"
    )
    assert authority.heard("ReleaseReservation")[0].request == inventory_service_pb2.ReleaseReservationRequest(
        request_id="request-1",
        reservation_id="main-1",
        lines=[line(line_number=1), line(line_number=2, quantity=5), line(line_number=3, quantity=7)],
        reason="changed",
    )


async def test_availability_is_asked_for_to_a_channel_or_from_a_location(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer("GetAvailability", *[inventory_service_pb2.GetAvailabilityResponse()] * 2)
    await client.get_availability("A", channel="WEB")
    await client.get_availability("A", location="LONDON")
    keys = [call.request.key for call in authority.heard("GetAvailability")]
    assert [key.WhichOneof("scope") for key in keys] == ["channel", "location"]
    assert (keys[0].channel, keys[1].location) == ("WEB", "LONDON")


@pytest.mark.parametrize("scope", [{}, {"channel": "WEB", "location": "LONDON"}])
async def test_availability_of_neither_or_both_is_a_mistake_of_the_program(
    authority: ScriptedAuthority, client: HoldfastClient, scope: dict[str, str]
) -> None:
    with pytest.raises(ValueError):
        await client.get_availability("A", **scope)  # type: ignore[arg-type]
    assert authority.all_heard() == []


async def test_availabilities_are_asked_for_at_a_revision(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    revision = revision_pb2.Revision(segment="main", position=900)
    authority.will_answer("BatchGetAvailability", inventory_service_pb2.BatchGetAvailabilityResponse())
    await client.batch_get_availability(
        [availability_key("A", channel="WEB"), availability_key("B", location="LONDON")],
        min_revision=revision,
    )
    request = authority.heard("BatchGetAvailability")[0].request
    assert [key.sku for key in request.keys] == ["A", "B"]
    assert request.min_revision == revision


async def test_stock_is_received_and_adjusted_as_told(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    receipt, adjustment = inventory_service_pb2.ReceiptLine, inventory_service_pb2.AdjustmentLine
    damaged = adjustment(sku="B", location="LONDON", delta_quantity=1, status=stock_pb2.STOCK_STATUS_DAMAGED)
    authority.will_answer("ReceiveStock", inventory_service_pb2.ReceiveStockResponse())
    authority.will_answer("AdjustStock", inventory_service_pb2.AdjustStockResponse())
    await client.receive_stock([("A", 5, "LONDON")], reference="GR-1", reason="delivery", request_id="request-1")
    await client.adjust_stock(
        [("A", -3, "LONDON"), damaged], reason="breakage", reference="C-1", request_id="request-2"
    )
    assert authority.heard("ReceiveStock")[0].request == inventory_service_pb2.ReceiveStockRequest(
        request_id="request-1",
        lines=[receipt(sku="A", quantity=5, location="LONDON")],
        reference="GR-1",
        reason="delivery",
    )
    assert authority.heard("AdjustStock")[0].request == inventory_service_pb2.AdjustStockRequest(
        request_id="request-2",
        lines=[adjustment(sku="A", delta_quantity=-3, location="LONDON"), damaged],
        reason="breakage",
        reference="C-1",
    )


async def test_master_data_is_put_under_a_request_id(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer("PutItems", catalog_service_pb2.PutItemsResponse())
    authority.will_answer("PutLocations", catalog_service_pb2.PutLocationsResponse())
    authority.will_answer("PutPools", catalog_service_pb2.PutPoolsResponse())
    authority.will_answer("PutChannels", catalog_service_pb2.PutChannelsResponse())
    await client.put_items([catalog_pb2.Item(sku="A")])
    await client.put_locations([catalog_pb2.Location(location="LONDON")])
    await client.put_pools([catalog_pb2.Pool(pool="UK", locations=["LONDON"])])
    await client.put_channels([catalog_pb2.Channel(channel="WEB", pool="UK")])
    requests = {
        method: authority.heard(method)[0].request for method in ("PutItems", "PutLocations", "PutPools", "PutChannels")
    }
    assert len({request.request_id for request in requests.values()} - {""}) == 4
    assert requests["PutItems"].items[0].sku == "A"
    assert requests["PutLocations"].locations[0].location == "LONDON"
    assert list(requests["PutPools"].pools[0].locations) == ["LONDON"]
    assert requests["PutChannels"].channels[0].pool == "UK"


def two_pages(method: str) -> list[Any]:
    """Answers of a listing: three things on two pages."""
    page: Any
    page, of = {
        "list_reservations": (inventory_service_pb2.ListReservationsResponse, "reservations"),
        "list_items": (catalog_service_pb2.ListItemsResponse, "items"),
        "list_locations": (catalog_service_pb2.ListLocationsResponse, "locations"),
        "list_pools": (catalog_service_pb2.ListPoolsResponse, "pools"),
        "list_channels": (catalog_service_pb2.ListChannelsResponse, "channels"),
        "list_movements": (audit_service_pb2.ListMovementsResponse, "movements"),
        "list_segments": (audit_service_pb2.ListSegmentsResponse, "segments"),
        "list_returns": (fulfillment_pb2.ListReturnsResponse, "returns"),
        "list_inbounds": (supply_pb2.ListInboundsResponse, "inbounds"),
        "list_transfers": (supply_pb2.ListTransfersResponse, "transfers"),
        "list_rules": (catalog_service_pb2.ListRulesResponse, "rules"),
        "list_incidents": (reconciliation_service_pb2.ListIncidentsResponse, "incidents"),
        "list_parked_requests": (reconciliation_service_pb2.ListParkedRequestsResponse, "parked_requests"),
        "list_subscriptions": (subscription_service_pb2.ListSubscriptionsResponse, "subscriptions"),
    }[method]
    return [page(**{of: [{}, {}]}, next_page_token="page-2"), page(**{of: [{}]})]


LISTINGS = [
    "list_reservations",
    "list_items",
    "list_locations",
    "list_pools",
    "list_channels",
    "list_movements",
    "list_segments",
    "list_returns",
    "list_inbounds",
    "list_transfers",
    "list_rules",
    "list_incidents",
    "list_parked_requests",
    "list_subscriptions",
]


def rpc_of(method: str) -> str:
    return "".join(word.capitalize() for word in method.split("_"))


@pytest.mark.parametrize("method", LISTINGS)
async def test_a_listing_yields_what_all_pages_hold(
    authority: ScriptedAuthority, client: HoldfastClient, method: str
) -> None:
    authority.will_answer(rpc_of(method), *two_pages(method))
    listed = [each async for each in getattr(client, method)(page_size=2)]
    assert len(listed) == 3
    asked = [(call.request.page_size, call.request.page_token) for call in authority.heard(rpc_of(method))]
    assert asked == [(2, ""), (2, "page-2")]


@pytest.mark.parametrize("method", LISTINGS)
async def test_a_page_can_be_asked_for_by_itself(
    authority: ScriptedAuthority, client: HoldfastClient, method: str
) -> None:
    first, second = two_pages(method)
    authority.will_answer(rpc_of(method), second)
    page = await getattr(client, f"{method}_page")(page_size=2, page_token="page-2")
    assert page == second
    assert first != second
    request = authority.heard(rpc_of(method))[0].request
    assert (request.page_size, request.page_token) == (2, "page-2")


async def test_a_listing_that_is_left_asks_for_no_further_page(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer("ListItems", *two_pages("list_items"))
    async for _ in client.list_items():
        break
    assert len(authority.heard("ListItems")) == 1


async def test_a_page_that_is_refused_for_a_moment_does_not_end_the_listing(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    first, second = two_pages("list_items")
    authority.will_answer("ListItems", first, loading(), second)
    assert len([item async for item in client.list_items()]) == 3


async def test_reservations_and_movements_are_listed_by_what_is_told(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer("ListReservations", *[inventory_service_pb2.ListReservationsResponse()] * 2)
    authority.will_answer("ListMovements", *[audit_service_pb2.ListMovementsResponse()] * 2)
    told = {"channel": "WEB", "order_id": "1", "sku": "A", "location": "LONDON", "location_unsettled": True}
    state = reservation_pb2.RESERVATION_STATE_HELD
    assert [each async for each in client.list_reservations(state=state, **told)] == []  # type: ignore[arg-type]
    await client.list_reservations_page(state=state, **told)  # type: ignore[arg-type]
    wanted = inventory_service_pb2.ListReservationsRequest(state=state, **told)  # type: ignore[arg-type]
    assert [call.request for call in authority.heard("ListReservations")] == [wanted] * 2
    told = {
        "sku": "A",
        "location": "LONDON",
        "reservation_id": "main-1",
        "order_id": "1",
        "channel": "WEB",
        "caller": "shop",
    }
    times = {"start_time": datetime(2026, 3, 1, tzinfo=UTC), "end_time": timestamp_pb2.Timestamp(seconds=1_772_409_600)}
    assert [each async for each in client.list_movements(**told, **times)] == []  # type: ignore[arg-type]
    await client.list_movements_page(**told, **times)  # type: ignore[arg-type]
    wanted_movements = audit_service_pb2.ListMovementsRequest(
        **told,  # type: ignore[arg-type]
        start_time=timestamp_pb2.Timestamp(seconds=1_772_323_200),
        end_time=timestamp_pb2.Timestamp(seconds=1_772_409_600),
    )
    assert [call.request for call in authority.heard("ListMovements")] == [wanted_movements] * 2


async def test_the_check_of_the_ledger_tells_its_progress_and_then_the_verdict(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    told = [
        audit_service_pb2.VerifyLedgerResponse(checked_operation_count=1, operation_count=2),
        audit_service_pb2.VerifyLedgerResponse(
            checked_operation_count=2, operation_count=2, verdict=audit_service_pb2.LedgerVerdict()
        ),
    ]
    authority.will_answer("VerifyLedger", told)
    assert [response async for response in client.verify_ledger()] == told


async def test_a_check_that_was_refused_before_it_began_is_tried_again(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer("VerifyLedger", [loading()], [audit_service_pb2.VerifyLedgerResponse()])
    assert len([response async for response in client.verify_ledger()]) == 1


async def test_a_check_that_broke_off_is_not_begun_again(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    broken = status_of(grpc.StatusCode.UNAVAILABLE, "LEDGER_UNAVAILABLE")
    authority.will_answer("VerifyLedger", [audit_service_pb2.VerifyLedgerResponse(), broken], [])
    with pytest.raises(Unavailable):
        async for _ in client.verify_ledger():
            pass
    assert len(authority.heard("VerifyLedger")) == 1


@pytest.mark.parametrize(("answer", "serving"), [(b"\x08\x01", True), (b"\x08\x02", False), (b"", False)])
async def test_the_server_says_whether_it_serves(
    authority: ScriptedAuthority, client: HoldfastClient, answer: bytes, serving: bool
) -> None:
    authority.will_answer("Check", answer)
    assert await client.is_serving() is serving
