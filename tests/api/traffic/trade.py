"""A small trade: what is there at the start, and anything that may be asked then."""

from api.ids import uuid7
from api.traffic.demand import Demand
from api.traffic.rules import Rules
from api.traffic.stock import Stock
from model import requests
from model.requests import Request


class RandomTrade(Demand, Stock, Rules):
    """Draws requests about the trade of one model."""

    def opening(self) -> list[Request]:
        names = self.names
        socks, shirt, scarf = names.items
        near, far, store = names.locations
        web, app, till = names.channels
        parts = (requests.KitPart(sku=socks, quantity=1), requests.KitPart(sku=shirt, quantity=2))
        kit = requests.Item(sku=names.kit, parts=parts)
        items = (kit, *(requests.Item(sku=sku) for sku in (*names.items, names.ribbon)))
        pools = (
            requests.Pool(pool=names.pools[0], locations=tuple(self.shuffled((near, far, store), 3))),
            requests.Pool(pool=names.pools[1], locations=(store, near)),
        )
        channels = zip((web, app, till), (names.pools[0], *names.pools), strict=True)
        stock = tuple(
            requests.ReceiptLine(sku=sku, location=location, quantity=self.up_to(9))
            for sku, location in (
                (socks, near),
                (socks, far),
                (socks, store),
                (shirt, near),
                (shirt, far),
                (scarf, near),
            )
        )
        places = tuple(requests.Location(location=location) for location in names.locations)
        return [
            requests.PutItems(request_id=uuid7(), items=items),
            requests.PutLocations(request_id=uuid7(), locations=places),
            requests.PutPools(request_id=uuid7(), pools=pools),
            requests.PutChannels(
                request_id=uuid7(), channels=tuple(requests.Channel(channel=c, pool=p) for c, p in channels)
            ),
            requests.ReceiveStock(request_id=uuid7(), lines=stock),
            self.declare_distances(),
        ]

    def anything(self) -> Request:
        """Mostly demand as long as there is none."""
        if not self.model.reservations and self.now_and_then(0.7):
            return self.ask()
        return self.one_of(
            (
                *([self.ask] * 20),
                *([self.ask_beside_a_guarantee] * 4),
                *([self.tell] * 3),
                *([self.commit] * 7),
                self.extend,
                *([self.release] * 4),
                *([self.transfer_reservation] * 4),
                *([self.fulfill] * 4),
                *([self.deliver] * 4),
                *([self.come_back] * 3),
                *([self.inspect] * 3),
                *([self.receive] * 11),
                *([self.adjust] * 2),
                *([self.count_stock] * 4),
                *([self.move_status] * 2),
                *([self.plan_inbound] * 3),
                *([self.ship] * 3),
                *([self.arrive] * 3),
                *([self.change_rules] * 5),
                *([self.keep_back] * 3),
                *([self.move_allotment] * 2),
                self.change_pool,
                self.move_channel,
                self.change_item,
                self.declare_distances,
                *([self.resolve] * 3),
                self.close_incident,
                *([self.note_posting] * 2),
                self.discard_parked,
            )
        )()
