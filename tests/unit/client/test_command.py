"""The command does what it says, says what it did, and ends with a code that a script can rely on."""

import json
import os
import re
import sys
from typing import Any

import grpc
import pytest
from google.protobuf import timestamp_pb2
from google.rpc import error_details_pb2
from holdfast.inventory.v1 import (
    audit_service_pb2,
    inventory_service_pb2,
    reservation_pb2,
    revision_pb2,
    stock_pb2,
)
from typer.testing import CliRunner, Result

from holdfast_client import command
from holdfast_client.command import asking
from unit.client.scripted import ScriptedAuthority, short_of, status_of

RESERVATION = reservation_pb2.Reservation(
    reservation_id="main-1",
    state=reservation_pb2.RESERVATION_STATE_HELD,
    channel="WEB",
    order_id="536365",
    lines=[
        reservation_pb2.ReservationLine(line_number=1, sku="85123A", location="LONDON", quantity=2, open_quantity=2)
    ],
    expire_time=timestamp_pb2.Timestamp(seconds=1_772_366_400),
)
LEVEL = stock_pb2.StockLevel(sku="85123A", location="LONDON", sellable_quantity=97, net_quantity=97)
OPEN = audit_service_pb2.Segment(
    segment="main", state=audit_service_pb2.SEGMENT_STATE_OPEN, epoch=3, position=1204, lineage="lineage-1"
)
STOPPED = audit_service_pb2.Segment(
    segment="main", state=audit_service_pb2.SEGMENT_STATE_STOPPED, state_reason="journal ahead of the ledger"
)
SOUND = audit_service_pb2.LedgerVerdict(
    chain_verified=True, levels_equal_movements=True, reserved_equals_open_lines=True
)
SERVING = b"\x08\x01"
SELLABLE = stock_pb2.STOCK_STATUS_SELLABLE


def holdfast(authority: ScriptedAuthority, *arguments: str) -> Result:
    return CliRunner().invoke(command.build(), arguments, env={"HOLDFAST_TARGET": authority.target})


def json_lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_reserve_asks_for_every_line_and_shows_the_reservation(authority: ScriptedAuthority) -> None:
    authority.will_answer("CreateReservation", inventory_service_pb2.CreateReservationResponse(reservation=RESERVATION))
    result = holdfast(
        authority,
        "reserve",
        "85123A=2",
        "84029G=1@STORE-7",
        "--channel",
        "WEB",
        "--order",
        "536365",
        "--ttl",
        "600",
        "--split",
    )
    assert result.exit_code == 0
    request = authority.heard("CreateReservation")[0].request
    assert [(line.sku, line.quantity, line.location) for line in request.lines] == [
        ("85123A", 2, ""),
        ("84029G", 1, "STORE-7"),
    ]
    assert (request.channel, request.order_id, request.ttl.seconds, request.allow_split) == (
        "WEB",
        "536365",
        600,
        True,
    )
    assert request.fill_policy == inventory_service_pb2.FILL_POLICY_ALL_OR_NOTHING
    for word in ("main-1", "HELD", "85123A", "LONDON", "2026-03-01T12:00:00Z"):
        assert word in result.stdout
    assert authority.heard("CreateReservation")[0].metadata["holdfast-caller"] == "holdfast-command"


def test_reserve_can_commit_at_once_and_show_what_is_missing(authority: ScriptedAuthority) -> None:
    short = inventory_service_pb2.Shortfall(sku="85123A", requested_quantity=5, reserved_quantity=2)
    authority.will_answer(
        "CreateReservation",
        inventory_service_pb2.CreateReservationResponse(reservation=RESERVATION, shortfalls=[short]),
    )
    committed = reservation_pb2.Reservation(
        reservation_id="main-1", state=reservation_pb2.RESERVATION_STATE_COMMITTED, lines=RESERVATION.lines
    )
    authority.will_answer("CommitReservation", inventory_service_pb2.CommitReservationResponse(reservation=committed))
    result = holdfast(authority, "reserve", "85123A=5", "--channel", "WEB", "--partial", "--commit")
    assert result.exit_code == 0
    assert authority.heard("CreateReservation")[0].request.fill_policy == inventory_service_pb2.FILL_POLICY_PARTIAL
    assert authority.heard("CommitReservation")[0].request.reservation_id == "main-1"
    assert "short: 85123A, requested 5, reserved 2" in result.stdout
    assert "COMMITTED" in result.stdout
    assert "HELD" not in result.stdout


