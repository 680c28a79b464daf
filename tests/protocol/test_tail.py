"""Postgres loses its tail: what holds then, what each guard is for, and where the protocol as built has a gap.

An acknowledged operation that Postgres lost is not lost yet. Redis holds it in the journal, which is trimmed only
behind the writer's mark, and keeps a tail even there. If the mark lies beyond the ledger the segment stops until
somebody decides; if no mark was made, the journal goes on where the ledger ends and is simply written again.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol import scenarios
from protocol.mistakes import Backed, Gap, Mistake, find, miss_nothing, show, without
from protocol.model import Scenario
from protocol.promised import promises_of
from protocol.promises import PROMISES, REPLAY, STOP

CHAIN = ("writer_verifies_chain", "cursor_compares_hash")
MISTAKES = (
    Mistake(
        name="no stop rule",
        rules=without("stop_compares_mark", "stop_compares_epoch"),
        scenario=scenarios.SHORT_TAIL,
        promise="NoLoss",
        steps=9,
        story="ann was trimmed from the journal and is lost in Postgres; bob does not fit, which looks like a "
        "disagreement, and the rebuild drops both",
    ),
    Mistake(
        name="rebuild of a stopped segment",
        rules=without("fence_spares_stopped"),
        scenario=scenarios.TAIL,
        promise="NoLoss",
        steps=9,
        story="the segment has stopped, and is rebuilt all the same from a ledger that lacks ann",
    ),
    Mistake(
        name="mark before the commit",
        rules=without("mark_follows_commit"),
        scenario=scenarios.TAIL,
        promise="StopsForCause",
        steps=4,
        story="the mark is there and the commit is not, which looks as if Postgres had lost it",
    ),
    Mistake(
        name="rebuild of what is open",
        rules=without("what_is_open_is_not_rebuilt"),
        scenario=scenarios.LOST_OPENING,
        promise="NoLoss",
        steps=9,
        story="the standby lacks the opening of the epoch and ann, who is not marked; to its promoted state a rebuild "
        "seems under way, so another one begins, and drops the journal that holds her without a word",
    ),
    Mistake(
        name="mark that keeps no tail",
        rules=without("mark_keeps_tail"),
        scenario=scenarios.TAIL,
        promise="Replayable",
        steps=7,
        story="what is committed is trimmed at once, so there is nothing to replay when Postgres loses it",
    ),
    Mistake(
        name="replay that neither begins where the ledger ends nor verifies the chain, and no versions",
        rules=without("replay_begins_where_ledger_ends", *CHAIN, "ledger_checks_versions"),
        scenario=scenarios.SHORT_TAIL,
        promise="Fencing",
        steps=11,
        story="the journal reaches back to bob only; he is written where ann is missing",
    ),
    Mistake(
        name="lease ignored when what was lost is given up",
        rules=without("lease_is_checked"),
        scenario=scenarios.GIVEN_UP,
        promise="DurableReads",
        steps=10,
        story="ann is given up; a server that has not heard of it refuses bob because of her",
    ),
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_found(mistake: Mistake) -> None:
    find(mistake)


BACKED = (
    Backed(
        name="stop rule without the epoch",
        rules=without("stop_compares_epoch"),
        scenario=scenarios.LOST_FENCE,
        promises=("NoLoss",),
        backed_by="what is open already is not rebuilt, though its epoch is given a second time",
    ),
    Backed(
        name="keys not counted",
        rules=without("script_counts_keys"),
        scenario=scenarios.LOST_FENCE,
        promises=("DurableReads",),
        backed_by="what is open already is not rebuilt, so no two loaders mix in the keys of one epoch",
    ),
    Backed(
        name="no stop rule while the whole tail is kept and no epoch is lost",
        rules=without("stop_compares_mark", "stop_compares_epoch"),
        scenario=scenarios.TAIL,
        promises=(*PROMISES, *STOP, *REPLAY),
        backed_by="the journal: it goes on where the ledger ends, and what was lost is written again",
    ),
    Backed(
        name="no mark at all",
        rules=without("writer_marks", "tick_marks_known_committed"),
        scenario=scenarios.SHORT_TAIL,
        promises=(*PROMISES, *STOP, *REPLAY),
        backed_by="the journal, which nothing trims without a mark",
    ),
    Backed(
        name="replay that begins anywhere",
        rules=without("replay_begins_where_ledger_ends"),
        scenario=scenarios.SHORT_TAIL,
        backed_by="the chain",
    ),
    Backed(
        name="replay that begins anywhere, chain not verified",
        rules=without("replay_begins_where_ledger_ends", *CHAIN),
        scenario=scenarios.SHORT_TAIL,
        backed_by="the versions of the level, as long as every entry touches the same one",
    ),
    Backed(
        name="server that decides on while the segment is stopped",
        rules=without("server_heeds_segment"),
        scenario=scenarios.GIVEN_UP,
        backed_by="the wait for the commit, and the epoch that ends when something is given up; callers wait in vain",
    ),
    Backed(
        name="server that believes a ledger that went back",
        rules=without("server_ignores_older_notices"),
        scenario=scenarios.GIVEN_UP,
        backed_by="the wait for the commit of exactly this entry",
    ),
    Backed(
        name="commit that does not compare the segment's state",
        rules=without("cursor_compares_segment"),
        scenario=scenarios.GIVEN_UP,
        backed_by="(epoch, seq, hash)",
    ),
    Backed(
        name="ids of the journal that do not only rise",
        rules=without("journal_ids_only_rise"),
        scenario=scenarios.LOST_FENCE,
        backed_by="the keys that are counted: whoever wrote an entry wrote more than that",
    ),
    Backed(
        name="giving up without rising above the open epoch",
        rules=without("discard_rises_above_open_epoch"),
        scenario=scenarios.LOST_FENCE_GIVEN_UP,
        backed_by="the fence of the rebuild that follows, which is one epoch higher again",
    ),
    Backed(
        name="lease ignored when what was lost is given up, answers proven",
        rules=replace(without("lease_is_checked"), unwritten_tick_reads_cursor=True),
        scenario=scenarios.GIVEN_UP,
        backed_by="the proof for ticks that wrote nothing, which finds the new epoch",
    ),
)


@pytest.mark.parametrize("backed", BACKED, ids=lambda backed: backed.name)
def test_a_guard_that_another_backs_up_is_not_missed_alone(backed: Backed) -> None:
    miss_nothing(backed)


GAPS = (
    Gap(
        name="more is lost than the tail that the journal keeps",
        scenario=scenarios.SHORT_TAIL,
        promise="Replayable",
        steps=8,
        story="the segment stops and cannot be replayed: what was lost can only be given up",
    ),
    Gap(
        name="Postgres loses its tail while Redis is lost",
        scenario=scenarios.LOST_TWICE,
        promise="NoLoss",
        steps=7,
        story="nobody holds ann any more, and nobody knows that there was anything",
    ),
)


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.name)
def test_what_is_not_promised(gap: Gap) -> None:
    show(gap)


@pytest.mark.parametrize(
    "scenario",
    [scenarios.LOST_OPENING, scenarios.LOST_FENCE, scenarios.LOST_FENCE_GIVEN_UP],
    ids=lambda scenario: scenario.name,
)
def test_a_lost_opening_or_fence_drops_nothing(scenario: Scenario) -> None:
    walk = scenarios.explore(scenario, promises=promises_of(scenario))
    assert walk.broken is None, str(walk.broken)
