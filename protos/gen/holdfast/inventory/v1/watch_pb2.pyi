from google.api import field_behavior_pb2 as _field_behavior_pb2
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

class WatchResetReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WATCH_RESET_REASON_UNSPECIFIED: _ClassVar[WatchResetReason]
    WATCH_RESET_REASON_OTHER_LINEAGE: _ClassVar[WatchResetReason]
    WATCH_RESET_REASON_OTHER_FILTER: _ClassVar[WatchResetReason]
    WATCH_RESET_REASON_FROM_THE_FUTURE: _ClassVar[WatchResetReason]
    WATCH_RESET_REASON_OTHER_SEGMENTS: _ClassVar[WatchResetReason]
WATCH_RESET_REASON_UNSPECIFIED: WatchResetReason
WATCH_RESET_REASON_OTHER_LINEAGE: WatchResetReason
WATCH_RESET_REASON_OTHER_FILTER: WatchResetReason
WATCH_RESET_REASON_FROM_THE_FUTURE: WatchResetReason
WATCH_RESET_REASON_OTHER_SEGMENTS: WatchResetReason

class AvailabilityFilter(_message.Message):
    __slots__ = ("channels", "locations", "skus")
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    SKUS_FIELD_NUMBER: _ClassVar[int]
    channels: _containers.RepeatedScalarFieldContainer[str]
    locations: _containers.RepeatedScalarFieldContainer[str]
    skus: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, channels: _Optional[_Iterable[str]] = ..., locations: _Optional[_Iterable[str]] = ..., skus: _Optional[_Iterable[str]] = ...) -> None: ...

class WatchAvailabilityRequest(_message.Message):
    __slots__ = ("filter", "resume_token", "subscription")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    filter: AvailabilityFilter
    resume_token: str
    subscription: str
    def __init__(self, filter: _Optional[_Union[AvailabilityFilter, _Mapping]] = ..., resume_token: _Optional[str] = ..., subscription: _Optional[str] = ...) -> None: ...

class WatchAvailabilityResponse(_message.Message):
    __slots__ = ("snapshot", "synced", "changes", "bookmark", "reset")
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    SYNCED_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    BOOKMARK_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    snapshot: AvailabilitySnapshot
    synced: WatchSynced
    changes: AvailabilityChanges
    bookmark: WatchBookmark
    reset: WatchReset
    def __init__(self, snapshot: _Optional[_Union[AvailabilitySnapshot, _Mapping]] = ..., synced: _Optional[_Union[WatchSynced, _Mapping]] = ..., changes: _Optional[_Union[AvailabilityChanges, _Mapping]] = ..., bookmark: _Optional[_Union[WatchBookmark, _Mapping]] = ..., reset: _Optional[_Union[WatchReset, _Mapping]] = ...) -> None: ...

