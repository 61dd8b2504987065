"""Reading pandapower's tables: where its buses went, what its elements are called, what it solved.

net._ppc and net._pd2ppc_lookups are private to pandapower; the modules grid.files.pandapower.convert* and this one are
the only users.
"""

from dataclasses import dataclass

import numpy as np
import pandapower
import pandas as pd
from pandapower.pypower import idx_bus

from grid.network import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class BusLookup:
    """Where net's buses went: bus number -> our bus, and our buses' rows (n,) of net._ppc["bus"].

    pandapower's own buses at the open ends of lines aren't ours. They come in between where other buses lack supply.
    """

    of_number: IntArray
    rows: IntArray

    @property
    def n_bus(self) -> int:
        """How many buses we have."""
        return len(self.rows)

    def __call__(self, numbers: object) -> IntArray:
        """Our buses of net's bus numbers (k,)."""
        return self.of_number[np.asarray(numbers, dtype=np.int64)]


def bus_lookup(net: pandapower.pandapowerNet) -> BusLookup:
    """Where the buses of a solved net went, buses inside elements included."""
    row_of_number = np.asarray(net._pd2ppc_lookups["bus"], dtype=np.int64)
    numbers = np.concatenate([net.bus.index.to_numpy(), *star_points(net).values()])
    rows, ours = np.unique(row_of_number[numbers], return_inverse=True)
    of_number = np.full(len(row_of_number), -1)
    of_number[numbers] = ours
    return BusLookup(of_number, rows)


def star_points(net: pandapower.pandapowerNet) -> dict[str, IntArray]:
    """Bus numbers that pandapower adds inside elements, by element table."""
    return {table: np.asarray(numbers, dtype=np.int64) for table, numbers in net._pd2ppc_lookups["aux"].items()}


def solved_voltage(net: pandapower.pandapowerNet, lookup: BusLookup) -> FloatArray:
    """(n_bus,) complex p.u. that pandapower solved; 0 without supply."""
    bus = net._ppc["bus"][lookup.rows].real
    voltage = bus[:, idx_bus.VM] * np.exp(1j * np.deg2rad(bus[:, idx_bus.VA]))
    return np.where(np.isfinite(voltage) & (bus[:, idx_bus.BUS_TYPE] != idx_bus.NONE), voltage, 0)


def label(table: pd.DataFrame, row: int, kind: str) -> str:
    """The element's name; 'Bus 7' where it is a number or missing."""
    name = table["name"].iloc[row] if "name" in table.columns else None
    text = "" if name is None or (isinstance(name, float) and np.isnan(name)) else str(name).strip()
    if text and not text.replace(".", "").isdigit():
        return text
    return f"{kind.capitalize()} {text or table.index[row]}"


def own_names(table: pd.DataFrame) -> list[str]:
    """Names as the case gives them, empty where it gives none or only a number."""
    names = table["name"] if "name" in table.columns else [None] * len(table)
    texts = ["" if pd.isna(name) else str(name).strip() for name in names]
    return ["" if text.replace(".", "").isdigit() else text for text in texts]
