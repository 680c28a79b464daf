import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.inventory.v1 import field_rule_pb2 as _field_rule_pb2
from holdfast.inventory.v1 import posting_pb2 as _posting_pb2
from holdfast.inventory.v1 import revision_pb2 as _revision_pb2
from holdfast.inventory.v1 import stock_pb2 as _stock_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SegmentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEGMENT_STATE_UNSPECIFIED: _ClassVar[SegmentState]
    SEGMENT_STATE_OPEN: _ClassVar[SegmentState]
    SEGMENT_STATE_LOADING: _ClassVar[SegmentState]
    SEGMENT_STATE_QUARANTINED: _ClassVar[SegmentState]
    SEGMENT_STATE_STOPPED: _ClassVar[SegmentState]

class ResumeMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESUME_MODE_UNSPECIFIED: _ClassVar[ResumeMode]
    RESUME_MODE_REPLAY_JOURNAL: _ClassVar[ResumeMode]
    RESUME_MODE_DISCARD_JOURNAL: _ClassVar[ResumeMode]
SEGMENT_STATE_UNSPECIFIED: SegmentState
SEGMENT_STATE_OPEN: SegmentState
SEGMENT_STATE_LOADING: SegmentState
SEGMENT_STATE_QUARANTINED: SegmentState
SEGMENT_STATE_STOPPED: SegmentState
RESUME_MODE_UNSPECIFIED: ResumeMode
RESUME_MODE_REPLAY_JOURNAL: ResumeMode
RESUME_MODE_DISCARD_JOURNAL: ResumeMode

