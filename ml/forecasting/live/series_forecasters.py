"""SeriesForecasters: a forecaster for every series of a network, what they have forecast, and how it turned out.

A series begins with what needs no learning (the same hour of last week) and is trained when its turn comes. For the
week before that, forecasts are made by what was known at each moment, so that there is something to judge by at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from sklearn.base import clone

from grid.network import FloatArray
from grid.sources.weather import LATITUDE_DEGREE
from ml.forecasting.forecaster import MODEL_DAYS, Forecaster
from ml.forecasting.groups import GroupForecaster
from ml.forecasting.live.renewables import PvPlace, clear_sky_output
from ml.forecasting.model.hours import DAY, WEEK
from ml.forecasting.model.model import ModelSettings
from ml.forecasting.quality.drift import drift
from ml.forecasting.quality.metrics import BAND_80, BAND_90, covered
from ml.forecasting.records import (
    LEVELS,
    Accuracy,
    Contest,
    Drift,
    Forecast,
    Learned,
    LearnedKind,
    SeriesInfo,
    SeriesKind,
)
from ml.forecasting.renewal import renew

HORIZON = 48
JUDGED = timedelta(days=7)  # before the first training: left out of it, and forecast in hindsight
RENEWED = timedelta(days=7)
ISSUES_KEPT = 14 * DAY
QUICK_DAYS = MODEL_DAYS - 2  # of history for a forecaster that doesn't learn
LOAD_STEPS = 3  # to either side that calibrate a step of a load: fewer leave more noise in its quantiles
CLEAR = "clear_sky"
PLACE = PvPlace(LATITUDE_DEGREE, 0.0, tilt=0.0)  # the simulator's; cases don't say where they are
HINDSIGHT = "in hindsight, by what was known then: "
HOUR = timedelta(hours=1)
SMALL = ModelSettings(penalty=0.1, rounds=20, depth=3)
"""As good as the larger default on the simulator's loads, in a quarter of the time (docs/lab_notes.md)."""


@dataclass
class _OneSeries:
    """One series with its forecaster."""

    info: SeriesInfo
    frame: pd.DataFrame
    forecaster: Forecaster
    trained_until: datetime | None
    issued: dict[datetime, Forecast]
    learned: Learned


