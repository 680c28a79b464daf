"""SQL that lives in .sql files as named statements: `-- name: NAME` begins one."""

from __future__ import annotations

import functools
import re
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@functools.cache
def load_statements(file_name: str) -> dict[str, str]:
    """Returns the statements of ledger/sql/<file_name> by name."""
    text = resources.files("holdfast_server.ledger").joinpath("sql", file_name).read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}
