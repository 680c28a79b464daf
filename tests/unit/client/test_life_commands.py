"""The commands of the whole life of stock ask for what they were told, and show what became of it."""

import json
import re
from typing import Any

import pytest
from google.protobuf import duration_pb2
from google.protobuf import message as protobuf_message
from holdfast.inventory.v1 import audit_service_pb2, inventory_service_pb2, stock_pb2
from typer.testing import CliRunner, Result

from holdfast_client import command
from holdfast_client.command import asking, trace
from unit.client.catalog_cases import CATALOG_CASES
from unit.client.command_cases import CASES, LEVEL, NOON, REVISION
from unit.client.rule_cases import RULE_CASES
from unit.client.scripted import ScriptedAuthority, short_of
from unit.client.subscription_cases import SUBSCRIPTION_CASES


def holdfast(authority: ScriptedAuthority, *arguments: str) -> Result:
    return CliRunner().invoke(command.build(), arguments, env={"HOLDFAST_TARGET": authority.target})


@pytest.mark.parametrize(
    ("words", "answer", "asked", "shown"), [*CASES, *RULE_CASES, *CATALOG_CASES, *SUBSCRIPTION_CASES]
)
def test_a_command_asks_for_what_it_was_told_and_shows_what_became_of_it(
    authority: ScriptedAuthority,
    words: list[str],
    answer: protobuf_message.Message,
    asked: dict[str, Any],
    shown: tuple[str, ...],
) -> None:
    method = answer.DESCRIPTOR.name.removesuffix("Response")
    authority.will_answer(method, answer, answer)
    result = holdfast(authority, *words)
    assert result.exit_code == 0, result.output
    request = asking.as_dict(authority.heard(method)[0].request)
    assert {key: request[key] for key in asked} == asked
    assert [word for word in shown if word not in result.stdout] == []
    as_json = holdfast(authority, *words, "--json")
    assert as_json.exit_code == 0
    assert all(json.loads(line) for line in as_json.stdout.splitlines())
    assert as_json.stdout


@pytest.mark.parametrize(
    "words",
    [
        "reserve A=1 --channel WEB --told --ttl 5",
        "reserve A=1 --channel WEB --told --partial",
        "reserve A=1 --channel WEB --nearest-to X --most-stock",
        "fulfill main-1 --line one",
        "fulfill main-1 --line 1 --line 1=2",
        "fulfill main-1 --missing 1",
        "transfer main-1 --line 1",
        "transfer main-1 --line 1 --to A --to-pool B",
        "transfer main-1 --to A",
        "return RMA-7 --location LONDON",
        "return RMA-7 --line 1 --location LONDON",
        "inspect RMA-7",
        "count",
        "count A@LONDON=1 --file x.csv",
        "count A@LONDON=1 --dry-run",
        "count A=1",
        "count A@LONDON=-1",
        "count A@LONDON=1 --as-of yesterday",
        "count A@LONDON=1 --as-of 2026-03-01T12:00",
        "move-status A=1@LONDON --from sellable --to gone --reason x",
        "inbound plan PO-1 --location LONDON --expected 2026-03-10",
        "inbound plan PO-1 A=1 --close --location LONDON --expected 2026-03-10",
        "inbound plan PO-1 A=1 --location LONDON",
        "transfer-stock ship T-1 A=0 --from LONDON --to LEEDS",
        "transfer-stock receive T-1 --status damaged",
        "rules put safety-stock 5",
        "rules put hold-limit 3",
        "rules put hold-limit 3 --customer C-7 --every-caller",
        "rules put distances SCOTLAND LEEDS",
        "incidents resolve main-incident-9",
        "incidents resolve main-incident-9 --cancel --backorder",
        "availability A --channel WEB --on someday",
        "reserve A=1 --channel WEB --seen main/7",
        "reserve A=1 --channel WEB --told --seen 7",
        "reservations list --state gone",
        "items put",
        "items put A --scale 7",
        "items put SET --part A",
        "items put SET --part A=0",
        "locations put LONDON --kind moon",
        "pools put UK",
        "channels put WEB",
        "commit main-1 --request-id=",
        "receive A=1@LONDON --request-id=",
        "count A@LONDON=1 --request-id=",
    ],
)
def test_what_is_not_understood_ends_with_2_and_asks_nothing(authority: ScriptedAuthority, words: str) -> None:
    result = holdfast(authority, *words.split())
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert authority.all_heard() == []


