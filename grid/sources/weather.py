"""Simulated weather that drives renewables, conductor cooling and transformer temperatures alike."""

from datetime import datetime

import numpy as np
from scipy.special import ndtr

from grid.thermal import Weather

LATITUDE_DEGREE = 50.0
MEAN_WIND_M_S = 4.5  # at 10 m, Weibull with shape 2 (Rayleigh)
HOURS_TO_FORGET = {"temperature": 30.0, "cloud": 6.0, "wind": 8.0, "angle": 3.0}


class WeatherModel:
    """Seasonal and daily courses with Ornstein-Uhlenbeck deviations; one weather for the whole grid."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._normal = {name: float(rng.standard_normal()) for name in HOURS_TO_FORGET}

    def advance(self, hours: float) -> None:
        """Let the deviations drift for some simulated hours."""
        for name, memory in HOURS_TO_FORGET.items():
            kept = np.exp(-hours / memory)
            self._normal[name] = float(kept * self._normal[name] + np.sqrt(1 - kept**2) * self._rng.standard_normal())

    def at(self, time: datetime, heat_wave_k: float = 0.0) -> Weather:
        """The weather at a moment. A heat wave adds kelvin, clears the sky and halves the wind."""
        hot = heat_wave_k > 0
        cloud = 0.1 if hot else float(ndtr(self._normal["cloud"]))
        irradiance = clear_sky_w_m2(time) * (1 - 0.75 * cloud**3.4)  # Kasten & Czeplak 1980
        hour = time.hour + time.minute / 60
        ambient = season_c(time)
        ambient += (4.5 - 3.0 * cloud) * np.cos(2 * np.pi * (hour - 15) / 24)
        ambient += 3.0 * self._normal["temperature"] + heat_wave_k
        calm = 1 - float(ndtr(self._normal["wind"]))
        wind = MEAN_WIND_M_S * 2 / np.sqrt(np.pi) * np.sqrt(-np.log(max(calm, 1e-9)))
        return Weather(
            ambient_c=float(ambient),
            wind_m_s=float(max(0.5, wind * (0.5 if hot else 1.0))),
            wind_angle_degree=float(15 + 75 * ndtr(self._normal["angle"])),
            irradiance_w_m2=float(irradiance),
            humidity_percent=float(np.clip(78 - 1.2 * (ambient - 10) + 12 * (cloud - 0.5), 15, 100)),
        )


def season_c(time: datetime) -> float:
    """The season's mean temperature."""
    return float(10.0 - 9.0 * np.cos(2 * np.pi * (time.timetuple().tm_yday - 20) / 365.25))


def clear_sky_w_m2(time: datetime) -> float:
    """Global horizontal irradiance under a clear sky (Haurwitz 1945), with time as local solar time."""
    day, hour = time.timetuple().tm_yday, time.hour + time.minute / 60
    declination = np.deg2rad(23.45) * np.sin(2 * np.pi * (284 + day) / 365)
    latitude = np.deg2rad(LATITUDE_DEGREE)
    elevation = np.sin(latitude) * np.sin(declination)
    elevation += np.cos(latitude) * np.cos(declination) * np.cos(np.deg2rad(15 * (hour - 12)))
    return float(1098 * elevation * np.exp(-0.057 / elevation)) if elevation > 0.01 else 0.0
