"""A pandapower net of a PyPSA network: its AC part at the first snapshot.

Links, stores and what is at buses of another carrier than AC aren't read. Types of lines and transformers must be
resolved, as PyPSA writes them once it has calculated anything with the network.
Source: PyPSA's documentation, Power Flow: lines in ohm and siemens, transformers in p.u. of s_nom with the ratio at
tap_side; a transformer of model t becomes a pi section by the transformation of a star into a delta.
"""

import numpy as np
from numpy.typing import NDArray
from pandapower.auxiliary import pandapowerNet
from pandapower.pypower.idx_brch import BR_B, BR_R, BR_STATUS, BR_X, F_BUS, RATE_A, SHIFT, T_BUS, TAP
from pandapower.pypower.idx_bus import BASE_KV, BUS_I, BUS_TYPE, PQ, PV, REF, VM, VMAX, VMIN
from pandapower.pypower.idx_gen import GEN_BUS, GEN_STATUS, MBASE, PG, PMAX, PMIN, QG, QMAX, QMIN, VG

from grid.errors import CaseError
from grid.files.attached import Attached, add_loads, add_shunts, owners, together
from grid.files.check import Rule, finite, not_negative, positive
from grid.files.findings import Findings, What
from grid.files.matpower.format import DCLINE_COLUMNS, REQUIRED_COLUMNS, Matrix, Mpc
from grid.files.matpower.net import assemble
from grid.files.pypsa.tables import ComponentTable, PypsaTables
from grid.network import BoolArray, FloatArray, IntArray

BASE_MVA = 100.0
NOT_ONE = float(np.nextafter(1, 2))  # a ratio of 1 would make a line of a transformer
CONTROL = {"PQ": PQ, "PV": PV, "Slack": REF}
UNRESOLVED = "its type isn't resolved: call n.calculate_dependent_values() before the export"
Complex = NDArray[np.complex128]


def read_pypsa(tables: PypsaTables, file: str, found: Findings) -> pandapowerNet:
    """The AC network of PyPSA's tables; buses are numbered from 1 and keep their names; file is what errors call it.

    found: where what isn't read is noted. Raises CaseError naming component, attribute and value.
    """
    every = tables["buses"]
    is_ac = np.array([carrier == "AC" for carrier in every.texts("carrier", "AC")], dtype=bool)
    buses = every.taken(is_ac)
    if not buses.name:
        raise CaseError(file, "a network has at least one bus of carrier AC; this file has none", "buses")
    row_of = {name: row for row, name in enumerate(buses.name)}
    known = {name: row_of.get(name, len(row_of)) for name in every.name}
    kept = {kind: _at_buses(tables[kind], known, len(row_of)) for kind in tables if kind != "buses"}
    kv = buses.numbers(positive("v_nom", "kV"), 1.0)
    lines, line_shunts = _lines(kept["lines"], row_of, kv)
    transformers, transformer_shunts = _transformers(kept["transformers"], row_of)
    gen, gen_name, kind = _generators(kept, row_of, buses.numbers(positive("v_mag_pu_set", "p.u."), 1.0))
    bus = np.zeros((len(buses.name), REQUIRED_COLUMNS["bus"]))
    bus[:, BUS_I], bus[:, BUS_TYPE], bus[:, BASE_KV] = 1 + np.arange(len(bus)), kind, kv
    bus[:, VM], bus[:, VMAX], bus[:, VMIN] = 1.0, 1.1, 0.9
    net = assemble(
        Mpc(
            file,
            BASE_MVA,
            bus,
            gen,
            np.concatenate([lines, transformers]),
            np.empty((0, len(DCLINE_COLUMNS))),
            buses.name,
            gen_name=gen_name,
            branch_name=kept["lines"].name + kept["transformers"].name,
        )
    )
    add_loads(net, _drawn(kept["loads"], row_of))
    of_branches = together([line_shunts, transformer_shunts])
    add_shunts(net, together([_shunts(kept["shunt_impedances"], row_of, kv), of_branches]))
    found.add(What.BRANCH_SHUNT, owners(of_branches))
    _tell(tables, kept, is_ac, found)
    return net


