"""Reads a google.rpc.Status: what the authority says with a refusal, and what gRPC says where nobody did.

The one place that knows the details of a status; the classes that are made of them are in `errors`.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeVar

import grpc
from google.protobuf import message as protobuf_message
from google.rpc import error_details_pb2, status_pb2
from holdfast.inventory.v1 import error_reason_pb2

ERROR_DOMAIN: Final = "holdfast.inventory.v1"

_Detail = TypeVar("_Detail", bound=protobuf_message.Message)

_DETAILS_KEY: Final = "grpc-status-details-bin"
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
_AVAILABLE_FORM: Final = re.compile(r"requested ([0-9]+), available ([0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldViolation:
    """A field that breaks its rule."""

    field: str
    """The path of the field, such as `lines[3].quantity`."""

    description: str
    """What is wrong with it, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortLine:
    """A SKU, or a SKU at a location, of which there is too little."""

    sku: str

    location: str
    """The location that the demand named; empty if it was to be sourced from the channel's pool."""

    requested: int
    """The units that were asked for, over all lines of this SKU and location."""

    available: int
    """The units that could have been had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubstituteOffer:
    """What may be sold instead of a SKU that there is too little of."""

    sku: str
    """The SKU that there is too little of."""

    substitute_sku: str
    """The SKU that may be sold instead."""

    available: int
    """The units of it that the channel may sell."""


def status_of(failure: grpc.aio.AioRpcError) -> status_pb2.Status:
    """The status of a call that failed: the one that was sent with it, else one made of gRPC's own."""
    code = failure.code()
    status = _sent_status(failure) or status_pb2.Status(code=code.value[0], message=failure.details() or "")
    if code is grpc.StatusCode.CANCELLED:
        # Nobody on this side cancelled: in a task that was cancelled, or whose call was, gRPC raises
        # asyncio.CancelledError and never an AioRpcError. So the call was dropped on its way, as gRPC's core
        # does under a burst before a handler runs. Our own server raises gRPC's limit, but a proxy or an older
        # server may not. To the caller that is UNAVAILABLE: worth another try, and under the same request_id,
        # since nothing here proves that the call had no effect.
        status.code = grpc.StatusCode.UNAVAILABLE.value[0]
        status.message = f"the call was dropped on its way (CANCELLED): {status.message}"
    return status


def code_of(status: status_pb2.Status) -> grpc.StatusCode:
    """The gRPC status code; UNKNOWN for a number that is none."""
    return _CODES.get(status.code, grpc.StatusCode.UNKNOWN)


def info_of(status: status_pb2.Status) -> error_details_pb2.ErrorInfo:
    """The reason with its facts; an empty one if the status has none."""
    return _detail(status, error_details_pb2.ErrorInfo) or error_details_pb2.ErrorInfo()


def reason_of(info: error_details_pb2.ErrorInfo) -> str:
    """The ErrorReason without its prefix; empty if it is not one of the authority's."""
    return str(info.reason) if info.domain == ERROR_DOMAIN else ""


def violations_of(status: status_pb2.Status) -> tuple[FieldViolation, ...]:
    """The fields that break their rules, all of them."""
    bad_request = _detail(status, error_details_pb2.BadRequest)
    return tuple(
        FieldViolation(field=violation.field, description=violation.description)
        for violation in (bad_request.field_violations if bad_request is not None else ())
    )


def retry_delay_seconds_of(status: status_pb2.Status) -> float | None:
    """The time after which the authority asks to try again; None if it named none."""
    retry_info = _detail(status, error_details_pb2.RetryInfo)
    return retry_info.retry_delay.ToNanoseconds() / 1e9 if retry_info is not None else None


def short_lines_of(status: status_pb2.Status) -> tuple[ShortLine, ...]:
    """The short lines; the one place that knows how the authority words them."""
    failure = _detail(status, error_details_pb2.PreconditionFailure)
    short_lines = []
    for violation in failure.violations if failure is not None else ():
        units = _AVAILABLE_FORM.fullmatch(violation.description)
        if units is None:
            continue
        sku, _, location = violation.subject.partition("@")
        short_lines.append(ShortLine(sku=sku, location=location, requested=int(units[1]), available=int(units[2])))
    return tuple(short_lines)


def offers_of(status: status_pb2.Status) -> tuple[SubstituteOffer, ...]:
    """What may be sold instead of the short lines; empty where there is nothing to offer."""
    found = _detail(status, error_reason_pb2.SubstituteOffers)
    return tuple(
        SubstituteOffer(sku=offer.sku, substitute_sku=offer.substitute_sku, available=offer.available_quantity)
        for offer in (found.offers if found is not None else ())
    )


def _sent_status(failure: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    for key, value in failure.trailing_metadata() or ():
        if key == _DETAILS_KEY:
            try:
                status = status_pb2.Status.FromString(value)
            except protobuf_message.DecodeError:
                return None
            if status.code == failure.code().value[0]:
                return status
    return None


def _detail(status: status_pb2.Status, kind: type[_Detail]) -> _Detail | None:
    for packed in status.details:
        if packed.Is(kind.DESCRIPTOR):
            detail: _Detail = kind()
            try:
                packed.Unpack(detail)
            except protobuf_message.DecodeError:
                return None
            return detail
    return None
