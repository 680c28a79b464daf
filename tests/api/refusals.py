"""Reads a refusal as its caller does: code, reason, metadata and details, never the message text."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from holdfast.inventory.v1 import error_reason_pb2

DOMAIN = "holdfast.inventory.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    code: grpc.StatusCode
    reason: str
    metadata: dict[str, str]
    invalid_fields: tuple[str, ...] = ()
    short_lines: tuple[tuple[str, str], ...] = ()
    offers: tuple[tuple[str, str, int], ...] = ()
    retry_seconds: float | None = None


def _detail(details: list[any_pb2.Any], message: Any) -> Any | None:
    for detail in details:
        if detail.Is(message.DESCRIPTOR):
            detail.Unpack(message)
            return message
    return None


def read_status(status: status_pb2.Status) -> Refusal:
    """A refusal out of a google.rpc.Status, as it stands in the trailer of a call or in a batch."""
    details = list(status.details)
    info = _detail(details, error_details_pb2.ErrorInfo())
    assert info is not None, f"an untyped refusal: {status}"
    assert info.domain == DOMAIN
    bad = _detail(details, error_details_pb2.BadRequest())
    short = _detail(details, error_details_pb2.PreconditionFailure())
    offers = _detail(details, error_reason_pb2.SubstituteOffers())
    retry = _detail(details, error_details_pb2.RetryInfo())
    codes = {code.value[0]: code for code in grpc.StatusCode}
    return Refusal(
        code=codes[status.code],
        reason=info.reason,
        metadata=dict(info.metadata),
        invalid_fields=tuple(violation.field for violation in bad.field_violations) if bad else (),
        short_lines=tuple((v.subject, v.description) for v in short.violations) if short else (),
        offers=tuple((o.sku, o.substitute_sku, o.available_quantity) for o in offers.offers) if offers else (),
        retry_seconds=retry.retry_delay.ToTimedelta().total_seconds() if retry else None,
    )


def read_error(error: grpc.RpcError) -> Refusal:
    status = rpc_status.from_call(error)
    assert status is not None, f"a refusal without a google.rpc.Status: {error}"
    return read_status(status)


async def refusal_of(call: Awaitable[Any]) -> Refusal:
    """The refusal of a call that must be refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return read_error(refused.value)


def invalid(*fields: str) -> Refusal:
    """The refusal of a request whose named fields, and no others, break their rules."""
    return Refusal(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason="INVALID_FIELD",
        metadata={"field": fields[0]},
        invalid_fields=fields,
    )


def not_found(reason: str, **metadata: str) -> Refusal:
    return Refusal(code=grpc.StatusCode.NOT_FOUND, reason=reason, metadata=metadata)


def refused_as(reason: str, **metadata: str) -> Refusal:
    """A refusal because of the state of things, without further details."""
    return Refusal(code=grpc.StatusCode.FAILED_PRECONDITION, reason=reason, metadata=metadata)


def already_exists(reason: str, **metadata: str) -> Refusal:
    return Refusal(code=grpc.StatusCode.ALREADY_EXISTS, reason=reason, metadata=metadata)


def exhausted(reason: str, **metadata: str) -> Refusal:
    """A refusal because of a limit that waiting does not lift: it has no RetryInfo."""
    return Refusal(code=grpc.StatusCode.RESOURCE_EXHAUSTED, reason=reason, metadata=metadata)


def kit_conflict(sku: str, rule: str) -> Refusal:
    return refused_as("KIT_CONFLICT", sku=sku, rule=rule)


async def short_of(call: Awaitable[Any]) -> tuple[str, str, int, int]:
    """What a call is short of: SKU, location, requested and available units of the first short line."""
    refusal = await refusal_of(call)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "INSUFFICIENT_STOCK")
    told = refusal.metadata
    assert set(told) == {"sku", "location", "requested", "available", "short_lines"}
    subject = f"{told['sku']}@{told['location']}" if told["location"] else told["sku"]
    assert refusal.short_lines[0][0] == subject
    return told["sku"], told["location"], int(told["requested"]), int(told["available"])
