"""`python -m tests.benchmarks.files`: what network files keep on the way through other programs and this one.

A grid is solved and written by another program, read and exported here, and the export is read by our own reader and by
other programs, each of which solves it by itself. A cell is the largest difference of a bus voltage in p.u. / the
difference of what branches and shunts lose in kW, from the solution of the program that wrote the grid first; only the
third is from what that program makes of its own file. What the file lacks shows in all other cells of its row, the one
of what the program itself reads in it first: pandapower's to_mpc writes no conductance of branches, which transformers
with core losses have; pypowsybl's CGMES has one charging susceptance for both ends of a line, which its lines between
two nominal voltages (2 in ieee14, 22 in ieee300) don't have; its RAW has the susceptance of transformers to earth as if
their ratios were nominal. In a RAW file that is at the first winding, so that pypowsybl is asked to take it there.

Our .m is handed to other programs as .mat with the same numbers, since none of them reads its text as it is installed.
pypowsybl leaves out a bus's GS where its BS is 0: the last column compares it with pandapower on our .m without these.
"""

import argparse
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandapower.networks
import pypowsybl
import simbench
from pandapower.converter.matpower import from_mpc
from pandapower.pypower.idx_bus import BS, GS
from scipy.io import savemat

from grid.cases.cases import BUILT_IN
from grid.errors import CaseError
from grid.files.export.matpower import matpower_text
from grid.files.export.pandapower_net import pandapower_text
from grid.files.export.present import PresentGrid
from grid.files.fileimport import read_net
from grid.files.findings import Findings
from grid.files.matpower.format import Mpc, shorten
from grid.files.matpower.text import read_m
from grid.files.pandapower.convert import network_from_pandapower
from grid.files.pandapower.tables import bus_lookup
from grid.flow.powerflow import Injection, PowerFlow
from grid.network import IntArray
from tests.benchmarks.file_programs import (
    CantError,
    NetOf,
    PowsyblOf,
    Solved,
    Written,
    json_by_pandapower,
    mat_by_pandapower,
    mat_by_pypowsybl,
    pandapower_json,
    pandapower_mat,
    pandapower_other,
    pypowsybl_file,
)
from tests.benchmarks.report import Figure, write

SAME_PU = 1e-7  # two power flows of one grid end closer
CANT = (CantError, CaseError, pypowsybl.PyPowsyblError, pandapower.LoadflowNotConverged, NotImplementedError)
Writer = Callable[[Path], Written]

BY_PANDAPOWER: dict[str, Callable[[NetOf, Path], Written]] = {
    "pandapower JSON": pandapower_json,
    "MATPOWER .mat": pandapower_mat,
    "CGMES": partial(pandapower_other, "to_cim"),
    "PSS/E": partial(pandapower_other, "to_psse"),
    "UCTE": partial(pandapower_other, "to_ucte"),
}
BY_PYPOWSYBL: dict[str, Callable[[PowsyblOf, Path], Written]] = {
    "pandapower JSON": partial(pypowsybl_file, "PANDAPOWER", ".json"),
    "MATPOWER .mat": partial(pypowsybl_file, "MATPOWER", ".mat"),
    "CGMES": partial(pypowsybl_file, "CGMES", ".zip"),
    "PSS/E": partial(pypowsybl_file, "PSS/E", ".raw"),
    "UCTE": partial(pypowsybl_file, "UCTE", ".uct"),
}
"""A format more is a line here, and goes through as soon as it is read here."""

PANDAPOWER_GRIDS: dict[str, NetOf] = {
    **{name: BUILT_IN[name][1] for name in ("city8", "case118", "case300", "case1354pegase", "cigre_mv")},
    "example_multivoltage": pandapower.networks.example_multivoltage,
    "simbench 1-MV-urban--0-sw": partial(simbench.get_simbench_net, "1-MV-urban--0-sw"),
}
PYPOWSYBL_GRIDS: dict[str, PowsyblOf] = {
    "ieee14": pypowsybl.network.create_ieee14,
    "ieee57": pypowsybl.network.create_ieee57,
    "ieee300": pypowsybl.network.create_ieee300,
}
JSON, M = "our JSON read by", "our .m read by"
AGAIN, READ, LONE = "read by its writer", "read here", f"{M} pypowsybl, without lone GS"
BOTH = "read here, from what its writer reads"
BACK = (f"{JSON} us", f"{JSON} pandapower", f"{M} us", f"{M} pandapower", f"{M} pypowsybl")
COLUMNS = (AGAIN, READ, BOTH, *BACK, LONE)
Cell = tuple[float, float] | str