def test_what_may_be_sold_instead_is_told_with_the_refusal(authority: ScriptedAuthority) -> None:
    refusal = short_of(("KETTLE-RED", 3, 0), offers=(("KETTLE-RED", "KETTLE-BLUE", 7),))
    authority.will_answer("CreateReservation", refusal, refusal)
    result = holdfast(authority, "reserve", "KETTLE-RED=3", "--channel", "WEB")
    assert "instead of KETTLE-RED: 7 of KETTLE-BLUE" in result.stderr
    as_json = json.loads(holdfast(authority, "reserve", "KETTLE-RED=3", "--channel", "WEB", "--json").stderr)
    assert as_json["error"]["offers"] == [{"sku": "KETTLE-RED", "substitute_sku": "KETTLE-BLUE", "available": 7}]


def test_availability_on_a_day_has_a_column_of_its_own(authority: ScriptedAuthority) -> None:
    each = stock_pb2.Availability(
        sku="A", location="LONDON", available_to_sell_quantity=4, available_to_promise_quantity=64
    )
    each.stock_level.MergeFrom(
        stock_pb2.StockLevel(backordered_quantity=11, safety_stock_quantity=12, in_transit_quantity=13)
    )
    answer = inventory_service_pb2.BatchGetAvailabilityResponse(availabilities=[each], revision=REVISION)
    authority.will_answer("BatchGetAvailability", answer, answer)
    result = holdfast(authority, "availability", "A", "--location", "LONDON", "--on", "2026-03-10")
    key = authority.heard("BatchGetAvailability")[0].request.keys[0]
    assert key.promise_time.ToJsonString() == "2026-03-10T00:00:00Z"
    assert re.search(r"A .* LONDON .* 4 .* 64 .* 11 .* 12 .* 13", result.stdout)
    assert "as of revision main/1204" in result.stdout
    assert "to promise" not in holdfast(authority, "availability", "A", "--location", "LONDON").stdout


@pytest.mark.parametrize(
    "words",
    [
        "receive RICE=12.5@LONDON",
        "adjust RICE=-0.5@LONDON --reason spilt",
        "reserve RICE=12,5 --channel WEB",
        "inbound plan PO-1 RICE=1.5 --location LONDON --expected 2026-03-10",
    ],
)
def test_a_quantity_with_a_fraction_says_how_goods_by_measure_are_told(
    authority: ScriptedAuthority, words: str
) -> None:
    result = holdfast(authority, *words.split())
    assert result.exit_code == 2
    assert "12.5 at scale 3 is 12500" in " ".join(result.output.replace("│", " ").split())


def test_a_column_that_says_nothing_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    asking.print_table(("one", "two", "three"), [("a", "", 0), ("b", "", 0)])
    shown = capsys.readouterr().out
    assert "one" in shown
    assert "three" in shown
    assert "two" not in shown
    asking.print_table(("one", "two"), [])
    assert "two" in capsys.readouterr().out


def test_a_reservation_that_is_committed_at_once_is_the_same_when_it_is_asked_for_again(
    authority: ScriptedAuthority,
) -> None:
    for request_id in ("request-1", "request-1", "request-2"):
        authority.will_answer("CreateReservation", inventory_service_pb2.CreateReservationResponse())
        authority.will_answer("CommitReservation", inventory_service_pb2.CommitReservationResponse())
        words = f"reserve A=1 --channel WEB --commit --request-id {request_id}"
        assert holdfast(authority, *words.split()).exit_code == 0
    first, again, other = (call.request.request_id for call in authority.heard("CommitReservation"))
    assert first == again
    assert len({first, other, "request-1", "request-2"}) == 4


