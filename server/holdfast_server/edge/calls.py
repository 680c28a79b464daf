"""What the calls of every service stand on."""

from __future__ import annotations

from typing import Any

from holdfast.inventory.v1 import revision_pb2

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

    def _fill_in(self, response: Any, decision: Decision) -> None:
        """Fills in what every answer about a changed reservation has: itself, the revision, and whether replayed."""
        conversion.fill_reservation(response.reservation, self._segment, decision.reservation)
        conversion.fill_revision(response.revision, self._segment, decision.position)
        response.replayed = decision.replayed
