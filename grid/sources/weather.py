"""Simulated weather that drives renewables, conductor cooling and transformer temperatures alike."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
from scipy.signal import lfilter
from scipy.special import ndtr

from grid.network import FloatArray
from grid.sources.clock import Clock, clock_at
from grid.telemetry import Weather

LATITUDE_DEGREE = 50.0
MEAN_WIND_M_S = 4.5  # at 10 m, Weibull with shape 2 (Rayleigh)
HOURS_TO_FORGET = {"temperature": 30.0, "cloud": 6.0, "wind": 8.0, "angle": 3.0}


class WeatherModel:
    """Seasonal and daily courses with Ornstein-Uhlenbeck deviations; one weather for the whole grid.

    normal: the deviations of now by name, standard normal.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.normal = {name: float(rng.standard_normal()) for name in HOURS_TO_FORGET}

    def advance(self, hours: float) -> None:
        """Let the deviations drift for some simulated hours."""
        for name, memory in HOURS_TO_FORGET.items():
            kept = np.exp(-hours / memory)
            self.normal[name] = float(kept * self.normal[name] + np.sqrt(1 - kept**2) * self._rng.standard_normal())

    def at(self, time: datetime, heat_wave_k: float = 0.0) -> Weather:
        """The weather at a moment. A heat wave adds kelvin, clears the sky and halves the wind."""
        now = weather_of(self.normal, clock_at(time), heat_wave_k)
        return Weather(*(float(value) for value in vars(now).values()))


def hourly_weather(clock: Clock, heat_wave_k: FloatArray, rng: np.random.Generator) -> Weather:
    """A course of hours (h,) with the same statistics as WeatherModel's; heat_wave_k (h,) is added kelvin."""
    normals = {}
    for name, memory in HOURS_TO_FORGET.items():
        kept = np.exp(-1.0 / memory)
        fresh = np.sqrt(1 - kept**2) * rng.standard_normal(len(clock.day))
        normals[name] = lfilter([1.0], [1.0, -kept], fresh, zi=[kept * rng.standard_normal()])[0]
    return weather_of(normals, clock, heat_wave_k)


def weather_of(
    normal: Mapping[str, float | FloatArray], clock: Clock, heat_wave_k: float | FloatArray = 0.0
) -> Weather:
    """The weather for standard normal deviations by name; all arrays broadcast."""
    hot = np.asarray(heat_wave_k) > 0
    cloud = np.where(hot, 0.1, ndtr(normal["cloud"]))
    ambient = season_c(clock) + (4.5 - 3.0 * cloud) * np.cos(2 * np.pi * (clock.hour - 15) / 24)
    ambient = ambient + 3.0 * np.asarray(normal["temperature"]) + heat_wave_k
    calm = np.maximum(1 - ndtr(normal["wind"]), 1e-9)
    wind = MEAN_WIND_M_S * 2 / np.sqrt(np.pi) * np.sqrt(-np.log(calm))
    return Weather(
        ambient_c=ambient,
        wind_m_s=np.maximum(0.5, wind * np.where(hot, 0.5, 1.0)),
        wind_angle_degree=15 + 75 * ndtr(normal["angle"]),
        irradiance_w_m2=clear_sky_w_m2(clock) * (1 - 0.75 * cloud**3.4),  # Kasten & Czeplak 1980
        humidity_percent=np.clip(78 - 1.2 * (ambient - 10) + 12 * (cloud - 0.5), 15, 100),
    )


def season_c(clock: Clock) -> FloatArray:
    """The season's mean temperature."""
    return np.asarray(10.0 - 9.0 * np.cos(2 * np.pi * (clock.day - 20) / 365.25))


def clear_sky_w_m2(clock: Clock) -> FloatArray:
    """Global horizontal irradiance under a clear sky (Haurwitz 1945)."""
    declination = np.deg2rad(23.45) * np.sin(2 * np.pi * (284 + clock.day) / 365)
    latitude = np.deg2rad(LATITUDE_DEGREE)
    noon = np.cos(latitude) * np.cos(declination)
    elevation = np.sin(latitude) * np.sin(declination) + noon * np.cos(np.deg2rad(15 * (clock.hour - 12)))
    risen = np.maximum(elevation, 0.01)
    return np.where(elevation > 0.01, 1098 * risen * np.exp(-0.057 / risen), 0.0)
