import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.inventory.v1 import field_rule_pb2 as _field_rule_pb2
from holdfast.inventory.v1 import reservation_pb2 as _reservation_pb2
from holdfast.inventory.v1 import revision_pb2 as _revision_pb2
from holdfast.inventory.v1 import stock_pb2 as _stock_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReturnState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RETURN_STATE_UNSPECIFIED: _ClassVar[ReturnState]
    RETURN_STATE_IN_INSPECTION: _ClassVar[ReturnState]
    RETURN_STATE_INSPECTED: _ClassVar[ReturnState]
RETURN_STATE_UNSPECIFIED: ReturnState
RETURN_STATE_IN_INSPECTION: ReturnState
RETURN_STATE_INSPECTED: ReturnState

class FulfillmentLine(_message.Message):
    __slots__ = ("line_number", "quantity", "location", "missing_quantity")
    LINE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    MISSING_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    line_number: int
    quantity: int
    location: str
    missing_quantity: int
    def __init__(self, line_number: _Optional[int] = ..., quantity: _Optional[int] = ..., location: _Optional[str] = ..., missing_quantity: _Optional[int] = ...) -> None: ...

class PostFulfillmentRequest(_message.Message):
    __slots__ = ("request_id", "reservation_id", "lines", "source_missing_anew", "release_rest", "take_reserved", "reason", "reference")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_MISSING_ANEW_FIELD_NUMBER: _ClassVar[int]
    RELEASE_REST_FIELD_NUMBER: _ClassVar[int]
    TAKE_RESERVED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[FulfillmentLine]
    source_missing_anew: bool
    release_rest: bool
    take_reserved: bool
    reason: str
    reference: str
    def __init__(self, request_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[FulfillmentLine, _Mapping]]] = ..., source_missing_anew: _Optional[bool] = ..., release_rest: _Optional[bool] = ..., take_reserved: _Optional[bool] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class PostFulfillmentResponse(_message.Message):
    __slots__ = ("reservation", "incident_id", "revision", "replayed")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    incident_id: str
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., incident_id: _Optional[str] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class ReservationTransferLine(_message.Message):
    __slots__ = ("line_number", "quantity", "location", "pool")
    LINE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    line_number: int
    quantity: int
    location: str
    pool: str
    def __init__(self, line_number: _Optional[int] = ..., quantity: _Optional[int] = ..., location: _Optional[str] = ..., pool: _Optional[str] = ...) -> None: ...

