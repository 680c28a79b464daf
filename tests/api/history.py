"""A history of answers, each held against the reference model in the order of the authority's decisions.

The model's clock follows the times in the authority's answers: the authority owns time, so the model is
told it, and it must never go back. Nothing is called from here; whoever has an answer brings it.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, NoReturn

from holdfast.inventory.v1.inventory_service_pb2 import (
    AvailabilityKey,
    BatchGetAvailabilityRequest,
    BatchGetAvailabilityResponse,
)
from holdfast.inventory.v1.reservation_pb2 import Reservation

from api import translation
from api.refusals import Refusal
from model import words
from model.authority import ModelAuthority

CATALOG_REQUESTS = (words.PutItems, words.PutLocations, words.PutPools, words.PutChannels)


def method_for(stubs: Any, request: words.Request) -> Callable[..., Any]:
    """The RPC that takes the request: it has the same name."""
    service = stubs.catalog if isinstance(request, CATALOG_REQUESTS) else stubs.inventory
    method: Callable[..., Any] = getattr(service, type(request).__name__)
    return method


class History:
    """Takes what was asked and answered, one decision after another; the first difference is the failure."""

    def __init__(self) -> None:
        self.model = ModelAuthority(new_reservation_id=_none_expected)
        self.last_position = 0

    def expect_refusal(self, request: words.Request, refusal: Refusal) -> None:
        self.model.new_reservation_id = _none_expected
        try:
            predicted = self.model.decide(request)
        except words.Refused as expected:
            translation.assert_refused_alike(refusal, expected)
            return
        raise AssertionError(f"{request}\nwas refused: {refusal}\nexpected was: {predicted}")

    def expect_answer(self, request: words.Request, answer: words.Answer) -> None:
        if not answer.replayed:
            assert answer.position > self.last_position, "a revision was given out twice, or goes back"
            self.last_position = answer.position
        if answer.reservation is not None:
            given_id = answer.reservation.reservation_id
            self.model.new_reservation_id = lambda: given_id
            if not answer.replayed:
                assert answer.reservation.update_time >= self.model.now, "the segment's clock went back"
                self.model.tell_time(answer.reservation.update_time)
        try:
            predicted = self.model.decide(request)
        except words.Refused as expected:
            message = f"{request}\nwas answered: {answer}\nexpected was a refusal: {expected}"
            raise AssertionError(message) from None
        # The model counts the effects of this history, the authority those of everybody: only their order
        # can be compared, and was above.
        assert answer == replace(predicted, position=answer.position)

    def expect_availability(self, request: BatchGetAvailabilityRequest, response: BatchGetAvailabilityResponse) -> None:
        assert response.revision.position >= self.last_position
        model = self.model
        for key, told in zip(request.keys, response.availabilities, strict=True):
            assert (told.sku, told.channel, told.location) == (key.sku, key.channel, key.location)
            if key.channel:
                assert told.available_to_sell_quantity == model.available_to(key.sku, key.channel), key
                continue
            assert told.available_to_sell_quantity == model.available_at(key.sku, key.location), key
            assert told.HasField("stock_level") == ((key.sku, key.location) in model.levels)
            if told.HasField("stock_level"):
                level = translation.level_from_proto(told.stock_level)
                assert level == model.level(key.sku, key.location)

    def expect_reservation(self, told: Reservation) -> None:
        assert translation.reservation_from_proto(told) == self.model.reservations[told.reservation_id]


def ask_for_everything(
    skus: Iterable[str], channels: Iterable[str], locations: Iterable[str]
) -> BatchGetAvailabilityRequest:
    """Every number that can be asked for of these SKUs."""
    locations, channels = list(locations), list(channels)
    return BatchGetAvailabilityRequest(
        keys=[
            key
            for sku in skus
            for key in (
                *(AvailabilityKey(sku=sku, channel=channel) for channel in channels),
                *(AvailabilityKey(sku=sku, location=location) for location in locations),
            )
        ]
    )


def _none_expected() -> NoReturn:
    raise AssertionError("the model would have created a reservation")
