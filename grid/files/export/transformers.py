"""pandapower's columns of transformers with two windings, from two-ports, ratings and tap positions.

Source: pandapower's documentation of the element trafo, trafo_model "pi": impedance and core are referred to the
present voltage of the lv winding, so that a tap changer there changes both.
"""

from typing import Any

import numpy as np

from grid.files.export.two_ports import PiSections
from grid.network import FloatArray, IntArray, Network, TapChangers

UNLIMITED = 99999.0  # pandapower's own, of MVA and kA that aren't given
SAME = 1e-9  # relative difference of voltages that are one


def trafo_columns(network: Network, sections: PiSections, held: FloatArray, rows: IntArray) -> dict[str, Any]:
    """Columns (k,) of create_transformers_from_parameters for the branches in rows (k,).

    held: (m,) complex p.u. at each end of the section: conductance not negative, susceptance not positive.
    """
    branch = network.branch
    tap = _none(network.n_branch) if branch.tap is None else branch.tap
    position, neutral, tap_step = tap.position[rows], tap.neutral[rows], tap.step_pu[rows]
    known, at_to = np.isfinite(position), tap.at_to[rows]
    winding = np.where(known, 1 + tap_step * (position - neutral), 1.0)
    at_hv, at_lv = np.where(at_to, 1.0, winding), np.where(at_to, winding, 1.0)
    from_kv, vn_lv_kv = network.bus.vn_kv[branch.from_bus[rows]], network.bus.vn_kv[branch.to_bus[rows]]
    without_tap_kv = sections.ratio[rows] * from_kv * at_lv / at_hv
    ratings_ka = (branch.rating_from_ka, branch.rating_to_ka)
    from_ka, to_ka = (np.where(branch.rating_derived, np.nan, rating)[rows] for rating in ratings_ka)
    rated_twice = np.isfinite(from_ka) & np.isfinite(to_ka)
    by_ratings_kv = np.where(rated_twice, to_ka / from_ka * vn_lv_kv, without_tap_kv)
    # A ratio that isn't that of the ratings is of a tap changer whose range nobody knows.
    fixed = ~known & (np.abs(by_ratings_kv / without_tap_kv - 1) > SAME)
    vn_hv_kv = np.where(fixed, by_ratings_kv, without_tap_kv)
    step = np.where(fixed, without_tap_kv / vn_hv_kv - 1, tap_step)
    rated = np.sqrt(3.0) * np.fmin(from_ka * vn_hv_kv, to_ka * vn_lv_kv)
    sn_mva = np.where(np.isfinite(rated), rated, UNLIMITED)
    series_percent = 100 * sections.series[rows] * sn_mva / network.base_mva / at_lv**2
    core_mva = 2 * held[rows] * network.base_mva * at_lv**2
    has_tap = fixed | known
    return {
        "sn_mva": sn_mva,
        "vn_hv_kv": vn_hv_kv,
        "vn_lv_kv": vn_lv_kv,
        "vk_percent": np.copysign(np.abs(series_percent), series_percent.imag),
        "vkr_percent": series_percent.real,
        "pfe_kw": 1e3 * core_mva.real,
        "i0_percent": 100 * np.abs(core_mva) / sn_mva,
        "shift_degree": sections.shift_degree[rows],
        "tap_side": [("lv" if lv else "hv") if has else None for has, lv in zip(has_tap, at_to, strict=True)],
        "tap_pos": np.where(fixed, 1.0, position),
        "tap_neutral": np.where(fixed, 0.0, neutral),
        "tap_min": tap.lowest[rows],
        "tap_max": tap.highest[rows],
        "tap_step_percent": 100 * step,
        "tap_step_degree": np.where(has_tap, 0.0, np.nan),
        "tap_changer_type": ["Ratio" if has else None for has in has_tap],
    }


def _none(n_branch: int) -> TapChangers:
    unknown = np.full(n_branch, np.nan)
    return TapChangers(
        position=unknown,
        own=unknown,
        lowest=unknown,
        neutral=unknown,
        highest=unknown,
        step_pu=unknown,
        at_to=np.zeros(n_branch, dtype=bool),
    )
