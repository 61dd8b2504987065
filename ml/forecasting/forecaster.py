"""The forecaster: a calibrated model where there is history enough, and what it falls back to where there isn't."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ml.forecasting.model.baselines import naive_quantiles, profile
from ml.forecasting.model.conformal import POOLED_STEPS
from ml.forecasting.model.features import FIRST_ISSUE, scale_of, weather_known
from ml.forecasting.model.hours import (
    DAY,
    HOLIDAY,
    TEMPERATURE_AHEAD,
    WEEK,
    FloatArray,
    ForecastError,
    Hours,
    IntArray,
    hours_of,
)
from ml.forecasting.model.model import ModelSettings, QuantileModel
from ml.forecasting.model.pool import Pool
from ml.forecasting.records import LEAST_DAYS, LEVELS

COLUMNS = tuple(f"q{round(100 * level):02d}" for level in LEVELS)
MODEL_DAYS, TRUST_DAYS = LEAST_DAYS, 180
"""Of history from which a model is used, with half of the weight, and from which it has all of it."""
LEAST_MEASURED = 0.5
"""Share of the last two days that must have been measured for a model to be used; of the last week for last week."""


class ForecastSource(StrEnum):
    """What a forecast was made by."""

    MODEL = "model"
    PERSISTED_WEATHER = "model, with yesterday's temperatures for want of a forecast"
    BLEND = "blend of model and same hour last week"
    LAST_WEEK = "same hour last week"
    PROFILE = "standard profile"


@dataclass(frozen=True, eq=False)
class Issued:
    """Forecasts issued at rows issues (n,): quantiles (n, H, 7) at LEVELS, sorted, and by what they were made.

    parts (n, H, K, 7): what each of the K parts (Forecaster.pool_) would have issued alone, NaN where it wouldn't have.
    """

    issues: IntArray
    quantiles: FloatArray
    sources: tuple[ForecastSource, ...]
    parts: FloatArray


class Forecaster(BaseEstimator):
    """Hourly quantiles up to 48 h ahead of one series; values have its own unit.

    fit learns from everything before a moment, refit learns anew and keeps the residuals it calibrates by, observe
    takes in what was measured since. predict reads nothing that came after its issue time. Not thread-safe.
    """

    def __init__(
        self,
        zone: str | None = None,  # whose clock and calendar count; the index's own where None
        country: str | None = None,  # whose public holidays count, e.g. "DE" or "AU-VIC"
        horizon: int = 48,  # h
        issue_hours: tuple[int, ...] = (0, 6, 12, 18),  # of the local day, that it learns from; others are allowed
        window_days: int = 45,  # of residuals that quantiles are calibrated by
        pooled_steps: int = POOLED_STEPS,  # to either side of a step whose residuals count with its own
        ahead: tuple[str, ...] = (),  # columns known in advance, such as a clear sky's output
        profile: str | None = None,  # the one of them that is the standard profile; a mean load's where None
        expected_mean: float | None = None,  # that the profile stands for while nothing is measured
        calibrated: bool = True,
        shrunk: bool = False,  # before calibration, towards like days: for series that are mostly habit and noise
        settings: ModelSettings = ModelSettings(),  # noqa: B008 - frozen
    ) -> None:
        self.zone, self.country, self.horizon, self.issue_hours = zone, country, horizon, issue_hours
        self.window_days, self.pooled_steps, self.ahead, self.profile = window_days, pooled_steps, ahead, profile
        self.expected_mean, self.calibrated, self.shrunk, self.settings = expected_mean, calibrated, shrunk, settings

    def fit(self, frame: pd.DataFrame, until: pd.Timestamp | None = None) -> Forecaster:
        """Learn from rows before until (all, where None) of a frame as hours_of reads it.

        The last window_days are first forecast by a model of what lies before them, for the residuals to calibrate by.
        Below MODEL_DAYS of history there is no model, and predict falls back. Raises ForecastError.
        """
        if not 1 <= self.horizon <= 2 * DAY:
            raise ForecastError(f"horizon is {self.horizon} h; 1 to {2 * DAY} are possible")
        self.frame_, self.hours_ = frame, self._hours(frame)
        self.model_: QuantileModel | None = None
        self.until_ = self.hours_.end
        self.pool_ = Pool(
            self.horizon, self.issue_hours, self.settings.parts, self.window_days, self.pooled_steps, self.shrunk
        )
        row = self.hours_.end if until is None else self.hours_.row(until)
        days = row // DAY
        held_out = row - DAY * min(self.window_days + 2, days // 4)
        self.scale_ = scale_of(self.hours_.target[:held_out])
        if days >= MODEL_DAYS and self.calibrated:
            self.model_ = self._model(held_out)
            if self.model_ is not None:
                self.pool_.extend(self.model_, self.hours_, row - 1)
        return self._train(row)

    def refit(self, until: pd.Timestamp | None = None) -> Forecaster:
        """Learn anew from rows before until; residuals of the forecasts up to there stay, as they were made.

        Where there was no model yet, or the series has come to zero for the first time, all is fitted as at first."""
        row = self.hours_.end if until is None else self.hours_.row(until)
        if scale_of(self.hours_.target[:row]).logarithmic != self.scale_.logarithmic or self.model_ is None:
            return self.fit(self.frame_, self.hours_.start + pd.Timedelta(hours=row))
        if self.calibrated:
            self.pool_.extend(self.model_, self.hours_, row - 1)
        return self._train(row)

    def observe(self, frame: pd.DataFrame) -> Forecaster:
        """Take in rows measured since, or what is now known in advance; of a row that comes twice the later counts."""
        both = pd.concat([self.frame_, frame])
        self.frame_ = both[~both.index.duplicated(keep="last")].sort_index()
        hours = self._hours(self.frame_)
        if hours.start != self.hours_.start and self.model_ is not None:
            raise ForecastError(f"rows before {self.hours_.start} can't be added to a fitted forecaster; fit it anew")
        self.hours_ = hours
        return self

    def predict(
        self, issue_time: pd.Timestamp, horizon: int | None = None, ahead: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Quantiles of the hours from issue_time on: columns q05 to q95, issue_time and source; index in local time.

        ahead: temperature_forecast, holiday and columns known in advance for the coming hours, where the frame that was
        learned from or observed doesn't hold them. Raises ForecastError.
        """
        steps = self.horizon if horizon is None else horizon
        if not 1 <= steps <= self.horizon:
            raise ForecastError(f"horizon is {steps} h; the forecaster was made for 1 to {self.horizon}")
        hours = self.hours_ if ahead is None else _with_ahead(self.hours_, ahead)
        row = hours.row(issue_time)
        issued = self.issue(np.array([row]), hours)
        rows = row + np.arange(steps)
        found = pd.DataFrame(issued.quantiles[0, :steps], index=hours.times(rows).rename("time"), columns=list(COLUMNS))
        found["issue_time"] = hours.times(np.array([row]))[0]
        found["source"] = issued.sources[0].value
        return found

    def issue(self, issues: IntArray, hours: Hours | None = None) -> Issued:
        """Forecasts issued at ascending rows (n,), each by what was known then. Raises ForecastError."""
        hours = self.hours_ if hours is None else hours
        self._check(issues, hours)
        sources = [self._source(hours, int(row)) for row in issues]
        quantiles = np.empty((len(issues), self.horizon, len(LEVELS)))
        alone = np.full((len(issues), self.horizon, len(self.pool_.parts), len(LEVELS)), np.nan)
        modelled = np.array(
            [source not in (ForecastSource.LAST_WEEK, ForecastSource.PROFILE) for source in sources], dtype=bool
        )
        if self.model_ is not None and modelled.any():
            if self.calibrated:
                scaled, parts = self.pool_.forecast(self.model_, hours, issues[modelled])
                alone[modelled] = self.model_.scale.back(parts)
            else:
                scaled = np.sort(self.model_.raw(hours, issues[modelled])[0], axis=-1)
            quantiles[modelled] = self.model_.scale.back(scaled)
        for i, (row, source) in enumerate(zip(issues.tolist(), sources, strict=True)):
            if source is ForecastSource.PROFILE:
                quantiles[i] = profile(hours, row, self.horizon, self.profile, self.expected_mean)
            elif source is ForecastSource.LAST_WEEK:
                quantiles[i] = naive_quantiles(hours, row, self.horizon, 7)
            elif source is ForecastSource.BLEND:
                share = model_share(row / DAY)
                other = naive_quantiles(hours, row, self.horizon, 7)
                quantiles[i] = share * quantiles[i] + (1 - share) * other
            least = np.nanmin(hours.target[:row], initial=np.inf)
            if least >= 0:
                quantiles[i] = np.maximum(quantiles[i], 0)
        return Issued(issues, quantiles, tuple(sources), alone)

    def residuals(self, hours: Hours, now: int) -> tuple[IntArray, FloatArray]:
        """Rows (m,) of earlier issues and (m, H, 7) target minus the quantile issued, scaled; NaN where unknown."""
        if self.model_ is None:
            return np.zeros(0, dtype=np.int64), np.zeros((0, self.horizon, len(LEVELS)))
        return self.pool_.residuals(self.model_, hours, now)

    def _hours(self, frame: pd.DataFrame) -> Hours:
        return hours_of(frame, self.zone, self.country, self.ahead)

    def _model(self, row: int) -> QuantileModel | None:
        try:
            return QuantileModel(self.hours_, row, self.horizon, self.issue_hours, self.settings, self.scale_)
        except ValueError:
            return None  # too many gaps in a short history

    def _train(self, row: int) -> Forecaster:
        self.until_ = row
        self.model_ = self._model(row) if row // DAY >= MODEL_DAYS else None
        return self

    def _check(self, issues: IntArray, hours: Hours) -> None:
        first, last = int(issues.min()), int(issues.max())
        if first < self.until_ and self.model_ is not None:
            at, until = hours.times(np.array([first, self.until_]))
            raise ForecastError(
                f"a forecast issued {at} can't come from a model that learned from values until {until}"
            )
        if first < 0 or last + self.horizon > len(hours):
            at = hours.times(np.array([last if first >= 0 else first]))[0]
            raise ForecastError(f"{at} is too far from the series, which ends {hours.times(np.array([hours.end]))[0]}")

    def _source(self, hours: Hours, row: int) -> ForecastSource:
        if self.model_ is not None and row >= FIRST_ISSUE and hours.measured_share(row, 2 * DAY) >= LEAST_MEASURED:
            if model_share(row / DAY) < 1:
                return ForecastSource.BLEND
            known = bool(weather_known(hours, np.array([row]), self.horizon)[0])
            return ForecastSource.MODEL if known else ForecastSource.PERSISTED_WEATHER
        enough = row >= WEEK + 2 * DAY and hours.measured_share(row, WEEK) >= LEAST_MEASURED
        return ForecastSource.LAST_WEEK if enough else ForecastSource.PROFILE