@dataclass(frozen=True)
class Passage:
    """A grid written by a program in a format: what each way found by COLUMNS, or why there is none."""

    grid: str
    program: str
    kind: str
    found: dict[str, Cell] = field(default_factory=dict)
    from_ours_pu: dict[str, float] = field(default_factory=dict)  # from our reading, not from the writer's solution
    impossible: str = ""


@dataclass(frozen=True, eq=False)
class HereRead:
    """A file as we read and solve it. place: our bus by the number that it has in the file, -1 where there is none."""

    present: PresentGrid
    place: IntArray

    def solved(self, number: IntArray, row: IntArray) -> Solved:
        """Our solution at our buses row (k,), which are called number (k,)."""
        state = self.present.state
        assert state is not None
        loss_mw = float(state.loss_mw.sum() + state.shunt_mva.real.sum())
        return Solved(number=number, vm_pu=state.vm_pu[row], loss_kw=1e3 * loss_mw)


def read_here(path: Path) -> HereRead:
    """Read a file and solve it. CaseError where it can't be."""
    found = Findings()
    net = read_net(path, found)
    numbers = net.bus.index.to_numpy()  # elements' inner buses come in later
    network = network_from_pandapower(net, path.name, found=found)
    place = np.full(numbers.max() + 1, -1)
    place[numbers] = bus_lookup(net)(numbers)
    injection, closed = Injection.of_case(network), network.branch.closed
    state = PowerFlow(network).solve(injection, closed)
    return HereRead(PresentGrid(network=network, injection=injection, closed=closed, state=state), place)


def ways(here: HereRead, number: IntArray, row: IntArray, folder: Path) -> dict[str, Callable[[], Solved]]:
    """Our export read by each program that can, at our buses row (k,), called number (k,)."""
    json, m, mat = folder / "ours.json", folder / "ours.m", folder / "ours.mat"
    json.write_text(pandapower_text(here.present), encoding="utf-8")
    m.write_text(matpower_text(here.present), encoding="utf-8")
    save_mat(read_m(m.read_text(encoding="utf-8"), m.name), mat)

    def back(path: Path, first: int) -> Solved:
        again = read_here(path)
        return again.solved(number, again.place[row + first])

    def named(read: Callable[[Path], Solved], path: Path, first: int) -> Solved:
        return as_numbered(read(path), number, row + first)

    return {
        BACK[0]: partial(back, json, 0),
        BACK[1]: partial(named, json_by_pandapower, json, 0),
        BACK[2]: partial(back, m, 1),
        BACK[3]: partial(named, mat_by_pandapower, mat, 1),
        BACK[4]: partial(named, mat_by_pypowsybl, mat, 1),
    }


def as_numbered(solved: Solved, number: IntArray, at: IntArray) -> Solved:
    """A solution at the buses that it calls at (k,), called number (k,) instead."""
    place = np.full(max(solved.number.max(), at.max()) + 1, -1)
    place[solved.number] = np.arange(len(solved.number))
    return replace(solved, number=number, vm_pu=solved.vm_pu[place[at]])


def save_mat(mpc: Mpc, path: Path) -> None:
    """A case's matrices as .mat."""
    matrices = {"version": "2", "baseMVA": mpc.base_mva, "bus": mpc.bus, "gen": mpc.gen, "branch": mpc.branch}
    savemat(path, {"mpc": matrices})


def without_lone_gs(text: str, folder: Path) -> tuple[float, float]:
    """How far pypowsybl and pandapower are apart on our .m without the GS of buses whose BS is 0."""
    mpc, path = read_m(text, "ours.m"), folder / "lone.mat"
    mpc.bus[mpc.bus[:, BS] == 0, GS] = 0
    save_mat(mpc, path)
    one, other = mat_by_pypowsybl(path), mat_by_pandapower(path)
    order = np.argsort(one.number)
    return replace(one, number=one.number[order], vm_pu=one.vm_pu[order]).apart(other)


