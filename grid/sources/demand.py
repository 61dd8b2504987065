"""Simulated demand and generation: what every load takes and every generator is set to at a moment."""

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import ArrayLike

from grid.cases.case import Profiles
from grid.flow.compensation import Compensation
from grid.network import Energy, FloatArray, Generators, Loads
from grid.sources.clock import Clock, clock_at, hourly_clock
from grid.sources.weather import season_c
from grid.telemetry import Weather

CLASSES = ("residential", "commercial", "industrial")
CLASS_SHARES = (0.45, 0.35, 0.2)  # of loads whose class the case doesn't say
SHARED_NOISE, OWN_NOISE = 0.015, 0.03
NOISE_MEMORY_HOURS = 1.0


class DemandModel:
    """Loads by customer class with noise that neighbours share, or a case's own year of profiles.

    mix: (l, 3) shares of CLASSES; shared (3,) and own (l,): the noise of now, standard normal. A load whose class the
    case doesn't say has one that is drawn. compensation: of a grid whose generators regulate; a load there is an area
    with customers of all classes, and the banks that hold its voltage count with its reactive power.
    """

    def __init__(
        self,
        loads: Loads,
        profiles: Profiles | None,
        rng: np.random.Generator,
        compensation: Compensation | None = None,
    ) -> None:
        self._loads, self._profiles, self._rng = loads, profiles, rng
        self.compensation = compensation if profiles is None else None
        drawn = rng.choice(len(CLASSES), len(loads), p=CLASS_SHARES)
        known, own = {name: index for index, name in enumerate(CLASSES)}, np.eye(len(CLASSES))
        unsaid = own[drawn] if self.compensation is None else np.tile(CLASS_SHARES, (len(loads), 1))
        is_said = np.array([name in known for name in loads.profile], dtype=bool)
        said = own[[known.get(name, 0) for name in loads.profile]]
        self.mix = np.where(is_said[:, None], said, unsaid)
        self.shared = rng.standard_normal(len(CLASSES))
        self.own = rng.standard_normal(len(loads))

    def advance(self, hours: float) -> None:
        """Let the noise drift for some simulated hours."""
        kept = np.exp(-hours / NOISE_MEMORY_HOURS)
        fresh = np.sqrt(1 - kept**2)
        self.shared = kept * self.shared + fresh * self._rng.standard_normal(len(self.shared))
        self.own = kept * self.own + fresh * self._rng.standard_normal(len(self.own))

    def at(self, time: datetime, ambient_c: float) -> tuple[FloatArray, FloatArray]:
        """p_mw and q_mvar, (l,), at a moment."""
        loads = self._loads
        if self._profiles is not None:
            row = profile_row(time, self._profiles.step_minutes)
            p_factor = _replayed(loads.profile, self._profiles.load_p, row)
            q_factor = _replayed(loads.profile, self._profiles.load_q, row)
            return loads.p_mw * p_factor, loads.q_mvar * q_factor
        factor = self.mix @ class_shapes(clock_at(time), ambient_c)
        factor = factor * (1 + SHARED_NOISE * (self.mix @ self.shared) + OWN_NOISE * self.own)
        p_mw, q_mvar = loads.p_mw * factor, loads.q_mvar * factor
        total = float(loads.p_mw.sum())
        if self.compensation is not None and total > 0:
            q_mvar = q_mvar + self.compensation.at(float(p_mw.sum()) / total)
        return p_mw, q_mvar


def yearly_load_mw(loads: Loads, profiles: Profiles | None) -> FloatArray:
    """(k,) total load at moments spread evenly over a year, without noise and with the season's mean temperature.

    Loads whose class the case doesn't say take the mean of the classes.
    """
    first = datetime(2026, 1, 1, tzinfo=UTC)
    if profiles is not None:
        hours = [first + timedelta(hours=3 * step) for step in range(365 * 8)]
        rows = np.array([profile_row(hour, profiles.step_minutes) for hour in hours])
        total = np.zeros(len(rows))
        for name in set(loads.profile):
            peak_mw = float(loads.p_mw[[profile == name for profile in loads.profile]].sum())
            column = profiles.load_p.get(name)
            total += peak_mw if column is None else peak_mw * column[rows % len(column)]
        return total
    clock = hourly_clock(first, 365 * 8, step_hours=3)
    shapes = class_shapes(clock, season_c(clock)).T
    known = {name: index for index, name in enumerate(CLASSES)}
    weight = np.zeros(len(CLASSES))
    for profile, p_mw in zip(loads.profile, loads.p_mw.tolist(), strict=True):
        share = np.array(CLASS_SHARES) if profile not in known else np.eye(len(CLASSES))[known[profile]]
        weight += p_mw * share
    total_mw: FloatArray = shapes @ weight
    return total_mw


