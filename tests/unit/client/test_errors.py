"""Every refusal becomes the class that a caller would catch, with its facts."""

import pickle

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from holdfast.inventory.v1 import error_reason_pb2

from holdfast_client import (
    AlreadyCommitted,
    BacklogFull,
    DeadlineExceeded,
    FieldViolation,
    HoldfastClient,
    HoldfastError,
    InsufficientStock,
    InternalFault,
    InvalidField,
    LimitReached,
    NotFound,
    Overloaded,
    RequestIdReused,
    ReservationResolved,
    SegmentLoading,
    ShortLine,
    SubstituteOffer,
    Unavailable,
    UnknownSku,
    error_from_status,
    errors,
)
from unit.client.scripted import ScriptedAuthority, short_of, status_of

REASONS = [
    name.removeprefix("ERROR_REASON_")
    for name in error_reason_pb2.ErrorReason.keys()  # noqa: SIM118 - an enum wrapper is no mapping
    if name != "ERROR_REASON_UNSPECIFIED"
]


def test_every_reason_of_the_contract_is_mapped() -> None:
    assert set(errors._CLASS_OF_REASON) == set(error_reason_pb2.ErrorReason.values())


@pytest.mark.parametrize("reason", REASONS)
def test_the_class_of_a_reason_bears_its_name(reason: str) -> None:
    error = error_from_status(status_of(grpc.StatusCode.FAILED_PRECONDITION, reason))
    name = "".join(word.capitalize() for word in reason.split("_"))
    assert type(error).__name__ == {"Internal": "InternalFault"}.get(name, name)
    assert error.reason == reason


def test_an_error_has_everything_that_the_status_has() -> None:
    status = status_of(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "OVERLOADED",
        "too much to do",
        metadata={"limit": "max_queued_commands", "value": "20000"},
        retry_delay_seconds=0.25,
    )
    error = error_from_status(status, request_id="request-1")
    assert isinstance(error, Overloaded)
    assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.message == "too much to do"
    assert dict(error.metadata) == {"limit": "max_queued_commands", "value": "20000"}
    assert (error.limit, error.value) == ("max_queued_commands", 20000)
    assert error.retry_delay_seconds == 0.25
    assert status_pb2.Status.FromString(error.status) == status
    assert error.request_id == "request-1"
    assert str(error) == "OVERLOADED: too much to do"


def test_insufficient_stock_has_every_short_line() -> None:
    error = error_from_status(short_of(("85123A", 3, 2), ("84029G@STORE-7", 9007199254740991, 0)))
    assert isinstance(error, InsufficientStock)
    assert error.short_lines == (
        ShortLine(sku="85123A", location="", requested=3, available=2),
        ShortLine(sku="84029G", location="STORE-7", requested=9007199254740991, available=0),
    )


def test_insufficient_stock_offers_what_may_be_sold_instead() -> None:
    error = error_from_status(short_of(("KETTLE-RED", 3, 0), offers=(("KETTLE-RED", "KETTLE-BLUE", 7),)))
    assert isinstance(error, InsufficientStock)
    assert error.offers == (SubstituteOffer(sku="KETTLE-RED", substitute_sku="KETTLE-BLUE", available=7),)
    bare = error_from_status(short_of(("KETTLE-RED", 3, 0)))
    assert isinstance(bare, InsufficientStock)
    assert bare.offers == ()


DOCUMENT = {"kind": "TRANSFER", "document_id": "T-1"}


@pytest.mark.parametrize(
    ("reason", "facts"),
    [
        ("ITEM_INACTIVE", {"sku": "A"}),
        ("KIT_CONFLICT", {"sku": "GIFT-SET", "rule": "NO_STOCK_OF_ITS_OWN"}),
        ("UNKNOWN_DESTINATION", {"destination": "SCOTLAND"}),
        ("NOT_COMMITTED", {"reservation_id": "main-1", "state": "HELD"}),
        ("FULFILLMENT_EXCEEDS_OPEN", {"reservation_id": "main-1", "line_number": 1, "requested": 3, "open": 2}),
        ("RETURN_EXCEEDS_FULFILLED", {"sku": "A", "line_number": 0, "requested": 3, "returnable": 2}),
        ("QUANTITY_CHANGED", {"sku": "A", "location": "LONDON", "expected": 10, "actual": 9}),
        ("COUNTED_SINCE", {"sku": "A", "location": "LONDON", "as_of": 10, "counted": 12}),
        ("UNKNOWN_DOCUMENT", DOCUMENT),
        ("UNKNOWN_SUBSCRIPTION", {"subscription": "netsuite-movements"}),
        ("DOCUMENT_CLOSED", DOCUMENT),
        ("DOCUMENT_EXISTS", DOCUMENT),
        ("EXCEEDS_DOCUMENT", {**DOCUMENT, "line": "A", "requested": 3, "open": 2}),
        ("HOLD_LIMIT_REACHED", {"scope": "CUSTOMER", "name": "C-7", "max_open_holds": 3}),
        ("WATCH_ENDED", {"cause": "MAX_AGE"}),
        ("WATCHER_TOO_SLOW", {"limit": "watch_stall_seconds", "value": 30}),
        ("ALLOTMENT_TOO_SMALL", {"sku": "A", "channel": "WEB", "requested": 5, "movable": 3}),
    ],
)
def test_a_refusal_has_its_facts_as_properties(reason: str, facts: dict[str, object]) -> None:
    metadata = {key: str(value) for key, value in facts.items()}
    error = error_from_status(status_of(grpc.StatusCode.FAILED_PRECONDITION, reason, metadata=metadata))
    named = {"max_open_holds": "value"}
    assert {key: getattr(error, named.get(key, key)) for key in facts} == facts


