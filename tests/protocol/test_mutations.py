"""Every known mistake is found: with its guard taken out, the explorer meets a broken promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol import scenarios
from protocol.mistakes import Backed, Mistake, find, miss_nothing, without

COMPARE_AND_SET = {"cursor_compares_epoch", "cursor_compares_seq", "cursor_compares_hash"}
CHAIN = {"writer_verifies_chain", "cursor_compares_hash"}
EPOCH = {"cursor_compares_epoch", "script_checks_epoch"}


MISTAKES = (
    Mistake(
        name="acknowledge by position",
        rules=without("wait_is_by_identity"),
        scenario=scenarios.STALE,
        promise="NoLoss",
        steps=7,
        story="ann is committed at 1, Redis falls back, bob is decided as another 1 and told that it is durable",
    ),
    Mistake(
        name="acknowledge before commit",
        rules=without("done_waits_for_commit"),
        scenario=scenarios.CALM,
        promise="NoLoss",
        steps=1,
        story="the script is enough for the answer, and the ledger holds nothing",
    ),
    Mistake(
        name="writer without the compare-and-set",
        rules=without(*COMPARE_AND_SET),
        scenario=scenarios.LOST_ONE_WRITER,
        promise="Fencing",
        steps=4,
        story="a writer that read before the fence commits after it",
    ),
    Mistake(
        name="neither compare-and-set nor versions",
        rules=without(*COMPARE_AND_SET, "ledger_checks_versions"),
        scenario=scenarios.CALM,
        promise="Once",
        steps=5,
        story="two writers hold the same entry and both commit it",
    ),
    Mistake(
        name="compare-and-set on the epoch alone, and no versions",
        rules=without("cursor_compares_seq", "cursor_compares_hash", "ledger_checks_versions"),
        scenario=scenarios.CALM,
        promise="Once",
        steps=5,
        story="two writers of one epoch hold the same entry and both commit it",
    ),
    Mistake(
        name="compare-and-set without the epoch",
        rules=without("cursor_compares_epoch"),
        scenario=scenarios.LOST_ONE_WRITER,
        promise="Fencing",
        steps=4,
        story="a fence alone moves neither seq nor hash, so the writer from before it still fits",
    ),
    Mistake(
        name="read before commit",
        rules=without("read_waits_for_commit"),
        scenario=scenarios.READERS,
        promise="DurableReads",
        steps=2,
        story="the reader sees a decrement that is only in Redis",
    ),
    Mistake(
        name="refusal not waiting",
        rules=without("refusal_waits_for_commit"),
        scenario=scenarios.SLIP,
        promise="DurableReads",
        steps=2,
        story="bob is refused because of a decrement that is only in Redis",
    ),
    Mistake(
        name="loader without a name space of its own",
        rules=without("epoch_names_keys"),
        scenario=scenarios.LOADERS,
        promise="NoLoss",
        steps=7,
        story="a tick of the old epoch writes ann's outcome between two pieces, and the new epoch replays it",
    ),
    Mistake(
        name="outcome not stored in the same commit",
        rules=without("outcome_in_same_commit"),
        scenario=scenarios.LOST_ONE_WRITER,
        promise="Once",
        steps=11,
        story="the snapshot of a rebuild holds ann's entry and not its outcome, so the retry is decided anew",
    ),
    Mistake(
        # Each of the two backs up the other here: without the epoch alone, ann's late commit leaves a cursor that
        # no entry of the new epoch fits; without the chain alone, ann's late commit does not happen.
        name="neither epoch nor chain",
        rules=without(*EPOCH, *CHAIN),
        scenario=scenarios.LOST_ONE_WRITER,
        promise="Once",
        steps=12,
        story="ann is committed after the fence; the new epoch knows nothing of it, and nothing notices",
    ),
    Mistake(
        name="chain not verified",
        rules=without(*CHAIN),
        scenario=scenarios.STALE,
        promise="Once",
        steps=9,
        story="a stale Redis decides bob as a second 1 and ann again as 2, which seems to follow the first 1",
    ),
    Mistake(
        name="known committed left out",
        rules=without("script_checks_known_committed"),
        scenario=scenarios.READERS,
        promise="DurableReads",
        steps=7,
        story="a server that has heard of ann's commit answers a read from a Redis that fell back before it",
    ),
    Mistake(
        name="look-up without the check of evicted_seq",
        rules=without("lookup_covers_evicted"),
        scenario=scenarios.WINDOW,
        promise="Once",
        steps=6,
        story="the look-up was made before the first attempt took effect, and its outcome is forgotten by now",
    ),
    Mistake(
        name="no floor",
        rules=without("floor_demands_lookup"),
        scenario=scenarios.WINDOW,
        promise="Once",
        steps=5,
        story="a forgotten outcome is taken for no outcome",
    ),
    Mistake(
        name="floor without the id time",
        rules=without("floor_counts_id_time"),
        scenario=scenarios.WINDOW_FAST_CLOCK,
        promise="Once",
        steps=5,
        story="the id's time is ahead of the segment's clock, so it seems younger than all that was forgotten",
    ),
    Mistake(
        name="rebuild without raising evicted_seq",
        rules=without("rebuild_raises_evicted"),
        scenario=scenarios.WINDOW,
        promise="Once",
        steps=12,
        story="a look-up from before ann's commit is still accepted after a rebuild that left her outcome out",
    ),
    Mistake(
        name="look-up in two snapshots, outcomes before seq",
        rules=without("lookup_is_one_snapshot"),
        scenario=scenarios.WINDOW,
        promise="Once",
        steps=11,
        story="ann is committed between the two reads, so the look-up claims a seq that it has not seen",
    ),
    Mistake(
        name="snapshot before the fence, and neither known committed nor chain",
        rules=without("fence_with_snapshot", "script_checks_known_committed", *CHAIN),
        scenario=scenarios.LOST_ONE_WRITER,
        promise="Once",
        steps=13,
        story="ann is committed between snapshot and fence; the new epoch decides her again",
    ),
    Mistake(
        name="load pieces not counted",
        rules=without("load_pieces_are_counted"),
        scenario=scenarios.LOADERS,
        promise="Once",
        steps=12,
        story="Redis is lost after the outcomes were loaded; the level follows, and nobody misses the outcomes",
    ),
    Mistake(
        name="versions not checked",
        rules=without("ledger_checks_versions"),
        scenario=scenarios.SLIP,
        promise="NoOversell",
        steps=5,
        story="the level alone goes back, the chain still fits, and bob gets ann's unit",
    ),
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_found(mistake: Mistake) -> None:
    find(mistake)


FELT_BY_CALLERS = ("NoLoss", "Once", "NoOversell", "DurableReads")

BACKED = (
    Backed(
        name="compare-and-set without seq",
        rules=without("cursor_compares_seq"),
        scenario=scenarios.CALM,
        backed_by="the hash, which covers all that was before it",
    ),
    Backed(
        name="compare-and-set without hash",
        rules=without("cursor_compares_hash"),
        scenario=scenarios.DOCK,
        backed_by="(epoch, seq): Postgres never holds two hashes for one of them",
    ),
    Backed(
        name="compare-and-set on the epoch alone",
        rules=without("cursor_compares_seq", "cursor_compares_hash"),
        scenario=scenarios.CALM,
        backed_by="the versions of the level, as long as every entry touches the same one",
    ),
    Backed(
        name="no compare-and-set, as callers feel it",
        rules=without(*COMPARE_AND_SET),
        scenario=replace(scenarios.LOST, clients=(scenarios.ANN,)),
        promises=FELT_BY_CALLERS,
        backed_by="versions and chain; only Fencing itself is broken",
    ),
    Backed(
        name="compare-and-set without the epoch, as callers feel it",
        rules=without("cursor_compares_epoch"),
        scenario=scenarios.LOST_ONE_WRITER,
        promises=FELT_BY_CALLERS,
        backed_by="the chain: after the late commit no entry of the new epoch fits",
    ),
    Backed(
        name="chain not verified while no Redis goes back",
        rules=without(*CHAIN),
        scenario=scenarios.LOST_ONE_WRITER,
        backed_by="the epoch: within one epoch of one Redis there is one chain",
    ),
    Backed(
        name="versions not checked while no key goes back alone",
        rules=without("ledger_checks_versions"),
        scenario=scenarios.DOCK,
        backed_by="the chain",
    ),
    Backed(
        name="script does not check the epoch",
        rules=without("script_checks_epoch"),
        scenario=scenarios.LOADERS,
        backed_by="the names of the keys, which carry the epoch that the server believes in",
    ),
    Backed(
        name="open over a higher epoch",
        rules=without("open_only_upwards"),
        scenario=scenarios.LOADERS,
        backed_by="the script's epoch check and the compare-and-set; what is lost is service, until a next rebuild",
    ),
    Backed(
        name="snapshot before the fence",
        rules=without("fence_with_snapshot"),
        scenario=scenarios.LOADERS,
        backed_by="known committed: who knows the new epoch knows a cursor that this Redis has not reached",
    ),
    Backed(
        name="snapshot before the fence, without known committed",
        rules=without("fence_with_snapshot", "script_checks_known_committed"),
        scenario=scenarios.LOST_ONE_WRITER,
        backed_by="the chain, and a base that is committed by identity only",
    ),
    Backed(
        name="look-up without the check of evicted_seq, request_id unique in the ledger",
        rules=replace(without("lookup_covers_evicted"), ledger_refuses_second_outcome=True),
        scenario=scenarios.WINDOW,
        backed_by="the unique request_id: the second effect cannot be committed, which means quarantine",
    ),
    Backed(
        name="lease ignored",
        rules=without("lease_is_checked"),
        scenario=scenarios.READERS,
        backed_by="nothing: durability does not rest on the lease, only currency does (test_currency)",
    ),
)


@pytest.mark.parametrize("backed", BACKED, ids=lambda backed: backed.name)
def test_a_guard_that_another_backs_up_is_not_missed_alone(backed: Backed) -> None:
    miss_nothing(backed)