def steps(*operations: tuple[str, float]) -> audit_service_pb2.TraceOrderResponse:
    response = audit_service_pb2.TraceOrderResponse()
    for number, (operation, seconds) in enumerate(operations):
        step = response.steps.add(operation=operation, revision=REVISION, decide_time=NOON, caller="shop")
        step.movements.add(balance=LEVEL, held_delta=2, on_behalf_of="ann")
        step.movements.add(balance=LEVEL, backordered_delta=-1, kind=stock_pb2.MOVEMENT_KIND_SHORT_PICK)
        if number:
            step.since_previous.FromNanoseconds(round(seconds * 1e9))
    return response


def test_the_life_of_an_order_is_a_timeline(authority: ScriptedAuthority) -> None:
    answer = steps(("RESERVE", 0), ("COMMIT", 0.25), ("FULFILL", 90_061))
    authority.will_answer("TraceOrder", answer, answer)
    result = holdfast(authority, "trace", "536365")
    assert result.exit_code == 0
    assert authority.heard("TraceOrder")[0].request.order_id == "536365"
    for word in ("RESERVE", "+0.250 s", "+1 d 1 h", "held +2", "backordered -1", "SHORT_PICK", "shop for ann"):
        assert word in result.stdout
    # What holds for a step stands in the first of its rows only.
    assert (result.stdout.count("COMMIT"), result.stdout.count("LONDON")) == (1, 6)
    lines = [json.loads(line) for line in holdfast(authority, "trace", "536365", "--json").stdout.splitlines()]
    assert [line["operation"] for line in lines] == ["RESERVE", "COMMIT", "FULFILL"]


def test_a_trace_says_which_document_of_the_erp_a_posting_is(authority: ScriptedAuthority) -> None:
    answer = audit_service_pb2.TraceOrderResponse()
    step = answer.steps.add(operation="NOTE_POSTING", revision=REVISION, decide_time=NOON, document_id="main-posting-9")
    step.posting.system, step.posting.document = "netsuite", "INV-7"
    step.posting.booked_revision.CopyFrom(REVISION)
    authority.will_answer("TraceOrder", answer)
    shown = holdfast(authority, "trace", "536365").stdout
    assert f"netsuite INV-7 of {REVISION.segment}/{REVISION.position}" in shown


def test_a_movement_of_another_kind_than_its_step_is_not_taken_for_its_neighbour(authority: ScriptedAuthority) -> None:
    answer = audit_service_pb2.TraceOrderResponse()
    step = answer.steps.add(operation="RESERVE", revision=REVISION, decide_time=NOON, caller="shop")
    step.movements.add(balance=LEVEL, backordered_delta=1, kind=stock_pb2.MOVEMENT_KIND_BACKORDER)
    step.movements.add(balance=LEVEL, held_delta=2, kind=stock_pb2.MOVEMENT_KIND_RESERVE)
    authority.will_answer("TraceOrder", answer)
    shown = holdfast(authority, "trace", "536365").stdout
    assert re.search(r"RESERVE: BACKORDER .* backordered \+1", shown)
    assert re.search(r"│ RESERVE +│ .* held \+2", shown)


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_an_order_that_nobody_knows_ends_with_1(authority: ScriptedAuthority, as_json: list[str]) -> None:
    authority.will_answer("TraceOrder", audit_service_pb2.TraceOrderResponse())
    result = holdfast(authority, "trace", "NO-SUCH-ORDER", *as_json)
    assert result.exit_code == 1
    assert "knows no order NO-SUCH-ORDER" in result.stderr


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "+0.000 s"),
        (9.9996, "+10.000 s"),
        (12.4, "+12 s"),
        (61, "+1 min 1 s"),
        (3_600, "+1 h"),
        (90_061, "+1 d 1 h"),
    ],
)
def test_the_time_between_steps_is_told_in_two_units(seconds: float, words: str) -> None:
    step = audit_service_pb2.TraceStep(since_previous=duration_pb2.Duration())
    step.since_previous.FromNanoseconds(round(seconds * 1e9))
    assert trace.since_previous(step) == words
