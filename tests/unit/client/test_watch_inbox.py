"""What came and was not taken: of every number the newest, nothing by halves, nothing twice."""

from __future__ import annotations

from holdfast.inventory.v1.revision_pb2 import Revision

from holdfast_client import AvailabilityUpdate, InStep, LatestAvailability, WatchEvent, WatchReset
from holdfast_client.errors import unavailable
from holdfast_client.watching.availability_inbox import AvailabilityInbox
from holdfast_client.watching.events import update_of
from unit.client.watch_cases import Response, bookmark, changes, number, reset, said, snapshot, synced


def told(inbox: AvailabilityInbox, *responses: Response) -> list[tuple[object, ...]]:
    """What the inbox gives out after these."""
    for response in responses:
        inbox.take(response)
    batch = inbox.batch()
    return [] if batch is None else [said(event) for event in batch.events]


def test_a_snapshot_is_handed_out_once_it_is_whole() -> None:
    inbox = AvailabilityInbox("")
    assert told(inbox, snapshot(number("A", 5, 1)), snapshot(number("B", 2, 1))) == []
    assert told(inbox, synced(3)) == [("A", 5, 1), ("B", 2, 1), ("in step", 3)]
    assert told(inbox) == []
    assert inbox.resume_token == "token-3"


def test_changes_without_a_token_belong_with_the_next() -> None:
    inbox = AvailabilityInbox("token-3")
    assert told(inbox, changes(number("A", 4, 4))) == []
    assert inbox.resume_token == "token-3"
    assert told(inbox, changes(number("B", 1, 4), position=4)) == [("A", 4, 4), ("B", 1, 4), ("in step", 4)]


def test_what_a_stream_told_by_halves_is_forgotten_when_it_breaks() -> None:
    inbox = AvailabilityInbox("token-3")
    inbox.take(changes(number("A", 4, 9)))
    inbox.cut()
    # Another server, which has not come as far: the half that was lost must not stand against what it tells.
    assert told(inbox, changes(number("A", 6, 4), position=4)) == [("A", 6, 4), ("in step", 4)]


def test_an_older_version_never_overwrites_a_newer_one() -> None:
    inbox = AvailabilityInbox("")
    assert told(inbox, snapshot(number("A", 5, 7)), synced(7)) == [("A", 5, 7), ("in step", 7)]
    assert told(inbox, changes(number("A", 9, 6), number("B", 1, 6), position=6)) == [("B", 1, 6), ("in step", 6)]


def test_the_same_version_is_told_again_only_with_other_units() -> None:
    inbox = AvailabilityInbox("")
    inbox.take(snapshot(number("A", 5, 7), number("B", 5, 7, location="LONDON")))
    assert len(told(inbox, synced(7))) == 3
    assert told(inbox, changes(number("A", 5, 7), number("B", 5, 7, location="LONDON"), position=8)) == [("in step", 8)]
    assert told(inbox, changes(number("A", 4, 7), position=9)) == [("A", 4, 7), ("in step", 9)]
    assert told(inbox, changes(number("A", 4, 10, because="COMMIT"), position=10)) == [("A", 4, 10), ("in step", 10)]


def test_what_else_changed_a_number_that_was_told_is_told_with_the_number_as_it_is() -> None:
    inbox = AvailabilityInbox("token-3")
    taken = told(inbox, changes(number("A", 5, 7, because="RESERVE"), position=5))
    assert taken == [("A", 5, 7), ("in step", 5)]
    # A number may lie ahead of its token: what changed it up to there is told later, and the number is as before.
    inbox.take(changes(number("A", 5, 7, because="RELEASE"), position=7))
    batch = inbox.batch()
    assert batch is not None
    assert [said(event) for event in batch.events] == [("A", 5, 7), ("in step", 7)]
    assert (causes(batch.events[0]), skipped(batch.events[0])) == ([("RELEASE", 1)], 0)
    assert told(inbox, changes(number("A", 5, 7), position=8)) == [("in step", 8)], "nothing changed it"


