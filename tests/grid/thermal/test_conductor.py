"""Conductor temperatures against IEEE 738's worked example, linerate and a fine integration; cables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandapower
import pytest
from linerate.models.ieee738 import IEEE738
from linerate.types import Conductor, Span, Tower
from linerate.types import Weather as LinerateWeather

from grid.telemetry import Weather
from grid.thermal import conductor as thermal
from grid.thermal.conductor import (
    MAX_TEMPERATURE_C,
    Conductors,
    cable_temperature_step,
    conductor_ampacity_a,
    conductor_steady_temperature,
    conductor_temperature_step,
)

DRAKE = Conductors(*(np.array([v]) for v in (0.02814, 7.283e-5, 8.688e-5, 1309.0, 0.8, 0.8, 1.0)))
EXAMPLE = Weather(40.0, 0.61, 90.0, 22.44 / (0.8 * 0.02814), 50.0)
"""The worked example of IEEE 738-2012: the sun gives 22.44 W/m to Drake."""
SUMMER = Weather(35.0, 0.6, 90.0, 900.0, 50.0)
CALM_FROST = Weather(-10.0, 0.0, 90.0, 0.0, 50.0)


class LinerateModel(IEEE738):
    """linerate's IEEE 738 with the irradiance given, not worked out from date and place."""

    irradiance_w_m2: float = 0.0

    def compute_global_radiation_intensity(self) -> float:
        return self.irradiance_w_m2


def linerate_drake(weather: Weather) -> LinerateModel:
    conductor = Conductor(
        core_diameter=0.0104, conductor_diameter=0.02814, outer_layer_strand_diameter=0.00444,
        emissivity=0.8, solar_absorptivity=0.8, temperature1=25, temperature2=75,
        resistance_at_temperature1=7.283e-5, resistance_at_temperature2=8.688e-5,
        aluminium_cross_section_area=4.028e-4, constant_magnetic_effect=1,
        current_density_proportional_magnetic_effect=0, max_magnetic_core_relative_resistance_increase=1,
    )  # fmt: skip
    span = Span(conductor, Tower(0.0, 30.0, 0.0), Tower(0.0, 30.001, 0.0), num_conductors=1)
    direction = span.conductor_azimuth + np.deg2rad(weather.wind_angle_degree)
    air = LinerateWeather(weather.ambient_c, direction, weather.wind_m_s, ground_albedo=0.0)
    model = LinerateModel(span, air, np.datetime64("2024-06-10T11:00"))
    model.irradiance_w_m2 = float(weather.irradiance_w_m2)
    return model


def test_drake_carries_1025_a_at_100_c() -> None:
    assert conductor_ampacity_a(DRAKE, EXAMPLE, 100.0)[0] == pytest.approx(1025, abs=1.5)
    assert conductor_steady_temperature([1025.0], DRAKE, EXAMPLE)[0] == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize("ambient_c", [-20.0, 10.0, 40.0])
@pytest.mark.parametrize("wind_m_s", [0.0, 0.3, 2.0, 12.0])
@pytest.mark.parametrize(("angle", "irradiance"), [(90.0, 1000.0), (30.0, 0.0), (5.0, 400.0)])
def test_agrees_with_linerate(ambient_c: float, wind_m_s: float, angle: float, irradiance: float) -> None:
    """Up to 0.1 % or half an ampere: linerate takes exact radiation constants where IEEE 738 rounds them."""
    weather = Weather(ambient_c, wind_m_s, angle, irradiance, 50.0)
    oracle = linerate_drake(weather)
    for limit_c in (60.0, 80.0, 150.0):
        expected_a = oracle.compute_steady_state_ampacity(limit_c, tolerance=1e-3)
        ours_a = conductor_ampacity_a(DRAKE, weather, limit_c)[0]
        assert ours_a == pytest.approx(expected_a, rel=1e-3, abs=0.5)
        assert (
            conductor_steady_temperature([ours_a], DRAKE, weather)[0] == pytest.approx(limit_c, abs=0.01) or not ours_a
        )
    for current_a in (200.0, 900.0):
        expected_c = oracle.compute_conductor_temperature(current_a, ambient_c, 500, tolerance=1e-4)
        assert conductor_steady_temperature([current_a], DRAKE, weather)[0] == pytest.approx(expected_c, abs=0.15)


