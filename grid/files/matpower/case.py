"""MATPOWER cases: reads .mat files, checks a case, and makes a pandapower net of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pandapower.auxiliary import pandapowerNet
from pandapower.pypower.idx_brch import BR_STATUS, F_BUS, T_BUS
from pandapower.pypower.idx_bus import BUS_I, BUS_TYPE, NONE, PQ, PV, REF
from pandapower.pypower.idx_gen import GEN_BUS, GEN_STATUS, MBASE, PG, PMAX, PMIN, QMAX, QMIN, VG
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from grid.errors import CaseError
from grid.files.check import Rule, finite, not_negative, positive
from grid.files.findings import Findings, What
from grid.files.matpower.format import COLUMNS, Matrix, Mpc, build_mpc
from grid.files.matpower.net import assemble, with_voltages

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

    found: where what was replaced or left out is noted. Raises CaseError where the case is wrong.
    """
    found = Findings() if found is None else found
    found.add(What.FIELD_NOT_READ, [f"mpc.{name}" for name in mpc.not_read])
    return assemble(_with_dc_lines(with_voltages(check(mpc, found), found), found))


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
