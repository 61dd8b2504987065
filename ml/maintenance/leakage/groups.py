"""Columns that equal the target's mean over groups of rows, or follow it from group to group as a rate of a place does.

The second kind follows it far more closely than its effect within groups explains (the contextual effect of Mundlak
1978, Econometrica 46:69). Groups are places, feeders, makers: a numeric reading is none, however few values it has.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ml.maintenance.leakage.suspicion import SIGNIFICANT, Suspicion
from ml.tables.csv_text import FloatArray

EXPLAINED = 0.5
"""Share of the variance of groups' event rates, less chance, that a column explains beyond its effect within them."""
MOST_CHANCE = 0.5
"""Share of that variance that may be chance: groupings with more of it tell nothing."""
EXPLAINED_CONSTANT = 0.9
"""The same for a column that is constant in groups, which has no effect within them to compare with."""
WITHIN = 0.95
"""Correlation within groups with which a column decides the target once the group is known."""
FEWEST_GROUPS, ROWS_A_GROUP = 8, 30
LARGEST_SHARE = 0.5
"""Of all rows in one group, at most: a kind that most assets are of is no place."""
TURNS = 0.25
"""Changes of direction of what a place fixes from one number of a place to the next, a place: at least. Numbers of
places are in no order, so two in three are expected; what is computed from a reading rises and falls with it."""
VALUES_AS_RATES = 5


def group_candidates(features: pd.DataFrame) -> list[str]:
    """Columns whose values may stand for groups of rows, likeliest first.

    From 8 values on to one in 30 rows, of which none has most rows; first those that fix the values of most other
    columns, as a place does. Numbers stand for groups only where they fix something that doesn't rise and fall with
    them: a reading, in whole degrees or rounded, fixes nothing but what is computed from it.
    """
    most = len(features) / ROWS_A_GROUP
    sizes = {str(name): int(features[name].nunique(dropna=False)) for name in features}
    fixed = {
        name: _fixed_by(features, name)
        for name, size in sizes.items()
        if FEWEST_GROUPS <= size <= most
        and features[name].value_counts(dropna=False).max() <= LARGEST_SHARE * len(features)
    }
    groups = [name for name in fixed if _words(features[name]) or any(_in_no_order(features, name, fixed[name]))]
    return sorted(groups, key=lambda name: (-len(fixed[name]), -sizes[name]))


def named_groups(features: pd.DataFrame) -> list[str]:
    """Of these, words and whole numbers: what is measured tells places apart, and yet is no name of them."""
    return [name for name in group_candidates(features) if _words(features[name]) or _whole(features[name])]


def _whole(column: pd.Series) -> bool:
    return bool((column.dropna() % 1 == 0).all())


def _words(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype)


def _fixed_by(features: pd.DataFrame, name: str) -> list[str]:
    """Other columns that have one value in each group of rows."""
    others = [str(other) for other in features if other != name]
    values = features.groupby(name, observed=True, dropna=False)[others].nunique(dropna=False).max()
    return [other for other in others if values[other] == 1]


def _in_no_order(features: pd.DataFrame, name: str, fixed: list[str]) -> Iterator[bool]:
    """Of each column that a number fixes: whether it goes up and down from one number to the next."""
    first = features[[name, *fixed]].drop_duplicates(name).sort_values(name)
    for other in fixed:
        values = pd.factorize(first[other], use_na_sentinel=False)[0] if _words(first[other]) else first[other]
        steps = np.sign(np.diff(np.asarray(values, dtype=float)))
        steps = steps[np.isfinite(steps) & (steps != 0)]
        yield bool((np.diff(steps) != 0).sum() >= TURNS * len(first))


def means_of_target(features: pd.DataFrame, label: FloatArray) -> list[Suspicion]:
    """Columns of (n, d) features whose values are the (n,) outcome's means over the rows that share them."""
    reason = "equals the target's mean over the rows that share its value: it was computed from the target"
    return [Suspicion(str(name), reason) for name in features if _is_mean_of_target(features[name], label)]


def _is_mean_of_target(column: pd.Series, label: FloatArray) -> bool:
    """Whether each of a numeric column's values is the mean of the target over its rows, five values at least."""
    if isinstance(column.dtype, pd.CategoricalDtype) or column.isna().any():
        return False
    values, codes, rows = np.unique(column.to_numpy(), return_inverse=True, return_counts=True)
    means = np.bincount(codes, label) / rows
    # values that are met once are 0 and 1 by themselves
    return bool(len(values) >= VALUES_AS_RATES and (rows > 1).all() and np.allclose(values, means, atol=1e-3))