def test_step_is_within_1_k_of_a_fine_integration(monkeypatch: pytest.MonkeyPatch) -> None:
    area_mm2, start_c, loading = (
        grid.ravel()
        for grid in np.meshgrid([15, 50, 240, 680], [-20.0, 30.0, 90.0, 150.0], [0.0, 1.0, 2.0], indexing="ij")
    )
    conductors = Conductors.typical(28.9 / area_mm2, np.full(area_mm2.size, np.nan))
    current_a = loading * conductor_ampacity_a(conductors, SUMMER, 80.0)
    durations_s = (1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0)
    for weather in (SUMMER, CALM_FROST, Weather(20.0, 5.0, 45.0, 500.0, 50.0)):
        ours = [conductor_temperature_step(start_c, current_a, conductors, weather, dt) for dt in durations_s]
        with monkeypatch.context() as fine:
            fine.setattr(thermal, "LONGEST_SUBSTEP_S", 2.0)
            fine.setattr(thermal, "MOST_SUBSTEPS", 100_000)
            exact, elapsed_s = start_c, 0.0
            for dt_s, step in zip(durations_s, ours, strict=True):
                exact = conductor_temperature_step(exact, current_a, conductors, weather, dt_s - elapsed_s)
                elapsed_s = dt_s
                assert np.abs(step - exact).max() < 1.0, f"{dt_s} s"


def test_fine_integration_agrees_with_explicit_euler() -> None:
    temperature = np.array([60.0])
    for _ in range(600):
        net, _ = thermal._heat_balance(temperature, np.array([1200.0]), DRAKE, EXAMPLE)
        temperature = temperature + net / DRAKE.heat_capacity_j_per_m_k
    stepped = conductor_temperature_step([60.0], [1200.0], DRAKE, EXAMPLE, 600.0)
    assert stepped[0] == pytest.approx(temperature[0], abs=0.3)


def test_step_response_rises_from_one_steady_state_to_the_other() -> None:
    start, end = (conductor_steady_temperature([a], DRAKE, EXAMPLE)[0] for a in (400.0, 1025.0))
    course = [start]
    for _ in range(120):
        course.append(conductor_temperature_step([course[-1]], [1025.0], DRAKE, EXAMPLE, 60.0)[0])
    assert np.all(np.diff(course) >= 0)
    assert course[-1] == pytest.approx(end, abs=0.05)
    minutes_to_63_percent = np.searchsorted(course, start + 0.632 * (end - start))
    assert 8 <= minutes_to_63_percent <= 16  # IEEE 738 finds some 14 min for Drake


def test_more_current_is_warmer() -> None:
    wide = Conductors(*(np.repeat(field, 200) for field in vars(DRAKE).values()))
    current_a = np.linspace(0, 3000, 200)
    assert np.all(np.diff(conductor_steady_temperature(current_a, wide, SUMMER)) > 0)
    assert np.all(np.diff(conductor_temperature_step(np.full(200, 40.0), current_a, wide, SUMMER, 60.0)) > 0)


def test_calm_dark_idle_line_is_at_ambient() -> None:
    assert conductor_steady_temperature([0.0], DRAKE, CALM_FROST)[0] == pytest.approx(-10, abs=0.01)
    at_ambient = conductor_temperature_step([-10.0], [0.0], DRAKE, CALM_FROST, 3600.0)
    assert at_ambient[0] == pytest.approx(-10, abs=1e-9)


