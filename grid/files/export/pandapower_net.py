"""The present state as a pandapower net, and as the JSON that pandapower's to_json writes.

Transformers stand as pi sections, which the net asks of pandapower by its own options. What a transformer there can't
hold (other shunts than core losses and an inductive magnetising current, alike at both ends) is a shunt at its bus.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandapower
from pandapower import create as make
from pandapower.auxiliary import pandapowerNet

from grid.files.export.notes import notes_on_pandapower
from grid.files.export.present import PresentGrid
from grid.files.export.transformers import UNLIMITED, trafo_columns
from grid.files.export.two_ports import PiSections, left_at_buses, pi_sections
from grid.network import BoolArray, BranchKind, BusKind, Energy, FloatArray, IntArray, Network, OpenEnd

OWN_FIELD = "smart_grid_export"
"""Where the net has what no table of pandapower's holds: time of the data, and the notes."""
ENERGY_WORD = {Energy.RENEWABLE: "res", Energy.UNKNOWN: "", Energy.GRID: ""}
BAR_KINDS = (BusKind.GENERATOR, BusKind.SUBSTATION)
LATITUDES, MOST_LONGITUDE = (20.0, 75.0), 180.0  # where the reader shortens degrees of longitude


def pandapower_text(present: PresentGrid) -> str:
    """The JSON text of the net."""
    text: str = pandapower.to_json(pandapower_net(present))
    return text


def pandapower_net(present: PresentGrid) -> pandapowerNet:
    """The net, with the solved voltages in res_bus, and notes on what it can't hold in its field OWN_FIELD.

    Bus and branch rows are those of the network; branches are spread over line, trafo and impedance in their order.
    """
    network = present.network
    net = pandapower.create_empty_network(name=network.title, sn_mva=network.base_mva, add_stdtypes=False)
    pandapower.set_user_pf_options(net, trafo_model="pi")
    tables = _tables_of(network, pi_sections(network))
    _buses(net, present)
    _loads(net, present)
    _generators(net, present)
    rows = _branches(net, present, tables)
    _switches(net, present, tables, rows)
    _shunts(net, present, tables)
    vm_pu, va_degree = present.voltages
    live = present.energised & (present.state is not None)
    for column, values in (("vm_pu", vm_pu), ("va_degree", va_degree)):
        net.res_bus[column] = np.where(live, values, np.nan)
    net.res_bus.index = net.bus.index
    net[OWN_FIELD] = {
        "case": network.name,
        "data_time": None if present.at is None else present.at.isoformat(),
        "notes": list(notes_on_pandapower(present)),
    }
    return net


@dataclass(frozen=True, eq=False, kw_only=True)
class _Tables:
    """Which of pandapower's tables a branch (m,) is in, and its section."""

    sections: PiSections
    is_line: BoolArray
    is_trafo: BoolArray
    is_impedance: BoolArray

    @property
    def held(self) -> FloatArray:
        """(m,) complex admittance of each end of the section that the tables hold, the same at both."""
        sections = self.sections
        mean = (sections.shunt_from + sections.shunt_to) / 2
        magnetising = mean.real.clip(min=0) + 1j * mean.imag.clip(max=0)
        return np.where(self.is_trafo, magnetising, mean)


def _tables_of(network: Network, sections: PiSections) -> _Tables:
    kind = np.array(network.branch.kind, dtype=object)
    is_impedance = kind == BranchKind.IMPEDANCE
    turns = (sections.ratio != 1) | (sections.shift_degree != 0)
    is_trafo = ~is_impedance & (turns | (kind == BranchKind.TRANSFORMER))
    return _Tables(sections=sections, is_line=~is_impedance & ~is_trafo, is_trafo=is_trafo, is_impedance=is_impedance)


def _buses(net: pandapowerNet, present: PresentGrid) -> None:
    bus = present.network.bus
    make.create_buses(
        net,
        len(bus),
        vn_kv=bus.vn_kv,
        name=list(bus.name),
        type=["b" if kind in BAR_KINDS else "n" for kind in bus.kind],
        in_service=bus.in_service,
        max_vm_pu=bus.max_vm_pu,
        min_vm_pu=bus.min_vm_pu,
    )
    if bus.placed_by_case:
        net.bus["geo"] = [_geo(x, y) for x, y in zip(_longitudes(bus.x, bus.y).tolist(), bus.y.tolist(), strict=True)]


