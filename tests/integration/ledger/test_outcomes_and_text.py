"""Outcomes are forgotten in bounded steps, prose arrives as it was sent, and a misspelt failpoint is an error."""

from __future__ import annotations

import pytest
import sqlalchemy

from holdfast_server import failpoints
from holdfast_server.ledger import queries
from holdfast_server.ledger.migrate import sqlalchemy_url
from integration.ledger.entries import KIND, Ledger, operation, receipt, request

PROSE = [
    "",
    " ",
    "NULL",
    "null",
    "{}",
    "{a,b}",
    'said "stop"',
    '"',
    '""',
    "\\",
    "\\\\",
    'back\\slash "and" quote\\"',
    "a,b,,c",
    "it's; DROP TABLE movement; --",
    "two\nlines\tand a tab",
    "Grüße, naïve — “quotes”",
    "日本語 🛒 👩‍👧",
    "%(segment)s %s :name $1",
    "\u2028\u200b\ufeff",
    "x" * 5000,
]


def test_prose_goes_through_the_writer_unchanged(ledger: Ledger) -> None:
    operations = [
        operation(
            number,
            KIND["RECEIVE"],
            [receipt(f"sku-{number}", 1)],
            request=request(f"request-{number}", reason=text, reference=text, on_behalf_of=text, body=text.encode()),
        )
        for number, text in enumerate(PROSE, start=1)
    ]
    ledger.write(operations)
    rows = ledger.query("SELECT reason, reference, on_behalf_of FROM operation ORDER BY position")
    assert rows == [(text, text, text) for text in PROSE]
    assert ledger.query("SELECT body FROM outcome ORDER BY position") == [(text.encode(),) for text in PROSE]
    assert not ledger.verdict().findings


def forget_before(ledger: Ledger, effective_us: int, limit: int) -> int:
    """Runs one step of the retention."""
    engine = sqlalchemy.create_engine(sqlalchemy_url(ledger.settings.postgres_url), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            return queries.remove_outcomes_before(connection, ledger.settings.segment, effective_us, limit)
    finally:
        engine.dispose()


def test_outcomes_older_than_the_retention_are_forgotten_in_bounded_steps(ledger: Ledger) -> None:
    ledger.query(
        "INSERT INTO outcome SELECT 'paper', 'request-' || n, n, n, '', '', '', '', '' FROM generate_series(1, 10) AS n"
    )
    assert [forget_before(ledger, 8, 3) for _ in range(4)] == [3, 3, 1, 0]
    assert ledger.query("SELECT effective_us FROM outcome ORDER BY 1") == [(8,), (9,), (10,)]


def test_the_retention_of_one_segment_leaves_the_outcomes_of_others_alone(ledger: Ledger) -> None:
    """Segments may have taken the same id, at different times."""
    ledger.query("INSERT INTO outcome VALUES ('paper', 'request-1', 1, 1, '', '', '', '', '')")
    ledger.query("INSERT INTO outcome VALUES ('other', 'request-1', 1, 1000, '', '', '', '', '')")
    assert forget_before(ledger, 8, 3) == 1
    assert ledger.query("SELECT segment FROM outcome") == [("other",)]


@pytest.mark.parametrize(
    "specification", ["nowhere:kill", "before_commit", "before_commit:sleep", ":kill", "before_commit:kill:many"]
)
def test_a_failpoint_that_is_misspelt_is_an_error_and_arms_nothing(
    specification: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failpoints, "_armed", {})
    with pytest.raises(ValueError):
        failpoints.arm(specification)
    assert failpoints._armed == {}


def test_no_failpoint_is_armed_unless_somebody_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "_armed", {})
    failpoints.arm("")
    for name in failpoints.NAMES:
        failpoints.reach(name)
    assert failpoints._armed == {}
