"""Questions of those who watch: what was committed after a position, and what ties numbers together."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from holdfast_server import layouts
from holdfast_server.ledger.retirement import check_kept
from holdfast_server.ledger.statements import load_statements
from holdfast_server.watch.changes import Catalogue, ChangedRule, LedgerChanges, LedgerHead, Moved, PutItem, PutPlaces

_KIND: Final = layouts.OPERATION_KINDS
_OF_RULES: Final = frozenset({_KIND["PUT_RULES"], _KIND["MOVE_ALLOTMENT"], _KIND["END_ALLOTMENT"]})
_OF_PLACES: Final = frozenset({_KIND["PUT_LOCATIONS"], _KIND["PUT_POOLS"], _KIND["PUT_CHANNELS"]})


def _rows(connection: sa.Connection, name: str, **parameters: Any) -> Any:
    return connection.exec_driver_sql(load_statements("watch.sql")[name], parameters).all()


def ledger_head(connection: sa.Connection, segment: str) -> LedgerHead:
    """Returns where the ledger of a segment stands."""
    (row,) = _rows(connection, "head", segment=segment)
    return LedgerHead(*row)


def changes_after(connection: sa.Connection, segment: str, after: int, limit: int) -> LedgerChanges:
    """Returns what was committed after a position, of at most `limit` operations.

    Raises HistoryRetired if operations after the position were retired.
    """
    # One question for what every stretch has: it is asked many times a second.
    rows = _rows(connection, "changes", segment=segment, after=after, most=after + limit)
    lineage, epoch, head, until, catalogue, *_ = rows[0]
    part = {"segment": segment, "after": after, "until": until}
    kinds = {kind for _, kind in catalogue or ()}
    changes = LedgerChanges(
        lineage=lineage,
        epoch=epoch,
        head=head,
        reached=max(until, after),
        moved=[Moved(*moved) for _, _, _, _, _, *moved in rows if moved[0] is not None],
        rules=[ChangedRule(*row) for row in _rows(connection, "changed_rules", **part)] if kinds & _OF_RULES else [],
        items=[PutItem(*row) for row in _rows(connection, "put_items", **part)] if _KIND["PUT_ITEMS"] in kinds else [],
        places=[PutPlaces(position, kind) for position, kind in catalogue or () if kind in _OF_PLACES],
    )
    check_kept(connection, segment, after)
    return changes


def watched_catalogue(connection: sa.Connection, segment: str, released_us: int) -> Catalogue:
    """Returns what ties numbers together, as it is now, with the releases after a time."""
    locations_of = {
        channel: frozenset(locations) for channel, locations in _rows(connection, "locations_of", segment=segment)
    }
    channels_at: dict[str, list[str]] = {}
    for channel, locations in sorted(locations_of.items()):
        for location in locations:
            channels_at.setdefault(location, []).append(channel)
    return Catalogue(
        locations=frozenset(location for (location,) in _rows(connection, "locations", segment=segment)),
        locations_of=locations_of,
        channels_at={location: tuple(channels) for location, channels in channels_at.items()},
        kits_of={sku: tuple(kits) for sku, kits in _rows(connection, "kits", segment=segment)},
        allotted=frozenset(sku for (sku,) in _rows(connection, "allotted", segment=segment)),
        releases=tuple(map(tuple, _rows(connection, "releases", segment=segment, after_us=released_us))),
    )


def released_since(connection: sa.Connection, segment: str, position: int, now_us: int) -> list[str]:
    """Returns SKUs whose preorder was released between the decision at a position and now."""
    found = _rows(connection, "released_since", segment=segment, position=position, now_us=now_us)
    return [sku for (sku,) in found]


def all_skus(connection: sa.Connection, segment: str, *, after: str, limit: int) -> list[str]:
    """Returns SKUs in the order of their bytes, beginning after one."""
    return [sku for (sku,) in _rows(connection, "all_skus", segment=segment, after=after, limit=limit)]


def stocked_skus(connection: sa.Connection, segment: str, location: str, *, after: str, limit: int) -> list[str]:
    """Returns the SKUs that a location has levels of, in the order of their bytes, beginning after one."""
    found = _rows(connection, "stocked_skus", segment=segment, location=location, after=after, limit=limit)
    return [sku for (sku,) in found]


def token_key(connection: sa.Connection) -> bytes:
    """Returns the key that resume tokens are signed with."""
    ((key,),) = _rows(connection, "token_key")
    return bytes(key)
