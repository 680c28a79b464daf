"""Retiring old history by the SDK and by the command, and being told what is gone."""

from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from holdfast.inventory.v1 import audit_service_pb2 as pb
from holdfast.inventory.v1 import revision_pb2, stock_pb2
from typer.testing import CliRunner, Result

from holdfast_client import HistoryRetired, HoldfastClient, Unavailable, command
from holdfast_client.command import retiring
from unit.client.scripted import ScriptedAuthority, loading, status_of

NOON = Timestamp(seconds=1_772_366_400)
GONE = pb.RetiredHistory(revision=revision_pb2.Revision(segment="main", position=880), decide_time=NOON)
ASKED = pb.Retirement(
    segment="main",
    number=7,
    until_revision=revision_pb2.Revision(segment="main", position=880),
    caller="ops",
    reason="spring cleaning",
    create_time=NOON,
    operation_count=400,
    movement_count=1_200,
)
ONE_SEGMENT = pb.ListSegmentsResponse(segments=[pb.Segment(segment="main")])


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retiring, "_POLL_SECONDS", 0.0)


def holdfast(authority: ScriptedAuthority, *arguments: str) -> Result:
    return CliRunner().invoke(command.build(), arguments, env={"HOLDFAST_TARGET": authority.target})


def ended(one: pb.Retirement, **changed: Any) -> pb.Retirement:
    done = pb.Retirement()
    done.CopyFrom(one)
    done.MergeFrom(pb.Retirement(**changed))
    return done


