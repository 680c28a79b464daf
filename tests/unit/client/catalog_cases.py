"""The commands for what is sold, where it lies and who sells it, and for finding reservations."""

from holdfast.inventory.v1 import catalog_pb2, catalog_service_pb2, inventory_service_pb2

from unit.client.command_cases import RESERVATION, REVISION, case

CATALOG_CASES = [
    case(
        "items put GIFT-SET --name Lanterns --unit set --scale 2 --inactive --part 85123A=2 --part 84029G=1 "
        "--request-id request-1",
        catalog_service_pb2.PutItemsResponse(revision=REVISION),
        {
            "request_id": "request-1",
            "items": [
                {
                    "sku": "GIFT-SET",
                    "display_name": "Lanterns",
                    "base_unit": "set",
                    "scale": 2,
                    "inactive": True,
                    "parts": [{"sku": "85123A", "quantity": "2"}, {"sku": "84029G", "quantity": "1"}],
                }
            ],
        },
        "in force from main/1204",
    ),
    case(
        "items put 85123A",
        catalog_service_pb2.PutItemsResponse(revision=REVISION, replayed=True),
        {"items": [{"sku": "85123A", "display_name": "", "base_unit": "", "scale": 0, "inactive": False, "parts": []}]},
        "the first answer again",
    ),
    case(
        "items list",
        catalog_service_pb2.ListItemsResponse(
            items=[
                catalog_pb2.Item(sku="85123A", display_name="Lantern", inactive=True),
                catalog_pb2.Item(sku="SET", parts=[{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}]),
            ]
        ),
        {"page_size": 1000},
        "Lantern",
        "inactive",
        "piece",
        "A=2, B=1",
    ),
    case(
        "locations put LONDON --name Warehouse --kind third_party --segment north",
        catalog_service_pb2.PutLocationsResponse(revision=REVISION),
        {
            "locations": [
                {
                    "location": "LONDON",
                    "display_name": "Warehouse",
                    "kind": "LOCATION_KIND_THIRD_PARTY",
                    "segment": "north",
                },
            ]
        },
        "main/1204",
    ),
    case(
        "locations put LONDON",
        catalog_service_pb2.PutLocationsResponse(revision=REVISION),
        {
            "locations": [
                {"location": "LONDON", "display_name": "", "kind": "LOCATION_KIND_UNSPECIFIED", "segment": ""},
            ]
        },
    ),
    case(
        "locations list",
        catalog_service_pb2.ListLocationsResponse(
            locations=[catalog_pb2.Location(location="STORE-7", kind=catalog_pb2.LOCATION_KIND_STORE, segment="south")]
        ),
        {},
        "STORE-7",
        "STORE",
        "south",
    ),
    case(
        "pools put UK LONDON LEEDS",
        catalog_service_pb2.PutPoolsResponse(revision=REVISION),
        {"pools": [{"pool": "UK", "display_name": "", "locations": ["LONDON", "LEEDS"]}]},
        "main/1204",
    ),
    case(
        "pools list",
        catalog_service_pb2.ListPoolsResponse(pools=[catalog_pb2.Pool(pool="UK", locations=["LONDON", "LEEDS"])]),
        {},
        "LONDON, LEEDS",
    ),
    case(
        "channels put WEB --pool UK --name Shop --segment north",
        catalog_service_pb2.PutChannelsResponse(revision=REVISION),
        {"channels": [{"channel": "WEB", "display_name": "Shop", "pool": "UK", "segment": "north"}]},
        "main/1204",
    ),
    case(
        "channels list",
        catalog_service_pb2.ListChannelsResponse(
            channels=[catalog_pb2.Channel(channel="WEB", pool="UK", segment="south")]
        ),
        {},
        "WEB",
        "UK",
        "south",
    ),
    case(
        "reservations list --state committed --order 536365 --channel WEB --sku KETTLE-BLUE --location LONDON",
        inventory_service_pb2.ListReservationsResponse(reservations=[RESERVATION]),
        {
            "state": "RESERVATION_STATE_COMMITTED",
            "order_id": "536365",
            "channel": "WEB",
            "sku": "KETTLE-BLUE",
            "location": "LONDON",
        },
        "main-1",
        "COMMITTED",
        "KETTLE-BLUE",
    ),
    case(
        "reserve KETTLE-RED=7 --channel WEB --told --seen main/1204",
        inventory_service_pb2.CreateReservationResponse(reservation=RESERVATION),
        {"demand": "DEMAND_KIND_TOLD", "seen_revision": {"segment": "main", "position": "1204"}},
    ),
]
