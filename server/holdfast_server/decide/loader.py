"""Loads the sequencer from the ledger: the rebuild, in its Redis half.

The epoch must have been fenced before (segments.py), so the ledger stands still while it is read. Everything goes into
the name space of the epoch; only `open` makes it visible, and never over a higher epoch. A loader that dies leaves keys
that nobody reads; the next rebuild clears them away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

import redis
import structlog

from holdfast_server import layouts
from holdfast_server.decide.connections import check_eviction
from holdfast_server.decide.images import Derived, RuleBook, catalog_images, document_field, level_image
from holdfast_server.decide.keys import OUTCOME_GENERATIONS, SegmentKeys, level_field
from holdfast_server.decide.limits import MICROSECONDS
from holdfast_server.decide.packing import pack
from holdfast_server.decide.script import OPEN, load_script
from holdfast_server.ledger.errors import Fenced
from holdfast_server.ledger.journal import SequencerLost
from holdfast_server.ledger.snapshot import LedgerSnapshot, open_snapshot
from holdfast_server.records import pack_document, pack_reservation
from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.loader")

_Row = TypeVar("_Row")


class Loader:
    """Rebuilds the sequencer of one segment."""

    def __init__(self, *, settings: Settings, connection: redis.Redis) -> None:
        self._settings = settings
        self._redis = connection

    def load(self, epoch: int) -> None:
        """Loads the ledger under a fenced epoch and opens it.

        Raises Fenced if a higher epoch exists by now, SequencerLost if Redis broke off, LedgerLost if Postgres did.
        After any of them whatever is open was loaded whole; `tidy` removes what lower epochs left then.
        """
        keys = SegmentKeys(segment=self._settings.segment, epoch=epoch)
        try:
            check_eviction(self._redis)
            self._clear(keys, keep_other_epochs=True)
            with open_snapshot(self._settings) as snapshot:
                if snapshot.epoch != epoch:
                    raise Fenced(f"epoch {snapshot.epoch} was begun while {epoch} was loaded")
                head = self._load(keys, snapshot)
            self._put(keys.head, head)
            self._open(keys)
            self._clear(keys, keep_other_epochs=False)
        except redis.RedisError as error:
            raise SequencerLost(str(error)) from error

    def tidy(self, epoch: int) -> None:
        """Removes what lower epochs left behind one that is open. Raises SequencerLost."""
        try:
            self._clear(SegmentKeys(segment=self._settings.segment, epoch=epoch), keep_other_epochs=False)
        except redis.RedisError as error:
            raise SequencerLost(str(error)) from error

    def _put(self, key: str, fields: Mapping[str, object]) -> None:
        mapping: Any = fields
        self._redis.hset(key, mapping=mapping)

    def _open(self, keys: SegmentKeys) -> None:
        opened = self._redis.eval(load_script(OPEN).source, 2, keys.open_epoch, keys.head, str(keys.epoch))
        if opened != 1:
            raise Fenced(f"a higher epoch than {keys.epoch} is open")

    def _clear(self, keys: SegmentKeys, *, keep_other_epochs: bool) -> None:
        """Removes what an earlier try left in this epoch, or after opening what lower epochs left."""
        for name in self._redis.scan_iter(match=keys.pattern_of_all_epochs(), count=1_000):
            key = name.decode()
            epoch = keys.epoch_of(key)
            if epoch is not None and (epoch == keys.epoch if keep_other_epochs else epoch < keys.epoch):
                self._redis.unlink(key)

    def _load(self, keys: SegmentKeys, snapshot: LedgerSnapshot) -> dict[str, str | int | bytes]:
        stocked: dict[str, list[str]] = defaultdict(list)
        rules, derived = RuleBook(), Derived()
        for rule in snapshot.rules():
            rules.add(rule)
        for kit in snapshot.kits():
            rules.add_kit(kit)
        derived.due |= rules.ends
        counts = {
            "levels": self._load_hash(keys.levels, _levels(snapshot, stocked)),
            "reservations": self._load_hash(keys.reservations, _reservations(snapshot, derived)),
            "documents": self._load_hash(keys.documents, _documents(snapshot, derived)),
            "items": self._load_hash(
                keys.items,
                ((item.sku, rules.item_image(item, len(stocked.get(item.sku, ())))) for item in snapshot.items()),
            ),
            **self._load_catalog(keys, snapshot, rules),
            "rules": self._load_hash(keys.rules, rules.by_field.items()),
            "holders": self._load_hash(keys.holders, derived.holders.items()),
            "supply": self._load_hash(keys.supply, derived.supply_images()),
            "due": self._load_scores(keys.due, derived.due),
            "waiting": self._load_scores(keys.waiting, derived.waiting),
        }
        self._load_hash(keys.stocked, ((sku, pack(locations)) for sku, locations in stocked.items()))
        self._load_scores(keys.places, derived.places())
        log.info("loaded", epoch=keys.epoch, **counts)
        counts |= self._load_window(keys, snapshot)
        # No image from before this state counts, so none can miss a change of what had ended.
        counts |= {"recalled": 0, "recall_floor": snapshot.position}
        return {
            "format": layouts.SCRIPT_FORMAT,
            "position": snapshot.position,
            "hash": snapshot.chain_hash,
            "committed": snapshot.position,
            "clock_us": snapshot.clock_us,
            "counts": pack([counts[name] for name in layouts.HEAD_COUNTS]),
        }

    def _load_hash(self, key: str, fields: Iterable[tuple[str, object]]) -> int:
        """Sets the fields of a hash in bounded pieces; returns how many."""
        count = 0
        for chunk in _chunks(fields, self._settings.load_chunk_rows):
            self._put(key, dict(chunk))
            count += len(chunk)
        return count

    def _load_scores(self, key: str, scores: Mapping[str, int]) -> int:
        """Adds the members of a sorted set in bounded pieces; returns how many."""
        for chunk in _chunks(scores.items(), self._settings.load_chunk_rows):
            self._redis.zadd(key, dict(chunk))
        return len(scores)

    def _load_catalog(self, keys: SegmentKeys, snapshot: LedgerSnapshot, rules: RuleBook) -> dict[str, int]:
        catalog = catalog_images(snapshot.locations(), snapshot.pools(), snapshot.channels(), rules)
        return {
            "locations": self._load_hash(keys.locations, catalog.locations.items()),
            "pools": self._load_hash(keys.pools, catalog.pools.items()),
            "channels": self._load_hash(keys.channels, catalog.channels.items()),
        }

    def _load_window(self, keys: SegmentKeys, snapshot: LedgerSnapshot) -> dict[str, int]:
        """Loads the outcomes of the window into the first generation, and says how far back the window reaches."""
        settings = self._settings
        window_us = settings.outcome_generation_seconds * (OUTCOME_GENERATIONS - 1) * MICROSECONDS
        since_us = max(0, snapshot.clock_us - window_us)
        limit = settings.max_outcomes_per_generation
        count = newest_us = last_position = 0
        oldest_us = since_us
        for chunk in _chunks(snapshot.newest_outcomes(since_us, limit), settings.load_chunk_rows):
            fields = {}
            for outcome in chunk:
                fields[outcome.request_id] = pack(
                    (
                        outcome.fingerprint,
                        outcome.position,
                        outcome.reservation,
                        outcome.extra,
                    )
                )
                newest_us = max(newest_us, outcome.effective_us)
                last_position = max(last_position, outcome.position)
                oldest_us = outcome.effective_us
            self._put(keys.outcomes[0], fields)
            count += len(fields)
        # A window that was cut off at the limit may lack outcomes of the very time of its oldest one.
        floor_us = oldest_us if count == limit else since_us
        window = {
            "generation": 0,
            "generation_start_us": snapshot.clock_us,
            "floor_us": floor_us,
            # No look-up from before this state counts, so none can have missed an outcome that was not loaded.
            "evicted_position": snapshot.position,
            "outcomes_0": count,
            "newest_us_0": newest_us,
            "last_position_0": last_position,
        }
        for number in range(1, OUTCOME_GENERATIONS):
            window |= {f"outcomes_{number}": 0, f"newest_us_{number}": 0, f"last_position_{number}": 0}
        return window


def _levels(snapshot: LedgerSnapshot, stocked: dict[str, list[str]]) -> Iterator[tuple[str, bytes]]:
    for level in snapshot.levels():
        stocked[level.sku].append(level.location)
        yield level_field(level.sku, level.location), level_image(level)


def _reservations(snapshot: LedgerSnapshot, derived: Derived) -> Iterator[tuple[str, bytes]]:
    for reservation in snapshot.live_reservations():
        derived.add_reservation(reservation)
        yield reservation.reservation_id, pack_reservation(reservation)


def _documents(snapshot: LedgerSnapshot, derived: Derived) -> Iterator[tuple[str, bytes]]:
    for document in snapshot.live_documents():
        derived.add_document(document)
        yield document_field(document), pack_document(document)


def _chunks(rows: Iterable[_Row], size: int) -> Iterator[list[_Row]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        yield chunk