def test_what_does_not_exist_and_what_is_limited_can_be_caught_by_the_family() -> None:
    for reason, family in (
        ("UNKNOWN_DESTINATION", NotFound),
        ("UNKNOWN_DOCUMENT", NotFound),
        ("UNKNOWN_SUBSCRIPTION", NotFound),
        ("HOLD_LIMIT_REACHED", LimitReached),
        ("WATCHER_TOO_SLOW", LimitReached),
        ("WATCH_ENDED", Unavailable),
    ):
        assert isinstance(error_from_status(status_of(grpc.StatusCode.UNKNOWN, reason)), family)
    limited = error_from_status(status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, "HOLD_LIMIT_REACHED"))
    assert isinstance(limited, LimitReached)
    assert limited.limit == "max_open_holds"


@pytest.mark.parametrize("description", ["", "requested 3", "requested 3, available -1", "requested 3, available 2."])
def test_a_short_line_in_other_words_does_not_hide_the_refusal(description: str) -> None:
    violation = error_details_pb2.PreconditionFailure.Violation(subject="A", description=description)
    status = status_of(
        grpc.StatusCode.FAILED_PRECONDITION,
        "INSUFFICIENT_STOCK",
        details=(error_details_pb2.PreconditionFailure(violations=[violation]),),
    )
    error = error_from_status(status)
    assert isinstance(error, InsufficientStock)
    assert error.short_lines == ()


def test_invalid_field_has_every_violation() -> None:
    bad_request = error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field="channel", description="is required"),
            error_details_pb2.BadRequest.FieldViolation(field="lines[0].quantity", description="must be 1 or more"),
        ]
    )
    error = error_from_status(status_of(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", details=(bad_request,)))
    assert isinstance(error, InvalidField)
    assert error.violations == (
        FieldViolation(field="channel", description="is required"),
        FieldViolation(field="lines[0].quantity", description="must be 1 or more"),
    )


def test_a_reused_request_id_names_the_field_that_differs() -> None:
    metadata = {"request_id": "request-1", "field": "lines[0].quantity"}
    error = error_from_status(status_of(grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED", metadata=metadata))
    assert isinstance(error, RequestIdReused)
    assert error.field == "lines[0].quantity"


def test_a_resolved_reservation_says_what_became_of_it() -> None:
    metadata = {
        "reservation_id": "main-1",
        "state": "COMMITTED",
        "resolve_time": "2026-03-01T12:00:00.000000Z",
    }
    error = error_from_status(status_of(grpc.StatusCode.FAILED_PRECONDITION, "ALREADY_COMMITTED", metadata=metadata))
    assert isinstance(error, AlreadyCommitted)
    assert isinstance(error, ReservationResolved)
    assert {
        "reservation_id": error.reservation_id,
        "state": error.state,
        "resolve_time": error.resolve_time,
    } == metadata


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidField),
        (grpc.StatusCode.NOT_FOUND, NotFound),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, LimitReached),
        (grpc.StatusCode.UNAVAILABLE, Unavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineExceeded),
        (grpc.StatusCode.INTERNAL, InternalFault),
        (grpc.StatusCode.UNIMPLEMENTED, HoldfastError),
    ],
)
def test_a_reason_that_is_not_known_becomes_the_class_of_its_code(
    code: grpc.StatusCode, expected: type[HoldfastError]
) -> None:
    error = error_from_status(status_of(code, "INVENTED_LATER"))
    assert type(error) is expected
    assert error.reason == "INVENTED_LATER"


def test_a_reason_of_another_domain_is_not_taken_for_ours() -> None:
    error = error_from_status(status_of(grpc.StatusCode.NOT_FOUND, "UNKNOWN_SKU", domain="example.com"))
    assert type(error) is NotFound
    assert error.reason == ""


@pytest.mark.parametrize(
    "status", [short_of(("A", 2, 1)), status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, "BACKLOG_FULL")]
)
def test_an_error_survives_the_way_between_processes(status: status_pb2.Status) -> None:
    error = error_from_status(status, request_id="request-1")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert isinstance(again, InsufficientStock | BacklogFull)


async def test_a_refused_call_raises_the_typed_error(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    status = status_of(grpc.StatusCode.NOT_FOUND, "UNKNOWN_SKU", "no item", metadata={"sku": "NO-SUCH-SKU"})
    authority.will_answer("GetItem", status)
    with pytest.raises(UnknownSku) as raised:
        await client.get_item("NO-SUCH-SKU")
    assert raised.value.sku == "NO-SUCH-SKU"
    assert status_pb2.Status.FromString(raised.value.status) == status


def test_details_that_cannot_be_read_leave_the_code() -> None:
    failure = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE,
        grpc.aio.Metadata(),
        grpc.aio.Metadata(("grpc-status-details-bin", b"\xff\xff")),
        details="broken",
    )
    error = errors.error_from_rpc(failure)
    assert type(error) is Unavailable
    assert error.message == "broken"


def test_details_of_another_code_are_not_believed() -> None:
    status = status_of(grpc.StatusCode.NOT_FOUND, "UNKNOWN_SKU")
    failure = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE,
        grpc.aio.Metadata(),
        grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString())),
        details="broken",
    )
    assert type(errors.error_from_rpc(failure)) is Unavailable


async def test_the_error_of_a_mutation_carries_the_id_to_ask_again_with(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer("CommitReservation", *[status_of(grpc.StatusCode.UNAVAILABLE, "SEGMENT_LOADING")] * 5)
    with pytest.raises(SegmentLoading) as raised:
        await client.commit_reservation("main-1")
    assert raised.value.request_id == authority.heard("CommitReservation")[0].request.request_id
