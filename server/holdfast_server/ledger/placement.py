"""Which segment decides about what: places of locations and channels, which are given once and never change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any

import sqlalchemy as sa

from holdfast_server.ledger.statements import load_statements


class PlacedKind(IntEnum):
    """What has a place."""

    LOCATION = 1
    CHANNEL = 2


def place(connection: sa.Connection, kind: PlacedKind, wanted: Mapping[str, str]) -> dict[str, str]:
    """Places names that have no place yet in the segments that are wanted; returns where all of them lie now.

    May be asked again: a place that is given stays.
    """
    statements = load_statements("placement.sql")
    parameters = {"kind": int(kind), "names": list(wanted), "segments": list(wanted.values())}
    connection.exec_driver_sql(statements["place"], parameters)
    return places(connection, kind, list(wanted))


def places(connection: sa.Connection, kind: PlacedKind, names: Sequence[str]) -> dict[str, str]:
    """Returns the segments of those names that lie anywhere."""
    rows = connection.exec_driver_sql(
        load_statements("placement.sql")["places"], {"kind": int(kind), "names": list(names)}
    )
    return {str(name): str(segment) for name, segment in rows}


def segments_of_channels(
    connection: sa.Connection, segments: Sequence[str], channels: Sequence[str]
) -> dict[str, list[str]]:
    """Returns, for each channel, which of the segments have locations that it sells from, in the order given."""
    rows = connection.exec_driver_sql(
        load_statements("placement.sql")["segments_of_channels"],
        {"segments": list(segments), "channels": list(channels)},
    )
    return _in_order(rows, segments, channels)


def locations_of_channel(connection: sa.Connection, segments: Sequence[str], channel: str) -> set[str]:
    """Returns the locations of these segments that a channel sells from."""
    rows = connection.exec_driver_sql(
        load_statements("placement.sql")["locations_of_channel"], {"segments": list(segments), "channel": channel}
    )
    return {location for (location,) in rows}


def segments_of_pools(connection: sa.Connection, segments: Sequence[str], pools: Sequence[str]) -> dict[str, list[str]]:
    """Returns, for each pool, which of the segments have locations of it, in the order given."""
    rows = connection.exec_driver_sql(
        load_statements("placement.sql")["segments_of_pools"], {"segments": list(segments), "pools": list(pools)}
    )
    return _in_order(rows, segments, pools)


def _in_order(rows: Iterable[Any], segments: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, segment in rows:
        found[name].add(segment)
    return {name: [one for one in segments if one in found[name]] for name in names}


def channels_with_shares(
    connection: sa.Connection, segments: Sequence[str], *, channels: Sequence[str], pools: Sequence[str]
) -> list[tuple[str, str]]:
    """Returns those channels, of these and of those of the pools, that have a buffer or an allotment; and where."""
    rows = connection.exec_driver_sql(
        load_statements("placement.sql")["channels_with_shares"],
        {"segments": list(segments), "channels": list(channels), "pools": list(pools)},
    )
    return [(str(channel), str(segment)) for channel, segment in rows]


def segments_of_document(connection: sa.Connection, segments: Sequence[str], kind: int, document_id: str) -> list[str]:
    """Returns which of the segments have a document of this kind and id."""
    rows = connection.exec_driver_sql(
        load_statements("placement.sql")["segments_of_documents"],
        {"segments": list(segments), "kind": kind, "document_id": document_id},
    )
    return [segment for (segment,) in rows]
