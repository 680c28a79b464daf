"""What became of the events of a replay, counted while it runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Outcomes:
    """Counts of one run.

    orders = reserved + refused + unsettled orders, and
    cancellation_lines = released + cancellations_unmatched + those whose release was refused or is unsettled,
    once the run is over. Units are sums over all lines.
    """

    orders: int = 0
    lines: int = 0
    """Lines of orders, as the file has them."""
    reserved: int = 0
    """Orders that the service set units aside for."""
    reserved_in_part: int = 0
    """Of these, orders that did not get all they asked for."""
    committed: int = 0
    expired: int = 0
    """Orders whose hold ran out before it could be committed."""
    refused: Counter[str] = field(default_factory=Counter)
    """Refused orders by reason."""
    commits_refused: Counter[str] = field(default_factory=Counter)
    """Refused commits by reason, expiry apart."""
    cancellations: int = 0
    cancellation_lines: int = 0
    released: int = 0
    """Lines of cancellations of which units were given back."""
    released_in_part: int = 0
    """Of these, lines that asked for more than was open."""
    releases_refused: Counter[str] = field(default_factory=Counter)
    cancellations_unmatched: Counter[str] = field(default_factory=Counter)
    """Lines of cancellations that found nothing to give back, by cause."""
    adjustments: int = 0
    adjusted: int = 0
    adjustments_refused: Counter[str] = field(default_factory=Counter)
    units_asked: int = 0
    units_reserved: int = 0
    units_released: int = 0
    units_cancelled_unmatched: int = 0
    units_adjusted: int = 0
    events_done: int = 0
    unsettled: int = 0
    """Events whose outcome is not known, because the service gave no answer to the end."""
