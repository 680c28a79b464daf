"""Predicts what must have become of the stock, and compares: the scenario, the answers, the levels and the ledger.

Pure: it is given everything and asks nobody.

What it predicts of a SKU, from what was asked for and answered, and from the units that there were:

- If every demand for it was for one unit alone, and no unit comes back, exactly min(demand, stock) were sold.
- If units come back, all demand was served where it never passed the stock, and at least the stock was sold elsewhere.
- If it was asked for in baskets, whatever was not refused was sold, and a refusal must name a SKU that was short: one
  of which more was asked for than there was and, if no unit comes back, of which too few are left for this basket.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from holdfast.inventory.v1 import audit_service_pb2, stock_pb2

from holdfast_client.ledger_verdict import is_verified
from holdfast_client.orders.account import LevelKey
from holdfast_client.orders.ledger import LevelHistory
from holdfast_client.orders.verdict import Finding
from holdfast_loadtest.workload.account import INSUFFICIENT, Account, LevelAccount
from holdfast_loadtest.workload.books import Books
from holdfast_loadtest.workload.history import Outcome, Record
from holdfast_loadtest.workload.verdict import MAX_NAMED_FINDINGS, Duplicates, Left, Verdict

_EXPIRED: Final = "RESERVATION_EXPIRED"
_BELOW_ZERO: Final = "ADJUSTMENT_BELOW_ZERO"

_GRANTED_BY_RETURNED_UNITS: Final = frozenset({"reserve", "adjust"})
"""What may be refused, and granted a moment later, when there are more units. No other verb asks for units."""


@dataclass(slots=True)
class _Findings:
    """What is wrong: all are counted, the first ones named, each once."""

    count: int = 0
    named: dict[Finding, None] = field(default_factory=dict)

    def add(self, subject: str, what: str) -> None:
        self.count += 1
        if len(self.named) < MAX_NAMED_FINDINGS:
            self.named[Finding(subject=subject, what=what)] = None


def judge(
    *,
    history: Sequence[Record],
    account: Account,
    books: Books,
    levels: Mapping[LevelKey, stock_pb2.StockLevel],
    ledger: audit_service_pb2.LedgerVerdict | None,
    units_return: bool,
    not_begun: int,
) -> Verdict:
    """Holds everything against everything else. `ledger` is None if the whole ledger was not checked.

    `not_begun` were to come and never asked: they are no demand, and are told.
    """
    findings = _Findings()
    if not history:
        findings.add("run", "nobody asked for anything, so there is nothing to judge")
    stock = _stock(account)
    sold = _sold(books)
    exact, at_least = _predict(account, stock, sold, findings, units_return=units_return)
    refusals = _check_refusals(history, account, stock, sold, findings, units_return=units_return)
    duplicates = _check_once(history, books, findings, units_return=units_return)
    _check_requests(history, books, findings)
    _check_holds(history, books, findings)
    oversold = leaked = missing = 0
    for key in sorted({*account.levels, *levels, *books.levels}):
        level = levels.get(key, stock_pb2.StockLevel())
        of_account, of_ledger = account.levels.get(key, LevelAccount()), books.levels.get(key, LevelHistory())
        difference = level.held_quantity + level.committed_quantity - of_account.held - of_account.committed
        leaked += max(0, difference)
        missing += max(0, -difference)
        oversold += max(of_ledger.oversold, _past_stock(of_account, level))
        for what in _faults(of_account, level, of_ledger, books.fulfilled[key]):
            findings.add(f"{key[0]} at {key[1]}", what)
    _check_channels(account, books, findings)
    for kind, count in account.unknown.items():
        findings.add("run", f"of {count} requests to {kind} nobody knows what became of them")
    if ledger is not None:
        _check_ledger(ledger, findings)
        oversold, leaked = max(oversold, ledger.oversold_quantity), max(leaked, ledger.leaked_quantity)
    return Verdict(
        demand=sum(account.demand.values()),
        stock=sum(stock.values()),
        sold=sum(sold.values()),
        exactly_predicted_skus=exact,
        at_least_predicted_skus=at_least,
        refusals_checked=refusals,
        oversold=oversold,
        leaked=leaked,
        missing=missing,
        not_begun=not_begun,
        unknown=sum(account.unknown.values()),
        late_effects=account.late_effects,
        duplicates=duplicates,
        left=_left(account),
        movements=books.movements,
        ledger_verified=None if ledger is None else is_verified(ledger),
        findings_count=findings.count,
        findings=tuple(findings.named),
    )


def _stock(account: Account) -> Counter[str]:
    stock: Counter[str] = Counter()
    for (sku, _), level in account.levels.items():
        stock[sku] += level.opening + level.adjusted
    return stock


def _sold(books: Books) -> Counter[str]:
    """The units of each SKU that were ever reserved, as the ledger has them."""
    sold: Counter[str] = Counter()
    for (sku, _), level in books.levels.items():
        sold[sku] += level.reserved
    return sold


def _predict(
    account: Account, stock: Counter[str], sold: Counter[str], findings: _Findings, *, units_return: bool
) -> tuple[int, int]:
    """Compares the sold units of every SKU; returns how many are predicted exactly, and how many from below."""
    exact = at_least = 0
    for sku, demand in account.demand.items():
        if sku in account.several_lines or sku in account.corrected or account.unknown:
            continue
        if units_return and demand > stock[sku]:
            at_least += 1
            if sold[sku] < stock[sku]:
                findings.add(sku, f"sold {sold[sku]} of {stock[sku]} units, although {demand} were asked for")
            continue
        exact += 1
        expected = min(demand, stock[sku])
        if sold[sku] != expected:
            findings.add(
                sku,
                f"sold {sold[sku]} units; {demand} were asked for and {stock[sku]} were there, "
                f"so it must have been {expected}",
            )
    return exact, at_least


def _check_refusals(
    history: Sequence[Record],
    account: Account,
    stock: Counter[str],
    sold: Counter[str],
    findings: _Findings,
    *,
    units_return: bool,
) -> int:
    """Holds every refusal for want of stock against what was there; returns how many there were.

    Two refusals of one id need not be alike, since each answers one attempt: each must be right by itself.
    """
    checked = 0
    for record in history:
        for reason in dict.fromkeys(record.refusals):
            if not _is_expected(record, reason):
                findings.add(f"request {record.request_id}", f"to {record.kind} was refused: {reason}")
        if record.kind != "reserve" or INSUFFICIENT not in record.refusals or record.outcome is Outcome.UNKNOWN:
            continue
        checked += 1
        asked: Counter[str] = Counter()
        for sku, units in record.asked:
            asked[sku] += units
        for sku in record.short:
            if account.demand[sku] <= stock[sku] and sku not in account.corrected:
                findings.add(
                    sku,
                    f"was refused as short, but {account.demand[sku]} units were asked for in all, "
                    f"and {stock[sku]} were there",
                )
            elif not units_return and stock[sku] - sold[sku] >= asked[sku]:
                left = stock[sku] - sold[sku]
                findings.add(sku, f"was refused as short where {asked[sku]} were asked for, and {left} are left")
        if not record.short:
            findings.add(f"request {record.request_id}", "was refused for want of stock, without a short SKU")
    return checked


def _is_expected(record: Record, reason: str) -> bool:
    """Whether a load test must reckon with this refusal."""
    return (
        (record.kind == "reserve" and reason == INSUFFICIENT)
        or (record.kind == "commit" and reason == _EXPIRED and record.runs_out)
        or (record.kind == "adjust" and reason == _BELOW_ZERO)
    )


def _check_once(history: Sequence[Record], books: Books, findings: _Findings, *, units_return: bool) -> Duplicates:
    sent = replayed = refused = applied = 0
    for record in history:
        sent += record.copies
        done = record.effects + record.replays
        if record.copies:
            replayed += min(record.copies, record.replays)
            refused += record.copies if _was_rightly_refused(record) else 0
        places = len(books.effects.get(record.request_id, ()))
        subject = f"request {record.request_id}"
        if places > 1 or record.effects > 1:
            applied += 1
            findings.add(subject, f"took effect {max(places, record.effects)} times")
        if record.differing:
            findings.add(subject, "was answered in another way than the first time")
        if record.outcome is Outcome.DONE and not record.effects and not record.unanswered:
            findings.add(subject, "was answered as a repetition at the first time")
        # Of two at the same moment nobody knows which was decided first: units may have come back in between.
        may_be_granted_later = units_return and record.kind in _GRANTED_BY_RETURNED_UNITS
        if record.denied or (done and record.refusals and not may_be_granted_later):
            findings.add(subject, "took effect, and was refused when it was repeated")
        silent = 1 + record.copies - done - len(record.refusals)
        if done and silent > 0:
            findings.add(
                subject,
                f"took effect, and of {1 + record.copies} times that it was sent {silent} was never answered",
            )
    return Duplicates(sent=sent, replayed=replayed, refused=refused, applied=applied)


def _was_rightly_refused(record: Record) -> bool:
    return record.outcome is Outcome.REFUSED and all(_is_expected(record, reason) for reason in record.refusals)


def _check_requests(history: Sequence[Record], books: Books, findings: _Findings) -> None:
    """Compares request by request: what the ledger has must have been told, and the other way round."""
    known: dict[str, Record] = {record.request_id: record for record in history if record.kind == "reserve"}
    for request_id, taken in books.taken.items():
        record = known.get(request_id)
        units = sum(taken.units.values())
        if record is None:
            findings.add(f"request {request_id}", f"took {units} units, and nobody sent it")
        elif record.told is None and not record.unanswered:
            findings.add(f"request {request_id}", f"took {units} units, and was refused")
        elif record.told is not None and taken.units != _units_told(record):
            findings.add(f"request {request_id}", f"was told other units than the {units} that it took")
    for request_id, record in known.items():
        if record.told is not None and request_id not in books.taken:
            findings.add(f"request {request_id}", "was granted, and the ledger does not have it")


def _check_holds(history: Sequence[Record], books: Books, findings: _Findings) -> None:
    """No hold may expire before its time. A segment has one clock, which never goes back, so the ledger says it all."""
    for record in history:
        taken = books.taken.get(record.request_id)
        if taken is None or taken.reservation_id not in books.expire_ns:
            continue
        lasted_ns = books.expire_ns[taken.reservation_id] - taken.decide_ns
        # The authority counts in microseconds.
        if lasted_ns + 1_000 < round(record.ttl_seconds * 1_000_000_000):
            findings.add(
                f"request {record.request_id}",
                f"its hold expired after {lasted_ns / 1e9:,.6f} seconds, and was to last {record.ttl_seconds:,.6f}",
            )


def _units_told(record: Record) -> Counter[LevelKey]:
    told: Counter[LevelKey] = Counter()
    for line in record.told.lines if record.told is not None else ():
        told[line.sku, line.location] += line.quantity
    return told


def _past_stock(of_account: LevelAccount, level: stock_pb2.StockLevel) -> int:
    """The units that are reserved now beyond what is there; write-offs may take units that are reserved."""
    if of_account.adjusted < 0:
        return 0
    return max(0, level.held_quantity + level.committed_quantity - level.sellable_quantity)


def _faults(account: LevelAccount, level: stock_pb2.StockLevel, ledger: LevelHistory, fulfilled: int) -> Iterator[str]:
    """What is wrong with one level, in words."""
    for what, expected, found, where in (
        ("held", account.held, level.held_quantity, "level"),
        ("committed", account.committed, level.committed_quantity, "level"),
        ("sellable", account.sellable, level.sellable_quantity, "level"),
        ("held", account.held, ledger.held, "ledger"),
        ("committed", account.committed, ledger.committed, "ledger"),
        ("sellable", account.sellable, ledger.sellable, "ledger"),
        ("reserved", account.reserved, ledger.reserved, "ledger"),
        ("released", account.released, ledger.released, "ledger"),
        ("expired", account.expired, ledger.expired, "ledger"),
        ("fulfilled", account.fulfilled, fulfilled, "ledger"),
    ):
        if expected != found:
            yield f"{what}: {expected} by the answers, {found} in the {where}"
    if ledger.oversold:
        yield f"reservations took {ledger.oversold} units more than were sellable"


def _check_channels(account: Account, books: Books, findings: _Findings) -> None:
    taken: Counter[str] = Counter()
    for one in books.taken.values():
        taken[one.channel] += sum(one.units.values())
    for channel in sorted({*account.channels, *taken}):
        told = account.channels[channel].granted_units if channel in account.channels else 0
        if told != taken[channel]:
            findings.add(f"channel {channel}", f"was told of {told} units, and the ledger has {taken[channel]}")


def _check_ledger(ledger: audit_service_pb2.LedgerVerdict, findings: _Findings) -> None:
    for kept, what in (
        (ledger.chain_verified, "its chain is broken"),
        (ledger.levels_equal_movements, "stock levels do not equal the sum of their movements"),
        (ledger.reserved_equals_open_lines, "reserved units do not equal the open units of live reservations"),
        (not ledger.oversold_quantity, f"{ledger.oversold_quantity} units were sold twice"),
        (not ledger.leaked_quantity, f"{ledger.leaked_quantity} units are reserved for nobody"),
    ):
        if not kept:
            findings.add("ledger", what)
    for finding in ledger.findings:
        findings.add(finding.row, finding.description)


def _left(account: Account) -> Left:
    sums: dict[str, int] = defaultdict(int)
    for level in account.levels.values():
        for name in ("held", "committed", "released", "expired", "fulfilled"):
            sums[name] += getattr(level, name)
        sums["unsold"] += level.sellable - level.held - level.committed
    return Left(**sums)
