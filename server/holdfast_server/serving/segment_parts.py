"""The parts of one segment in a server process: what decides, what follows the ledger, and what is done by itself."""

from __future__ import annotations

import functools

from holdfast_server.decide.connections import decider_connection
from holdfast_server.decide.decider import Decider
from holdfast_server.edge.authority import Authority
from holdfast_server.edge.movement_frames import MovementFrames
from holdfast_server.edge.movement_source import LedgerMovements
from holdfast_server.edge.parked import command_again
from holdfast_server.edge.services import SegmentServices
from holdfast_server.edge.watch_frames import WatchFrames
from holdfast_server.edge.watch_source import AuthoritySource
from holdfast_server.ledger.commits import CommitWatch
from holdfast_server.ledger.cursor import LedgerCursor
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.serving.tasks import NamedTask
from holdfast_server.settings import Settings
from holdfast_server.upkeep.expiry import expire_for_ever
from holdfast_server.upkeep.parking import Parking
from holdfast_server.upkeep.retention import forget_for_ever
from holdfast_server.upkeep.retirement import retire_for_ever
from holdfast_server.watch.hub import AvailabilityHub
from holdfast_server.watch.movement_feed import MovementFeed


class SegmentParts:
    """Everything that a server process has for one segment; `settings` are those of the segment.

    `reader` answers what callers read, `engine_reader` what decisions read, which never waits behind the other.
    """

    def __init__(self, settings: Settings, *, reader: LedgerReader, engine_reader: LedgerReader) -> None:
        self.settings = settings
        self._engine_reader = engine_reader
        self._connection = decider_connection(settings)
        self.commits = CommitWatch(settings=settings, reader=engine_reader)
        self._cursor = LedgerCursor(settings)
        self.decider = Decider(
            settings=settings,
            connection=self._connection,
            commits=self.commits,
            reader=engine_reader,
            cursor=self._cursor,
        )
        refused_again: dict[str, str] = {}
        self.authority = Authority(settings=settings, decider=self.decider, reader=reader, refused_again=refused_again)
        self._parking = Parking(
            reader=engine_reader,
            decider=self.decider,
            command_again=functools.partial(command_again, self.authority),
            refused=refused_again,
            settings=settings,
        )
        self.hub = AvailabilityHub(
            settings=settings, source=AuthoritySource(self.authority), frames=WatchFrames(settings.segment)
        )
        self.feed = MovementFeed(
            settings=settings, source=LedgerMovements(self.authority), frames=MovementFrames(settings.segment)
        )
        self.commits.listeners += [self.hub.notice, self.feed.notice]
        self.services = SegmentServices(self.authority, self.commits, self.hub, self.feed)

    def tasks(self) -> list[NamedTask]:
        """Returns what runs for as long as the process does."""
        name = self.settings.segment
        return [
            (f"commit-watch-{name}", self.commits.run()),
            (f"decider-{name}", self.decider.run()),
            (f"expiry-{name}", expire_for_ever(self.decider, self.settings)),
            (f"parking-{name}", self._parking.run()),
            (f"retention-{name}", forget_for_ever(self._engine_reader, self.settings)),
            (f"retirement-{name}", retire_for_ever(self._engine_reader, self.settings)),
            (f"watch-{name}", self.hub.run()),
            (f"movements-{name}", self.feed.run()),
        ]

    async def close(self) -> None:
        """Closes the connections to the sequencer and to the ledger."""
        await self._connection.aclose()
        await self._cursor.close()
