import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.inventory.v1 import revision_pb2 as _revision_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StockStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STOCK_STATUS_UNSPECIFIED: _ClassVar[StockStatus]
    STOCK_STATUS_SELLABLE: _ClassVar[StockStatus]
    STOCK_STATUS_QUALITY_HOLD: _ClassVar[StockStatus]
    STOCK_STATUS_DAMAGED: _ClassVar[StockStatus]

class MovementKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MOVEMENT_KIND_UNSPECIFIED: _ClassVar[MovementKind]
    MOVEMENT_KIND_RESERVE: _ClassVar[MovementKind]
    MOVEMENT_KIND_COMMIT: _ClassVar[MovementKind]
    MOVEMENT_KIND_RELEASE: _ClassVar[MovementKind]
    MOVEMENT_KIND_EXPIRE: _ClassVar[MovementKind]
    MOVEMENT_KIND_RECEIVE: _ClassVar[MovementKind]
    MOVEMENT_KIND_ADJUST: _ClassVar[MovementKind]
    MOVEMENT_KIND_BACKORDER: _ClassVar[MovementKind]
    MOVEMENT_KIND_COVER: _ClassVar[MovementKind]
    MOVEMENT_KIND_FULFILL: _ClassVar[MovementKind]
    MOVEMENT_KIND_SHORT_PICK: _ClassVar[MovementKind]
    MOVEMENT_KIND_RETURN: _ClassVar[MovementKind]
    MOVEMENT_KIND_INSPECT: _ClassVar[MovementKind]
    MOVEMENT_KIND_COUNT: _ClassVar[MovementKind]
    MOVEMENT_KIND_SHIP_TRANSFER: _ClassVar[MovementKind]
    MOVEMENT_KIND_RECEIVE_TRANSFER: _ClassVar[MovementKind]
    MOVEMENT_KIND_MOVE_STATUS: _ClassVar[MovementKind]
    MOVEMENT_KIND_TRANSFER_RESERVATION: _ClassVar[MovementKind]
STOCK_STATUS_UNSPECIFIED: StockStatus
STOCK_STATUS_SELLABLE: StockStatus
STOCK_STATUS_QUALITY_HOLD: StockStatus
STOCK_STATUS_DAMAGED: StockStatus
MOVEMENT_KIND_UNSPECIFIED: MovementKind
MOVEMENT_KIND_RESERVE: MovementKind
MOVEMENT_KIND_COMMIT: MovementKind
MOVEMENT_KIND_RELEASE: MovementKind
MOVEMENT_KIND_EXPIRE: MovementKind
MOVEMENT_KIND_RECEIVE: MovementKind
MOVEMENT_KIND_ADJUST: MovementKind
MOVEMENT_KIND_BACKORDER: MovementKind
MOVEMENT_KIND_COVER: MovementKind
MOVEMENT_KIND_FULFILL: MovementKind
MOVEMENT_KIND_SHORT_PICK: MovementKind
MOVEMENT_KIND_RETURN: MovementKind
MOVEMENT_KIND_INSPECT: MovementKind
MOVEMENT_KIND_COUNT: MovementKind
MOVEMENT_KIND_SHIP_TRANSFER: MovementKind
MOVEMENT_KIND_RECEIVE_TRANSFER: MovementKind
MOVEMENT_KIND_MOVE_STATUS: MovementKind
MOVEMENT_KIND_TRANSFER_RESERVATION: MovementKind

class StockLevel(_message.Message):
    __slots__ = ("sku", "location", "sellable_quantity", "quality_hold_quantity", "damaged_quantity", "held_quantity", "committed_quantity", "net_quantity", "version", "backordered_quantity", "in_transit_quantity", "safety_stock_quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    SELLABLE_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    QUALITY_HOLD_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    HELD_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    NET_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BACKORDERED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    IN_TRANSIT_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    SAFETY_STOCK_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    sellable_quantity: int
    quality_hold_quantity: int
    damaged_quantity: int
    held_quantity: int
    committed_quantity: int
    net_quantity: int
    version: int
    backordered_quantity: int
    in_transit_quantity: int
    safety_stock_quantity: int
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., sellable_quantity: _Optional[int] = ..., quality_hold_quantity: _Optional[int] = ..., damaged_quantity: _Optional[int] = ..., held_quantity: _Optional[int] = ..., committed_quantity: _Optional[int] = ..., net_quantity: _Optional[int] = ..., version: _Optional[int] = ..., backordered_quantity: _Optional[int] = ..., in_transit_quantity: _Optional[int] = ..., safety_stock_quantity: _Optional[int] = ...) -> None: ...

class Availability(_message.Message):
    __slots__ = ("sku", "channel", "location", "available_to_sell_quantity", "stock_level", "backorder_quantity", "available_to_promise_quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_TO_SELL_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    STOCK_LEVEL_FIELD_NUMBER: _ClassVar[int]
    BACKORDER_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_TO_PROMISE_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    channel: str
    location: str
    available_to_sell_quantity: int
    stock_level: StockLevel
    backorder_quantity: int
    available_to_promise_quantity: int
    def __init__(self, sku: _Optional[str] = ..., channel: _Optional[str] = ..., location: _Optional[str] = ..., available_to_sell_quantity: _Optional[int] = ..., stock_level: _Optional[_Union[StockLevel, _Mapping]] = ..., backorder_quantity: _Optional[int] = ..., available_to_promise_quantity: _Optional[int] = ...) -> None: ...

class Movement(_message.Message):
    __slots__ = ("revision", "line_number", "kind", "decide_time", "sellable_delta", "quality_hold_delta", "damaged_delta", "held_delta", "committed_delta", "balance", "reservation_id", "order_id", "channel", "reason", "reference", "caller", "on_behalf_of", "request_id", "trace_parent", "backordered_delta", "in_transit_delta", "document_id")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    LINE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    SELLABLE_DELTA_FIELD_NUMBER: _ClassVar[int]
    QUALITY_HOLD_DELTA_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_DELTA_FIELD_NUMBER: _ClassVar[int]
    HELD_DELTA_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_DELTA_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TRACE_PARENT_FIELD_NUMBER: _ClassVar[int]
    BACKORDERED_DELTA_FIELD_NUMBER: _ClassVar[int]
    IN_TRANSIT_DELTA_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    revision: _revision_pb2.Revision
    line_number: int
    kind: MovementKind
    decide_time: _timestamp_pb2.Timestamp
    sellable_delta: int
    quality_hold_delta: int
    damaged_delta: int
    held_delta: int
    committed_delta: int
    balance: StockLevel
    reservation_id: str
    order_id: str
    channel: str
    reason: str
    reference: str
    caller: str
    on_behalf_of: str
    request_id: str
    trace_parent: str
    backordered_delta: int
    in_transit_delta: int
    document_id: str
    def __init__(self, revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., line_number: _Optional[int] = ..., kind: _Optional[_Union[MovementKind, str]] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sellable_delta: _Optional[int] = ..., quality_hold_delta: _Optional[int] = ..., damaged_delta: _Optional[int] = ..., held_delta: _Optional[int] = ..., committed_delta: _Optional[int] = ..., balance: _Optional[_Union[StockLevel, _Mapping]] = ..., reservation_id: _Optional[str] = ..., order_id: _Optional[str] = ..., channel: _Optional[str] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ..., caller: _Optional[str] = ..., on_behalf_of: _Optional[str] = ..., request_id: _Optional[str] = ..., trace_parent: _Optional[str] = ..., backordered_delta: _Optional[int] = ..., in_transit_delta: _Optional[int] = ..., document_id: _Optional[str] = ...) -> None: ...
