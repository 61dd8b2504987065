"""`python -m tests.benchmarks.divergence`: whether the reason that is given for a grid without a state is the true one.

Grids are spoilt in eleven known ways, one at a time, by chance but with a fixed seed, until they have no state; each
goes through the reading of files as an uploaded one does. Right is the kind of fault, and where the fault is one
element's, that element first.
"""

import argparse
import copy
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandapower
import pandapower.networks
from pandapower.auxiliary import pandapowerNet

from grid.cases.cases import BUILT_IN
from grid.errors import CaseError
from grid.files.findings import Findings, What
from grid.files.pandapower.convert import NoStateError, network_from_pandapower
from grid.network import Network
from grid.studies.divergence import Divergence, DivergenceCause
from tests.benchmarks.report import Figure, at_least, write

GRIDS = ("city8", "case14", "case30", "case57", "case118", "case300", "case33bw", "cigre_mv")
EACH, TRIES, SEED = 30, 4000, 14


@dataclass(frozen=True)
class Fault:
    """A way to spoil a net in place: gives the element at fault as the network names it, None to try another."""

    cause: DivergenceCause | What
    spoil: Callable[[pandapowerNet, np.random.Generator], str | None]


def heavy(net: pandapowerNet, rng: np.random.Generator) -> str | None:
    """All loads and generators grow alike."""
    times = rng.uniform(1.5, 12)
    for table in (net.load, net.sgen, net.gen):
        table["scaling"] *= times
    return ""


def scheduled(net: pandapowerNet, rng: np.random.Generator) -> str | None:
    """Generators are scheduled for another load."""
    if len(net.gen) < 3:
        return None
    net.gen["p_mw"] *= rng.uniform(3, 12)
    return ""


def large_load(net: pandapowerNet, rng: np.random.Generator) -> str | None:
    """A load in kW, written as MW."""
    index = rng.choice(net.load.index[np.abs(net.load.p_mw) > 0])
    net.load.loc[index, ["p_mw", "q_mvar"]] *= 1000
    return f"load {index}"


def large_generator(net: pandapowerNet, rng: np.random.Generator) -> str | None:
    """A generator in kW, written as MW."""
    known = net.gen.index[np.abs(net.gen.p_mw) > 0]
    if len(known) < 2:
        return None
    index = rng.choice(known)
    net.gen.loc[index, "p_mw"] *= 1000
    return f"gen {index}"


def long_line(net: pandapowerNet, rng: np.random.Generator) -> str | None:
    """A line's impedance in milliohm, written as ohm, or its length in m as km."""
    index = rng.choice(net.line.index[net.line.in_service.to_numpy(bool)])
    net.line.loc[index, ["r_ohm_per_km", "x_ohm_per_km"]] *= 1000
    net.line.loc[index, "c_nf_per_km"] = 0.0
    return f"line {index}"


def wrong_ratio(net: pandapowerNet, rng: np.random.Generator) -> str | None:
    """A transformer's rated voltage with a shifted decimal point."""
    if net.trafo.empty:
        return None
    index = rng.choice(net.trafo.index)
    net.trafo.loc[index, "vn_lv_kv"] *= rng.choice([0.1, 10.0])
    return f"trafo {index}"


def wrong_shift(net: pandapowerNet, rng: np.random.Generator) -> str | None:
    """A vector group that its parallel paths don't have."""
    if len(net.trafo) < 2:
        return None
    index = rng.choice(net.trafo.index)
    net.trafo.loc[index, "shift_degree"] += rng.choice([60.0, 120.0, 150.0, -150.0, 180.0])
    return f"trafo {index}"


def charging(net: pandapowerNet, rng: np.random.Generator) -> str | None:
    """A line's capacitance in pF, written as nF."""
    known = net.line.index[net.line.in_service.to_numpy(bool) & (net.line.c_nf_per_km > 0).to_numpy()]
    if not len(known):
        return None
    index = rng.choice(known)
    net.line.loc[index, "c_nf_per_km"] *= 1000
    return f"line {index}"


def large_shunt(net: pandapowerNet, rng: np.random.Generator) -> str | None:
    """A capacitor or reactor in kvar, written as Mvar."""
    bus = rng.choice(net.bus.index)
    total = np.abs(net.load.p_mw).sum()
    pandapower.create_shunt(net, bus, q_mvar=rng.choice([-1, 1]) * total * rng.uniform(3, 60))
    return f"shunt at {bus}"


def set_point(net: pandapowerNet, rng: np.random.Generator) -> str | None:
    """A voltage in kV or percent, written as p.u., or none."""
    table = net.gen if len(net.gen) else net.ext_grid
    index = rng.choice(table.index)
    kv = float(net.bus.vn_kv.loc[table.bus.loc[index]])
    table.loc[index, "vm_pu"] = rng.choice([kv, 100.0 * table.vm_pu.loc[index], 0.1, 0.01])
    return f"set-point {index}"


