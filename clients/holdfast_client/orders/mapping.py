"""What the columns and rows of a file of order lines mean, declared in TOML.

Owns the declaration and its checks. It reads no orders.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import cast

DEFAULT_MAPPING_FILE = "online_retail.toml"


class MappingError(Exception):
    """The mapping cannot be used; the message says which key is wrong and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMapping:
    """How the lines of one kind of file are read.

    Columns that the file does not have are empty strings here; only `channel_column`, `customer_column` and
    `description_column` may be.
    """

    name: str
    order_column: str
    sku_column: str
    quantity_column: str
    time_column: str
    channel_column: str
    customer_column: str
    description_column: str
    delimiter: str
    time_format: str
    """As of `datetime.strptime`."""
    upper_case_skus: bool
    default_channel: str
    no_stock_codes: frozenset[str]
    no_stock_patterns: tuple[re.Pattern[str], ...]
    cancellation_prefix: str
    """Orders whose number starts so are cancellations. Empty: there are none."""
    write_off_reason: str
    stock_found_empty_columns: tuple[str, ...]
    """A positive line with all of these empty is found stock, not a sale.

    None: every positive line is a sale.
    """
    stock_found_reason: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the file must have."""
        named = (
            self.order_column,
            self.sku_column,
            self.quantity_column,
            self.time_column,
            self.channel_column,
            self.customer_column,
            self.description_column,
            *self.stock_found_empty_columns,
        )
        return tuple(dict.fromkeys(column for column in named if column))

    def moves_no_stock(self, sku: str) -> bool:
        """Whether the code stands for postage, a fee, a discount or the like."""
        return sku in self.no_stock_codes or any(pattern.fullmatch(sku) for pattern in self.no_stock_patterns)

    def is_cancellation(self, order: str) -> bool:
        """Whether the order number is that of a cancellation."""
        return bool(self.cancellation_prefix) and order.startswith(self.cancellation_prefix)


def load_mapping(path: Path | None = None) -> OrderMapping:
    """Reads a mapping from a file, or the one that ships with the package.

    Raises MappingError if it cannot be read, lacks a key, or has one that nobody knows.
    """
    try:
        if path is None:
            text = resources.files(__package__).joinpath(DEFAULT_MAPPING_FILE).read_text(encoding="utf-8")
        else:
            text = path.read_text(encoding="utf-8")
        return mapping_from(tomllib.loads(text))
    except OSError as error:
        raise MappingError(f"{path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingError(f"{path or DEFAULT_MAPPING_FILE} is not TOML: {error}") from error


def mapping_from(declared: dict[str, object]) -> OrderMapping:
    """Checks a declared mapping. Raises MappingError with the first key that is wrong."""
    top = _Table(declared, "")
    columns, layout, rows = top.table("columns"), top.table("format"), top.table("rows")
    no_stock, cancellation = rows.table("no_stock"), rows.table("cancellation")
    write_off, stock_found = rows.table("write_off"), rows.table("stock_found")
    sku_case = layout.text("sku_case", default="keep")
    if sku_case not in {"keep", "upper"}:
        raise MappingError(f'format.sku_case must be "keep" or "upper", not {sku_case!r}')
    mapping = OrderMapping(
        name=top.text("name", default="orders"),
        order_column=columns.text("order"),
        sku_column=columns.text("sku"),
        quantity_column=columns.text("quantity"),
        time_column=columns.text("time"),
        channel_column=columns.text("channel", default=""),
        customer_column=columns.text("customer", default=""),
        description_column=columns.text("description", default=""),
        delimiter=layout.text("delimiter", default=","),
        time_format=layout.text("time"),
        upper_case_skus=sku_case == "upper",
        default_channel=layout.text("default_channel", default="Unspecified"),
        no_stock_codes=frozenset(no_stock.texts("codes")),
        no_stock_patterns=tuple(_pattern(pattern) for pattern in no_stock.texts("patterns")),
        cancellation_prefix=cancellation.text("order_prefix", default=""),
        write_off_reason=write_off.text("reason", default="write-off"),
        stock_found_empty_columns=stock_found.texts("empty_columns"),
        stock_found_reason=stock_found.text("reason", default="stock found"),
    )
    for table in (top, columns, layout, rows, no_stock, cancellation, write_off, stock_found):
        table.refuse_the_rest()
    return mapping


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise MappingError(f"rows.no_stock.patterns: {text!r} is no regular expression: {error}") from error


class _Table:
    """One TOML table that knows its name and which of its keys were asked for."""

    def __init__(self, values: dict[str, object], name: str) -> None:
        self._values = dict(values)
        self._prefix = f"{name}." if name else ""

    def table(self, key: str) -> _Table:
        value = self._values.pop(key, {})
        if not isinstance(value, dict):
            raise MappingError(f"{self._prefix}{key} must be a table")
        return _Table(cast(dict[str, object], value), f"{self._prefix}{key}")

    def text(self, key: str, *, default: str | None = None) -> str:
        value = self._values.pop(key, default)
        if value is None:
            raise MappingError(f"{self._prefix}{key} is missing")
        if not isinstance(value, str) or (default is None and not value):
            raise MappingError(f"{self._prefix}{key} must be a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._values.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise MappingError(f"{self._prefix}{key} must be a list of texts")
        return tuple(cast(list[str], value))

    def refuse_the_rest(self) -> None:
        if self._values:
            raise MappingError(f"{self._prefix}{min(self._values)} is not known")
