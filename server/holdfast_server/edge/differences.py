"""Names the first field in which two requests differ: what a reused request_id is told."""

from __future__ import annotations

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


def first_difference(one: Message, other: Message) -> str:
    """Returns the path of the first differing field, as in `lines[0].quantity`; empty if the messages are equal."""
    for field in one.DESCRIPTOR.fields:
        path = _field_difference(field, one, other)
        if path:
            return path
    return ""


def _field_difference(field: FieldDescriptor, one: Message, other: Message) -> str:
    name: str = field.name
    here, there = getattr(one, name), getattr(other, name)
    is_message = field.type == FieldDescriptor.TYPE_MESSAGE
    if field.is_repeated:
        for index, (a, b) in enumerate(zip(here, there, strict=False)):
            if a != b:
                inner = first_difference(a, b) if is_message else ""
                return f"{name}[{index}]" + (f".{inner}" if inner else "")
        return name if len(here) != len(there) else ""
    if field.has_presence and one.HasField(name) != other.HasField(name):
        return name
    if here == there:
        return ""
    inner = first_difference(here, there) if is_message else ""
    return name + (f".{inner}" if inner else "")
