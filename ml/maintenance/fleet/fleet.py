"""Simulated fleets: years of hourly load and weather, temperatures, deterioration, and failures drawn from a hazard.

Labels are events that happen, never a threshold on what a model reads. The hazard that draws them is the ceiling of
every model: nobody can know more than the rate at which chance strikes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from grid.assets.deterioration import (
    KINDS,
    LOCATIONS,
    AssetTraits,
    Deterioration,
    Gaps,
    advanced,
    drawn,
    measured,
    next_week,
    with_defect,
)
from grid.network import BoolArray, FloatArray, IntArray
from grid.thermal.transformer import ageing_rate
from ml.maintenance.fleet.year import HOURS_PER_WEEK, WEEKS_PER_YEAR, FleetYear, drawn_loads, fleet_year
from ml.maintenance.model.causes import cause_rates, repaired
from ml.maintenance.model.features import Observation, features_of, looked_of, published_rate, residuals_of
from ml.maintenance.model.week import WeekOfLooks

START = datetime(2019, 1, 1, tzinfo=UTC)
KIND_SHARES = (0.35, 0.2, 0.45)
LOCATION_SHARES = (0.1, 0.15, 0.45, 0.3)
LEVELS_KV = np.array([0.4, 11.0, 20.0, 33.0, 66.0, 110.0, 138.0, 220.0, 345.0, 380.0])
LEVEL_SHARES = (0.05, 0.2, 0.15, 0.1, 0.15, 0.15, 0.08, 0.04, 0.04, 0.04)
LINE_KM_PER_KV_ROOT, MEDIAN_CABLE_KM, LENGTH_SPREAD = 1.2, 0.8, 1.0  # a line's median length: 4 km at 11 kV, 22 at 345
MVA_PER_KV, RATING_SPREAD = 0.6, 0.4
OLDEST_YEARS = 70.0  # there are lines of the 1950s
THERMAL_PACE, THERMAL_SPREAD = 0.05, 1.0  # mean V before a fleet was watched: median and lognormal spread
LIMIT_C = np.array([75.0, 90.0, 120.0])  # by kind, as grid.assets.register.temperature_limit_c
WEEK_YEARS, WEEK_DAYS, HOURS_PER_DAY = 1.0 / WEEKS_PER_YEAR, 7.0, 24
DAYS_PER_YEAR = WEEKS_PER_YEAR * WEEK_DAYS


@dataclass(frozen=True, eq=False)
class FleetData:
    """n assets seen at several moments, r rows in all, and the k failures of the whole time.

    features (r, 24); residuals (r, 3); asset (r,); week (r,): the last one that a row has seen; published_per_year
    (r,): CNAIM's rate. rate_per_year and failed (weeks, n): the true rate in each week, and whether an asset failed in
    it. event_asset, event_day, event_cause (k,): positions in CAUSES.
    """

    features: pd.DataFrame
    residuals: pd.DataFrame
    asset: IntArray
    week: IntArray
    published_per_year: FloatArray
    rate_per_year: FloatArray
    failed: BoolArray
    event_asset: IntArray
    event_day: FloatArray
    event_cause: IntArray

    def __len__(self) -> int:
        return len(self.asset)

    @property
    def day(self) -> FloatArray:
        """(r,) days from the beginning to each row's moment."""
        return (self.week + 1) * WEEK_DAYS

    @property
    def days(self) -> float:
        """Length of the simulation."""
        return len(self.rate_per_year) * WEEK_DAYS

    def known(self, horizon_days: float) -> BoolArray:
        """(r,) rows whose horizon lies within the simulation."""
        return np.asarray(self.day + horizon_days <= self.days)

    def next_event(self) -> tuple[FloatArray, IntArray]:
        """Days (r,) from each row's moment to the asset's next failure, inf without one, and its cause, -1 without."""
        order = np.lexsort((self.event_day, self.event_asset))
        key = self.event_asset[order] * 1e6 + self.event_day[order]
        at = np.searchsorted(key, self.asset * 1e6 + self.day, side="right")
        inside = np.minimum(at, max(len(key) - 1, 0))
        found = (at < len(key)) & (self.event_asset[order][inside] == self.asset) if len(key) else at < 0
        wait = np.where(found, self.event_day[order][inside] - self.day if len(key) else 0.0, np.inf)
        return wait, np.where(found, self.event_cause[order][inside] if len(key) else -1, -1)

    def watched(self, horizon_days: float) -> tuple[FloatArray, IntArray]:
        """Years (r,) that each row's asset is watched: until it fails, or the horizon or the simulation ends; 0 for the
        last rows. The cause of its failure in that time, -1 for none."""
        wait, cause = self.next_event()
        most = np.minimum(horizon_days, self.days - self.day)
        return np.minimum(wait, most) / DAYS_PER_YEAR, np.where(wait <= most, cause, -1)

    def true_probability(self, horizon_days: float) -> FloatArray:
        """(r,) probability of a failure within the horizon for who knows all that is hidden, and the loads to come.

        NaN where the horizon ends after the simulation. After a failure, the rate that it happened at is held.
        """
        weeks, part = int(horizon_days // WEEK_DAYS), horizon_days % WEEK_DAYS / WEEK_DAYS
        weight = np.concatenate([np.ones(weeks), [part]]) * WEEK_YEARS
        result = np.full(len(self), np.nan)
        for week in np.unique(self.week[self.known(horizon_days)]):
            ahead = slice(week + 1, week + 1 + len(weight))
            rate, failed = self.rate_per_year[ahead], self.failed[ahead]
            rate = np.vstack([rate, np.repeat(rate[-1:], len(weight) - len(rate), axis=0)])
            first = np.where(failed.any(axis=0), failed.argmax(axis=0), len(weight))
            held = np.take_along_axis(rate, np.minimum(first, len(weight) - 1)[None], axis=0)
            rate = np.where(np.arange(len(weight))[:, None] > first, held, rate)
            rows = self.week == week
            result[rows] = -np.expm1(-(weight @ rate))[self.asset[rows]]
        return result


def simulate(assets: int, years: int, rng: np.random.Generator, every_weeks: int = 4) -> FleetData:
    """Run a fleet of n assets; it is seen every so many weeks."""
    fleet = _Fleet(_drawn_traits(assets, rng), rng, every_weeks)
    loads = drawn_loads(fleet.traits, rng)
    for year in range(years):
        hours = fleet_year(fleet.traits, loads, START.replace(year=START.year + year), rng)
        for week in range(WEEKS_PER_YEAR):
            fleet.live_a_week(hours, slice(week * HOURS_PER_WEEK, (week + 1) * HOURS_PER_WEEK))
        loads = loads.next_year()
    return fleet.data()


def _drawn_traits(count: int, rng: np.random.Generator) -> AssetTraits:
    kind = rng.choice(len(KINDS), count, p=KIND_SHARES)
    vn_kv = rng.choice(LEVELS_KV, count, p=LEVEL_SHARES)
    median_km = np.stack([LINE_KM_PER_KV_ROOT * np.sqrt(vn_kv), np.full(count, MEDIAN_CABLE_KM), np.zeros(count)])
    return AssetTraits(
        kind=kind,
        location=rng.choice(len(LOCATIONS), count, p=LOCATION_SHARES),
        vn_kv=vn_kv,
        length_km=median_km[kind, np.arange(count)] * np.exp(LENGTH_SPREAD * rng.standard_normal(count)),
        rating_mva=vn_kv * MVA_PER_KV * np.exp(RATING_SPREAD * rng.standard_normal(count)),
    )


class _Fleet:
    """A fleet under way, and what was seen of it so far."""

    def __init__(self, traits: AssetTraits, rng: np.random.Generator, every_weeks: int) -> None:
        self.traits, self._rng, self._every = traits, rng, every_weeks
        age = rng.uniform(0.0, OLDEST_YEARS, len(traits))
        thermal = age * THERMAL_PACE * np.exp(THERMAL_SPREAD * rng.standard_normal(len(traits)))
        self._state: Deterioration = drawn(traits, age, thermal, rng)
        self._gaps = Gaps(len(traits), rng)
        self._limit_c = LIMIT_C[traits.kind]
        self._week = WeekOfLooks(len(traits))
        self._seen: list[tuple[int, Observation]] = []
        self._rates: list[FloatArray] = []
        self._failed: list[BoolArray] = []
        self._causes: list[IntArray] = []

    def live_a_week(self, hours: FleetYear, week: slice) -> None:
        """Temperatures, failures, wear, and now and then a look."""
        traits, rng, ambient = self.traits, self._rng, np.asarray(hours.weather.ambient_c)[week][:, hours.zone]
        load = hours.load_pu[week]
        temperature = with_defect(hours.temperature_c[week], ambient, self._state)
        ageing = ageing_rate(temperature, np.zeros(1, dtype=bool)).mean(axis=0) * traits.is_transformer
        peak_c, peak_pu = temperature.max(axis=0), load.max(axis=0)
        self._look_daily(hours, week, temperature, load)
        published = published_rate(traits, self._state.age_years, peak_pu, self._state.thermal_age_years)
        rates = cause_rates(traits, self._state, peak_c, self._limit_c, published)
        total = rates.sum(axis=1)
        failed = rng.random(len(traits)) < -np.expm1(-total * WEEK_YEARS)
        share = np.cumsum(rates, axis=1) / total[:, None]
        cause = (rng.random(len(traits))[:, None] > share[:, :-1]).sum(axis=1)
        self._rates.append(total)
        self._failed.append(failed)
        self._causes.append(cause)
        worn = advanced(self._state, traits, WEEK_YEARS, np.mean(load**2, axis=0), ageing * WEEK_YEARS, rng)
        self._state = next_week(repaired(worn, failed, cause), traits, rng)
        self._gaps.advance(1.0)
        if len(self._rates) % self._every == 0:
            hour = HOURS_PER_WEEK - 1 - int(rng.integers(0, 24))
            self._seen.append((len(self._rates) - 1, self._observed(hours, week, hour, peak_c, peak_pu, ageing)))

    def _look_daily(self, hours: FleetYear, week: slice, temperature_c: FloatArray, load_pu: FloatArray) -> None:
        """A look in each day, at any hour, and the day's highest values."""
        weather = hours.weather
        for first in range(0, HOURS_PER_WEEK, HOURS_PER_DAY):
            day = slice(first, first + HOURS_PER_DAY)
            hour = first + int(self._rng.integers(0, HOURS_PER_DAY))
            now = week.start + hour
            ambient, humidity = (
                np.asarray(value)[now, hours.zone] for value in (weather.ambient_c, weather.humidity_percent)
            )
            signals = self._shown(temperature_c[hour], load_pu[hour], ambient, humidity)
            self._week.take(looked_of(self.traits, signals, load_pu[hour], hours.temperature_c[now]), 1.0)
            self._week.rise(load_pu[day].max(axis=0), temperature_c[day].max(axis=0))
            self._week.end_day()

    def _shown(
        self, temperature_c: FloatArray, load_pu: FloatArray, ambient: FloatArray, humidity: FloatArray
    ) -> FloatArray:
        """(n, 10) what sensors show, NaN where they are silent."""
        load_mw = load_pu * self.traits.rating_mva
        signals = measured(self._state, self.traits, temperature_c, load_mw, load_pu, ambient, humidity, self._rng)
        return np.where(self._gaps.silent, np.nan, signals)

    def _observed(
        self, hours: FleetYear, week: slice, hour: int, peak_c: FloatArray, peak_pu: FloatArray, ageing: FloatArray
    ) -> Observation:
        traits, now = self.traits, week.start + hour
        ambient, humidity = (
            np.asarray(value)[now, hours.zone] for value in (hours.weather.ambient_c, hours.weather.humidity_percent)
        )
        load_pu = hours.load_pu[now]
        temperature = with_defect(hours.temperature_c[now], ambient, self._state)
        return Observation(
            traits=traits,
            signals=self._shown(temperature, load_pu, ambient, humidity),
            expected_load_mw=load_pu * traits.rating_mva,
            rated_mw=traits.rating_mva,
            week=self._week.now(),
            peak_load_pu=peak_pu,
            peak_temperature_c=peak_c,
            expected_temperature_c=hours.temperature_c[now],
            ageing_rate=np.where(traits.is_transformer, ageing, np.nan),
            thermal_age_years=self._state.thermal_age_years,
            limit_c=self._limit_c,
        )

    def data(self) -> FleetData:
        """What was seen, as rows."""
        count, failed = len(self.traits), np.array(self._failed)
        event_week, event_asset = np.nonzero(failed)
        day = (event_week + self._rng.uniform(0.0, 1.0, len(event_week))) * WEEK_DAYS
        looks = [look for _, look in self._seen]
        return FleetData(
            features=pd.concat([features_of(look) for look in looks], ignore_index=True),
            residuals=pd.concat([residuals_of(look) for look in looks], ignore_index=True),
            asset=np.tile(np.arange(count), len(looks)),
            week=np.repeat([week for week, _ in self._seen], count),
            published_per_year=np.concatenate([look.published_per_year for look in looks]),
            rate_per_year=np.array(self._rates),
            failed=failed,
            event_asset=event_asset,
            event_day=day,
            event_cause=np.array(self._causes)[event_week, event_asset],
        )