class SeriesForecasters:
    """Owned by one thread. Times are simulated ones in UTC; hours are named by their beginning."""

    def __init__(
        self,
        infos: tuple[SeriesInfo, ...],
        first: datetime,
        values_mw: FloatArray,
        mean_mw: FloatArray,
        settings: ModelSettings = SMALL,
    ) -> None:
        """values_mw: (h, s) hours from first on, h may be 0. mean_mw: (s,) expected while nothing is known."""
        self._series: dict[str, _OneSeries] = {}
        for place, info in enumerate(infos):
            frame = _frame(info, first, values_mw[:, place])
            expected = float(mean_mw[place])
            quick = _forecaster(info, expected, settings).fit(frame.iloc[-QUICK_DAYS * DAY :])
            self._series[info.code] = _OneSeries(info, frame, quick, None, {}, Learned(kind=LearnedKind.TOO_FEW_DAYS))

    @property
    def untrained(self) -> list[str]:
        """Codes of the series with history enough for a model and none yet, in order."""
        return [
            code
            for code, one in self._series.items()
            if one.trained_until is None and _days(one) >= MODEL_DAYS + JUDGED.days
        ]

    @property
    def modelled(self) -> list[str]:
        """Codes of the series that a model forecasts, in order."""
        return [code for code, one in self._series.items() if one.learned.kind is LearnedKind.DAYS]

    def train(self, code: str, now: datetime) -> None:
        """Fit a series's model to all but its last week, and forecast that week in hindsight. Some seconds.

        Where that raises, the series goes on without a model until the next renewal.
        """
        one, until = self._series[code], now - JUDGED
        one.trained_until, one.learned = now, Learned(kind=LearnedKind.FAILED)
        fitted = clone(one.forecaster).fit(one.frame, pd.Timestamp(until))
        issues = [until + step * 6 * HOUR for step in range(4 * JUDGED.days)]
        made = fitted.issue(np.array([fitted.hours_.row(pd.Timestamp(time)) for time in issues]))
        for time, quantiles, source in zip(issues, made.quantiles, made.sources, strict=True):
            one.issued.setdefault(time, Forecast(time, quantiles, HINDSIGHT + source.value))
        one.issued = dict(sorted(one.issued.items()))
        one.forecaster = fitted
        one.learned = Learned(kind=LearnedKind.DAYS, days=_days(one) - JUDGED.days, until=until)

    def observe(self, start: datetime, values_mw: FloatArray) -> None:
        """Take in an hour's values (s,), or hours' (h, s), and what is known in advance of those to come."""
        for one, values in zip(self._series.values(), np.atleast_2d(values_mw).T, strict=True):
            rows = _frame(one.info, start, values)
            one.frame = _joined(one.frame, rows)
            one.forecaster.observe(rows)

    def issue(self, time: datetime) -> None:
        """Forecast all series from an hour on."""
        for one in self._series.values():
            one.forecaster.observe(_frame(one.info, time, np.array([np.nan])))
            made = one.forecaster.predict(pd.Timestamp(time))
            quantiles = made.iloc[:, : len(LEVELS)].to_numpy(dtype=float)
            one.issued[time] = Forecast(time, quantiles, str(made["source"].iloc[0]))
            while len(one.issued) > ISSUES_KEPT:
                del one.issued[next(iter(one.issued))]

    def renew_one(self, now: datetime) -> tuple[SeriesInfo, Contest] | None:
        """Train the series anew whose model is a week old or older, if there is one; which, and what came of it."""
        for one in self._series.values():
            if one.trained_until is not None and now - one.trained_until >= RENEWED:
                one.trained_until = now
                one.forecaster, contest = renew(one.forecaster, pd.Timestamp(now))
                if contest.taken:
                    one.learned = Learned(kind=LearnedKind.DAYS, days=_days(one), until=now)
                return one.info, contest
        return None

    def sample(self, time: datetime, hours: int, count: int, rng: np.random.Generator) -> FloatArray:
        """(count, s - 1, hours) draws in MW of all series but the total, that go together as they did."""
        members = {code: one.forecaster for code, one in self._series.items() if one.info.kind is not SeriesKind.LOAD}
        return GroupForecaster.of(members).sample(pd.Timestamp(time), hours, count, rng)

    # --- what is told --------------------------------------------------------------------------------------------

    def forecasts(self, code: str) -> dict[datetime, Forecast]:
        """Those that are kept, by the time of issue, the earliest first; KeyError for another code."""
        return dict(self._series[code].issued)

    def learned(self, code: str) -> Learned:
        """From what the model of a series has learned."""
        return self._series[code].learned

    def actual_mw(self, code: str) -> tuple[datetime, FloatArray]:
        """The first hour known of a series, and all its values from there on, NaN where nothing was measured."""
        frame = self._series[code].frame
        return frame.index[0].to_pydatetime(), frame["target"].to_numpy(dtype=float)

    def accuracy(self, code: str) -> Accuracy | None:
        """How the forecasts that are kept turned out; None before one has."""
        first, actual = self.actual_mw(code)
        issued = self._series[code].issued
        rows = np.array([(time - first) // HOUR for time in issued], dtype=int)
        if not len(rows):
            return None
        y = _at(actual, rows[:, None] + np.arange(HORIZON))
        quantiles = np.stack([one.quantiles_mw for one in issued.values()])
        known = np.isfinite(y)
        if not known.any():
            return None
        naive = _at(actual, rows[:, None] + np.arange(HORIZON) - WEEK)
        error, rival = np.abs(quantiles[..., len(LEVELS) // 2] - y), np.abs(naive - y)
        uncertain = known & (quantiles[..., -1] > quantiles[..., 0])  # the sun at night is not
        below = (y[:, :DAY, None] <= quantiles[:, :DAY])[uncertain[:, :DAY]]
        return Accuracy(
            issues=int(known.any(axis=1).sum()),
            mae_mw=_mean(error, known),
            naive_mae_mw=_mean(rival, np.isfinite(rival)),
            coverage_80_percent=100 * _mean(covered(y, quantiles, BAND_80), uncertain),
            coverage_90_percent=100 * _mean(covered(y, quantiles, BAND_90), uncertain),
            level=LEVELS,
            frequency=below.mean(axis=0) if len(below) else np.full(len(LEVELS), np.nan),
        )

    def drift(self, code: str) -> Drift | None:
        """Of the last week, by the first six hours of its forecasts; None while too little is known."""
        first, actual = self.actual_mw(code)
        parts = []
        for time, made in self._series[code].issued.items():
            row = (time - first) // HOUR
            if time.hour % 6 == 0 and row + 6 <= len(actual):
                rows = row + np.arange(6)
                parts.append((actual[rows], made.quantiles_mw[:6], _at(actual, rows - WEEK)))
        if not parts:
            return None
        y, quantiles, naive = (np.concatenate(part) for part in zip(*parts, strict=True))
        found = drift(y, quantiles, naive)
        return None if found.coverage_80 is None and not found.found else found


def _forecaster(info: SeriesInfo, expected_mw: float, settings: ModelSettings) -> Forecaster:
    if info.kind in (SeriesKind.PV, SeriesKind.RENEWABLE):
        return Forecaster(zone="UTC", ahead=(CLEAR,), profile=CLEAR, expected_mean=expected_mw, settings=settings)
    return Forecaster(zone="UTC", expected_mean=expected_mw, shrunk=True, pooled_steps=LOAD_STEPS, settings=settings)


def _frame(info: SeriesInfo, first: datetime, values_mw: FloatArray) -> pd.DataFrame:
    """Hours from first on, and those to come with what is known of them in advance."""
    hours = max(1, len(values_mw)) + HORIZON + 1
    index = pd.date_range(pd.Timestamp(first), periods=hours, freq="h")
    target = np.full(hours, np.nan)
    target[: len(values_mw)] = values_mw
    frame = pd.DataFrame({"target": target}, index=index)
    if info.kind in (SeriesKind.PV, SeriesKind.RENEWABLE):
        frame[CLEAR] = clear_sky_output(index, PLACE)
    return frame


def _joined(frame: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    both = pd.concat([frame.loc[: rows.index[0] - pd.Timedelta(HOUR)], rows])
    return both[~both.index.duplicated(keep="last")]


def _days(one: _OneSeries) -> int:
    return int(one.frame["target"].notna().sum()) // DAY


def _at(values: FloatArray, rows: np.ndarray) -> FloatArray:
    """Values at rows, NaN outside."""
    inside = (rows >= 0) & (rows < len(values))
    return np.where(inside, values[np.clip(rows, 0, max(len(values) - 1, 0))], np.nan)


def _mean(values: FloatArray, known: np.ndarray) -> FloatArray:
    """(h,) over the issues in which values are known, NaN where none is."""
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
