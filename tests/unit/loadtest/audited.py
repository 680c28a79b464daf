"""A small run by hand, true in every part, for tests to falsify: buyers of one unit each, from one level."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from holdfast.inventory.v1 import audit_service_pb2, stock_pb2
from holdfast.inventory.v1.revision_pb2 import Revision

from holdfast_client.orders.account import LevelKey
from holdfast_loadtest.workload.account import account_of
from holdfast_loadtest.workload.auditor import judge
from holdfast_loadtest.workload.books import Books
from holdfast_loadtest.workload.history import Line, Outcome, Record, State, Told
from holdfast_loadtest.workload.verdict import Verdict

HOLD_SECONDS = 1.0
"""How long a hold that runs out was asked for."""

SKU, LOCATION = "T1-000001", "L1"


def clean_ledger(**changes: Any) -> audit_service_pb2.LedgerVerdict:
    """The verdict of a ledger in which all is well, but for what is changed."""
    well = {"chain_verified": True, "levels_equal_movements": True, "reserved_equals_open_lines": True}
    return audit_service_pb2.LedgerVerdict(**{**well, **changes})


@dataclass
class Audited:
    """What the callers kept, what the ledger holds, and what the levels say."""

    units: int
    units_return: bool = False
    not_begun: int = 0
    history: list[Record] = field(default_factory=list)
    movements: list[stock_pb2.Movement] = field(default_factory=list)
    sellable: int = 0
    held: int = 0
    committed: int = 0
    ledger: audit_service_pb2.LedgerVerdict | None = field(default_factory=clean_ledger)

    def __post_init__(self) -> None:
        self.sellable = self.units
        self.move(stock_pb2.MOVEMENT_KIND_RECEIVE, sellable_delta=self.units)

    @classmethod
    def sold_out(cls, *, buyers: int, units: int, **changes: Any) -> Audited:
        """A sale in which the first buyers get the units and all others are refused."""
        run = cls(units=units, **changes)
        for number in range(buyers):
            if number < units:
                run.grant(f"r{number}")
            else:
                run.refuse(f"r{number}")
        return run

    def grant(self, request_id: str, *, channel: str = "C1", runs_out: bool = False) -> Record:
        """A unit is asked for and granted; everybody agrees."""
        self.held += 1
        self.take(request_id, channel=channel)
        return self.tell(request_id, channel=channel, runs_out=runs_out)

    def take(self, request_id: str, *, channel: str = "C1") -> None:
        """The ledger takes a unit."""
        kind = stock_pb2.MOVEMENT_KIND_RESERVE
        self.move(kind, held_delta=1, request_id=request_id, channel=channel, reservation_id=f"of-{request_id}")

    def tell(self, request_id: str, *, channel: str = "C1", runs_out: bool = False) -> Record:
        """A caller is told that it was granted a unit."""
        record = Record("reserve", channel, request_id, 0.0, asked=((SKU, 1),), outcome=Outcome.DONE, effects=1)
        record.told = self.told(request_id, State.HELD, Line(SKU, LOCATION, 1, 1, 0, 0, 0))
        if runs_out:
            record.runs_out, record.ttl_seconds = True, HOLD_SECONDS
        self.history.append(record)
        return record

    def told(self, request_id: str, state: State, *lines: Line) -> Told:
        return Told(f"of-{request_id}", state, len(self.movements), lines)

    def refuse(self, request_id: str, **changes: Any) -> Record:
        """A unit is asked for and refused."""
        values = {"asked": ((SKU, 1),), "outcome": Outcome.REFUSED, "reason": "INSUFFICIENT_STOCK", "short": (SKU,)}
        record = Record("reserve", "C1", request_id, 0.0, **{**values, **changes})
        record.refusals = (record.reason,) if record.outcome is Outcome.REFUSED else ()
        self.history.append(record)
        return record

    def expire(self, request_id: str, *, after_seconds: float = HOLD_SECONDS) -> None:
        """The ledger lets a hold expire."""
        self.held -= 1
        self.move(stock_pb2.MOVEMENT_KIND_EXPIRE, held_delta=-1, reservation_id=f"of-{request_id}")
        (taken,) = (movement for movement in self.movements if movement.request_id == request_id)
        self.movements[-1].decide_time.FromNanoseconds(
            taken.decide_time.ToNanoseconds() + round(after_seconds * 1_000_000_000)
        )

    def move(self, kind: stock_pb2.MovementKind, **values: Any) -> None:
        position = len(self.movements) + 1
        self.movements.append(
            stock_pb2.Movement(kind=kind, revision=Revision(segment="main", position=position), **values)
        )

    def books(self) -> Books:
        """The ledger: each movement with the balance after it."""
        books = Books()
        balance = stock_pb2.StockLevel(sku=SKU, location=LOCATION)
        for movement in self.movements:
            balance.sellable_quantity += movement.sellable_delta
            balance.held_quantity += movement.held_delta
            balance.committed_quantity += movement.committed_delta
            movement.balance.CopyFrom(balance)
            books.add(movement)
        return books

    def judge(self) -> Verdict:
        """What the auditor says of it."""
        books, opening = self.books(), {(SKU, LOCATION): self.units}
        levels: dict[LevelKey, stock_pb2.StockLevel] = {
            (SKU, LOCATION): stock_pb2.StockLevel(
                sku=SKU,
                location=LOCATION,
                sellable_quantity=self.sellable,
                held_quantity=self.held,
                committed_quantity=self.committed,
            )
        }
        return judge(
            history=self.history,
            account=account_of(self.history, opening=opening, taken=books.taken),
            books=books,
            levels=levels,
            ledger=self.ledger,
            units_return=self.units_return,
            not_begun=self.not_begun,
        )