def angles(net: pandapowerNet, rng: np.random.Generator) -> str | None:
    """A second source that is turned against the first."""
    bus = rng.choice(np.setdiff1d(net.bus.index, net.ext_grid.bus))
    pandapower.create_ext_grid(net, bus, va_degree=rng.choice([60.0, 120.0, 150.0, 180.0]))
    return f"source at {bus}"


FAULTS: dict[str, Fault] = {
    "load and generation grown alike": Fault(DivergenceCause.TOO_MUCH_LOAD, heavy),
    "generation for another load": Fault(DivergenceCause.GENERATION, scheduled),
    "one load a thousandfold": Fault(DivergenceCause.LOAD, large_load),
    "one generator a thousandfold": Fault(DivergenceCause.GENERATION, large_generator),
    "one line's impedance a thousandfold": Fault(DivergenceCause.IMPEDANCE, long_line),
    "one transformer's ratio by ten": Fault(DivergenceCause.RATIO, wrong_ratio),
    "one transformer's vector group": Fault(DivergenceCause.PHASE_SHIFT, wrong_shift),
    "one line's charging a thousandfold": Fault(DivergenceCause.CHARGING, charging),
    "a shunt of several times the load": Fault(DivergenceCause.SHUNT, large_shunt),
    "a set-point in kV, percent or none": Fault(DivergenceCause.SET_POINT, set_point),
    "a second source turned": Fault(DivergenceCause.SOURCE_ANGLES, angles),
}


def names_right(network: Network, found: Divergence, net: pandapowerNet, element: str) -> bool:
    """Whether the first element named is the one at fault; True where the fault is nobody's own."""
    if not element:
        return not found.at
    kind, _, number = element.rpartition(" ")
    index, first = int(number), found.at[0] if found.at else -1
    if first < 0:
        return False
    if kind in ("line", "trafo"):
        ends = ("from_bus", "to_bus") if kind == "line" else ("hv_bus", "lv_bus")
        place = net._pd2ppc_lookups["branch"][kind][0] + net[kind].index.get_loc(index)
        return first == place and len(ends) == 2
    if kind == "load":
        return bool(first == net.load.index[net.load.in_service.to_numpy(bool)].get_loc(index))
    lookup = net._pd2ppc_lookups["bus"]
    if kind == "gen":
        return bool(network.generator.bus[first] == lookup[net.gen.bus.loc[index]])
    if kind == "set-point":
        table = net.gen if len(net.gen) else net.ext_grid
        return bool(network.generator.bus[first] == lookup[table.bus.loc[index]])
    if kind == "source at":
        return True  # which of two sources is turned can't be known
    return bool(first == lookup[index])


def run(each: int) -> tuple[list[Figure], str]:
    """The figures, and a table as text."""
    rng = np.random.default_rng(SEED)
    nets = {name: BUILT_IN[name][1]() for name in GRIDS}
    lines = ["| fault | cases | kind right | element right | said instead |", "|---|---|---|---|---|"]
    right, named, total, spent = 0, 0, 0, []
    for words, fault in FAULTS.items():
        cases, kinds, elements, instead = 0, 0, 0, []
        for _ in range(TRIES):
            if cases >= each:
                break
            name = str(rng.choice(GRIDS))
            net = copy.deepcopy(nets[name])
            element = fault.spoil(net, rng)
            if element is None:
                continue
            begun = time.process_time()
            try:
                network_from_pandapower(net, name, found=Findings())
            except NoStateError as error:
                spent.append(time.process_time() - begun)
                cases += 1
                is_kind = error.divergence.cause is fault.cause
                kinds += is_kind
                elements += is_kind and names_right(error.network, error.divergence, net, element)
                if not is_kind:
                    instead.append(f"{error.divergence.cause} ({name})")
            except CaseError as error:
                print(f"{words}: {error}")
        print(words, cases, kinds, elements, instead, flush=True)
        said = ", ".join(f"{what} {instead.count(what)}" for what in sorted(set(instead)))
        lines.append(f"| {words} | {cases} | {kinds} | {elements} | {said} |")
        right, named, total = right + kinds, named + elements, total + cases
    figures = [
        Figure("grids without a state", f"{total}", "300", total >= 300),
        at_least("kind of fault right", 100 * right / total, 95, "%"),
        Figure("element at fault named first", f"{100 * named / total:.1f} %"),
        Figure(
            "time of a reason, reading included, processor",
            f"median {np.median(spent):.2f} s, worst {max(spent):.2f} s",
        ),
    ]
    return figures, "\n".join(lines)


def main() -> int:
    """Make the report; returns the exit code."""
    parser = argparse.ArgumentParser(description="Whether the reason given for a grid without a state is the true one.")
    parser.add_argument("--each", type=int, default=EACH, help="cases of each fault")
    warnings.simplefilter("ignore")
    figures, text = run(parser.parse_args().each)
    write("divergence", "Why a grid has no state", f"{text}\n\n{__doc__.split(chr(10), 2)[2]}", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
