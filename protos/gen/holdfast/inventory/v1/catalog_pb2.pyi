from google.api import field_behavior_pb2 as _field_behavior_pb2
from holdfast.inventory.v1 import field_rule_pb2 as _field_rule_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LocationKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOCATION_KIND_UNSPECIFIED: _ClassVar[LocationKind]
    LOCATION_KIND_WAREHOUSE: _ClassVar[LocationKind]
    LOCATION_KIND_STORE: _ClassVar[LocationKind]
    LOCATION_KIND_THIRD_PARTY: _ClassVar[LocationKind]
LOCATION_KIND_UNSPECIFIED: LocationKind
LOCATION_KIND_WAREHOUSE: LocationKind
LOCATION_KIND_STORE: LocationKind
LOCATION_KIND_THIRD_PARTY: LocationKind

class Item(_message.Message):
    __slots__ = ("sku", "display_name", "base_unit", "scale", "inactive", "parts")
    SKU_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    BASE_UNIT_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    INACTIVE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    sku: str
    display_name: str
    base_unit: str
    scale: int
    inactive: bool
    parts: _containers.RepeatedCompositeFieldContainer[KitPart]
    def __init__(self, sku: _Optional[str] = ..., display_name: _Optional[str] = ..., base_unit: _Optional[str] = ..., scale: _Optional[int] = ..., inactive: _Optional[bool] = ..., parts: _Optional[_Iterable[_Union[KitPart, _Mapping]]] = ...) -> None: ...

class KitPart(_message.Message):
    __slots__ = ("sku", "quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class Location(_message.Message):
    __slots__ = ("location", "display_name", "kind", "segment")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    location: str
    display_name: str
    kind: LocationKind
    segment: str
    def __init__(self, location: _Optional[str] = ..., display_name: _Optional[str] = ..., kind: _Optional[_Union[LocationKind, str]] = ..., segment: _Optional[str] = ...) -> None: ...

class Pool(_message.Message):
    __slots__ = ("pool", "display_name", "locations")
    POOL_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    pool: str
    display_name: str
    locations: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, pool: _Optional[str] = ..., display_name: _Optional[str] = ..., locations: _Optional[_Iterable[str]] = ...) -> None: ...

class Channel(_message.Message):
    __slots__ = ("channel", "display_name", "pool", "segment")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    channel: str
    display_name: str
    pool: str
    segment: str
    def __init__(self, channel: _Optional[str] = ..., display_name: _Optional[str] = ..., pool: _Optional[str] = ..., segment: _Optional[str] = ...) -> None: ...
