"""Forecasts of several series at once, and samples of them that go together as the series did.

Every past forecast leaves a row: how its hours came out, as their place between 0 and 1 among the residuals of their
step, relative to the width that was forecast. Rows of one issue are drawn for all groups and hours together and put
through the calibrated quantiles of now, so that samples have the forecast's distribution hour by hour and the past's
correlation between groups and hours (the empirical copula; Schefzik et al. 2013).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np
import pandas as pd
from sklearn.base import clone

from ml.forecasting.forecaster import Forecaster
from ml.forecasting.model.baselines import naive
from ml.forecasting.model.conformal import ranks
from ml.forecasting.model.hours import DAY, FloatArray, Hours, IntArray
from ml.forecasting.quality.metrics import BAND_80, MEDIAN
from ml.forecasting.records import LEVELS

FEWEST_DAYS = 14
MOST_DAYS = 90
"""Joint days that samples are drawn from: with fewer all groups and hours rise and fall together, which is cautious."""


class GroupForecaster:
    """One forecaster a series, all alike; series of one clock. Their sum is a series of its own, if one is wanted."""

    def __init__(self, forecaster: Forecaster) -> None:
        self.forecaster = forecaster

    @classmethod
    def of(cls, members: Mapping[str, Forecaster]) -> GroupForecaster:
        """Forecasters that are fitted already, each with its own settings; there must be at least one."""
        made = cls(next(iter(members.values())))
        made.members_ = dict(members)
        return made

    def fit(self, frames: Mapping[str, pd.DataFrame], until: pd.Timestamp | None = None) -> GroupForecaster:
        """Fit a copy of the forecaster to every frame; names are kept in order."""
        self.members_: dict[str, Forecaster] = {
            name: clone(self.forecaster).fit(frame, until) for name, frame in frames.items()
        }
        return self

    def refit(self, until: pd.Timestamp | None = None) -> GroupForecaster:
        """Refit every member."""
        for member in self.members_.values():
            member.refit(until)
        return self

    def observe(self, frames: Mapping[str, pd.DataFrame]) -> GroupForecaster:
        """Let members take in what was measured since."""
        for name, frame in frames.items():
            self.members_[name].observe(frame)
        return self

    def predict(self, issue_time: pd.Timestamp, horizon: int | None = None) -> dict[str, pd.DataFrame]:
        """Quantiles of every group by name, as Forecaster.predict gives them."""
        return {name: member.predict(issue_time, horizon) for name, member in self.members_.items()}

    def sample(self, issue_time: pd.Timestamp, horizon: int, count: int, rng: np.random.Generator) -> FloatArray:
        """(count, groups, horizon) draws in the series's units, groups in the order of fit."""
        quantiles = []
        for member in self.members_.values():
            issued = member.issue(np.array([member.hours_.row(issue_time)]))
            quantiles.append(issued.quantiles[0, :horizon])
        places = self._places(issue_time, horizon)
        if len(places) < FEWEST_DAYS:
            drawn = np.broadcast_to(rng.random((count, 1, 1)), (count, len(quantiles), horizon))
        else:
            drawn = places[np.resize(rng.permutation(len(places)), count)]  # each day as often: chances scatter less
        return np.stack([at_place(quantiles[i], drawn[:, i]) for i in range(len(quantiles))], axis=1)

    def _places(self, issue_time: pd.Timestamp, horizon: int) -> FloatArray:
        """(days, groups, horizon) places in (0, 1) of past days that are known of all groups, hour for hour."""
        members = list(self.members_.values())
        past = [_past(member, member.hours_.row(issue_time)) for member in members]
        times = [
            member.hours_.start + pd.to_timedelta(issues, unit="h")
            for member, (issues, _) in zip(members, past, strict=True)
        ]
        shared = reduce(lambda one, other: one.intersection(other), times)
        parts = [part[time.isin(shared), :horizon] for time, (_, part) in zip(times, past, strict=True)]
        found = np.stack(parts, axis=1)
        found = found[np.isfinite(found).all(axis=(1, 2))][-MOST_DAYS:]
        return np.stack([ranks(found[:, group]) for group in range(found.shape[1])], axis=1)


def at_place(quantiles: FloatArray, places: FloatArray) -> FloatArray:
    """(count, H) values at places (count, H) in (0, 1) of quantiles (H, 7), straight between them and on beyond them.

    Beyond the outer quantiles at twice the slope inside, about as a normal distribution's tails; not below zero where
    no quantile is.
    """
    steps = np.arange(len(quantiles))
    upper = np.clip(np.searchsorted(LEVELS, places), 1, len(LEVELS) - 1)
    low, high = quantiles[steps, upper - 1], quantiles[steps, upper]
    slope = (high - low) / (LEVELS[upper] - LEVELS[upper - 1])
    inside = np.clip(places, LEVELS[0], LEVELS[-1])
    found = low + slope * (inside - LEVELS[upper - 1]) + 2 * slope * (places - inside)
    return np.where(quantiles[:, 0] >= 0, np.maximum(found, 0), found)


def _past(member: Forecaster, now: int) -> tuple[IntArray, FloatArray]:
    """Rows (m,) of earlier issues at this hour of the day, and (m, H) how they came out, in widths of their bands."""
    hours, horizon = member.hours_, member.horizon
    if member.model_ is None:
        return _past_naive(hours, now, horizon)
    issues, residuals = member.residuals(hours, now)
    hour = int(hours.hour[now])
    nearest = max(member.issue_hours, key=lambda made: -((hour - made) % DAY))
    chosen = hours.hour[issues] == nearest
    residuals = residuals[chosen]
    width = residuals[..., BAND_80[0]] - residuals[..., BAND_80[1]]
    floor = max(float(np.nanmedian(width)) * 0.1, 1e-9) if np.isfinite(width).any() else 1.0
    return issues[chosen], residuals[..., MEDIAN] / np.maximum(width, floor)


def _past_naive(hours: Hours, now: int, horizon: int) -> tuple[IntArray, FloatArray]:
    issues = now - DAY * np.arange(MOST_DAYS + 2, 0, -1)
    issues = issues[issues >= 9 * DAY]
    if not len(issues):
        return issues, np.zeros((0, horizon))
    rows = issues[:, None] + np.arange(horizon)
    errors = hours.target[rows] - naive(hours, issues, horizon, 7)
    return issues, np.where(rows < now, errors, np.nan)
