"""A simulated year of a fleet, hour by hour: weather by zone, loads, and the temperatures of sound assets."""

from dataclasses import dataclass, fields, replace
from datetime import datetime

import numpy as np

from grid.assets.deterioration import KINDS, AssetTraits
from grid.network import FloatArray, IntArray
from grid.sources.clock import Clock, hourly_clock
from grid.sources.demand import CLASSES, class_shapes
from grid.sources.weather import hourly_weather
from grid.telemetry import Weather
from grid.thermal.branch_temperatures import conductors_of_rating, soil_c
from grid.thermal.conductor import cable_temperature_step, conductor_steady_temperature
from grid.thermal.transformer import TransformerParameters, transformer_course

HOURS_PER_WEEK, WEEKS_PER_YEAR = 168, 52
HOURS = HOURS_PER_WEEK * WEEKS_PER_YEAR
ZONES = 3
WEATHER = tuple(field.name for field in fields(Weather))
HEAT_WAVES_PER_YEAR, FIRST_HOT_DAY, LAST_HOT_DAY = 2.0, 150, 245
HOTTER_K, HEAT_DAYS = (5.0, 12.0), (3, 9)
PEAK_LOAD_PU, PEAK_SPREAD_PU = np.array([0.55, 0.6, 0.8]), 0.22  # by kind: line, cable, transformer
LEAST_PEAK_PU, MOST_PEAK_PU, MOST_LOAD_PU = 0.15, 1.2, 1.6
GROWTH, GROWTH_SPREAD = 0.01, 0.02  # of the load, a year
TRANSFERS_PER_YEAR, TRANSFER_WEEKS, TRANSFER_FACTOR = 0.5, (1, 7), (1.2, 1.6)  # load taken over from a neighbour
HOURLY_NOISE = 0.04


@dataclass(frozen=True, eq=False)
class FleetLoads:
    """What n assets carry: their peak per unit (n,), its growth a year (n,), shares of CLASSES (n, 3), zone (n,)."""

    peak_pu: FloatArray
    growth: FloatArray
    mix: FloatArray
    zone: IntArray

    def next_year(self) -> "FleetLoads":
        """A year later."""
        return replace(self, peak_pu=np.minimum(self.peak_pu * (1 + self.growth), MOST_PEAK_PU))


@dataclass(frozen=True, eq=False)
class FleetYear:
    """Hour by hour: load_pu and the temperature that sound assets have, (HOURS, n); weather (HOURS, ZONES).

    zone (n,): where each asset is.
    """

    load_pu: FloatArray
    temperature_c: FloatArray
    weather: Weather
    zone: IntArray


def drawn_loads(traits: AssetTraits, rng: np.random.Generator) -> FleetLoads:
    """Loads of a fleet."""
    count = len(traits)
    peak = PEAK_LOAD_PU[traits.kind] + PEAK_SPREAD_PU * rng.standard_normal(count)
    return FleetLoads(
        peak_pu=np.clip(peak, LEAST_PEAK_PU, MOST_PEAK_PU),
        growth=GROWTH + GROWTH_SPREAD * rng.standard_normal(count),
        mix=rng.dirichlet(np.ones(len(CLASSES)), count),
        zone=rng.integers(0, ZONES, count),
    )


def fleet_year(traits: AssetTraits, loads: FleetLoads, start: datetime, rng: np.random.Generator) -> FleetYear:
    """Simulate 52 weeks from a date."""
    clock = hourly_clock(start, HOURS)
    weather = [hourly_weather(clock, _heat_waves(clock, rng), rng) for _ in range(ZONES)]
    shapes = np.stack([class_shapes(clock, of_zone.ambient_c) for of_zone in weather])  # (zone, class, hour)
    load_pu = np.empty((HOURS, len(traits)))
    for zone in range(ZONES):
        here = loads.zone == zone
        load_pu[:, here] = (shapes[zone].T @ loads.mix[here].T) * loads.peak_pu[here]
    load_pu *= 1 + HOURLY_NOISE * rng.standard_normal(load_pu.shape)
    load_pu *= np.repeat(_transfers(len(traits), rng), HOURS_PER_WEEK, axis=0)
    np.clip(load_pu, 0.0, MOST_LOAD_PU, out=load_pu)
    by_zone = Weather(**{name: np.stack([getattr(one, name) for one in weather], axis=1) for name in WEATHER})
    return FleetYear(load_pu, _temperatures(traits, load_pu, by_zone, loads.zone), by_zone, loads.zone)


def _heat_waves(clock: Clock, rng: np.random.Generator) -> FloatArray:
    """(h,) kelvin that heat waves add."""
    added = np.zeros(len(clock.day))
    for _ in range(rng.poisson(HEAT_WAVES_PER_YEAR)):
        first = rng.uniform(FIRST_HOT_DAY, LAST_HOT_DAY)
        during = (clock.day >= first) & (clock.day < first + rng.integers(*HEAT_DAYS))
        added[during] = rng.uniform(*HOTTER_K)
    return added


def _transfers(count: int, rng: np.random.Generator) -> FloatArray:
    """(weeks, n) factors on loads."""
    factor = np.ones((WEEKS_PER_YEAR, count))
    for asset in np.flatnonzero(rng.random(count) < TRANSFERS_PER_YEAR):
        first = rng.integers(0, WEEKS_PER_YEAR)
        factor[first : first + rng.integers(*TRANSFER_WEEKS), asset] = rng.uniform(*TRANSFER_FACTOR)
    return factor


def _temperatures(traits: AssetTraits, load_pu: FloatArray, weather: Weather, zone: IntArray) -> FloatArray:
    """(HOURS, n) of sound assets: transformers and cables with their memory, conductors settled within the hour."""
    line, cable, transformer = (np.flatnonzero(traits.kind == k) for k in range(len(KINDS)))
    temperature, ambient = np.empty_like(load_pu), np.asarray(weather.ambient_c)
    parameters = TransformerParameters.typical(traits.rating_mva[transformer])
    temperature[:, transformer] = transformer_course(
        load_pu[:, transformer], ambient[:, zone[transformer]], 60.0, parameters
    )
    soil, cable_pu = soil_c(ambient), load_pu[:, cable]
    now = soil[0, zone[cable]]
    for hour in range(HOURS):
        now = temperature[hour, cable] = cable_temperature_step(now, cable_pu[hour], soil[hour, zone[cable]], 3600.0)
    rating_ka = traits.rating_mva[line] / (np.sqrt(3.0) * traits.vn_kv[line])
    conductors = conductors_of_rating(np.full(len(line), np.nan), rating_ka)
    for first in range(0, HOURS, HOURS_PER_WEEK):  # a week at a time stays in the processor's cache
        week = slice(first, first + HOURS_PER_WEEK)
        there = Weather(**{name: getattr(weather, name)[week][:, zone[line]] for name in WEATHER})
        current_a = 1000.0 * load_pu[week][:, line] * rating_ka
        temperature[week, line] = conductor_steady_temperature(current_a, conductors, there)
    return temperature
