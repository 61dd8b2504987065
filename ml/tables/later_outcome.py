"""What became of a table's rows later: a second file, one row each, with an outcome of 0 or 1."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.tables.csv_text import CsvText, FloatArray, TableError, read_text
from ml.tables.training_table import outcome


@dataclass(frozen=True, eq=False)
class LaterOutcome:
    """A file's name, its outcome's, and (n,) outcomes 0 or 1 of a table's rows, NaN where the file doesn't tell."""

    name: str
    target: str
    label: FloatArray


def read_later(path: Path, table: Path) -> LaterOutcome:
    """Read the later outcomes of a table's rows, joined by the one column that both files have.

    Raises TableError where there is another number of columns than that one and the outcome, where a value of it comes
    twice in either file, or where no row is told.
    """
    text, own = read_text(path), read_text(table)
    keys = [name for name in text.columns if name in own.columns]
    targets = [name for name in text.columns if name not in own.columns]
    if len(keys) != 1 or len(targets) != 1:
        reason = (
            f"two columns are needed: one of {own.name} that names the row, and the later outcome; "
            f"found {', '.join(text.columns)}"
        )
        raise TableError(text.name, reason)
    label = dict(zip(_unique(text, keys[0]), outcome(text, targets[0]), strict=True))
    found = np.array([label.get(value, np.nan) for value in _unique(own, keys[0])])
    if np.isnan(found).all():
        raise TableError(text.name, f"no value of it is in {own.name}", keys[0])
    return LaterOutcome(text.name, targets[0], found)


def _unique(text: CsvText, column: str) -> list[str]:
    """A column's values; TableError names the row where one comes again."""
    seen: set[str] = set()
    for value, row in zip(text.columns[column], text.rows, strict=True):
        if value in seen:
            raise TableError(text.name, f"'{value}' comes twice, so that rows can't be joined by it", column, row)
        seen.add(value)
    return text.columns[column]
