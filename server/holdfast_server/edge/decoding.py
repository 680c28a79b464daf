"""Gives bytes that are no request the same typed refusal as any other bad input, and passes packed responses on.

gRPC would end such a call with UNKNOWN and the text of a Python exception. Here the handler is given an Undecodable in
the place of the request, and refuses it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from holdfast_server.refusals import InvalidField, Violation


class Undecodable:
    """Stands for a request that could not be decoded."""


def refuse_undecodable(request: object) -> None:
    """Raises InvalidField if the request could not be decoded."""
    if isinstance(request, Undecodable):
        raise InvalidField([Violation(field="request", description="is not a message of this method")])


class DecodingServer:
    """A gRPC server to whose services undecodable requests come as Undecodable. It only passes registrations on."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: tuple[grpc.GenericRpcHandler, ...]) -> None:
        """Is not needed: the same methods are registered by name."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        wrapped = {
            name: handler._replace(
                request_deserializer=_safe(handler.request_deserializer),
                response_serializer=_or_packed(handler.response_serializer)
                if handler.response_streaming
                else handler.response_serializer,
            )
            for name, handler in handlers.items()
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, wrapped),))
        self._server.add_registered_method_handlers(service, wrapped)


def _safe(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def decode(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return Undecodable()

    return decode


def _or_packed(serialize: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Returns a serializer that passes on what is packed already: many streams share one message."""

    def encode(response: Any) -> bytes:
        return response if isinstance(response, bytes) else serialize(response)

    return encode
