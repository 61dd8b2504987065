"""What failure models read of an asset: signals, physics and the published rate, the same for fleets and live grids."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from grid.assets.deterioration import KINDS, LOCATIONS, SIGNALS, AssetTraits, Signal, expected_vibration
from grid.network import FloatArray
from ml.maintenance.model.hazard import AssetCategory, AssetCondition, CnaimHazard
from ml.maintenance.model.week import WeekCondition

CATEGORIES = np.array([AssetCategory.OVERHEAD_LINE, AssetCategory.CABLE, AssetCategory.TRANSFORMER])
UNITS = {  # in the order of the columns; an empty unit is a class or a ratio
    "kind": "",
    "location": "",
    "age_years": "years",
    "loading_percent": "%",
    "peak_loading_percent": "%",
    "hot_spot_margin_k": "K",
    "temperature_residual_k": "K",
    "log_ageing_rate": "",
    "thermal_age_years": "years",
    "vibration_ratio": "",
    "corrosion": "",
    "thd_percent": "%",
    "oil_quality": "",
    "trips_last_year": "",
    "ambient_c": "°C",
    "log_published_rate": "",
}
FEATURES = tuple(UNITS)
LEAST_AGEING = 1e-4  # V of a cold transformer, beyond which colder ones are alike
MOST_LIKELY, LEAST_RATE = 1 - 1e-9, 1e-7  # keep logarithms finite for lines of any length that a case may claim


@dataclass(frozen=True, eq=False)
class Observation:
    """What is known of n assets at a moment, arrays (n,); NaN is not known.

    signals (n, 10): what sensors show. rated_mw: power at rated current. peak_load_pu: highest of the last seven
    days. peak_temperature_c: highest of the last seven days. expected_temperature_c: what the thermal model
    gives now. ageing_rate: mean of V over seven days. thermal_age_years at V = 1. limit_c: what an asset may reach.
    """

    traits: AssetTraits
    signals: FloatArray
    week: WeekCondition
    expected_load_mw: FloatArray
    rated_mw: FloatArray
    peak_load_pu: FloatArray
    peak_temperature_c: FloatArray
    expected_temperature_c: FloatArray
    ageing_rate: FloatArray
    thermal_age_years: FloatArray
    limit_c: FloatArray

    def signal(self, signal: Signal) -> FloatArray:
        """(n,) one signal."""
        return np.asarray(self.signals[:, SIGNALS.index(signal)])

    @property
    def load_pu(self) -> FloatArray:
        """(n,) measured load over rated power."""
        return self.signal(Signal.LOAD) / self.rated_mw

    @property
    def published_per_year(self) -> FloatArray:
        """(n,) CNAIM's rate."""
        return published_rate(self.traits, self.signal(Signal.AGE), self.week.peak_load_pu, self.thermal_age_years)


def published_rate(
    traits: AssetTraits, age_years: FloatArray, peak_load_pu: FloatArray, thermal_age_years: FloatArray
) -> FloatArray:
    """(n,) CNAIM's failures a year for age, voltage, length, utilisation and thermal age."""
    condition = AssetCondition(
        category=CATEGORIES[traits.kind],
        vn_kv=traits.vn_kv,
        age_years=age_years,
        length_km=traits.length_km,
        utilisation_percent=100 * peak_load_pu,
        thermal_age_years=thermal_age_years,
    )
    probability = np.minimum(CnaimHazard().probability_one_year(condition), MOST_LIKELY)
    return np.asarray(-np.log1p(-probability))


def looked_of(
    traits: AssetTraits, signals: FloatArray, load_pu: FloatArray, expected_temperature_c: FloatArray
) -> dict[str, FloatArray]:
    """What a look at (n, 10) signals adds to a week. load_pu (n,) is taken where the sensor of the load is silent."""

    def signal(one: Signal) -> FloatArray:
        return np.asarray(signals[:, SIGNALS.index(one)])

    measured_pu = signal(Signal.LOAD) / traits.rating_mva
    expected = expected_vibration(traits, np.where(np.isnan(measured_pu), load_pu, measured_pu))
    return {
        "load_pu": measured_pu,
        "temperature_residual_k": signal(Signal.TEMPERATURE) - expected_temperature_c,
        "vibration_ratio": signal(Signal.VIBRATION) / expected,
        "corrosion": signal(Signal.CORROSION),
        "thd_percent": signal(Signal.DISTORTION),
        "oil_quality": signal(Signal.OIL_QUALITY),
        "ambient_c": signal(Signal.AMBIENT),
    }


def features_of(seen: Observation) -> pd.DataFrame:
    """(n, 16) FEATURES with the units of UNITS; kind and location are categories.

    Of a week's looks, not of one. Voltage, length and rating are in the published rate and nowhere else: what they do
    to it is known, and beyond the voltages and lengths of any training.
    """
    traits, signal, week = seen.traits, seen.signal, seen.week
    columns = {
        "kind": pd.Categorical.from_codes(traits.kind, [kind.value for kind in KINDS]),
        "location": pd.Categorical.from_codes(traits.location, [location.value for location in LOCATIONS]),
        "age_years": signal(Signal.AGE),
        "loading_percent": 100 * week.load_pu,
        "peak_loading_percent": 100 * week.peak_load_pu,
        "hot_spot_margin_k": seen.limit_c - week.peak_temperature_c,
        "temperature_residual_k": week.temperature_residual_k,
        "log_ageing_rate": np.log(np.maximum(seen.ageing_rate, LEAST_AGEING)),
        "thermal_age_years": seen.thermal_age_years,
        "vibration_ratio": week.vibration_ratio,
        "corrosion": week.corrosion,
        "thd_percent": week.thd_percent,
        "oil_quality": week.oil_quality,
        "trips_last_year": signal(Signal.TRIPS),
        "ambient_c": week.ambient_c,
        "log_published_rate": np.log(np.maximum(seen.published_per_year, LEAST_RATE)),
    }
    return pd.DataFrame(columns)


def residuals_of(seen: Observation) -> pd.DataFrame:
    """(n, 3) measured less expected: temperature in K, vibration and load as shares of what is expected.

    For the novelty detector alone: it is no part of the probability.
    """
    expected = expected_vibration(seen.traits, seen.load_pu)
    return pd.DataFrame(
        {
            "temperature_residual_k": seen.signal(Signal.TEMPERATURE) - seen.expected_temperature_c,
            "vibration_residual": seen.signal(Signal.VIBRATION) / expected - 1,
            "load_residual": (seen.signal(Signal.LOAD) - seen.expected_load_mw) / seen.rated_mw,
        }
    )
