"""Reactive limits of a pandapower net's generators, in the order in which a Network holds them."""

import numpy as np
import pandapower
import pandas as pd

from grid.network import FloatArray


def reactive_limits(net: pandapower.pandapowerNet) -> tuple[FloatArray, FloatArray]:
    """(g,) lowest and highest q_mvar of external grids, generators and static generators in service.

    Infinite where the net gives none. A static generator's limits are of no use: its reactive power is fixed.
    """
    tables = [table[table.in_service.to_numpy(dtype=bool)] for table in (net.ext_grid, net.gen, net.sgen)]
    low = np.concatenate([_limit(table, "min_q_mvar", -np.inf) for table in tables])
    return low, np.concatenate([_limit(table, "max_q_mvar", np.inf) for table in tables])


def _limit(table: pd.DataFrame, field: str, absent: float) -> FloatArray:
    if field not in table.columns:
        return np.full(len(table), absent)
    values = table[field].to_numpy(dtype=float)
    return np.where(np.isfinite(values), values, absent)
