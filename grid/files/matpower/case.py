"""MATPOWER cases: reads .mat files, checks a case, and makes a pandapower net of it.

Source: branch model of the MATPOWER User's Manual, section 3.2: an ideal transformer (ratio TAP, angle SHIFT)
at the from end, then a pi section of series impedance BR_R + j BR_X and total charging susceptance BR_B.
"""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pandapower import set_user_pf_options
from pandapower.auxiliary import pandapowerNet
from pandapower.converter.pypower import from_ppc
from pandapower.pypower.idx_brch import BR_B, BR_R, BR_STATUS, BR_X, F_BUS, RATE_A, SHIFT, T_BUS, TAP
from pandapower.pypower.idx_bus import BASE_KV, BS, BUS_I, BUS_TYPE, NONE, PQ, PV, REF
from pandapower.pypower.idx_gen import GEN_BUS, GEN_STATUS, MBASE, PG, PMAX, PMIN, QMAX, QMIN, VG
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from grid.errors import CaseError
from grid.files.check import Rule, finite, not_negative, positive
from grid.files.equivalents import UNKNOWN_KV
from grid.files.findings import Findings, What
from grid.files.matpower.format import COLUMNS, Matrix, Mpc, build_mpc

SET_POINT = positive("VG", "p.u.")
NO_BUS = "there is no bus of this number in mpc.bus"


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
        not_negative("BASE_KV", "kV, 0 where it isn't known"),
        _any_limit("VMAX", "p.u."),
        _any_limit("VMIN", "p.u."),
    ),
    "gen": (
        finite("PG", "MW"),
        finite("QG", "Mvar"),
        _any_limit("QMAX", "Mvar"),
        _any_limit("QMIN", "Mvar"),
        finite("GEN_STATUS", "1 in service, 0 or less out of service"),
        _any_limit("PMAX", "MW"),
        _any_limit("PMIN", "MW"),
    ),
    "branch": (
        finite("BR_R", "p.u."),
        finite("BR_X", "p.u."),
        finite("BR_B", "p.u."),
        Rule("RATE_A", lambda v: v >= 0, "a rating is zero (none) or more, in MVA"),
        not_negative("TAP", "p.u., 0 for a line"),
        finite("SHIFT", "degrees"),
        Rule("BR_STATUS", lambda v: (v == 0) | (v == 1), "it is 1 in service, 0 out of service"),
    ),
    "dcline": (
        *(finite(field, unit) for field, unit in (("PF", "MW"), ("LOSS0", "MW"), ("LOSS1", "MW per MW"))),
        *(positive(field, "p.u.") for field in ("VF", "VT")),
        *(_any_limit(field, "Mvar") for field in ("QMINF", "QMAXF", "QMINT", "QMAXT")),
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


def to_net(mpc: Mpc, found: Findings | None = None) -> pandapowerNet:
    """A pandapower net of a case: bus numbers and names stay; ratings of 0 become pandapower's 99999.

    MATPOWER's branch is kept exactly: transformers whose from side has the lower voltage are turned round,
    and charging that pandapower's transformers cannot hold becomes shunts (which stay when the transformer is
    switched off later). found: where what was replaced or left out is noted. Raises CaseError where the case is wrong.
    """
    found = Findings() if found is None else found
    found.add(What.FIELD_NOT_READ, [f"mpc.{name}" for name in mpc.not_read])
    mpc = _with_dc_lines(_with_voltages(check(mpc, found), found), found)
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


def check(mpc: Mpc, found: Findings) -> Mpc:
    """The case without rows that are out of service and wrong, which are noted in found.

    Raises CaseError for the first row in service that cannot be true; rows are counted from 1.
    """
    numbers = mpc.bus[:, BUS_I]
    repeated = np.ones(len(numbers), dtype=bool)
    repeated[np.unique(numbers, return_index=True)[1]] = False
    service = _service(mpc)
    wrong = {table: np.zeros(len(used), dtype=bool) for table, used in service.items()}

    def judge(table: str, position: int, is_wrong: NDArray[np.bool_], problem: str) -> None:
        _refuse(mpc, table, position, is_wrong & service[table], problem)
        wrong[table] |= is_wrong

    _refuse(mpc, "bus", BUS_I, repeated, "this bus number occurs before; each must be unique")
    for rule in RULES["bus"][:2]:
        position = COLUMNS["bus"].index(rule.field)
        _refuse(mpc, "bus", position, ~rule.accepts(mpc.bus[:, position]), rule.right)
    for table, rules in RULES.items():
        matrix: Matrix = getattr(mpc, table)
        for rule in rules:
            position = COLUMNS[table].index(rule.field)
            judge(table, position, ~rule.accepts(matrix[:, position]), rule.right)
    judge("gen", GEN_BUS, ~np.isin(mpc.gen[:, GEN_BUS], numbers), NO_BUS)
    for table in ("branch", "dcline"):
        ends = getattr(mpc, table)
        for end in (F_BUS, T_BUS):
            judge(table, end, ~np.isin(ends[:, end], numbers), NO_BUS)
        judge(table, T_BUS, ends[:, F_BUS] == ends[:, T_BUS], "F_BUS and T_BUS are the same bus")
    holds = np.isin(mpc.gen[:, GEN_BUS], numbers[np.isin(mpc.bus[:, BUS_TYPE], (PV, REF))])
    judge("gen", VG, holds & ~SET_POINT.accepts(mpc.gen[:, VG]), SET_POINT.right)
    for table, rows in wrong.items():
        found.add(What.WRONG_OUT_OF_SERVICE, [f"mpc.{table} row {row + 1}" for row in np.flatnonzero(rows)])
    return _without(mpc, wrong, holds)


def _service(mpc: Mpc) -> dict[str, NDArray[np.bool_]]:
    """Which rows of each matrix are in service, their buses included."""
    live = mpc.bus[:, BUS_TYPE] != NONE
    dead = mpc.bus[~live, BUS_I]
    status = COLUMNS["dcline"].index("BR_STATUS")

    def between(ends: Matrix, used: NDArray[np.bool_]) -> NDArray[np.bool_]:
        both: NDArray[np.bool_] = used & ~np.isin(ends[:, [F_BUS, T_BUS]], dead).any(axis=1)
        return both

    return {
        "bus": live,
        "gen": (mpc.gen[:, GEN_STATUS] > 0) & ~np.isin(mpc.gen[:, GEN_BUS], dead),
        "branch": between(mpc.branch, mpc.branch[:, BR_STATUS] != 0),
        "dcline": between(mpc.dcline, mpc.dcline[:, status] > 0),
    }


def _without(mpc: Mpc, wrong: dict[str, NDArray[np.bool_]], holds: NDArray[np.bool_]) -> Mpc:
    """The case without wrong rows. Wrong buses stay, since they are out of service, as buses of nothing.

    holds: (n_gen,) which generators hold a voltage; those of others have no meaning and become 1 p.u.
    """
    bus, gen = mpc.bus.copy(), mpc.gen.copy()
    first = COLUMNS["bus"].index("BUS_TYPE") + 1
    bus[wrong["bus"], first:] = 0.0
    gen[~holds, VG] = 1.0
    return replace(
        mpc,
        bus=bus,
        gen=gen[~wrong["gen"]],
        branch=mpc.branch[~wrong["branch"]],
        dcline=mpc.dcline[~wrong["dcline"]],
    )


def _with_voltages(mpc: Mpc, found: Findings) -> Mpc:
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


def _with_dc_lines(mpc: Mpc, found: Findings) -> Mpc:
    """The case with each DC line in service as two generators that hold their voltages (MATPOWER manual, 7.6.3).

    What arrives is PF less LOSS0 + LOSS1 PF; the column PT isn't trusted, as MATPOWER doesn't.
    """
    columns = COLUMNS["dcline"].index
    lines = mpc.dcline[mpc.dcline[:, columns("BR_STATUS")] > 0]
    if not len(lines):
        return mpc
    sent = lines[:, columns("PF")]
    arriving = sent - lines[:, columns("LOSS0")] - lines[:, columns("LOSS1")] * sent
    ends = np.zeros((2 * len(lines), mpc.gen.shape[1]))
    ends[:, GEN_STATUS], ends[:, MBASE] = 1, mpc.base_mva
    for rows, end, power in ((slice(None, len(lines)), "F", -sent), (slice(len(lines), None), "T", arriving)):
        ends[rows, GEN_BUS] = lines[:, columns(f"{end}_BUS")]
        ends[rows, VG] = lines[:, columns(f"V{end}")]
        ends[rows, QMIN], ends[rows, QMAX] = lines[:, columns(f"QMIN{end}")], lines[:, columns(f"QMAX{end}")]
        ends[rows, PG] = ends[rows, PMIN] = ends[rows, PMAX] = power
    bus = mpc.bus.copy()
    bus[np.isin(bus[:, BUS_I], ends[:, GEN_BUS]) & (bus[:, BUS_TYPE] == PQ), BUS_TYPE] = PV
    names = [f"{line[columns('F_BUS')]:.0f} - {line[columns('T_BUS')]:.0f}" for line in lines]
    found.add(What.DC_LINE, names, float(np.abs(sent).sum()))
    return replace(mpc, bus=bus, gen=np.concatenate([mpc.gen, ends]), dcline=mpc.dcline[:0])


def _refuse(mpc: Mpc, table: str, position: int, wrong: NDArray[np.bool_], problem: str) -> None:
    """Raises CaseError for the first row where wrong is true."""
    if wrong.any():
        row = int(np.argmax(wrong))
        value = getattr(mpc, table)[row, position]
        raise CaseError(mpc.file, problem, f"mpc.{table} row {row + 1}", COLUMNS[table][position], f"{value:g}")


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
