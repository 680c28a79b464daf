"""Page tokens: opaque, bound to the list and to the filter that they were given for (AIP-158)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgpack
from google.protobuf.message import Message

from holdfast_server.refusals import InvalidField, Violation

DEFAULT_PAGE_SIZE: Final = 100
# A page ends early rather than pass the 4 MiB that a gRPC client accepts unless told otherwise.
_MAX_PAGE_BYTES: Final = 3 * 1024 * 1024
_KEY_PATTERN: Final = re.compile(r"[\x20-\x7e]{0,192}")
_MAX_NUMBER: Final = 2**53

_Key = tuple[str | int, ...]
_Value = TypeVar("_Value")
_Message = TypeVar("_Message", bound=Message)


def page_size_of(request: Any) -> int:
    """Returns the size of the page that a list request asks for."""
    return request.page_size or DEFAULT_PAGE_SIZE


def _filter_digest(request: Message) -> bytes:
    bare: Any = type(request)()
    bare.CopyFrom(request)
    bare.page_size = 0
    bare.page_token = ""
    text = request.DESCRIPTOR.full_name.encode() + b"\0" + bare.SerializeToString(deterministic=True)
    return hashlib.blake2b(text, digest_size=8).digest()


def page_token(request: Message, *last_key: str | int) -> str:
    """Returns the token of the page that begins after a key, for a list request with the same filter."""
    packed = msgpack.packb((_filter_digest(request), last_key))
    return base64.urlsafe_b64encode(packed).decode()


def _fits(part: object, example: str | int) -> bool:
    """Says whether a part of a key can be one: a token is no secret, so anybody can make one."""
    if isinstance(example, str):
        return isinstance(part, str) and _KEY_PATTERN.fullmatch(part) is not None
    return type(part) is int and 0 <= part < _MAX_NUMBER


def key_after(request: Any, *first_key: str | int) -> Any:
    """Returns the key after which the page begins: that of the request's token, or `first_key` without one.

    Raises InvalidField if the token is none of this service or was given for another list or filter.
    """
    if not request.page_token:
        return first_key
    try:
        digest, key = msgpack.unpackb(base64.urlsafe_b64decode(request.page_token), raw=False)
        fits = digest == _filter_digest(request) and len(key) == len(first_key) and all(map(_fits, key, first_key))
    except (ValueError, TypeError, msgpack.UnpackException):
        fits = False
    if not fits:
        raise InvalidField([Violation(field="page_token", description="was not given for a list with this filter")])
    return tuple(key)


def cut_page(
    request: Any, found: Sequence[_Value], message_of: Callable[[_Value], _Message], key_of: Callable[[_Value], _Key]
) -> tuple[list[_Message], str]:
    """Returns the messages of a page, and the token of the next page; an empty one if this is the last.

    `found` holds one value more than the page may have, if there are so many.
    """
    messages: list[_Message] = []
    room = _MAX_PAGE_BYTES
    for value in found[: page_size_of(request)]:
        message = message_of(value)
        room -= message.ByteSize()
        if room < 0 and messages:
            break
        messages.append(message)
    if len(messages) == len(found):
        return messages, ""
    return messages, page_token(request, *key_of(found[len(messages) - 1]))