class AvailabilitySnapshot(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[AvailabilityChange]
    def __init__(self, values: _Optional[_Iterable[_Union[AvailabilityChange, _Mapping]]] = ...) -> None: ...

class WatchSynced(_message.Message):
    __slots__ = ("resume_token", "revision", "revisions")
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    resume_token: str
    revision: _revision_pb2.Revision
    revisions: _containers.RepeatedCompositeFieldContainer[_revision_pb2.Revision]
    def __init__(self, resume_token: _Optional[str] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., revisions: _Optional[_Iterable[_Union[_revision_pb2.Revision, _Mapping]]] = ...) -> None: ...

class AvailabilityChanges(_message.Message):
    __slots__ = ("changes", "resume_token", "revision", "revisions")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[AvailabilityChange]
    resume_token: str
    revision: _revision_pb2.Revision
    revisions: _containers.RepeatedCompositeFieldContainer[_revision_pb2.Revision]
    def __init__(self, changes: _Optional[_Iterable[_Union[AvailabilityChange, _Mapping]]] = ..., resume_token: _Optional[str] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., revisions: _Optional[_Iterable[_Union[_revision_pb2.Revision, _Mapping]]] = ...) -> None: ...

class AvailabilityChange(_message.Message):
    __slots__ = ("availability", "version", "causes", "skipped_count")
    AVAILABILITY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CAUSES_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_COUNT_FIELD_NUMBER: _ClassVar[int]
    availability: _stock_pb2.Availability
    version: int
    causes: _containers.RepeatedCompositeFieldContainer[ChangeCause]
    skipped_count: int
    def __init__(self, availability: _Optional[_Union[_stock_pb2.Availability, _Mapping]] = ..., version: _Optional[int] = ..., causes: _Optional[_Iterable[_Union[ChangeCause, _Mapping]]] = ..., skipped_count: _Optional[int] = ...) -> None: ...

class ChangeCause(_message.Message):
    __slots__ = ("operation", "operation_count", "revision")
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    OPERATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    operation: str
    operation_count: int
    revision: _revision_pb2.Revision
    def __init__(self, operation: _Optional[str] = ..., operation_count: _Optional[int] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ...) -> None: ...

class WatchBookmark(_message.Message):
    __slots__ = ("resume_token", "revision", "revisions")
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    resume_token: str
    revision: _revision_pb2.Revision
    revisions: _containers.RepeatedCompositeFieldContainer[_revision_pb2.Revision]
    def __init__(self, resume_token: _Optional[str] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., revisions: _Optional[_Iterable[_Union[_revision_pb2.Revision, _Mapping]]] = ...) -> None: ...

class WatchReset(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: WatchResetReason
    def __init__(self, reason: _Optional[_Union[WatchResetReason, str]] = ...) -> None: ...

class MovementFilter(_message.Message):
    __slots__ = ("skus", "locations", "channels")
    SKUS_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    skus: _containers.RepeatedScalarFieldContainer[str]
    locations: _containers.RepeatedScalarFieldContainer[str]
    channels: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, skus: _Optional[_Iterable[str]] = ..., locations: _Optional[_Iterable[str]] = ..., channels: _Optional[_Iterable[str]] = ...) -> None: ...

class WatchMovementsRequest(_message.Message):
    __slots__ = ("filter", "resume_token", "after_revision", "subscription")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AFTER_REVISION_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    filter: MovementFilter
    resume_token: str
    after_revision: _revision_pb2.Revision
    subscription: str
    def __init__(self, filter: _Optional[_Union[MovementFilter, _Mapping]] = ..., resume_token: _Optional[str] = ..., after_revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., subscription: _Optional[str] = ...) -> None: ...

class WatchMovementsResponse(_message.Message):
    __slots__ = ("movements", "bookmark", "reset")
    MOVEMENTS_FIELD_NUMBER: _ClassVar[int]
    BOOKMARK_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    movements: MovementBatch
    bookmark: WatchBookmark
    reset: MovementReset
    def __init__(self, movements: _Optional[_Union[MovementBatch, _Mapping]] = ..., bookmark: _Optional[_Union[WatchBookmark, _Mapping]] = ..., reset: _Optional[_Union[MovementReset, _Mapping]] = ...) -> None: ...

class MovementBatch(_message.Message):
    __slots__ = ("movements", "resume_token", "revision", "revisions")
    MOVEMENTS_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    movements: _containers.RepeatedCompositeFieldContainer[_stock_pb2.Movement]
    resume_token: str
    revision: _revision_pb2.Revision
    revisions: _containers.RepeatedCompositeFieldContainer[_revision_pb2.Revision]
    def __init__(self, movements: _Optional[_Iterable[_Union[_stock_pb2.Movement, _Mapping]]] = ..., resume_token: _Optional[str] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., revisions: _Optional[_Iterable[_Union[_revision_pb2.Revision, _Mapping]]] = ...) -> None: ...

class MovementReset(_message.Message):
    __slots__ = ("reason", "revision")
    REASON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    reason: WatchResetReason
    revision: _revision_pb2.Revision
    def __init__(self, reason: _Optional[_Union[WatchResetReason, str]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ...) -> None: ...
