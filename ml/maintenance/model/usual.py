"""What sensors usually show: the mean of training's assets of the same kind, age and surroundings, and their spread.

One asset may be far from it, a whole grid can't be, unless its sensors read wrong or its assets are others than those
that the models were trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from grid.assets.deterioration import KINDS, LOCATIONS
from grid.network import FloatArray, IntArray
from ml.maintenance.records import Sensed

AGE_UNIT_YEARS = 50.0
FEWEST_ROWS = 50  # of a kind, for a mean that is worth comparing with
TERMS = 2 + len(LOCATIONS)  # age, its square, and one of the surroundings


SENSED = tuple(Sensed)
LOGARITHMIC = (Sensed.VIBRATION,)  # a gain that is wrong moves all ratios alike


@dataclass(frozen=True, eq=False)
class UsualSignals:
    """mean (s, k, t) coefficients of SENSED by kind, spread (s, k) between assets; NaN where too few were seen."""

    mean: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, frame: pd.DataFrame) -> UsualSignals:
        """From the features (n, f) of the rows that models were fitted to."""
        kind, location = frame["kind"].cat.codes.to_numpy(), frame["location"].cat.codes.to_numpy()
        terms = _terms(frame["age_years"].to_numpy(dtype=float), location)
        mean = np.full((len(SENSED), len(KINDS), TERMS), np.nan)
        spread = np.full((len(SENSED), len(KINDS)), np.nan)
        for place, sensed in enumerate(SENSED):
            value = _scaled(sensed, frame[sensed].to_numpy(dtype=float))
            for of_kind in range(len(KINDS)):
                rows = (kind == of_kind) & np.isfinite(value)
                if rows.sum() >= FEWEST_ROWS:
                    fit, *_ = np.linalg.lstsq(terms[rows], value[rows], rcond=None)
                    mean[place, of_kind] = fit
                    spread[place, of_kind] = (value[rows] - terms[rows] @ fit).std()
        return cls(mean, spread)

    def off(
        self, kind: IntArray, location: IntArray, age_years: FloatArray, sensed: Mapping[Sensed, FloatArray]
    ) -> FloatArray:
        """(s, n) how far assets are from the usual, in its spread; NaN where either isn't known.

        kind, location (n,): places in KINDS and LOCATIONS. sensed: (n,) values of a week, as the models read them.
        """
        usual = np.einsum("nt,snt->sn", _terms(age_years, location), self.mean[:, kind])
        value = np.stack([_scaled(name, sensed[name]) for name in SENSED])
        spread = self.spread[:, kind]
        return np.asarray((value - usual) / np.where(spread > 0, spread, np.nan))

    def amount(self, kind: IntArray, off: FloatArray) -> FloatArray:
        """(s,) what (s, n) spreads come to together, in the features' units; a factor where they are LOGARITHMIC."""
        each = off * self.spread[:, kind]
        known = np.isfinite(each)
        mean = np.where(known, each, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        return np.where([sensed in LOGARITHMIC for sensed in SENSED], np.exp(mean), mean)

    def as_plain(self) -> dict[str, Any]:
        """As plain values, None for what is not known."""
        return {"mean": _plain(self.mean), "spread": _plain(self.spread)}

    @classmethod
    def from_plain(cls, entry: Mapping[str, Any]) -> UsualSignals:
        """What as_plain gave; KeyError, TypeError or ValueError where an entry is missing or of the wrong kind."""
        mean, spread = np.array(entry["mean"], dtype=float), np.array(entry["spread"], dtype=float)
        shape = (len(SENSED), len(KINDS))
        if mean.shape != (*shape, TERMS) or spread.shape != shape:
            raise ValueError(f"usual: {mean.shape} and {spread.shape} numbers, {(*shape, TERMS)} and {shape} are read")
        return cls(mean, spread)


def _terms(age_years: FloatArray, location: IntArray) -> FloatArray:
    """(n, t)."""
    age = age_years / AGE_UNIT_YEARS
    here = location[:, None] == np.arange(len(LOCATIONS))
    return np.column_stack([age, age**2, here]).astype(float)


def _scaled(sensed: Sensed, value: FloatArray) -> FloatArray:
    if sensed not in LOGARITHMIC:
        return value
    return np.log(np.where(value > 0, value, np.nan))


def _plain(values: FloatArray) -> Any:
    return np.where(np.isfinite(values), values, None).tolist()  # type: ignore[call-overload]
