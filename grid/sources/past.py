"""The past of a simulated grid: what its customers and its weather would have done in the hours before its start.

Noise and weather are Ornstein-Uhlenbeck processes, which look the same backwards: the past is drawn from the state at
the start towards earlier hours, so that it joins what follows. Nobody disturbed the grid then.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from scipy.signal import lfilter

from grid.cases.case import Case, Profiles
from grid.network import FloatArray, IntArray
from grid.sources.clock import Clock, hourly_clock
from grid.sources.demand import (
    NOISE_MEMORY_HOURS,
    OWN_NOISE,
    SHARED_NOISE,
    DemandModel,
    class_shapes,
    generation_factor,
)
from grid.sources.weather import HOURS_TO_FORGET, WeatherModel, weather_of
from grid.telemetry import Weather

MOST_VALUES = 60_000_000  # float32 of loads and generators: 240 MB


@dataclass(frozen=True, eq=False)
class PastHours:
    """h whole hours from start on: means of loads (h, l) and generators (h, g); weather in the middle of the hours."""

    start: datetime
    load_p_mw: FloatArray
    load_q_mvar: FloatArray
    generator_p_mw: FloatArray
    weather: Weather


class Past:
    """What came before a simulator's start; may be asked by any thread.

    demand and weather: the models at the start, whose state is copied.
    """

    def __init__(self, case: Case, start: datetime, demand: DemandModel, weather: WeatherModel, seed: int) -> None:
        self._case, self._seed = case, seed
        self.end = start.replace(minute=0, second=0, microsecond=0)
        self._shared, self._own = demand.shared.copy(), demand.own.copy()
        self._mix, self._compensation = demand.mix, demand.compensation
        self._normal = dict(weather.normal)

    def hours(self, count: int) -> PastHours:
        """The last hours before the start, fewer where they would be more than MOST_VALUES; always the same ones."""
        network = self._case.network
        count = min(count, MOST_VALUES // max(1, 2 * len(network.load) + len(network.generator)))
        rng, start = np.random.default_rng(self._seed), self.end - timedelta(hours=count)
        whole = hourly_clock(start, count)
        clock = Clock(whole.day, whole.hour + 0.5, whole.weekend)
        normal = {
            name: _backwards(np.array([value]), count, HOURS_TO_FORGET[name], rng)[:, 0]
            for name, value in self._normal.items()
        }
        weather = weather_of(normal, clock)
        load_p, load_q = self._loads(start, clock, weather, rng)
        nominal = float(network.load.p_mw.sum())
        ratio = load_p.sum(axis=1) / nominal if nominal > 0 else np.ones(count)
        return PastHours(start, load_p, load_q, self._generators(start, ratio, weather), weather)

    def _loads(
        self, start: datetime, clock: Clock, weather: Weather, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        loads, profiles, count = self._case.network.load, self._case.profiles, len(clock.day)
        if profiles is not None:
            rows = hourly_rows(start, count, profiles.step_minutes)
            active, reactive = (
                _hourly_means(profiles, columns, loads.profile, rows) for columns in (profiles.load_p, profiles.load_q)
            )
            return active * loads.p_mw.astype(np.float32), reactive * loads.q_mvar.astype(np.float32)
        shared = _backwards(self._shared, count, NOISE_MEMORY_HOURS, rng)
        own = _backwards(self._own, count, NOISE_MEMORY_HOURS, rng).astype(np.float32)
        course = class_shapes(clock, weather.ambient_c).T * np.ones_like(shared)
        factor = (course @ self._mix.T).astype(np.float32)
        factor *= 1 + SHARED_NOISE * (shared @ self._mix.T).astype(np.float32) + OWN_NOISE * own
        p_mw, q_mvar = factor * loads.p_mw.astype(np.float32), factor * loads.q_mvar.astype(np.float32)
        total = float(loads.p_mw.sum())
        if self._compensation is not None and total > 0:
            q_mvar += self._compensation.at(p_mw.sum(axis=1) / total).astype(np.float32)
        return p_mw, q_mvar

    def _generators(self, start: datetime, ratio: FloatArray, weather: Weather) -> FloatArray:
        generators, profiles = self._case.network.generator, self._case.profiles
        factor = generation_factor(np.array(generators.energy, dtype=object), weather, ratio).astype(np.float32)
        if profiles is not None:
            rows = hourly_rows(start, len(ratio), profiles.step_minutes)
            known = [name in profiles.generation for name in generators.profile]
            replayed = _hourly_means(profiles, profiles.generation, generators.profile, rows)
            factor = np.where(known, replayed, factor)
        return np.asarray(factor * generators.p_mw.astype(np.float32))


def _backwards(now: FloatArray, count: int, memory_hours: float, rng: np.random.Generator) -> FloatArray:
    """(count, k) standard normal values of hours up to the one before now (k,), the earliest first.

    Drawn from the latest on: more hours leave those that were drawn before as they are.
    """
    kept = np.exp(-1.0 / memory_hours)
    fresh = np.sqrt(1 - kept**2) * np.random.default_rng(rng.integers(2**63)).standard_normal((count, len(now)))
    course, _ = lfilter([1.0], [1.0, -kept], fresh, axis=0, zi=kept * now[None, :])
    return np.asarray(course[::-1])


def hourly_rows(start: datetime, count: int, step_minutes: int) -> IntArray:
    """(count,) rows of a leap year of profiles at which hours begin."""
    times = np.datetime64(start.replace(tzinfo=None), "h") + np.arange(count)
    years = times.astype("datetime64[Y]")
    is_leap = (years + 1).astype("datetime64[D]") - years.astype("datetime64[D]") == np.timedelta64(366, "D")
    hour = (times - years.astype("datetime64[h]")).astype(int)
    in_leap_year = hour + 24 * (~is_leap & (hour >= 59 * 24))
    return np.asarray(in_leap_year * 60 // step_minutes)


def _hourly_means(
    profiles: Profiles, columns: dict[str, FloatArray], names: tuple[str, ...], rows: IntArray
) -> FloatArray:
    """(h, k) means of the hours that begin at rows; 1 for a name without a profile."""
    steps = np.arange(max(1, 60 // profiles.step_minutes))
    means = {
        name: columns[name][(rows[:, None] + steps) % len(columns[name])].mean(axis=1).astype(np.float32)
        for name in set(names) & set(columns)
    }
    flat = np.ones(len(rows), dtype=np.float32)
    return np.stack([means.get(name, flat) for name in names], axis=1) if names else np.zeros((len(rows), 0), "f4")
