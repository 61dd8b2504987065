"""How well columns predict the outcome by the event rates of their values alone, learned on other rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from ml.tables.csv_text import FloatArray

BINS = 50
FOLDS = 5

Codes = NDArray[np.intp]


def folds(label: FloatArray, seed: int) -> Codes:
    """(n,) number of the part, of five stratified by the (n,) outcome, that a row is tested in."""
    part = np.zeros(len(label), dtype=np.intp)
    parts = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(label, label)
    for number, (_, test) in enumerate(parts):
        part[test] = number
    return part


def codes(column: pd.Series, bins: int = BINS) -> Codes:
    """(n,) numbers of a column's values, or of so many bins of equal count where it has more; unknown is one."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.factorize(column, use_na_sentinel=False)[0]
    values = column.to_numpy(dtype=float)
    known = values[~np.isnan(values)]
    edges = np.unique(known)
    if len(edges) > bins:
        edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[:-1]))
    return np.searchsorted(edges, values, side="right")


def rates(code: Codes, label: FloatArray, part: Codes) -> FloatArray:
    """(n,) event rates of the rows of one code in the other parts, drawn to the base rate by the weight of one row."""
    rate, _, _ = _cells(code, label, part)
    return rate[part, code]


def share_of_way(code: Codes, label: FloatArray, part: Codes) -> float:
    """How much of the way from the base rate to a perfect PR-AUC the (n,) rates of codes in other parts go."""
    rate, rows, events = (table.ravel() for table in _cells(code, label, part))
    found = rows > 0
    _, step = np.unique(-rate[found], return_inverse=True)  # rows of one rate are one step
    flagged, hit = np.cumsum(np.bincount(step, rows[found])), np.cumsum(np.bincount(step, events[found]))
    precision = float((np.diff(hit, prepend=0) * hit / flagged).sum() / hit[-1])
    return share_of_precision(precision, label)


def share_of_precision(precision: float, label: FloatArray) -> float:
    """How much of the way from the base rate of (n,) outcomes to a perfect PR-AUC an average precision is."""
    rate = float(label.mean())
    return (precision - rate) / (1 - rate)


def _cells(code: Codes, label: FloatArray, part: Codes) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(5, codes) tables by part: event rate in the other parts, rows, events."""
    cells = int(code.max()) + 1
    place = part * cells + code
    rows = np.bincount(place, minlength=FOLDS * cells).reshape(FOLDS, cells).astype(float)
    events = np.bincount(place, label, minlength=FOLDS * cells).reshape(FOLDS, cells).astype(float)
    rate: FloatArray = (events.sum(axis=0) - events + label.mean()) / (rows.sum(axis=0) - rows + 1)
    return rate, rows, events
