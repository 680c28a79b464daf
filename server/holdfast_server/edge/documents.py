"""Pages of documents, the same for every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.message import Message

from holdfast_server.edge.authority import Authority
from holdfast_server.edge.pages import cut_page, key_after, page_size_of
from holdfast_server.ledger import queries
from holdfast_server.records import Document, DocumentKind

_Message = TypeVar("_Message", bound=Message)


async def document_page(
    authority: Authority,
    request: Any,
    kind: DocumentKind,
    only: queries.DocumentFilter,
    message_of: Callable[[str, Document], _Message],
) -> tuple[list[_Message], str]:
    """Returns a page of documents as messages, and the token of the next one."""
    segment = authority.settings.segment
    (after,) = key_after(request, "")
    found = await authority.reader.ask(
        queries.list_documents, segment, kind, only, after=after, limit=page_size_of(request) + 1
    )
    return cut_page(request, found, lambda one: message_of(segment, one), lambda one: (one.document_id,))
