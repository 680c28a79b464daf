"""A history of answers, each held against the reference model in the order of the authority's decisions.

The model's clock and its positions follow those in the authority's answers: both must never go back. What
happens by itself takes positions too: units that come go to those who wait, right after the operation that
brought them. In a history that has the authority to itself, every position is predicted.

Nothing is called from here; whoever has an answer brings it.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, NoReturn

from google.protobuf.timestamp_pb2 import Timestamp
from holdfast.inventory.v1.inventory_service_pb2 import (
    AvailabilityKey,
    BatchGetAvailabilityRequest,
    BatchGetAvailabilityResponse,
)
from holdfast.inventory.v1.reservation_pb2 import Reservation

from api import translation
from api.refusals import Refusal
from model import formula, requests, words
from model.authority import ModelAuthority

CATALOG_REQUESTS = (
    requests.PutItems,
    requests.PutLocations,
    requests.PutPools,
    requests.PutChannels,
    requests.PutRules,
    requests.MoveAllotment,
)
SETTLEMENTS = (requests.ResolveIncident, requests.CloseIncident, requests.NotePosting, requests.DiscardParkedRequest)


def method_for(stubs: Any, request: requests.Request) -> Callable[..., Any]:
    """The RPC that takes the request: it has the same name."""
    service = stubs.inventory
    if isinstance(request, CATALOG_REQUESTS):
        service = stubs.catalog
    if isinstance(request, SETTLEMENTS):
        service = stubs.reconciliation
    method: Callable[..., Any] = getattr(service, type(request).__name__)
    return method


class History:
    """Takes what was asked and answered, one decision after another; the first difference is the failure."""

    def __init__(self, segment: str, *, alone: bool = False) -> None:
        """`alone` says that nobody else uses the segment."""
        self.model = ModelAuthority()
        self.model.state.segment = segment
        # Servers and tests run on one machine; a minute is for what their clocks may differ.
        self.model.tell_time((int(time.time()) - 60) * words.SECOND)
        self.alone = alone

    def expect_refusal(self, request: requests.Request, refusal: Refusal) -> None:
        self.model.state.new_reservation_id = _none_expected
        try:
            predicted = self.model.decide(request)
        except words.Refused as expected:
            translation.assert_refused_alike(refusal, expected)
            return
        raise AssertionError(f"{request}\nwas refused: {refusal}\nexpected was: {predicted}")

    def expect_answer(self, request: requests.Request, answer: words.Answer) -> None:
        if not answer.replayed:
            self._follow(answer)
        if answer.reservation is not None:
            given_id = answer.reservation.reservation_id
            self.model.state.new_reservation_id = lambda: given_id
        try:
            predicted = self.model.decide(request)
        except words.Refused as expected:
            message = f"{request}\nwas answered: {answer}\nexpected was a refusal: {expected}"
            raise AssertionError(message) from None
        assert answer == predicted, f"{request}"

    def _follow(self, answer: words.Answer) -> None:
        """Brings the model to where the authority was when it decided."""
        model = self.model
        if answer.reservation is not None:
            assert answer.reservation.update_time >= model.state.now, "the segment's clock went back"
            model.tell_time(answer.reservation.update_time)
        if answer.document is not None:
            model.tell_time(answer.document.create_time)
        if self.alone:
            assert answer.position == model.position + 1, "a position was left out or given out twice"
        assert answer.position > model.position, (
            f"a revision was given out twice, or goes back {answer} {model.position}"
        )
        model.state.position = answer.position - 1

    def expect_availability(self, request: BatchGetAvailabilityRequest, response: BatchGetAvailabilityResponse) -> None:
        assert response.revision.position >= self.model.position
        if self.alone:
            assert response.revision.position == self.model.position
        for key, told in zip(request.keys, response.availabilities, strict=True):
            assert (told.sku, told.channel, told.location) == (key.sku, key.channel, key.location)
            numbers = (
                told.available_to_sell_quantity,
                told.backorder_quantity,
                told.available_to_promise_quantity,
                told.stock_level.safety_stock_quantity,
            )
            assert numbers == self._numbers_of(key), f"ATS, backorder, ATP and safety stock of {key}"
            assert told.HasField("stock_level") == ((key.sku, key.location) in self.model.levels), key
            if told.HasField("stock_level"):
                level = translation.level_from_proto(told.stock_level)
                assert level == self.model.level(key.sku, key.location)

    def _numbers_of(self, key: AvailabilityKey) -> tuple[int, int, int, int]:
        state = self.model.state
        day = translation.instant(key.promise_time) if key.HasField("promise_time") else None
        if key.channel:
            available = formula.available_to(state, key.sku, key.channel)
            room = formula.backorder_room(state, key.sku, key.channel)
            return available, room, formula.promisable_to(state, key.sku, key.channel, day) if day else 0, 0
        available = formula.available_at(state, key.sku, key.location)
        known = (key.sku, key.location) in state.levels
        safety = formula.safety(state, key.sku, key.location) if known else 0
        return available, 0, formula.promisable_at(state, key.sku, key.location, day) if day else 0, safety

    def expect_reservation(self, told: Reservation) -> None:
        ours, theirs = self.model.reservations[told.reservation_id], translation.reservation_from_proto(told)
        # When it was that units came for those who wait is known only to who brought them.
        assert theirs.update_time >= ours.update_time
        assert replace(theirs, update_time=ours.update_time) == ours

    def expect_documents(self, kind: str, told: Iterable[words.Document]) -> None:
        """These are all documents of the kind."""
        ours = {number: document for (of, number), document in self.model.state.documents.items() if of == kind}
        assert {document.document_id: document for document in told} == ours


def ask_for_everything(
    skus: Iterable[str], channels: Iterable[str], locations: Iterable[str], promise_time: Timestamp | None = None
) -> BatchGetAvailabilityRequest:
    """Every number that can be asked for of these SKUs."""
    locations, channels = list(locations), list(channels)
    return BatchGetAvailabilityRequest(
        keys=[
            key
            for sku in skus
            for key in (
                *(AvailabilityKey(sku=sku, channel=channel, promise_time=promise_time) for channel in channels),
                *(AvailabilityKey(sku=sku, location=location, promise_time=promise_time) for location in locations),
            )
        ]
    )


def _none_expected() -> NoReturn:
    raise AssertionError("the model would have created a reservation")
