"""Text of a CSV file as columns of numbers or words, whatever its separator, decimal sign and encoding."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

UNKNOWN = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?"})
"""What stands for a value that isn't known, in any case of letters."""
SEPARATORS = (";", "\t", ",")
DECIMAL_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+([eE][+-]?\d+)?")
STRAY_SHARE = 0.01
"""Of a column's values: so few that aren't numbers are taken for mistakes, more for words."""


class TableError(ValueError):
    """Something in a user's table that stands in the way: file, column, row (the header is row 1) and reason."""

    def __init__(self, file: str, reason: str, column: str | None = None, row: int | None = None) -> None:
        places = [file]
        places += [f"column '{column}'"] if column is not None else []
        places += [f"row {row}"] if row is not None else []
        super().__init__(f"{', '.join(places)}: {reason}")
        self.file, self.reason, self.column, self.row = file, reason, column, row


@dataclass(frozen=True)
class CsvText:
    """A file's name, its columns' texts by name, each (n,) and stripped, and how they were written.

    rows: (n,) numbers of the rows as a spreadsheet counts them; empty lines count, though they are no rows.
    """

    name: str
    columns: dict[str, list[str]]
    rows: tuple[int, ...]
    separator: str
    encoding: str


def read_text(path: Path) -> CsvText:
    """Read a CSV file of UTF-8, UTF-16 or Windows-1252 with commas, semicolons or tabs.

    Raises TableError where it can't be read, has no rows, a row has another number of fields than the header, or two
    columns have one name.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TableError(str(path), f"can't be read: {error.strerror}") from None
    text, encoding = _decoded(content)
    if "\0" in text:
        raise TableError(path.name, "is not text; a CSV file is needed")
    header_line = text.partition("\n")[0]
    separator = max(SEPARATORS, key=header_line.count)
    lines = enumerate(csv.reader(io.StringIO(text), delimiter=separator), start=1)
    places, rows = [], []
    for place, row in lines:
        if any(field.strip() for field in row):
            places.append(place)
            rows.append(row)
    if len(rows) < 2:
        raise TableError(path.name, "has no rows below the header")
    names = [field.strip() or f"(column {i + 1})" for i, field in enumerate(rows[0])]
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise TableError(path.name, f"occurs {names.count(doubled[0])} times in the header", doubled[0])
    for place, row in zip(places, rows, strict=True):
        if len(row) != len(names):
            raise TableError(path.name, f"has {len(row)} fields, the header has {len(names)}", row=place)
    columns = {name: [row[i].strip() for row in rows[1:]] for i, name in enumerate(names)}
    return CsvText(path.name, columns, tuple(places[1:]), separator, encoding)


def _decoded(content: bytes) -> tuple[str, str]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace"), "utf-16"
    try:
        return content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace"), "windows-1252"


def unknown(values: list[str]) -> NDArray[np.bool_]:
    """(n,) whether a value stands for one that isn't known."""
    return np.array([value.lower() in UNKNOWN for value in values], dtype=bool)


def numbers(text: CsvText, column: str) -> FloatArray | None:
    """(n,) numbers of a column, NaN where unknown; None where it holds words.

    A comma is a decimal one, and points are then for thousands. Raises TableError naming the row where single values
    among numbers are none, or are infinite.
    """
    values = text.columns[column]
    missing = unknown(values)
    commas = any(DECIMAL_COMMA.fullmatch(value) for value in values)
    found = np.array([np.nan if gone else _number(value, commas) for value, gone in zip(values, missing, strict=True)])
    strays = np.isnan(found) & ~missing
    if strays.any():
        if strays.sum() > max(1, STRAY_SHARE * len(values)) or (~np.isnan(found)).sum() < 10 * strays.sum():
            return None
        place = int(np.argmax(strays))
        reason = f"'{values[place]}' is not a number, though the others are"
        raise TableError(text.name, reason, column, text.rows[place])
    infinite = np.isinf(found)
    if infinite.any():
        place = int(np.argmax(infinite))
        reason = f"'{values[place]}' is not finite; leave it empty where it isn't known"
        raise TableError(text.name, reason, column, text.rows[place])
    return found


def _number(text: str, commas: bool) -> float:
    """A number's value, NaN where it is none."""
    if commas:
        if DECIMAL_COMMA.fullmatch(text):
            text = text.replace(".", "").replace(",", ".")
        elif "." in text:
            return np.nan  # beside decimal commas nobody can tell what a point means
    try:
        return float(text) if "_" not in text else np.nan
    except ValueError:
        return np.nan
