"""The refusals that answer a question of the trade: stock, reservations, documents and rules."""

from google.rpc import status_pb2

from holdfast_client import status_details
from holdfast_client.error_base import HoldfastError, LimitReached, NotFound
from holdfast_client.status_details import ShortLine, SubstituteOffer


class UnknownSku(NotFound):
    """No item has this SKU."""

    @property
    def sku(self) -> str:
        """The SKU that was asked for."""
        return self.metadata.get("sku", "")


class UnknownLocation(NotFound):
    """No location has this id."""

    @property
    def location(self) -> str:
        """The location that was asked for."""
        return self.metadata.get("location", "")


class UnknownPool(NotFound):
    """No pool has this id."""

    @property
    def pool(self) -> str:
        """The pool that was asked for."""
        return self.metadata.get("pool", "")


class UnknownChannel(NotFound):
    """No channel has this id."""

    @property
    def channel(self) -> str:
        """The channel that was asked for."""
        return self.metadata.get("channel", "")


class UnknownReservation(NotFound):
    """No reservation has this id."""

    @property
    def reservation_id(self) -> str:
        """The reservation that was asked for."""
        return self.metadata.get("reservation_id", "")


class UnknownDestination(NotFound):
    """No distances are declared for this destination."""

    @property
    def destination(self) -> str:
        """The destination that was asked for."""
        return self.metadata.get("destination", "")


class InsufficientStock(HoldfastError):
    """There is too little stock.

    Attributes:
        short_lines: Every line that could not be had in full.
        offers: What may be sold instead of the short lines, by the substitution rules, in their order.
    """

    short_lines: tuple[ShortLine, ...]
    offers: tuple[SubstituteOffer, ...]

    def __init__(self, status: status_pb2.Status, *, request_id: str = "") -> None:
        super().__init__(status, request_id=request_id)
        self.short_lines = status_details.short_lines_of(status)
        self.offers = status_details.offers_of(status)


class ItemInactive(HoldfastError):
    """The item is no longer sold."""

    @property
    def sku(self) -> str:
        """The item."""
        return self.metadata.get("sku", "")


class KitConflict(HoldfastError):
    """The item is a kit and has no stock of its own, or cannot be a kit or a part of this one."""

    @property
    def sku(self) -> str:
        """The item."""
        return self.metadata.get("sku", "")

    @property
    def rule(self) -> str:
        """What stands against it: NO_STOCK_OF_ITS_OWN, HAS_STOCK or NOT_NESTED."""
        return self.metadata.get("rule", "")


class LocationNotInPool(HoldfastError):
    """The channel does not sell from the location."""

    @property
    def channel(self) -> str:
        """The channel of the request."""
        return self.metadata.get("channel", "")

    @property
    def location(self) -> str:
        """The location that is not in the channel's pool."""
        return self.metadata.get("location", "")


class ReservationResolved(HoldfastError):
    """The reservation is past the state in which this can be asked of it."""

    @property
    def reservation_id(self) -> str:
        """The reservation."""
        return self.metadata.get("reservation_id", "")

    @property
    def state(self) -> str:
        """The state that it is in, such as "EXPIRED"."""
        return self.metadata.get("state", "")

    @property
    def resolve_time(self) -> str:
        """The time on the segment's clock at which it came to that state, in RFC 3339."""
        return self.metadata.get("resolve_time", "")


class ReservationExpired(ReservationResolved):
    """The hold's time was over; its units were given back."""


class AlreadyCommitted(ReservationResolved):
    """The reservation was committed before."""


class AlreadyReleased(ReservationResolved):
    """The reservation was released before."""


class NotCommitted(HoldfastError):
    """The reservation is a hold; it must be committed first."""

    @property
    def reservation_id(self) -> str:
        """The reservation."""
        return self.metadata.get("reservation_id", "")

    @property
    def state(self) -> str:
        """The state that it is in."""
        return self.metadata.get("state", "")


class UnknownLine(HoldfastError):
    """The reservation has no line of this number."""

    @property
    def line_number(self) -> int:
        """The number that was asked for."""
        return self._number("line_number")


class ReleaseExceedsOpen(HoldfastError):
    """More units were to be given back than are open."""

    @property
    def line_number(self) -> int:
        """The line."""
        return self._number("line_number")

    @property
    def requested(self) -> int:
        """The units that were to be given back."""
        return self._number("requested")

    @property
    def open(self) -> int:
        """The units that are open."""
        return self._number("open")


class FulfillmentExceedsOpen(HoldfastError):
    """More units were to be fulfilled than are open and there; backordered units are not."""

    @property
    def reservation_id(self) -> str:
        """The reservation."""
        return self.metadata.get("reservation_id", "")

    @property
    def line_number(self) -> int:
        """The line."""
        return self._number("line_number")

    @property
    def requested(self) -> int:
        """The units that were to be fulfilled, the missing ones included."""
        return self._number("requested")

    @property
    def open(self) -> int:
        """The units that are open and there."""
        return self._number("open")


