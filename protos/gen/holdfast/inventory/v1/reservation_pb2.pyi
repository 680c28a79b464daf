import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.inventory.v1 import field_rule_pb2 as _field_rule_pb2
from holdfast.inventory.v1 import revision_pb2 as _revision_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReservationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESERVATION_STATE_UNSPECIFIED: _ClassVar[ReservationState]
    RESERVATION_STATE_HELD: _ClassVar[ReservationState]
    RESERVATION_STATE_COMMITTED: _ClassVar[ReservationState]
    RESERVATION_STATE_FULFILLED: _ClassVar[ReservationState]
    RESERVATION_STATE_RELEASED: _ClassVar[ReservationState]
    RESERVATION_STATE_EXPIRED: _ClassVar[ReservationState]

class SourcingOrder(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SOURCING_ORDER_UNSPECIFIED: _ClassVar[SourcingOrder]
    SOURCING_ORDER_POOL: _ClassVar[SourcingOrder]
    SOURCING_ORDER_NEAREST: _ClassVar[SourcingOrder]
    SOURCING_ORDER_MOST_STOCK: _ClassVar[SourcingOrder]

class SourcingReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SOURCING_REASON_UNSPECIFIED: _ClassVar[SourcingReason]
    SOURCING_REASON_NAMED_LOCATION: _ClassVar[SourcingReason]
    SOURCING_REASON_POOL_ORDER: _ClassVar[SourcingReason]
    SOURCING_REASON_NEAREST: _ClassVar[SourcingReason]
    SOURCING_REASON_MOST_STOCK: _ClassVar[SourcingReason]
    SOURCING_REASON_SHIP_COMPLETE: _ClassVar[SourcingReason]
    SOURCING_REASON_AWAITED: _ClassVar[SourcingReason]
    SOURCING_REASON_TRANSFERRED: _ClassVar[SourcingReason]
RESERVATION_STATE_UNSPECIFIED: ReservationState
RESERVATION_STATE_HELD: ReservationState
RESERVATION_STATE_COMMITTED: ReservationState
RESERVATION_STATE_FULFILLED: ReservationState
RESERVATION_STATE_RELEASED: ReservationState
RESERVATION_STATE_EXPIRED: ReservationState
SOURCING_ORDER_UNSPECIFIED: SourcingOrder
SOURCING_ORDER_POOL: SourcingOrder
SOURCING_ORDER_NEAREST: SourcingOrder
SOURCING_ORDER_MOST_STOCK: SourcingOrder
SOURCING_REASON_UNSPECIFIED: SourcingReason
SOURCING_REASON_NAMED_LOCATION: SourcingReason
SOURCING_REASON_POOL_ORDER: SourcingReason
SOURCING_REASON_NEAREST: SourcingReason
SOURCING_REASON_MOST_STOCK: SourcingReason
SOURCING_REASON_SHIP_COMPLETE: SourcingReason
SOURCING_REASON_AWAITED: SourcingReason
SOURCING_REASON_TRANSFERRED: SourcingReason

class Reservation(_message.Message):
    __slots__ = ("reservation_id", "state", "channel", "order_id", "lines", "create_time", "expire_time", "update_time", "revision", "customer_id", "told", "part_reservation_ids")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    TOLD_FIELD_NUMBER: _ClassVar[int]
    PART_RESERVATION_IDS_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    state: ReservationState
    channel: str
    order_id: str
    lines: _containers.RepeatedCompositeFieldContainer[ReservationLine]
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    revision: _revision_pb2.Revision
    customer_id: str
    told: bool
    part_reservation_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, reservation_id: _Optional[str] = ..., state: _Optional[_Union[ReservationState, str]] = ..., channel: _Optional[str] = ..., order_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[ReservationLine, _Mapping]]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., customer_id: _Optional[str] = ..., told: _Optional[bool] = ..., part_reservation_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class Sourcing(_message.Message):
    __slots__ = ("order", "destination", "prefer_ship_complete")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    PREFER_SHIP_COMPLETE_FIELD_NUMBER: _ClassVar[int]
    order: SourcingOrder
    destination: str
    prefer_ship_complete: bool
    def __init__(self, order: _Optional[_Union[SourcingOrder, str]] = ..., destination: _Optional[str] = ..., prefer_ship_complete: _Optional[bool] = ...) -> None: ...

class ReservationLine(_message.Message):
    __slots__ = ("line_number", "sku", "location", "quantity", "open_quantity", "released_quantity", "expired_quantity", "fulfilled_quantity", "transferred_quantity", "returned_quantity", "backordered_quantity", "ordered_sku", "sourcing_reason", "expected_time", "location_unsettled")
    LINE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    OPEN_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    RELEASED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    EXPIRED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    FULFILLED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    TRANSFERRED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    RETURNED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    BACKORDERED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    ORDERED_SKU_FIELD_NUMBER: _ClassVar[int]
    SOURCING_REASON_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_TIME_FIELD_NUMBER: _ClassVar[int]
    LOCATION_UNSETTLED_FIELD_NUMBER: _ClassVar[int]
    line_number: int
    sku: str
    location: str
    quantity: int
    open_quantity: int
    released_quantity: int
    expired_quantity: int
    fulfilled_quantity: int
    transferred_quantity: int
    returned_quantity: int
    backordered_quantity: int
    ordered_sku: str
    sourcing_reason: SourcingReason
    expected_time: _timestamp_pb2.Timestamp
    location_unsettled: bool
    def __init__(self, line_number: _Optional[int] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ..., open_quantity: _Optional[int] = ..., released_quantity: _Optional[int] = ..., expired_quantity: _Optional[int] = ..., fulfilled_quantity: _Optional[int] = ..., transferred_quantity: _Optional[int] = ..., returned_quantity: _Optional[int] = ..., backordered_quantity: _Optional[int] = ..., ordered_sku: _Optional[str] = ..., sourcing_reason: _Optional[_Union[SourcingReason, str]] = ..., expected_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., location_unsettled: _Optional[bool] = ...) -> None: ...
