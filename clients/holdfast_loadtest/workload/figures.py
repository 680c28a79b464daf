"""The figures of a run, made of its history: latency as those felt it who asked, throughput, refusals. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from holdfast_loadtest.figures import percentile
from holdfast_loadtest.workload.account import Account
from holdfast_loadtest.workload.books import Books
from holdfast_loadtest.workload.history import Outcome, Record
from holdfast_loadtest.workload.percentiles import SHARES, percentiles_ms, rounded
from holdfast_loadtest.workload.share import Ending

CURVE: Final = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999, 1.0)

BUCKETS_PER_TEN: Final = 8
"""The classes of the histogram: each is so many to a factor of ten wide."""

STEPS: Final = ((40.0, 1.0), (12.0, 0.5), (0.0, 0.25))
"""How long a run must be for steps of which width, in seconds."""

REMAINING_STEPS: Final = 240
"""What remains is told more finely than the rest: it may be over in a moment."""


def latency_ms(records: Iterable[Record]) -> dict[str, float | None]:
    """Returns the percentiles of the time from when a request was meant to be sent until it was answered."""
    return percentiles_ms(record.latency_seconds for record in records if record.outcome is not Outcome.UNKNOWN)


def figures(history: Sequence[Record], account: Account, books: Books, ending: Ending, *, stock: int) -> dict[str, Any]:
    """Returns everything that is told about a run besides its verdict, ready for JSON.

    `stock` is the units that could be sold at the beginning.
    """
    reserves = [record for record in history if record.kind == "reserve"]
    by_kind: dict[str, list[Record]] = defaultdict(list)
    for record in history:
        by_kind[record.kind].append(record)
    answered = [record for record in reserves if record.outcome is not Outcome.UNKNOWN]
    seconds = max((record.answered for record in history), default=0.0)
    remaining, sold_out = _remaining(history, books, seconds=seconds, stock=stock)
    return {
        "seconds": rounded(seconds),
        "requests": len(history) + sum(record.copies for record in history),
        "units": stock,
        "offered": len(reserves),
        "answered": len(answered),
        "granted": sum(record.outcome is Outcome.DONE for record in reserves),
        "refused": sum(record.outcome is Outcome.REFUSED for record in reserves),
        "unknown": sum(record.outcome is Outcome.UNKNOWN for record in history),
        "not_begun": ending.not_begun,
        "answered_per_second": rounded(len(answered) / seconds) if seconds else None,
        "asked_again": sum(record.again for record in history),
        "batches": ending.batches,
        "latency_ms": latency_ms(reserves),
        "latency_granted_ms": latency_ms(record for record in reserves if record.outcome is Outcome.DONE),
        "latency_refused_ms": latency_ms(record for record in reserves if record.outcome is Outcome.REFUSED),
        "latency_by_kind_ms": {kind: latency_ms(records) for kind, records in sorted(by_kind.items())},
        "latency_curve_ms": _curve(answered),
        "latency_histogram": _histogram(answered),
        "generator": _generator(history, ending),
        "refused_by_reason": _reasons(history),
        "channels": _channels(reserves, account),
        "timeline": _timeline(history, seconds=seconds),
        "remaining": remaining,
        "sold_out_seconds": sold_out,
    }


def _curve(answered: Sequence[Record]) -> list[dict[str, float | None]]:
    ordered = sorted(record.latency_seconds * 1000 for record in answered)
    return [{"share": share, "ms": rounded(percentile(ordered, share))} for share in CURVE] if ordered else []


def _histogram(answered: Sequence[Record]) -> list[dict[str, float | int]]:
    """Counts latencies in classes that widen: each reaches from its `from_ms` to that of the next."""
    counts = Counter(_class_of(record.latency_seconds * 1000) for record in answered)
    if not counts:
        return []
    return [
        {
            "from_ms": round(10 ** (number / BUCKETS_PER_TEN), 4),
            "to_ms": round(10 ** ((number + 1) / BUCKETS_PER_TEN), 4),
            "count": counts[number],
        }
        for number in range(min(counts), max(counts) + 1)
    ]


def _class_of(milliseconds: float) -> int:
    return math.floor(math.log10(max(milliseconds, 0.01)) * BUCKETS_PER_TEN)


def _generator(history: Sequence[Record], ending: Ending) -> dict[str, Any]:
    """How late the generator was. Whatever was sent late, the latency counts from when it was due all the same."""
    return {
        "own_late_ms": ending.own_late_ms,
        "sent_late_ms": percentiles_ms(max(0.0, record.late_seconds) for record in history),
        "held_back": ending.held_back,
        "cpu_seconds": rounded(ending.cpu_seconds),
    }


def _reasons(history: Sequence[Record]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for record in history:
        if record.outcome is Outcome.REFUSED:
            found[record.kind][record.reason] += 1
    return {kind: dict(reasons.most_common()) for kind, reasons in sorted(found.items())}


def _channels(reserves: Sequence[Record], account: Account) -> dict[str, dict[str, Any]]:
    by_channel: dict[str, list[Record]] = defaultdict(list)
    for record in reserves:
        by_channel[record.channel].append(record)
    return {
        channel: {
            "asked": of.asked,
            "granted": of.granted,
            "refused": of.refused,
            "unknown": of.unknown,
            "asked_units": of.asked_units,
            "granted_units": of.granted_units,
            "latency_ms": latency_ms(by_channel[channel]),
        }
        for channel, of in sorted(account.channels.items())
    }


def _timeline(history: Sequence[Record], *, seconds: float) -> dict[str, Any]:
    """Returns the run in equal steps of time, as columns of equal length.

    Latency and `offered` stand at the time at which something was meant to be sent, everything else at that of the
    answer.
    """
    width = next(width for least, width in STEPS if seconds >= least)
    count = int(seconds / width) + 1
    latencies: list[list[float]] = [[] for _ in range(count)]
    late = [0.0] * count
    offered, answered, granted, refused = ([0] * count for _ in range(4))
    reasons: dict[str, list[int]] = defaultdict(lambda: [0] * count)
    for record in history:
        due, at = _step(record.due, width, count), _step(record.answered, width, count)
        late[due] = max(late[due], record.late_seconds)
        if record.kind == "reserve":
            offered[due] += 1
            answered[at] += record.outcome is not Outcome.UNKNOWN
            granted[at] += record.outcome is Outcome.DONE
            refused[at] += record.outcome is Outcome.REFUSED
            latencies[due].append(record.latency_seconds * 1000)
        if record.outcome is Outcome.REFUSED:
            reasons[record.reason][at] += 1
    return {
        "step_seconds": width,
        "offered": offered,
        "answered": answered,
        "granted": granted,
        "refused": refused,
        "refused_by_reason": dict(sorted(reasons.items())),
        "sent_late_ms": [rounded(value * 1000) for value in late],
        **{
            name: [rounded(percentile(some, share)) for some in latencies]
            for name, share in SHARES
            if name in ("p50", "p95", "p99")
        },
    }


def _step(moment: float, width: float, count: int) -> int:
    return min(count - 1, max(0, int(moment / width)))


def _remaining(
    history: Sequence[Record], books: Books, *, seconds: float, stock: int
) -> tuple[dict[str, Any], float | None]:
    """Returns what could still be sold, step by step, and when nothing could be for the first time, if ever.

    The ledger has it, so what expired is in it too. Its times are on the authority's clock: the first unit that was
    taken is laid where the first buyer who got one had asked.
    """
    width = max(seconds, 0.001) / REMAINING_STEPS
    after = [stock] * REMAINING_STEPS
    began = next((moment for moment, units in books.freed if units < 0), 0.0)
    first = min((record.sent for record in history if record.told is not None), default=0.0)
    sold_out = None
    for moment, units in books.freed:
        stock += units
        at = moment - began + first
        after[_step(at, width, REMAINING_STEPS) :] = [stock] * (REMAINING_STEPS - _step(at, width, REMAINING_STEPS))
        if stock <= 0 and sold_out is None:
            sold_out = at
    return {"step_seconds": rounded(width), "units": after}, rounded(sold_out)
