import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from holdfast.inventory.v1 import field_rule_pb2 as _field_rule_pb2
from holdfast.inventory.v1 import fulfillment_pb2 as _fulfillment_pb2
from holdfast.inventory.v1 import reservation_pb2 as _reservation_pb2
from holdfast.inventory.v1 import revision_pb2 as _revision_pb2
from holdfast.inventory.v1 import stock_pb2 as _stock_pb2
from holdfast.inventory.v1 import supply_pb2 as _supply_pb2
from holdfast.inventory.v1 import watch_pb2 as _watch_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FillPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FILL_POLICY_UNSPECIFIED: _ClassVar[FillPolicy]
    FILL_POLICY_ALL_OR_NOTHING: _ClassVar[FillPolicy]
    FILL_POLICY_PARTIAL: _ClassVar[FillPolicy]

class DemandKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEMAND_KIND_UNSPECIFIED: _ClassVar[DemandKind]
    DEMAND_KIND_ASKED: _ClassVar[DemandKind]
    DEMAND_KIND_TOLD: _ClassVar[DemandKind]
FILL_POLICY_UNSPECIFIED: FillPolicy
FILL_POLICY_ALL_OR_NOTHING: FillPolicy
FILL_POLICY_PARTIAL: FillPolicy
DEMAND_KIND_UNSPECIFIED: DemandKind
DEMAND_KIND_ASKED: DemandKind
DEMAND_KIND_TOLD: DemandKind

