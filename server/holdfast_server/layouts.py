"""The order of the fields in the packed records, said once for Python and for Lua.

Levels, reservations and reservation lines are kept in Redis, and travel in the journal, as MessagePack
arrays. The Lua scripts get these positions as constants that `script.py` writes in front of them; Python
reads them from here. A new field goes to the end of its record, together with a new SCRIPT_FORMAT.
"""

from __future__ import annotations

from typing import Final

# A Redis that was loaded for another format is refused by the scripts and rebuilt. Raise it with every
# change of a record, of a key or of the journal.
SCRIPT_FORMAT: Final = 1

LEVEL: Final = ("version", "sellable", "quality_hold", "damaged", "held", "committed")

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
    "lines",
)

LINE: Final = ("sku", "location", "quantity", "open", "released", "expired", "fulfilled")

# Numbers of the enums in the protos, so that nothing is translated on the way.
STATES: Final = {"HELD": 1, "COMMITTED": 2, "FULFILLED": 3, "RELEASED": 4, "EXPIRED": 5}
MOVEMENT_KINDS: Final = {"RESERVE": 1, "COMMIT": 2, "RELEASE": 3, "EXPIRE": 4, "RECEIVE": 5, "ADJUST": 6}
STATUSES: Final = {"SELLABLE": 1, "QUALITY_HOLD": 2, "DAMAGED": 3}

# What an operation in the journal is called. Operations that move stock bear the name of their movements.
OPERATION_KINDS: Final = MOVEMENT_KINDS | {
    "EXTEND": 20,
    "PUT_ITEMS": 30,
    "PUT_LOCATIONS": 31,
    "PUT_POOLS": 32,
    "PUT_CHANNELS": 33,
}

# An operation in the journal. The request (records.Request) is packed by the edge and not read by the scripts; it is
# empty for what nobody requested.
OPERATION: Final = ("position", "kind", "request", "reservation", "movements", "catalog", "extra")

# A movement: what it changes, then the level after it.
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
)

# One entry of the journal: its place, the operations of one tick, and the availability after them: (SKU, pool, units).
ENTRY: Final = ("format", "epoch", "first", "last", "clock_us", "operations", "availability")


def lua_constants() -> str:
    """Returns the Lua lines that give the scripts the positions and numbers of this module."""
    lines = [f"local SCRIPT_FORMAT = {SCRIPT_FORMAT}"]
    for prefix, fields in (("LEVEL", LEVEL), ("RESERVATION", RESERVATION), ("LINE", LINE)):
        table = ", ".join(f"{name} = {index}" for index, name in enumerate(fields, start=1))
        lines.append(f"local {prefix} = {{ {table} }}")
    for prefix, numbers in (
        ("STATE", STATES),
        ("KIND", OPERATION_KINDS),
        ("STATUS", STATUSES),
    ):
        table = ", ".join(f"{name} = {number}" for name, number in numbers.items())
        lines.append(f"local {prefix} = {{ {table} }}")
    return "\n".join(lines) + "\n"
