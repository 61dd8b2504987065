"""Condition of the live grid's assets: hidden deterioration, its sensors, and what a week of them tells.

The deterioration and the sensors are simulated as those of the fleets are, from the same formulas, on top of the
temperatures and loads of the real power flow; what is handed on is only what an operator could know.
"""

from datetime import datetime, timedelta

import numpy as np

from grid.assets.deterioration import (
    KINDS,
    LOCATIONS,
    AssetTraits,
    Gaps,
    advanced,
    drawn,
    measured,
    next_week,
    with_defect,
)
from grid.assets.register import AssetRegister, temperature_limit_c
from grid.flow.powerflow import GridState
from grid.network import BoolArray, FloatArray, Network
from grid.telemetry import Frame
from grid.thermal.transformer import ageing_rate
from ml.maintenance.model.features import Observation, looked_of
from ml.maintenance.model.week import PEAK_DAYS, WeekOfLooks

DAY, WEEK = timedelta(days=1), timedelta(days=7)
DAYS_KEPT = 8  # the present day and the seven before it
THERMAL_PACE = 0.05  # assumption: mean V before the monitoring began
HOURS_PER_YEAR, HOURS_PER_DAY = 8766.0, 24.0
EARLIER_LOOKS = 7  # a day apart


def is_asset(network: Network) -> BoolArray:
    """(m,) lines, cables and transformers: what failure models know."""
    return np.array([kind in KINDS for kind in network.branch.kind], dtype=bool)


def traits_of(network: Network, register: AssetRegister) -> AssetTraits:
    """What the branches are; an impedance stands among the lines."""
    branch, vn_kv = network.branch, network.bus.vn_kv
    return AssetTraits(
        kind=np.array([KINDS.index(kind) if kind in KINDS else 0 for kind in branch.kind], dtype=int),
        location=np.array([LOCATIONS.index(place) for place in register.location], dtype=int),
        vn_kv=np.maximum(vn_kv[branch.from_bus], vn_kv[branch.to_bus]),
        length_km=np.maximum(np.nan_to_num(branch.length_km), 0.0),
        rating_mva=register.rating_mva,
    )


class ConditionMonitor:
    """One network's assets. Owned by the engine thread."""

    def __init__(self, network: Network, register: AssetRegister, start: datetime, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 1])
        self._traits = traits_of(network, register)
        self._limit_c = temperature_limit_c(network)
        age = np.maximum(_year(start) - register.year_built, 0.0)
        self._hidden = drawn(self._traits, age, THERMAL_PACE * age, self._rng)
        self._gaps = Gaps(len(self._traits), self._rng)
        self._week, self._began = WeekOfLooks(len(self._traits)), False
        self._since_week = timedelta(0)
        count = len(self._traits)
        self._day = start.toordinal()
        self._peak_c = np.full((DAYS_KEPT, count), np.nan)
        self._peak_pu = np.full((DAYS_KEPT, count), np.nan)
        self._aged_h = np.zeros((DAYS_KEPT, count))  # sum of V times hours
        self._hours = np.zeros(DAYS_KEPT)

    def step(self, state: GridState, frame: Frame, sound_c: FloatArray, elapsed: timedelta) -> Observation:
        """Let time pass at a state's loads; sound_c (m,): temperatures that sound assets have. What is known then."""
        traits, weather = self._traits, frame.weather
        hours = elapsed.total_seconds() / 3600
        load_pu = np.nan_to_num(state.loading_percent) / 100.0
        temperature = with_defect(sound_c, float(weather.ambient_c), self._hidden)
        ageing = np.where(traits.is_transformer, ageing_rate(temperature, np.zeros(1, dtype=bool)), 0.0)
        years = hours / HOURS_PER_YEAR
        self._hidden = advanced(self._hidden, traits, years, load_pu**2, np.nan_to_num(ageing) * years, self._rng)
        self._gaps.advance(elapsed / WEEK)
        self._since_week += elapsed
        while self._since_week >= WEEK:
            self._hidden = next_week(self._hidden, traits, self._rng)
            self._since_week -= WEEK
        self._note(frame.measured_at, temperature, load_pu, ageing, hours)
        signals = self._look(frame, sound_c, temperature, load_pu, hours / HOURS_PER_DAY)
        return self._observed(signals, sound_c, load_pu)

    def _note(
        self, time: datetime, temperature: FloatArray, load_pu: FloatArray, ageing: FloatArray, hours: float
    ) -> None:
        """Keep the day's peaks and ageing; days before the last week are forgotten."""
        passed = time.toordinal() - self._day
        for ring, empty in ((self._peak_c, np.nan), (self._peak_pu, np.nan), (self._aged_h, 0.0)):
            if passed > 0:
                ring[:] = np.roll(ring, passed, axis=0)
                ring[: min(passed, DAYS_KEPT)] = empty
        if passed > 0:
            self._hours = np.roll(self._hours, passed)
            self._hours[: min(passed, DAYS_KEPT)] = 0.0
            self._day += passed
        for _ in range(min(passed, PEAK_DAYS)):
            self._week.end_day()
        self._week.rise(load_pu, temperature)
        self._peak_c[0] = np.fmax(self._peak_c[0], temperature)
        self._peak_pu[0] = np.fmax(self._peak_pu[0], load_pu)
        self._aged_h[0] += ageing * hours
        self._hours[0] += hours

    def _look(
        self, frame: Frame, sound_c: FloatArray, temperature: FloatArray, load_pu: FloatArray, days: float
    ) -> FloatArray:
        """(m, 10) what the sensors show now. A first look comes with a week of earlier ones at the same load: the
        sensors were there before anyone watched, and fell silent then as they do now."""
        traits, weather = self._traits, frame.weather
        air = float(weather.ambient_c), float(weather.humidity_percent)
        for of_days in (days,) if self._began else (1.0,) * EARLIER_LOOKS:
            if not self._began:
                self._gaps.advance(of_days * DAY / WEEK)
            load_mw = load_pu * traits.rating_mva
            shown = measured(self._hidden, traits, temperature, load_mw, load_pu, *air, self._rng)
            signals = np.where(self._gaps.silent, np.nan, shown)
            self._week.take(looked_of(traits, signals, load_pu, sound_c), of_days)
        self._began = True
        return signals

    def _observed(self, signals: FloatArray, sound_c: FloatArray, load_pu: FloatArray) -> Observation:
        traits, total_hours = self._traits, self._hours.sum()
        mean_rate = self._aged_h.sum(axis=0) / total_hours if total_hours > 0 else np.full(len(traits), np.nan)
        return Observation(
            traits=traits,
            signals=signals,
            week=self._week.now(),
            expected_load_mw=load_pu * traits.rating_mva,
            rated_mw=traits.rating_mva,
            peak_load_pu=np.fmax.reduce(self._peak_pu, axis=0),
            peak_temperature_c=np.fmax.reduce(self._peak_c, axis=0),
            expected_temperature_c=sound_c,
            ageing_rate=np.where(traits.is_transformer, mean_rate, np.nan),
            thermal_age_years=self._hidden.thermal_age_years,
            limit_c=self._limit_c,
        )


def _year(time: datetime) -> float:
    """A date as a year with its part."""
    return time.year + (time.timetuple().tm_yday - 1) / 365.25
