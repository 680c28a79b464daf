"""The answer of the baselines that are gRPC servers: as large as the authority's, with all that it says."""

from __future__ import annotations

from holdfast.inventory.v1 import inventory_service_pb2 as pb
from holdfast.inventory.v1 import reservation_pb2, revision_pb2

from holdfast_loadtest.demand import LOCATION

HOLD_SECONDS = 900
_SEGMENT = "main"
_NANOSECONDS = 123_456_000


def held(
    request: pb.CreateReservationRequest, *, reservation_number: int, create_seconds: int, position: int
) -> pb.CreateReservationResponse:
    """Returns the answer that the units of a request of one line are set aside."""
    line = request.lines[0]
    revision = revision_pb2.Revision(segment=_SEGMENT, position=position)
    reservation = reservation_pb2.Reservation(
        reservation_id=f"{_SEGMENT}-{reservation_number:032x}",
        state=reservation_pb2.RESERVATION_STATE_HELD,
        channel=request.channel,
        order_id=request.order_id,
        lines=[
            reservation_pb2.ReservationLine(
                line_number=1,
                sku=line.sku,
                location=LOCATION,
                quantity=line.quantity,
                open_quantity=line.quantity,
                sourcing_reason=reservation_pb2.SOURCING_REASON_POOL_ORDER,
                location_unsettled=True,
            )
        ],
        revision=revision,
    )
    for time, seconds in (
        (reservation.create_time, create_seconds),
        (reservation.update_time, create_seconds),
        (reservation.expire_time, create_seconds + HOLD_SECONDS),
    ):
        time.seconds, time.nanos = seconds, _NANOSECONDS
    return pb.CreateReservationResponse(reservation=reservation, revision=revision)
