"""The limits that the tick script applies, in the form in which it takes them."""

from __future__ import annotations

from holdfast_server.decide.packing import pack
from holdfast_server.settings import Settings

MICROSECONDS = 1_000_000


def packed_limits(settings: Settings) -> bytes:
    """Returns the limits of the settings, packed for ARGV of tick.lua."""
    return pack(
        {
            "max_uncommitted_operations": settings.max_uncommitted_operations,
            "max_expiries_per_tick": settings.max_expiries_per_tick,
            "max_covers_per_tick": settings.max_covers_per_tick,
            "max_plans_per_level": settings.max_plans_per_level,
            "max_channel_rules_per_item": settings.max_channel_rules_per_item,
            "max_levels_per_reservation": settings.max_levels_per_reservation,
            "max_recalled": settings.max_recalled,
            "max_pools_per_location": settings.max_pools_per_location,
            "max_channels_per_pool": settings.max_channels_per_pool,
            "max_placements_per_reservation": settings.max_placements_per_reservation,
            "max_work_per_tick": settings.max_work_per_tick,
            "retention_us": settings.request_retention_seconds * MICROSECONDS,
            "max_ahead_us": settings.max_request_id_ahead_seconds * MICROSECONDS,
            "generation_us": settings.outcome_generation_seconds * MICROSECONDS,
            "max_outcomes_per_generation": settings.max_outcomes_per_generation,
        }
    )
