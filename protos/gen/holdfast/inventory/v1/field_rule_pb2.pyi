from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TextFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TEXT_FORMAT_UNSPECIFIED: _ClassVar[TextFormat]
    TEXT_FORMAT_IDENTIFIER: _ClassVar[TextFormat]
    TEXT_FORMAT_REQUEST_ID: _ClassVar[TextFormat]
    TEXT_FORMAT_PROSE: _ClassVar[TextFormat]
    TEXT_FORMAT_PAGE_TOKEN: _ClassVar[TextFormat]
    TEXT_FORMAT_RESUME_TOKEN: _ClassVar[TextFormat]
TEXT_FORMAT_UNSPECIFIED: TextFormat
TEXT_FORMAT_IDENTIFIER: TextFormat
TEXT_FORMAT_REQUEST_ID: TextFormat
TEXT_FORMAT_PROSE: TextFormat
TEXT_FORMAT_PAGE_TOKEN: TextFormat
TEXT_FORMAT_RESUME_TOKEN: TextFormat
RULE_FIELD_NUMBER: _ClassVar[int]
rule: _descriptor.FieldDescriptor

class FieldRule(_message.Message):
    __slots__ = ("text", "max_length", "range", "max_items", "seconds")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MAX_LENGTH_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    MAX_ITEMS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    text: TextFormat
    max_length: int
    range: IntegerRange
    max_items: int
    seconds: IntegerRange
    def __init__(self, text: _Optional[_Union[TextFormat, str]] = ..., max_length: _Optional[int] = ..., range: _Optional[_Union[IntegerRange, _Mapping]] = ..., max_items: _Optional[int] = ..., seconds: _Optional[_Union[IntegerRange, _Mapping]] = ...) -> None: ...

class IntegerRange(_message.Message):
    __slots__ = ("min", "max", "nonzero")
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    NONZERO_FIELD_NUMBER: _ClassVar[int]
    min: int
    max: int
    nonzero: bool
    def __init__(self, min: _Optional[int] = ..., max: _Optional[int] = ..., nonzero: _Optional[bool] = ...) -> None: ...
