"""The services of the contract in front of several segments."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast_server.edge.front.books import FrontAudit, FrontReconciliation
from holdfast_server.edge.front.catalog import FrontCatalog
from holdfast_server.edge.front.directory import Directory
from holdfast_server.edge.front.inventory import FrontInventory
from holdfast_server.edge.front.outgrown import OpenWatches
from holdfast_server.edge.front.split_demand import SplitDemand
from holdfast_server.edge.front.split_steps import SplitSteps
from holdfast_server.edge.front.split_upkeep import SplitUpkeep
from holdfast_server.edge.front.splits import Splits
from holdfast_server.edge.front.streams import Streams
from holdfast_server.edge.front.subscriptions import FrontSubscriptions, KeptEverywhere
from holdfast_server.edge.services import SegmentServices
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.settings import Settings


class FrontServices:
    """One servicer for each service of the contract; each knows all segments."""

    def __init__(self, segments: Sequence[SegmentServices], settings: Settings, reader: LedgerReader) -> None:
        directory = Directory(segments, reader)
        steps = SplitSteps(directory, reader)
        demand = SplitDemand(steps, settings)
        self.split_upkeep = SplitUpkeep(steps, settings, reader)
        kept = KeptEverywhere(directory)
        self.open_watches = OpenWatches(directory)
        streams = Streams(directory, kept, self.open_watches)
        self.inventory = FrontInventory(directory, settings, demand, Splits(steps, reader), streams)
        self.catalog = FrontCatalog(directory, settings)
        self.audit = FrontAudit(directory, settings)
        self.reconciliation = FrontReconciliation(directory, settings)
        self.subscriptions = FrontSubscriptions(directory, settings, kept)
