"""Drift: whether a grid's sensors show, day after day, what training's assets don't.

A two-sided CUSUM (Page 1954, Biometrika 41:100) of the mean over a grid's assets, by kind of sensor, in the spread
between training's assets. What it allows for is wide, since the same assets are looked at every day: what is unusual
about them stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from grid.assets.deterioration import Signal
from grid.network import BoolArray, FloatArray
from ml.maintenance.model.features import Observation
from ml.maintenance.model.usual import LOGARITHMIC, SENSED, UsualSignals
from ml.maintenance.model.week import WeekCondition
from ml.maintenance.records import Sensed, SensorDrift

ALLOWED, ALLOWED_ERRORS = 0.5, 2.0  # spreads, and standard errors of the mean of n assets, that are no drift
ALARM_DAYS = 2.0  # spreads times days beyond what is allowed
FEWEST_ASSETS = 5
MOST_DAYS = 1.0  # that one look stands for: of a longer time without looks it says nothing
SHARES = (Sensed.CORROSION, Sensed.OIL_QUALITY)  # that lie between 0 and 1


class SensorWatch:
    """The chart of one grid's sensors against the training of models. trained_at: names them. Not thread-safe."""

    def __init__(self, usual: UsualSignals, trained_at: str) -> None:
        self._usual, self.trained_at = usual, trained_at
        self._time: datetime | None = None
        self._chart = SensorChart()

    def take(self, seen: Observation, is_asset: BoolArray, time: datetime) -> tuple[SensorDrift, ...]:
        """What drifts, by a look at n assets at a simulated time. is_asset (n,): False for what no model knows."""
        days = 0.0 if self._time is None else (time - self._time) / timedelta(days=1)
        self._time = time
        week = {name: getattr(seen.week, name) for name in SENSED}
        kind, location = seen.traits.kind, seen.traits.location
        off = np.where(is_asset, self._usual.off(kind, location, seen.signal(Signal.AGE), week), np.nan)
        return self._chart.take(off, self._usual.amount(kind, off), float(np.clip(days, 0.0, MOST_DAYS)))


def set_back(week: WeekCondition, drifts: Iterable[SensorDrift]) -> WeekCondition:
    """A week of looks without that by which all assets together drift.

    So a bias of a whole grid's sensors raises no rate, and which asset shows more than the others still counts.
    """
    found: dict[str, Any] = {}
    for drift in drifts:
        shown = getattr(week, drift.sensed)
        value = shown / drift.amount if drift.sensed in LOGARITHMIC else shown - drift.amount
        found[drift.sensed.value] = np.clip(value, 0.0, 1.0) if drift.sensed in SHARES else value
    return replace(week, **found)


class SensorChart:
    """The sums by kind of sensor, upwards and downwards. Not thread-safe."""

    def __init__(self) -> None:
        self._sums, self._days = np.zeros((2, len(SENSED))), np.zeros((2, len(SENSED)))
        self._alarmed = np.zeros((2, len(SENSED)), dtype=bool)

    def take(self, off: FloatArray, amount: FloatArray, days: float) -> tuple[SensorDrift, ...]:
        """What drifts, after so many more days in which n assets were off by (s, n) spreads, together by amount (s,).

        NaN is not known. An alarm ends when its sum has come back to nothing.
        """
        known = np.isfinite(off)
        count = known.sum(axis=1)
        mean = np.where(known, off, 0.0).sum(axis=1) / np.maximum(count, 1)
        allowed = ALLOWED + ALLOWED_ERRORS / np.sqrt(np.maximum(count, 1))
        beyond = np.where(count >= FEWEST_ASSETS, np.stack([mean, -mean]) - allowed, 0.0)
        self._sums = np.clip(self._sums + days * beyond, 0.0, 2 * ALARM_DAYS)
        self._days = np.where(self._sums > 0, self._days + days, 0.0)
        self._alarmed = (self._sums >= ALARM_DAYS) | (self._alarmed & (self._sums > 0))
        return tuple(
            SensorDrift(
                SENSED[place],
                float(mean[place]),
                float(amount[place]),
                int(count[place]),
                float(self._days[side, place]),
            )
            for side, place in np.argwhere(self._alarmed).tolist()
        )