class AvailabilityKey(_message.Message):
    __slots__ = ("sku", "channel", "location", "promise_time")
    SKU_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    PROMISE_TIME_FIELD_NUMBER: _ClassVar[int]
    sku: str
    channel: str
    location: str
    promise_time: _timestamp_pb2.Timestamp
    def __init__(self, sku: _Optional[str] = ..., channel: _Optional[str] = ..., location: _Optional[str] = ..., promise_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetAvailabilityRequest(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: AvailabilityKey
    def __init__(self, key: _Optional[_Union[AvailabilityKey, _Mapping]] = ...) -> None: ...

class GetAvailabilityResponse(_message.Message):
    __slots__ = ("availability", "revision", "revisions")
    AVAILABILITY_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    availability: _stock_pb2.Availability
    revision: _revision_pb2.Revision
    revisions: _containers.RepeatedCompositeFieldContainer[_revision_pb2.Revision]
    def __init__(self, availability: _Optional[_Union[_stock_pb2.Availability, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., revisions: _Optional[_Iterable[_Union[_revision_pb2.Revision, _Mapping]]] = ...) -> None: ...

class BatchGetAvailabilityRequest(_message.Message):
    __slots__ = ("keys", "min_revision")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    MIN_REVISION_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[AvailabilityKey]
    min_revision: _revision_pb2.Revision
    def __init__(self, keys: _Optional[_Iterable[_Union[AvailabilityKey, _Mapping]]] = ..., min_revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ...) -> None: ...

class BatchGetAvailabilityResponse(_message.Message):
    __slots__ = ("availabilities", "revision", "revisions")
    AVAILABILITIES_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    availabilities: _containers.RepeatedCompositeFieldContainer[_stock_pb2.Availability]
    revision: _revision_pb2.Revision
    revisions: _containers.RepeatedCompositeFieldContainer[_revision_pb2.Revision]
    def __init__(self, availabilities: _Optional[_Iterable[_Union[_stock_pb2.Availability, _Mapping]]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., revisions: _Optional[_Iterable[_Union[_revision_pb2.Revision, _Mapping]]] = ...) -> None: ...

class DemandLine(_message.Message):
    __slots__ = ("sku", "quantity", "location")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    location: str
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ..., location: _Optional[str] = ...) -> None: ...

class CreateReservationRequest(_message.Message):
    __slots__ = ("request_id", "channel", "order_id", "lines", "ttl", "allow_split", "fill_policy", "demand", "customer_id", "allow_backorder", "allow_substitution", "sourcing", "seen_revision")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    ALLOW_SPLIT_FIELD_NUMBER: _ClassVar[int]
    FILL_POLICY_FIELD_NUMBER: _ClassVar[int]
    DEMAND_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOW_BACKORDER_FIELD_NUMBER: _ClassVar[int]
    ALLOW_SUBSTITUTION_FIELD_NUMBER: _ClassVar[int]
    SOURCING_FIELD_NUMBER: _ClassVar[int]
    SEEN_REVISION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    channel: str
    order_id: str
    lines: _containers.RepeatedCompositeFieldContainer[DemandLine]
    ttl: _duration_pb2.Duration
    allow_split: bool
    fill_policy: FillPolicy
    demand: DemandKind
    customer_id: str
    allow_backorder: bool
    allow_substitution: bool
    sourcing: _reservation_pb2.Sourcing
    seen_revision: _revision_pb2.Revision
    def __init__(self, request_id: _Optional[str] = ..., channel: _Optional[str] = ..., order_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[DemandLine, _Mapping]]] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., allow_split: _Optional[bool] = ..., fill_policy: _Optional[_Union[FillPolicy, str]] = ..., demand: _Optional[_Union[DemandKind, str]] = ..., customer_id: _Optional[str] = ..., allow_backorder: _Optional[bool] = ..., allow_substitution: _Optional[bool] = ..., sourcing: _Optional[_Union[_reservation_pb2.Sourcing, _Mapping]] = ..., seen_revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ...) -> None: ...

class Shortfall(_message.Message):
    __slots__ = ("sku", "location", "requested_quantity", "reserved_quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    RESERVED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    requested_quantity: int
    reserved_quantity: int
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., requested_quantity: _Optional[int] = ..., reserved_quantity: _Optional[int] = ...) -> None: ...

class CreateReservationResponse(_message.Message):
    __slots__ = ("reservation", "shortfalls", "revision", "replayed", "incident_id")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    SHORTFALLS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    shortfalls: _containers.RepeatedCompositeFieldContainer[Shortfall]
    revision: _revision_pb2.Revision
    replayed: bool
    incident_id: str
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., shortfalls: _Optional[_Iterable[_Union[Shortfall, _Mapping]]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ..., incident_id: _Optional[str] = ...) -> None: ...

class BatchCreateReservationsRequest(_message.Message):
    __slots__ = ("requests", "trace_parents")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    TRACE_PARENTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[CreateReservationRequest]
    trace_parents: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, requests: _Optional[_Iterable[_Union[CreateReservationRequest, _Mapping]]] = ..., trace_parents: _Optional[_Iterable[str]] = ...) -> None: ...

class ReservationResult(_message.Message):
    __slots__ = ("created", "refusal")
    CREATED_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    created: CreateReservationResponse
    refusal: _status_pb2.Status
    def __init__(self, created: _Optional[_Union[CreateReservationResponse, _Mapping]] = ..., refusal: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class BatchCreateReservationsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ReservationResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ReservationResult, _Mapping]]] = ...) -> None: ...

