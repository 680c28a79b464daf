"""Postgres array literals, written as text: thousands of values cost one join instead of one adapter each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def array_literal(values: Sequence[object]) -> str:
    """Returns the array literal of values of one type: integers, text or bytes."""
    if values and isinstance(values[0], str):
        return _text_array(values)  # type: ignore[arg-type]
    if values and isinstance(values[0], bytes):
        return "{" + ",".join(f'"\\\\x{value.hex()}"' for value in values) + "}"  # type: ignore[attr-defined]
    return "{" + ",".join(map(str, values)) + "}"


def _text_array(texts: Sequence[str]) -> str:
    everything = "".join(texts)
    if "\\" in everything or '"' in everything:
        return "{" + ",".join(map(_quoted, texts)) + "}"
    # Nothing needs an escape, as in nearly every column: one join does it.
    return '{"' + '","'.join(texts) + '"}'


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def columns(rows: Iterable[Sequence[object]]) -> dict[str, str]:
    """Returns rows as the parameters c0, c1, ... of an unnest statement, one array literal per column."""
    return {f"c{number}": array_literal(column) for number, column in enumerate(zip(*rows, strict=True))}
