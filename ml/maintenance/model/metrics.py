"""How good failure probabilities are, with 95 % intervals from resampling assets (not rows: those of an asset agree).

Every figure is a statistic of weights of groups, so that one vectorised pass answers for all resamples, and so that two
models are compared on the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Statistic = Callable[[FloatArray], FloatArray]
"""From (b, g) weights of groups to (b,) values of a figure, NaN where it has none."""

INTERVAL_PERCENT = (2.5, 97.5)
CELLS_AT_ONCE = 500_000
"""Weights of rows that are held in memory at once."""


@dataclass(frozen=True)
class Figure:
    """A figure and its 95 % interval; all NaN where there is nothing to tell it from."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True, eq=False)
class Draws:
    """Resamples of groups: group (n,) index of each row's group, times (b, g) how often each resample drew a group."""

    group: NDArray[np.intp]
    times: FloatArray

    @classmethod
    def of(cls, groups: Sequence[object] | NDArray[np.generic], rng: np.random.Generator, count: int = 400) -> Draws:
        """Draw groups, the assets of (n,) rows, with replacement; count resamples of as many groups as there are."""
        found, group = np.unique(np.asarray(groups), return_inverse=True)
        if not len(found):
            raise ValueError("there are no rows to resample")
        times = rng.multinomial(len(found), np.full(len(found), 1 / len(found)), size=count)
        return cls(group, times.astype(float))

    def estimate(self, statistic: Statistic) -> Figure:
        """The statistic of the rows as they are, and its interval over the resamples that have one."""
        groups = self.times.shape[1]
        value = float(statistic(np.ones((1, groups)))[0])
        step = max(1, CELLS_AT_ONCE // max(len(self.group), groups, 1))
        parts = [statistic(self.times[start : start + step]) for start in range(0, len(self.times), step)]
        found = np.concatenate(parts)
        found = found[~np.isnan(found)]
        if np.isnan(value) or not len(found):
            return Figure(np.nan, np.nan, np.nan)
        low, high = np.percentile(found, INTERVAL_PERCENT)
        return Figure(value, float(low), float(high))

    def sums(self, values: FloatArray) -> FloatArray:
        """(g, k) sums over each group's rows of (n, k) values."""
        total = np.zeros((self.times.shape[1], values.shape[1]))
        np.add.at(total, self.group, values)
        return total

    def ratio(self, above: FloatArray, below: FloatArray) -> Statistic:
        """Sum of (n,) values over sum of (n,) others."""
        totals = self.sums(np.column_stack([above, below]))
        return lambda weights: _divide(*(weights @ totals).T)


def base_rate(label: FloatArray, draws: Draws) -> Figure:
    """Share of rows with an event: what a model that knows nothing has for a PR-AUC."""
    return draws.estimate(draws.ratio(label, np.ones(len(label))))


def pr_auc(label: FloatArray, probability: FloatArray, draws: Draws) -> Figure:
    """Average precision of (n,) probabilities for (n,) labels 0 or 1, to be read beside base_rate."""
    return draws.estimate(average_precision(label, probability, draws))


def pr_auc_difference(label: FloatArray, first: FloatArray, second: FloatArray, draws: Draws) -> Figure:
    """What the first (n,) probabilities have over the second, on the same resamples."""
    one, other = average_precision(label, first, draws), average_precision(label, second, draws)
    return draws.estimate(lambda weights: one(weights) - other(weights))


def average_precision(label: FloatArray, probability: FloatArray, draws: Draws) -> Statistic:
    """Sum over thresholds of precision times the recall gained; rows of one probability are one step."""
    order, starts = _steps(probability)
    group, event = draws.group[order], label[order] > 0

    def statistic(weights: FloatArray) -> FloatArray:
        row = weights[:, group]
        gained = np.add.reduceat(row * event, starts, axis=1)
        flagged = np.cumsum(np.add.reduceat(row, starts, axis=1), axis=1)
        found = np.cumsum(gained, axis=1)
        return _divide((gained * np.divide(found, np.maximum(flagged, 1e-300))).sum(axis=1), found[:, -1])

    return statistic


def recall_at_capacity(label: FloatArray, probability: FloatArray, capacity: int, draws: Draws) -> Figure:
    """Share of events among the rows with the `capacity` highest probabilities: what so many inspections would find.

    Rows of one probability share what is left of the capacity evenly.
    """
    order, starts = _steps(probability)
    group, event = draws.group[order], label[order] > 0

    def statistic(weights: FloatArray) -> FloatArray:
        row = weights[:, group]
        size, events = np.add.reduceat(row, starts, axis=1), np.add.reduceat(row * event, starts, axis=1)
        room = capacity - (np.cumsum(size, axis=1) - size)
        share = np.clip(np.divide(room, np.maximum(size, 1e-300)), 0, 1)
        return _divide((events * share).sum(axis=1), events.sum(axis=1))

    return draws.estimate(statistic)


def brier_skill(label: FloatArray, probability: FloatArray, draws: Draws) -> Figure:
    """1 less the Brier score over that of each resample's base rate: 0 is worth nothing, 1 is perfect."""
    totals = draws.sums(np.column_stack([(probability - label) ** 2, label, np.ones(len(label))]))

    def statistic(weights: FloatArray) -> FloatArray:
        error, events, rows = (weights @ totals).T
        return 1 - _divide(error, events * (1 - _divide(events, rows)))

    return draws.estimate(statistic)


@dataclass(frozen=True)
class ReliabilityRow:
    """One bin: rows in it, their mean predicted probability, and the observed share of events."""

    rows: int
    predicted: float
    observed: Figure


def reliability(label: FloatArray, probability: FloatArray, draws: Draws, bins: int = 10) -> tuple[ReliabilityRow, ...]:
    """Predicted beside observed in bins of equal count, lowest probabilities first.

    A bin that the rows of one probability would be split over is merged with the next.
    """
    found = _equal_count(probability, bins)
    rows = []
    for index in np.unique(found):
        inside = (found == index).astype(float)
        observed = draws.estimate(draws.ratio(label * inside, inside))
        rows.append(ReliabilityRow(int(inside.sum()), float(probability[found == index].mean()), observed))
    return tuple(rows)


def calibration_error(label: FloatArray, probability: FloatArray, draws: Draws, bins: int = 10) -> Figure:
    """Expected calibration error: mean distance of predicted and observed over equal-count bins, weighted by rows.

    Chance alone moves observed shares, so a perfect model's is above 0, and resamples lie higher than the value.
    """
    found = _equal_count(probability, bins)
    inside = found[:, None] == np.unique(found)
    totals = draws.sums(inside * (probability - label)[:, None])
    rows = draws.sums(np.ones((len(label), 1)))

    def statistic(weights: FloatArray) -> FloatArray:
        return _divide(np.abs(weights @ totals).sum(axis=1), (weights @ rows)[:, 0])

    return draws.estimate(statistic)


def confusion(actual: Sequence[str], predicted: Sequence[str], classes: Sequence[str]) -> IntArray:
    """(k, k) counts: a row for each actual class, a column for each predicted one. ValueError for another class."""
    table = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(table, (_positions(actual, classes), _positions(predicted, classes)), 1)
    return table


def macro_f1(actual: Sequence[str], predicted: Sequence[str], classes: Sequence[str], draws: Draws) -> Figure:
    """Mean over classes of 2 true / (actual + predicted); classes that neither occur nor are predicted don't count."""
    true, guess = (_positions(names, classes)[:, None] == np.arange(len(classes)) for names in (actual, predicted))
    hit, both = draws.sums((true & guess).astype(float)), draws.sums(true.astype(float) + guess)

    def statistic(weights: FloatArray) -> FloatArray:
        f1 = _divide(2 * (weights @ hit), weights @ both)
        return _divide(np.nansum(f1, axis=1), (~np.isnan(f1)).sum(axis=1).astype(float))

    return draws.estimate(statistic)


def _steps(probability: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(n,) order from the highest probability down, and where in it each new value starts."""
    if np.isnan(probability).any():
        raise ValueError(f"row {int(np.argmax(np.isnan(probability)))}: the probability is not known")
    order = np.argsort(-probability, kind="stable")
    return order, np.flatnonzero(np.diff(probability[order], prepend=np.inf))


def _equal_count(probability: FloatArray, bins: int) -> NDArray[np.intp]:
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1], method="higher"))
    return np.searchsorted(edges, probability, side="right")


def _positions(names: Sequence[str], classes: Sequence[str]) -> NDArray[np.intp]:
    position = {name: i for i, name in enumerate(classes)}
    unknown = sorted(set(map(str, names)) - set(position))
    if unknown:
        raise ValueError(f"class '{unknown[0]}' is not one of {', '.join(classes)}")
    return np.array([position[str(name)] for name in names], dtype=np.intp)


def _divide(above: FloatArray, below: FloatArray) -> FloatArray:
    """Quotient, NaN where the divisor is not positive."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
