import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.inventory.v1 import field_rule_pb2 as _field_rule_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HolderScope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HOLDER_SCOPE_UNSPECIFIED: _ClassVar[HolderScope]
    HOLDER_SCOPE_CUSTOMER: _ClassVar[HolderScope]
    HOLDER_SCOPE_CALLER: _ClassVar[HolderScope]
HOLDER_SCOPE_UNSPECIFIED: HolderScope
HOLDER_SCOPE_CUSTOMER: HolderScope
HOLDER_SCOPE_CALLER: HolderScope

class Rule(_message.Message):
    __slots__ = ("removed", "safety_stock", "channel_buffer", "allotment", "backorder", "substitution", "hold_limit", "distances")
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    SAFETY_STOCK_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_BUFFER_FIELD_NUMBER: _ClassVar[int]
    ALLOTMENT_FIELD_NUMBER: _ClassVar[int]
    BACKORDER_FIELD_NUMBER: _ClassVar[int]
    SUBSTITUTION_FIELD_NUMBER: _ClassVar[int]
    HOLD_LIMIT_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    removed: bool
    safety_stock: SafetyStock
    channel_buffer: ChannelBuffer
    allotment: Allotment
    backorder: BackorderRule
    substitution: SubstitutionRule
    hold_limit: HoldLimit
    distances: Distances
    def __init__(self, removed: _Optional[bool] = ..., safety_stock: _Optional[_Union[SafetyStock, _Mapping]] = ..., channel_buffer: _Optional[_Union[ChannelBuffer, _Mapping]] = ..., allotment: _Optional[_Union[Allotment, _Mapping]] = ..., backorder: _Optional[_Union[BackorderRule, _Mapping]] = ..., substitution: _Optional[_Union[SubstitutionRule, _Mapping]] = ..., hold_limit: _Optional[_Union[HoldLimit, _Mapping]] = ..., distances: _Optional[_Union[Distances, _Mapping]] = ...) -> None: ...

class SafetyStock(_message.Message):
    __slots__ = ("sku", "location", "quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    quantity: int
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class ChannelBuffer(_message.Message):
    __slots__ = ("channel", "sku", "quantity")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    channel: str
    sku: str
    quantity: int
    def __init__(self, channel: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class Allotment(_message.Message):
    __slots__ = ("sku", "channel", "guaranteed_quantity", "cap_quantity", "expire_time", "used_quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    GUARANTEED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    CAP_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    USED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    channel: str
    guaranteed_quantity: int
    cap_quantity: int
    expire_time: _timestamp_pb2.Timestamp
    used_quantity: int
    def __init__(self, sku: _Optional[str] = ..., channel: _Optional[str] = ..., guaranteed_quantity: _Optional[int] = ..., cap_quantity: _Optional[int] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., used_quantity: _Optional[int] = ...) -> None: ...

class BackorderRule(_message.Message):
    __slots__ = ("sku", "location", "backorder_cap", "expected_time", "preorder_cap", "release_time")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    BACKORDER_CAP_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_TIME_FIELD_NUMBER: _ClassVar[int]
    PREORDER_CAP_FIELD_NUMBER: _ClassVar[int]
    RELEASE_TIME_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    backorder_cap: int
    expected_time: _timestamp_pb2.Timestamp
    preorder_cap: int
    release_time: _timestamp_pb2.Timestamp
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., backorder_cap: _Optional[int] = ..., expected_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., preorder_cap: _Optional[int] = ..., release_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SubstitutionRule(_message.Message):
    __slots__ = ("sku", "substitute_skus")
    SKU_FIELD_NUMBER: _ClassVar[int]
    SUBSTITUTE_SKUS_FIELD_NUMBER: _ClassVar[int]
    sku: str
    substitute_skus: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sku: _Optional[str] = ..., substitute_skus: _Optional[_Iterable[str]] = ...) -> None: ...

class HoldLimit(_message.Message):
    __slots__ = ("scope", "name", "max_open_holds")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MAX_OPEN_HOLDS_FIELD_NUMBER: _ClassVar[int]
    scope: HolderScope
    name: str
    max_open_holds: int
    def __init__(self, scope: _Optional[_Union[HolderScope, str]] = ..., name: _Optional[str] = ..., max_open_holds: _Optional[int] = ...) -> None: ...

class Distances(_message.Message):
    __slots__ = ("destination", "locations")
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    destination: str
    locations: _containers.RepeatedCompositeFieldContainer[LocationDistance]
    def __init__(self, destination: _Optional[str] = ..., locations: _Optional[_Iterable[_Union[LocationDistance, _Mapping]]] = ...) -> None: ...

class LocationDistance(_message.Message):
    __slots__ = ("location", "distance")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    location: str
    distance: int
    def __init__(self, location: _Optional[str] = ..., distance: _Optional[int] = ...) -> None: ...
