import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.inventory.v1 import revision_pb2 as _revision_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Posting(_message.Message):
    __slots__ = ("posting_id", "reservation_id", "order_id", "system", "document", "booked_revision", "booked_time", "create_time", "revision")
    POSTING_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    BOOKED_REVISION_FIELD_NUMBER: _ClassVar[int]
    BOOKED_TIME_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    posting_id: str
    reservation_id: str
    order_id: str
    system: str
    document: str
    booked_revision: _revision_pb2.Revision
    booked_time: _timestamp_pb2.Timestamp
    create_time: _timestamp_pb2.Timestamp
    revision: _revision_pb2.Revision
    def __init__(self, posting_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., order_id: _Optional[str] = ..., system: _Optional[str] = ..., document: _Optional[str] = ..., booked_revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ..., booked_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[_Union[_revision_pb2.Revision, _Mapping]] = ...) -> None: ...
