"""Few columns that decide the outcome together, though none of them does alone: as the states before and after it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from ml.maintenance.leakage.alone import Codes, codes, folds, share_of_way
from ml.maintenance.leakage.suspicion import Suspicion
from ml.tables.csv_text import FloatArray

DECIDE = 0.8
"""Share of the way from the base rate to a perfect PR-AUC that two or three columns go, for them to decide."""
EACH_ALONE = 0.5
"""Share of that way which the best of them goes without the others, at most: else it is that one which knows."""
BINS = 12
"""Of a column with more values."""
MOST_ROWS = 10_000
"""That pairs of columns are tried on: of more, so many are drawn."""
EXTENDED = 5
"""Best pairs that a third column is tried with."""

Shares = dict[tuple[str, ...], float]
"""Of the way to a perfect PR-AUC, by columns."""


def together(features: pd.DataFrame, label: FloatArray, known: set[str], seed: int) -> list[Suspicion]:
    """Two or three columns of (n, d) features, none of them known already, that decide the (n,) outcome."""
    names = [str(name) for name in features if name not in known]
    rows = _drawn(len(label), seed)
    y = label[rows]
    part = folds(y, seed)
    code = {name: codes(features[name].iloc[rows], BINS) for name in names}
    share: Shares = {(name,): share_of_way(code[name], y, part) for name in names}
    pairs: Shares = {pair: _share([code[name] for name in pair], y, part) for pair in combinations(names, 2)}
    best = sorted(pairs, key=lambda pair: -pairs[pair])[:EXTENDED]
    threes = {(*pair, third) for pair in best for third in names if third not in pair}
    triples: Shares = {three: _share([code[name] for name in three], y, part) for three in sorted(threes)}
    for found, less in ((pairs, share), (triples, pairs)):
        deciding = [few for few in found if found[few] >= DECIDE and _without_one(few, less) <= EACH_ALONE]
        if deciding:
            few = max(deciding, key=lambda one: found[one])
            return [Suspicion(name, _reason(name, few, found[few])) for name in few]
    return []


def _without_one(few: tuple[str, ...], less: Shares) -> float:
    """What the best of the columns reach with one of them left out."""
    return max(less[one] for one in less if set(one) < set(few))


def _drawn(count: int, seed: int) -> Codes:
    if count <= MOST_ROWS:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, MOST_ROWS, replace=False))


def _share(parts: list[Codes], label: FloatArray, part: Codes) -> float:
    """What the event rates of combinations of values go of the way."""
    cell = np.zeros(len(label), dtype=np.intp)
    for code in parts:
        cell = cell * (int(code.max()) + 1) + code
    return share_of_way(cell, label, part)


def _reason(name: str, few: tuple[str, ...], share: float) -> str:
    others = " and ".join(f"'{other}'" for other in few if other != name)
    return (
        f"together with {others} almost decides the target, though neither does alone: {100 * share:.0f} % of the way"
    )
