"""MATPOWER cases: reads .mat files, checks a case, and makes a pandapower net of it.

Source: branch model of the MATPOWER User's Manual, section 3.2: an ideal transformer (ratio TAP, angle SHIFT)
at the from end, then a pi section of series impedance BR_R + j BR_X and total charging susceptance BR_B.
"""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pandapower import set_user_pf_options
from pandapower.auxiliary import pandapowerNet
from pandapower.converter.pypower import from_ppc
from pandapower.pypower.idx_brch import BR_B, BR_R, BR_STATUS, BR_X, F_BUS, RATE_A, SHIFT, T_BUS, TAP
from pandapower.pypower.idx_bus import BASE_KV, BS, BUS_I, BUS_TYPE, NONE, PQ, REF
from pandapower.pypower.idx_gen import GEN_BUS, GEN_STATUS, MBASE
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from grid.errors import CaseError
from grid.files.check import NEGATIVE_X, Rule, capacitive_but_resistive, finite, not_negative, positive, resistance
from grid.files.matpower.format import COLUMNS, Matrix, Mpc, build_mpc

ZERO_Z = "BR_R and BR_X are both zero: join the two buses to one, or give the branch its impedance"


def _whole(field: str, right: str, low: int, high: float = np.inf) -> Rule:
    return Rule(field, lambda v: (v == np.floor(v)) & (v >= low) & (v <= high), right)


def _any_limit(field: str, unit: str) -> Rule:
    return Rule(field, lambda v: ~np.isnan(v), f"it must be a number or Inf, in {unit}")


RULES: dict[str, tuple[Rule, ...]] = {
    "bus": (
        _whole("BUS_I", "a bus number is a whole number from 1", 1),
        _whole("BUS_TYPE", "a bus type is 1 (PQ), 2 (PV), 3 (reference) or 4 (isolated)", PQ, NONE),
        finite("PD", "MW"),
        finite("QD", "Mvar"),
        finite("GS", "MW at 1 p.u."),
        finite("BS", "Mvar at 1 p.u."),
        finite("VM", "p.u."),
        finite("VA", "degrees"),
        positive("BASE_KV", "kV"),
        _any_limit("VMAX", "p.u."),
        _any_limit("VMIN", "p.u."),
    ),
    "gen": (
        finite("PG", "MW"),
        finite("QG", "Mvar"),
        _any_limit("QMAX", "Mvar"),
        _any_limit("QMIN", "Mvar"),
        positive("VG", "p.u."),
        finite("GEN_STATUS", "1 in service, 0 or less out of service"),
        _any_limit("PMAX", "MW"),
        _any_limit("PMIN", "MW"),
    ),
    "branch": (
        resistance("BR_R", "p.u."),
        finite("BR_X", "p.u."),
        finite("BR_B", "p.u."),
        Rule("RATE_A", lambda v: v >= 0, "a rating is zero (none) or more, in MVA"),
        not_negative("TAP", "p.u., 0 for a line"),
        finite("SHIFT", "degrees"),
        Rule("BR_STATUS", lambda v: (v == 0) | (v == 1), "it is 1 in service, 0 out of service"),
    ),
}
"""What each column that is used must hold, by matrix."""


def read_mat(path: Path, file: str) -> Mpc:
    """The case in the struct `mpc` of a .mat file of MATLAB 4 to 7.2; file is what errors call it.

    Raises CaseError when the file is not one, or holds no such struct.
    """
    try:
        content = loadmat(path, simplify_cells=True)
    except NotImplementedError as exc:
        raise CaseError(file, "this is a .mat file of version 7.3; save it with MATLAB's option -v7") from exc
    except (MatReadError, ValueError, TypeError, IndexError, KeyError, EOFError, OSError) as exc:
        raise CaseError(file, f"this cannot be read as a .mat file ({exc})") from exc
    fields = content.get("mpc")
    if not isinstance(fields, dict):
        found = ", ".join(name for name in content if not name.startswith("__")) or "nothing"
        raise CaseError(file, f"the file must hold a struct called mpc; it holds {found}", "mpc")
    return build_mpc(file, {name: _plain(name, value) for name, value in fields.items()})


def _plain(name: str, value: object) -> object:
    """A field as the .m reader would give it: bus names as a tuple of text."""
    if name != "bus_name":
        return value
    return tuple(str(item).strip() for item in np.atleast_1d(np.asarray(value, dtype=object)).ravel())