def contextual(features: pd.DataFrame, label: FloatArray, known: set[str]) -> list[Suspicion]:
    """Columns of (n, d) features that follow the (n,) outcome from group to group.

    Columns that are under suspicion themselves, those that are known or found, don't group: all would follow them.
    """
    groupings = group_candidates(features)
    tests = max(1, len(groupings) * len(features.columns))
    numeric = [name for name in features if not isinstance(features[name].dtype, pd.CategoricalDtype)]
    found: list[Suspicion] = []
    for grouping in groupings:
        if grouping in known or any(grouping == suspicion.column for suspicion in found):
            continue
        code = pd.factorize(features[grouping], use_na_sentinel=False)[0]
        for name in numeric:
            values = features[name].fillna(features[name].median()).to_numpy()
            reason = None if name == grouping else _tracks(values, label, code, SIGNIFICANT / tests)
            if reason:
                found.append(Suspicion(str(name), reason.format(group=f"'{grouping}'"), grouping))
    accused = {(suspicion.column, suspicion.group) for suspicion in found}

    def stands(suspicion: Suspicion) -> bool:
        """Whether its grouping isn't under suspicion by a third column."""
        return not any(column == suspicion.group and group != suspicion.column for column, group in accused)

    return [suspicion for suspicion in found if stands(suspicion)]


def _tracks(x: FloatArray, y: FloatArray, code: NDArray[np.intp], chance: float) -> str | None:
    """Why a column's values betray the target over groups of rows; None where they don't."""
    rows = np.bincount(code)
    x_mean, y_mean = np.bincount(code, x) / rows, np.bincount(code, y) / rows
    x_own, y_own, alike = x - x_mean[code], y - y_mean[code], np.full(len(x), 1 / len(x))
    weight, noise = _group_weights(y_mean, rows)
    between, within = _correlation(x_mean, y_mean, weight), _correlation(x_own, y_own, alike)
    if abs(within) >= WITHIN:  # NaN compares as False
        return f"decides the target once {{group}} is known: correlation {within:.2f} within its groups"
    groups = 1 / (weight**2).sum()  # as many groups of one weight tell as much
    if np.isnan(between) or noise > MOST_CHANCE or groups < FEWEST_GROUPS or _chance(between, groups) > chance:
        return None
    told = f"its means over the {len(rows)} groups of {{group}} follow the target's: correlation {between:.2f}"
    if np.isnan(within):
        needed = max(EXPLAINED_CONSTANT, 1 - noise / 2)  # what is not made of the target can't follow its chance part
        return f"{told}, and it has one value in each" if between**2 >= needed else None
    beyond = between * (1 - _slope(x_own, y_own, alike) / _slope(x_mean, y_mean, weight))
    if min(between**2, beyond**2) >= EXPLAINED * (1 - noise) and beyond * between > 0:
        return f"{told}, within them {within:.2f}: so moves a rate of the outcome, computed for a place"
    return None


def _group_weights(mean: FloatArray, rows: NDArray[np.intp]) -> tuple[FloatArray, float]:
    """(g,) weights of groups' event rates, and the share of their variance that is chance.

    A rate's variance is that between groups and that of its rows (DerSimonian and Laird 1986): beyond some size, a
    large group tells no more than a small one.
    """
    rate = float(np.average(mean, weights=rows))
    own = rate * (1 - rate) / rows
    spread = float(np.average((mean - rate) ** 2, weights=rows) - np.average(own, weights=rows))
    weight = 1 / (max(spread, 0.0) + own)
    weight /= weight.sum()
    variance = float((weight * (mean - (weight * mean).sum()) ** 2).sum())
    return weight, min(float((weight * own).sum()) / variance, 1.0) if variance > 0 else 1.0


def _correlation(x: FloatArray, y: FloatArray, weight: FloatArray) -> float:
    x, y = x - (weight * x).sum(), y - (weight * y).sum()
    spread = np.sqrt((weight * x**2).sum() * (weight * y**2).sum())
    flat = (weight * x**2).sum() < 1e-20 or spread < 1e-20
    return float("nan") if flat else float((weight * x * y).sum() / spread)


def _slope(x: FloatArray, y: FloatArray, weight: FloatArray) -> float:
    x, y = x - (weight * x).sum(), y - (weight * y).sum()
    return float((weight * x * y).sum() / (weight * x**2).sum())


def _chance(correlation: float, groups: float) -> float:
    """Two-sided chance of a correlation at least as far from zero among so many groups."""
    freedom = groups - 2
    t = abs(correlation) * np.sqrt(freedom / max(1 - correlation**2, 1e-12))
    return float(2 * stats.t.sf(t, freedom))
