import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from holdfast.inventory.v1 import field_rule_pb2 as _field_rule_pb2
from holdfast.inventory.v1 import revision_pb2 as _revision_pb2
from holdfast.inventory.v1 import stock_pb2 as _stock_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class InboundState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INBOUND_STATE_UNSPECIFIED: _ClassVar[InboundState]
    INBOUND_STATE_EXPECTED: _ClassVar[InboundState]
    INBOUND_STATE_CLOSED: _ClassVar[InboundState]

class TransferState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSFER_STATE_UNSPECIFIED: _ClassVar[TransferState]
    TRANSFER_STATE_IN_TRANSIT: _ClassVar[TransferState]
    TRANSFER_STATE_COMPLETED: _ClassVar[TransferState]
INBOUND_STATE_UNSPECIFIED: InboundState
INBOUND_STATE_EXPECTED: InboundState
INBOUND_STATE_CLOSED: InboundState
TRANSFER_STATE_UNSPECIFIED: TransferState
TRANSFER_STATE_IN_TRANSIT: TransferState
TRANSFER_STATE_COMPLETED: TransferState

class CountLine(_message.Message):
    __slots__ = ("sku", "location", "counted_quantity", "status", "expected_quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    COUNTED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    counted_quantity: int
    status: _stock_pb2.StockStatus
    expected_quantity: int
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., counted_quantity: _Optional[int] = ..., status: _Optional[_Union[_stock_pb2.StockStatus, str]] = ..., expected_quantity: _Optional[int] = ...) -> None: ...

class CountStockRequest(_message.Message):
    __slots__ = ("request_id", "lines", "as_of_revision", "as_of_time", "reason", "reference", "park_unknown")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    AS_OF_REVISION_FIELD_NUMBER: _ClassVar[int]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    PARK_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    lines: _containers.RepeatedCompositeFieldContainer[CountLine]
    as_of_revision: _revision_pb2.Revision
    as_of_time: _timestamp_pb2.Timestamp
    reason: str
    reference: str
    park_unknown: bool
    def __init__(self, request_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[CountLine, _Mapping]]] = ..., as_of_revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., as_of_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ..., park_unknown: _Optional[bool] = ...) -> None: ...

class CountStockResponse(_message.Message):
    __slots__ = ("stock_levels", "booked_deltas", "parked_id", "revision", "replayed")
    STOCK_LEVELS_FIELD_NUMBER: _ClassVar[int]
    BOOKED_DELTAS_FIELD_NUMBER: _ClassVar[int]
    PARKED_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    stock_levels: _containers.RepeatedCompositeFieldContainer[_stock_pb2.StockLevel]
    booked_deltas: _containers.RepeatedScalarFieldContainer[int]
    parked_id: str
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, stock_levels: _Optional[_Iterable[_Union[_stock_pb2.StockLevel, _Mapping]]] = ..., booked_deltas: _Optional[_Iterable[int]] = ..., parked_id: _Optional[str] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class StreamCountsRequest(_message.Message):
    __slots__ = ("count",)
    COUNT_FIELD_NUMBER: _ClassVar[int]
    count: CountStockRequest
    def __init__(self, count: _Optional[_Union[CountStockRequest, _Mapping]] = ...) -> None: ...