def test_a_reservation_whose_commit_failed_is_shown_all_the_same(authority: ScriptedAuthority) -> None:
    authority.will_answer("CreateReservation", inventory_service_pb2.CreateReservationResponse(reservation=RESERVATION))
    authority.will_answer("CommitReservation", status_of(grpc.StatusCode.FAILED_PRECONDITION, "RESERVATION_EXPIRED"))
    result = holdfast(authority, "reserve", "85123A=5", "--channel", "WEB", "--commit")
    assert result.exit_code == 1
    assert "main-1" in result.stdout
    assert "RESERVATION_EXPIRED" in result.stderr


def test_a_refusal_is_one_line_with_its_reason_and_details(authority: ScriptedAuthority) -> None:
    authority.will_answer("CreateReservation", short_of(("85123A", 3, 2), ("84029G@STORE-7", 1, 0)))
    result = holdfast(
        authority, "reserve", "85123A=3", "84029G=1@STORE-7", "--channel", "WEB", "--request-id", "request-1"
    )
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "holdfast: INSUFFICIENT_STOCK: there is too little stock "
        "(85123A: requested 3, available 2; 84029G at STORE-7: requested 1, available 0; "
        "request_id=request-1)\n"
    )


def test_a_refusal_names_every_field_that_breaks_its_rule(authority: ScriptedAuthority) -> None:
    bad_request = error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field="key.sku", description="has a space"),
            error_details_pb2.BadRequest.FieldViolation(field="key.channel", description="is too long"),
        ]
    )
    authority.will_answer(
        "BatchGetAvailability",
        status_of(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", "broken", details=(bad_request,)),
    )
    result = holdfast(authority, "availability", "a b", "--channel", "WEB")
    assert result.exit_code == 1
    assert result.stderr == "holdfast: INVALID_FIELD: broken (key.sku: has a space; key.channel: is too long)\n"


def test_words_of_the_authority_cannot_steer_the_terminal(authority: ScriptedAuthority) -> None:
    authority.will_answer("GetReservation", status_of(grpc.StatusCode.NOT_FOUND, "", "gone\x1b[2J\nand [bold]more"))
    result = holdfast(authority, "reservation", "main-1")
    assert result.stderr == "holdfast: NOT_FOUND: gone [2J and [bold]more\n"


def test_a_refusal_is_machine_readable_too(authority: ScriptedAuthority) -> None:
    authority.will_answer("CreateReservation", short_of(("85123A", 3, 2)))
    result = holdfast(authority, "reserve", "85123A=3", "--channel", "WEB", "--json")
    assert result.exit_code == 1
    (line,) = json_lines(result.stderr)
    assert line["error"]["reason"] == "INSUFFICIENT_STOCK"
    assert line["error"]["code"] == "FAILED_PRECONDITION"
    assert line["error"]["short_lines"] == [{"sku": "85123A", "location": "", "requested": 3, "available": 2}]


@pytest.mark.parametrize(
    "arguments",
    [
        ["reserve", "85123A", "--channel", "WEB"],
        ["reserve", "85123A=0", "--channel", "WEB"],
        ["reserve", "85123A=-1", "--channel", "WEB"],
        ["reserve", "85123A=1000000000001", "--channel", "WEB"],
        ["reserve", "85123A=1"],
        ["reserve", "85123A=1", "--channel", "WEB", "--ttl", "0"],
        ["receive", "85123A=1"],
        ["adjust", "85123A=0@LONDON", "--reason", "breakage"],
        ["adjust", "85123A=-1@LONDON"],
        ["availability", "85123A"],
        ["availability", "85123A", "--channel", "WEB", "--location", "LONDON"],
        ["release", "main-1", "--line", "0"],
        ["release", "main-1", "--line", "one"],
        ["resume", "main", "--reason", "failover"],
        ["resume", "main", "--reason", "failover", "--replay-journal", "--discard-journal"],
        ["extend", "main-1"],
        ["no-such-command"],
    ],
    ids=" ".join,
)
def test_a_command_that_is_not_understood_ends_with_2_and_asks_nothing(
    authority: ScriptedAuthority, arguments: list[str]
) -> None:
    result = holdfast(authority, *arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert authority.all_heard() == []


@pytest.mark.parametrize(
    ("argument", "sku", "quantity", "location"),
    [
        ("A=2", "A", 2, ""),
        ("A=+2@L", "A", 2, "L"),
        ("A=-2@L", "A", -2, "L"),
        ("A=B=2@L@2", "A=B", 2, "L@2"),
        ("A@B=2", "A@B", 2, ""),
    ],
)
def test_a_quantity_at_a_location_is_read_as_it_is_written(
    argument: str, sku: str, quantity: int, location: str
) -> None:
    read = asking.quantity_at(argument, signed=True)
    assert (read.sku, read.quantity, read.location) == (sku, quantity, location)


@pytest.mark.parametrize(
    ("arguments", "method", "expected"),
    [
        (["commit", "main-1"], "CommitReservation", {}),
        (["extend", "main-1", "--ttl", "900"], "ExtendReservation", {"ttl": "900s"}),
        (
            ["release", "main-1", "--line", "2", "--line", "3=1", "--reason", "changed"],
            "ReleaseReservation",
            {
                "lines": [{"line_number": 2, "quantity": "0"}, {"line_number": 3, "quantity": "1"}],
                "reason": "changed",
            },
        ),
    ],
)
def test_a_reservation_is_resolved_as_told(
    authority: ScriptedAuthority, arguments: list[str], method: str, expected: dict[str, Any]
) -> None:
    response = getattr(inventory_service_pb2, f"{method}Response")
    authority.will_answer(method, response(reservation=RESERVATION, replayed=True))
    result = holdfast(authority, *arguments, "--request-id", "request-1")
    assert result.exit_code == 0
    request = asking.as_dict(authority.heard(method)[0].request)
    assert request.items() >= {"request_id": "request-1", "reservation_id": "main-1", **expected}.items()
    assert "the first answer again" in result.stdout


def test_a_reservation_is_shown_as_json_of_the_contract(authority: ScriptedAuthority) -> None:
    authority.will_answer("GetReservation", inventory_service_pb2.GetReservationResponse(reservation=RESERVATION))
    result = holdfast(authority, "reservation", "main-1", "--json")
    (line,) = json_lines(result.stdout)
    assert line["reservation_id"] == "main-1"
    assert line["lines"][0]["open_quantity"] == "2"
    assert line["lines"][0]["released_quantity"] == "0"


@pytest.mark.parametrize(
    ("arguments", "method", "lines"),
    [
        (
            ["receive", "85123A=100@LONDON", "--reference", "GR-1"],
            "ReceiveStock",
            [inventory_service_pb2.ReceiptLine(sku="85123A", quantity=100, location="LONDON", status=SELLABLE)],
        ),
        (
            ["adjust", "85123A=-3@LONDON", "84029G=+2@LONDON", "--reason", "breakage", "--reference", "GR-1"],
            "AdjustStock",
            [
                inventory_service_pb2.AdjustmentLine(
                    sku="85123A", delta_quantity=-3, location="LONDON", status=SELLABLE
                ),
                inventory_service_pb2.AdjustmentLine(
                    sku="84029G", delta_quantity=2, location="LONDON", status=SELLABLE
                ),
            ],
        ),
    ],
)
def test_stock_is_booked_as_told_and_the_levels_shown(
    authority: ScriptedAuthority, arguments: list[str], method: str, lines: list[Any]
) -> None:
    authority.will_answer(method, getattr(inventory_service_pb2, f"{method}Response")(stock_levels=[LEVEL]))
    result = holdfast(authority, *arguments)
    assert result.exit_code == 0
    request = authority.heard(method)[0].request
    assert list(request.lines) == lines
    assert request.reference == "GR-1"
    assert re.search(r"85123A .* LONDON .* 97", result.stdout)


@pytest.mark.parametrize("scope", ["channel", "location"])
def test_availability_is_shown_for_every_sku(authority: ScriptedAuthority, scope: str) -> None:
    availabilities = [
        stock_pb2.Availability(sku=sku, available_to_sell_quantity=units, **{scope: "HERE"})  # type: ignore[arg-type]
        for sku, units in (("85123A", 41), ("84029G", 0))
    ]
    answer = inventory_service_pb2.BatchGetAvailabilityResponse(availabilities=availabilities)
    authority.will_answer("BatchGetAvailability", answer, answer)
    result = holdfast(authority, "availability", "85123A", "84029G", f"--{scope}", "HERE")
    assert result.exit_code == 0
    assert re.search(r"85123A .* HERE .* 41", result.stdout)
    assert re.search(r"84029G .* HERE .* 0", result.stdout)
    as_json = json_lines(holdfast(authority, "availability", "85123A", "84029G", f"--{scope}", "HERE", "--json").stdout)
    assert [line["available_to_sell_quantity"] for line in as_json] == ["41", "0"]


def movements(count: int) -> list[stock_pb2.Movement]:
    return [
        stock_pb2.Movement(
            revision=revision_pb2.Revision(segment="main", position=position),
            kind=stock_pb2.MOVEMENT_KIND_COMMIT,
            held_delta=-2,
            committed_delta=2,
            balance=LEVEL,
            caller="checkout",
        )
        for position in range(1, count + 1)
    ]


def test_movements_are_shown_page_after_page_as_asked_for(authority: ScriptedAuthority) -> None:
    page = audit_service_pb2.ListMovementsResponse
    authority.will_answer(
        "ListMovements", page(movements=movements(2), next_page_token="2"), page(movements=movements(1))
    )
    result = holdfast(
        authority,
        "movements",
        "--sku",
        "85123A",
        "--location",
        "LONDON",
        "--order",
        "1",
        "--reservation",
        "main-1",
    )
    assert result.exit_code == 0
    request = authority.heard("ListMovements")[0].request
    assert (request.sku, request.location, request.order_id, request.reservation_id) == (
        "85123A",
        "LONDON",
        "1",
        "main-1",
    )
    assert result.stdout.count("held -2, committed +2") == 3
    assert "main/2" in result.stdout


def test_movements_stop_at_the_limit_and_say_so(authority: ScriptedAuthority) -> None:
    authority.will_answer("ListMovements", audit_service_pb2.ListMovementsResponse(movements=movements(3)))
    result = holdfast(authority, "movements", "--limit", "2", "--json")
    assert [line["revision"]["position"] for line in json_lines(result.stdout)] == ["1", "2"]
    assert "more than the 2 shown" in result.stderr


def test_as_many_movements_as_the_limit_are_not_called_more(authority: ScriptedAuthority) -> None:
    authority.will_answer("ListMovements", audit_service_pb2.ListMovementsResponse(movements=movements(2)))
    assert holdfast(authority, "movements", "--limit", "2").stderr == ""


def test_a_sound_ledger_ends_with_0(authority: ScriptedAuthority) -> None:
    authority.will_answer(
        "VerifyLedger",
        [
            audit_service_pb2.VerifyLedgerResponse(checked_operation_count=1, operation_count=2),
            audit_service_pb2.VerifyLedgerResponse(checked_operation_count=2, operation_count=2, verdict=SOUND),
        ],
    )
    result = holdfast(authority, "verify")
    assert result.exit_code == 0
    assert re.search(r"operations checked .* 2 of 2", result.stdout)
    assert re.search(r"verified .* yes", result.stdout)


@pytest.mark.parametrize(
    "wrong",
    [
        {"chain_verified": False},
        {"levels_equal_movements": False},
        {"reserved_equals_open_lines": False},
        {"oversold_quantity": 1},
        {"leaked_quantity": 1},
        {"findings": [audit_service_pb2.LedgerFinding(row="operation main/7", description="hash differs")]},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_ledger_with_anything_wrong_ends_with_1(authority: ScriptedAuthority, wrong: dict[str, Any]) -> None:
    sound = {"chain_verified": True, "levels_equal_movements": True, "reserved_equals_open_lines": True}
    verdict = audit_service_pb2.LedgerVerdict(**{**sound, **wrong})
    authority.will_answer("VerifyLedger", [audit_service_pb2.VerifyLedgerResponse(verdict=verdict)])
    result = holdfast(authority, "verify")
    assert result.exit_code == 1
    assert re.search(r"verified .* NO", result.stdout)
    assert all(finding.row in result.stdout for finding in verdict.findings)


def test_a_check_without_a_verdict_proves_nothing(authority: ScriptedAuthority) -> None:
    authority.will_answer("VerifyLedger", [audit_service_pb2.VerifyLedgerResponse()])
    result = holdfast(authority, "verify")
    assert result.exit_code == 1
    assert "without a verdict" in result.stderr


@pytest.mark.parametrize(
    ("health", "segments", "code"),
    [(SERVING, [OPEN], 0), (SERVING, [OPEN, STOPPED], 1), (SERVING, [], 1), (b"\x08\x02", [OPEN], 1)],
)
def test_the_status_ends_with_0_only_if_all_serves(
    authority: ScriptedAuthority, health: bytes, segments: list[Any], code: int
) -> None:
    authority.will_answer("Check", health, health)
    answer = audit_service_pb2.ListSegmentsResponse(segments=segments)
    authority.will_answer("ListSegments", answer, answer)
    result = holdfast(authority, "status")
    assert result.exit_code == code
    assert all(segment.state_reason in result.stdout for segment in segments)
    as_json = holdfast(authority, "status", "--json")
    assert as_json.exit_code == code
    (line,) = json_lines(as_json.stdout)
    assert line["serving"] is (health == SERVING)
    assert len(line["segments"]) == len(segments)


def test_the_status_shows_where_each_segment_stands(authority: ScriptedAuthority) -> None:
    authority.will_answer("Check", SERVING)
    authority.will_answer("ListSegments", audit_service_pb2.ListSegmentsResponse(segments=[OPEN]))
    result = holdfast(authority, "status")
    assert re.search(r"main .* OPEN .* 3 .* 1204 .* lineage-1 .* never", result.stdout)


def test_the_status_shows_the_server_although_the_segments_cannot_be_had(
    authority: ScriptedAuthority,
) -> None:
    authority.will_answer("Check", b"\x08\x02")
    authority.will_answer("ListSegments", status_of(grpc.StatusCode.UNAVAILABLE, "LEDGER_UNAVAILABLE"))
    result = holdfast(authority, "status")
    assert result.exit_code == 1
    assert "NOT SERVING" in result.stdout
    assert "LEDGER_UNAVAILABLE" in result.stderr


def test_the_age_of_a_heartbeat_is_shown() -> None:
    from holdfast_client.command import segments

    beat = audit_service_pb2.Segment(heartbeat_time=timestamp_pb2.Timestamp(seconds=100, nanos=500_000_000))
    assert segments._age(beat, 102.0) == "1.5 s ago"
    assert segments._age(beat, 99.0) == "0.0 s ago"


@pytest.mark.parametrize(
    ("way", "mode"),
    [
        ("--replay-journal", audit_service_pb2.RESUME_MODE_REPLAY_JOURNAL),
        ("--discard-journal", audit_service_pb2.RESUME_MODE_DISCARD_JOURNAL),
    ],
)
def test_a_segment_is_resumed_in_the_way_that_was_chosen(authority: ScriptedAuthority, way: str, mode: int) -> None:
    authority.will_answer("ResumeSegment", audit_service_pb2.ResumeSegmentResponse(segment=OPEN))
    result = holdfast(authority, "resume", "main", way, "--reason", "failover")
    assert result.exit_code == 0
    request = authority.heard("ResumeSegment")[0].request
    assert (request.segment, request.mode, request.reason) == ("main", mode, "failover")


def test_serve_becomes_the_server_with_its_arguments(
    authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[Any] = []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr(os, "execv", lambda *what: became.extend(what))
    result = holdfast(authority, "serve", "--port", "50052", "data")
    assert result.exit_code == 0
    assert became == [sys.executable, [sys.executable, "-m", "holdfast_server", "--port", "50052", "data"]]


@pytest.mark.parametrize("missing", ["holdfast_server", "structlog"])
def test_serve_without_the_server_says_what_to_install(
    authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == missing else object())
    result = holdfast(authority, "serve")
    assert result.exit_code == 1
    assert result.stderr == (
        "holdfast: the server is not installed; pip install 'holdfast[server,embedded]' brings it\n"
    )


def test_nobody_listening_is_one_line(authority: ScriptedAuthority) -> None:
    result = holdfast(authority, "status", "--target", "127.0.0.1:1")
    assert result.exit_code == 1
    assert result.stderr.startswith("holdfast: UNAVAILABLE: ")
    assert result.stderr.count("\n") == 1
