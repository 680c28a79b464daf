"""The archive of retired history: what a step removes, written to a file before it is gone.

A file has one JSON object a line, compressed: for each stretch a head, then its operations with their movements, the
rules that they changed, and the reservations and documents that went with them. A stretch is on disk before its step is
committed. How long the file is goes into the ledger with the step, so what a crash left behind is cut off again, and no
stretch comes twice. The audit hashes go along: an archive is proved by `check_archive`, without the ledger.
"""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from holdfast_server.ledger import audit
from holdfast_server.settings import Settings

_OPERATION: Final = (
    "position",
    "kind",
    "decide_us",
    "request_id",
    "reservation_id",
    "order_id",
    "channel",
    "reason",
    "reference",
    "caller",
    "on_behalf_of",
    "trace_parent",
    "document_id",
)
_MOVEMENT: Final = (
    "line_number",
    "kind",
    "reservation_line",
    "sku",
    "location",
    "sellable_delta",
    "quality_hold_delta",
    "damaged_delta",
    "held_delta",
    "committed_delta",
    "version",
    "sellable",
    "quality_hold",
    "damaged",
    "held",
    "committed",
    "backordered_delta",
    "in_transit_delta",
    "backordered",
    "in_transit",
)
_RULE: Final = ("position", "line_number", "kind", "sku", "location", "channel", "name", "removed", "values")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What one step removes: everything after one position up to another. audit_hash is that before the first one."""

    segment: str
    after: int
    until: int
    audit_hash: bytes
    operations: Sequence[Sequence[Any]]
    movements: Sequence[Sequence[Any]]
    rules: Sequence[Sequence[Any]]
    reservations: Sequence[dict[str, Any]]
    documents: Sequence[dict[str, Any]]


def archive_path(settings: Settings, until: int) -> str:
    """Returns the file that a retirement up to a position is archived in; empty if nothing is archived."""
    if settings.ledger_archive_directory is None:
        return ""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    return str(settings.ledger_archive_directory.resolve() / f"{settings.segment}-{stamp}-until-{until}.jsonl.gz")


def add_to_archive(path: Path, length: int, stretch: Stretch) -> int:
    """Writes a stretch behind the first `length` bytes of a file, and returns its new length once it is on disk.

    What stands beyond that length was written by a step that did not come to its end. Raises OSError if it cannot be
    written, or if the file is shorter than it should be.
    """
    packed = gzip.compress("".join(f"{line}\n" for line in _lines(stretch)).encode())
    with path.open("ab") as file:
        if file.tell() < length:
            raise OSError(f"{path} has {file.tell()} bytes of {length} that were written to it")
        file.truncate(length)
        file.write(packed)
        file.flush()
        os.fsync(file.fileno())
    if length == 0:
        _sync_directory(path.parent)
    return length + len(packed)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lines(stretch: Stretch) -> Iterator[str]:
    head = {"segment": stretch.segment, "after": stretch.after, "until": stretch.until}
    yield _json({"stretch": {**head, "audit_hash": stretch.audit_hash.hex()}})
    movements: dict[int, list[dict[str, Any]]] = {}
    for position, *row in stretch.movements:
        movements.setdefault(position, []).append(dict(zip(_MOVEMENT, row, strict=True)))
    for *row, audit_hash in stretch.operations:
        operation = dict(zip(_OPERATION, row, strict=True))
        yield _json({"operation": operation | {"audit_hash": audit_hash.hex(), "movements": movements.get(row[0], [])}})
    for rule in stretch.rules:
        yield _json({"rule_change": dict(zip(_RULE, rule, strict=True))})
    for name, rows in (("reservation", stretch.reservations), ("document", stretch.documents)):
        for one in rows:
            yield _json({name: one})


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What an archive holds, once it is proved: the operations after a position up to another, and the last hash."""

    segment: str
    after: int
    until: int
    movements: int
    audit_hash: bytes


def check_archive(paths: Iterable[Path]) -> Archived:
    """Recomputes the audit chain of archive files, which follow each other. Raises ValueError naming what is wrong."""
    segment, begin, reached, movements = "", 0, 0, 0
    audit_hash = b""
    for kind, value in _objects(paths):
        if kind == "stretch":
            if not audit_hash:
                segment, begin, reached = value["segment"], value["after"], value["after"]
                audit_hash = bytes.fromhex(value["audit_hash"])
            if value["segment"] != segment or value["after"] != reached:
                raise ValueError(f"{value['segment']}/{value['after']} does not follow {segment}/{reached}")
        elif kind == "operation":
            if value["position"] != reached + 1:
                raise ValueError(f"operation {segment}/{reached + 1} is missing")
            own = [audit.trimmed_movement([one[name] for name in _MOVEMENT]) for one in value["movements"]]
            operation = audit.trimmed_operation([value[name] for name in _OPERATION])
            audit_hash = audit.digest(audit_hash, operation, own)
            if audit_hash.hex() != value["audit_hash"]:
                raise ValueError(f"operation {segment}/{value['position']} is not as it was written")
            reached, movements = value["position"], movements + len(own)
    if not audit_hash:
        raise ValueError("there is nothing in it")
    return Archived(segment=segment, after=begin, until=reached, movements=movements, audit_hash=audit_hash)


def _objects(paths: Iterable[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                ((kind, value),) = json.loads(line).items()
                yield kind, value
