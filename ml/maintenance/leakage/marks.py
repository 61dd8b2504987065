"""Values that stand in failed rows as what is noted after a failure does: one by one, and as a union of several.

A flag of how something failed, a word for the cause, a number that only a repair has, a reading that ends with its
asset: each marks rows that fail far more often than a cause known before them explains. Flags of several ways to fail
may each be rare, and together mark nearly all failed rows and few others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ml.maintenance.leakage.alone import share_of_precision
from ml.maintenance.leakage.suspicion import SIGNIFICANT, Suspicion
from ml.tables.csv_text import FloatArray

FEW_VALUES = 20
"""Up to so many values each is looked at; of more, the most frequent one against all others, and the unknown."""
STRONGEST_ODDS, LIKELIEST = 15.0, 0.85
"""By which a value that is known before the outcome multiplies the odds of an event, and how likely it makes one, at
most: choices of ours. At a base rate of 3 %, one in three rows of such a value has an event."""
UNION_RATE, UNION_ODDS = 0.6, 3.0
"""How likely an event is in rows of a value, and how much its odds are multiplied there, for the value to join a union:
at least."""
UNION_DECIDES = 0.7
"""Share of the way from the base rate to a perfect PR-AUC that a union of values goes, for all of them to be told."""


@dataclass(frozen=True, eq=False)
class OutcomeMark:
    """A value of a column in words, and (n,) whether a row has it."""

    column: str
    words: str
    stands: NDArray[np.bool_]


def noted_after(features: pd.DataFrame, label: FloatArray) -> list[Suspicion]:
    """Columns of (n, d) features with values that mark rows of an (n,) outcome as what is noted after it does."""
    found: dict[str, Suspicion] = {}
    every = [mark for name in features for mark in marks(features[name], str(name))]
    likeliest = _likeliest(label)
    for mark in sorted(every, key=lambda mark: -label[mark.stands].sum()):
        if mark.column not in found and _chance(mark.stands, label, likeliest) < SIGNIFICANT / len(every):
            found[mark.column] = Suspicion(mark.column, f"{_counted(mark, label)}, as where it is noted after one")
    for mark, words in _union(every, label):
        found.setdefault(mark.column, Suspicion(mark.column, words))
    return [found[str(name)] for name in features if name in found]


def marks(column: pd.Series, name: str) -> list[OutcomeMark]:
    """What a column's values may mark: each of few; of more, all but the most frequent one, and the unknown."""
    code, values = pd.factorize(column, use_na_sentinel=False)
    told = [
        f"is {'empty' if pd.isna(value) else f'{value:g}' if isinstance(value, float) else value}" for value in values
    ]
    if len(values) <= FEW_VALUES:
        return [OutcomeMark(name, words, code == number) for number, words in enumerate(told)]
    usual = int(np.bincount(code).argmax())
    found = [OutcomeMark(name, told[usual].replace("is", "is not", 1), code != usual)]
    empty = column.isna().to_numpy()
    return found + ([OutcomeMark(name, "is empty", empty)] if empty.any() else [])


def _likeliest(label: FloatArray) -> float:
    """How likely an event is, at most, in rows of a value that is known before it."""
    odds = STRONGEST_ODDS * label.mean() / (1 - label.mean())
    return min(float(odds / (1 + odds)), LIKELIEST)


def _chance(stands: NDArray[np.bool_], label: FloatArray, rate: float) -> float:
    """Chance of as many events in as many rows where each is as likely as `rate`."""
    return float(stats.binom.sf(label[stands].sum() - 1, stands.sum(), rate))


def _counted(mark: OutcomeMark, label: FloatArray) -> str:
    rows, events = int(mark.stands.sum()), int(label[mark.stands].sum())
    return f"{mark.words} in {rows} rows, and {'all' if events == rows else events} of them are events"


def _union(every: Sequence[OutcomeMark], label: FloatArray) -> list[tuple[OutcomeMark, str]]:
    """Marks that together decide the outcome, each with why; none where they don't, or where one does alone.

    The mark with most events comes first; each other one must stand for itself in rows that those before it leave.
    """
    odds = UNION_ODDS * label.mean() / (1 - label.mean())
    least = max(UNION_RATE, float(odds / (1 + odds)))
    left, chosen = np.ones(len(label), dtype=bool), list[OutcomeMark]()
    rivals = [mark for mark in every if label[mark.stands].mean() >= least]
    while rivals:
        standing = [mark for mark in rivals if _stands_for_itself(mark.stands & left, left, label, least, len(every))]
        if not standing:
            break
        best = max(standing, key=lambda mark: float((2 * label - 1)[mark.stands & left].sum()))
        chosen.append(best)
        left &= ~best.stands
        rivals = [mark for mark in rivals if mark.column not in {one.column for one in chosen}]
    if len(chosen) < 2:
        return []
    precision, marked = float(label[~left].mean()), float(label[~left].sum() / label.sum())
    if share_of_precision(precision * marked + label.mean() * (1 - marked), label) < UNION_DECIDES:
        return []
    together = (
        f"with {len(chosen) - 1} other{'s' if len(chosen) > 2 else ''} it marks {100 * marked:.0f} % of the events, "
        f"and {100 * (1 - precision):.0f} % of the rows that they mark have none: so do flags of how something failed"
    )
    return [(mark, f"{_counted(mark, label)}; {together}") for mark in chosen]


def _stands_for_itself(
    rows: NDArray[np.bool_], left: NDArray[np.bool_], label: FloatArray, least: float, tests: int
) -> bool:
    """Whether the rows that a mark has of those that are left are events too often for chance."""
    if not rows.any() or label[rows].mean() < least:
        return False
    return _chance(rows, label, float(label[left].mean())) < SIGNIFICANT / tests