def test_what_else_changed_a_number_that_waits_is_told_with_what_was_known() -> None:
    inbox = AvailabilityInbox("token-3")
    for position, because in ((5, "RESERVE"), (6, "RELEASE"), (7, "RESERVE")):
        inbox.take(changes(number("A", 5, 7, because=because), position=position))
    inbox.take(changes(number("A", 5, 7), position=8))
    batch = inbox.batch()
    assert batch is not None
    assert [said(event) for event in batch.events] == [("A", 5, 7), ("in step", 8)]
    assert causes(batch.events[0]) == [("RESERVE", 2), ("RELEASE", 1)]
    assert skipped(batch.events[0]) == 0, "there was no other number in between"


def test_what_else_changed_a_number_that_is_being_handed_out_is_told_with_it() -> None:
    inbox = AvailabilityInbox("token-3")
    inbox.take(changes(number("A", 5, 7, because="RESERVE", skipped=1), position=5))
    batch = inbox.batch()
    assert batch is not None
    inbox.take(changes(number("A", 5, 7, because="RELEASE"), position=7))
    handed_out = inbox.newest(batch.events[0])
    assert (causes(handed_out), skipped(handed_out)) == ([("RESERVE", 1), ("RELEASE", 1)], 1)
    assert told(inbox) == [("in step", 7)]


def causes(event: WatchEvent) -> list[tuple[str, int]]:
    assert isinstance(event, AvailabilityUpdate)
    return [(cause.operation, cause.count) for cause in event.causes]


def skipped(event: WatchEvent) -> int:
    assert isinstance(event, AvailabilityUpdate)
    return event.skipped


def test_a_slow_caller_is_told_the_newest_number_and_all_of_its_causes() -> None:
    inbox = AvailabilityInbox("token-1")
    inbox.take(changes(number("A", 4, 2, because="RESERVE"), position=2))
    inbox.take(changes(number("A", 6, 3, because="RELEASE", skipped=4), number("B", 1, 3), position=3))
    inbox.take(changes(number("A", 5, 4, because="RESERVE"), position=4))
    batch = inbox.batch()
    assert batch is not None
    assert [said(event) for event in batch.events] == [("A", 5, 4), ("B", 1, 3), ("in step", 4)]
    first = batch.events[0]
    assert isinstance(first, AvailabilityUpdate)
    assert first.skipped == 6
    assert [(c.operation, c.count, c.revision.position) for c in first.causes] == [("RESERVE", 2, 4), ("RELEASE", 1, 3)]
    assert batch.resume_token == "token-4"


def test_a_number_that_was_overtaken_is_not_handed_out_any_more() -> None:
    inbox = AvailabilityInbox("")
    inbox.take(snapshot(number("A", 5, 3), number("B", 2, 3)))
    inbox.take(synced(3))
    batch = inbox.batch()
    assert batch is not None
    inbox.take(changes(number("B", 1, 4, because="RESERVE"), number("C", 1, 4), position=4))
    handed_out = [inbox.newest(event) for event in batch.events]
    assert [said(event) for event in handed_out] == [("A", 5, 3), ("B", 1, 4), ("in step", 3)]
    assert isinstance(handed_out[1], AvailabilityUpdate)
    assert (handed_out[1].skipped, handed_out[1].causes[0].operation) == (1, "RESERVE")
    assert told(inbox) == [("C", 1, 4), ("in step", 4)], "B was told already"


def test_a_number_of_another_history_is_not_handed_out_before_the_reset() -> None:
    inbox = AvailabilityInbox("")
    inbox.take(snapshot(number("A", 5, 70)))
    inbox.take(synced(70))
    batch = inbox.batch()
    assert batch is not None
    for response in (reset(), snapshot(number("A", 9, 3)), synced(3)):
        inbox.take(response)
    assert said(inbox.newest(batch.events[0])) == ("A", 5, 70)
    assert told(inbox) == [("reset", "OTHER_LINEAGE"), ("A", 9, 3), ("in step", 3)]


def test_a_reset_tells_what_is_gone_and_takes_versions_that_are_lower() -> None:
    inbox = AvailabilityInbox("")
    told(inbox, snapshot(number("A", 5, 70), number("B", 2, 70), number("C", 1, 70)), synced(70))
    assert told(inbox, reset(), snapshot(number("A", 9, 3))) == []
    assert told(inbox, synced(3)) == [
        ("reset", "OTHER_LINEAGE"),
        ("A", 9, 3),
        ("gone", "B"),
        ("gone", "C"),
        ("in step", 3),
    ]
    assert told(inbox, changes(number("A", 8, 4), number("B", 1, 4), position=4)) == [
        ("A", 8, 4),
        ("B", 1, 4),
        ("in step", 4),
    ]


