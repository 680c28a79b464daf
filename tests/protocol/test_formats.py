"""Servers of two formats on one segment, as while a new version is rolled out: what is checked, and what is not."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from protocol import scenarios
from protocol.mistakes import Gap, Mistake, find, show, without
from protocol.promised import EVERY
from protocol.promises import PROMISES, STOP
from protocol.rules import PROTOCOL

MENDED = replace(PROTOCOL, format_change_waits_for_journal=True)


def test_a_script_of_another_format_that_does_not_fail_closed_is_found() -> None:
    find(
        Mistake(
            name="format not checked",
            rules=without("script_checks_format"),
            scenario=scenarios.FORMATS,
            promise="NoOversell",
            steps=4,
            story="the planner keeps the unit back, in words that a script of the first format does not know",
        )
    )


GAPS = (
    Gap(
        name="an older version that rebuilds after a newer one wrote",
        scenario=scenarios.FORMATS_BACK,
        promise="NoOversell",
        steps=16,
        story="the planner's rule is in the ledger; a loader of the first format does not know it, and a script of "
        "that format sells the unit",
    ),
    Gap(
        name="Postgres loses its tail while the format changes",
        scenario=scenarios.FORMATS_TAIL,
        promise="NoLoss",
        steps=7,
        story="the newer writer reads nothing of a head of the older format, not even the mark; it rebuilds, and the "
        "journal that holds ann is dropped without a word",
    ),
)


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.name)
def test_what_is_not_promised(gap: Gap) -> None:
    show(gap)


def test_a_change_of_format_that_waits_for_the_journal_drops_nothing() -> None:
    walk = scenarios.explore(scenarios.FORMATS_TAIL, rules=MENDED, promises=PROMISES | STOP)
    assert walk.broken is None, str(walk.broken)


def test_even_then_a_rebuild_clears_the_journal_of_before_it() -> None:
    """The segment stops then, and what was lost can only be given up."""
    walk = scenarios.explore(scenarios.FORMATS_TAIL, rules=MENDED, promises={"Replayable": EVERY["Replayable"]})
    sys.stdout.write(f"\n{walk.broken}\n")
    assert walk.broken is not None, "the gap is closed: say so in the README"
    assert len(walk.broken.trace) == 10, str(walk.broken)
