from google.api import field_behavior_pb2 as _field_behavior_pb2
from holdfast.inventory.v1 import field_rule_pb2 as _field_rule_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Revision(_message.Message):
    __slots__ = ("segment", "position")
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    segment: str
    position: int
    def __init__(self, segment: _Optional[str] = ..., position: _Optional[int] = ...) -> None: ...
