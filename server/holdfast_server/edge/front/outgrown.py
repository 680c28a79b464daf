"""Ends watches whose channels have come to sell from a segment that they do not tell of.

A watch tells of the segments that its filter lay in when it began, which costs it nothing for all the others. Pools and
channels are put seldom, and by any server: so where channels sell from is looked at again and again, once for all
watches of this server.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from typing import Final

import structlog

from holdfast_server.edge.front.directory import Directory
from holdfast_server.edge.services import SegmentServices
from holdfast_server.refusals import Refusal, WatchEnded
from holdfast_server.watch.filter import WatchFilter
from holdfast_server.watch.watcher import Watcher

log = structlog.get_logger("holdfast.watch")

_LOOK_SECONDS: Final = 1.0

_Watchers = Sequence[tuple[SegmentServices, Watcher]]


class OpenWatches:
    """The watches of this server that do not tell of all segments."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._open: dict[int, tuple[WatchFilter, _Watchers]] = {}

    @contextlib.contextmanager
    def open(self, of: WatchFilter, watchers: _Watchers) -> Iterator[None]:
        """Looks after a watch meanwhile."""
        if not of.channels or len(watchers) == len(self._directory.segments):
            yield
            return
        self._open[id(watchers)] = (of, watchers)
        try:
            yield
        finally:
            del self._open[id(watchers)]

    async def run(self) -> None:
        """Looks after them until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self.look()
            except Refusal as refusal:
                log.info("outgrown_watches_wait", reason=type(refusal).__name__)
            except Exception:
                # Nobody foresaw this one. The watches tell what they told, and the server goes on.
                log.exception("outgrown_watches_fault")

    async def look(self) -> None:
        """Ends the watches that have to begin anew. Raises what the ledger raises."""
        channels = {channel for of, _ in self._open.values() for channel in of.channels}
        if not channels:
            return
        sell_from = await self._directory.sell_from(channels)
        for of, watchers in list(self._open.values()):
            told_of = {segment for segment, _ in watchers}
            # What was put meanwhile is looked at the next time.
            if any(set(sell_from.get(channel, ())) - told_of for channel in of.channels):
                for _, watcher in watchers:
                    watcher.end(lambda token: WatchEnded("OTHER_SEGMENTS", token))
