"""A user's table for training: one row an observation, a binary target, and columns of numbers or categories.

Whatever can't be learned from is left out and said; what stands in the way is refused with file, column and row.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from grid.times.column import TimeNotation, are_times
from ml.tables.csv_text import CsvText, FloatArray, TableError, numbers, read_text, unknown
from ml.tables.times import column_times

FEWEST_ROWS, FEWEST_EVENTS = 100, 20
"""Below these no split leaves enough to train, calibrate and test on."""
MOST_CATEGORIES = 100
SECONDS_A_DAY = 86_400
YES_NO = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "y": 1.0, "n": 0.0, "ja": 1.0, "nein": 0.0}
ZERO_ONE = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "0,0": 0.0, "1,0": 1.0}


@dataclass(frozen=True)
class Roles:
    """Which columns are what: target 0 or 1; time of a row; asset it belongs to; group to split by; not to be used.

    time_of_day: a second column of times, where the first holds dates alone. notation: how times are written.
    """

    target: str
    time: str | None = None
    asset: str | None = None
    group: str | None = None
    drop: tuple[str, ...] = ()
    time_of_day: str | None = None
    notation: TimeNotation = TimeNotation()  # noqa: RUF009 - frozen


@dataclass(frozen=True, eq=False)
class TrainingTable:
    """n rows. features (n, d): numeric or pandas categories. label (n,) 0 or 1. time (n,): days, or the file's numbers.

    asset and group (n,) as text, None where there is no such column. left_out: column and why, to be told; notes: how
    times were read.
    """

    name: str
    target: str
    features: pd.DataFrame
    label: FloatArray
    time: FloatArray | None
    asset: NDArray[np.str_] | None
    group: NDArray[np.str_] | None
    left_out: dict[str, str]
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """n."""
        return len(self.label)

    def without(self, columns: list[str]) -> TrainingTable:
        """The same rows without some features."""
        return TrainingTable(**{**vars(self), "features": self.features.drop(columns=columns)})


def read_table(path: Path, roles: Roles) -> TrainingTable:
    """Read and check a CSV file; TableError names what is wrong and where."""
    text = read_text(path)
    named = [roles.target, *filter(None, (roles.time, roles.time_of_day, roles.asset, roles.group)), *roles.drop]
    for name in named:
        if name not in text.columns:
            near = get_close_matches(name, text.columns, n=1)
            raise TableError(text.name, "no such column" + (f"; '{near[0]}'?" if near else ""), name)
    if roles.target in named[1:]:
        raise TableError(text.name, "is the target and can't be anything else as well", roles.target)
    label = outcome(text, roles.target)
    time, notes = (None, ()) if roles.time is None else _time(text, roles.time, roles)
    features, left_out = _features(text, roles)
    if not len(features.columns):
        raise TableError(text.name, "no column is left to learn from: " + _told(left_out))
    asset, group = (None if name is None else _names(text, name) for name in (roles.asset, roles.group))
    return TrainingTable(text.name, roles.target, features, label, time, asset, group, left_out, notes)


def outcome(text: CsvText, target: str) -> FloatArray:
    """(n,) 0 or 1 of a column; TableError where it isn't binary, has unknown values or too few of either."""
    values = text.columns[target]
    missing = unknown(values)
    if missing.all():
        raise TableError(text.name, "is empty in all rows", target)
    if missing.any():
        reason = "the target is empty; remove the row or fill it"
        raise TableError(text.name, reason, target, text.rows[int(missing.argmax())])
    words = {value.lower() for value in values}
    if words <= set(YES_NO):
        label = np.array([YES_NO[value.lower()] for value in values])
    else:
        label = np.array([ZERO_ONE.get(value, np.nan) for value in values])
        wrong = np.isnan(label)
        if wrong.any():
            row, shown = int(wrong.argmax()), ", ".join(sorted(words)[:5])
            raise TableError(text.name, f"is not binary: 0 and 1, or yes and no; found {shown}", target, text.rows[row])
    events = int(label.sum())
    if events in (0, len(label)):
        raise TableError(text.name, f"has {'no' if not events else 'nothing but'} events", target)
    if len(label) < FEWEST_ROWS or min(events, len(label) - events) < FEWEST_EVENTS:
        least = f"{FEWEST_ROWS} rows with {FEWEST_EVENTS} events and as many others are the least"
        raise TableError(text.name, f"{len(label)} rows with {events} events are too few; {least}", target)
    return label


def _time(text: CsvText, column: str, roles: Roles) -> tuple[FloatArray, tuple[str, ...]]:
    """(n,) days since 1970, or the column's own numbers; and what was inferred of them."""
    values = text.columns[column]
    missing = unknown(values)
    if missing.any():
        raise TableError(text.name, "the time is empty", column, text.rows[int(missing.argmax())])
    if roles.time_of_day is None and roles.notation == TimeNotation():
        found = numbers(text, column)
        if found is not None and not are_times(values):
            return found, (f"'{column}' holds numbers: they are the time, in their own unit",)
    times = column_times(text, column, roles.time_of_day, roles.notation)
    return times.wall.astype(np.int64) / 1e6 / SECONDS_A_DAY, times.notes


def _names(text: CsvText, column: str) -> NDArray[np.str_]:
    missing = unknown(text.columns[column])
    if missing.any():
        raise TableError(text.name, "is empty", column, text.rows[int(missing.argmax())])
    found = np.array(text.columns[column], dtype=str)
    if len(np.unique(found)) < 5:
        raise TableError(text.name, f"has {len(np.unique(found))} values; a split needs 5 at least", column)
    return found


def _features(text: CsvText, roles: Roles) -> tuple[pd.DataFrame, dict[str, str]]:
    """What can be learned from, and why the rest can't."""
    kept: dict[str, pd.Series] = {}
    left_out: dict[str, str] = {}
    uses = {
        roles.target: "is the target",
        roles.time: "is the time",
        roles.time_of_day: "is the time",
        roles.asset: "names the asset",
    }
    for name, values in text.columns.items():
        if name in roles.drop:
            left_out[name] = "dropped as asked"
        elif name in uses:
            left_out[name] = uses[name]
        else:
            found = numbers(text, name)
            column = _words(values) if found is None else pd.Series(found)
            reason = "holds times; name it with --time" if found is None and _all_times(values) else _useless(column)
            if reason:
                left_out[name] = reason
            else:
                kept[name] = column
    return pd.DataFrame(kept), {name: why for name, why in left_out.items() if name != roles.target}


def _all_times(values: list[str]) -> bool:
    known = {value for value, gone in zip(values, unknown(values), strict=True) if not gone}
    return bool(known) and are_times(sorted(known))


def _words(values: list[str]) -> pd.Series:
    missing = unknown(values)
    return pd.Series(pd.Categorical([None if gone else v for v, gone in zip(values, missing, strict=True)]))


def _useless(column: pd.Series) -> str | None:
    """Why nothing can be learned from a column; None where something can."""
    distinct, known = column.nunique(), int(column.notna().sum())
    if not known:
        return "is empty"
    if distinct == 1 and known == len(column):
        return "has one value in all rows"
    words = isinstance(column.dtype, pd.CategoricalDtype)
    whole = words or bool((column.dropna() % 1 == 0).all())
    if distinct == known and known > len(column) / 2 and whole:
        return "is unique in each row, as an id is"
    if words and distinct > MOST_CATEGORIES:
        return f"has {distinct} different words, more than {MOST_CATEGORIES}"
    return None


def _told(left_out: dict[str, str]) -> str:
    return "; ".join(f"'{name}' {why}" for name, why in left_out.items())
