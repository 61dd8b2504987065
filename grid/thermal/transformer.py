"""Top-oil and hot-spot temperatures of oil-filled transformers, ageing of their paper: IEC 60076-7:2018.

The standard's differential equations are linear in the rises, so a step of constant load and ambient is
solved exactly by exponentials: any dt is stable and two half steps equal one whole. All arrays have shape
(m,).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

DISTRIBUTION_LIMIT_MVA = 2.5
"""IEC 60076-7 calls a transformer up to 2,500 kVA a distribution transformer."""
NATURAL_AIR_LIMIT_MVA = 20.0
"""Assumed here, not in the standard: larger power transformers have fans."""

MOST_LOAD_PU = 10.0
"""Loads are cut here: no measured current is higher, and results stay finite."""
HOTTEST_PAPER_C = 250.0
"""Hot spots are cut here before ageing: the laws are not meant for more, and results stay finite."""


@dataclass(frozen=True, eq=False)
class TransformerParameters:
    """Thermal characteristics of m transformers, arrays of shape (m,), with the standard's symbols."""

    oil_exponent: FloatArray
    """x"""
    winding_exponent: FloatArray
    """y"""
    loss_ratio: FloatArray
    """R: load losses at rated current over no-load losses"""
    k11: FloatArray
    k21: FloatArray
    k22: FloatArray
    oil_time_constant_min: FloatArray
    """tau_o, minutes"""
    winding_time_constant_min: FloatArray
    """tau_w, minutes"""
    top_oil_rise_k: FloatArray
    """Delta theta_or: top oil over ambient at rated losses, K"""
    hot_spot_gradient_k: FloatArray
    """H g_r: hot spot over top oil at rated current, K"""

    @classmethod
    def typical(cls, sn_mva: ArrayLike) -> TransformerParameters:
        """Parameters by rated power (m,) in MVA: distribution, ONAN or ONAF by the limits above.

        NaN counts as large.
        """
        size = np.asarray(sn_mva, float)
        kind = np.select([size <= DISTRIBUTION_LIMIT_MVA, size <= NATURAL_AIR_LIMIT_MVA], [0, 1], default=2)
        return cls(*np.stack([_DISTRIBUTION_ONAN, _POWER_ONAN, _POWER_ONAF], axis=1)[:, kind])


# x, y, R, k11, k21, k22, tau_o, tau_w (IEC 60076-7:2018 table 4), then the rises of the standard's loading
# tables: 78 K in all, so that rated load at 20 C ends at 98 C
_DISTRIBUTION_ONAN = np.array([0.8, 1.6, 5.0, 1.0, 1.0, 2.0, 180.0, 4.0, 55.0, 23.0])
_POWER_ONAN = np.array([0.8, 1.3, 6.0, 0.5, 2.0, 2.0, 210.0, 10.0, 52.0, 26.0])
_POWER_ONAF = np.array([0.8, 1.3, 6.0, 0.5, 2.0, 2.0, 150.0, 7.0, 52.0, 26.0])


@dataclass(frozen=True, eq=False)
class TransformerThermalState:
    """Temperatures of m transformers, arrays of shape (m,).

    top_oil_c and hot_spot_c in degrees Celsius; winding_rise_k and oil_lag_k in K are the standard's two
    parts of the gradient (Delta theta_h1 and Delta theta_h2): hot_spot_c = top_oil_c + winding_rise_k -
    oil_lag_k.
    """

    top_oil_c: FloatArray
    hot_spot_c: FloatArray
    winding_rise_k: FloatArray
    oil_lag_k: FloatArray


