from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_FIELD: _ClassVar[ErrorReason]
    ERROR_REASON_INSUFFICIENT_STOCK: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_SKU: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_LOCATION: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_POOL: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_CHANNEL: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_RESERVATION: _ClassVar[ErrorReason]
    ERROR_REASON_LOCATION_NOT_IN_POOL: _ClassVar[ErrorReason]
    ERROR_REASON_RESERVATION_EXPIRED: _ClassVar[ErrorReason]
    ERROR_REASON_ALREADY_COMMITTED: _ClassVar[ErrorReason]
    ERROR_REASON_ALREADY_RELEASED: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_LINE: _ClassVar[ErrorReason]
    ERROR_REASON_RELEASE_EXCEEDS_OPEN: _ClassVar[ErrorReason]
    ERROR_REASON_ADJUSTMENT_BELOW_ZERO: _ClassVar[ErrorReason]
    ERROR_REASON_QUANTITY_OVERFLOW: _ClassVar[ErrorReason]
    ERROR_REASON_REQUEST_ID_REUSED: _ClassVar[ErrorReason]
    ERROR_REASON_REQUEST_ID_TOO_OLD: _ClassVar[ErrorReason]
    ERROR_REASON_STALE_REVISION: _ClassVar[ErrorReason]
    ERROR_REASON_SCALE_IN_USE: _ClassVar[ErrorReason]
    ERROR_REASON_OVERLOADED: _ClassVar[ErrorReason]
    ERROR_REASON_BACKLOG_FULL: _ClassVar[ErrorReason]
    ERROR_REASON_SEGMENT_LOADING: _ClassVar[ErrorReason]
    ERROR_REASON_SEGMENT_QUARANTINED: _ClassVar[ErrorReason]
    ERROR_REASON_SEGMENT_STOPPED: _ClassVar[ErrorReason]
    ERROR_REASON_SEGMENT_NOT_STOPPED: _ClassVar[ErrorReason]
    ERROR_REASON_LEDGER_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_SEQUENCER_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_SEGMENT: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL: _ClassVar[ErrorReason]
    ERROR_REASON_LIMIT_EXCEEDED: _ClassVar[ErrorReason]
    ERROR_REASON_ITEM_INACTIVE: _ClassVar[ErrorReason]
    ERROR_REASON_KIT_CONFLICT: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_DESTINATION: _ClassVar[ErrorReason]
    ERROR_REASON_NOT_COMMITTED: _ClassVar[ErrorReason]
    ERROR_REASON_FULFILLMENT_EXCEEDS_OPEN: _ClassVar[ErrorReason]
    ERROR_REASON_RETURN_EXCEEDS_FULFILLED: _ClassVar[ErrorReason]
    ERROR_REASON_QUANTITY_CHANGED: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_DOCUMENT: _ClassVar[ErrorReason]
    ERROR_REASON_DOCUMENT_CLOSED: _ClassVar[ErrorReason]
    ERROR_REASON_DOCUMENT_EXISTS: _ClassVar[ErrorReason]
    ERROR_REASON_EXCEEDS_DOCUMENT: _ClassVar[ErrorReason]
    ERROR_REASON_HOLD_LIMIT_REACHED: _ClassVar[ErrorReason]
    ERROR_REASON_ALLOTMENT_TOO_SMALL: _ClassVar[ErrorReason]
    ERROR_REASON_COUNTED_SINCE: _ClassVar[ErrorReason]
    ERROR_REASON_WATCH_ENDED: _ClassVar[ErrorReason]
    ERROR_REASON_WATCHER_TOO_SLOW: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_SUBSCRIPTION: _ClassVar[ErrorReason]
    ERROR_REASON_SPANS_SEGMENTS: _ClassVar[ErrorReason]
    ERROR_REASON_HISTORY_RETIRED: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_INVALID_FIELD: ErrorReason