def _geo(x: float, y: float) -> str | None:
    if not (math.isfinite(x) and math.isfinite(y)):
        return None
    return json.dumps({"type": "Point", "coordinates": [x, y]})


def _longitudes(x: FloatArray, y: FloatArray) -> FloatArray:
    """x (n,) as the case had it: where it is of degrees, the map has it shortened to degrees of latitude."""
    if not (np.isfinite(x).any() and np.isfinite(y).any()):
        return x
    latitude = float(np.nanmean(y))
    degrees: FloatArray = x / np.cos(np.deg2rad(latitude))
    shortened = LATITUDES[0] < abs(latitude) < LATITUDES[1] and np.nanmax(np.abs(degrees)) <= MOST_LONGITUDE
    return degrees if shortened else x


def _loads(net: pandapowerNet, present: PresentGrid) -> None:
    load, injection = present.network.load, present.injection
    if not len(load):
        return
    of_people = {"customers": present.customers, "priority": present.priority}
    own = {name: values for name, values in of_people.items() if values is not None and np.isfinite(values).any()}
    make.create_loads(
        net,
        load.bus,
        p_mw=injection.load_p_mw,
        q_mvar=injection.load_q_mvar,
        name=list(load.name),
        profile=list(load.profile),
        **own,
    )


def _generators(net: pandapowerNet, present: PresentGrid) -> None:
    """External grids and slack generators are sources, other generators hold their voltage or are static."""
    generator = present.network.generator
    is_grid = np.array([energy is Energy.GRID for energy in generator.energy], dtype=bool)
    as_grid = generator.is_source & (is_grid | (generator.va_degree != 0))
    lowest, highest = generator.p_bounds_mw
    limits = {
        "min_p_mw": lowest,
        "max_p_mw": highest,
        "min_q_mvar": generator.min_q_mvar,
        "max_q_mvar": generator.max_q_mvar,
    }
    common: dict[str, Any] = {name: np.where(np.isfinite(limit), limit, np.nan) for name, limit in limits.items()}
    common["in_service"] = present.injection.generator_on
    common["name"] = np.array(generator.name, dtype=object)
    common["energy"] = np.array([ENERGY_WORD.get(energy, energy.value) for energy in generator.energy], dtype=object)
    common["profile"] = np.array(generator.profile, dtype=object)
    p_mw, q_mvar = present.generation
    vm_pu = present.set_point_pu
    for row in np.flatnonzero(as_grid).tolist():
        of_row = {name: values[row] for name, values in common.items()}
        make.create_ext_grid(
            net, int(generator.bus[row]), vm_pu=float(vm_pu[row]), va_degree=float(generator.va_degree[row]), **of_row
        )
    holds = np.flatnonzero(generator.holds_voltage & ~as_grid)
    if len(holds):
        rest = {name: values[holds] for name, values in common.items()}
        slack = generator.is_source[holds]
        make.create_gens(net, generator.bus[holds], p_mw=p_mw[holds], vm_pu=vm_pu[holds], slack=slack, **rest)
    static = np.flatnonzero(~generator.holds_voltage)
    if len(static):
        rest = {name: values[static] for name, values in common.items()}
        make.create_sgens(net, generator.bus[static], p_mw=p_mw[static], q_mvar=q_mvar[static], **rest)


def _branches(net: pandapowerNet, present: PresentGrid, tables: _Tables) -> IntArray:
    """Creates all branches; (m,) the row that each has in its table."""
    rows = np.zeros(present.network.n_branch, dtype=np.int64)
    for member, create in ((tables.is_line, _lines), (tables.is_trafo, _trafos), (tables.is_impedance, _impedances)):
        of_table = np.flatnonzero(member)
        if len(of_table):
            rows[of_table] = create(net, present, tables, of_table)
    return rows


def _in_service(present: PresentGrid, of_table: IntArray) -> BoolArray:
    """(k,) branches that are closed, or opened by a switch: a line's end that stays connected keeps charging it."""
    branch = present.network.branch
    one_sided = np.array([branch.open_end[row] is not OpenEnd.BOTH for row in of_table], dtype=bool)
    in_service: BoolArray = present.closed[of_table] | branch.in_service[of_table] | one_sided
    return in_service