def class_shapes(clock: Clock, ambient_c: ArrayLike) -> FloatArray:
    """(3, ...) demand of CLASSES as a share of their yearly peak: day, week, season and the temperature's pull.

    Shapes of our own after the usual standard load profiles: residential with a morning and a higher evening peak,
    commercial over opening hours, industrial with a night shift.
    """
    hour, weekend, ambient = clock.hour, clock.weekend, np.asarray(ambient_c, float)
    winter = np.cos(2 * np.pi * (clock.day - 20) / 365.25)
    heating, cooling = np.maximum(0.0, 15 - ambient) / 20, np.maximum(0.0, ambient - 22) / 12
    residential = 0.42 + 0.2 * _bump(hour, np.where(weekend, 10.0, 8.0), 1.8) + 0.42 * _bump(hour, 19.5, 2.6)
    residential = residential + 0.08 * winter + 0.06 * heating + 0.12 * cooling
    opening = 1 / (1 + np.exp(-(hour - 7.5) * 1.6)) - 1 / (1 + np.exp(-(hour - 19) * 1.3))
    commercial = 0.3 + np.where(weekend, 0.3, 0.52) * opening + 0.04 * heating + 0.2 * cooling
    shift = 1 / (1 + np.exp(-(hour - 6) * 2)) - 1 / (1 + np.exp(-(hour - 21.5) * 2))
    industrial = 0.55 + np.where(weekend, 0.1, 0.38) * shift + 0.03 * cooling
    return np.clip(np.stack([residential, commercial, industrial]), 0.2, 1.1)


def _bump(hour: FloatArray, centre: float | FloatArray, width: float) -> FloatArray:
    distance = (hour - centre + 12) % 24 - 12
    return np.asarray(np.exp(-0.5 * (distance / width) ** 2))


def profile_row(time: datetime, step_minutes: int) -> int:
    """Row of a year of profiles; the profiles' year is a leap year, so 29 February is never left out."""
    leap = time.replace(year=2016)
    first = leap.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return int((leap - first).total_seconds() // 60) // step_minutes


def _replayed(names: tuple[str, ...], columns: dict[str, FloatArray], row: int) -> FloatArray:
    """(k,) relative values; 1 for a name without a profile."""
    return np.array([columns[name][row % len(columns[name])] if name in columns else 1.0 for name in names])


class GenerationModel:
    """Renewables from the weather or the case's profiles; the others follow the demand in proportion to their share."""

    def __init__(self, generators: Generators, profiles: Profiles | None) -> None:
        self._generators, self._profiles = generators, profiles
        self._energy = np.array(generators.energy, dtype=object)
        known = profiles.generation if profiles else {}
        self._replayed = np.array([name in known for name in generators.profile], dtype=bool)

    def at(self, time: datetime, weather: Weather, demand_ratio: float) -> tuple[FloatArray, FloatArray]:
        """p_mw and q_mvar, (g,). demand_ratio: total demand over that of the case's own state."""
        factor = generation_factor(self._energy, weather, demand_ratio)
        if self._profiles is not None:
            row = profile_row(time, self._profiles.step_minutes)
            replayed = _replayed(self._generators.profile, self._profiles.generation, row)
            factor = np.where(self._replayed, replayed, factor)
        return self._generators.p_mw * factor, self._generators.q_mvar * factor


def generation_factor(energy: np.ndarray, weather: Weather, demand_ratio: ArrayLike) -> FloatArray:
    """(..., g) share of generators' own power for weather and demand_ratio of shape (...). energy: (g,) of Energy."""
    ratio = np.asarray(demand_ratio, float)
    factor = np.repeat(ratio[..., None], len(energy), axis=-1)
    pv, wind = pv_share(weather), wind_share(weather.wind_m_s)
    shares = {Energy.PV: pv, Energy.WIND: wind, Energy.HYDRO: np.array(0.8), Energy.RENEWABLE: 0.5 * (pv + wind)}
    for kind, share in shares.items():
        factor[..., energy == kind] = share[..., None]
    return factor


def pv_share(weather: Weather) -> FloatArray:
    """Output of photovoltaics over installed power: irradiance, and 0.4 % less for each kelvin of cell over 25 C."""
    irradiance = np.asarray(weather.irradiance_w_m2, float)
    cell_c = weather.ambient_c + 0.03 * irradiance
    return np.maximum(0.0, 0.9 * irradiance / 1000 * (1 - 0.004 * (cell_c - 25)))


def wind_share(wind_m_s: ArrayLike) -> FloatArray:
    """Output of a wind turbine over its rating at a 10 m wind: a cubic curve from 3 to 12 m/s at the hub."""
    hub = 1.4 * np.asarray(wind_m_s, float)
    return np.where((hub < 3) | (hub > 25), 0.0, np.minimum(1.0, (hub**3 - 27) / (12**3 - 27)))
