"""What a history comes to: the units that the callers were told of, by level, channel and SKU. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from holdfast_client.orders.account import LevelKey
from holdfast_loadtest.workload.books import Taken
from holdfast_loadtest.workload.history import Outcome, Record, State, Told

INSUFFICIENT: Final = "INSUFFICIENT_STOCK"


@dataclass(slots=True)
class LevelAccount:
    """The units of one SKU at one location, as the answers make them."""

    opening: int = 0
    adjusted: int = 0
    reserved: int = 0
    released: int = 0
    expired: int = 0
    fulfilled: int = 0
    held: int = 0
    committed: int = 0

    @property
    def sellable(self) -> int:
        """The units that must lie there, reserved ones included."""
        return self.opening + self.adjusted - self.fulfilled


@dataclass(slots=True)
class ChannelAccount:
    """The reservations of one channel, in requests and units."""

    asked: int = 0
    granted: int = 0
    refused: int = 0
    unknown: int = 0
    asked_units: int = 0
    granted_units: int = 0


@dataclass(slots=True)
class Account:
    """Everything that the callers know when a run is over."""

    levels: dict[LevelKey, LevelAccount] = field(default_factory=lambda: defaultdict(LevelAccount))
    channels: dict[str, ChannelAccount] = field(default_factory=lambda: defaultdict(ChannelAccount))
    demand: Counter[str] = field(default_factory=Counter)
    """The units of each SKU that were asked for and answered, whatever the answer."""
    several_lines: set[str] = field(default_factory=set)
    """The SKUs that were asked for together with others, or more than one unit at a time."""
    corrected: set[str] = field(default_factory=set)
    """The SKUs whose stock was corrected in between: how much was there when, nobody knows here."""
    late_effects: int = 0
    """Refusals that followed a try without an answer, and that try took effect after all: the contract allows it."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Requests of which nobody knows what became of them, by kind."""

    @property
    def held(self) -> int:
        return sum(level.held for level in self.levels.values())


def account_of(
    history: Iterable[Record], *, opening: Mapping[LevelKey, int], taken: Mapping[str, Taken] | None = None
) -> Account:
    """Sums a history up. `taken` is what the ledger holds, for refusals that may have had a late effect."""
    account = Account()
    for key, units in opening.items():
        account.levels[key].opening = units
    latest: dict[str, tuple[Told, bool]] = {}
    for record in history:
        if record.outcome is Outcome.UNKNOWN:
            account.unknown[record.kind] += 1
        if record.kind == "reserve":
            _reserve(account, record)
        elif record.kind == "adjust" and record.outcome is Outcome.DONE:
            _adjust(account, record)
        if record.told is not None:
            known = latest.get(record.told.reservation_id)
            if known is None or known[0].position < record.told.position:
                latest[record.told.reservation_id] = (record.told, record.runs_out)
        elif record.kind == "reserve" and record.unanswered and taken is not None and record.request_id in taken:
            _late_effect(account, record, taken[record.request_id])
    for told, runs_out in latest.values():
        _stand(account, told, runs_out=runs_out)
    return account


def _reserve(account: Account, record: Record) -> None:
    channel = account.channels[record.channel]
    channel.asked += 1
    channel.granted += record.outcome is Outcome.DONE
    channel.refused += record.outcome is Outcome.REFUSED
    channel.unknown += record.outcome is Outcome.UNKNOWN
    channel.asked_units += sum(units for _, units in record.asked)
    alone = len(record.asked) == 1 and record.asked[0][1] == 1
    for sku, units in record.asked:
        if record.outcome is not Outcome.UNKNOWN:
            account.demand[sku] += units
        if not alone:
            account.several_lines.add(sku)
    if record.told is not None:
        for line in record.told.lines:
            account.levels[line.sku, line.location].reserved += line.quantity
            channel.granted_units += line.quantity


def _adjust(account: Account, record: Record) -> None:
    for sku, location, units in record.levels:
        account.levels[sku, location].adjusted += units
        account.corrected.add(sku)


def _late_effect(account: Account, record: Record, taken: Taken) -> None:
    account.late_effects += 1
    for key, units in taken.units.items():
        level = account.levels[key]
        level.reserved += units
        account.channels[record.channel].granted_units += units
        if record.runs_out:
            level.expired += units
        else:
            level.held += units


def _stand(account: Account, told: Told, *, runs_out: bool) -> None:
    """Books how a reservation stands in the end: as it was told last, unless it ran out since."""
    for line in told.lines:
        level = account.levels[line.sku, line.location]
        level.released += line.released
        level.fulfilled += line.fulfilled
        level.expired += line.expired
        if told.state is State.COMMITTED:
            level.committed += line.open
        elif told.state is State.HELD and runs_out:
            level.expired += line.open
        elif told.state is State.HELD:
            level.held += line.open
