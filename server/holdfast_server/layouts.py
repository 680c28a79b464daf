"""The order of the fields in the packed records, said once for Python and for Lua.

Levels, reservations and reservation lines are kept in Redis, and travel in the journal, as MessagePack
arrays. The Lua scripts get these positions as constants that `script.py` writes in front of them; Python
reads them from here. A new field goes to the end of its record, together with a new SCRIPT_FORMAT.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# A Redis that was loaded for another format is refused by the scripts and rebuilt. Raise it with every
# change of a record, of a key or of the journal.
SCRIPT_FORMAT: Final = 4

# The head of a segment has `hash`, `format`, `position`, `committed` and `clock_us` as fields of their own, for others
# read them too; these counts are one packed field of it. There are four generations of outcomes.
HEAD_COUNTS: Final = (
    "levels",
    "reservations",
    "due",
    "items",
    "locations",
    "pools",
    "channels",
    "rules",
    "holders",
    "supply",
    "documents",
    "recalled",
    "recall_floor",
    "waiting",
    "generation",
    "generation_start_us",
    "floor_us",
    "evicted_position",
    *(f"{what}_{number}" for what in ("outcomes", "newest_us", "last_position") for number in range(4)),
)

# The last two are left out while they are zero: most levels never have either.
LEVEL: Final = (
    "version",
    "sellable",
    "quality_hold",
    "damaged",
    "held",
    "committed",
    "backordered",
    "in_transit",
)

RESERVATION: Final = (
    "reservation_id",
    "version",
    "state",
    "channel",
    "order_id",
    "create_us",
    "expire_us",
    "update_us",
    "position",
    "create_position",
    "customer_id",
    "holder",
    "told",
    "lines",
)

# What never changes comes first. `wait_position` is the place in the queue of those who wait at the location.
LINE: Final = (
    "sku",
    "location",
    "quantity",
    "ordered_sku",
    "sourcing",
    "expected_us",
    "open",
    "released",
    "expired",
    "fulfilled",
    "transferred",
    "returned",
    "backordered",
    "wait_position",
)

# A document: an inbound plan, a transfer, a return, an incident, a parked request, a posting, a split. `location` is
# where the units come to, `origin` where a transfer comes from, which RPC was parked or which system has booked; what a
# kind does not have is empty or 0. Lines have the fields of their kind. Of a posting, `expected_us` is when it was
# booked, `seen_position` what was, and `note` the number of the document there. Of a split, `expected_us` is when it
# expires, `note` is the request that it answers.
DOCUMENT: Final = (
    "kind",
    "document_id",
    "version",
    "state",
    "location",
    "origin",
    "channel",
    "order_id",
    "reservation_id",
    "expected_us",
    "create_us",
    "update_us",
    "position",
    "flag",
    "seen_position",
    "resolution",
    "note",
    "lines",
)
DOCUMENT_LINES: Final = {
    "INBOUND": ("sku", "quantity", "open", "received"),
    "TRANSFER": ("sku", "quantity", "open", "received", "lost"),
    "RETURN": ("sku", "quantity", "open", "sellable", "damaged", "vendor", "line_number"),
    "INCIDENT": ("line_number", "sku", "location", "quantity", "open"),
    "PARKED": ("sku",),
    "POSTING": (),
    "SPLIT": ("segment", "reservation_id", "sku", "location", "quantity"),
}

# Numbers of the enums in the protos, so that nothing is translated on the way.
STATES: Final = {"HELD": 1, "COMMITTED": 2, "FULFILLED": 3, "RELEASED": 4, "EXPIRED": 5}
MOVEMENT_KINDS: Final = {
    "RESERVE": 1,
    "COMMIT": 2,
    "RELEASE": 3,
    "EXPIRE": 4,
    "RECEIVE": 5,
    "ADJUST": 6,
    "BACKORDER": 7,
    "COVER": 8,
    "FULFILL": 9,
    "SHORT_PICK": 10,
    "RETURN": 11,
    "INSPECT": 12,
    "COUNT": 13,
    "SHIP_TRANSFER": 14,
    "RECEIVE_TRANSFER": 15,
    "MOVE_STATUS": 16,
    "TRANSFER_RESERVATION": 17,
}
STATUSES: Final = {"SELLABLE": 1, "QUALITY_HOLD": 2, "DAMAGED": 3}
SOURCING_ORDERS: Final = {"POOL": 1, "NEAREST": 2, "MOST_STOCK": 3}
SOURCING_REASONS: Final = {
    "NAMED_LOCATION": 1,
    "POOL_ORDER": 2,
    "NEAREST": 3,
    "MOST_STOCK": 4,
    "SHIP_COMPLETE": 5,
    "AWAITED": 6,
    "TRANSFERRED": 7,
}
# The reasons of a location that the authority chose from a pool, for the time being.
UNSETTLED_SOURCING: Final = frozenset(
    SOURCING_REASONS[name] for name in ("POOL_ORDER", "NEAREST", "MOST_STOCK", "SHIP_COMPLETE")
)
DOCUMENT_KINDS: Final = {"INBOUND": 1, "TRANSFER": 2, "RETURN": 3, "INCIDENT": 4, "PARKED": 5, "POSTING": 6, "SPLIT": 7}
# What else is recalled from the ledger: a reservation that has ended, and the last count of a status of a level.
RECALLED_RESERVATION: Final = 0
RECALLED_COUNT: Final = 9
# The states of a document, by kind; it begins in the first. A posting is over once it is noted.
DOCUMENT_STATES: Final = {
    "INBOUND": {"EXPECTED": 1, "CLOSED": 2},
    "TRANSFER": {"IN_TRANSIT": 1, "COMPLETED": 2},
    "RETURN": {"IN_INSPECTION": 1, "INSPECTED": 2},
    "INCIDENT": {"OPEN": 1, "RESOLVED": 2, "CLOSED": 3},
    "PARKED": {"WAITING": 1, "APPLIED": 2, "DISCARDED": 3},
    "POSTING": {"NOTED": 2},
    "SPLIT": {"OPEN": 1, "CLOSED": 2},
}
# What `resolution` of a split says: where a demand over several segments stands. The last five are ends.
SPLIT_PHASES: Final = {
    "PLANNED": 1,
    "HELD": 2,
    "COMMITTING": 3,
    "RELEASING": 4,
    "EXPIRING": 5,
    "ABORTING": 6,
    "COMMITTED": 7,
    "RELEASED": 8,
    "EXPIRED": 9,
    "ABORTED": 10,
    "REFERRED": 11,
}
# What `flag` of an incident says (IncidentKind); of a return it says whether it is blind.
INCIDENT_KINDS: Final = {"OVERSELL": 1, "SHORT_PICK": 2}
RESOLUTIONS: Final = {"CANCEL": 1, "BACKORDER": 2, "SUBSTITUTE": 3, "TRANSFER": 4}
RULE_KINDS: Final = {
    "SAFETY_STOCK": 1,
    "CHANNEL_BUFFER": 2,
    "ALLOTMENT": 3,
    "BACKORDER": 4,
    "SUBSTITUTION": 5,
    "HOLD_LIMIT": 6,
    "DISTANCES": 7,
}

# What an operation in the journal is called. Operations that move stock bear the name of their movements.
OPERATION_KINDS: Final = MOVEMENT_KINDS | {
    "EXTEND": 20,
    "PLAN_INBOUND": 21,
    "RESOLVE_INCIDENT": 22,
    "CLOSE_INCIDENT": 23,
    "PARK": 24,
    "DISCARD_PARKED": 25,
    "NOTE_POSTING": 26,
    "PLAN_SPLIT": 27,
    "MOVE_SPLIT": 28,
    "PUT_ITEMS": 30,
    "PUT_LOCATIONS": 31,
    "PUT_POOLS": 32,
    "PUT_CHANNELS": 33,
    "PUT_RULES": 34,
    "MOVE_ALLOTMENT": 35,
    "END_ALLOTMENT": 36,
}

# An operation in the journal. The request (records.Request) is packed by the edge and not read by the scripts; it is
# empty for what nobody requested. `documents` holds the after-images of the documents that it touched.
OPERATION: Final = ("position", "kind", "request", "reservation", "movements", "catalog", "extra", "documents")

# A movement: what it changes, then the level after it. The last four are left out where all of them are zero.
MOVEMENT: Final = (
    "kind",
    "line",
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

# A rule in the journal (catalog of PUT_RULES, MOVE_ALLOTMENT, END_ALLOTMENT): its key, then its values by kind.
RULE: Final = ("kind", "sku", "location", "channel", "name", "removed", "used", "start_position", "values")
RULE_VALUES: Final = {
    "SAFETY_STOCK": ("quantity",),
    "CHANNEL_BUFFER": ("quantity",),
    "ALLOTMENT": ("guaranteed", "cap", "expire_us"),
    "BACKORDER": ("location", "backorder_cap", "expected_us", "preorder_cap", "release_us"),
    "SUBSTITUTION": ("substitutes",),
    "HOLD_LIMIT": ("max_open_holds",),
    "DISTANCES": ("distances",),
}

# One entry of the journal: its place, the operations of one tick, and what is used after them of the allotments that
# they touched, (SKU, channel, units). What the operations mean for availability is told from the ledger: watch/.
ENTRY: Final = ("format", "epoch", "first", "last", "clock_us", "operations", "allotments")


def _lua_fields(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {number}" for name, number in numbers.items())


def lua_constants() -> str:
    """Returns the Lua lines that give the scripts the positions and numbers of this module."""
    names = ", ".join(f"'{name}'" for name in HEAD_COUNTS)
    lines = [f"local SCRIPT_FORMAT = {SCRIPT_FORMAT}", f"local HEAD_COUNTS = {{ {names} }}"]
    for prefix, fields in (
        ("LEVEL", LEVEL),
        ("RESERVATION", RESERVATION),
        ("LINE", LINE),
        ("DOCUMENT", DOCUMENT),
    ):
        table = ", ".join(f"{name} = {index}" for index, name in enumerate(fields, start=1))
        lines.append(f"local {prefix} = {{ {table} }}")
    for prefix, numbers in (
        ("STATE", STATES),
        ("KIND", OPERATION_KINDS),
        ("STATUS", STATUSES),
        ("ORDER", SOURCING_ORDERS),
        ("SOURCED", SOURCING_REASONS),
        ("PAPER", DOCUMENT_KINDS),
        ("INCIDENT", INCIDENT_KINDS),
        ("RESOLUTION", RESOLUTIONS),
        ("RULE", RULE_KINDS),
        ("PHASE", SPLIT_PHASES),
    ):
        lines.append(f"local {prefix} = {{ {_lua_fields(numbers)} }}")
    lines.append(f"local LAST_COUNT = {RECALLED_COUNT}")
    line_fields = {
        kind: {name: index for index, name in enumerate(names, start=1)} for kind, names in DOCUMENT_LINES.items()
    }
    for prefix, tables in (("PAPER_LINE", line_fields), ("PAPER_STATE", DOCUMENT_STATES)):
        rows = (f"{kind} = {{ {_lua_fields(numbers)} }}" for kind, numbers in tables.items())
        lines.append(f"local {prefix} = {{ {', '.join(rows)} }}")
    return "\n".join(lines) + "\n"