def passage(grid: str, program: str, kind: str, writer: Writer) -> Passage:
    """One grid by all ways."""
    none = Passage(grid, program, kind)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            written = writer(folder)
        except CANT as error:
            return replace(none, impossible=f"{program} doesn't write it: {shorten(error, 150)}")
        try:
            here = read_here(written.path)
        except CaseError as error:
            return replace(none, impossible=f"not read here: {shorten(error, 150)}")
        origin = written.solved
        row = here.place[origin.number] if written.numbered else np.arange(here.present.network.n_bus)
        number = origin.number if written.numbered else row
        ours = here.solved(number, row)
        found: dict[str, Cell] = {READ: ours.apart(origin)}
        try:
            again = written.again(written.path)
            again = as_numbered(again, number, number) if written.numbered else again
            found[AGAIN], found[BOTH] = again.apart(origin), ours.apart(again)
        except CANT as error:
            found[AGAIN] = found[BOTH] = shorten(error, 150)
        from_ours_pu: dict[str, float] = {}
        for way, solve in ways(here, number, row, folder).items():
            try:
                solved = solve()
            except CANT as error:
                found[way] = shorten(error, 150)
                continue
            found[way] = solved.apart(origin)
            from_ours_pu[way] = solved.apart(ours)[0]
        try:
            lone = without_lone_gs(matpower_text(here.present), folder)
            found[LONE], from_ours_pu[LONE] = lone, lone[0]
        except CANT as error:
            found[LONE] = shorten(error, 150)
        return replace(none, found=found, from_ours_pu=from_ours_pu)


def passages() -> list[Passage]:
    """All grids in all formats."""
    asked: list[tuple[str, str, str, Writer]] = []
    for grid, build in PANDAPOWER_GRIDS.items():
        asked += [(grid, "pandapower", kind, partial(write, build)) for kind, write in BY_PANDAPOWER.items()]
    for grid, make in PYPOWSYBL_GRIDS.items():
        asked += [(grid, "pypowsybl", kind, partial(write, make)) for kind, write in BY_PYPOWSYBL.items()]
    return [passage(*one) for one in asked]


def reading_of_text() -> list[Figure]:
    """What other programs say to our .m itself."""
    figures = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "ours.m"
        written = pandapower_json(PANDAPOWER_GRIDS["city8"], Path(name))
        path.write_text(matpower_text(read_here(written.path).present), encoding="utf-8")
        readers = {"pandapower": from_mpc, "pypowsybl": pypowsybl.network.load}
        for program, read in readers.items():
            try:
                read(str(path))
                answer = "read"
            except CANT as error:
                answer = shorten(error, 150).replace(name, "")
            figures.append(Figure(f"our .m as text, handed to {program}", answer))
    return figures


def table(found: list[Passage]) -> str:
    """As Markdown; grids that can't go through for one reason share a row."""
    cannot: dict[tuple[str, str, str], list[str]] = {}
    lines = [f"| grid | written by | as | {' | '.join(COLUMNS)} |", "|---" * (3 + len(COLUMNS)) + "|"]
    for one in found:
        if one.impossible:
            cannot.setdefault((one.program, one.kind, one.impossible), []).append(one.grid)
            continue
        cells = " | ".join(cell(one.found[way]) for way in COLUMNS)
        lines.append(f"| {one.grid} | {one.program} | {one.kind} | {cells} |")
    empty = "| " * (len(COLUMNS) - 1)
    lines += [
        f"| {', '.join(grids)} | {program} | {kind} | {why} {empty}|" for (program, kind, why), grids in cannot.items()
    ]
    return "\n".join(lines)


def cell(found: Cell) -> str:
    """p.u. / kW, or why there is neither."""
    return found if isinstance(found, str) else f"{found[0]:.1e} / {found[1]:.1e}"


def kept(found: list[Passage], way: str, asked: bool) -> Figure:
    """In how many passages a way through our export finds the voltages that we found in the file that came."""
    gone = [one for one in found if not one.impossible]
    same = sum(one.from_ours_pu.get(way, np.inf) < SAME_PU for one in gone)
    words = f"{way}: same voltages within {SAME_PU:g} p.u."
    return Figure(words, f"{same} of {len(gone)}", "all" if asked else "", same == len(gone) if asked else None)


def main() -> int:
    """Make the report; returns the exit code."""
    argparse.ArgumentParser(description="What network files keep on the way through programs.").parse_args()
    warnings.simplefilter("ignore")
    logging.getLogger("pandapower").setLevel(logging.ERROR)
    found = passages()
    figures = [kept(found, way, asked=way != BACK[-1]) for way in (*BACK, LONE)]
    notes = f"Made by {__doc__}\npypowsybl {version('pypowsybl')}, simbench {version('simbench')}."
    title = "Files of other programs, there and back"
    write("files", title, f"{table(found)}\n\n{notes}", [*figures, *reading_of_text()])
    return 0


if __name__ == "__main__":
    sys.exit(main())