def to_net(mpc: Mpc) -> pandapowerNet:
    """A pandapower net of a case: bus numbers and names stay; ratings of 0 become pandapower's 99999.

    MATPOWER's branch is kept exactly: transformers whose from side has the lower voltage are turned round,
    and charging that pandapower's transformers cannot hold becomes shunts (which stay when the transformer is
    switched off later). Raises CaseError where the case is wrong.
    """
    check(mpc)
    branch, bus = _turned(mpc), mpc.bus.copy()
    bus[:, BS] += _move_charging(mpc, branch)
    gen = mpc.gen[np.argsort(mpc.gen[:, GEN_STATUS] <= 0, kind="stable")].copy()
    gen[gen[:, MBASE] == 0, MBASE] = mpc.base_mva
    case: dict[str, object] = {"baseMVA": mpc.base_mva, "bus": bus, "gen": gen, "branch": branch}
    if mpc.bus_name:
        case["bus_name"] = np.array(mpc.bus_name, dtype=object)
    with warnings.catch_warnings():
        # from_ppc writes an empty list into an integer column when there are no transformers.
        warnings.simplefilter("ignore", FutureWarning)
        net = from_ppc(case, validate_conversion=False)
    set_user_pf_options(net, trafo_model="pi")
    return net


def check(mpc: Mpc) -> None:
    """Raises CaseError for the first row of the case that cannot be true; rows are counted from 1."""
    _check_rules(mpc)
    numbers = mpc.bus[:, BUS_I]
    repeated = np.ones(len(numbers), dtype=bool)
    repeated[np.unique(numbers, return_index=True)[1]] = False
    _refuse(mpc, "bus", BUS_I, repeated, "this bus number occurs before; each must be unique")
    missing = "there is no bus of this number in mpc.bus"
    _refuse(mpc, "gen", GEN_BUS, ~np.isin(mpc.gen[:, GEN_BUS], numbers), missing)
    for end in (F_BUS, T_BUS):
        _refuse(mpc, "branch", end, ~np.isin(mpc.branch[:, end], numbers), missing)
    _refuse(mpc, "branch", T_BUS, mpc.branch[:, F_BUS] == mpc.branch[:, T_BUS], "F_BUS and T_BUS are the same bus")
    _check_impedances(mpc)
    if mpc.dcline.size and np.any(live := mpc.dcline[:, COLUMNS["dcline"].index("BR_STATUS")] > 0):
        right = "DC lines are not supported yet; take them out of service or replace them by generators"
        _refuse(mpc, "dcline", COLUMNS["dcline"].index("BR_STATUS"), live, right)
    reference = numbers[mpc.bus[:, BUS_TYPE] == REF]
    if not np.isin(mpc.gen[mpc.gen[:, GEN_STATUS] > 0, GEN_BUS], reference).any():
        problem = "a network needs a source: a bus of type 3 with a generator in service (GEN_STATUS 1)"
        raise CaseError(mpc.file, problem, "mpc.gen", "GEN_BUS")


def _check_rules(mpc: Mpc) -> None:
    for table, rules in RULES.items():
        matrix: Matrix = getattr(mpc, table)
        for rule in rules:
            position = COLUMNS[table].index(rule.field)
            _refuse(mpc, table, position, ~rule.accepts(matrix[:, position]), rule.right)


def _check_impedances(mpc: Mpc) -> None:
    r, x, is_trafo = mpc.branch[:, BR_R], mpc.branch[:, BR_X], _is_transformer(mpc)
    _refuse(mpc, "branch", BR_X, (r == 0) & (x == 0), ZERO_Z)
    _refuse(mpc, "branch", BR_X, ~is_trafo & capacitive_but_resistive(r, x), NEGATIVE_X)
    _refuse(mpc, "branch", BR_X, is_trafo & (x == 0), "a transformer (TAP, SHIFT or two voltages) has a reactance")


def _refuse(mpc: Mpc, table: str, position: int, wrong: NDArray[np.bool_], problem: str) -> None:
    """Raises CaseError for the first row where wrong is true."""
    if wrong.any():
        row = int(np.argmax(wrong))
        value = getattr(mpc, table)[row, position]
        raise CaseError(mpc.file, problem, f"mpc.{table} row {row + 1}", COLUMNS[table][position], f"{value:g}")


def _voltages(mpc: Mpc) -> tuple[Matrix, Matrix]:
    """BASE_KV at the from and at the to end of each branch, (n_branch,) each."""
    order = np.argsort(mpc.bus[:, BUS_I])
    rows = order[np.searchsorted(mpc.bus[order, BUS_I], mpc.branch[:, [F_BUS, T_BUS]])]
    kv = mpc.bus[rows, BASE_KV]
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
    order = np.argsort(mpc.bus[:, BUS_I])
    ends = order[np.searchsorted(mpc.bus[order, BUS_I], branch[np.ix_(moved, [F_BUS, T_BUS])])]
    shunts = np.zeros(len(mpc.bus))
    np.add.at(shunts, ends[:, 0], half / ratio**2)
    np.add.at(shunts, ends[:, 1], half)
    branch[moved, BR_B] = 0
    return shunts
