"""What can go wrong between the journal and the ledger."""

from __future__ import annotations


class LedgerError(Exception):
    """The base of this module's errors."""


class Fenced(LedgerError):
    """Another writer or a rebuild has moved the cursor: this writer knows less than the ledger and must look again."""


class Disagreement(LedgerError):
    """The journal and the ledger do not fit. The segment is quarantined and rebuilt; no entry is ever skipped."""


class LedgerLost(LedgerError):
    """Postgres cannot be reached or broke off. What was under way is known only from the cursor."""
