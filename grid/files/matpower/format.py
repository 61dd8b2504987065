"""The MATPOWER case format, version 2: its record, its column names and the constants that name them.

Source: the columns are those of the MATPOWER User's Manual, appendix B (tables B-1 bus, B-2 gen, B-3 branch).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid.errors import CaseError

Matrix = NDArray[np.float64]

BUS_COLUMNS = (
    "BUS_I", "BUS_TYPE", "PD", "QD", "GS", "BS", "BUS_AREA", "VM", "VA", "BASE_KV", "ZONE", "VMAX", "VMIN",
    "LAM_P", "LAM_Q", "MU_VMAX", "MU_VMIN",
)  # fmt: skip
GEN_COLUMNS = (
    "GEN_BUS", "PG", "QG", "QMAX", "QMIN", "VG", "MBASE", "GEN_STATUS", "PMAX", "PMIN", "PC1", "PC2",
    "QC1MIN", "QC1MAX", "QC2MIN", "QC2MAX", "RAMP_AGC", "RAMP_10", "RAMP_30", "RAMP_Q", "APF",
    "MU_PMAX", "MU_PMIN", "MU_QMAX", "MU_QMIN",
)  # fmt: skip
BRANCH_COLUMNS = (
    "F_BUS", "T_BUS", "BR_R", "BR_X", "BR_B", "RATE_A", "RATE_B", "RATE_C", "TAP", "SHIFT", "BR_STATUS",
    "ANGMIN", "ANGMAX", "PF", "QF", "PT", "QT", "MU_SF", "MU_ST", "MU_ANGMIN", "MU_ANGMAX",
)  # fmt: skip
DCLINE_COLUMNS = (
    "F_BUS", "T_BUS", "BR_STATUS", "PF", "PT", "QF", "QT", "VF", "VT", "PMIN", "PMAX", "QMINF", "QMAXF", "QMINT",
    "QMAXT", "LOSS0", "LOSS1",
)  # fmt: skip

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "bus": BUS_COLUMNS,
    "gen": GEN_COLUMNS,
    "branch": BRANCH_COLUMNS,
    "dcline": DCLINE_COLUMNS,
}
"""Column names of each matrix that is read."""

REQUIRED_COLUMNS: Mapping[str, int] = {"bus": 13, "gen": 10, "branch": 11, "dcline": 17}
"""How many columns a matrix must have; later ones (results, ramp rates, angle limits) are not used."""

USED_FIELDS = frozenset({"version", "baseMVA", "bus", "gen", "branch", "dcline", "bus_name"})
"""Fields of the case that are read; others (costs, fuels, areas) do not enter a power flow."""

WITHOUT_STATE = frozenset({"gencost", "areas", "gentype", "genfuel", "branch_name", "gen_name", "dclinecost", "bus_id"})
"""Fields that a state doesn't depend on."""

DC_GRID = frozenset({"busdc", "convdc", "branchdc"})
"""Fields of MATACDC's cases: a DC grid behind converters, without which the AC part has another state."""

_BUS_TYPES = ("PQ", "PV", "REF", "NONE")
_COST = ("MODEL", "STARTUP", "SHUTDOWN", "NCOST", "COST")

CONSTANTS: Mapping[str, int] = {
    name: number
    for names in (_BUS_TYPES, BUS_COLUMNS, GEN_COLUMNS, BRANCH_COLUMNS, ("PW_LINEAR", "POLYNOMIAL"), _COST)
    for number, name in enumerate(names, start=1)
}
"""What define_constants defines: bus types, cost models and one-based column numbers."""

INDEX_OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "idx_bus": _BUS_TYPES + BUS_COLUMNS,
    "idx_gen": GEN_COLUMNS[:10] + GEN_COLUMNS[21:] + GEN_COLUMNS[10:21],
    "idx_brch": BRANCH_COLUMNS[:11] + BRANCH_COLUMNS[13:19] + BRANCH_COLUMNS[11:13] + BRANCH_COLUMNS[19:],
    "idx_cost": ("PW_LINEAR", "POLYNOMIAL", *_COST),
}
"""The constants that each idx_ function returns, in the order of its outputs."""


