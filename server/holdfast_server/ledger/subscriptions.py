"""Subscriptions in the ledger's database: who follows what, and how far each has come.

They are operational state: no operation stands for a change of one. Each function is one transaction; a crash leaves it
done or not, and each may be asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import sqlalchemy as sa

from holdfast_server.ledger.statements import load_statements


class SubscriptionKind(IntEnum):
    """What a subscription follows."""

    AVAILABILITY = 1
    MOVEMENTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What is followed: the parts of a filter, each sorted, and the digest that its tokens bear."""

    kind: SubscriptionKind
    skus: tuple[str, ...]
    locations: tuple[str, ...]
    channels: tuple[str, ...]
    filter_digest: bytes

    @property
    def letter_count(self) -> int:
        """How long all its ids are together."""
        return sum(map(len, (*self.skus, *self.locations, *self.channels)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPlace:
    """A position in a history, and the token that says the same."""

    lineage: str
    position: int
    resume_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription as it is now. Times are in microseconds; acknowledge_us is 0 if nothing was acknowledged."""

    name: str
    description: str
    followed: Followed
    place: SubscriptionPlace
    acknowledge_us: int
    create_us: int
    update_us: int
    backlog_operations: int
    """The operations after the place."""
    backlog_age_us: int
    """The time since the first of them was decided; 0 if there is none."""


def _sql(name: str) -> str:
    return load_statements("subscriptions.sql")[name]


def put_subscription(
    connection: sa.Connection,
    segment: str,
    *,
    name: str,
    description: str,
    followed: Followed,
    begin: SubscriptionPlace,
    max_subscriptions: int,
) -> bool:
    """Creates or replaces a subscription; `begin` is its place if it is new or its filter changes.

    Returns False, and changes nothing, if there are as many as there may be.
    """
    transactional = connection.execution_options(isolation_level="READ COMMITTED")
    with transactional.begin():
        transactional.exec_driver_sql(_sql("lock"), {"segment": segment})
        limit = {"segment": segment, "name": name, "max_subscriptions": max_subscriptions}
        if transactional.exec_driver_sql(_sql("is_full"), limit).scalar_one():
            return False
        row = {"segment": segment, "name": name, "description": description}
        transactional.exec_driver_sql(_sql("put"), row | _columns(followed) | _place_columns(begin))
    return True


def find_subscription(connection: sa.Connection, segment: str, name: str) -> Subscription | None:
    """Returns one subscription with its backlog."""
    found = _list(connection, segment, after="", name=name, limit=1)
    return found[0] if found else None


def list_subscriptions(connection: sa.Connection, segment: str, *, after: str, limit: int) -> list[Subscription]:
    """Returns subscriptions with their backlogs, by name, beginning after one."""
    return _list(connection, segment, after=after, name=None, limit=limit)


def delete_subscription(connection: sa.Connection, segment: str, name: str) -> bool:
    """Deletes a subscription. Returns whether there was one."""
    return connection.exec_driver_sql(_sql("delete"), {"segment": segment, "name": name}).rowcount == 1


def acknowledge(
    connection: sa.Connection, segment: str, name: str, place: SubscriptionPlace, filter_digest: bytes
) -> None:
    """Moves a subscription to a place, unless it is there or beyond, or follows something else by now."""
    row = {"segment": segment, "name": name, "filter_digest": filter_digest}
    connection.exec_driver_sql(_sql("acknowledge"), row | _place_columns(place))


def _list(connection: sa.Connection, segment: str, *, after: str, name: str | None, limit: int) -> list[Subscription]:
    parameters = {"segment": segment, "after": after, "name": name, "limit": limit}
    return [_subscription_of(row) for row in connection.exec_driver_sql(_sql("list"), parameters)]


def _subscription_of(row: Any) -> Subscription:
    name, description, kind, skus, locations, channels, digest, lineage, position, token, *rest = row
    acknowledge_us, create_us, update_us, backlog_operations, backlog_age_us = rest
    return Subscription(
        name=name,
        description=description,
        followed=Followed(
            kind=SubscriptionKind(kind),
            skus=tuple(skus),
            locations=tuple(locations),
            channels=tuple(channels),
            filter_digest=bytes(digest),
        ),
        place=SubscriptionPlace(lineage=lineage, position=position, resume_token=token),
        acknowledge_us=acknowledge_us,
        create_us=create_us,
        update_us=update_us,
        backlog_operations=backlog_operations,
        backlog_age_us=backlog_age_us,
    )


def _columns(followed: Followed) -> dict[str, Any]:
    return {
        "kind": int(followed.kind),
        "skus": list(followed.skus),
        "locations": list(followed.locations),
        "channels": list(followed.channels),
        "filter_digest": followed.filter_digest,
    }


def _place_columns(place: SubscriptionPlace) -> dict[str, Any]:
    return {"lineage": place.lineage, "position": place.position, "resume_token": place.resume_token}
