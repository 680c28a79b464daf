"""What the calls of every service stand on."""

from __future__ import annotations

from holdfast.inventory.v1 import reservation_pb2, revision_pb2

from holdfast_server.decide.commands import Decision
from holdfast_server.edge import conversion
from holdfast_server.edge.authority import Authority


class Calls:
    """Some of the calls of a service; a service may be put together from several."""

    def __init__(self, authority: Authority) -> None:
        self.settings = authority.settings
        self._authority = authority
        self._segment = authority.settings.segment

    def _revision(self, decision: Decision) -> revision_pb2.Revision:
        return conversion.revision(self._segment, decision.position)

    def _reservation(self, decision: Decision) -> reservation_pb2.Reservation:
        return conversion.packed_reservation(self._segment, decision.reservation)
