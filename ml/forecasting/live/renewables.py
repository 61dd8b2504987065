"""What physics knows of PV in advance: a clear sky's output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pvlib

from ml.forecasting.model.hours import FloatArray

TURBIDITY = 3.0
"""Linke's, of a usual sky: the same everywhere and all year, as only the shape of a day counts here."""
ALBEDO = 0.2


@dataclass(frozen=True)
class PvPlace:
    """Where panels stand: degrees north and east, tilt from the horizontal, azimuth (180 is south)."""

    latitude: float
    longitude: float
    tilt: float = 30.0
    azimuth: float = 180.0


def clear_sky_output(times: pd.DatetimeIndex, place: PvPlace) -> FloatArray:
    """(n,) output of panels under a clear sky in the hour from each time on, over their rated power at 1 kW/m2.

    Sun's position at the middle of the hour; Ineichen's clear sky at one turbidity, an isotropic sky on the panels.
    """
    middle = times + pd.Timedelta(minutes=30)
    sun = pvlib.solarposition.get_solarposition(middle, place.latitude, place.longitude)
    air_mass = pvlib.atmosphere.get_absolute_airmass(pvlib.atmosphere.get_relative_airmass(sun["apparent_zenith"]))
    extra = pvlib.irradiance.get_extra_radiation(middle)
    sky = pvlib.clearsky.ineichen(sun["apparent_zenith"], air_mass, TURBIDITY, dni_extra=extra)
    plane = pvlib.irradiance.get_total_irradiance(
        place.tilt,
        place.azimuth,
        sun["apparent_zenith"],
        sun["azimuth"],
        sky["dni"],
        sky["ghi"],
        sky["dhi"],
        albedo=ALBEDO,
    )
    return np.nan_to_num(plane["poa_global"].to_numpy(dtype=float)) / 1000
