"""A feeder behind a transformer whose tap can be moved, as a pandapower net, and pandapower's solution of a state."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandapower

from grid.flow.powerflow import Injection
from grid.network import BoolArray

NAME, TRANSFORMER = "Station transformer", 11  # the branch: lines come first
CABLE = "NA2XS2Y 1x185 RM/25 12/20 kV"


def tapped_net() -> pandapower.pandapowerNet:
    """110/20 kV, eight stations on one long string of cables, and three ties that would shorten it."""
    net = pandapower.create_empty_network("tapped", sn_mva=10.0)
    top, bar = pandapower.create_bus(net, 110.0, name="Grid"), pandapower.create_bus(net, 20.0, name="Bar")
    stations = [pandapower.create_bus(net, 20.0, name=f"Station {number}") for number in range(1, 9)]
    for bus, (x, y) in enumerate(
        [(0, 2), (0, 1), (-1, 0), (-1, -1), (-1, -2), (-1, -3), (-1, -4), (1, 0), (1, -1), (1, -2)]
    ):
        net.bus.loc[bus, "geo"] = f'{{"type": "Point", "coordinates": [{x}, {y}]}}'
    net.bus["min_vm_pu"], net.bus["max_vm_pu"] = 0.94, 1.06
    pandapower.create_ext_grid(net, top, vm_pu=1.01, name="Upstream grid")
    ends = [bar, *stations[:5]]
    pairs = [
        *pairwise(ends),
        (stations[4], stations[7]),
        (stations[5], stations[6]),
        (stations[6], stations[7]),
    ]
    ties = [(bar, stations[5]), (stations[2], stations[6]), (stations[0], stations[5])]
    for number, (start, end) in enumerate([*pairs, *ties]):
        pandapower.create_line(
            net, start, end, 3.0 + 0.4 * number, CABLE, name=f"Cable {number}", in_service=number < len(pairs)
        )
    pandapower.create_transformer(net, top, bar, "25 MVA 110/20 kV", name=NAME, tap_pos=-1)
    for number, bus in enumerate(stations):
        pandapower.create_load(net, bus, 0.6 + 0.2 * (number % 4), 0.2, name=f"Load {number}")
    return net


def tapped_file(folder: Path) -> Path:
    """The net in a file."""
    file = folder / "tapped.json"
    pandapower.to_json(tapped_net(), str(file))
    return file


def solve_tapped(net: pandapower.pandapowerNet, injection: Injection, closed: BoolArray, position: float) -> float:
    """Solve the net with these injections, switch states and this tap; its losses in kW."""
    net.line["in_service"], net.trafo["in_service"] = closed[:TRANSFORMER], closed[TRANSFORMER:]
    net.load["p_mw"], net.load["q_mvar"] = injection.load_p_mw, injection.load_q_mvar
    net.ext_grid["vm_pu"] = injection.generator_vm_pu
    net.trafo["tap_pos"] = position
    pandapower.runpp(net, numba=False, tolerance_mva=1e-10)
    return 1000 * float(net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum())


def voltages_of(net: pandapower.pandapowerNet) -> np.ndarray:
    """(n,) p.u."""
    return net.res_bus.vm_pu.to_numpy()
