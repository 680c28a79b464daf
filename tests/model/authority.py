"""The reference model: predicts every answer of the authority, with nothing but arithmetic.

It decides one request at a time and keeps everything in dictionaries. Time stands still until it is told.
It knows nothing of processes, stores or protos; what the engine does to be fast and durable must not be
visible in any answer, and a visible difference is a defect of one of the two.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import fields, replace
from typing import Any

from model import catalog, formula, fulfillment, incidents, postings, requests, reservations, supply, transfers, words
from model.state import State
from model.words import Answer, LevelKey, Refused, StockLevel

DECIDERS: dict[type, Callable[[State, Any], Answer]] = {
    requests.PutItems: catalog.put_items,
    requests.PutLocations: catalog.put_locations,
    requests.PutPools: catalog.put_pools,
    requests.PutChannels: catalog.put_channels,
    requests.PutRules: catalog.put_rules,
    requests.MoveAllotment: catalog.move_allotment,
    requests.CreateReservation: reservations.create,
    requests.CommitReservation: reservations.commit,
    requests.ExtendReservation: reservations.extend,
    requests.ReleaseReservation: reservations.release,
    requests.TransferReservation: transfers.transfer,
    requests.PostFulfillment: fulfillment.post,
    requests.ProcessReturn: fulfillment.process_return,
    requests.ReceiveStock: supply.receive,
    requests.AdjustStock: supply.adjust,
    requests.CountStock: supply.count,
    requests.MoveStatus: supply.move_status,
    requests.PlanInbound: supply.plan_inbound,
    requests.ShipTransfer: supply.ship,
    requests.ReceiveTransfer: supply.receive_transfer,
    requests.ResolveIncident: incidents.resolve,
    requests.CloseIncident: incidents.close,
    requests.NotePosting: postings.note,
    requests.DiscardParkedRequest: supply.discard_parked,
}


class ModelAuthority:
    """One segment. Refusals are raised; whatever is answered has happened."""

    def __init__(self) -> None:
        self.state = State()
        self.outcomes: dict[str, tuple[requests.Request, Answer]] = {}

    # Reading.

    @property
    def position(self) -> int:
        """The position of the last operation, be it one that nobody requested."""
        return self.state.position

    def level(self, sku: str, location: str) -> StockLevel:
        return self.state.level(sku, location)

    def net(self, sku: str, location: str) -> int:
        return formula.net(self.state, sku, location)

    def available_at(self, sku: str, location: str) -> int:
        self.state.know_sku(sku)
        self.state.know_location(location)
        return formula.available_at(self.state, sku, location)

    def available_to(self, sku: str, channel: str) -> int:
        self.state.know_sku(sku)
        self.state.know_channel(channel)
        return formula.available_to(self.state, sku, channel)

    # Time.

    def tell_time(self, now: int) -> None:
        """Moves the segment's clock, never back, and does what is due: holds expire, then allotments end."""
        self.state.now = max(self.state.now, now)
        for reservation in list(self.state.live.values()):
            if reservation.expire_time is not None and reservation.expire_time <= self.state.now:
                self._expire(reservation)
        for key, share in list(self.state.shares.items()):
            if 0 < share.expire_time <= self.state.now:
                self._begin()
                del self.state.shares[key]

    def _expire(self, reservation: words.Reservation) -> None:
        self._begin()
        open_units = {line.line_number: line.open for line in reservation.lines}
        self.state.give_back(reservation, open_units, "expired")
        self._cover()

    # Deciding.

    def decide(self, request: requests.Request) -> Answer:
        if request.request_id in self.outcomes:
            return self._replay(request)
        before = self._copy()
        self._begin()
        try:
            effect = DECIDERS[type(request)](self.state, request)
        except Refused:
            self.state = before
            raise
        answer = replace(effect, position=self.state.position)
        self.outcomes[request.request_id] = (request, answer)
        self._cover()
        if isinstance(request, requests.PutRules) and any(rule.safety_stock for rule in request.rules):
            self._cover_everywhere()
        return answer

    def _replay(self, request: requests.Request) -> Answer:
        first, answer = self.outcomes[request.request_id]
        field = "method" if type(first) is not type(request) else words.first_difference(first, request)
        if field:
            raise Refused("REQUEST_ID_REUSED", {"request_id": request.request_id, "field": field})
        return replace(answer, replayed=True)

    def _copy(self) -> State:
        """The state as it is; a refusal goes back to it."""
        values = {part.name: getattr(self.state, part.name) for part in fields(State)}
        copies: dict[str, Any] = {name: copy(value) for name, value in values.items() if isinstance(value, dict)}
        return replace(self.state, **copies)

    def _begin(self) -> None:
        """Every operation takes the next position."""
        self.state.position += 1
        self.state.brought = []

    # Those who wait.

    def _cover(self) -> None:
        """Gives what an operation brought to those who wait there, first come first served: an operation each."""
        for sku, location in list(self.state.brought):
            while self._cover_one(sku, location):
                pass

    def _cover_everywhere(self) -> None:
        """Gives units to those who wait wherever a rule kept some back and no longer does: no movement brings those."""
        for sku, location in sorted(self.levels, key=lambda level: "|".join((*level, ""))):
            while self._cover_one(sku, location):
                pass

    def _cover_one(self, sku: str, location: str) -> bool:
        state = self.state
        level = state.level(sku, location)
        room = formula.net(state, sku, location) + level.backordered
        if not level.backordered or room <= 0:
            return False
        _, _, reservation_id, number = min(
            (line.wait_position, line.line_number, reservation.reservation_id, line.line_number)
            for reservation in state.live.values()
            for line in reservation.lines
            if line.backordered and (line.sku, line.location) == (sku, location)
        )
        reservation = state.live[reservation_id]
        line = reservation.lines[number - 1]
        units = min(room, line.backordered)
        self._begin()
        state.move(sku, location, **{reservation.bucket: units}, backordered=-units)
        state.keep(transfers.with_line(reservation, replace(line, backordered=line.backordered - units)))
        return True

    # For those who compare.

    @property
    def levels(self) -> dict[LevelKey, StockLevel]:
        return self.state.levels

    @property
    def reservations(self) -> dict[str, words.Reservation]:
        return self.state.reservations
