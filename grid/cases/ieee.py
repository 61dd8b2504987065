"""The IEEE 57-, 118- and 300-bus test systems as published, read from MATPOWER's files (data/ieee/README.md).

pandapower's own cases of these names are other grids. In its case57 and case300 transformers whose from side has the
lower voltage have the tap at the wrong winding: 30.29 MW of losses instead of 27.864, and 424.9 instead of 408.3.
In its case118 bus 68 has 161 kV and bus 116 345 kV, which changes five branches: 133.17 MW instead of 132.86.
"""

from dataclasses import replace
from pathlib import Path

from pandapower.auxiliary import pandapowerNet
from pandapower.pypower.idx_bus import BASE_KV

from grid.files.fileimport import read_text
from grid.files.matpower.case import to_net
from grid.files.matpower.format import Mpc
from grid.files.matpower.text import read_m

FOLDER = Path(__file__).parent / "data" / "ieee"
LEVEL_KV_57 = {"V1": 138.0, "V2": 34.5, "V3": 88.0, "V4": 34.5, "V5": 69.0, "V6": 34.5, "V7": 69.0}
"""Assumed nominal voltages of the 57-bus system's levels, kV (docs/models.md): the published file gives none."""


def ieee57() -> pandapowerNet:
    """The IEEE 57-bus test system; its nominal voltages, by the levels in its buses' names, are LEVEL_KV_57."""
    mpc = _published("case57")
    bus = mpc.bus.copy()
    bus[:, BASE_KV] = [LEVEL_KV_57[name.rpartition(" ")[2]] for name in mpc.bus_name]
    return _net("case57", replace(mpc, bus=bus))


def ieee118() -> pandapowerNet:
    """The IEEE 118-bus test system."""
    return _net("case118", _published("case118"))


def ieee300() -> pandapowerNet:
    """The IEEE 300-bus test system."""
    return _net("case300", _published("case300"))


def _published(name: str) -> Mpc:
    """A file as it stands, but for the blanks that fill its bus names up to one width."""
    path = FOLDER / f"{name}.m"
    mpc = read_m(read_text(path), path.name)
    return replace(mpc, bus_name=tuple(" ".join(bus.split()) for bus in mpc.bus_name))


def _net(name: str, mpc: Mpc) -> pandapowerNet:
    net = to_net(mpc)
    net.name = name
    return net