def model_share(days: float) -> float:
    """Weight of the model in a blend, from the days of history: a half at MODEL_DAYS, all from TRUST_DAYS on."""
    return float(np.clip(0.5 + 0.5 * (days - MODEL_DAYS) / (TRUST_DAYS - MODEL_DAYS), 0, 1))


def _with_ahead(hours: Hours, ahead: pd.DataFrame) -> Hours:
    """Hours with what has become known of coming ones."""
    rows = np.array([hours.row(time) for time in ahead.index])
    if len(rows) and (rows.min() < 0 or rows.max() >= len(hours)):
        raise ForecastError("the columns known in advance reach beyond the hours that can be forecast")
    known = hours.ahead.copy()
    for i, name in enumerate(hours.ahead_names):
        if name in ahead:
            known[rows, i] = ahead[name].to_numpy(dtype=float)
    holiday = hours.holiday.copy()
    if HOLIDAY in ahead:
        holiday[rows] = ahead[HOLIDAY].to_numpy(dtype=float) > 0
    coming = hours.temperature_ahead
    if TEMPERATURE_AHEAD in ahead and coming is not None:
        coming = coming.copy()
        coming[rows] = ahead[TEMPERATURE_AHEAD].to_numpy(dtype=float)
    return replace(hours, ahead=known, holiday=holiday, temperature_ahead=coming)