class ReturnExceedsFulfilled(HoldfastError):
    """More units came back than were fulfilled and not returned before. `accept_blind` takes them all the same."""

    @property
    def sku(self) -> str:
        """The SKU of the line."""
        return self.metadata.get("sku", "")

    @property
    def line_number(self) -> int:
        """The line of the reservation; 0 where no reservation is known."""
        return self._number("line_number")

    @property
    def requested(self) -> int:
        """The units that came back."""
        return self._number("requested")

    @property
    def returnable(self) -> int:
        """The units that were fulfilled and not returned before."""
        return self._number("returnable")


class AdjustmentBelowZero(HoldfastError):
    """A status of a stock level would fall below zero units."""

    @property
    def sku(self) -> str:
        """The SKU."""
        return self.metadata.get("sku", "")

    @property
    def location(self) -> str:
        """The location."""
        return self.metadata.get("location", "")

    @property
    def delta(self) -> int:
        """The units that were to be added, negative to take away."""
        return self._number("delta")

    @property
    def on_hand(self) -> int:
        """The units that are on hand in that status."""
        return self._number("on_hand")


class QuantityOverflow(HoldfastError):
    """A stock level would pass 10^12 units."""


class CountedSince(HoldfastError):
    """The level was counted again since the moment of this count. What this one found is booked; count it anew."""

    @property
    def sku(self) -> str:
        """The SKU."""
        return self.metadata.get("sku", "")

    @property
    def location(self) -> str:
        """The location."""
        return self.metadata.get("location", "")

    @property
    def as_of(self) -> int:
        """The position of the moment of this count."""
        return self._number("as_of")

    @property
    def counted(self) -> int:
        """The position of the other count."""
        return self._number("counted")


class QuantityChanged(HoldfastError):
    """The units on the books are not those that the caller expected: somebody else was there in between."""

    @property
    def sku(self) -> str:
        """The SKU."""
        return self.metadata.get("sku", "")

    @property
    def location(self) -> str:
        """The location."""
        return self.metadata.get("location", "")

    @property
    def expected(self) -> int:
        """The units that the caller expected."""
        return self._number("expected")

    @property
    def actual(self) -> int:
        """The units on the books."""
        return self._number("actual")


class ScaleInUse(HoldfastError):
    """The item's scale cannot be changed, because it has stock levels."""


class _OfDocument(HoldfastError):
    """About a document: an inbound plan, a transfer, a return, an incident, or a parked request."""

    @property
    def kind(self) -> str:
        """What it is: INBOUND, TRANSFER, RETURN, INCIDENT or PARKED."""
        return self.metadata.get("kind", "")

    @property
    def document_id(self) -> str:
        """The document."""
        return self.metadata.get("document_id", "")


class UnknownDocument(NotFound, _OfDocument):
    """There is no such document."""


class UnknownSubscription(NotFound):
    """No subscription has this name."""

    @property
    def subscription(self) -> str:
        """The name that was asked for."""
        return self.metadata.get("subscription", "")


class DocumentClosed(_OfDocument):
    """The document has ended."""


class DocumentExists(_OfDocument):
    """There is such a document already."""


class ExceedsDocument(_OfDocument):
    """More units were named than are open in the document, or a SKU, a line or a location that is not in it."""

    @property
    def line(self) -> str:
        """The SKU, the number of the line, or the location."""
        return self.metadata.get("line", "")

    @property
    def requested(self) -> int:
        """The units that were named."""
        return self._number("requested")

    @property
    def open(self) -> int:
        """The units that are open in the document."""
        return self._number("open")


class HoldLimitReached(LimitReached):
    """The customer or the caller has as many open holds as it may have. Waiting alone does not help."""

    @property
    def limit(self) -> str:
        """The name of the limit."""
        return "max_open_holds"

    @property
    def value(self) -> int:
        """The most open holds."""
        return self._number("max_open_holds")

    @property
    def scope(self) -> str:
        """Whose holds are limited: CUSTOMER or CALLER."""
        return self.metadata.get("scope", "")

    @property
    def name(self) -> str:
        """The customer or the caller."""
        return self.metadata.get("name", "")


class AllotmentTooSmall(HoldfastError):
    """Fewer units are guaranteed and not used than were to be moved, or one of the channels has no allotment."""

    @property
    def sku(self) -> str:
        """The SKU."""
        return self.metadata.get("sku", "")

    @property
    def channel(self) -> str:
        """The channel that has too little, or no allotment."""
        return self.metadata.get("channel", "")

    @property
    def requested(self) -> int:
        """The units that were to be moved."""
        return self._number("requested")

    @property
    def movable(self) -> int:
        """The units that could be moved."""
        return self._number("movable")
