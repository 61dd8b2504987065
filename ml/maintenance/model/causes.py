"""What raises the rate of which cause of failure: CNAIM's published rate, split by cause and moved by condition.

An asset whose condition is the usual one (every factor 1) fails at CNAIM's rate for its age, voltage, length,
utilisation and thermal age. How each cause answers to condition is our assumption, with the figures below; so is the
split. Simulated fleets fail by it; models never see it.
"""

from dataclasses import replace
from enum import StrEnum

import numpy as np

from grid.assets.deterioration import AssetTraits, Deterioration
from grid.network import FloatArray


class Cause(StrEnum):
    """Why an asset failed."""

    THERMAL = "thermal overload"
    MECHANICAL = "mechanical fatigue"
    ELECTRICAL = "electrical disturbance"
    DEGRADATION = "general degradation"


CAUSES = tuple(Cause)
SHARE = np.array(  # of CNAIM's rate in usual condition; rows line, cable, transformer, columns CAUSES
    [
        [0.10, 0.35, 0.30, 0.25],
        [0.25, 0.10, 0.35, 0.30],
        [0.30, 0.15, 0.25, 0.30],
    ]
)
USUAL_MARGIN_K, DOUBLING_K = 30.0, 7.0  # thermal: doubles with every 7 K that the week's peak comes closer to its limit
USUAL_WEAR, PER_WEAR = 0.6, 1.5
PER_WEAKNESS = 0.6
USUAL_THD_PERCENT, PER_THD = 2.5, 0.4
USUAL_CORROSION, PER_CORROSION = 0.35, 4.0
USUAL_OIL, PER_OIL = 0.7, 5.0
LEAST_FACTOR, MOST_FACTOR = 0.1, 50.0


def cause_factors(
    traits: AssetTraits, state: Deterioration, peak_temperature_c: FloatArray, limit_c: FloatArray
) -> FloatArray:
    """(n, 4) by which condition raises the rate of each cause; 1 in usual condition.

    peak_temperature_c (n,): the highest of the last seven days; limit_c (n,): what the asset may reach.
    """
    short_k = USUAL_MARGIN_K - (limit_c - peak_temperature_c)
    oil = np.where(traits.is_transformer, USUAL_OIL - state.oil_quality(traits), 0.0)
    exponents = [
        np.log(2.0) * short_k / DOUBLING_K,
        PER_WEAR * (state.wear - USUAL_WEAR),
        PER_WEAKNESS * state.weakness + PER_THD * (state.thd_percent - USUAL_THD_PERCENT),
        PER_CORROSION * (state.corrosion - USUAL_CORROSION) + PER_OIL * oil,
    ]
    bounds = np.log(LEAST_FACTOR), np.log(MOST_FACTOR)
    return np.exp(np.clip(np.stack(exponents, axis=1), *bounds))


def cause_rates(
    traits: AssetTraits,
    state: Deterioration,
    peak_temperature_c: FloatArray,
    limit_c: FloatArray,
    published_per_year: FloatArray,
) -> FloatArray:
    """(n, 4) failures a year by cause. published_per_year (n,): CNAIM's rate, -ln(1 - p) of its probability."""
    factors = cause_factors(traits, state, peak_temperature_c, limit_c)
    return (published_per_year * state.frailty)[:, None] * SHARE[traits.kind] * factors


def repaired(state: Deterioration, failed: FloatArray, cause: FloatArray) -> Deterioration:
    """The state after failures: what led to each is mended as new, the rest of the asset stays as old as it is.

    failed (n,) bool; cause (n,) positions in CAUSES, read where failed.
    """

    def mended(name: Cause, value: FloatArray, new: float) -> FloatArray:
        return np.where(failed & (cause == CAUSES.index(name)), new, value)

    return replace(
        state,
        thermal_age_years=mended(Cause.THERMAL, state.thermal_age_years, 0.0),
        cooling_defect=mended(Cause.THERMAL, state.cooling_defect, 0.0),
        wear=mended(Cause.MECHANICAL, state.wear, 0.0),
        weakness=mended(Cause.ELECTRICAL, state.weakness, -1.0),
        corrosion=mended(Cause.DEGRADATION, state.corrosion, 0.0),
        moisture=mended(Cause.DEGRADATION, state.moisture, 1.0),
    )
