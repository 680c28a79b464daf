import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.inventory.v1 import field_rule_pb2 as _field_rule_pb2
from holdfast.inventory.v1 import posting_pb2 as _posting_pb2
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

class IncidentKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INCIDENT_KIND_UNSPECIFIED: _ClassVar[IncidentKind]
    INCIDENT_KIND_OVERSELL: _ClassVar[IncidentKind]
    INCIDENT_KIND_SHORT_PICK: _ClassVar[IncidentKind]

class IncidentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INCIDENT_STATE_UNSPECIFIED: _ClassVar[IncidentState]
    INCIDENT_STATE_OPEN: _ClassVar[IncidentState]
    INCIDENT_STATE_RESOLVED: _ClassVar[IncidentState]
    INCIDENT_STATE_CLOSED: _ClassVar[IncidentState]

class Resolution(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESOLUTION_UNSPECIFIED: _ClassVar[Resolution]
    RESOLUTION_CANCEL: _ClassVar[Resolution]
    RESOLUTION_BACKORDER: _ClassVar[Resolution]
    RESOLUTION_SUBSTITUTE: _ClassVar[Resolution]
    RESOLUTION_TRANSFER: _ClassVar[Resolution]

class IncidentCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INCIDENT_CAUSE_UNSPECIFIED: _ClassVar[IncidentCause]
    INCIDENT_CAUSE_STALE_CHANNEL: _ClassVar[IncidentCause]
    INCIDENT_CAUSE_SOLD_KNOWINGLY: _ClassVar[IncidentCause]
    INCIDENT_CAUSE_STOCK_CORRECTED: _ClassVar[IncidentCause]
    INCIDENT_CAUSE_UNKNOWN_REVISION: _ClassVar[IncidentCause]

class ParkedState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PARKED_STATE_UNSPECIFIED: _ClassVar[ParkedState]
    PARKED_STATE_WAITING: _ClassVar[ParkedState]
    PARKED_STATE_APPLIED: _ClassVar[ParkedState]
    PARKED_STATE_DISCARDED: _ClassVar[ParkedState]

class DivergenceCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIVERGENCE_CAUSE_UNSPECIFIED: _ClassVar[DivergenceCause]
    DIVERGENCE_CAUSE_LATE: _ClassVar[DivergenceCause]
    DIVERGENCE_CAUSE_CHANGE_MISSED: _ClassVar[DivergenceCause]
    DIVERGENCE_CAUSE_CHANGE_DOUBLED: _ClassVar[DivergenceCause]
    DIVERGENCE_CAUSE_UNEXPLAINED: _ClassVar[DivergenceCause]
INCIDENT_KIND_UNSPECIFIED: IncidentKind
INCIDENT_KIND_OVERSELL: IncidentKind
INCIDENT_KIND_SHORT_PICK: IncidentKind
INCIDENT_STATE_UNSPECIFIED: IncidentState
INCIDENT_STATE_OPEN: IncidentState
INCIDENT_STATE_RESOLVED: IncidentState
INCIDENT_STATE_CLOSED: IncidentState
RESOLUTION_UNSPECIFIED: Resolution
RESOLUTION_CANCEL: Resolution
RESOLUTION_BACKORDER: Resolution
RESOLUTION_SUBSTITUTE: Resolution
RESOLUTION_TRANSFER: Resolution
INCIDENT_CAUSE_UNSPECIFIED: IncidentCause
INCIDENT_CAUSE_STALE_CHANNEL: IncidentCause
INCIDENT_CAUSE_SOLD_KNOWINGLY: IncidentCause
INCIDENT_CAUSE_STOCK_CORRECTED: IncidentCause
INCIDENT_CAUSE_UNKNOWN_REVISION: IncidentCause
PARKED_STATE_UNSPECIFIED: ParkedState
PARKED_STATE_WAITING: ParkedState
PARKED_STATE_APPLIED: ParkedState
PARKED_STATE_DISCARDED: ParkedState
DIVERGENCE_CAUSE_UNSPECIFIED: DivergenceCause
DIVERGENCE_CAUSE_LATE: DivergenceCause
DIVERGENCE_CAUSE_CHANGE_MISSED: DivergenceCause
DIVERGENCE_CAUSE_CHANGE_DOUBLED: DivergenceCause
DIVERGENCE_CAUSE_UNEXPLAINED: DivergenceCause

class Incident(_message.Message):
    __slots__ = ("incident_id", "kind", "state", "channel", "order_id", "reservation_id", "lines", "seen_revision", "cause", "cause_revision", "cause_time", "resolution", "note", "create_time", "revision")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    SEEN_REVISION_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    CAUSE_REVISION_FIELD_NUMBER: _ClassVar[int]
    CAUSE_TIME_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    kind: IncidentKind
    state: IncidentState
    channel: str
    order_id: str
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[MissingUnits]
    seen_revision: _revision_pb2.Revision
    cause: IncidentCause
    cause_revision: _revision_pb2.Revision
    cause_time: _timestamp_pb2.Timestamp
    resolution: Resolution
    note: str
    create_time: _timestamp_pb2.Timestamp
    revision: _revision_pb2.Revision
    def __init__(self, incident_id: _Optional[str] = ..., kind: _Optional[_Union[IncidentKind, str]] = ..., state: _Optional[_Union[IncidentState, str]] = ..., channel: _Optional[str] = ..., order_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[MissingUnits, _Mapping]]] = ..., seen_revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., cause: _Optional[_Union[IncidentCause, str]] = ..., cause_revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., cause_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., resolution: _Optional[_Union[Resolution, str]] = ..., note: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ...) -> None: ...

