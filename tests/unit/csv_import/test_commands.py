"""`holdfast import` and `holdfast replay` say what is wrong and end with the code that scripts rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from holdfast_client.command import importing
from holdfast_client.command import replay as replay_command
from holdfast_client.command.importing import import_app
from holdfast_client.command.replay import replay
from holdfast_client.csv_import.report import ImportReport
from holdfast_client.orders.replay import Replay
from holdfast_client.orders.report import ReplayReport
from unit.orders.scripted_authority import ScriptedAuthority

_NOBODY = "127.0.0.1:1"


def _run(*arguments: str) -> Result:
    app = typer.Typer()
    app.add_typer(import_app, name="import")
    app.command("replay")(replay)
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def test_a_dry_run_reports_in_words_in_json_and_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "stock.csv"
    path.write_text("Code\tUnits\nA\t1\nA\t-1\n")
    report = tmp_path / "build" / "report.json"
    arguments = ("import", "stock", str(path), "--location", "LONDON", "--map", "sku=Code,quantity=Units")
    words = _run(*arguments, "--delimiter", "\\t", "--dry-run", "--report", str(report))
    assert words.exit_code == 3
    assert "1 would go in" in words.stdout
    assert "Units" in words.stdout
    told = _run(*arguments, "--delimiter", "\\t", "--dry-run", "--json")
    assert json.loads(told.stdout)["rejections"] == json.loads(report.read_text())["rejections"]


@pytest.mark.parametrize(
    ("content", "arguments", "code"),
    [
        ("sku\nA\n", (), 0),
        ("sku\nA\n-\n", (), 3),
        ("sku\n-\n", (), 1),
        ("sku\n", (), 0),
        ("", (), 1),
        ("Code\nA\n", (), 1),
        ("sku\nA\n", ("--map", "colour=sku"), 1),
        ("sku\nA\n", ("--delimiter", "::"), 1),
    ],
)
def test_the_exit_code_tells_all_some_or_none(
    tmp_path: Path, content: str, arguments: tuple[str, ...], code: int
) -> None:
    path = tmp_path / "items.csv"
    path.write_text(content)
    assert _run("import", "items", str(path), "--dry-run", *arguments).exit_code == code


@pytest.mark.parametrize(
    ("kind", "replayed", "words"),
    [
        ("stock", 0, "3 rows of stock: 3 went in, 0 went in before, 0 repeated others, 0 rejected."),
        ("stock", 2, "3 rows of stock: 1 went in, 2 went in before, 0 repeated others, 0 rejected."),
        ("items", 2, "3 rows of items: 3 went in, 0 repeated others, 0 rejected."),
    ],
)
def test_what_went_in_before_is_not_said_to_go_in(
    capsys: pytest.CaptureFixture[str], kind: str, replayed: int, words: str
) -> None:
    report = ImportReport(kind=kind, file="x.csv", content_hash="", dry_run=False)
    report.rows_read = report.rows_accepted = 3
    report.rows_replayed = replayed
    importing.print_report(report)
    shown = capsys.readouterr().out
    assert words in shown
    assert ("another --reference" in shown) is (kind == "stock" and replayed > 0)


def test_an_import_without_a_server_ends_with_one_and_names_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("sku\nA\n")
    result = _run("import", "items", str(path), "--target", _NOBODY, "--patience", "0", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["rows_unanswered"] == 1


def test_a_replay_without_a_file_events_or_server_ends_with_one(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    assert _run("replay", str(path)).exit_code == 1
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    path.write_text(header)
    assert "no order" in _run("replay", str(path)).stderr
    path.write_text(header + "500,A1,Lamp,1,01/12/2010 08:00,1,C1,France\n")
    result = _run("replay", str(path), "--target", _NOBODY, "--patience", "0")
    assert result.exit_code == 1
    assert "no verdict" in result.stderr


@pytest.mark.parametrize(("chain_verified", "code"), [(True, 0), (False, 1)])
def test_a_replay_ends_with_zero_only_if_its_verdict_is_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chain_verified: bool, code: int
) -> None:
    async def run(work: Replay, **options: object) -> ReplayReport:
        authority = ScriptedAuthority()
        authority.verdict.chain_verified = chain_verified
        return await work.run(authority)

    monkeypatch.setattr(replay_command, "_run", run)
    path = tmp_path / "orders.csv"
    path.write_text(
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "500,A1,Lamp,5,01/12/2010 08:00,1,C1,France\n"
    )
    report = tmp_path / "build" / "replay.json"
    result = _run("replay", str(path), "--report", str(report))
    assert result.exit_code == code
    assert ("NOT CLEAN" in result.stdout) is not chain_verified
    written = json.loads(report.read_text())
    assert written["chain_verified"] is chain_verified
    assert written["orders"] == 1
    told = _run("replay", str(path), "--report", str(report), "--json")
    assert json.loads(told.stdout)["clean"] is chain_verified


@pytest.mark.parametrize(
    "arguments",
    [("--stock-share", "much"), ("--stock-share", "-1"), ("--run-id", "-"), ("--data-directory", "x")],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert _run("replay", str(tmp_path / "orders.csv"), *arguments).exit_code == 2
