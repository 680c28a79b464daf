from google.api import field_behavior_pb2 as _field_behavior_pb2
from holdfast.inventory.v1 import catalog_pb2 as _catalog_pb2
from holdfast.inventory.v1 import field_rule_pb2 as _field_rule_pb2
from holdfast.inventory.v1 import revision_pb2 as _revision_pb2
from holdfast.inventory.v1 import rules_pb2 as _rules_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PutItemsRequest(_message.Message):
    __slots__ = ("request_id", "items")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    items: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Item]
    def __init__(self, request_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[_catalog_pb2.Item, _Mapping]]] = ...) -> None: ...

class PutItemsResponse(_message.Message):
    __slots__ = ("revision", "replayed")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class GetItemRequest(_message.Message):
    __slots__ = ("sku",)
    SKU_FIELD_NUMBER: _ClassVar[int]
    sku: str
    def __init__(self, sku: _Optional[str] = ...) -> None: ...

class GetItemResponse(_message.Message):
    __slots__ = ("item",)
    ITEM_FIELD_NUMBER: _ClassVar[int]
    item: _catalog_pb2.Item
    def __init__(self, item: _Optional[_Union[_catalog_pb2.Item, _Mapping]] = ...) -> None: ...

class ListItemsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListItemsResponse(_message.Message):
    __slots__ = ("items", "next_page_token")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Item]
    next_page_token: str
    def __init__(self, items: _Optional[_Iterable[_Union[_catalog_pb2.Item, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PutLocationsRequest(_message.Message):
    __slots__ = ("request_id", "locations")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    locations: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Location]
    def __init__(self, request_id: _Optional[str] = ..., locations: _Optional[_Iterable[_Union[_catalog_pb2.Location, _Mapping]]] = ...) -> None: ...

class PutLocationsResponse(_message.Message):
    __slots__ = ("revision", "replayed")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class ListLocationsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListLocationsResponse(_message.Message):
    __slots__ = ("locations", "next_page_token")
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    locations: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Location]
    next_page_token: str
    def __init__(self, locations: _Optional[_Iterable[_Union[_catalog_pb2.Location, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PutPoolsRequest(_message.Message):
    __slots__ = ("request_id", "pools")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    POOLS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    pools: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Pool]
    def __init__(self, request_id: _Optional[str] = ..., pools: _Optional[_Iterable[_Union[_catalog_pb2.Pool, _Mapping]]] = ...) -> None: ...

class PutPoolsResponse(_message.Message):
    __slots__ = ("revision", "replayed")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class ListPoolsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPoolsResponse(_message.Message):
    __slots__ = ("pools", "next_page_token")
    POOLS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    pools: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Pool]
    next_page_token: str
    def __init__(self, pools: _Optional[_Iterable[_Union[_catalog_pb2.Pool, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PutChannelsRequest(_message.Message):
    __slots__ = ("request_id", "channels")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    channels: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Channel]
    def __init__(self, request_id: _Optional[str] = ..., channels: _Optional[_Iterable[_Union[_catalog_pb2.Channel, _Mapping]]] = ...) -> None: ...

class PutChannelsResponse(_message.Message):
    __slots__ = ("revision", "replayed")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class ListChannelsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListChannelsResponse(_message.Message):
    __slots__ = ("channels", "next_page_token")
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    channels: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Channel]
    next_page_token: str
    def __init__(self, channels: _Optional[_Iterable[_Union[_catalog_pb2.Channel, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PutRulesRequest(_message.Message):
    __slots__ = ("request_id", "rules", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    rules: _containers.RepeatedCompositeFieldContainer[_rules_pb2.Rule]
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., rules: _Optional[_Iterable[_Union[_rules_pb2.Rule, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class PutRulesResponse(_message.Message):
    __slots__ = ("revision", "replayed")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class ListRulesRequest(_message.Message):
    __slots__ = ("sku", "channel", "location", "page_size", "page_token")
    SKU_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    sku: str
    channel: str
    location: str
    page_size: int
    page_token: str
    def __init__(self, sku: _Optional[str] = ..., channel: _Optional[str] = ..., location: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRulesResponse(_message.Message):
    __slots__ = ("rules", "next_page_token")
    RULES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rules: _containers.RepeatedCompositeFieldContainer[_rules_pb2.Rule]
    next_page_token: str
    def __init__(self, rules: _Optional[_Iterable[_Union[_rules_pb2.Rule, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class MoveAllotmentRequest(_message.Message):
    __slots__ = ("request_id", "sku", "from_channel", "to_channel", "quantity", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    FROM_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    TO_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    sku: str
    from_channel: str
    to_channel: str
    quantity: int
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., sku: _Optional[str] = ..., from_channel: _Optional[str] = ..., to_channel: _Optional[str] = ..., quantity: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class MoveAllotmentResponse(_message.Message):
    __slots__ = ("from_allotment", "to_allotment", "revision", "replayed")
    FROM_ALLOTMENT_FIELD_NUMBER: _ClassVar[int]
    TO_ALLOTMENT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    from_allotment: _rules_pb2.Allotment
    to_allotment: _rules_pb2.Allotment
    revision: _revision_pb2.Revision
    replayed: bool
    def __init__(self, from_allotment: _Optional[_Union[_rules_pb2.Allotment, _Mapping]] = ..., to_allotment: _Optional[_Union[_rules_pb2.Allotment, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...