ERROR_REASON_INSUFFICIENT_STOCK: ErrorReason
ERROR_REASON_UNKNOWN_SKU: ErrorReason
ERROR_REASON_UNKNOWN_LOCATION: ErrorReason
ERROR_REASON_UNKNOWN_POOL: ErrorReason
ERROR_REASON_UNKNOWN_CHANNEL: ErrorReason
ERROR_REASON_UNKNOWN_RESERVATION: ErrorReason
ERROR_REASON_LOCATION_NOT_IN_POOL: ErrorReason
ERROR_REASON_RESERVATION_EXPIRED: ErrorReason
ERROR_REASON_ALREADY_COMMITTED: ErrorReason
ERROR_REASON_ALREADY_RELEASED: ErrorReason
ERROR_REASON_UNKNOWN_LINE: ErrorReason
ERROR_REASON_RELEASE_EXCEEDS_OPEN: ErrorReason
ERROR_REASON_ADJUSTMENT_BELOW_ZERO: ErrorReason
ERROR_REASON_QUANTITY_OVERFLOW: ErrorReason
ERROR_REASON_REQUEST_ID_REUSED: ErrorReason
ERROR_REASON_REQUEST_ID_TOO_OLD: ErrorReason
ERROR_REASON_STALE_REVISION: ErrorReason
ERROR_REASON_SCALE_IN_USE: ErrorReason
ERROR_REASON_OVERLOADED: ErrorReason
ERROR_REASON_BACKLOG_FULL: ErrorReason
ERROR_REASON_SEGMENT_LOADING: ErrorReason
ERROR_REASON_SEGMENT_QUARANTINED: ErrorReason
ERROR_REASON_SEGMENT_STOPPED: ErrorReason
ERROR_REASON_SEGMENT_NOT_STOPPED: ErrorReason
ERROR_REASON_LEDGER_UNAVAILABLE: ErrorReason
ERROR_REASON_SEQUENCER_UNAVAILABLE: ErrorReason
ERROR_REASON_UNKNOWN_SEGMENT: ErrorReason
ERROR_REASON_INTERNAL: ErrorReason
ERROR_REASON_LIMIT_EXCEEDED: ErrorReason
ERROR_REASON_ITEM_INACTIVE: ErrorReason
ERROR_REASON_KIT_CONFLICT: ErrorReason
ERROR_REASON_UNKNOWN_DESTINATION: ErrorReason
ERROR_REASON_NOT_COMMITTED: ErrorReason
ERROR_REASON_FULFILLMENT_EXCEEDS_OPEN: ErrorReason
ERROR_REASON_RETURN_EXCEEDS_FULFILLED: ErrorReason
ERROR_REASON_QUANTITY_CHANGED: ErrorReason
ERROR_REASON_UNKNOWN_DOCUMENT: ErrorReason
ERROR_REASON_DOCUMENT_CLOSED: ErrorReason
ERROR_REASON_DOCUMENT_EXISTS: ErrorReason
ERROR_REASON_EXCEEDS_DOCUMENT: ErrorReason
ERROR_REASON_HOLD_LIMIT_REACHED: ErrorReason
ERROR_REASON_ALLOTMENT_TOO_SMALL: ErrorReason
ERROR_REASON_COUNTED_SINCE: ErrorReason
ERROR_REASON_WATCH_ENDED: ErrorReason
ERROR_REASON_WATCHER_TOO_SLOW: ErrorReason
ERROR_REASON_UNKNOWN_SUBSCRIPTION: ErrorReason
ERROR_REASON_SPANS_SEGMENTS: ErrorReason
ERROR_REASON_HISTORY_RETIRED: ErrorReason

class SubstituteOffers(_message.Message):
    __slots__ = ("offers",)
    OFFERS_FIELD_NUMBER: _ClassVar[int]
    offers: _containers.RepeatedCompositeFieldContainer[SubstituteOffer]
    def __init__(self, offers: _Optional[_Iterable[_Union[SubstituteOffer, _Mapping]]] = ...) -> None: ...

class SubstituteOffer(_message.Message):
    __slots__ = ("sku", "substitute_sku", "available_quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    SUBSTITUTE_SKU_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    substitute_sku: str
    available_quantity: int
    def __init__(self, sku: _Optional[str] = ..., substitute_sku: _Optional[str] = ..., available_quantity: _Optional[int] = ...) -> None: ...
