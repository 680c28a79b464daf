"""The waiting client does what the asynchronous one does, from any thread."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from holdfast.inventory.v1 import audit_service_pb2, catalog_pb2, catalog_service_pb2, inventory_service_pb2, supply_pb2

from holdfast_client import Deadlines, HoldfastError, InsufficientStock, SyncHoldfastClient, count_request, tries
from unit.client.scripted import PATIENCE_SECONDS, ScriptedAuthority, Silence, loading, short_of

ITEM = catalog_service_pb2.GetItemResponse(item=catalog_pb2.Item(sku="85123A"))


def test_a_method_waits_for_the_answer_and_is_tried_again(
    authority: ScriptedAuthority, sync_client: SyncHoldfastClient
) -> None:
    authority.will_answer("GetItem", loading(), ITEM)
    assert sync_client.get_item("85123A") == ITEM
    assert len(authority.heard("GetItem")) == 2


def test_a_refusal_is_raised_as_the_same_typed_error(
    authority: ScriptedAuthority, sync_client: SyncHoldfastClient
) -> None:
    authority.will_answer("CreateReservation", short_of(("85123A", 3, 2)))
    with pytest.raises(InsufficientStock) as raised:
        sync_client.create_reservation(channel="WEB", lines=[("85123A", 3)])
    assert raised.value.short_lines[0].available == 2


def test_a_listing_is_a_plain_iterator_over_all_pages(
    authority: ScriptedAuthority, sync_client: SyncHoldfastClient
) -> None:
    page = catalog_service_pb2.ListItemsResponse
    authority.will_answer("ListItems", page(items=[{"sku": "A"}], next_page_token="2"), page(items=[{"sku": "B"}]))
    listing = sync_client.list_items()
    assert isinstance(listing, Iterator)
    assert [item.sku for item in listing] == ["A", "B"]


def test_a_stream_of_counts_takes_a_plain_iterator_that_asks_the_same_client(
    authority: ScriptedAuthority, sync_client: SyncHoldfastClient
) -> None:
    authority.will_answer("GetItem", ITEM, ITEM)
    authority.will_answer("StreamCounts", *[supply_pb2.StreamCountsResponse(request_id=str(n)) for n in range(2)])

    def counts() -> Iterator[supply_pb2.CountStockRequest]:
        for number in range(2):
            sku = sync_client.get_item("85123A").item.sku
            yield count_request([(sku, number, "LONDON")], request_id=str(number))

    answers = sync_client.stream_counts(counts())
    assert [answer.request_id for answer in answers] == ["0", "1"]
    assert [call.request.count.lines[0].sku for call in authority.heard("StreamCounts")] == ["85123A"] * 2


def test_leaving_an_iteration_cancels_its_call(authority: ScriptedAuthority, sync_client: SyncHoldfastClient) -> None:
    silence = Silence()
    authority.will_answer("VerifyLedger", [audit_service_pb2.VerifyLedgerResponse(), silence])
    responses = sync_client.verify_ledger()
    next(responses)
    assert silence.arrived.wait(PATIENCE_SECONDS)
    responses.close()
    assert silence.left.wait(PATIENCE_SECONDS)


def test_an_interrupted_wait_cancels_its_call(
    authority: ScriptedAuthority, sync_client: SyncHoldfastClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence = Silence()
    authority.will_answer("GetItem", silence)

    def interrupted(*_: object) -> None:
        assert silence.arrived.wait(PATIENCE_SECONDS)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("concurrent.futures.Future.result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sync_client.get_item("85123A")
    assert silence.left.wait(PATIENCE_SECONDS)


def test_one_client_serves_many_threads(authority: ScriptedAuthority, sync_client: SyncHoldfastClient) -> None:
    authority.will_answer("CommitReservation", *[inventory_service_pb2.CommitReservationResponse()] * 40)
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(sync_client.commit_reservation, [f"main-{number}" for number in range(40)]))
    heard = authority.heard("CommitReservation")
    assert len({call.request.reservation_id for call in heard}) == 40
    assert len({call.request.request_id for call in heard}) == 40


def test_closing_ends_the_thread_and_the_calls_and_may_be_done_twice(authority: ScriptedAuthority) -> None:
    silence = Silence()
    authority.will_answer("GetItem", silence)
    client = SyncHoldfastClient(authority.target, caller="tests")
    outcome: list[BaseException] = []

    def ask() -> None:
        try:
            client.get_item("85123A")
        except BaseException as error:
            outcome.append(error)

    waiting = threading.Thread(target=ask)
    waiting.start()
    assert silence.arrived.wait(PATIENCE_SECONDS)
    client.close()
    client.close()
    waiting.join(PATIENCE_SECONDS)
    assert len(outcome) == 1
    assert "holdfast-client" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(RuntimeError, match="closed"):
        client.get_item("85123A")


def test_closing_ends_a_call_that_waits_for_its_next_try(authority: ScriptedAuthority) -> None:
    authority.will_answer("GetItem", loading(PATIENCE_SECONDS))
    client = SyncHoldfastClient(
        authority.target, caller="tests", deadlines=Deadlines(read_seconds=10 * PATIENCE_SECONDS)
    )
    begun = threading.Event()
    wait_after = tries.Tries.wait_after

    async def tell(self: tries.Tries, error: HoldfastError) -> None:
        begun.set()
        await wait_after(self, error)

    def ask() -> None:
        with contextlib.suppress(BaseException):
            client.get_item("85123A")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tries.Tries, "wait_after", tell)
        waiting = threading.Thread(target=ask, daemon=True)
        waiting.start()
        assert begun.wait(PATIENCE_SECONDS)
        client.close()
    waiting.join(PATIENCE_SECONDS / 2)
    assert not waiting.is_alive()
    assert len(authority.heard("GetItem")) == 1


def test_an_iteration_may_outlive_its_client(authority: ScriptedAuthority) -> None:
    authority.will_answer("VerifyLedger", [audit_service_pb2.VerifyLedgerResponse(), Silence()])
    with SyncHoldfastClient(authority.target, caller="tests") as client:
        responses = client.verify_ledger()
        next(responses)
    responses.close()


def test_a_client_that_was_made_wrongly_leaves_no_thread() -> None:
    with pytest.raises(ValueError):
        SyncHoldfastClient(caller="")
    assert "holdfast-client" not in {thread.name for thread in threading.enumerate()}