def _tell(tables: PypsaTables, kept: PypsaTables, is_ac: BoolArray, found: Findings) -> None:
    """What isn't read."""
    names = [f"{kind.removesuffix('s')} {name}" for kind in ("links", "stores") for name in tables[kind].name]
    others = [f"bus {name}" for name, ac in zip(tables["buses"].name, is_ac, strict=True) if not ac]
    for kind, table in kept.items():
        if kind not in ("links", "stores"):
            left = set(tables[kind].name) - set(table.name)
            others += [f"{kind.removesuffix('s')} {name}" for name in tables[kind].name if name in left]
    found.add(What.ELEMENT_NOT_READ, names)
    found.add(What.FIELD_NOT_READ, others)


def _at_buses(table: ComponentTable, known: dict[str, int], outside: int) -> ComponentTable:
    """The components whose buses are all of the AC network; CaseError where there is no such bus at all."""
    ends = [field for field in ("bus", "bus0", "bus1") if field in table.columns]
    inside = np.ones(len(table.name), dtype=bool)
    for field in ends:
        inside &= table.rows_of(field, known) != outside
    return table.taken(inside)


def _active(table: ComponentTable) -> BoolArray:
    return table.numbers(Rule("active", lambda v: np.isin(v, (0, 1)), "it is true or false"), 1.0) == 1


def _ends(table: ComponentTable, row_of: dict[str, int]) -> tuple[IntArray, IntArray]:
    first, second = table.rows_of("bus0", row_of), table.rows_of("bus1", row_of)
    table.refuse(first == second, "bus1", "bus0 and bus1 are the same bus")
    return first, second


def _matrix(table: ComponentTable, first: IntArray, second: IntArray, z_pu: Complex) -> Matrix:
    typed = np.array([bool(kind) for kind in table.texts("type", "")], dtype=bool)
    table.refuse((z_pu == 0) & typed, "type", UNRESOLVED)
    table.refuse(z_pu == 0, "x", "resistance and reactance are both zero")
    matrix = np.zeros((len(table.name), BR_STATUS + 1))
    matrix[:, F_BUS], matrix[:, T_BUS], matrix[:, BR_STATUS] = first + 1, second + 1, _active(table)
    matrix[:, BR_R], matrix[:, BR_X] = z_pu.real, z_pu.imag
    rating = table.numbers(Rule("s_nom", lambda v: v >= 0, "a rating is zero (none) or more, in MVA"), 0.0)
    matrix[:, RATE_A] = np.where(np.isfinite(rating), rating, 0.0)
    return matrix


def _own_shunts(table: ComponentTable, ends: tuple[tuple[IntArray, Complex], ...]) -> Attached:
    """Branches' admittances (n,) in MVA at 1 p.u., at their ends' buses."""
    used = _active(table)
    name = tuple(f"{one}, shunt" for one in table.name)
    return together(
        Attached(bus=rows + 1, p_mw=power.real, q_mvar=-power.imag, in_service=used, name=name) for rows, power in ends
    )


def _lines(table: ComponentTable, row_of: dict[str, int], kv: FloatArray) -> tuple[Matrix, Attached]:
    first, second = _ends(table, row_of)
    square = kv[first] ** 2
    z_ohm = table.numbers(finite("r", "ohm"), 0.0) + 1j * table.numbers(finite("x", "ohm"), 0.0)
    matrix = _matrix(table, first, second, z_ohm / square * BASE_MVA)
    matrix[:, BR_B] = table.numbers(finite("b", "S"), 0.0) * square / BASE_MVA
    half = table.numbers(finite("g", "S"), 0.0) * square / 2 + 0j
    return matrix, _own_shunts(table, ((first, half), (second, half)))


