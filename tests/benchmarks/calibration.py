"""Whether a look-ahead's probabilities are true: of what is forecast at 30 %, three in ten should happen.

Days are forecast one after the other at midnight, from nothing later than that; what then happened is solved hour by
hour. Any sampler can be judged; ResidualDays is a simple honest one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from grid.flow.contingency import FULL_LOAD_PERCENT
from grid.flow.powerflow import Injection, PowerFlow, PowerFlowDivergedError
from grid.network import BoolArray, FloatArray, IntArray, Network
from grid.studies.lookahead import Samples, look_ahead

DAY = 24
BINS = 10
FEWEST_CASES = 100


@dataclass(frozen=True, eq=False)
class Course:
    """What was measured hour by hour; arrays over t hours, whole days from a midnight on."""

    load_p_mw: FloatArray  # (t, l)
    load_q_mvar: FloatArray  # (t, l)
    generator_p_mw: FloatArray  # (t, g)
    is_weekend: BoolArray  # (days,) of the calendar: also of days to come

    def until(self, day: int) -> "Course":
        """The days before a day, and the whole calendar: what is known at its midnight."""
        known = {name: values[: day * DAY] for name, values in vars(self).items() if name != "is_weekend"}
        return replace(self, **known)

    @property
    def days(self) -> int:
        """How many were measured."""
        return len(self.load_p_mw) // DAY

    def injection(self, base: Injection, hour: int) -> Injection:
        """Of one hour."""
        return replace(
            base,
            load_p_mw=self.load_p_mw[hour],
            load_q_mvar=self.load_q_mvar[hour],
            generator_p_mw=self.generator_p_mw[hour],
        )


class Sampler(Protocol):
    """Draws possible courses of the day that follows what is known."""

    def __call__(self, known: Course) -> Samples:
        """Samples of the 24 hours after the last one known."""


class ResidualDays:
    """The mean of like days plus whole days of past errors, so that loads and plants err together as they did.

    A day's mean is that of the days of its kind (working day or weekend) in the four weeks before it; its error is what
    the mean made of it was out by. Two weeks would follow the season more closely, but their means scatter so much that
    high chances come out too high and low ones too low. No past error is older than residual_days.
    """

    def __init__(self, mean_days: int = 28, residual_days: int = 60) -> None:
        self._mean_days, self._residual_days = mean_days, residual_days

    @property
    def needs_days(self) -> int:
        """Of history."""
        return self._mean_days + self._residual_days

    def __call__(self, known: Course) -> Samples:
        """As Sampler says; plants stay within what they have been seen to do."""
        plants = known.generator_p_mw
        return Samples(
            load_p_mw=self._drawn(known.load_p_mw, known),
            load_q_mvar=self._drawn(known.load_q_mvar, known),
            generator_p_mw=np.clip(self._drawn(plants, known), plants.min(axis=0), plants.max(axis=0)),
        )

    def _drawn(self, values: FloatArray, known: Course) -> FloatArray:
        """(residual_days, 24, k) of values (t, k)."""
        by_day = values.reshape(known.days, DAY, -1)
        past = range(known.days - self._residual_days, known.days)
        errors = np.stack([by_day[day] - self._mean(by_day, known.is_weekend, day) for day in past])
        return self._mean(by_day, known.is_weekend, known.days) + errors

    def _mean(self, by_day: FloatArray, is_weekend: BoolArray, day: int) -> FloatArray:
        before = np.arange(max(0, day - self._mean_days), day)
        mean: FloatArray = by_day[before[is_weekend[before] == is_weekend[day]]].mean(axis=0)
        return mean


@dataclass(frozen=True, eq=False)
class Reliability:
    """Forecast probability against frequency in equal bins; arrays are (bins,), NaN in empty ones."""

    cases: IntArray
    forecast: FloatArray  # mean probability
    frequency: FloatArray

    @property
    def gap(self) -> FloatArray:
        """How far frequencies lie from probabilities, in bins with 100 cases or more; NaN in the others."""
        return np.where(self.cases >= FEWEST_CASES, np.abs(self.forecast - self.frequency), np.nan)


def reliability(probability: FloatArray, happened: BoolArray, bins: int = BINS) -> Reliability:
    """Compare probabilities with what happened; arrays of one shape."""
    chance, event = np.ravel(probability), np.ravel(happened).astype(float)
    place = np.minimum((chance * bins + 1e-9).astype(int), bins - 1)
    cases = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        forecast = np.bincount(place, chance, bins) / cases
        frequency = np.bincount(place, event, bins) / cases
    return Reliability(cases, forecast, frequency)


@dataclass(frozen=True, eq=False)
class Judged:
    """Overloads of d days by branches: chance and what happened, (d, 24, m); and the share of hours without a state."""

    probability: FloatArray
    happened: BoolArray
    unsolved_share: float


def judge_sampler(
    network: Network,
    base: Injection,
    closed: BoolArray,
    course: Course,
    sampler: Sampler,
    days: range,
    told: Callable[[int], None] = lambda _: None,
) -> Judged:
    """Forecast each of days at its midnight and see what happened.

    base: which generators run and what voltages they hold, in forecast and event alike. told: called with each
    day that is done. What has no solution counts as an overload everywhere, in forecast and event alike.
    """
    chances, events, unsolved = [], [], 0
    flow = PowerFlow(network)
    for day in days:
        chances.append(look_ahead(network, base, closed, sampler(course.until(day))).overload_probability)
        for hour in range(day * DAY, (day + 1) * DAY):
            try:
                loading = flow.solve(course.injection(base, hour), closed).loading_percent
            except PowerFlowDivergedError:
                loading, unsolved = np.where(closed, np.inf, 0.0), unsolved + 1
            events.append(loading > FULL_LOAD_PERCENT)
        told(day)
    happened = np.array(events).reshape(len(days), DAY, -1)
    return Judged(np.array(chances), happened, unsolved / (len(days) * DAY))
