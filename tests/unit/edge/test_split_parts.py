"""The ids of plans and of their parts, those too that older servers have given out and that live on in the ledger."""

from __future__ import annotations

import pytest

from holdfast_server.edge.front.split_parts import is_only_part, is_part, own_id, split_ids_of

NAME = "01a217adc169" + "eb2986beb95b77d93b88"


@pytest.mark.parametrize(
    "part",
    [f"south-{NAME}-part", f"south-{NAME}-only", f"south-part-{NAME}"],
    ids=["part", "only", "of an older server"],
)
def test_a_part_leads_to_its_plan_and_its_steps_have_ids(part: str) -> None:
    assert split_ids_of(["north", "south"], part) == [f"north-split-{NAME}", f"south-split-{NAME}"]
    assert own_id("commit", part).startswith("01a217ad-c169-7")
    assert (is_part(part), is_only_part(part)) == ("-only" not in part, "-only" in part)


def test_what_is_no_part_leads_to_no_plan() -> None:
    assert split_ids_of(["north"], "south-part-of-something") == []
