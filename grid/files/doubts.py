"""What is doubtful in a base state: sources that disagree, odd voltages, loads without supply, what was derived."""

import numpy as np
import pandas as pd
from pandapower.auxiliary import pandapowerNet

from grid.files.findings import Findings, What
from grid.flow.powerflow import GridState
from grid.network import Network

USUAL_BAND_PU = (0.5, 1.5)
MOST_LOSS_SHARE, MOST_LOSING = 0.2, 3
SAME_DEGREE = 0.01
SAME_PU = 1e-4  # two power flows of one net differ by less


def doubt_state(network: Network, state: GridState, found: Findings) -> None:
    """Notes what is doubtful in a network's base state."""
    generator, bus, load = network.generator, network.bus, network.load
    source = np.flatnonzero(generator.is_source)
    angles = generator.va_degree[source]
    if len(source) and np.ptp(angles) > SAME_DEGREE:
        found.add(What.SOURCE_ANGLES, [generator.name[index] for index in source], float(np.ptp(angles)))
    low, high = USUAL_BAND_PU
    unusual = np.flatnonzero(state.energised & ((state.vm_pu < low) | (state.vm_pu > high)))
    if len(unusual):
        furthest = unusual[np.argmax(np.abs(state.vm_pu[unusual] - 1))]
        found.add(What.UNUSUAL_VOLTAGE, [bus.name[index] for index in unusual], float(state.vm_pu[furthest]))
    if state.total_loss_mw > MOST_LOSS_SHARE * state.total_load_mw:
        most = np.argsort(-state.loss_mw)[:MOST_LOSING]
        share = 100 * state.total_loss_mw / max(state.total_load_mw, 1e-9)
        found.add(What.HIGH_LOSSES, [network.branch.name[index] for index in most], share)
    dark = np.flatnonzero(~state.energised[load.bus] & ((load.p_mw != 0) | (load.q_mvar != 0)))
    found.add(What.UNSUPPLIED_LOAD, [load.name[index] for index in dark], float(load.p_mw[dark].sum()))
    derived = np.flatnonzero(network.branch.rating_derived)
    found.add(What.RATINGS_DERIVED, [network.branch.name[index] for index in derived])
    if bus.limits_derived:
        found.add(What.VOLTAGE_LIMITS_DERIVED, bus.name)


def doubt_stored_result(net: pandapowerNet, stored_vm_pu: pd.Series | None, found: Findings) -> None:
    """Notes where the solution differs from the one that the file holds.

    stored_vm_pu: p.u. by bus before net was solved, NaN where the file holds none; elements' inner buses come in since.
    """
    if stored_vm_pu is None:
        return
    gap = (net.res_bus.vm_pu.loc[stored_vm_pu.index] - stored_vm_pu).abs()
    apart = gap[gap > SAME_PU]
    if len(apart):
        found.add(What.STORED_RESULT_DIFFERS, [str(index) for index in apart.index], float(apart.max()))
