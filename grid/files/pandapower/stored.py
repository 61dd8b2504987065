"""Voltages that a file brings along: a result to compare with, and where Newton begins when it fails elsewhere."""

import numpy as np
import pandas as pd
from pandapower.auxiliary import pandapowerNet

from grid.network import FloatArray

_KEPT = "_stored_voltage"  # pandapower leaves names with an underscore alone


def stored_vm_pu(net: pandapowerNet) -> pd.Series | None:
    """The magnitudes of the result that a file holds, by bus; None where it holds none for its buses."""
    result = net.get("res_bus")
    if not isinstance(result, pd.DataFrame) or "vm_pu" not in result or not result.index.equals(net.bus.index):
        return None
    values = result.vm_pu.astype(float)
    return values.copy() if values.notna().any() else None


def keep_voltage(net: pandapowerNet, vm_pu: FloatArray, va_degree: FloatArray) -> None:
    """Lets a net hold voltages (n,) of its buses that are no result: those of MATPOWER's may be of any other state."""
    net[_KEPT] = pd.Series(vm_pu * np.exp(1j * np.deg2rad(va_degree)), net.bus.index)


def stored_voltage(net: pandapowerNet) -> pd.Series | None:
    """Complex p.u. by bus, of those buses that a file knows one of; None where there are none."""
    kept, result = net.get(_KEPT), net.get("res_bus")
    if kept is None and isinstance(result, pd.DataFrame) and {"vm_pu", "va_degree"} <= set(result.columns):
        numbers = result[["vm_pu", "va_degree"]].apply(pd.to_numeric, errors="coerce")
        kept = numbers.vm_pu * np.exp(1j * np.deg2rad(numbers.va_degree))
    if not isinstance(kept, pd.Series) or not np.iscomplexobj(kept):
        return None
    known = kept[np.isfinite(kept) & (kept != 0) & kept.index.isin(net.bus.index)]
    return known if len(known) else None
