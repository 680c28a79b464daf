"""Reservations for tests of batching: who asks for what, and an authority's answers that name whom they answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import message as protobuf_message
from google.rpc import status_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_client import Batching, HoldfastClient
from unit.client.conftest import AT_ONCE, PATIENT
from unit.client.scripted import PATIENCE_SECONDS, ScriptedAuthority

ALONE = "CreateReservation"
TOGETHER = "BatchCreateReservations"


def created(request: pb.CreateReservationRequest) -> pb.CreateReservationResponse:
    """The answer to a request, which names its order and its id."""
    answer = pb.CreateReservationResponse(incident_id=request.request_id)
    answer.reservation.order_id = request.order_id
    return answer


@dataclass(frozen=True, slots=True)
class Created:
    """Answers a request, alone or in a batch: with the refusal of its order, else with what was created."""

    refusals: Mapping[str, status_pb2.Status] = field(default_factory=dict)

    def to(self, request: Any) -> protobuf_message.Message:
        if isinstance(request, pb.CreateReservationRequest):
            return self.refusals.get(request.order_id) or created(request)
        answer = pb.BatchCreateReservationsResponse()
        for one in request.requests:
            refusal = self.refusals.get(one.order_id)
            result = answer.results.add()
            if refusal is None:
                result.created.CopyFrom(created(one))
            else:
                result.refusal.CopyFrom(refusal)
        return answer


CREATED = Created()


def client_of(authority: ScriptedAuthority | None = None, **limits: int) -> HoldfastClient:
    """A client whose batches have these limits. Without an authority it has to be told what else to ask."""
    target = "127.0.0.1:1" if authority is None else authority.target
    return HoldfastClient(target, caller="tests", deadlines=PATIENT, retry=AT_ONCE, batching=Batching(**limits))


def ask(client: HoldfastClient, order_id: str, **options: Any) -> asyncio.Task[pb.CreateReservationResponse]:
    """Begin to reserve for an order."""
    options.setdefault("lines", [("85123A", 1)])
    return asyncio.create_task(client.create_reservation(channel="WEB", order_id=order_id, **options))


async def ask_all(client: HoldfastClient, *order_ids: str) -> list[Any]:
    """Reserve for many orders at once; what is raised stands in the place of the answer."""
    return await asyncio.gather(*(ask(client, order_id) for order_id in order_ids), return_exceptions=True)


async def happened(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, PATIENCE_SECONDS)


def orders_in(call: Any) -> list[str]:
    """The orders of the requests that travelled in one call."""
    requests = call.request.requests if hasattr(call.request, "requests") else [call.request]
    return [request.order_id for request in requests]


def batches(authority: ScriptedAuthority) -> list[list[str]]:
    return [orders_in(call) for call in authority.heard(TOGETHER)]


def lone_calls(authority: ScriptedAuthority) -> list[str]:
    return [call.request.order_id for call in authority.heard(ALONE)]
