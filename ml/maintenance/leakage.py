"""Columns that seem to know the outcome, found in the data: names are not looked at.

Four signs: a column that alone almost decides the target; one with a value that stands in failed rows alone, as a flag
of how something failed does; one that equals the target's mean over groups of rows; and one that follows the target
from group to group far more closely than its effect within groups explains (the contextual effect of Mundlak 1978,
Econometrica 46:69), as a rate of past and present failures of a place does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold

from ml.tables.csv_text import FloatArray

DECIDES = 0.8
"""Share of the way from the base rate to a perfect PR-AUC that a column alone goes, for it to decide the target."""
EXPLAINED = 0.5
"""Share of the variance of groups' event rates, less chance, that a column explains beyond its effect within them."""
MOST_CHANCE = 0.5
"""Share of that variance that may be chance: groupings with more of it tell nothing."""
EXPLAINED_CONSTANT = 0.9
"""The same for a column that is constant in groups, which has no effect within them to compare with."""
SIGNIFICANT = 1e-3
"""Chance of such a correlation, or of rows with events alone, over all that is tested (Bonferroni)."""
WITHIN = 0.95
"""Correlation within groups with which a column decides the target once the group is known."""
FEWEST_GROUPS, ROWS_A_GROUP = 8, 30
BINS = 50
FEW_VALUES = 20
"""Up to so many values each is looked at; of more, the most frequent one against all others."""
STRONGEST_ODDS, LIKELIEST = 15.0, 0.85
"""By which a value that is known before the outcome multiplies the odds of an event, and how likely it makes one, at
most: choices of ours. At a base rate of 3 %, one in three rows of such a value has an event."""
VALUES_AS_RATES = 5


@dataclass(frozen=True)
class Suspicion:
    """A column, what is suspicious about it in plain words, and the column it is grouped by (None: no grouping)."""

    column: str
    reason: str
    group: str | None = None


def suspicious(features: pd.DataFrame, label: FloatArray, seed: int) -> list[Suspicion]:
    """Columns of (n, d) features that seem to know the (n,) outcome, at most one suspicion each."""
    found: dict[str, Suspicion] = {}
    for name in features:
        alone = alone_precision(features[name], label, seed)
        rate = label.mean()
        if (alone - rate) / (1 - rate) >= DECIDES:
            found[name] = Suspicion(name, f"alone almost decides the target: PR-AUC {alone:.2f}, base rate {rate:.3f}")
        elif reason := _only_with_events(features[name], label, SIGNIFICANT / len(features.columns)):
            found[name] = Suspicion(name, reason)
        elif _is_mean_of_target(features[name], label):
            reason = "equals the target's mean over the rows that share its value: it was computed from the target"
            found[name] = Suspicion(name, reason)
    for suspicion in _contextual(features, label, set(found)):
        found.setdefault(suspicion.column, suspicion)
    return list(found.values())


def alone_precision(column: pd.Series, label: FloatArray, seed: int) -> float:
    """PR-AUC of one column by the event rates of its values or 50 bins, learned on other rows; unknown is a bin."""
    codes = _bins(column)
    probability = np.zeros(len(label))
    for fit, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(codes, label):
        rows = np.bincount(codes[fit], minlength=codes.max() + 1)
        events = np.bincount(codes[fit], label[fit], minlength=codes.max() + 1)
        probability[test] = ((events + label.mean()) / (rows + 1))[codes[test]]
    return float(average_precision_score(label, probability))


def group_candidates(features: pd.DataFrame) -> list[str]:
    """Columns whose values may stand for groups of rows, likeliest first.

    From 8 values on to one in 30 rows; first those that fix the values of most other columns, as a place does.
    """
    most = len(features) / ROWS_A_GROUP
    sizes = {name: features[name].nunique(dropna=False) for name in features}
    names = [name for name, size in sizes.items() if FEWEST_GROUPS <= size <= most]

    def fixed(name: str) -> int:
        values = features.groupby(name, observed=True, dropna=False)[[other for other in features if other != name]]
        return int((values.nunique(dropna=False).max() == 1).sum())

    return sorted(names, key=lambda name: (-fixed(name), -sizes[name]))


def _bins(column: pd.Series) -> NDArray[np.intp]:
    if not isinstance(column.dtype, pd.CategoricalDtype) and column.nunique() > BINS:
        column = pd.qcut(column, BINS, duplicates="drop")
    return pd.factorize(column, use_na_sentinel=False)[0]


def _only_with_events(column: pd.Series, label: FloatArray, chance: float) -> str | None:
    """The value all of whose rows are events, too many for a cause known before them; None where there is none.

    chance: of as many events in a row where they are as likely as such a cause makes them.
    """
    codes, values = pd.factorize(column, use_na_sentinel=False)
    rows = np.bincount(codes)
    told = [
        f"is {'empty' if pd.isna(value) else f'{value:g}' if isinstance(value, float) else value}" for value in values
    ]
    if len(values) > FEW_VALUES:
        usual = int(rows.argmax())
        codes, told = (codes != usual).astype(np.intp), [told[usual], told[usual].replace("is", "is not", 1)]
        rows = np.bincount(codes)
    rate = label.mean()
    odds = STRONGEST_ODDS * rate / (1 - rate)
    likeliest = min(odds / (1 + odds), LIKELIEST)
    only = np.bincount(codes, label) == rows
    likely = only & (rows * np.log(likeliest) < np.log(chance / len(rows)))
    if not likely.any():
        return None
    value = int(np.argmax(np.where(likely, rows, 0)))
    return f"{told[value]} in {rows[value]} rows, and all of them are events, as where it is noted after one"


def _is_mean_of_target(column: pd.Series, label: FloatArray) -> bool:
    """Whether each of a numeric column's values is the mean of the target over its rows, five values at least."""
    if isinstance(column.dtype, pd.CategoricalDtype) or column.isna().any():
        return False
    values, codes, rows = np.unique(column.to_numpy(), return_inverse=True, return_counts=True)
    means = np.bincount(codes, label) / rows
    # values that are met once are 0 and 1 by themselves
    return bool(len(values) >= VALUES_AS_RATES and (rows > 1).all() and np.allclose(values, means, atol=1e-3))


def _contextual(features: pd.DataFrame, label: FloatArray, known: set[str]) -> list[Suspicion]:
    """Suspicions by groups; columns that are under suspicion themselves don't group: all would follow them."""
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
