"""What a failure model of a table is worth on rows that it has not seen: splits, models to compare, figures.

Every row is predicted by models fitted without its asset and calibrated on third rows; with a time, all that a model
saw lies before what it is asked about, with a gap between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ml.maintenance.model.metrics import Draws
from ml.maintenance.model.model import FailureEnsemble
from ml.tables.csv_text import FloatArray
from ml.tables.training_table import TrainingTable

FOLDS = 5
BLOCKS = (0.55, 0.7, 0.85)
"""Where test blocks start, as shares of the rows by time; each ends where the next starts."""
FIT_SHARE = 0.75
"""Of what lies before a test block: the earlier part is fitted to, the later one calibrated on."""
GAP_SHARE = 0.02
"""Of the time that the table covers: left out between fitting, calibrating and testing where no gap is given."""
FEWEST_EVENTS = 5

ENSEMBLE, LOGISTIC, SINGLE = "ensemble", "logistic regression", "best single column"

Rows = NDArray[np.intp]
Fitter = Callable[[pd.DataFrame, FloatArray, pd.DataFrame, FloatArray, pd.DataFrame], dict[str, FloatArray]]
"""From features and labels to fit to, the same to calibrate on, and features to test: probabilities by name."""


@dataclass(frozen=True, eq=False)
class Fold:
    """Indices of rows to fit to, to calibrate on and to test."""

    fit: Rows
    calibrate: Rows
    test: Rows


@dataclass(frozen=True, eq=False)
class Split:
    """Folds, in words how they are made, and (n,) what is resampled for intervals."""

    folds: list[Fold]
    words: str
    unit: NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Predictions of held-out rows: row indices (m,), label (m,), unit (m,), probabilities (m,) by model."""

    rows: Rows
    label: FloatArray
    unit: NDArray[np.generic]
    probability: dict[str, FloatArray]

    def draws(self, seed: int) -> Draws:
        """Resamples of the units."""
        return Draws.of(self.unit, np.random.default_rng(seed))


def split(
    table: TrainingTable,
    seed: int,
    gap: float | None = None,
    group: NDArray[np.generic] | None = None,
    words: str = "group",
) -> Split:
    """By asset (or by another (n,) group, called words) and by time where these exist, else stratified by the target.

    gap in the time's unit. Raises ValueError where a part would hold fewer than 5 events or nothing else.
    """
    by, words = (table.asset, "asset") if group is None else (group, words)
    unit = np.arange(table.rows) if by is None else by
    if table.time is None:
        told = f"{FOLDS} folds " + ("stratified by the target" if by is None else f"by {words}")
        return Split(_checked(_folds(_parts(table.label, by, seed)), table.label), told, unit)
    gap = usual_gap(table.time) if gap is None else gap
    folds = _timed(table.time, gap)
    told = f"{len(folds)} blocks by time, each after what its model saw, with gaps of {gap:.4g}"
    if by is not None:
        across = _folds(_parts(table.label, by, seed))
        folds = [_both(when, who) for when in folds for who in across]
        told += f", and {FOLDS} folds by {words} in each"
    return Split(_checked(folds, table.label), told, unit)


def last_fold(table: TrainingTable, seed: int, gap: float | None = None) -> Fold:
    """Rows that the model to be kept is fitted to and calibrated on: other assets, later times; nothing is tested."""
    everything = np.arange(table.rows)
    fold = Fold(everything, everything, everything)
    if table.time is not None:
        gap = usual_gap(table.time) if gap is None else gap
        middle = np.quantile(table.time, FIT_SHARE)
        fold = Fold(np.flatnonzero(table.time < middle - gap), np.flatnonzero(table.time >= middle), everything)
    if table.time is None or table.asset is not None:
        part = _parts(table.label, table.asset, seed)
        fold = _both(fold, Fold(np.flatnonzero(part > 0), np.flatnonzero(part == 0), everything))
    return _checked([fold], table.label)[0]


def usual_gap(time: FloatArray) -> float:
    """The gap where none is given, in the time's unit."""
    return GAP_SHARE * float(np.ptp(time))


def _both(first: Fold, second: Fold) -> Fold:
    return Fold(*(np.intersect1d(a, b) for a, b in zip(_arrays(first), _arrays(second), strict=True)))


def _arrays(fold: Fold) -> tuple[Rows, Rows, Rows]:
    return fold.fit, fold.calibrate, fold.test


def _parts(label: FloatArray, groups: NDArray[np.generic] | None, seed: int) -> NDArray[np.int64]:
    """(n,) number of the part that each row is tested in."""
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    part = np.zeros(len(label), dtype=np.int64)
    for i, (_, test) in enumerate(kind(FOLDS, shuffle=True, random_state=seed).split(label[:, None], label, groups)):
        part[test] = i
    return part


