"""Who calls: read from the metadata of a call, checked, and carried into the ledger with every change."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Final

import grpc

from holdfast_server.edge.errors import DEFAULT_MAX_DETAILS_BYTES, UNLIMITED_DETAILS_BYTES
from holdfast_server.refusals import InvalidField, Violation

CALLER_HEADER: Final = "holdfast-caller"
ON_BEHALF_OF_HEADER: Final = "holdfast-on-behalf-of"
TRACE_HEADER: Final = "traceparent"
MAX_DETAILS_HEADER: Final = "holdfast-max-details-bytes"

_PARTY: Final = re.compile(r"[\x20-\x7e]{0,128}")
_TRACE: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_MAX_DETAILS: Final = re.compile(r"[0-9]{1,9}")
_UNNAMED: Final = "unnamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The calling program, the party that it acts for, its trace, and how large a refusal it can take."""

    name: str = _UNNAMED
    on_behalf_of: str = ""
    trace_parent: str = ""
    max_details_bytes: int = DEFAULT_MAX_DETAILS_BYTES

    def in_trace(self, trace_parent: str) -> Caller:
        """Returns the same caller in the trace of one of many requests; a trace that is none is left out."""
        return dataclasses.replace(self, trace_parent=trace_parent) if _TRACE.fullmatch(trace_parent) else self


def caller_of(context: grpc.aio.ServicerContext) -> Caller:
    """Returns who calls. Raises InvalidField for a name that is no plain text; a trace that is none is left out."""
    name, on_behalf_of, trace_parent, max_details_bytes = _UNNAMED, "", "", DEFAULT_MAX_DETAILS_BYTES
    for key, value in context.invocation_metadata() or ():
        if key == CALLER_HEADER:
            name = _party(key, value) or _UNNAMED
        elif key == ON_BEHALF_OF_HEADER:
            on_behalf_of = _party(key, value)
        elif key == TRACE_HEADER and isinstance(value, str) and _TRACE.fullmatch(value):
            trace_parent = value
        elif key == MAX_DETAILS_HEADER and isinstance(value, str) and _MAX_DETAILS.fullmatch(value):
            max_details_bytes = min(int(value), UNLIMITED_DETAILS_BYTES)
    return Caller(name=name, on_behalf_of=on_behalf_of, trace_parent=trace_parent, max_details_bytes=max_details_bytes)


def _party(key: str, value: str | bytes) -> str:
    if not isinstance(value, str) or not _PARTY.fullmatch(value):
        raise InvalidField(
            [Violation(field=f"metadata[{key}]", description="must be at most 128 printable ASCII characters")]
        )
    return value
