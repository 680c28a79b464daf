"""Times and time spans, made of the plain values that a caller has at hand."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from google.protobuf import duration_pb2, timestamp_pb2

Moment: TypeAlias = timestamp_pb2.Timestamp | datetime
"""A time: a Timestamp, or a datetime that knows its time zone."""


def duration_of(seconds: float) -> duration_pb2.Duration:
    """Make the message of a time span, to the nanosecond."""
    duration = duration_pb2.Duration()
    duration.FromNanoseconds(round(seconds * 1_000_000_000))
    return duration


def timestamp_of(moment: Moment | None) -> timestamp_pb2.Timestamp | None:
    """Make the message of a time; one that is a message already is passed on, and none stays none.

    Raises:
        ValueError: The datetime has no time zone: whose noon it is cannot be told.
    """
    if not isinstance(moment, datetime):
        return moment
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    timestamp = timestamp_pb2.Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
