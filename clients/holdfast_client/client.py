"""The client of the authority: one method for each RPC, in the trade's words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

import grpc

from holdfast_client.audit_calls import AuditCalls
from holdfast_client.calls import MAX_DETAILS_BYTES, Calls
from holdfast_client.catalog_calls import CatalogCalls
from holdfast_client.fulfillment_calls import FulfillmentCalls
from holdfast_client.inventory_calls import InventoryCalls
from holdfast_client.inventory_requests import (
    Adjustment,
    Demand,
    Receipt,
    Release,
    availability_key,
    reservation_request,
    sourcing_order,
)
from holdfast_client.policy import DEFAULT_BATCHING, Batching, Deadlines, RetryPolicy
from holdfast_client.reconciliation_calls import ReconciliationCalls
from holdfast_client.subscription_calls import SubscriptionCalls
from holdfast_client.supply_calls import SupplyCalls
from holdfast_client.supply_requests import count_request
from holdfast_client.watch_calls import WatchCalls

__all__ = [
    "DEFAULT_TARGET",
    "TARGET_VARIABLE",
    "Adjustment",
    "Demand",
    "HoldfastClient",
    "Receipt",
    "Release",
    "availability_key",
    "count_request",
    "reservation_request",
    "sourcing_order",
]

DEFAULT_TARGET: Final = "127.0.0.1:50051"
TARGET_VARIABLE: Final = "HOLDFAST_TARGET"

_HEALTH_CHECK_PATH: Final = "/grpc.health.v1.Health/Check"
_HEALTH_SERVING: Final = b"\x08\x01"  # a HealthCheckResponse with field 1, status, at 1, SERVING
_METADATA_VALUE: Final = re.compile(r"[\x20-\x7e]*")


class HoldfastClient(
    InventoryCalls,
    WatchCalls,
    FulfillmentCalls,
    SupplyCalls,
    CatalogCalls,
    ReconciliationCalls,
    AuditCalls,
    SubscriptionCalls,
):
    """The authority, as a program that sells or moves units sees it.

        async with HoldfastClient(caller="checkout") as client:
            answer = await client.create_reservation(channel="WEB", lines=[("85123A", 2)])
            await client.commit_reservation(answer.reservation.reservation_id)

    What holds for every method:

    - A mutation that is answered is durable. Its `request_id` is made before the first try and kept over all
      of them, so it takes effect once however often it is tried. Give your own id, made with `new_request_id`
      and kept with the order, to be able to ask again after a restart of your program.
    - A call is tried again after UNAVAILABLE only, within its deadline. A call that was dropped on its way
      (CANCELLED, though the calling task was not) counts as UNAVAILABLE. `deadline_seconds` overrides the
      deadline that the client was made with, for that call. A watch has no deadline: see `watch_availability`.
    - A refusal is raised as a class below `HoldfastError` (see `holdfast_client.errors`). A refusal has had
      no effect. After `Unavailable`, `DeadlineExceeded` and `InternalFault` it is not known whether a mutation
      took effect: ask again with the same request_id, which the error carries.
    - Nor is it known when the calling task is cancelled, or the client is closed meanwhile, and CancelledError carries
      no request_id: pass your own if the task may be cancelled. A hold that nobody knows of expires by its TTL; what
      was sold already (`told=True`) stays, as any other mutation does.
    - Calls of `create_reservation` that are made at the same time travel together, as `Batching` says, and each ends
      as it would alone.
    - Quantities are whole numbers of the item's base unit at its scale.

    The channels are made at the first call and belong to the event loop of that call. One client serves any
    number of tasks of that loop; make one per program and keep it.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        caller: str,
        on_behalf_of: str = "",
        deadlines: Deadlines | None = None,
        retry: RetryPolicy | None = None,
        batching: Batching | None = DEFAULT_BATCHING,
        channel_count: int = 1,
        channel_credentials: grpc.ChannelCredentials | None = None,
        channel_options: Iterable[tuple[str, int | str]] = (),
    ) -> None:
        """Choose the authority and say who calls. Nothing is connected yet.

        Args:
            target: Where the authority is, as gRPC names it. Left out: the environment's HOLDFAST_TARGET,
                else 127.0.0.1:50051.
            caller: The name of the calling program, for the audit. Printable ASCII, not empty.
            on_behalf_of: The person or party that the program acts for, for the audit. Printable ASCII.
            deadlines: How long calls may take.
            retry: How calls are tried again after UNAVAILABLE.
            batching: How reservations that are asked for at the same time travel together; None: each alone. They do
                unless told otherwise, because a call that is alone goes as it would without, and all others gain.
            channel_count: The connections, used in turn. More than one spreads the load over server processes
                that share a port.
            channel_credentials: What secures the connections. None: they are plain.
            channel_options: gRPC channel options that are added to, and win over, the client's own.
        """
        if not caller:
            raise ValueError("caller must name the calling program")
        for name, value in (("caller", caller), ("on_behalf_of", on_behalf_of)):
            if not _METADATA_VALUE.fullmatch(value):
                raise ValueError(f"{name} must be printable ASCII, as gRPC metadata is")
        metadata = [("holdfast-caller", caller), ("holdfast-max-details-bytes", str(MAX_DETAILS_BYTES))]
        if on_behalf_of:
            metadata.append(("holdfast-on-behalf-of", on_behalf_of))
        self.target: Final = target or os.environ.get(TARGET_VARIABLE) or DEFAULT_TARGET
        super().__init__(
            Calls(
                self.target,
                metadata=metadata,
                retry=retry or RetryPolicy(),
                channel_count=channel_count,
                channel_credentials=channel_credentials,
                channel_options=tuple(channel_options),
            ),
            deadlines or Deadlines(),
            batching,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Calls in progress are cancelled. May be called again."""
        if self._batches is not None:
            self._batches.close()
        await self._calls.close()

    async def is_serving(self, *, deadline_seconds: float | None = None) -> bool:
        """Ask the server whether it serves, by the gRPC health protocol. Asked once, not retried."""
        answer = await self._calls.unary_bytes(
            _HEALTH_CHECK_PATH,
            b"",
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )
        return answer == _HEALTH_SERVING
