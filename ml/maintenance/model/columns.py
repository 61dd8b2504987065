"""The columns that a failure model was fitted to, and rows as the numbers that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
CodeArray = NDArray[np.float32]

BIAS = "bias"
"""Column of contributions that belongs to no feature: the log-odds where nothing is known of a row."""


@dataclass(frozen=True)
class Columns:
    """The d columns that a model was fitted to: names, and the categories of each (None where it is numeric)."""

    names: tuple[str, ...]
    categories: tuple[tuple[str, ...] | None, ...]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Columns:
        """Columns of a table: numeric, boolean or pandas categorical.

        Raises ValueError naming the column where one is of another kind, occurs twice or is called as BIAS is.
        """
        names = tuple(str(name) for name in frame.columns)
        if not names:
            raise ValueError("the table has no columns")
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"column '{doubled[0]}' occurs twice")
        if BIAS in names:
            raise ValueError(f"a feature can't be called '{BIAS}': contributions use that name; rename the column")
        return cls(names, tuple(_categories(name, frame.iloc[:, i]) for i, name in enumerate(names)))

    @property
    def types(self) -> list[str]:
        """(d,) XGBoost's letters: q for numbers, c for categories."""
        return ["q" if known is None else "c" for known in self.categories]

    def encode(self, frame: pd.DataFrame) -> CodeArray:
        """(n, d) numbers, and positions of categories; NaN where a value is missing or a category unknown.

        Columns are found by name, in any order. Raises ValueError that names what is missing, extra or renamed, what
        is of another kind than it was in the fit, and where there is an infinite value.
        """
        self._check_names([str(name) for name in frame.columns])
        codes = np.empty((len(frame), len(self.names)), dtype=np.float32)
        for i, (name, known) in enumerate(zip(self.names, self.categories, strict=True)):
            codes[:, i] = _codes(name, frame[name], known)
        infinite = np.isinf(codes)
        if infinite.any():
            row, column = np.argwhere(infinite)[0]
            raise ValueError(
                f"column '{self.names[column]}', row {row}: the value is infinite; leave unknown ones empty"
            )
        return codes

    def matrix(self, codes: CodeArray, label: FloatArray | None = None) -> xgb.DMatrix:
        """XGBoost's form of (n, d) encoded rows."""
        return xgb.DMatrix(codes, label, feature_types=self.types, enable_categorical=True, nthread=1)

    def _check_names(self, given: Sequence[str]) -> None:
        missing = [name for name in self.names if name not in given]
        extra = [name for name in given if name not in self.names]
        if not missing and not extra and len(given) == len(self.names):
            return
        words = []
        for name in missing:
            near = get_close_matches(name, extra, n=1, cutoff=0.5)
            words.append(f"'{name}' is missing" + (f" (renamed to '{near[0]}'?)" if near else ""))
        words += [f"'{name}' was not in the fit" for name in extra]
        raise ValueError("the columns are not those of the fit: " + ("; ".join(words) or "one occurs twice"))


def _categories(name: str, column: pd.Series) -> tuple[str, ...] | None:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return tuple(str(value) for value in column.cat.categories)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return None
    raise ValueError(f"column '{name}' is of type {column.dtype}; it must be numeric or a pandas category")


def _codes(name: str, column: pd.Series, known: tuple[str, ...] | None) -> FloatArray:
    found = _categories(name, column)
    if (found is None) != (known is None):
        kinds = ("numeric", "categorical")
        raise ValueError(f"column '{name}' is {kinds[found is not None]}, in the fit it was {kinds[known is not None]}")
    if found is None or known is None:
        return column.to_numpy(dtype=float, na_value=np.nan)
    position = {value: float(i) for i, value in enumerate(known)}
    codes = np.array([position.get(value, np.nan) for value in found] + [np.nan])
    return codes[column.cat.codes.to_numpy()]
