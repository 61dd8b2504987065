"""All signs of columns that seem to know the outcome, one after the other.

A column that alone almost decides the target; values that stand in failed rows as what is noted after a failure does,
alone or as a union of several (marks); one that equals the target's mean over groups of rows, or follows it from group
to group as a rate of past and present failures does (groups); few that decide together (together); and a strong one
that has to do with the others by way of the outcome only (by_way). No sign needs a column's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pandas as pd

from ml.maintenance.leakage.alone import Codes, codes, folds, share_of_way
from ml.maintenance.leakage.by_way import by_way_of_outcome, stands_among_causes
from ml.maintenance.leakage.groups import contextual, means_of_target
from ml.maintenance.leakage.marks import noted_after
from ml.maintenance.leakage.suspicion import Suspicion
from ml.maintenance.leakage.together import together
from ml.tables.csv_text import FloatArray

DECIDES, DECIDES_ANYHOW = 0.8, 0.95
"""Share of the way from the base rate to a perfect PR-AUC that a column alone goes, for it to decide the target; up to
the second one it may be a measurement that predicts well, if it is related to the others as causes are."""


def suspicious(features: pd.DataFrame, label: FloatArray, seed: int) -> list[Suspicion]:
    """Columns of (n, d) features that seem to know the (n,) outcome, at most one suspicion each, in their order."""
    found: dict[str, Suspicion] = {}
    part = folds(label, seed)
    shares = {str(name): share_of_way(codes(features[name]), label, part) for name in features}
    signs: tuple[Callable[[set[str]], Iterable[Suspicion]], ...] = (
        lambda _: _deciding(features, label, shares, part),
        lambda _: noted_after(features, label),
        lambda _: means_of_target(features, label),
        lambda known: contextual(features, label, known),
        lambda known: together(features, label, known, seed),
        lambda known: by_way_of_outcome(features, label, shares, known, part),
    )
    for sign in signs:
        for suspicion in sign(set(found)):
            found.setdefault(suspicion.column, suspicion)
    return [found[str(name)] for name in features if name in found]


def _deciding(features: pd.DataFrame, label: FloatArray, shares: dict[str, float], part: Codes) -> Iterator[Suspicion]:
    base = float(label.mean())
    for name, share in shares.items():
        if share < DECIDES or (share < DECIDES_ANYHOW and stands_among_causes(features, name, label, part)):
            continue
        alone = base + share * (1 - base)
        yield Suspicion(name, f"alone almost decides the target: PR-AUC {alone:.2f}, base rate {base:.3f}")
