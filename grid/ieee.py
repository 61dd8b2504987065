"""The IEEE 57- and 300-bus test systems as published, read from MATPOWER's files (data/ieee/README.md).

pandapower's own case57 and case300 are other grids: with lower voltages at a transformer's from side it leaves the tap
at the wrong winding, which makes 30.29 MW of losses from 27.864 and 424.9 MW from 408.3.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from pandapower.auxiliary import pandapowerNet
from pandapower.pypower.idx_bus import BASE_KV

from grid.fileimport import read_net, read_text
from grid.matpower import to_net
from grid.matpower_text import read_m

FOLDER = Path(__file__).parent / "data" / "ieee"
LEVEL_KV_57 = {"V1": 138.0, "V2": 34.5, "V3": 88.0, "V4": 34.5, "V5": 69.0, "V6": 34.5, "V7": 69.0}
"""Assumed nominal voltages of the 57-bus system's levels, kV (docs/models.md): the published file gives none."""


def ieee57() -> pandapowerNet:
    """The IEEE 57-bus test system; its nominal voltages, by the levels in its buses' names, are LEVEL_KV_57."""
    path = FOLDER / "case57.m"
    mpc = read_m(read_text(path), path.name)
    names = tuple(" ".join(name.split()) for name in mpc.bus_name)  # the file fills them up to one width
    bus = mpc.bus.copy()
    bus[:, BASE_KV] = np.array([LEVEL_KV_57[name.rpartition(" ")[2]] for name in names])
    net = to_net(replace(mpc, bus=bus, bus_name=names))
    net.name = path.stem
    return net


def ieee300() -> pandapowerNet:
    """The IEEE 300-bus test system."""
    return read_net(FOLDER / "case300.m")