def _final_rises(load_pu: ArrayLike, parameters: TransformerParameters) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rises (K) that a constant load ends at: top oil over ambient, Delta theta_h1 and Delta theta_h2."""
    p = parameters
    load = np.minimum(np.nan_to_num(np.abs(np.asarray(load_pu, float))), MOST_LOAD_PU)
    oil = p.top_oil_rise_k * ((1 + p.loss_ratio * load**2) / (1 + p.loss_ratio)) ** p.oil_exponent
    gradient = p.hot_spot_gradient_k * load**p.winding_exponent
    return oil, p.k21 * gradient, (p.k21 - 1) * gradient


def _state(top_oil_c: FloatArray, winding_rise_k: FloatArray, oil_lag_k: FloatArray) -> TransformerThermalState:
    """Assemble a state: the hot spot follows from the other three."""
    return TransformerThermalState(top_oil_c, top_oil_c + winding_rise_k - oil_lag_k, winding_rise_k, oil_lag_k)


def transformer_steady_state(
    load_pu: ArrayLike, ambient_c: float | FloatArray, parameters: TransformerParameters
) -> TransformerThermalState:
    """State that a constant load settles at: load_pu (m,) of rated current, ambient in degrees Celsius."""
    oil, winding_rise, oil_lag = _final_rises(load_pu, parameters)
    return _state(ambient_c + oil, winding_rise, oil_lag)


def transformer_step(
    state: TransformerThermalState,
    load_pu: ArrayLike,
    ambient_c: float | FloatArray,
    dt_minutes: float,
    parameters: TransformerParameters,
) -> TransformerThermalState:
    """Advance m transformers by dt_minutes of constant load (m,) per unit and ambient in degrees Celsius.

    IEC 60076-7:2018 clause 8.2.2 and 8.2.3, solved exactly over the step: the oil follows with k11 tau_o, the
    two parts of the gradient with k22 tau_w and tau_o / k22. A NaN load (de-energised) counts as none, and
    the no-load losses then still warm the oil, which errs on the hot side.
    """
    p = parameters
    oil, winding_rise, oil_lag = _final_rises(load_pu, p)
    oil_kept = np.exp(-dt_minutes / (p.k11 * p.oil_time_constant_min))
    winding_kept = np.exp(-dt_minutes / (p.k22 * p.winding_time_constant_min))
    lag_kept = np.exp(-dt_minutes * p.k22 / p.oil_time_constant_min)
    settled_c = ambient_c + oil
    return _state(
        settled_c + (state.top_oil_c - settled_c) * oil_kept,
        winding_rise + (state.winding_rise_k - winding_rise) * winding_kept,
        oil_lag + (state.oil_lag_k - oil_lag) * lag_kept,
    )


def transformer_course(
    load_pu: FloatArray, ambient_c: FloatArray, dt_minutes: float, parameters: TransformerParameters
) -> FloatArray:
    """Hot spots (h, m) in degrees Celsius over h moments, dt_minutes apart; the first one is settled.

    load_pu (h, m) per unit; ambient_c (h,) or (h, m). The same steps as transformer_step's, where each moment's load
    and ambient temperature hold since the moment before, with everything that doesn't depend on the last state done
    for all moments at once.
    """
    p = parameters
    oil, winding_rise, oil_lag = _final_rises(load_pu, p)
    settled = oil + ambient_c.reshape(len(ambient_c), -1)
    kept = (
        np.exp(-dt_minutes / (p.k11 * p.oil_time_constant_min)),
        np.exp(-dt_minutes / (p.k22 * p.winding_time_constant_min)),
        np.exp(-dt_minutes * p.k22 / p.oil_time_constant_min),
    )
    top_oil_c, winding, lag = (
        _relaxed(target, share) for target, share in zip((settled, winding_rise, oil_lag), kept, strict=True)
    )
    return np.asarray(top_oil_c + winding - lag)


def _relaxed(target: FloatArray, kept: FloatArray) -> FloatArray:
    """(h, m) states that keep a share (m,) of their distance to a target (h, m) in each step."""
    fresh = (1 - kept) * target
    state = np.empty_like(target)
    state[0] = target[0]
    for row in range(1, len(target)):
        np.multiply(state[row - 1], kept, out=state[row])
        state[row] += fresh[row]
    return state


def ageing_rate(hot_spot_c: ArrayLike, thermally_upgraded: NDArray[np.bool_]) -> FloatArray:
    """Relative ageing rate V of the paper (years of life per year), shape (m,): IEC 60076-7:2018 clause 6.3.

    One at 98 C for plain paper, which ages twice as fast every 6 K, and one at 110 C for thermally upgraded
    paper. hot_spot_c in degrees Celsius, thermally_upgraded (m,) True for upgraded paper.
    """
    hot_spot = np.minimum(np.asarray(hot_spot_c, float), HOTTEST_PAPER_C)
    plain = np.exp2((hot_spot - 98.0) / 6.0)
    upgraded = np.exp(15_000.0 / 383.0 - 15_000.0 / (hot_spot + 273.0))
    return np.asarray(np.where(thermally_upgraded, upgraded, plain))