async def test_retiring_says_how_far_and_why(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer("RetireHistory", *[pb.RetireHistoryResponse(retirement=ASKED, operation_count=9)] * 2)
    answer = await client.retire_history("main", until_position=880, reason="old")
    assert (answer.retirement, answer.operation_count) == (ASKED, 9)
    await client.retire_history(
        "main", before_time=datetime(2026, 3, 1, 12, tzinfo=UTC), reason="old", validate_only=True
    )
    first, second = (call.request for call in authority.heard("RetireHistory"))
    assert first == pb.RetireHistoryRequest(segment="main", until_position=880, reason="old")
    assert second == pb.RetireHistoryRequest(segment="main", before_time=NOON, reason="old", validate_only=True)


async def test_retiring_is_never_tried_again_by_itself(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer("RetireHistory", loading(), pb.RetireHistoryResponse())
    with pytest.raises(Unavailable):
        await client.retire_history("main", until_position=1, reason="old")
    assert len(authority.heard("RetireHistory")) == 1


async def test_retirements_are_listed_page_after_page(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    pages = [
        pb.ListRetirementsResponse(retirements=[ASKED, ASKED], next_page_token="page-2"),
        pb.ListRetirementsResponse(retirements=[ASKED]),
    ]
    authority.will_answer("ListRetirements", *pages, pages[1])
    assert [one async for one in client.list_retirements("main", page_size=2)] == [ASKED] * 3
    assert await client.list_retirements_page("main", page_token="page-2") == pages[1]
    asked = [(call.request.segment, call.request.page_token) for call in authority.heard("ListRetirements")]
    assert asked == [("main", ""), ("main", "page-2"), ("main", "page-2")]


async def test_who_lists_movements_or_traces_an_order_is_told_what_is_gone(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    movement, step = stock_pb2.Movement(line_number=1), pb.TraceStep(operation="RESERVE")
    told: list[object] = []
    authority.will_answer("ListMovements", *[pb.ListMovementsResponse(movements=[movement], retired=GONE)] * 2)
    authority.will_answer("TraceOrder", pb.TraceOrderResponse(steps=[step], retired=GONE))
    authority.will_answer("ListMovements", pb.ListMovementsResponse(movements=[movement]))
    async for one in client.list_movements(on_retired=told.append):
        told.append(one)
    assert [one async for one in client.list_movements()] == [movement]
    async for one in client.trace_order("A-1", on_retired=told.append):
        told.append(one)
    assert [one async for one in client.list_movements(on_retired=told.append)] == [movement]
    assert told == [GONE, movement, GONE, step]


async def test_what_was_retired_is_refused_with_the_place_from_which_it_is_there(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    metadata = {"segment": "main", "position": "12", "retired_position": "880"}
    refusal = status_of(grpc.StatusCode.FAILED_PRECONDITION, "HISTORY_RETIRED", metadata=metadata)
    authority.will_answer("TraceOrder", refusal)
    with pytest.raises(HistoryRetired) as refused:
        [step async for step in client.trace_order("A-1")]
    assert (refused.value.position, refused.value.retired_position) == (12, 880)


@pytest.mark.parametrize(
    ("before", "asked"),
    [("881", {"until_position": 880}), ("2026-03-01T12:00:00Z", {"before_time": NOON})],
)
def test_the_command_retires_what_lies_before_a_time_or_a_position(
    authority: ScriptedAuthority, before: str, asked: dict[str, Any]
) -> None:
    authority.will_answer("ListSegments", ONE_SEGMENT)
    authority.will_answer("RetireHistory", pb.RetireHistoryResponse(retirement=ASKED, operation_count=480))
    result = holdfast(authority, "segments", "retire", "--before", before, "--reason", "old")
    assert result.exit_code == 0
    assert "480 operations will be retired, up to main/880" in result.stdout
    assert authority.heard("RetireHistory")[0].request == pb.RetireHistoryRequest(segment="main", reason="old", **asked)


def test_a_dry_run_says_what_would_be_retired_and_who_needs_it(authority: ScriptedAuthority) -> None:
    waiting = ended(ASKED, held_back_by="subscription books")
    authority.will_answer("RetireHistory", pb.RetireHistoryResponse(retirement=waiting, operation_count=480))
    words = ("segments", "retire", "--segment", "main", "--before", "881", "--reason", "old", "--dry-run")
    result = holdfast(authority, *words)
    assert "480 operations would be retired" in result.stdout
    assert "it waits for subscription books" in result.stderr
    assert authority.heard("RetireHistory")[0].request.validate_only


def test_the_command_waits_until_all_is_gone(authority: ScriptedAuthority) -> None:
    authority.will_answer("RetireHistory", pb.RetireHistoryResponse(retirement=ASKED, operation_count=480))
    other = pb.Retirement(segment="main", number=8)
    for one in (ASKED, ended(ASKED, end_time=NOON)):
        authority.will_answer("ListRetirements", pb.ListRetirementsResponse(retirements=[other, one]))
    words = ("segments", "retire", "--segment", "main", "--before", "881", "--reason", "old", "--wait")
    result = holdfast(authority, *words)
    assert result.exit_code == 0
    assert "480 operations are retired" in result.stdout
    assert "400 operations are gone" in result.stderr
    assert len(authority.heard("ListRetirements")) == 2


def test_the_command_ends_with_1_if_the_retirement_was_given_up(authority: ScriptedAuthority) -> None:
    authority.will_answer("RetireHistory", pb.RetireHistoryResponse(retirement=ASKED, operation_count=480))
    given_up = ended(ASKED, stop_reason="operation main/12 is not as it was written")
    authority.will_answer("ListRetirements", pb.ListRetirementsResponse(retirements=[given_up]))
    words = ("segments", "retire", "--segment", "main", "--before", "881", "--reason", "old", "--wait")
    result = holdfast(authority, *words)
    assert result.exit_code == 1
    assert "operation main/12 is not as it was written" in result.stderr


@pytest.mark.parametrize("before", ["1", "0", "yesterday", str(2**53)])
def test_what_is_neither_a_time_nor_a_position_to_retire_before_is_not_asked_for(
    authority: ScriptedAuthority, before: str
) -> None:
    result = holdfast(authority, "segments", "retire", "--segment", "main", "--before", before, "--reason", "old")
    assert result.exit_code == 2
    assert not authority.heard("RetireHistory")


def test_one_of_several_segments_must_be_named(authority: ScriptedAuthority) -> None:
    two = pb.ListSegmentsResponse(segments=[pb.Segment(segment="main"), pb.Segment(segment="north")])
    authority.will_answer("ListSegments", two)
    result = holdfast(authority, "segments", "retire", "--before", "881", "--reason", "old")
    assert result.exit_code == 2
    assert not authority.heard("RetireHistory")


def test_retirements_are_shown_with_who_and_why(authority: ScriptedAuthority) -> None:
    authority.will_answer("ListSegments", ONE_SEGMENT)
    authority.will_answer("ListRetirements", pb.ListRetirementsResponse(retirements=[ASKED]))
    shown = holdfast(authority, "segments", "retirements").stdout
    for word in ("7", "main/880", "ops", "spring cleaning", "400", "1200"):
        assert word in shown


@pytest.mark.parametrize(("words", "rpc"), [(("movements",), "ListMovements"), (("trace", "A-1"), "TraceOrder")])
def test_a_listing_that_may_lack_what_was_retired_says_so(
    authority: ScriptedAuthority, words: tuple[str, ...], rpc: str
) -> None:
    answer: Any = (
        pb.ListMovementsResponse(retired=GONE) if rpc == "ListMovements" else pb.TraceOrderResponse(retired=GONE)
    )
    authority.will_answer(rpc, answer)
    assert "up to main/880 (2026-03-01T12:00:00Z) was retired" in holdfast(authority, *words).stderr


def test_a_proof_says_from_where_on_it_is_one(authority: ScriptedAuthority) -> None:
    sound = pb.LedgerVerdict(
        chain_verified=True, levels_equal_movements=True, reserved_equals_open_lines=True, retired=GONE
    )
    authority.will_answer("VerifyLedger", [pb.VerifyLedgerResponse(verdict=sound)])
    result = holdfast(authority, "verify")
    assert result.exit_code == 0
    assert "up to main/880 (2026-03-01T12:00:00Z) was retired" in result.stdout