class MissingUnits(_message.Message):
    __slots__ = ("line_number", "sku", "location", "quantity", "open_quantity")
    LINE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    OPEN_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    line_number: int
    sku: str
    location: str
    quantity: int
    open_quantity: int
    def __init__(self, line_number: _Optional[int] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ..., open_quantity: _Optional[int] = ...) -> None: ...

class ListIncidentsRequest(_message.Message):
    __slots__ = ("state", "channel", "order_id", "page_size", "page_token")
    STATE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    state: IncidentState
    channel: str
    order_id: str
    page_size: int
    page_token: str
    def __init__(self, state: _Optional[_Union[IncidentState, str]] = ..., channel: _Optional[str] = ..., order_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListIncidentsResponse(_message.Message):
    __slots__ = ("incidents", "next_page_token")
    INCIDENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    incidents: _containers.RepeatedCompositeFieldContainer[Incident]
    next_page_token: str
    def __init__(self, incidents: _Optional[_Iterable[_Union[Incident, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ResolveIncidentRequest(_message.Message):
    __slots__ = ("request_id", "incident_id", "resolution", "substitute_sku", "to_location", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    SUBSTITUTE_SKU_FIELD_NUMBER: _ClassVar[int]
    TO_LOCATION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    incident_id: str
    resolution: Resolution
    substitute_sku: str
    to_location: str
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., incident_id: _Optional[str] = ..., resolution: _Optional[_Union[Resolution, str]] = ..., substitute_sku: _Optional[str] = ..., to_location: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ResolveIncidentResponse(_message.Message):
    __slots__ = ("incident", "reservation", "revision", "replayed")
    INCIDENT_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    incident: Incident
    reservation: _reservation_pb2.Reservation
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, incident: _Optional[_Union[Incident, _Mapping]] = ..., reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class CloseIncidentRequest(_message.Message):
    __slots__ = ("request_id", "incident_id", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    incident_id: str
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., incident_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CloseIncidentResponse(_message.Message):
    __slots__ = ("incident", "revision", "replayed")
    INCIDENT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    incident: Incident
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, incident: _Optional[_Union[Incident, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class ParkedRequest(_message.Message):
    __slots__ = ("parked_id", "state", "method", "unknown_skus", "note", "create_time", "revision")
    PARKED_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_SKUS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    parked_id: str
    state: ParkedState
    method: str
    unknown_skus: _containers.RepeatedScalarFieldContainer[str]
    note: str
    create_time: _timestamp_pb2.Timestamp
    revision: _revision_pb2.Revision
    def __init__(self, parked_id: _Optional[str] = ..., state: _Optional[_Union[ParkedState, str]] = ..., method: _Optional[str] = ..., unknown_skus: _Optional[_Iterable[str]] = ..., note: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ...) -> None: ...

class ListParkedRequestsRequest(_message.Message):
    __slots__ = ("state", "page_size", "page_token")
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    state: ParkedState
    page_size: int
    page_token: str
    def __init__(self, state: _Optional[_Union[ParkedState, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListParkedRequestsResponse(_message.Message):
    __slots__ = ("parked_requests", "next_page_token")
    PARKED_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parked_requests: _containers.RepeatedCompositeFieldContainer[ParkedRequest]
    next_page_token: str
    def __init__(self, parked_requests: _Optional[_Iterable[_Union[ParkedRequest, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DiscardParkedRequestRequest(_message.Message):
    __slots__ = ("request_id", "parked_id", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PARKED_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    parked_id: str
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., parked_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DiscardParkedRequestResponse(_message.Message):
    __slots__ = ("parked_request", "revision", "replayed")
    PARKED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    parked_request: ParkedRequest
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, parked_request: _Optional[_Union[ParkedRequest, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class ComparedLine(_message.Message):
    __slots__ = ("sku", "location", "status", "their_quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    THEIR_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    status: _stock_pb2.StockStatus
    their_quantity: int
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., status: _Optional[_Union[_stock_pb2.StockStatus, str]] = ..., their_quantity: _Optional[int] = ...) -> None: ...

class CompareStockRequest(_message.Message):
    __slots__ = ("lines",)
    LINES_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[ComparedLine]
    def __init__(self, lines: _Optional[_Iterable[_Union[ComparedLine, _Mapping]]] = ...) -> None: ...

class Divergence(_message.Message):
    __slots__ = ("sku", "location", "status", "our_quantity", "their_quantity", "divergence_quantity", "cause", "movement")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    OUR_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    THEIR_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    DIVERGENCE_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    MOVEMENT_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    status: _stock_pb2.StockStatus
    our_quantity: int
    their_quantity: int
    divergence_quantity: int
    cause: DivergenceCause
    movement: _stock_pb2.Movement
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., status: _Optional[_Union[_stock_pb2.StockStatus, str]] = ..., our_quantity: _Optional[int] = ..., their_quantity: _Optional[int] = ..., divergence_quantity: _Optional[int] = ..., cause: _Optional[_Union[DivergenceCause, str]] = ..., movement: _Optional[_Union[_stock_pb2.Movement, _Mapping]] = ...) -> None: ...

class CompareStockResponse(_message.Message):
    __slots__ = ("divergences",)
    DIVERGENCES_FIELD_NUMBER: _ClassVar[int]
    divergences: _containers.RepeatedCompositeFieldContainer[Divergence]
    def __init__(self, divergences: _Optional[_Iterable[_Union[Divergence, _Mapping]]] = ...) -> None: ...

class NotePostingRequest(_message.Message):
    __slots__ = ("request_id", "reservation_id", "system", "document", "booked_revision", "booked_time", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    BOOKED_REVISION_FIELD_NUMBER: _ClassVar[int]
    BOOKED_TIME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    reservation_id: str
    system: str
    document: str
    booked_revision: _revision_pb2.Revision
    booked_time: _timestamp_pb2.Timestamp
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., system: _Optional[str] = ..., document: _Optional[str] = ..., booked_revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., booked_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class NotePostingResponse(_message.Message):
    __slots__ = ("posting", "revision", "replayed")
    POSTING_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    posting: _posting_pb2.Posting
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, posting: _Optional[_Union[_posting_pb2.Posting, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...
