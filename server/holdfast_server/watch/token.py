"""Resume tokens: where a watch stands, signed, so that nobody can make one up. Opaque to whoever carries it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgpack

from holdfast_server.refusals import InvalidField, Violation

# Why a watch cannot go on from a token: the numbers of WatchResetReason in the protos.
OTHER_LINEAGE: Final = 1
OTHER_FILTER: Final = 2
FROM_THE_FUTURE: Final = 3
OTHER_SEGMENTS: Final = 4

_VERSION: Final = 1
_VERSION_OF_JOINED: Final = 2
_MAC_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeToken:
    """A place in one segment's history, for one filter. The lineage says which history."""

    lineage: str
    epoch: int
    position: int
    filter_digest: bytes


class TokenSigner:
    """Writes tokens and reads them. Every server on one ledger has the same key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, hashlib.sha256)[:_MAC_BYTES]

    def text_of(self, token: ResumeToken) -> str:
        """Returns the token as it is given out."""
        body: bytes = msgpack.packb((_VERSION, token.lineage, token.epoch, token.position, token.filter_digest))
        return base64.urlsafe_b64encode(body + self._mac(body)).decode()

    def token_of(self, text: str) -> ResumeToken:
        """Returns the token of a text. One that another authority signed, or nobody, has no lineage.

        Nor has one of several segments: it is none of one segment's. Raises InvalidField for what is no token at all.
        """
        if parts_of_token(text) is not None:
            return ResumeToken(lineage="", epoch=0, position=0, filter_digest=b"")
        try:
            signed = base64.urlsafe_b64decode(text)
            body, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
            version, lineage, epoch, position, digest = msgpack.unpackb(body, raw=False)
            if version != _VERSION or not isinstance(position, int):
                raise ValueError("of another version")
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            told = "is not a token of a watch"
            raise InvalidField([Violation(field="resume_token", description=told)]) from error
        if not hmac.compare_digest(mac, self._mac(body)):
            lineage = ""
        return ResumeToken(lineage=lineage, epoch=epoch, position=position, filter_digest=digest)


def joined_token(parts: Mapping[str, str]) -> str:
    """Returns the token of a stream of several segments, made of each segment's own, which are signed."""
    signed = [(segment, base64.urlsafe_b64decode(text)) for segment, text in parts.items()]
    body: bytes = msgpack.packb((_VERSION_OF_JOINED, signed))
    return base64.urlsafe_b64encode(body).decode()


def parts_of_token(text: str) -> dict[str, str] | None:
    """Returns the tokens that a token of several segments is made of, by segment; None if it is no such token."""
    try:
        version, parts = msgpack.unpackb(base64.urlsafe_b64decode(text), raw=False)
        if version != _VERSION_OF_JOINED:
            return None
        return {str(segment): base64.urlsafe_b64encode(signed).decode() for segment, signed in parts}
    except (ValueError, TypeError, msgpack.UnpackException):
        return None
