"""What a week of looks at assets says together: means that forget, so that one look's noise moves no judgement.

A look shows an asset at the load and the weather of a moment, through noisy sensors. What is judged is its state: means
with weights that fall by 1/e in seven days, over the times in which a sensor sent something.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grid.network import FloatArray

TIME_CONSTANT_DAYS, PEAK_DAYS = 7.0, 7
LEAST_WEIGHT = 0.05  # of a mean: below it, three weeks without a value, nothing is known
LOOKED = (
    "load_pu",
    "temperature_residual_k",
    "vibration_ratio",
    "corrosion",
    "thd_percent",
    "oil_quality",
    "ambient_c",
)
PEAKS = ("peak_load_pu", "peak_temperature_c")


@dataclass(frozen=True, eq=False)
class WeekCondition:
    """(n,) means over the last week; NaN is not known.

    vibration_ratio: measured over that of an asset without wear at the same load. temperature_residual_k: measured less
    what the thermal model gives. ambient_c: of the air. peak_load_pu, peak_temperature_c: the highest of seven days,
    as it was at the end of each of the last days.
    """

    load_pu: FloatArray
    temperature_residual_k: FloatArray
    vibration_ratio: FloatArray
    corrosion: FloatArray
    thd_percent: FloatArray
    oil_quality: FloatArray
    ambient_c: FloatArray
    peak_load_pu: FloatArray
    peak_temperature_c: FloatArray


class ForgettingMeans:
    """Forgetting means of k quantities of n assets."""

    def __init__(self, quantities: int, count: int) -> None:
        self._sum, self._weight = np.zeros((quantities, count)), np.zeros((quantities, count))

    def take(self, values: FloatArray, days: float) -> None:
        """Weigh (k, n) values that stand for the days since the last ones; NaN is no value."""
        kept = np.exp(-days / TIME_CONSTANT_DAYS)
        known = np.isfinite(values)
        self._sum = kept * self._sum + (1 - kept) * np.where(known, values, 0.0)
        self._weight = kept * self._weight + (1 - kept) * known

    def now(self) -> FloatArray:
        """(k, n); NaN where too little is known."""
        known = self._weight >= np.minimum(LEAST_WEIGHT, self._weight.max(axis=1, keepdims=True, initial=0.0))
        known &= self._weight > 0
        return np.where(known, self._sum / np.where(known, self._weight, 1.0), np.nan)


class WeekOfLooks:
    """The means of n assets. Not thread-safe."""

    def __init__(self, count: int) -> None:
        self._looks, self._peaks = ForgettingMeans(len(LOOKED), count), ForgettingMeans(len(PEAKS), count)
        self._days = np.full((PEAK_DAYS, len(PEAKS), count), np.nan)  # the highest of each day, the present one first

    def take(self, looked: dict[str, FloatArray], days: float) -> None:
        """A look's values (n,) by the names of LOOKED, after so many days without one."""
        self._looks.take(np.stack([looked[name] for name in LOOKED]), days)

    def rise(self, peak_load_pu: FloatArray, peak_temperature_c: FloatArray) -> None:
        """The day's highest (n,) so far are at least these."""
        self._days[0] = np.fmax(self._days[0], np.stack([peak_load_pu, peak_temperature_c]))

    def end_day(self) -> None:
        """A day is over: what was highest in it counts from now on."""
        self._peaks.take(np.fmax.reduce(self._days, axis=0), 1.0)
        self._days = np.roll(self._days, 1, axis=0)
        self._days[0] = np.nan

    def now(self) -> WeekCondition:
        """The means; before a first day is over, its highest values so far stand for the days."""
        peaks = self._peaks.now()
        peaks = np.where(np.isnan(peaks), self._days[0], peaks)
        return WeekCondition(*self._looks.now(), *peaks)