def test_a_reset_whose_snapshot_breaks_off_has_not_happened() -> None:
    inbox = AvailabilityInbox("")
    told(inbox, snapshot(number("A", 5, 70)), synced(70))
    inbox.take(reset())
    inbox.take(snapshot(number("A", 9, 3)))
    inbox.cut()
    assert told(inbox, changes(number("A", 4, 71), position=71)) == [("A", 4, 71), ("in step", 71)]


def test_what_waits_at_a_reset_is_not_told_but_what_is_gone_is() -> None:
    inbox = AvailabilityInbox("")
    told(inbox, snapshot(number("A", 5, 70), number("B", 2, 70)), synced(70))
    for response in (changes(number("A", 4, 71), position=71), reset(), snapshot(number("A", 9, 3)), synced(3)):
        inbox.take(response)
    inbox.take(reset("FROM_THE_FUTURE"))
    assert told(inbox, snapshot(number("A", 7, 2)), synced(2)) == [
        ("reset", "FROM_THE_FUTURE"),
        ("gone", "B"),
        ("A", 7, 2),
        ("in step", 2),
    ]


def test_a_loss_is_told_after_what_came_and_not_once_it_is_mended() -> None:
    inbox = AvailabilityInbox("token-1")
    inbox.take(changes(number("A", 4, 2), position=2))
    inbox.lose(unavailable("away"))
    assert told(inbox) == [("A", 4, 2), ("in step", 2), ("out of step", "away")]
    inbox.lose(unavailable("away"))
    batch = inbox.batch()
    assert batch is not None
    assert batch.resume_token == "", "nothing was told that a token could stand for"
    inbox.lose(unavailable("away"))
    assert told(inbox, bookmark(3)) == [("in step", 3)]


def test_an_event_of_a_later_version_of_the_contract_is_passed_over() -> None:
    inbox = AvailabilityInbox("token-1")
    assert inbox.take(Response()) is False
    assert told(inbox, bookmark(3)) == [("in step", 3)]


# The newest number of each key.


def test_the_latest_numbers_are_those_that_the_events_told() -> None:
    latest = LatestAvailability()
    inbox = AvailabilityInbox("")
    inbox.take(snapshot(number("A", 5, 7), number("A", 3, 7, location="LONDON"), number("B", 2, 7)))
    inbox.take(synced(7))
    for event in inbox.batch().events:  # type: ignore[union-attr]
        assert latest.take(event)
    assert len(latest) == 3
    assert latest.revision is not None
    assert latest.revision.position == 7
    at_london = latest.get("A", location="LONDON")
    assert at_london is not None
    assert (at_london.available, at_london.level) == (3, number("A", 3, 7, location="LONDON").availability.stock_level)
    assert latest.get("A") is None
    assert not latest.take(update_of(number("A", 9, 6)))
    assert not latest.take(update_of(number("B", 2, 7)))
    assert latest.take(update_of(number("B", 2, 7, because="RELEASE"))), "it says what else changed the number"
    inbox.take(reset())
    inbox.take(snapshot(number("A", 1, 2)))
    inbox.take(synced(2))
    for event in inbox.batch().events:  # type: ignore[union-attr]
        latest.take(event)
    assert [(one.sku, one.available) for one in latest] == [("A", 1)]


def test_a_place_in_several_segments_is_told_whole() -> None:
    places = [Revision(segment="north", position=7), Revision(segment="south", position=3)]
    response = bookmark(7)
    response.bookmark.revisions.extend(places)
    inbox = AvailabilityInbox("")
    assert inbox.take(response)
    batch = inbox.batch()
    assert batch is not None
    (in_step,) = batch.events
    assert isinstance(in_step, InStep)
    assert list(in_step.revisions) == places


def test_numbers_stay_until_a_reset_has_told_what_becomes_of_them() -> None:
    latest = LatestAvailability()
    latest.take(update_of(number("A", 5, 7)))
    latest.take(WatchReset(reason="OTHER_LINEAGE"))
    assert latest.get("A", channel="WEB") is not None
    assert latest.superseded == {("A", "WEB", "")}
    latest.take(InStep(revision=bookmark(1).bookmark.revision, resume_token="token-1"))
    assert latest.take(update_of(number("A", 4, 1)))