class CommitReservationRequest(_message.Message):
    __slots__ = ("request_id", "reservation_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    reservation_id: str
    def __init__(self, request_id: _Optional[str] = ..., reservation_id: _Optional[str] = ...) -> None: ...

class CommitReservationResponse(_message.Message):
    __slots__ = ("reservation", "revision", "replayed")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class ExtendReservationRequest(_message.Message):
    __slots__ = ("request_id", "reservation_id", "ttl")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    reservation_id: str
    ttl: _duration_pb2.Duration
    def __init__(self, request_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ExtendReservationResponse(_message.Message):
    __slots__ = ("reservation", "revision", "replayed")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class ReleaseLine(_message.Message):
    __slots__ = ("line_number", "quantity")
    LINE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    line_number: int
    quantity: int
    def __init__(self, line_number: _Optional[int] = ..., quantity: _Optional[int] = ...) -> None: ...

class ReleaseReservationRequest(_message.Message):
    __slots__ = ("request_id", "reservation_id", "lines", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[ReleaseLine]
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[ReleaseLine, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class ReleaseReservationResponse(_message.Message):
    __slots__ = ("reservation", "revision", "replayed")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class GetReservationRequest(_message.Message):
    __slots__ = ("reservation_id",)
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    def __init__(self, reservation_id: _Optional[str] = ...) -> None: ...

class GetReservationResponse(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ...) -> None: ...

class ListReservationsRequest(_message.Message):
    __slots__ = ("state", "channel", "order_id", "sku", "location", "location_unsettled", "page_size", "page_token")
    STATE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    LOCATION_UNSETTLED_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    state: _reservation_pb2.ReservationState
    channel: str
    order_id: str
    sku: str
    location: str
    location_unsettled: bool
    page_size: int
    page_token: str
    def __init__(self, state: _Optional[_Union[_reservation_pb2.ReservationState, str]] = ..., channel: _Optional[str] = ..., order_id: _Optional[str] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., location_unsettled: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListReservationsResponse(_message.Message):
    __slots__ = ("reservations", "next_page_token")
    RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    reservations: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.Reservation]
    next_page_token: str
    def __init__(self, reservations: _Optional[_Iterable[_Union[_reservation_pb2.Reservation, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ReceiptLine(_message.Message):
    __slots__ = ("sku", "location", "quantity", "status")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    quantity: int
    status: _stock_pb2.StockStatus
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ..., status: _Optional[_Union[_stock_pb2.StockStatus, str]] = ...) -> None: ...

class ReceiveStockRequest(_message.Message):
    __slots__ = ("request_id", "lines", "reference", "reason", "inbound_id", "park_unknown")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    INBOUND_ID_FIELD_NUMBER: _ClassVar[int]
    PARK_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    lines: _containers.RepeatedCompositeFieldContainer[ReceiptLine]
    reference: str
    reason: str
    inbound_id: str
    park_unknown: bool
    def __init__(self, request_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[ReceiptLine, _Mapping]]] = ..., reference: _Optional[str] = ..., reason: _Optional[str] = ..., inbound_id: _Optional[str] = ..., park_unknown: _Optional[bool] = ...) -> None: ...

class ReceiveStockResponse(_message.Message):
    __slots__ = ("stock_levels", "revision", "replayed", "parked_id")
    STOCK_LEVELS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    PARKED_ID_FIELD_NUMBER: _ClassVar[int]
    stock_levels: _containers.RepeatedCompositeFieldContainer[_stock_pb2.StockLevel]
    revision: _revision_pb2.Revision
    replayed: bool
    parked_id: str
    def __init__(self, stock_levels: _Optional[_Iterable[_Union[_stock_pb2.StockLevel, _Mapping]]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ..., parked_id: _Optional[str] = ...) -> None: ...

class AdjustmentLine(_message.Message):
    __slots__ = ("sku", "location", "delta_quantity", "status")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    DELTA_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    delta_quantity: int
    status: _stock_pb2.StockStatus
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., delta_quantity: _Optional[int] = ..., status: _Optional[_Union[_stock_pb2.StockStatus, str]] = ...) -> None: ...

class AdjustStockRequest(_message.Message):
    __slots__ = ("request_id", "lines", "reason", "reference", "park_unknown")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    PARK_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    lines: _containers.RepeatedCompositeFieldContainer[AdjustmentLine]
    reason: str
    reference: str
    park_unknown: bool
    def __init__(self, request_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[AdjustmentLine, _Mapping]]] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ..., park_unknown: _Optional[bool] = ...) -> None: ...

class AdjustStockResponse(_message.Message):
    __slots__ = ("stock_levels", "revision", "replayed", "parked_id")
    STOCK_LEVELS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    PARKED_ID_FIELD_NUMBER: _ClassVar[int]
    stock_levels: _containers.RepeatedCompositeFieldContainer[_stock_pb2.StockLevel]
    revision: _revision_pb2.Revision
    replayed: bool
    parked_id: str
    def __init__(self, stock_levels: _Optional[_Iterable[_Union[_stock_pb2.StockLevel, _Mapping]]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ..., parked_id: _Optional[str] = ...) -> None: ...