class StreamCountsResponse(_message.Message):
    __slots__ = ("request_id", "counted", "refusal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    counted: CountStockResponse
    refusal: _status_pb2.Status
    def __init__(self, request_id: _Optional[str] = ..., counted: _Optional[_Union[CountStockResponse, _Mapping]] = ..., refusal: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class InboundLine(_message.Message):
    __slots__ = ("sku", "quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class PlanInboundRequest(_message.Message):
    __slots__ = ("request_id", "inbound_id", "location", "expected_time", "lines", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    INBOUND_ID_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_TIME_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    inbound_id: str
    location: str
    expected_time: _timestamp_pb2.Timestamp
    lines: _containers.RepeatedCompositeFieldContainer[InboundLine]
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., inbound_id: _Optional[str] = ..., location: _Optional[str] = ..., expected_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lines: _Optional[_Iterable[_Union[InboundLine, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class PlanInboundResponse(_message.Message):
    __slots__ = ("inbound", "revision", "replayed")
    INBOUND_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    inbound: Inbound
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, inbound: _Optional[_Union[Inbound, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class Inbound(_message.Message):
    __slots__ = ("inbound_id", "state", "location", "expected_time", "lines", "revision")
    INBOUND_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_TIME_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    inbound_id: str
    state: InboundState
    location: str
    expected_time: _timestamp_pb2.Timestamp
    lines: _containers.RepeatedCompositeFieldContainer[ExpectedUnits]
    revision: _revision_pb2.Revision
    def __init__(self, inbound_id: _Optional[str] = ..., state: _Optional[_Union[InboundState, str]] = ..., location: _Optional[str] = ..., expected_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lines: _Optional[_Iterable[_Union[ExpectedUnits, _Mapping]]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ...) -> None: ...

class ExpectedUnits(_message.Message):
    __slots__ = ("sku", "quantity", "open_quantity", "received_quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    OPEN_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    open_quantity: int
    received_quantity: int
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ..., open_quantity: _Optional[int] = ..., received_quantity: _Optional[int] = ...) -> None: ...

class TransferLine(_message.Message):
    __slots__ = ("sku", "quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class ShipTransferRequest(_message.Message):
    __slots__ = ("request_id", "transfer_id", "from_location", "to_location", "lines", "expected_time", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_LOCATION_FIELD_NUMBER: _ClassVar[int]
    TO_LOCATION_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_TIME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    transfer_id: str
    from_location: str
    to_location: str
    lines: _containers.RepeatedCompositeFieldContainer[TransferLine]
    expected_time: _timestamp_pb2.Timestamp
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., transfer_id: _Optional[str] = ..., from_location: _Optional[str] = ..., to_location: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[TransferLine, _Mapping]]] = ..., expected_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class ShipTransferResponse(_message.Message):
    __slots__ = ("transfer", "revision", "replayed")
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    transfer: Transfer
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, transfer: _Optional[_Union[Transfer, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class TransferReceiptLine(_message.Message):
    __slots__ = ("sku", "received_quantity", "lost_quantity", "status")
    SKU_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LOST_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    sku: str
    received_quantity: int
    lost_quantity: int
    status: _stock_pb2.StockStatus
    def __init__(self, sku: _Optional[str] = ..., received_quantity: _Optional[int] = ..., lost_quantity: _Optional[int] = ..., status: _Optional[_Union[_stock_pb2.StockStatus, str]] = ...) -> None: ...

class ReceiveTransferRequest(_message.Message):
    __slots__ = ("request_id", "transfer_id", "lines", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    transfer_id: str
    lines: _containers.RepeatedCompositeFieldContainer[TransferReceiptLine]
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., transfer_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[TransferReceiptLine, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class ReceiveTransferResponse(_message.Message):
    __slots__ = ("transfer", "revision", "replayed")
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    transfer: Transfer
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, transfer: _Optional[_Union[Transfer, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class Transfer(_message.Message):
    __slots__ = ("transfer_id", "state", "from_location", "to_location", "expected_time", "lines", "revision")
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FROM_LOCATION_FIELD_NUMBER: _ClassVar[int]
    TO_LOCATION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_TIME_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    transfer_id: str
    state: TransferState
    from_location: str
    to_location: str
    expected_time: _timestamp_pb2.Timestamp
    lines: _containers.RepeatedCompositeFieldContainer[TransferredUnits]
    revision: _revision_pb2.Revision
    def __init__(self, transfer_id: _Optional[str] = ..., state: _Optional[_Union[TransferState, str]] = ..., from_location: _Optional[str] = ..., to_location: _Optional[str] = ..., expected_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lines: _Optional[_Iterable[_Union[TransferredUnits, _Mapping]]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ...) -> None: ...

class TransferredUnits(_message.Message):
    __slots__ = ("sku", "quantity", "open_quantity", "received_quantity", "lost_quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    OPEN_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LOST_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    open_quantity: int
    received_quantity: int
    lost_quantity: int
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ..., open_quantity: _Optional[int] = ..., received_quantity: _Optional[int] = ..., lost_quantity: _Optional[int] = ...) -> None: ...

class ListInboundsRequest(_message.Message):
    __slots__ = ("state", "location", "page_size", "page_token")
    STATE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    state: InboundState
    location: str
    page_size: int
    page_token: str
    def __init__(self, state: _Optional[_Union[InboundState, str]] = ..., location: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListInboundsResponse(_message.Message):
    __slots__ = ("inbounds", "next_page_token")
    INBOUNDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    inbounds: _containers.RepeatedCompositeFieldContainer[Inbound]
    next_page_token: str
    def __init__(self, inbounds: _Optional[_Iterable[_Union[Inbound, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListTransfersRequest(_message.Message):
    __slots__ = ("state", "to_location", "page_size", "page_token")
    STATE_FIELD_NUMBER: _ClassVar[int]
    TO_LOCATION_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    state: TransferState
    to_location: str
    page_size: int
    page_token: str
    def __init__(self, state: _Optional[_Union[TransferState, str]] = ..., to_location: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTransfersResponse(_message.Message):
    __slots__ = ("transfers", "next_page_token")
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    transfers: _containers.RepeatedCompositeFieldContainer[Transfer]
    next_page_token: str
    def __init__(self, transfers: _Optional[_Iterable[_Union[Transfer, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
