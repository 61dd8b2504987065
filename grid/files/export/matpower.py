"""The present state as a MATPOWER case of version 2, the text of an .m file.

Source: MATPOWER User's Manual, appendix B. A branch there has one charging susceptance for both ends: what else it
draws (core losses, unequal ends, an open line's charging) stands in the shunts of its buses, GS and BS.
"""

import re
from collections.abc import Iterable

import numpy as np
from pandapower.pypower.idx_bus import NONE, PQ, PV, REF

from grid.files.export.notes import notes_on_matpower
from grid.files.export.present import PresentGrid
from grid.files.export.two_ports import PiSections, left_at_buses, pi_sections, stubs_at_buses
from grid.files.matpower.format import COLUMNS, Matrix
from grid.network import BranchKind, Energy, FloatArray

FUEL = {
    Energy.HYDRO: "hydro",
    Energy.PV: "solar",
    Energy.WIND: "wind",
    Energy.THERMAL: "other",
    Energy.RENEWABLE: "other",
}
LONGEST_NAME = 63  # of a function in MATLAB
ANY_ANGLE = (-360.0, 360.0)  # ANGMIN, ANGMAX: no limit


def matpower_text(present: PresentGrid) -> str:
    """The case; what it can't hold is told in the comments at its head."""
    network = present.network
    sections = pi_sections(network)
    lines = [
        f"function mpc = {matlab_name(network.name)}",
        *(f"% {line}" for line in _told(present)),
        "mpc.version = '2';",
        f"mpc.baseMVA = {network.base_mva!r};",
        *_matrix("bus", _bus(present, sections)),
        *_matrix("gen", _gen(present)),
        *_matrix("branch", _branch(present, sections)),
        *_texts("bus_name", network.bus.name),
        *_texts("branch_name", network.branch.name),
        *_texts("gen_name", (network.generator.name[row] for row in _gen_order(present))),
        *_texts("genfuel", (FUEL.get(network.generator.energy[row], "unknown") for row in _gen_order(present))),
    ]
    return "\n".join(lines) + "\n"


def _told(present: PresentGrid) -> list[str]:
    return [_one_line(note) for note in (present.network.title, *notes_on_matpower(present))]


def _bus(present: PresentGrid, sections: PiSections) -> Matrix:
    network, bus = present.network, present.network.bus
    charging = 1j * _charging(sections) / 2
    drawn = left_at_buses(network, sections, charging, present.closed) + stubs_at_buses(network, present.closed)
    shunt = (bus.shunt_pu + drawn) * network.base_mva
    vm_pu, va_degree = present.voltages
    ones = np.ones(network.n_bus)
    p_mw, q_mvar = (
        np.bincount(network.load.bus, power, network.n_bus)
        for power in (present.injection.load_p_mw, present.injection.load_q_mvar)
    )
    numbers = 1.0 + np.arange(network.n_bus)
    columns = (numbers, _types(present), p_mw, q_mvar, shunt.real, shunt.imag, ones, vm_pu, va_degree, bus.vn_kv, ones)
    return np.column_stack([*columns, bus.max_vm_pu, bus.min_vm_pu])


def _types(present: PresentGrid) -> FloatArray:
    """(n,) PQ, PV, REF, or isolated where there is no supply."""
    generator, on = present.network.generator, present.injection.generator_on
    kind = np.full(present.network.n_bus, float(PQ))
    kind[generator.bus[generator.is_regulating & on]] = PV
    kind[generator.bus[generator.is_source & on]] = REF
    kind[~present.energised] = NONE
    return kind


def _gen_order(present: PresentGrid) -> list[int]:
    """Rows of generators: those that are a bus's source or hold its voltage first, as readers take the first for it."""
    generator = present.network.generator
    rank = np.where(generator.is_source, 0, np.where(generator.is_regulating, 1, 2))
    return np.lexsort((rank, ~present.injection.generator_on)).tolist()


def _gen(present: PresentGrid) -> Matrix:
    generator = present.network.generator
    p_mw, q_mvar = present.generation
    lowest, highest = generator.p_bounds_mw
    base = np.full(len(generator), present.network.base_mva)
    on = present.injection.generator_on.astype(float)
    held = np.isin(_types(present)[generator.bus], (PV, REF))
    set_pu = np.where(held, present.set_point_pu, 0.0)  # none: some readers take any other for a voltage to hold
    columns = (1.0 + generator.bus, p_mw, q_mvar, generator.max_q_mvar, generator.min_q_mvar, set_pu)
    return np.column_stack([*columns, base, on, highest, lowest])[_gen_order(present)]


def _branch(present: PresentGrid, sections: PiSections) -> Matrix:
    branch = present.network.branch
    turns = (sections.ratio != 1) | (sections.shift_degree != 0)
    is_transformer = turns | np.array([kind is BranchKind.TRANSFORMER for kind in branch.kind], dtype=bool)
    series = (sections.series + sections.series_back) / 2
    rating = np.fmin(*present.rating_mva)
    rating = np.where(np.isfinite(rating), rating, 0.0)
    none = np.zeros(len(branch))
    ends = (1.0 + branch.from_bus, 1.0 + branch.to_bus)
    ratio = np.where(is_transformer, sections.ratio, 0.0)
    columns = (series.real, series.imag, _charging(sections), rating, none, none, ratio, sections.shift_degree)
    angles = (np.full(len(branch), limit) for limit in ANY_ANGLE)
    return np.column_stack([*ends, *columns, present.closed.astype(float), *angles])


def _charging(sections: PiSections) -> FloatArray:
    """(m,) BR_B: what both ends have of susceptance, as their mean."""
    both: FloatArray = (sections.shunt_from + sections.shunt_to).imag
    return both


def _matrix(field: str, matrix: Matrix) -> list[str]:
    rows = ("\t".join(_number(value) for value in row) for row in matrix.tolist())
    columns = " ".join(COLUMNS[field][: matrix.shape[1]])
    return ["", f"%\t{columns}", f"mpc.{field} = [", *(f"\t{row};" for row in rows), "];"]


def _number(value: float) -> str:
    """A number that reads back as itself; whole ones without a point."""
    if np.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _texts(field: str, texts: Iterable[str]) -> list[str]:
    quoted = (_one_line(text).replace("'", "''") for text in texts)
    return ["", f"mpc.{field} = {{", *(f"\t'{text}';" for text in quoted), "};"]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def matlab_name(name: str) -> str:
    """A name as MATLAB's functions have, and files that it loads as cases: letters, digits and _, a letter first."""
    letters = re.sub(r"\W", "_", name, flags=re.ASCII)
    return (letters if letters[:1].isalpha() else f"case_{letters}")[:LONGEST_NAME]
