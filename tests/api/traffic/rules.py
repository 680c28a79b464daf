"""Requests about master data and the rules of the trade."""

from collections.abc import Callable

from api.ids import uuid7
from api.traffic.chance import DAY_SECONDS, Chance
from model import requests, words
from model.requests import Request, Time


class Rules(Chance):
    def change_pool(self) -> Request:
        known = self.shuffled(
            self.names.locations, self.one_of((1, 2, 2, 2, 3, 3, 3)) if self.now_and_then(0.97) else 0
        )
        locations = [*known, self.names("nowhere")] if self.now_and_then(0.04) else known
        pool = requests.Pool(pool=self.one_of(self.names.pools), locations=tuple(locations))
        return requests.PutPools(request_id=uuid7(), pools=(pool,))

    def move_channel(self) -> Request:
        channel = requests.Channel(channel=self.one_of(self.names.channels), pool=self.pool())
        return requests.PutChannels(request_id=uuid7(), channels=(channel,))

    def change_item(self) -> Request:
        """An item is sold no longer or again; a kit gets other parts, or is asked to be one where it cannot be."""
        if self.now_and_then(0.5):
            item = requests.Item(sku=self.one_of(self.names.items), inactive=self.now_and_then(0.08))
            if self.now_and_then(0.1):
                item = requests.Item(sku=item.sku, scale=1)
        else:
            stocked = [sku for sku in self.names.items if any(sku == of for of, _ in self.model.levels)]
            sku = self.one_of(stocked) if stocked and self.now_and_then(0.1) else self.names.kit
            parts = [*self.names.items, *([self.sku()] if self.now_and_then(0.3) else [])]
            if self.now_and_then(0.3):
                parts = [self.names.ribbon, *([self.sku()] if self.now_and_then(0.5) else [])]
            elif self.now_and_then(0.3):
                sku = self.names.ribbon
            if sku == self.names.ribbon and self.now_and_then(0.4):
                parts = []
            item = requests.Item(
                sku=sku,
                inactive=self.now_and_then(0.05),
                parts=tuple(
                    requests.KitPart(sku=part, quantity=self.one_of((1, 1, 2, 3)))
                    for part in dict.fromkeys(self.some_of(parts, 2) if parts else ())
                ),
            )
        return requests.PutItems(request_id=uuid7(), items=(item,))

    def declare_distances(self) -> Request:
        places = tuple(
            requests.LocationDistance(location=location, distance=self.one_of((0, 1, 1, 5)))
            for location in dict.fromkeys(self.some_of(self.names.locations, 3))
        )
        distances = requests.Distances(destination=self.names.destination, locations=places)
        return requests.PutRules(request_id=uuid7(), rules=(requests.Rule(distances=distances),))

    def change_rules(self) -> Request:
        makers: tuple[Callable[[], dict[str, requests.AnyRule]], ...] = (
            self._safety,
            self._safety,
            self._buffer,
            self._allotment,
            self._allotment,
            self._allotment,
            self._backorder,
            self._backorder,
            self._substitution,
            self._substitution,
            self._hold_limit,
        )
        # Of each kind one, so that no key is named twice. Limits do not last: they stop everything else.
        kinds = {name: rule for _ in range(self.one_of((1, 1, 2))) for name, rule in self.one_of(makers)().items()}
        removed = {name: self.now_and_then(0.6 if name == "hold_limit" else 0.2) for name in kinds}
        rules = tuple(requests.Rule(removed=removed[name], **{name: rule}) for name, rule in kinds.items())  # type: ignore[arg-type]
        return requests.PutRules(request_id=uuid7(), rules=rules)

    def _safety(self) -> dict[str, requests.AnyRule]:
        sku = self.stocked_sku() if self.now_and_then(0.7) else ""
        location = self.location() if not sku or self.now_and_then(0.5) else ""
        return {"safety_stock": requests.SafetyStock(sku=sku, location=location, quantity=self.one_of((0, 1, 2)))}

    def keep_back(self) -> Request:
        """Safety stock where somebody waits, more or less of it than before."""
        waiting = [
            {"sku": line.sku, "location": line.location}
            for order in self.model.state.live.values()
            for line in order.lines
            if line.backordered
        ]
        if not waiting:
            return self.change_rules()
        level = self.one_of(waiting)
        names = self.one_of((("sku",), ("location",), ("sku", "location"), ("sku", "location")))
        safety = requests.SafetyStock(**{name: level[name] for name in names}, quantity=self.one_of((0, 0, 1, 2, 4)))
        rule = requests.Rule(removed=self.now_and_then(0.3), safety_stock=safety)
        return requests.PutRules(request_id=uuid7(), rules=(rule,))

    def _buffer(self) -> dict[str, requests.AnyRule]:
        sku = self.sku() if self.now_and_then(0.6) else ""
        buffer = requests.ChannelBuffer(channel=self.channel(), sku=sku, quantity=self.one_of((0, 1, 2)))
        return {"channel_buffer": buffer}

    def _allotment(self) -> dict[str, requests.AnyRule]:
        allotment = requests.Allotment(
            sku=self.stocked_sku(),
            channel=self.channel() if self.now_and_then(0.3) else self.one_of(self.names.channels),
            guaranteed_quantity=self.one_of((0, 2, 3, 5, 8)),
            cap_quantity=self.one_of((None, None, None, None, 0, 8)),
            expire_time=self.one_of((None, Time(seconds=self.noon + 9 * DAY_SECONDS))),
        )
        return {"allotment": allotment}

    def _backorder(self) -> dict[str, requests.AnyRule]:
        rule = requests.BackorderRule(
            sku=self.stocked_sku(),
            location=self.location(),
            backorder_cap=self.one_of((0, 2, 5, 20)),
            expected_time=self.one_of((None, self.day(), self.last_day(), self.last_day())),
            preorder_cap=self.one_of((0, 1, 3)),
            release_time=self.one_of((None, None, self.day())),
        )
        return {"backorder": rule}

    def _substitution(self) -> dict[str, requests.AnyRule]:
        sku = self.stocked_sku()
        others = [other for other in (*self.names.items, self.stocked_sku()) if other != sku]
        substitutes = tuple(dict.fromkeys(self.some_of(others, 2)))
        return {"substitution": requests.SubstitutionRule(sku=sku, substitute_skus=substitutes)}

    def _hold_limit(self) -> dict[str, requests.AnyRule]:
        """Others call without a name too, and have customers: only who is alone may limit them."""
        scope, name = words.CUSTOMER, self.one_of(self.names.customers)
        if self.alone and self.now_and_then(0.5):
            scope, name = self.one_of(
                ((words.CUSTOMER, ""), (words.CALLER, ""), (words.CALLER, words.UNNAMED), (words.CALLER, "other"))
            )
        holds = [hold for hold in self.model.state.live.values() if hold.state == words.HELD]
        theirs = [hold for hold in holds if scope == words.CALLER or hold.customer_id == name]
        most = len(theirs) + self.one_of((0, 1, 2, 5))
        return {"hold_limit": requests.HoldLimit(scope=scope, name=name, max_open_holds=most)}

    def move_allotment(self) -> Request:
        sku, giver, taker = self.stocked_sku(), self.channel(), self.channel()
        shared = [key for key, share in self.model.state.shares.items() if share.guaranteed]
        if shared and self.now_and_then(0.8):
            sku, giver = self.one_of(shared)
            taker = self.one_of([channel for _, channel in shared])
        if giver == taker:
            taker = self.one_of([channel for channel in self.names.channels if channel != giver])
        return requests.MoveAllotment(
            request_id=uuid7(),
            sku=sku,
            from_channel=giver,
            to_channel=taker,
            quantity=self.up_to(2),
        )
