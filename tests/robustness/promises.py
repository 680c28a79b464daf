"""The promises, one validator each, over what clients were told and what the ledger says in the end.

They know nothing of the traffic or of the fault: so any run tests all of them, and a run that was saved can be judged
again. Each returns what it found, a sentence per violation; nothing found is a promise kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from robustness.books import Books
from robustness.history import Call, History
from robustness.order import order_violations

Validator = Callable[[History, Books], Iterator[str]]


def no_loss(history: History, books: Books) -> Iterator[str]:
    """NoLoss: whatever was acknowledged is in the ledger, at the position that it was acknowledged with."""
    position_of = {operation.request_id: operation.position for operation in books.operations}
    for call in history.acknowledged:
        position = position_of.get(call.request_id)
        if position is None:
            yield f"{call.method} {call.request_id} was acknowledged at {call.position} and is not in the ledger"
        elif position != call.position:
            yield f"{call.method} {call.request_id} was acknowledged at {call.position} and booked at {position}"


def once(history: History, books: Books) -> Iterator[str]:
    """Once: no request took effect twice, and none that was refused took effect at all.

    A refusal answers one attempt. An earlier one that was never answered may have been in the hands of a server that
    stood still, and may take effect after it: by the contract the id stayed free. What took effect before the last
    attempt was sent should have been answered again, and not refused.
    """
    for request_id, count in Counter(one.request_id for one in books.operations if one.request_id).items():
        if count > 1:
            yield f"request {request_id} took effect {count} times"
    booked = {operation.request_id: operation.reservation_id for operation in books.operations}
    positions = {operation.request_id: operation.position for operation in books.operations}
    for call in history.mutations:
        is_refused = call.outcome == "refused" and call.request_id in booked
        if is_refused and not _took_effect_late(call, history, positions[call.request_id]):
            yield f"{call.method} {call.request_id} was refused ({call.reason}) and took effect"
        found = booked.get(call.request_id)
        if call.outcome == "done" and call.method == "reserve" and found != call.reservation_id:
            yield f"reserve {call.request_id} was answered with {call.reservation_id}, booked is {found}"


def _took_effect_late(refused: Call, history: History, position: int) -> bool:
    """Says whether an earlier attempt may have been decided after the last one was sent."""
    answered = (call for call in history.calls if call.outcome == "done" and call.ended <= refused.asked)
    return refused.attempts > 1 and position > max((call.position for call in answered), default=0)


def no_oversell(history: History, books: Books) -> Iterator[str]:
    """NoOversell: no demand that may be refused ever took what is reserved of a level past what is sellable there."""
    sellable: Counter[tuple[str, str]] = Counter()
    reserved: Counter[tuple[str, str]] = Counter()
    for movement in books.movements:
        key = movement.sku, movement.location
        sellable[key] += movement.sellable
        reserved[key] += movement.held + movement.committed + movement.backordered
        if movement.asked and reserved[key] > sellable[key]:
            yield f"operation {movement.position} reserved {reserved[key]} of {sellable[key]} units of {key}"


def no_undersell(history: History, books: Books) -> Iterator[str]:
    """NoUndersell: every level is the sum of its movements, and what is reserved of it belongs to live reservations."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for movement in books.movements:
        level = sums[movement.sku, movement.location]
        for index, change in enumerate(movement[-4:]):
            level[index] += change
    for key in sums.keys() | books.levels.keys():
        if tuple(sums[key]) != tuple(books.levels.get(key, (0, 0, 0, 0))):
            yield f"the level of {key} is {books.levels.get(key)}, its movements come to {sums[key]}"
        live = books.live.get(key, 0)
        if live != sum(sums[key][1:]):
            yield f"{sum(sums[key][1:])} units of {key} are reserved, and {live} belong to live reservations"
    if books.verdict:
        yield f"VerifyLedger: {books.verdict}"


def all_or_nothing(history: History, books: Books) -> Iterator[str]:
    """AllOrNothing: a reservation has every unit of every line that was asked for."""
    for call in history.acknowledged:
        if call.method == "reserve":
            asked: Counter[str] = Counter()
            for sku, units in call.lines:
                asked[sku] += units
            found = books.reserved.get(call.reservation_id, {})
            if dict(asked) != {sku: int(units) for sku, units in found.items()}:
                yield f"{call.reservation_id} was asked for {dict(asked)} and has {found}"


def resolved_once(history: History, books: Books) -> Iterator[str]:
    """NoUndersell: no unit is given up more often than it was held."""
    held: Counter[tuple[str, str]] = Counter()
    for movement in books.movements:
        if movement.reservation_id:
            key = movement.reservation_id, movement.sku
            held[key] += movement.held + movement.committed + movement.backordered
            if held[key] < 0:
                yield f"operation {movement.position} gave up more of {key} than it had"


def durable_and_in_order(history: History, books: Books) -> Iterator[str]:
    """Durable reads, and the order of the ledger is an order in which all answers are right: see order.py."""
    yield from order_violations(history, books)


PROMISES: Final[dict[str, tuple[Validator, ...]]] = {
    "acked_lost": (no_loss,),
    "applied_twice": (once,),
    "oversold": (no_oversell,),
    "leaked": (no_undersell, resolved_once),
    "half_done": (all_or_nothing,),
    "not_linearizable": (durable_and_in_order,),
}
"""The validators, by the figure that counts what they find."""


def judge(history: History, books: Books) -> dict[str, list[str]]:
    """Returns what every validator found, by figure."""
    return {
        figure: [found for validator in validators for found in validator(history, books)]
        for figure, validators in PROMISES.items()
    }