def _folds(part: NDArray[np.int64]) -> list[Fold]:
    """Each part is tested once, the next one is calibrated on, the others are fitted to."""
    parts = int(part.max()) + 1
    found = []
    for i in range(parts):
        following = (i + 1) % parts
        fit = np.flatnonzero((part != i) & (part != following))
        found.append(Fold(fit, np.flatnonzero(part == following), np.flatnonzero(part == i)))
    return found


def _timed(time: FloatArray, gap: float) -> list[Fold]:
    """Blocks of time to test, with gaps before them and before what is calibrated on."""
    starts = [*np.quantile(time, BLOCKS), np.inf]
    found = []
    for start, end in pairwise(starts):
        seen = time < start - gap
        middle = np.quantile(time[seen], FIT_SHARE) if seen.any() else start
        fit, calibrate = time < middle - gap, seen & (time >= middle)
        found.append(Fold(*(np.flatnonzero(mask) for mask in (fit, calibrate, (time >= start) & (time < end)))))
    return found


def _checked(folds: list[Fold], label: FloatArray) -> list[Fold]:
    """Folds whose tests have rows; ValueError where there is too little to fit to or to calibrate on."""
    for fold in folds:
        for words, rows in (("fit to", fold.fit), ("calibrate on", fold.calibrate)):
            events = int(label[rows].sum())
            if min(events, len(rows) - events) < FEWEST_EVENTS:
                raise ValueError(
                    f"the split leaves {len(rows)} rows with {events} events to {words}; {FEWEST_EVENTS} events and as "
                    "many others are the least: fewer columns to split by, a smaller gap, or more rows"
                )
    return [fold for fold in folds if len(fold.test)]


def held_out(features: pd.DataFrame, label: FloatArray, made: Split, fitters: Sequence[Fitter]) -> HeldOut:
    """Predict the test rows of all folds with models fitted and calibrated on the others."""
    rows, found = [], []
    for fold in made.folds:
        fit, calibrate, test = (features.iloc[part] for part in _arrays(fold))
        parts = [fitter(fit, label[fold.fit], calibrate, label[fold.calibrate], test) for fitter in fitters]
        rows.append(fold.test)
        found.append({name: values for part in parts for name, values in part.items()})
    index = np.concatenate(rows)
    probability = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    return HeldOut(index, label[index], made.unit[index], probability)


def ensemble(seed: int) -> Fitter:
    """The failure ensemble, and each of its members on its own."""

    def fitted(
        fit: pd.DataFrame, y: FloatArray, calibrate: pd.DataFrame, z: FloatArray, test: pd.DataFrame
    ) -> dict[str, FloatArray]:
        model = FailureEnsemble(seed=seed).fit(fit, y).calibrate(calibrate, z)
        return {ENSEMBLE: model.predict_proba(test)[:, 1]} | model.member_probability(test)

    return fitted


def logistic(
    fit: pd.DataFrame, y: FloatArray, calibrate: pd.DataFrame, z: FloatArray, test: pd.DataFrame
) -> dict[str, FloatArray]:
    """Logistic regression on standardised numbers (unknown: the median) and one column for each category.

    It has no calibration of its own, so it is fitted to the rows for calibration too.
    """
    words = [name for name in fit if isinstance(fit[name].dtype, pd.CategoricalDtype)]
    figures = [name for name in fit if name not in words]
    prepared = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), figures),
        (make_pipeline(OneHotEncoder(handle_unknown="ignore")), words),
    )
    model = make_pipeline(prepared, LogisticRegression(max_iter=1000))
    model.fit(pd.concat([fit, calibrate]), np.concatenate([y, z]))
    return {LOGISTIC: model.predict_proba(test)[:, 1]}


def best_single(
    fit: pd.DataFrame, y: FloatArray, calibrate: pd.DataFrame, z: FloatArray, test: pd.DataFrame
) -> dict[str, FloatArray]:
    """The column that predicts the rows for calibration best on its own, by XGBoost and a forest of that column."""

    def alone(name: str) -> tuple[float, FailureEnsemble]:
        model = FailureEnsemble(rounds=30, depth=2, trees=10).fit(fit[[name]], y)
        return float(average_precision_score(z, model.predict_proba(calibrate[[name]])[:, 1])), model

    _, model = max((alone(name) for name in fit), key=lambda found: found[0])
    chosen = list(model.columns_.names)
    return {SINGLE: model.calibrate(calibrate[chosen], z).predict_proba(test[chosen])[:, 1]}
