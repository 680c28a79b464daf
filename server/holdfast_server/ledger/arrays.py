"""Rows on their way to Postgres: column by column, each in the form that costs least to write and to read.

A column that is the same in every row travels once, as a plain value: most columns of most batches are. Of the others,
numbers and bytes travel in Postgres's binary form and text as one literal, which one join makes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any, Final

Parameter = bytes | None
"""A parameter as it goes over the wire."""

# dimensions, whether there are nulls, type of the elements, how many, number of the first one
_ARRAY_HEAD: Final = struct.Struct("!iiIii").pack
_LENGTH: Final = struct.Struct("!i").pack
_BYTEA_OID: Final = 17
_NUMBERS: Final = {"smallint": (21, 2, "h"), "integer": (23, 4, "i"), "bigint": (20, 8, "q")}
"""The object id of each type of numbers, the bytes of one, and how struct calls it."""

BINARY_TYPES: Final = frozenset({"bytea", *_NUMBERS})
"""The types whose arrays travel in binary form."""


def array_of(type_: str, values: Sequence[Any]) -> bytes:
    """Returns values of a type, at least one, as an array parameter of the form that BINARY_TYPES tells."""
    if type_ == "text":
        return _text_array(values).encode()
    if type_ == "bytea":
        lengths = map(_LENGTH, map(len, values))
        return _head(_BYTEA_OID, values) + b"".join(chain.from_iterable(zip(lengths, values, strict=True)))
    if type_ == "boolean":
        return b"{" + b",".join(map(plain, values)) + b"}"
    oid, size, code = _NUMBERS[type_]
    return _head(oid, values) + struct.pack(
        "!" + f"i{code}" * len(values), *chain.from_iterable(zip(repeat(size), values, strict=False))
    )


def _head(oid: int, values: Sequence[Any]) -> bytes:
    return _ARRAY_HEAD(1, 0, oid, len(values), 1)


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


def plain(value: object) -> bytes:
    """Returns a single value as a parameter in text form."""
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    if isinstance(value, list):
        return _text_array(value).encode() if value else b"{}"
    return str(value).encode()


def columns_of(types: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Parameter]:
    """Returns rows, at least one, as parameters: for each column an array and a plain value, one of which is None.

    The first column is always an array, without its plain value: its length says how many rows there are.
    """
    first, *others = zip(*rows, strict=True)
    parameters: list[Parameter] = [array_of(types[0], first)]
    for type_, column in zip(types[1:], others, strict=True):
        value = column[0]
        if value == column[-1] and column.count(value) == len(column):
            parameters += None, plain(value)
        else:
            parameters += array_of(type_, column), None
    return parameters
