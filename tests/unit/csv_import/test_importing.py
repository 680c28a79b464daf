"""Every row goes in once or is named, however often the same import is run and whatever is refused in
between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from holdfast.inventory.v1 import catalog_pb2, catalog_service_pb2, inventory_service_pb2

from holdfast_client import errors
from holdfast_client.csv_import import batches
from holdfast_client.csv_import.importing import Import, items_send, items_source, stock_send, stock_source
from holdfast_client.csv_import.patience import NoAnswerError, Patience
from holdfast_client.csv_import.reading import CsvFile
from holdfast_client.csv_import.report import ImportReport


def _refusal(reason: str, code: grpc.StatusCode, **metadata: str) -> errors.HoldfastError:
    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason=reason, domain=errors.ERROR_DOMAIN, metadata=metadata))
    return errors.error_from_status(status_pb2.Status(code=code.value[0], message=reason, details=[info]))


class _Service:
    """Keeps what was booked, under request ids that take effect once."""

    def __init__(self, *skus: str) -> None:
        self.skus = set(skus)
        self.names: dict[str, str] = {}
        self.booked: list[tuple[str, int]] = []
        self.unavailable = 0
        self.lose_answers = 0
        self.silent_after = -1
        self.booked_at_once: list[int] = []
        self._bodies: dict[str, bytes] = {}

    async def put_items(
        self, items: Iterable[catalog_pb2.Item], *, request_id: str | None = None
    ) -> catalog_service_pb2.PutItemsResponse:
        items = list(items)
        request = catalog_service_pb2.PutItemsRequest(items=items)

        def effect() -> None:
            self.skus.update(item.sku for item in items)
            self.names.update((item.sku, item.display_name) for item in items)

        replayed = self._once(request_id, request.SerializeToString(), effect)
        return catalog_service_pb2.PutItemsResponse(replayed=replayed)

    async def receive_stock(
        self,
        lines: Iterable[inventory_service_pb2.ReceiptLine],
        *,
        reference: str = "",
        reason: str = "",
        request_id: str | None = None,
    ) -> inventory_service_pb2.ReceiveStockResponse:
        lines = list(lines)

        def effect() -> None:
            for line in lines:
                if line.sku not in self.skus:
                    raise _refusal("UNKNOWN_SKU", grpc.StatusCode.NOT_FOUND, sku=line.sku)
            self.booked.extend((line.sku, line.quantity) for line in lines)
            self.booked_at_once.append(len(lines))

        request = inventory_service_pb2.ReceiveStockRequest(lines=lines)
        replayed = self._once(request_id, request.SerializeToString(), effect)
        return inventory_service_pb2.ReceiveStockResponse(replayed=replayed)

    def _once(self, request_id: str | None, body: bytes, effect: Callable[[], None]) -> bool:
        assert request_id
        if self.silent_after == 0:
            raise _refusal("SEGMENT_LOADING", grpc.StatusCode.UNAVAILABLE)
        self.silent_after -= 1
        if self.unavailable:
            self.unavailable -= 1
            raise _refusal("SEGMENT_LOADING", grpc.StatusCode.UNAVAILABLE)
        if request_id in self._bodies:
            if self._bodies[request_id] != body:
                raise _refusal("REQUEST_ID_REUSED", grpc.StatusCode.ALREADY_EXISTS)
            return True
        effect()
        self._bodies[request_id] = body
        if self.lose_answers:
            self.lose_answers -= 1
            raise _refusal("LEDGER_UNAVAILABLE", grpc.StatusCode.UNAVAILABLE)
        return False


class _Clock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def _patience(seconds: float = 60) -> Patience:
    clock = _Clock()
    return Patience(seconds=seconds, clock=clock, sleep=clock.sleep)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_BATCH_ROWS", 8)


def _write(folder: Path, *skus: str) -> Path:
    path = folder / "stock.csv"
    path.write_text("sku,quantity\n" + "".join(f"{sku},{number}\n" for number, sku in enumerate(skus, 1)))
    return path


async def _import_stock(path: Path, service: _Service, *, patience: Patience | None = None) -> ImportReport:
    source = stock_source(CsvFile(path), mapped={}, default_location="LONDON", reference="GR-1", reason="import")
    work = Import(source, path=path, dry_run=False)
    send = stock_send(service, reference="GR-1", reason="import")
    return await work.send(send, patience=patience or _patience(), concurrency=2)


async def test_all_rows_go_in_over_several_batches(tmp_path: Path) -> None:
    service = _Service("A")
    report = await _import_stock(_write(tmp_path, *["A"] * 20), service)
    assert sorted(quantity for _, quantity in service.booked) == list(range(1, 21))
    assert (report.rows_read, report.rows_accepted, report.exit_code) == (20, 20, 0)


async def test_the_same_import_again_books_nothing_and_says_so(tmp_path: Path) -> None:
    service = _Service("A")
    path = _write(tmp_path, *["A"] * 20)
    await _import_stock(path, service)
    report = await _import_stock(path, service)
    assert len(service.booked) == 20
    assert (report.rows_accepted, report.rows_replayed, report.exit_code) == (20, 20, 0)


async def test_batches_of_the_same_content_are_all_booked(tmp_path: Path) -> None:
    service = _Service("A")
    path = tmp_path / "stock.csv"
    path.write_text("sku,quantity\n" + "A,1\n" * 24)
    await _import_stock(path, service)
    assert len(service.booked) == 24


async def test_an_edited_file_is_another_import(tmp_path: Path) -> None:
    service = _Service("A")
    await _import_stock(_write(tmp_path, *["A"] * 8), service)
    await _import_stock(_write(tmp_path, *["A"] * 9), service)
    assert len(service.booked) == 8 + 9


async def test_refused_rows_are_named_and_all_others_go_in(tmp_path: Path) -> None:
    service = _Service("A")
    report = await _import_stock(_write(tmp_path, "X", "A", "A", "A", "A", "Y", "A", "A", "A"), service)
    assert len(service.booked) == 7
    named = [(one.line_number, one.column, one.value) for one in report.rejections_in_order]
    assert named == [(2, "sku", "X"), (7, "sku", "Y")]
    assert report.exit_code == 3


async def test_what_stands_beside_a_refused_row_goes_in_by_halves(tmp_path: Path) -> None:
    service = _Service("A")
    await _import_stock(_write(tmp_path, "A", "A", "X", "A", "A", "A", "A", "A"), service)
    assert sorted(service.booked_at_once) == [1, 2, 4]


async def test_a_service_that_falls_silent_within_a_batch_leaves_no_row_unnamed(tmp_path: Path) -> None:
    service = _Service("A")
    service.silent_after = 3  # The whole batch and its left half are refused, one quarter goes in.
    report = await _import_stock(_write(tmp_path, "A", "A", "X", "A", "A", "A", "A", "A"), service)
    assert len(service.booked) == 2
    assert (report.rows_accepted, report.rows_rejected, report.rows_unanswered) == (2, 6, 6)
    assert sorted(one.line_number for one in report.rejections) == [4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("refused", range(1, 256))
async def test_later_runs_bring_in_what_was_refused_and_nothing_twice(tmp_path: Path, refused: int) -> None:
    # The bits of `refused` say which of the eight rows of one batch are refused in the first run; half of
    # them become possible before the second run, the others before the third.
    skus = [f"S{row}" for row in range(8)]
    missing = [sku for row, sku in enumerate(skus) if refused >> row & 1]
    service = _Service(*(set(skus) - set(missing)))
    path = _write(tmp_path, *skus)
    first = await _import_stock(path, service)
    assert sorted(one.value for one in first.rejections) == missing
    service.skus.update(missing[::2])
    second = await _import_stock(path, service)
    assert sorted(one.value for one in second.rejections) == missing[1::2]
    service.skus.update(missing)
    third = await _import_stock(path, service)
    assert third.exit_code == 0
    assert sorted(service.booked) == [(sku, row + 1) for row, sku in enumerate(skus)]


async def test_lost_answers_book_nothing_twice(tmp_path: Path) -> None:
    service = _Service("A")
    service.lose_answers = 3
    report = await _import_stock(_write(tmp_path, *["A"] * 20), service)
    assert len(service.booked) == 20
    assert report.rows_replayed > 0
    assert report.unavailable_retries == 3


async def test_a_silent_service_ends_the_import_and_the_rows_are_named(tmp_path: Path) -> None:
    service = _Service("A")
    service.unavailable = 1_000_000
    path = _write(tmp_path, *["A"] * 1_000)
    report = await _import_stock(path, service)
    assert (report.rows_accepted, report.rows_rejected, report.rows_unanswered) == (0, 1_000, 1_000)
    assert report.exit_code == 1
    assert 1_000_000 - service.unavailable < 1_000, "the batches behind the first are not asked for"
    service.unavailable = 0
    assert (await _import_stock(path, service)).exit_code == 0
    assert len(service.booked) == 1_000


async def test_a_refusal_that_no_choice_of_rows_could_change_is_not_halved(tmp_path: Path) -> None:
    asked = 0

    async def send(messages: object, request_id: str) -> bool:
        nonlocal asked
        asked += 1
        raise _refusal("SEGMENT_STOPPED", grpc.StatusCode.FAILED_PRECONDITION)

    path = _write(tmp_path, *["A"] * 8)
    source = stock_source(CsvFile(path), mapped={}, default_location="L", reference="", reason="")
    report = await Import(source, path=path, dry_run=False).send(send, patience=_patience(), concurrency=1)
    assert (asked, report.rows_rejected) == (1, 8)


async def test_broken_rows_and_repetitions_of_items_stay_out(tmp_path: Path) -> None:
    service = _Service()
    path = tmp_path / "items.csv"
    path.write_text("Code,Text\nA,lamp\nA,lamp\nA,chair\n,x\nB,bench\nC\n")
    source = items_source(CsvFile(path), mapped={"sku": "Code", "display_name": "Text"})
    work = Import(source, path=path, dry_run=False)
    report = await work.send(items_send(service), patience=_patience(), concurrency=1)
    assert service.skus == {"A", "B"}
    assert [one.line_number for one in report.rejections_in_order] == [4, 5, 7]
    counts = (report.rows_read, report.rows_accepted, report.rows_repeated, report.rows_rejected)
    assert counts == (6, 2, 1, 3)


async def test_items_that_are_imported_again_undo_what_was_put_in_between(tmp_path: Path) -> None:
    service = _Service()
    for name in ("first", "second", "first"):
        path = tmp_path / f"{name}.csv"
        path.write_text(f"sku,display_name\nA,{name}\n")
        work = Import(items_source(CsvFile(path), mapped={}), path=path, dry_run=False)
        report = await work.send(items_send(service), patience=_patience(), concurrency=1)
        assert (service.names["A"], report.rows_accepted, report.rows_replayed) == (name, 1, 0)


async def test_items_whose_answer_was_lost_are_asked_for_under_the_same_id(tmp_path: Path) -> None:
    service = _Service()
    service.lose_answers = 1
    path = tmp_path / "items.csv"
    path.write_text("sku\nA\n")
    work = Import(items_source(CsvFile(path), mapped={}), path=path, dry_run=False)
    report = await work.send(items_send(service), patience=_patience(), concurrency=1)
    assert (report.exit_code, report.rows_replayed) == (0, 1)


def test_a_dry_run_checks_every_row_and_sends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "stock.csv"
    path.write_text("sku,quantity,location\nA,1,L\nA,x,L\nA,1,\n")
    source = stock_source(CsvFile(path), mapped={}, default_location="", reference="", reason="")
    report = Import(source, path=path, dry_run=True).check()
    assert (report.rows_accepted, report.rows_rejected, report.exit_code) == (1, 2, 3)
    report.write(tmp_path / "build" / "report.json")
    assert '"column": "quantity"' in (tmp_path / "build" / "report.json").read_text()


async def test_patience_asks_again_until_it_is_used_up_and_counts() -> None:
    patience = _patience(10)

    async def never() -> None:
        raise _refusal("SEGMENT_LOADING", grpc.StatusCode.UNAVAILABLE)

    with pytest.raises(NoAnswerError):
        await patience.ask(never)
    assert patience.repetitions > 3


async def test_patience_does_not_hide_a_refusal_nor_repeat_a_fault() -> None:
    patience = _patience()

    async def refused() -> None:
        raise _refusal("UNKNOWN_SKU", grpc.StatusCode.NOT_FOUND)

    async def fault() -> None:
        raise _refusal("INTERNAL", grpc.StatusCode.INTERNAL)

    with pytest.raises(errors.UnknownSku):
        await patience.ask(refused)
    with pytest.raises(NoAnswerError):
        await patience.ask(fault)
    assert patience.repetitions == 0
