"""Expires holds within a second even when nobody asks for anything.

The tick script first expires what is due in every tick, bounded. This only makes sure that ticks come: an empty
question is enough, and any number of servers may ask it at once.
"""

from __future__ import annotations

import asyncio

from holdfast_server.decide.commands import Command
from holdfast_server.decide.decider import Decider
from holdfast_server.settings import Settings

_NOTHING = Command(name="availability", arguments=([],), line_count=0)


async def expire_for_ever(decider: Decider, settings: Settings) -> None:
    """Runs until cancelled. A refusal is no news: the next round tries again."""
    while True:
        await asyncio.sleep(0 if decider.is_more_due else settings.expiry_interval_seconds)
        (answer,) = await decider.decide_all([_NOTHING])
        if isinstance(answer, Exception):
            await asyncio.sleep(settings.expiry_interval_seconds)