class ListMovementsRequest(_message.Message):
    __slots__ = ("sku", "location", "reservation_id", "order_id", "channel", "caller", "start_time", "end_time", "page_size", "page_token")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    reservation_id: str
    order_id: str
    channel: str
    caller: str
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., reservation_id: _Optional[str] = ..., order_id: _Optional[str] = ..., channel: _Optional[str] = ..., caller: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListMovementsResponse(_message.Message):
    __slots__ = ("movements", "next_page_token", "retired")
    MOVEMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    RETIRED_FIELD_NUMBER: _ClassVar[int]
    movements: _containers.RepeatedCompositeFieldContainer[_stock_pb2.Movement]
    next_page_token: str
    retired: RetiredHistory
    def __init__(self, movements: _Optional[_Iterable[_Union[_stock_pb2.Movement, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., retired: _Optional[_Union[RetiredHistory, _Mapping]] = ...) -> None: ...

class TraceOrderRequest(_message.Message):
    __slots__ = ("order_id", "page_size", "page_token")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    page_size: int
    page_token: str
    def __init__(self, order_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class TraceOrderResponse(_message.Message):
    __slots__ = ("steps", "next_page_token", "retired")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    RETIRED_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedCompositeFieldContainer[TraceStep]
    next_page_token: str
    retired: RetiredHistory
    def __init__(self, steps: _Optional[_Iterable[_Union[TraceStep, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., retired: _Optional[_Union[RetiredHistory, _Mapping]] = ...) -> None: ...

class TraceStep(_message.Message):
    __slots__ = ("revision", "operation", "decide_time", "since_previous", "reservation_id", "document_id", "movements", "caller", "reason", "reference", "trace_parent", "posting")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    SINCE_PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    MOVEMENTS_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    TRACE_PARENT_FIELD_NUMBER: _ClassVar[int]
    POSTING_FIELD_NUMBER: _ClassVar[int]
    revision: _revision_pb2.Revision
    operation: str
    decide_time: _timestamp_pb2.Timestamp
    since_previous: _duration_pb2.Duration
    reservation_id: str
    document_id: str
    movements: _containers.RepeatedCompositeFieldContainer[_stock_pb2.Movement]
    caller: str
    reason: str
    reference: str
    trace_parent: str
    posting: _posting_pb2.Posting
    def __init__(self, revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., operation: _Optional[str] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., since_previous: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., reservation_id: _Optional[str] = ..., document_id: _Optional[str] = ..., movements: _Optional[_Iterable[_Union[_stock_pb2.Movement, _Mapping]]] = ..., caller: _Optional[str] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ..., trace_parent: _Optional[str] = ..., posting: _Optional[_Union[_posting_pb2.Posting, _Mapping]] = ...) -> None: ...

class VerifyLedgerRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class VerifyLedgerResponse(_message.Message):
    __slots__ = ("checked_operation_count", "checked_movement_count", "checked_stock_level_count", "operation_count", "verdict")
    CHECKED_OPERATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    CHECKED_MOVEMENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    CHECKED_STOCK_LEVEL_COUNT_FIELD_NUMBER: _ClassVar[int]
    OPERATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    checked_operation_count: int
    checked_movement_count: int
    checked_stock_level_count: int
    operation_count: int
    verdict: LedgerVerdict
    def __init__(self, checked_operation_count: _Optional[int] = ..., checked_movement_count: _Optional[int] = ..., checked_stock_level_count: _Optional[int] = ..., operation_count: _Optional[int] = ..., verdict: _Optional[_Union[LedgerVerdict, _Mapping]] = ...) -> None: ...

class LedgerVerdict(_message.Message):
    __slots__ = ("chain_verified", "levels_equal_movements", "reserved_equals_open_lines", "oversold_quantity", "leaked_quantity", "uncovered_quantity", "findings", "retired")
    CHAIN_VERIFIED_FIELD_NUMBER: _ClassVar[int]
    LEVELS_EQUAL_MOVEMENTS_FIELD_NUMBER: _ClassVar[int]
    RESERVED_EQUALS_OPEN_LINES_FIELD_NUMBER: _ClassVar[int]
    OVERSOLD_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LEAKED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    UNCOVERED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    RETIRED_FIELD_NUMBER: _ClassVar[int]
    chain_verified: bool
    levels_equal_movements: bool
    reserved_equals_open_lines: bool
    oversold_quantity: int
    leaked_quantity: int
    uncovered_quantity: int
    findings: _containers.RepeatedCompositeFieldContainer[LedgerFinding]
    retired: RetiredHistory
    def __init__(self, chain_verified: _Optional[bool] = ..., levels_equal_movements: _Optional[bool] = ..., reserved_equals_open_lines: _Optional[bool] = ..., oversold_quantity: _Optional[int] = ..., leaked_quantity: _Optional[int] = ..., uncovered_quantity: _Optional[int] = ..., findings: _Optional[_Iterable[_Union[LedgerFinding, _Mapping]]] = ..., retired: _Optional[_Union[RetiredHistory, _Mapping]] = ...) -> None: ...

class LedgerFinding(_message.Message):
    __slots__ = ("row", "description")
    ROW_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    row: str
    description: str
    def __init__(self, row: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class Segment(_message.Message):
    __slots__ = ("segment", "state", "state_reason", "lineage", "epoch", "position", "decide_time", "heartbeat_time", "retired")
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_REASON_FIELD_NUMBER: _ClassVar[int]
    LINEAGE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_TIME_FIELD_NUMBER: _ClassVar[int]
    RETIRED_FIELD_NUMBER: _ClassVar[int]
    segment: str
    state: SegmentState
    state_reason: str
    lineage: str
    epoch: int
    position: int
    decide_time: _timestamp_pb2.Timestamp
    heartbeat_time: _timestamp_pb2.Timestamp
    retired: RetiredHistory
    def __init__(self, segment: _Optional[str] = ..., state: _Optional[_Union[SegmentState, str]] = ..., state_reason: _Optional[str] = ..., lineage: _Optional[str] = ..., epoch: _Optional[int] = ..., position: _Optional[int] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., heartbeat_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., retired: _Optional[_Union[RetiredHistory, _Mapping]] = ...) -> None: ...

class RetiredHistory(_message.Message):
    __slots__ = ("revision", "decide_time")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    revision: _revision_pb2.Revision
    decide_time: _timestamp_pb2.Timestamp
    def __init__(self, revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListSegmentsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSegmentsResponse(_message.Message):
    __slots__ = ("segments", "next_page_token")
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    segments: _containers.RepeatedCompositeFieldContainer[Segment]
    next_page_token: str
    def __init__(self, segments: _Optional[_Iterable[_Union[Segment, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ResumeSegmentRequest(_message.Message):
    __slots__ = ("segment", "mode", "reason")
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    segment: str
    mode: ResumeMode
    reason: str
    def __init__(self, segment: _Optional[str] = ..., mode: _Optional[_Union[ResumeMode, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class ResumeSegmentResponse(_message.Message):
    __slots__ = ("segment",)
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    segment: Segment
    def __init__(self, segment: _Optional[_Union[Segment, _Mapping]] = ...) -> None: ...

class RetireHistoryRequest(_message.Message):
    __slots__ = ("segment", "until_position", "before_time", "reason", "validate_only")
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    UNTIL_POSITION_FIELD_NUMBER: _ClassVar[int]
    BEFORE_TIME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    segment: str
    until_position: int
    before_time: _timestamp_pb2.Timestamp
    reason: str
    validate_only: bool
    def __init__(self, segment: _Optional[str] = ..., until_position: _Optional[int] = ..., before_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class RetireHistoryResponse(_message.Message):
    __slots__ = ("retirement", "operation_count")
    RETIREMENT_FIELD_NUMBER: _ClassVar[int]
    OPERATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    retirement: Retirement
    operation_count: int
    def __init__(self, retirement: _Optional[_Union[Retirement, _Mapping]] = ..., operation_count: _Optional[int] = ...) -> None: ...

class Retirement(_message.Message):
    __slots__ = ("segment", "number", "until_revision", "caller", "on_behalf_of", "reason", "create_time", "end_time", "operation_count", "movement_count", "reservation_count", "document_count", "held_back_by", "stop_reason", "archive")
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    UNTIL_REVISION_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    OPERATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    MOVEMENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    HELD_BACK_BY_FIELD_NUMBER: _ClassVar[int]
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    ARCHIVE_FIELD_NUMBER: _ClassVar[int]
    segment: str
    number: int
    until_revision: _revision_pb2.Revision
    caller: str
    on_behalf_of: str
    reason: str
    create_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    operation_count: int
    movement_count: int
    reservation_count: int
    document_count: int
    held_back_by: str
    stop_reason: str
    archive: str
    def __init__(self, segment: _Optional[str] = ..., number: _Optional[int] = ..., until_revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., caller: _Optional[str] = ..., on_behalf_of: _Optional[str] = ..., reason: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., operation_count: _Optional[int] = ..., movement_count: _Optional[int] = ..., reservation_count: _Optional[int] = ..., document_count: _Optional[int] = ..., held_back_by: _Optional[str] = ..., stop_reason: _Optional[str] = ..., archive: _Optional[str] = ...) -> None: ...

class ListRetirementsRequest(_message.Message):
    __slots__ = ("segment", "page_size", "page_token")
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    segment: str
    page_size: int
    page_token: str
    def __init__(self, segment: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRetirementsResponse(_message.Message):
    __slots__ = ("retirements", "next_page_token")
    RETIREMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    retirements: _containers.RepeatedCompositeFieldContainer[Retirement]
    next_page_token: str
    def __init__(self, retirements: _Optional[_Iterable[_Union[Retirement, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
