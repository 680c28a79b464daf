"""The statements of the ledger writer, as Postgres prepares them: parameters by number, rows as columns.

In writer.sql `rows(NAME TYPE, ...)` stands for rows that travel with the statement; `arrays.py` says how.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast_server.ledger.arrays import BINARY_TYPES, Parameter, columns_of, plain
from holdfast_server.ledger.statements import load_statements

_ROWS = re.compile(r"\brows\(([^)]*)\)")
_PARAMETER = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedStatement:
    """A statement with numbered parameters: those of its rows come first, then the named ones."""

    name: bytes
    text: bytes
    column_types: tuple[str, ...]
    formats: tuple[int, ...]
    """Of each parameter: 1 where it is in binary form."""
    named: tuple[str, ...]

    def parameters(self, values: Mapping[str, Any], rows: Sequence[Sequence[Any]]) -> list[Parameter]:
        """Returns the parameters in their order. Raises ValueError or struct.error if a value is not of its type."""
        parameters = columns_of(self.column_types, rows) if self.column_types else []
        parameters += [plain(values[name]) for name in self.named]
        for parameter, format_ in zip(parameters, self.formats, strict=True):
            if not format_ and parameter and 0 in parameter:
                raise ValueError("text holds a zero byte")
        return parameters


@functools.cache
def prepared_statements(file_name: str) -> dict[str, PreparedStatement]:
    """Returns the statements of ledger/sql/<file_name> by name."""
    return {name: prepare(name, text) for name, text in load_statements(file_name).items()}


def prepare(name: str, text: str) -> PreparedStatement:
    """Returns a statement of writer.sql as Postgres takes it. Raises ValueError if it has rows twice."""
    columns: list[tuple[str, str]] = []

    def expand(found: re.Match[str]) -> str:
        if columns:
            raise ValueError(f"{name} has rows twice")
        columns.extend(_column(part) for part in found[1].split(","))
        return _subquery(columns)

    text = _ROWS.sub(expand, text)
    first_named = 2 * len(columns)
    named = list(dict.fromkeys(_PARAMETER.findall(text)))
    numbers = {parameter: number for number, parameter in enumerate(named, start=max(first_named, 1))}
    formats = [form for _, type_ in columns for form in (int(type_ in BINARY_TYPES), 0)]
    return PreparedStatement(
        name=name.encode(),
        text=_PARAMETER.sub(lambda found: f"${numbers[found[1]]}", text).encode(),
        column_types=tuple(type_ for _, type_ in columns),
        # The first column has no plain value.
        formats=(*formats[:1], *formats[2:], *(0 for _ in named)),
        named=tuple(named),
    )


def _column(part: str) -> tuple[str, str]:
    name, type_ = part.split()
    return name, type_


def _subquery(columns: Sequence[tuple[str, str]]) -> str:
    """Returns the rows as a query: the plain value of a column stands wherever its array has nothing."""
    (first, first_type), *others = columns
    values = [f"c0 AS {first}"]
    arrays = [f"$1::{first_type}[]"]
    for index, (name, type_) in enumerate(others, start=1):
        values.append(f"coalesce(c{index}, ${2 * index + 1}::{type_}) AS {name}")
        arrays.append(f"${2 * index}::{type_}[]")
    aliases = ", ".join(f"c{index}" for index in range(len(columns)))
    return f"(SELECT {', '.join(values)} FROM unnest({', '.join(arrays)}) AS given ({aliases}))"
