"""Tap changers of a pandapower net's transformers with two windings."""

import numpy as np
import pandapower
import pandas as pd

from grid.network import FloatArray, TapChangers

RATIO = "Ratio"  # pandapower's word; it takes a changer without a type as none


def read_taps(net: pandapower.pandapowerNet, n_branch: int) -> TapChangers | None:
    """(m,) tap changers of all branches; None where no transformer has one that can be moved.

    That is one of type Ratio at one winding, which turns no phase and has a step and a range of positions. Others
    (phase shifters, those by a table, those of three windings, MATPOWER's ratios without a range) stay as they are.
    """
    trafo = net.trafo
    position, lowest, neutral, highest, step = (
        _numbers(trafo, f"tap_{name}") for name in ("pos", "min", "neutral", "max", "step_percent")
    )
    side, angle = _texts(trafo, "tap_side"), _numbers(trafo, "tap_step_degree")
    known = (_texts(trafo, "tap_changer_type") == RATIO) & np.isin(side, ("hv", "lv")) & ~(np.abs(angle) > 0)
    if "tap_dependency_table" in trafo.columns:
        known &= ~trafo["tap_dependency_table"].fillna(False).to_numpy(dtype=bool)
    lowest, highest, step_pu = np.ceil(lowest), np.floor(highest), step / 100
    for at in (position, lowest, highest):
        known &= np.isfinite(at) & (1 + step_pu * (at - neutral) > 0)
    known &= (lowest < highest) & (step_pu != 0)
    if not known.any():
        return None
    first, last = net._pd2ppc_lookups["branch"]["trafo"]

    def placed(values: FloatArray) -> FloatArray:
        found = np.full(n_branch, np.nan)
        found[first:last] = np.where(known, values, np.nan)
        return found

    at_to = np.zeros(n_branch, dtype=bool)
    at_to[first:last] = side == "lv"
    return TapChangers(
        position=placed(position),
        own=placed(position),
        lowest=placed(lowest),
        neutral=placed(neutral),
        highest=placed(highest),
        step_pu=placed(step_pu),
        at_to=at_to,
    )


def _numbers(table: pd.DataFrame, column: str) -> FloatArray:
    """(k,) of a column, NaN where it says nothing or isn't there."""
    if column not in table.columns:
        return np.full(len(table), np.nan)
    numbers: FloatArray = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return numbers


def _texts(table: pd.DataFrame, column: str) -> np.ndarray:
    """(k,) of a column, empty where it says nothing or isn't there."""
    if column not in table.columns:
        return np.full(len(table), "", dtype=object)
    return table[column].astype(object).where(table[column].notna(), "").to_numpy()