@dataclass(frozen=True)
class Mpc:
    """A MATPOWER case, units as MATPOWER's: p.u. on base_mva, MW, Mvar, kV, degrees.

    bus is (n_bus, >= 13), gen (n_gen, >= 10), branch (n_branch, >= 11), dcline (n_dcline, >= 3 or empty);
    bus_name has n_bus names or none, as gen_name and branch_name, which other formats give.
    """

    file: str
    base_mva: float
    bus: Matrix
    gen: Matrix
    branch: Matrix
    dcline: Matrix
    bus_name: tuple[str, ...]
    not_read: tuple[str, ...] = ()
    gen_name: tuple[str, ...] = ()
    branch_name: tuple[str, ...] = ()


def build_mpc(file: str, fields: Mapping[str, object]) -> Mpc:
    """The record made of a case's fields, as an .m or a .mat file gives them.

    Arguments: file, named in errors; fields, MATPOWER's names to matrices, numbers, text or tuples of names.
    Raises CaseError when a field is missing, the version is unknown, or a matrix has the wrong shape.
    """
    _require_version(file, fields)
    base = _matrix(file, fields, "baseMVA")
    if base.size != 1 or not (np.isfinite(base).all() and base.item() > 0):
        problem = "the base power is one number above zero, in MVA"
        raise CaseError(file, problem, "mpc.baseMVA", "baseMVA", shorten(base.tolist()))
    bus = _table(file, fields, "bus")
    names = fields.get("bus_name", ())
    if not isinstance(names, tuple) or len(names) not in (0, len(bus)):
        problem = f"there must be one name for each of the {len(bus)} buses"
        raise CaseError(file, problem, "mpc.bus_name", "bus_name", shorten(names))
    empty = np.empty((0, len(DCLINE_COLUMNS)))
    dcline = _table(file, fields, "dcline") if "dcline" in fields else empty
    gen, branch = _table(file, fields, "gen"), _table(file, fields, "branch")
    for name in sorted(DC_GRID & set(fields)):
        problem = "the file has a DC grid with converters, which isn't supported; DC lines (mpc.dcline) are"
        raise CaseError(file, problem, f"mpc.{name}", name)
    not_read = tuple(sorted(set(fields) - USED_FIELDS - WITHOUT_STATE))
    return Mpc(file, base.item(), bus, gen, branch, dcline, names, not_read)


def shorten(value: object, limit: int = 60) -> str:
    """A value as one line of text, cut to limit characters, for a message."""
    text = " ".join(str(value).split())
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _require_version(file: str, fields: Mapping[str, object]) -> None:
    version = str(fields.get("version", "")).strip()
    if version not in ("1", "1.0", "2", "2.0"):  # what is read is the same in both
        problem = "a MATPOWER case states mpc.version = '2', or '1'"
        raise CaseError(file, problem, "mpc.version", "version", version or "none")


def _matrix(file: str, fields: Mapping[str, object], name: str) -> Matrix:
    if name not in fields:
        raise CaseError(file, f"the case has no mpc.{name}", f"mpc.{name}", name)
    array = np.asarray(fields[name])
    is_real = array.dtype.kind in "biuf" or (array.dtype.kind == "c" and not np.any(array.imag))
    if not is_real or array.ndim > 2:
        problem = f"mpc.{name} must be a matrix of real numbers"
        raise CaseError(file, problem, f"mpc.{name}", name, shorten(fields[name]))
    return np.atleast_2d(array.real.astype(np.float64))


def _table(file: str, fields: Mapping[str, object], name: str) -> Matrix:
    matrix = _matrix(file, fields, name)
    required = REQUIRED_COLUMNS[name]
    if matrix.size == 0 and name != "bus":
        return np.empty((0, required))
    if matrix.size == 0:
        raise CaseError(file, "a case has one row for each bus; this has none", "mpc.bus", "rows", "0")
    if matrix.shape[1] < required:
        problem = f"it needs {required} columns: {', '.join(COLUMNS[name][:required])}"
        raise CaseError(file, problem, f"mpc.{name}", "columns", str(matrix.shape[1]))
    return matrix
