"""What is drawn, and where chance comes from.

Whoever draws decides the latter: a seed, or hypothesis. What is drawn looks at the model, so that most requests
are about something that is there; some name what never was.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from api.ids import some
from model import requests, words
from model.authority import ModelAuthority
from model.requests import Time

Value = TypeVar("Value")

DAY_SECONDS = 24 * 60 * 60
# Days from today that nothing depends on midnight for.
PAST_DAY, FUTURE_DAYS = -3, (2, 4, 9)
QUANTITIES = (1, 1, 1, 1, 2, 2, 3, 4, 6, 9)


@dataclass(slots=True)
class Names:
    """Names that no other history uses. Of some kinds one is named now and then that is never created."""

    token: str = field(default_factory=lambda: some("h"))

    def __call__(self, name: str) -> str:
        return f"{name}.{self.token}"

    @property
    def items(self) -> list[str]:
        return [self("socks"), self("shirt"), self("scarf")]

    @property
    def kit(self) -> str:
        return self("gift-set")

    @property
    def ribbon(self) -> str:
        """An item that is never in stock: a part of kits, or a kit itself."""
        return self("ribbon")

    @property
    def skus(self) -> list[str]:
        return [*self.items, self.kit, self.ribbon]

    @property
    def no_sku(self) -> str:
        return self("no-such-sku")

    @property
    def locations(self) -> list[str]:
        return [self("near"), self("far"), self("store")]

    @property
    def pools(self) -> list[str]:
        return [self("web-pool"), self("till-pool")]

    @property
    def channels(self) -> list[str]:
        return [self("web"), self("app"), self("till")]

    @property
    def customers(self) -> list[str]:
        return [self("ann"), self("bob")]

    @property
    def destination(self) -> str:
        return self("north")


class Chance:
    """Draws names of one trade, and numbers."""

    def __init__(self, chance: random.Random, model: ModelAuthority, names: Names, *, alone: bool = False) -> None:
        """`alone` says that limits may be put on everyone, since there is nobody else."""
        self.chance = chance
        self.model = model
        self.names = names
        self.alone = alone
        self.noon = int(time.time()) // DAY_SECONDS * DAY_SECONDS + DAY_SECONDS // 2

    def now_and_then(self, share: float) -> bool:
        return self.chance.randint(1, 100) <= share * 100

    def one_of(self, values: Sequence[Value]) -> Value:
        return values[self.chance.randint(0, len(values) - 1)]

    def some_of(self, values: Sequence[Value], most: int) -> list[Value]:
        """One or more, each at most once."""
        return self.shuffled(values, self.up_to(most))

    def shuffled(self, values: Sequence[Value], most: int) -> list[Value]:
        """So many of them, in any order."""
        left = list(values)
        return [left.pop(self.chance.randint(0, len(left) - 1)) for _ in range(min(most, len(left)))]

    def up_to(self, most: int) -> int:
        return self.chance.randint(1, most)

    def past_revision(self) -> requests.Revision:
        """The revision of a late operation of this trade, or of nothing."""
        answers = [answer.position for _, answer in islice(reversed(self.model.outcomes.values()), 15)]
        position = self.one_of([*sorted(answers), 0])
        return requests.Revision(segment=self.model.state.segment, position=position)

    def day(self) -> Time:
        days = self.one_of((PAST_DAY, *FUTURE_DAYS, *FUTURE_DAYS))
        return Time(seconds=self.noon + days * DAY_SECONDS)

    def last_day(self) -> Time:
        return Time(seconds=self.noon + FUTURE_DAYS[-1] * DAY_SECONDS)

    # Names.

    def sku(self) -> str:
        first, second, third = self.names.items
        if self.now_and_then(0.01):
            return self.names.no_sku
        return self.one_of((first, first, first, second, second, third, self.names.kit))

    def stocked_sku(self) -> str:
        if self.now_and_then(0.04):
            return self.one_of((self.names.kit, self.names.no_sku))
        first, second, third = self.names.items
        return self.one_of((first, first, first, second, second, third))

    def location(self) -> str:
        return self.names("nowhere") if self.now_and_then(0.02) else self.one_of(self.names.locations)

    def location_of(self, channel: str) -> str:
        """Mostly one that the channel sells from."""
        pool = self.model.state.pools[self.model.state.pool_of_channel[channel]] if self.knows(channel) else ()
        return self.one_of(pool) if pool and self.now_and_then(0.93) else self.location()

    def knows(self, channel: str) -> bool:
        return channel in self.model.state.pool_of_channel

    def channel(self) -> str:
        web, app, till = self.names.channels
        return self.names("nobody") if self.now_and_then(0.01) else self.one_of((web, web, web, app, till))

    def pool(self) -> str:
        return self.names("no-pool") if self.now_and_then(0.05) else self.one_of(self.names.pools)

    def status(self) -> str:
        return self.one_of((words.SELLABLE, words.SELLABLE, words.QUALITY_HOLD, words.DAMAGED))

    def reservation_id(self, *states: str) -> str:
        """A late one, mostly in one of the states; or one that never was."""
        latest = list(islice(reversed(self.model.reservations.values()), 30))
        fitting = [reservation for reservation in latest if reservation.state in states]
        if not latest or self.now_and_then(0.02):
            return some("reservation")
        choice = fitting if fitting and self.now_and_then(0.85) else latest
        return self.one_of(choice[:6]).reservation_id

    def lacks(self, kind: str) -> bool:
        """Whether there is no document of the kind; then it is mostly better to make one."""
        return not any(of == kind for of, _ in self.model.state.documents) and self.now_and_then(0.8)

    def document_id(self, kind: str, *states: str) -> str:
        """A late one, mostly in one of the states; or one that never was."""
        latest = [document for document in reversed(self.model.state.documents.values()) if document.kind == kind]
        fitting = [document for document in latest if document.state in states]
        if not latest or self.now_and_then(0.05):
            return some("document")
        return self.one_of((fitting if fitting and self.now_and_then(0.85) else latest)[:5]).document_id
