"""The contract speaks for itself: everything in it carries a comment, and every promise is offered there."""

import pytest

from api.mutations import BATCHES, MUTATIONS
from tidy.descriptors import Described, everything_described, file_descriptors

EVERYTHING = list(everything_described())
# The promises of the design.
PROMISES = (
    "NoOversell",
    "NoUndersell",
    "NoLoss",
    "Once",
    "AllOrNothing",
    "Durable reads",
    "Bounded",
    "Explained",
    "Ordered",
    "Complete",
    "Resumable",
    "Convergent",
    "Bookmarkable",
)


def test_everything_in_the_contract_is_seen() -> None:
    kinds = {thing.kind for thing in EVERYTHING}
    assert kinds == {"service", "rpc", "message", "field", "oneof", "enum", "value"}
    names = {thing.name for thing in EVERYTHING}
    assert names >= {
        "InventoryService.CreateReservation",
        "DemandLine.quantity",
        "AvailabilityKey.scope",
        "ERROR_REASON_INTERNAL",
        "rule",
    }


@pytest.mark.parametrize("kind", ["service", "rpc", "message", "field", "oneof", "enum", "value"])
def test_everything_in_the_contract_has_a_comment(kind: str) -> None:
    bare = [thing.name for thing in EVERYTHING if thing.kind == kind and not is_a_sentence(thing)]
    assert not bare


def is_a_sentence(thing: Described) -> bool:
    """A comment ends in a full stop, unless an example stands at its end."""
    return thing.comment.endswith((".", "}}")) and len(thing.comment.split()) > 1


@pytest.mark.parametrize("promise", PROMISES)
def test_every_promise_is_offered_in_a_comment_of_a_service(promise: str) -> None:
    offers = [thing for thing in EVERYTHING if thing.kind == "service" and promise in thing.comment]
    assert offers


def test_every_reason_shows_an_example_of_itself() -> None:
    for thing in EVERYTHING:
        if thing.kind == "value" and thing.name.startswith("ERROR_REASON_"):
            reason = thing.name.removeprefix("ERROR_REASON_")
            example = f'"reason": "{reason}", "domain": "holdfast.inventory.v1"'
            assert example in thing.comment or reason == "UNSPECIFIED", thing.name


def test_every_mutation_is_in_the_list_of_mutations() -> None:
    """A mutation is what takes a request_id; the tests of Once go through the list."""
    requests_with_id = {
        message.name.removesuffix("Request")
        for file in file_descriptors()
        for message in file.message_type
        if message.name.endswith("Request") and any(f.name == "request_id" for f in message.field)
    }
    assert requests_with_id == {mutation.rpc for mutation in MUTATIONS}
    methods = {m.name for file in file_descriptors() for service in file.service for m in service.method}
    assert methods >= set(BATCHES)


def test_every_answer_to_a_mutation_says_its_revision_and_whether_it_is_a_replay() -> None:
    messages = {message.name: message for file in file_descriptors() for message in file.message_type}
    for mutation in MUTATIONS:
        names = {field.name for field in messages[f"{mutation.rpc}Response"].field}
        assert names >= {"revision", "replayed"}, mutation.rpc
