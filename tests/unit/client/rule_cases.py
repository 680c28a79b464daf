"""The commands that put rules in force and remove them: what each is told, and what it asks for."""

from typing import Any

from holdfast.inventory.v1 import catalog_service_pb2

from unit.client.command_cases import REVISION, case


def put(words: str, kind: str, says: dict[str, Any]) -> Any:
    """A rule that is put in force."""
    return case(
        f"rules put {words} --reason season",
        catalog_service_pb2.PutRulesResponse(revision=REVISION),
        {"rules": [{"removed": False, kind: says}], "reason": "season"},
        "main/1204",
    )


def remove(words: str, kind: str, key: dict[str, Any]) -> Any:
    """A rule that is removed."""
    return case(
        f"rules remove {words}",
        catalog_service_pb2.PutRulesResponse(revision=REVISION),
        {"rules": [{"removed": True, kind: key}]},
        "no longer",
    )


RULE_CASES = [
    put(
        "safety-stock 5 --sku 85123A --location STORE-7",
        "safety_stock",
        {"sku": "85123A", "location": "STORE-7", "quantity": "5"},
    ),
    put("channel-buffer APP 2", "channel_buffer", {"channel": "APP", "sku": "", "quantity": "2"}),
    put(
        "allotment 85123A APP --guaranteed 50 --cap 80 --until 2026-12-27",
        "allotment",
        {
            "sku": "85123A",
            "channel": "APP",
            "guaranteed_quantity": "50",
            "cap_quantity": "80",
            "expire_time": "2026-12-27T00:00:00Z",
            "used_quantity": "0",
        },
    ),
    put(
        "backorder 85123A --location LONDON --cap 20 --expected 2026-03-10 --preorder-cap 5 --release 2026-03-05",
        "backorder",
        {
            "sku": "85123A",
            "location": "LONDON",
            "backorder_cap": "20",
            "expected_time": "2026-03-10T00:00:00Z",
            "preorder_cap": "5",
            "release_time": "2026-03-05T00:00:00Z",
        },
    ),
    put("substitution A B C", "substitution", {"sku": "A", "substitute_skus": ["B", "C"]}),
    put(
        "hold-limit 3 --every-customer",
        "hold_limit",
        {"scope": "HOLDER_SCOPE_CUSTOMER", "name": "", "max_open_holds": "3"},
    ),
    put(
        "hold-limit 9 --caller shop",
        "hold_limit",
        {"scope": "HOLDER_SCOPE_CALLER", "name": "shop", "max_open_holds": "9"},
    ),
    put(
        "distances SCOTLAND LEEDS=340 LONDON=640",
        "distances",
        {
            "destination": "SCOTLAND",
            "locations": [{"location": "LEEDS", "distance": "340"}, {"location": "LONDON", "distance": "640"}],
        },
    ),
    remove("safety-stock --sku A", "safety_stock", {"sku": "A", "location": "", "quantity": "0"}),
    remove("channel-buffer APP --sku A", "channel_buffer", {"channel": "APP", "sku": "A", "quantity": "0"}),
    remove(
        "allotment A APP",
        "allotment",
        {"sku": "A", "channel": "APP", "guaranteed_quantity": "0", "used_quantity": "0"},
    ),
    remove("backorder A", "backorder", {"sku": "A", "location": "", "backorder_cap": "0", "preorder_cap": "0"}),
    remove("substitution A", "substitution", {"sku": "A", "substitute_skus": []}),
    remove(
        "hold-limit --customer C-7",
        "hold_limit",
        {"scope": "HOLDER_SCOPE_CUSTOMER", "name": "C-7", "max_open_holds": "0"},
    ),
    remove("distances SCOTLAND", "distances", {"destination": "SCOTLAND", "locations": []}),
]
