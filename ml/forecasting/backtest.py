"""Forecasts of a time that is past, issued one a day by what was known then, and what they were worth."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.base import clone

from ml.forecasting.forecaster import COLUMNS, Forecaster, ForecastSource
from ml.forecasting.model.baselines import naive, naive_quantiles
from ml.forecasting.model.hours import DAY, FloatArray, Hours, IntArray
from ml.forecasting.model.model import Parts
from ml.forecasting.quality.metrics import MEDIAN, Scores, range_of, score

REFIT_MONTHS = 3


@dataclass(frozen=True, eq=False)
class Backtest:
    """n forecasts of H hours, and the seconds they took by the clock and of a processor.

    issues (n,) rows, actual (n, H) NaN where unknown, quantiles (n, H, 7), sources (n,) by name. parts: quantiles
    (n, H, 7) by the name of each part that the forecast was put together from, NaN where it had none.
    """

    name: str
    hours: Hours
    issues: IntArray
    actual: FloatArray
    quantiles: FloatArray
    sources: tuple[str, ...]
    seconds: float
    cpu_seconds: float
    parts: Mapping[str, FloatArray]


def daily_issues(hours: Hours, start: pd.Timestamp, end: pd.Timestamp, hour: int = 0) -> IntArray:
    """(n,) rows of the hour of every local day from start until before end whose horizon lies in the calendar."""
    rows = np.arange(hours.row(start), hours.row(end))
    return rows[hours.hour[rows] == hour]


def backtest(
    forecaster: Forecaster,
    frame: pd.DataFrame,
    start: pd.Timestamp,
    end: pd.Timestamp,
    name: str,
    months: int = REFIT_MONTHS,
) -> Backtest:
    """Issue a forecast at the forecaster's first issue hour of every day; refit every so many months.

    The forecaster is left as it is; a copy is fitted to rows before start.
    """
    begun = time.perf_counter(), time.process_time()
    made: Forecaster = clone(forecaster)
    made.fit(frame, start)
    issues, quantiles, sources, parts = [], [], [], []
    at = start
    while at < end:
        until = min(at + pd.DateOffset(months=months), end)
        rows = daily_issues(made.hours_, at, until, forecaster.issue_hours[0])
        if at != start:
            made.refit(at)
        if len(rows):
            issued = made.issue(rows)
            issues.append(rows)
            quantiles.append(issued.quantiles)
            parts.append(issued.parts)
            sources += [source.value for source in issued.sources]
        at = until
    every, alone = np.concatenate(issues), np.concatenate(parts)
    named = {part.value: alone[:, :, place] for place, part in enumerate(made.pool_.parts)}
    return _result(name, made.hours_, every, np.concatenate(quantiles), tuple(sources), begun, named)


def naive_backtest(hours: Hours, issues: IntArray, horizon: int, days: int) -> Backtest:
    """The same hour some days ago, with quantiles of its own errors."""
    begun = time.perf_counter(), time.process_time()
    quantiles = np.stack([naive_quantiles(hours, int(row), horizon, days) for row in issues])
    quantiles[..., MEDIAN] = naive(hours, issues, horizon, days)
    quantiles = np.sort(quantiles, axis=-1)
    name = f"same hour {DAY * days} h before"
    return _result(name, hours, issues, quantiles, (name,) * len(issues), begun, {})


def alone(forecaster: Forecaster, parts: Parts) -> Forecaster:
    """A copy with one part of the model: the ridge calibrated, XGBoost's quantiles as they come."""
    made: Forecaster = clone(forecaster)
    return made.set_params(settings=replace(made.settings, parts=parts), calibrated=parts is Parts.RIDGE)


def scores(found: Backtest, naive_mae: float) -> Scores:
    """Scores over all hours forecast; the range is that of the whole series."""
    return score(found.actual, found.quantiles, naive_mae, range_of(found.hours.target))


def naive_mae(found: Backtest) -> float:
    """MAE of the naive forecast, over the hours that have a value."""
    return float(np.nanmean(np.abs(found.quantiles[..., MEDIAN] - found.actual)))


def by_source(found: Backtest) -> dict[str, int]:
    """Number of forecasts by what they were made by."""
    names, counts = np.unique(np.array(found.sources), return_counts=True)
    known = [source.value for source in ForecastSource]
    order = sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda pair: (pair[0] not in known, pair[0]))
    return dict(order)


def table_of(found: Backtest) -> pd.DataFrame:
    """One row an hour forecast: issue_time, time, actual, quantiles, source; times in local time."""
    horizon = found.actual.shape[1]
    rows = (found.issues[:, None] + np.arange(horizon)).ravel()
    frame = pd.DataFrame(found.quantiles.reshape(len(rows), -1), columns=list(COLUMNS))
    frame.insert(0, "actual", found.actual.ravel())
    frame.insert(0, "time", found.hours.times(rows))
    frame.insert(0, "issue_time", found.hours.times(np.repeat(found.issues, horizon)))
    frame["source"] = np.repeat(np.array(found.sources), horizon)
    return frame


def _result(
    name: str,
    hours: Hours,
    issues: IntArray,
    quantiles: FloatArray,
    sources: tuple[str, ...],
    begun: tuple[float, float],
    parts: Mapping[str, FloatArray],
) -> Backtest:
    rows = issues[:, None] + np.arange(quantiles.shape[1])
    seconds, cpu_seconds = time.perf_counter() - begun[0], time.process_time() - begun[1]
    return Backtest(name, hours, issues, hours.target[rows], quantiles, sources, seconds, cpu_seconds, parts)
