"""The pandapower net of a checked case in MATPOWER's matrices, whichever format it came in.

Source: branch model of the MATPOWER User's Manual, section 3.2: an ideal transformer (ratio TAP, angle SHIFT)
at the from end, then a pi section of series impedance BR_R + j BR_X and total charging susceptance BR_B.
"""

import warnings
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pandapower import set_user_pf_options
from pandapower.auxiliary import pandapowerNet
from pandapower.converter.pypower import from_ppc
from pandapower.pypower.idx_brch import BR_B, BR_R, BR_STATUS, BR_X, F_BUS, RATE_A, SHIFT, T_BUS, TAP
from pandapower.pypower.idx_bus import BASE_KV, BS, BUS_I, VA, VM
from pandapower.pypower.idx_gen import GEN_STATUS, MBASE

from grid.files.equivalents import UNKNOWN_KV
from grid.files.findings import Findings, What
from grid.files.matpower.format import Matrix, Mpc
from grid.files.pandapower.stored import keep_voltage


def assemble(mpc: Mpc) -> pandapowerNet:
    """A net of a case whose numbers can be true and whose buses have nominal voltages.

    The branch is kept exactly: transformers whose from side has the lower voltage are turned round, and charging that
    pandapower's transformers cannot hold becomes shunts (which stay when the transformer is switched off later).
    """
    branch, bus = _turned(mpc), mpc.bus.copy()
    bus[:, BS] += _move_charging(mpc, branch)
    # from_ppc gives transformers the sign of their reactance, and 0 has none; grid.files.equivalents gives the least
    branch[branch[:, BR_X] == 0, BR_X] = np.finfo(np.float64).tiny
    order = np.argsort(mpc.gen[:, GEN_STATUS] <= 0, kind="stable")
    gen = mpc.gen[order].copy()
    gen[gen[:, MBASE] == 0, MBASE] = mpc.base_mva
    case: dict[str, object] = {"baseMVA": mpc.base_mva, "bus": bus, "gen": gen, "branch": branch}
    if mpc.bus_name:
        case["bus_name"] = np.array(mpc.bus_name, dtype=object)
    if mpc.gen_name:
        case["gen_name"] = np.array(mpc.gen_name, dtype=object)[order]
    if mpc.branch_name:
        case["branch_name"] = np.array(mpc.branch_name, dtype=object)
    with warnings.catch_warnings():
        # from_ppc writes an empty list into an integer column when there are no transformers.
        warnings.simplefilter("ignore", FutureWarning)
        net = from_ppc(case, validate_conversion=False)
    set_user_pf_options(net, trafo_model="pi")
    keep_voltage(net, bus[:, VM], bus[:, VA])
    return net


def with_voltages(mpc: Mpc, found: Findings) -> Mpc:
    """The case with a nominal voltage at each bus: where BASE_KV is 0, that of buses which lines join it to, else 1 kV.

    The neighbours' is taken, since MATPOWER takes a branch of ratio 0 for a line whatever its ends' voltages are.
    """
    unknown = mpc.bus[:, BASE_KV] == 0
    if not unknown.any():
        return mpc
    bus, lines = mpc.bus.copy(), mpc.branch[(mpc.branch[:, TAP] == 0) & (mpc.branch[:, SHIFT] == 0)]
    ends = _bus_rows(mpc, lines[:, [F_BUS, T_BUS]])
    before = -1
    while (known := int(np.count_nonzero(bus[:, BASE_KV]))) != before:
        before = known
        for one, other in (ends.T, ends.T[::-1]):
            learns = (bus[one, BASE_KV] == 0) & (bus[other, BASE_KV] != 0)
            bus[one[learns], BASE_KV] = bus[other[learns], BASE_KV]
    bus[bus[:, BASE_KV] == 0, BASE_KV] = UNKNOWN_KV
    found.add(What.NO_NOMINAL_VOLTAGE, [f"bus {number:.0f}" for number in mpc.bus[unknown, BUS_I]])
    return replace(mpc, bus=bus)


def _bus_rows(mpc: Mpc, numbers: Matrix) -> NDArray[np.int64]:
    """Rows of mpc.bus, of the shape of numbers."""
    order = np.argsort(mpc.bus[:, BUS_I])
    rows: NDArray[np.int64] = order[np.searchsorted(mpc.bus[order, BUS_I], numbers)]
    return rows


def _voltages(mpc: Mpc) -> tuple[Matrix, Matrix]:
    """BASE_KV at the from and at the to end of each branch, (n_branch,) each."""
    kv = mpc.bus[_bus_rows(mpc, mpc.branch[:, [F_BUS, T_BUS]]), BASE_KV]
    return kv[:, 0], kv[:, 1]


def _is_transformer(mpc: Mpc) -> NDArray[np.bool_]:
    from_kv, to_kv = _voltages(mpc)
    tap, shift = mpc.branch[:, TAP], mpc.branch[:, SHIFT]
    verdict: NDArray[np.bool_] = ((tap != 0) & (tap != 1)) | (shift != 0) | (from_kv != to_kv)
    return verdict


def _turned(mpc: Mpc) -> Matrix:
    """The branches with every transformer's higher voltage at the from end, where pandapower has its taps.

    An ideal transformer t moves through the pi section behind it: z becomes z |t|^2, b becomes b / |t|^2, and
    seen from the other end it is 1 / t. A ratio of 0, or of 1 between two voltages, is given the next float
    above 1, since from_ppc takes only other ratios than 1 for transformers.
    """
    branch = mpc.branch[:, : BR_STATUS + 1].copy()
    from_kv, to_kv = _voltages(mpc)
    branch[np.isinf(branch[:, RATE_A]), RATE_A] = 0
    nominal = (from_kv != to_kv) & np.isin(branch[:, TAP], (0, 1))
    branch[nominal, TAP] = np.nextafter(1, 2)
    turned = np.flatnonzero(_is_transformer(mpc) & (from_kv < to_kv))
    ratio = branch[turned, TAP]
    branch[np.ix_(turned, [F_BUS, T_BUS])] = branch[np.ix_(turned, [T_BUS, F_BUS])]
    branch[np.ix_(turned, [BR_R, BR_X])] *= (ratio**2)[:, np.newaxis]
    branch[turned, BR_B] /= ratio**2
    branch[turned, TAP] = 1 / ratio
    branch[turned, SHIFT] *= -1
    return branch


def _move_charging(mpc: Mpc, branch: Matrix) -> Matrix:
    """Takes positive BR_B off transformers (in place); gives it as Mvar of shunts at the buses, (n_bus,).

    pandapower's magnetising current is inductive: it holds a negative BR_B, not a positive one.
    """
    moved = np.flatnonzero(_is_transformer(mpc) & (branch[:, BR_B] > 0))
    half = branch[moved, BR_B] * mpc.base_mva / 2 * branch[moved, BR_STATUS]
    ratio = np.where(branch[moved, TAP] == 0, 1.0, branch[moved, TAP])
    ends = _bus_rows(mpc, branch[np.ix_(moved, [F_BUS, T_BUS])])
    shunts = np.zeros(len(mpc.bus))
    np.add.at(shunts, ends[:, 0], half / ratio**2)
    np.add.at(shunts, ends[:, 1], half)
    branch[moved, BR_B] = 0
    return shunts
