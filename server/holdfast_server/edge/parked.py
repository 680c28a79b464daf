"""Asks a parked request again, now that its items exist."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import Message
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import supply_pb2 as supply

from holdfast_server.decide.commands import Command
from holdfast_server.edge.authority import Authority
from holdfast_server.edge.books import books_at, books_of
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.requests import stock as commands
from holdfast_server.edge.requests.stock import Books
from holdfast_server.records import NOBODY, ParkedRequest
from holdfast_server.refusals import Refusal

_REQUESTS: Final[dict[str, type[Message]]] = {
    "ReceiveStock": inventory.ReceiveStockRequest,
    "AdjustStock": inventory.AdjustStockRequest,
    "CountStock": supply.CountStockRequest,
}


async def command_again(authority: Authority, parked: ParkedRequest) -> Command:
    """Returns the command that lets a parked request take effect. Whoever parked it is whom it is done for.

    Its request_id is derived from the id of the parked request, so that it takes effect once however many servers ask.
    """
    request: Any = _REQUESTS[parked.method]()
    request.ParseFromString(parked.body)
    # No caller can take this id: those of callers begin with a letter or a digit.
    request.request_id = f"~applied-{parked.parked_id}"
    caller = Caller(
        name=NOBODY.caller, on_behalf_of=parked.on_behalf_of or parked.caller, trace_parent=parked.trace_parent
    )
    if parked.method == "ReceiveStock":
        return commands.receive_stock(request, caller, parked.parked_id)
    if parked.method == "AdjustStock":
        return commands.adjust_stock(request, caller, parked.parked_id)
    return commands.count_stock(request, caller, await _books(authority, request, parked), parked.parked_id)


async def _books(authority: Authority, count: supply.CountStockRequest, parked: ParkedRequest) -> Books:
    """Returns what the books said when it was counted: a count of now is one of the moment at which it was parked."""
    if count.WhichOneof("as_of") is None:
        return await books_at(authority, count.lines, int(parked.parked_id.rpartition("-")[2]))
    (books,) = await books_of(authority, [count])
    if isinstance(books, Refusal):
        raise books
    assert books is not None
    return books