class TransferReservationRequest(_message.Message):
    __slots__ = ("request_id", "reservation_id", "lines", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[ReservationTransferLine]
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[ReservationTransferLine, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class TransferReservationResponse(_message.Message):
    __slots__ = ("reservation", "revision", "replayed")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class ReturnLine(_message.Message):
    __slots__ = ("line_number", "sku", "quantity")
    LINE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    line_number: int
    sku: str
    quantity: int
    def __init__(self, line_number: _Optional[int] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class ReturnReceipt(_message.Message):
    __slots__ = ("location", "reservation_id", "lines", "accept_blind")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_BLIND_FIELD_NUMBER: _ClassVar[int]
    location: str
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[ReturnLine]
    accept_blind: bool
    def __init__(self, location: _Optional[str] = ..., reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[ReturnLine, _Mapping]]] = ..., accept_blind: _Optional[bool] = ...) -> None: ...

class InspectionLine(_message.Message):
    __slots__ = ("line_number", "sellable_quantity", "damaged_quantity", "vendor_quantity")
    LINE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SELLABLE_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    VENDOR_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    line_number: int
    sellable_quantity: int
    damaged_quantity: int
    vendor_quantity: int
    def __init__(self, line_number: _Optional[int] = ..., sellable_quantity: _Optional[int] = ..., damaged_quantity: _Optional[int] = ..., vendor_quantity: _Optional[int] = ...) -> None: ...

class ReturnInspection(_message.Message):
    __slots__ = ("lines",)
    LINES_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[InspectionLine]
    def __init__(self, lines: _Optional[_Iterable[_Union[InspectionLine, _Mapping]]] = ...) -> None: ...

class ProcessReturnRequest(_message.Message):
    __slots__ = ("request_id", "return_id", "receipt", "inspection", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RETURN_ID_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    INSPECTION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    return_id: str
    receipt: ReturnReceipt
    inspection: ReturnInspection
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., return_id: _Optional[str] = ..., receipt: _Optional[_Union[ReturnReceipt, _Mapping]] = ..., inspection: _Optional[_Union[ReturnInspection, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class ProcessReturnResponse(_message.Message):
    __slots__ = ("customer_return", "revision", "replayed")
    CUSTOMER_RETURN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    customer_return: CustomerReturn
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, customer_return: _Optional[_Union[CustomerReturn, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class CustomerReturn(_message.Message):
    __slots__ = ("return_id", "state", "location", "reservation_id", "order_id", "blind", "lines", "create_time", "revision")
    RETURN_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    BLIND_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    return_id: str
    state: ReturnState
    location: str
    reservation_id: str
    order_id: str
    blind: bool
    lines: _containers.RepeatedCompositeFieldContainer[ReturnedUnits]
    create_time: _timestamp_pb2.Timestamp
    revision: _revision_pb2.Revision
    def __init__(self, return_id: _Optional[str] = ..., state: _Optional[_Union[ReturnState, str]] = ..., location: _Optional[str] = ..., reservation_id: _Optional[str] = ..., order_id: _Optional[str] = ..., blind: _Optional[bool] = ..., lines: _Optional[_Iterable[_Union[ReturnedUnits, _Mapping]]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ...) -> None: ...

class ReturnedUnits(_message.Message):
    __slots__ = ("line_number", "sku", "quantity", "open_quantity", "sellable_quantity", "damaged_quantity", "vendor_quantity")
    LINE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    OPEN_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    SELLABLE_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    VENDOR_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    line_number: int
    sku: str
    quantity: int
    open_quantity: int
    sellable_quantity: int
    damaged_quantity: int
    vendor_quantity: int
    def __init__(self, line_number: _Optional[int] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ..., open_quantity: _Optional[int] = ..., sellable_quantity: _Optional[int] = ..., damaged_quantity: _Optional[int] = ..., vendor_quantity: _Optional[int] = ...) -> None: ...

class ListReturnsRequest(_message.Message):
    __slots__ = ("state", "order_id", "page_size", "page_token")
    STATE_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    state: ReturnState
    order_id: str
    page_size: int
    page_token: str
    def __init__(self, state: _Optional[_Union[ReturnState, str]] = ..., order_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListReturnsResponse(_message.Message):
    __slots__ = ("returns", "next_page_token")
    RETURNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    returns: _containers.RepeatedCompositeFieldContainer[CustomerReturn]
    next_page_token: str
    def __init__(self, returns: _Optional[_Iterable[_Union[CustomerReturn, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class StatusMoveLine(_message.Message):
    __slots__ = ("sku", "location", "from_status", "to_status", "quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    FROM_STATUS_FIELD_NUMBER: _ClassVar[int]
    TO_STATUS_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    from_status: _stock_pb2.StockStatus
    to_status: _stock_pb2.StockStatus
    quantity: int
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., from_status: _Optional[_Union[_stock_pb2.StockStatus, str]] = ..., to_status: _Optional[_Union[_stock_pb2.StockStatus, str]] = ..., quantity: _Optional[int] = ...) -> None: ...

class MoveStatusRequest(_message.Message):
    __slots__ = ("request_id", "lines", "reason", "reference")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    lines: _containers.RepeatedCompositeFieldContainer[StatusMoveLine]
    reason: str
    reference: str
    def __init__(self, request_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[StatusMoveLine, _Mapping]]] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class MoveStatusResponse(_message.Message):
    __slots__ = ("stock_levels", "revision", "replayed")
    STOCK_LEVELS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    stock_levels: _containers.RepeatedCompositeFieldContainer[_stock_pb2.StockLevel]
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, stock_levels: _Optional[_Iterable[_Union[_stock_pb2.StockLevel, _Mapping]]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...