def _transformers(table: ComponentTable, row_of: dict[str, int]) -> tuple[Matrix, Attached]:
    first, second = _ends(table, row_of)
    z, y = (
        table.numbers(finite(real, "p.u. of s_nom"), 0.0) + 1j * table.numbers(finite(imaginary, "p.u. of s_nom"), 0.0)
        for real, imaginary in (("r", "x"), ("g", "b"))
    )
    rated = table.numbers(Rule("s_nom", lambda v: np.isfinite(v) & (v > 0), "it must be above zero, in MVA"), None)
    is_star = (np.array(table.texts("model", "t")) == "t") & (y != 0)
    z, y = (np.where(is_star, z + z**2 * y / 4, z), np.where(is_star, 2 * y / (2 + z * y / 2), y))
    tap = table.numbers(not_negative("tap_ratio", "p.u."), 1.0)
    tap = np.where(tap == 0, 1.0, tap)
    at_first = table.numbers(Rule("tap_side", lambda v: np.isin(v, (0, 1)), "it is 0 or 1"), 0.0) == 0
    t_first, t_second = np.where(at_first, tap, 1.0), np.where(at_first, 1.0, tap)
    matrix = _matrix(table, first, second, z / rated * BASE_MVA * t_second**2)
    ratio = t_first / t_second
    matrix[:, TAP] = np.where(ratio == 1, NOT_ONE, ratio)
    matrix[:, SHIFT] = table.numbers(finite("phase_shift", "degrees"), 0.0)
    half = y * rated / 2
    return matrix, _own_shunts(table, ((first, half / t_first**2), (second, half / t_second**2)))


def _generators(
    kept: PypsaTables, row_of: dict[str, int], set_point: FloatArray
) -> tuple[Matrix, tuple[str, ...], NDArray[np.int64]]:
    """(n_gen, 10) generators and storage units with their names, and the buses' types as these control them."""
    kind = np.full(len(row_of), PQ)
    parts: list[Matrix] = []
    names: tuple[str, ...] = ()
    for component in ("generators", "storage_units"):
        table = kept[component]
        rows, used = table.rows_of("bus", row_of), _active(table)
        controls = table.texts("control", "PQ")
        table.refuse(np.array([one not in CONTROL for one in controls], dtype=bool), "control", "it is PQ, PV or Slack")
        np.maximum.at(kind, rows[used], np.array([CONTROL[one] for one in controls], dtype=np.int64)[used])
        gen = np.zeros((len(rows), REQUIRED_COLUMNS["gen"]))
        gen[:, GEN_BUS], gen[:, GEN_STATUS], gen[:, MBASE] = rows + 1, used, BASE_MVA
        sign = table.numbers(finite("sign", "1 or -1"), 1.0)
        gen[:, PG] = sign * table.numbers(finite("p_set", "MW"), 0.0)
        gen[:, QG] = sign * table.numbers(finite("q_set", "Mvar"), 0.0)
        gen[:, VG] = set_point[rows]
        most = table.numbers(Rule("p_nom", lambda v: v >= 0, "zero or more, in MW"), 0.0)
        gen[:, PMAX] = np.where(np.isfinite(most) & (most > 0), most, np.nan)
        gen[:, [PMIN, QMAX, QMIN]] = np.nan
        parts.append(gen)
        names += table.name
    return np.concatenate(parts), names, kind


def _drawn(table: ComponentTable, row_of: dict[str, int]) -> Attached:
    sign = -table.numbers(finite("sign", "1 or -1"), -1.0)
    return Attached(
        bus=table.rows_of("bus", row_of) + 1,
        p_mw=sign * table.numbers(finite("p_set", "MW"), 0.0),
        q_mvar=sign * table.numbers(finite("q_set", "Mvar"), 0.0),
        in_service=_active(table),
        name=table.name,
    )


def _shunts(table: ComponentTable, row_of: dict[str, int], kv: FloatArray) -> Attached:
    rows = table.rows_of("bus", row_of)
    return Attached(
        bus=rows + 1,
        p_mw=table.numbers(finite("g", "S"), 0.0) * kv[rows] ** 2,
        q_mvar=-table.numbers(finite("b", "S"), 0.0) * kv[rows] ** 2,
        in_service=_active(table),
        name=table.name,
    )
