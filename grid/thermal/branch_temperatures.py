"""Temperatures of all branches of a network over time: conductors, cables and transformer hot spots."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from grid.flow.powerflow import GridState
from grid.network import BranchKind, FloatArray, IntArray, Network
from grid.telemetry import Weather
from grid.thermal.conductor import (
    Conductors,
    cable_temperature_step,
    conductor_ampacity_a,
    conductor_steady_temperature,
    conductor_temperature_step,
)
from grid.thermal.transformer import (
    TransformerParameters,
    TransformerThermalState,
    ageing_rate,
    transformer_steady_state,
    transformer_step,
)

Record = TypeVar("Record", Conductors, TransformerParameters, TransformerThermalState)
LARGEST_LOAD_PU = 2.0  # IEC 60076-7 ends here; beyond, temperatures are lower bounds
RATED_WEATHER = Weather(35.0, 0.61, 90.0, 1000.0, 50.0)  # usual for summer ratings of overhead lines
RATED_CONDUCTOR_C = 75.0
MOMENTS_MINUTES = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1440)  # looked ahead to
SOIL_OVER_MEAN_AIR = 0.3  # soil follows the air's deviation from 10 C by this share


class BranchTemperatures:
    """Keeps every branch's thermal state; starts settled at the first load it sees."""

    def __init__(self, network: Network) -> None:
        kind = np.array(network.branch.kind, dtype=object)
        branch = network.branch
        self._line = np.flatnonzero(kind == BranchKind.LINE)
        self._cable = np.flatnonzero(kind == BranchKind.CABLE)
        self._transformer = np.flatnonzero(kind == BranchKind.TRANSFORMER)
        self._conductors = conductors_of_rating(
            branch.r_ohm[self._line] / np.maximum(branch.length_km[self._line], 1e-6),
            branch.rating_from_ka[self._line],
        )
        rated_mva = np.fmin(
            network.bus.vn_kv[branch.from_bus] * branch.rating_from_ka,
            network.bus.vn_kv[branch.to_bus] * branch.rating_to_ka,
        )
        sn_mva = np.sqrt(3.0) * rated_mva[self._transformer]
        self._parameters = TransformerParameters.typical(sn_mva)
        self._upgraded = np.zeros(len(self._transformer), dtype=bool)
        self._oil: TransformerThermalState | None = None
        self.temperature_c = np.full(network.n_branch, np.nan)
        self.thermal_age_years = np.zeros(network.n_branch)  # equivalent ageing since the watch began

    def step(self, state: GridState, weather: Weather, elapsed: timedelta) -> FloatArray:
        """Advance by elapsed under a state's currents; returns (m,) degrees Celsius, NaN for impedances."""
        ambient = float(weather.ambient_c)
        soil = float(soil_c(ambient))
        current_a = 1000.0 * state.i_ka[self._line]
        load_pu = np.minimum(state.loading_percent / 100.0, LARGEST_LOAD_PU)
        temperature = self.temperature_c.copy()
        if self._oil is None:
            temperature[self._line] = conductor_steady_temperature(current_a, self._conductors, weather)
            settled = np.full(len(self._cable), soil)
            temperature[self._cable] = cable_temperature_step(settled, load_pu[self._cable], soil, 1e9)
            self._oil = transformer_steady_state(load_pu[self._transformer], ambient, self._parameters)
        elif elapsed > timedelta(0):
            seconds = elapsed.total_seconds()
            temperature[self._line] = conductor_temperature_step(
                temperature[self._line], current_a, self._conductors, weather, seconds
            )
            temperature[self._cable] = cable_temperature_step(
                temperature[self._cable], load_pu[self._cable], soil, seconds
            )
            self._oil = transformer_step(
                self._oil, load_pu[self._transformer], ambient, seconds / 60.0, self._parameters
            )
            years = seconds / (8766 * 3600)
            rate = ageing_rate(self._oil.hot_spot_c, self._upgraded)
            self.thermal_age_years[self._transformer] += rate * years
        temperature[self._transformer] = self._oil.hot_spot_c
        self.temperature_c = temperature
        return temperature

    def minutes_to_limit(
        self, state: GridState, weather: Weather, limit_c: FloatArray, branches: IntArray
    ) -> FloatArray:
        """(k,) minutes until branches (k,) reach their limits if a state's currents and the weather stay.

        limit_c: (m,) degrees Celsius. 0 for branches that are beyond it, inf for those that stay below it for
        a day, NaN for those without a temperature. Between the moments that are looked at the course is taken
        as straight.
        """
        temperature, limit = self.temperature_c[branches], limit_c[branches]
        found = np.where(np.isnan(temperature), np.nan, np.where(temperature >= limit, 0.0, np.inf))
        ambient, load_pu = float(weather.ambient_c), np.minimum(state.loading_percent / 100.0, LARGEST_LOAD_PU)
        here = [np.flatnonzero(np.isin(branches, kind)) for kind in (self._line, self._cable, self._transformer)]
        line, cable, transformer = (branches[place] for place in here)
        places = [
            np.searchsorted(kind, one)
            for kind, one in ((self._line, line), (self._cable, cable), (self._transformer, transformer))
        ]
        conductors, parameters = _some(self._conductors, places[0]), _some(self._parameters, places[2])
        oil = None if self._oil is None else _some(self._oil, places[2])
        before_minutes = 0.0
        for minutes in MOMENTS_MINUTES:
            if not np.isinf(found).any():  # in calm weather there are no such branches: every cycle asks
                break
            step, following = minutes - before_minutes, temperature.copy()
            following[here[0]] = conductor_temperature_step(
                temperature[here[0]], 1000.0 * state.i_ka[line], conductors, weather, 60.0 * step
            )
            following[here[1]] = cable_temperature_step(
                temperature[here[1]], load_pu[cable], float(soil_c(ambient)), 60.0 * step
            )
            if oil is not None:
                oil = transformer_step(oil, load_pu[transformer], ambient, step, parameters)
                following[here[2]] = oil.hot_spot_c
            reaches = np.isinf(found) & (following >= limit)
            rise = np.where(reaches, following - temperature, 1.0)
            found = np.where(reaches, before_minutes + step * (limit - temperature) / rise, found)
            temperature, before_minutes = following, minutes
        return np.asarray(found)


def _some(record: Record, places: IntArray) -> Record:
    """A record of arrays (m,) with the values at places (k,) alone."""
    values = {field.name: getattr(record, field.name)[places] for field in fields(record)}
    return type(record)(**values)


def soil_c(ambient_c: ArrayLike) -> FloatArray:
    """Temperature of the soil around cables."""
    return np.asarray(10.0 + SOIL_OVER_MEAN_AIR * (np.asarray(ambient_c, float) - 10.0))


def conductors_of_rating(r_ohm_per_km: FloatArray, rating_ka: FloatArray) -> Conductors:
    """Typical conductors, as many in parallel as make a line reach 75 C at its rating in the weather of the rating.

    So a temperature always fits the rating it is shown beside, whatever the case calls a line.
    """
    typical = Conductors.typical(r_ohm_per_km, rating_ka)
    single = replace(typical, subconductors=np.ones(len(rating_ka)))
    ampacity_a = conductor_ampacity_a(single, RATED_WEATHER, RATED_CONDUCTOR_C)
    return replace(typical, subconductors=1000.0 * rating_ka / ampacity_a)
