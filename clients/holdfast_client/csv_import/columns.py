"""Which column of a file holds which field: from the command line, from TOML, or by the field's own name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from holdfast_client.csv_import.reading import UnreadableFileError


class MappingError(Exception):
    """The mapping cannot be used; the message says why."""


def parse_map_option(text: str) -> dict[str, str]:
    """Reads "sku=StockCode,display_name=Description" as column by field.

    Raises MappingError if it is not of that form.
    """
    columns: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        field, separator, column = (side.strip() for side in part.partition("="))
        if not (field and separator and column):
            raise MappingError(f"{part!r} is not of the form field=Column")
        if field in columns:
            raise MappingError(f"the field {field!r} is mapped twice")
        columns[field] = column
    return columns


def load_columns(path: Path) -> dict[str, str]:
    """Reads the table [columns] of a TOML file as column by field. Raises MappingError if there is none."""
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MappingError(f"{path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingError(f"{path} is not TOML: {error}") from error
    columns = declared.get("columns")
    if set(declared) != {"columns"} or not isinstance(columns, dict):
        raise MappingError(f"{path} must have the table [columns] and nothing else")
    for field, column in columns.items():
        if not isinstance(column, str) or not column:
            raise MappingError(f"columns.{field} in {path} must be the name of a column")
    return columns


def resolve_columns(
    mapped: Mapping[str, str], *, header: Sequence[str], fields: Sequence[str], required: Sequence[str]
) -> dict[str, str]:
    """The column of every field that the file has: the mapped one, or the one that is called like the
    field.

    Raises MappingError for a field that nobody knows, and UnreadableFileError if a mapped column or that of
    a required field is not in the file.
    """
    if unknown := sorted(set(mapped) - set(fields)):
        raise MappingError(f"there is no field {unknown[0]!r}; the fields are {', '.join(fields)}")
    columns = {field: mapped.get(field, field) for field in fields}
    for field, column in columns.items():
        if column not in header and (field in mapped or field in required):
            raise UnreadableFileError(
                f"the file has no column {column!r} for the field {field!r}; "
                f"its columns are {', '.join(map(repr, header))}"
            )
    return {field: column for field, column in columns.items() if column in header}
