"""Resume tokens: where a watch stands, signed, so that nobody can make one up. Opaque to whoever carries it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

import msgpack

from holdfast_server.refusals import InvalidField, Violation

# Why a watch cannot go on from a token: the numbers of WatchResetReason in the protos.
OTHER_LINEAGE: Final = 1
OTHER_FILTER: Final = 2
FROM_THE_FUTURE: Final = 3

_VERSION: Final = 1
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

        Raises InvalidField for what is no token at all.
        """
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