def _lines(net: pandapowerNet, present: PresentGrid, tables: _Tables, of_table: IntArray) -> IntArray:
    network, branch = present.network, present.network.branch
    base_ohm = network.bus.vn_kv[branch.from_bus[of_table]] ** 2 / network.base_mva
    length_km = branch.length_km[of_table]
    length_km = np.where(length_km > 0, length_km, 1.0)
    series_ohm = tables.sections.series[of_table] * base_ohm / length_km
    siemens_per_km = 2 * tables.held[of_table] / base_ohm / length_km
    rating_ka = np.fmin(branch.rating_from_ka, branch.rating_to_ka)[of_table]
    known = ~branch.rating_derived[of_table] & np.isfinite(rating_ka)
    rows: IntArray = make.create_lines_from_parameters(
        net,
        branch.from_bus[of_table],
        branch.to_bus[of_table],
        length_km=length_km,
        r_ohm_per_km=series_ohm.real,
        x_ohm_per_km=series_ohm.imag,
        c_nf_per_km=siemens_per_km.imag / (2 * np.pi * net.f_hz) * 1e9,
        g_us_per_km=siemens_per_km.real * 1e6,
        max_i_ka=np.where(known, rating_ka, UNLIMITED),
        name=[branch.name[row] for row in of_table],
        type=["cs" if branch.kind[row] is BranchKind.CABLE else "ol" for row in of_table],
        in_service=_in_service(present, of_table),
    )
    return rows


def _trafos(net: pandapowerNet, present: PresentGrid, tables: _Tables, of_table: IntArray) -> IntArray:
    branch = present.network.branch
    rows: IntArray = make.create_transformers_from_parameters(
        net,
        branch.from_bus[of_table],
        branch.to_bus[of_table],
        name=[branch.name[row] for row in of_table],
        in_service=_in_service(present, of_table),
        **trafo_columns(present.network, tables.sections, tables.held, of_table),
    )
    return rows


def _impedances(net: pandapowerNet, present: PresentGrid, tables: _Tables, of_table: IntArray) -> IntArray:
    """Impedances have no switches: they are in service while they are closed."""
    network, branch, sections = present.network, present.network.branch, tables.sections
    series, back = sections.series[of_table], sections.series_back[of_table]
    at_from, at_to = sections.shunt_from[of_table], sections.shunt_to[of_table]
    rows: IntArray = make.create_impedances(
        net,
        branch.from_bus[of_table],
        branch.to_bus[of_table],
        rft_pu=series.real,
        xft_pu=series.imag,
        rtf_pu=back.real,
        xtf_pu=back.imag,
        gf_pu=at_from.real,
        bf_pu=at_from.imag,
        gt_pu=at_to.real,
        bt_pu=at_to.imag,
        sn_mva=network.base_mva,
        name=[branch.name[row] for row in of_table],
        in_service=present.closed[of_table],
    )
    return rows


def _switches(net: pandapowerNet, present: PresentGrid, tables: _Tables, rows: IntArray) -> None:
    """Switches of branches that are open or have a breaker: at the end that opens, else at both.

    rows: (m,) of branches in their tables.
    """
    branch = present.network.branch
    kind = np.where(tables.is_line, "l", "t")
    bus: list[int] = []
    at: list[int] = []
    for row in np.flatnonzero(~tables.is_impedance & (~present.closed | branch.breaker)).tolist():
        ends = (branch.from_bus[row], branch.to_bus[row])
        opens = {OpenEnd.FROM: ends[:1], OpenEnd.TO: ends[1:], OpenEnd.BOTH: ends}[branch.open_end[row]]
        bus += [int(end) for end in opens]
        at += [row] * len(opens)
    if not bus:
        return
    make.create_switches(
        net,
        buses=bus,
        elements=rows[at],
        et=kind[at].tolist(),
        closed=present.closed[at],
        type=["CB" if branch.breaker[row] else "LBS" for row in at],
        name=[branch.name[row] for row in at],
    )


def _shunts(net: pandapowerNet, present: PresentGrid, tables: _Tables) -> None:
    """What buses' shunts draw, and what closed lines and transformers draw that their tables can't hold."""
    network = present.network
    held_elsewhere = present.closed & ~tables.is_impedance
    drawn = network.bus.shunt_pu + left_at_buses(network, tables.sections, tables.held, held_elsewhere)
    at = np.flatnonzero(drawn != 0)
    if len(at):
        power = np.conj(drawn[at]) * network.base_mva
        make.create_shunts(net, at, q_mvar=power.imag, p_mw=power.real, vn_kv=network.bus.vn_kv[at])