@pytest.mark.parametrize("current_a", [0.0, np.nan, 1e5, np.inf])
@pytest.mark.parametrize("dt_s", [1.0, 60.0, 21_600.0])
def test_stays_finite_for_absurd_currents(current_a: float, dt_s: float) -> None:
    temperature = conductor_temperature_step([20.0], [current_a], DRAKE, CALM_FROST, dt_s)
    assert -10.1 <= temperature[0] <= MAX_TEMPERATURE_C
    assert -10.1 <= conductor_steady_temperature([current_a], DRAKE, CALM_FROST)[0] <= MAX_TEMPERATURE_C


def test_weather_may_differ_from_branch_to_branch() -> None:
    pair = Conductors(*(np.repeat(field, 2) for field in vars(DRAKE).values()))
    weather = replace(EXAMPLE, wind_m_s=np.array([0.61, 3.0]), ambient_c=np.array([40.0, 10.0]))
    ampacity_a = conductor_ampacity_a(pair, weather, 100.0)
    assert ampacity_a[0] == pytest.approx(conductor_ampacity_a(DRAKE, EXAMPLE, 100.0)[0])
    temperature_c = conductor_steady_temperature(ampacity_a, pair, weather)
    assert temperature_c == pytest.approx(100, abs=0.01)


def test_typical_conductors_match_the_ratings_of_standard_line_types() -> None:
    types = pandapower.available_std_types(pandapower.create_empty_network(), "line")
    acsr = types[types.index.str.contains("AL1")]
    rating_a = acsr.max_i_ka.to_numpy(float) * 1e3
    conductors = Conductors.typical(acsr.r_ohm_per_km.to_numpy(float), acsr.max_i_ka.to_numpy(float))
    assert np.all(conductors.subconductors == 1)
    ampacity_a = conductor_ampacity_a(conductors, Weather(35.0, 0.6, 90.0, 900.0, 50.0), 80.0)
    assert np.abs(ampacity_a / rating_a - 1).max() < 0.2
    drake = Conductors.typical([28.9 / 402.8], [0.9])
    assert drake.diameter_m[0] == pytest.approx(0.02814, rel=0.01)
    assert drake.heat_capacity_j_per_m_k[0] == pytest.approx(1309, rel=0.03)
    assert drake.r_ohm_per_m_25c[0] == pytest.approx(7.283e-5, rel=0.03)


def test_typical_conductors_are_plausible_whatever_the_case_file_says() -> None:
    r_ohm_per_km = np.array([np.nan, 0.0, 0.0, 12.0, 1e-5, 0.03, np.inf, -1.0, 0.06])
    rating_ka = np.array([np.nan, 0.4, 99_999.0, 1.0, 0.5, 2.1, 3.0, np.nan, 99_999.0])
    conductors = Conductors.typical(r_ohm_per_km, rating_ka)
    for values in vars(conductors).values():
        assert values.shape == (9,)
        assert np.all(np.isfinite(values))
        assert np.all(values > 0)
    assert np.all((conductors.diameter_m > 0.005) & (conductors.diameter_m < 0.035))
    known = rating_ka < 50
    ampacity_ka = conductor_ampacity_a(conductors, SUMMER, 80.0) / 1e3
    assert np.abs(ampacity_ka / rating_ka - 1)[known].max() < 0.25


def test_cable_settles_at_rated_temperature_and_keeps_its_time_constant() -> None:
    settled = cable_temperature_step([20.0, 20.0, 50.0], [1.0, 0.5, np.nan], 20.0, 30 * 36_000.0)
    assert settled == pytest.approx([90.0, 37.5, 20.0], abs=0.01)
    after_one = cable_temperature_step([20.0], [1.0], 20.0, 36_000.0)[0]
    assert after_one == pytest.approx(20 + 70 * (1 - np.exp(-1)))
    assert cable_temperature_step([20.0], [np.inf], 20.0, 1e9)[0] == MAX_TEMPERATURE_C
