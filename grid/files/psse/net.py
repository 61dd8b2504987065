"""A pandapower net of a RAW file of PSS/E.

Controls aren't run: taps and switched shunts stay where the file has them. A generator that holds the voltage of
another bus holds its own at what the file's solution has there, and one whose limits QT and QB are the same gives that.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandapower.auxiliary import pandapowerNet
from pandapower.pypower.idx_brch import BR_B, BR_R, BR_STATUS, BR_X, F_BUS, RATE_A, T_BUS
from pandapower.pypower.idx_bus import BASE_KV, BUS_I, BUS_TYPE, NONE, PQ, PV, REF, VA, VM, VMAX, VMIN
from pandapower.pypower.idx_gen import GEN_BUS, GEN_STATUS, MBASE, PG, PMAX, PMIN, QG, QMAX, QMIN, VG

from grid.files.attached import Attached, add_feed_in, add_loads, add_shunts, owners, tell_impedances, together
from grid.files.check import Rule, finite, not_negative, positive
from grid.files.findings import Findings, What
from grid.files.matpower.format import DCLINE_COLUMNS, REQUIRED_COLUMNS, Matrix, Mpc
from grid.files.matpower.net import assemble, with_voltages
from grid.files.psse.buses import RawBuses, read_buses, service
from grid.files.psse.dc_lines import read_dc_lines
from grid.files.psse.layout import NOT_READ, Section
from grid.files.psse.raw import RawFile, SectionTable, read_raw
from grid.files.psse.transformers import Transformers, read_transformers
from grid.network import BoolArray, FloatArray, IntArray

UNLIMITED = 9999.0  # what PSS/E writes for a limit that there isn't


@dataclass(frozen=True, kw_only=True)
class _Lines:
    """Branches (n, 11) with names, and their own admittances at either end."""

    branch: Matrix
    name: tuple[str, ...]
    shunts: Attached


def read_psse(text: str, file: str, found: Findings) -> pandapowerNet:
    """The network in a RAW file's text, buses called by their numbers; file is what errors call it.

    found: where what stands in for what and what isn't read is noted. Raises CaseError naming line, field and value.
    """
    raw = read_raw(text, file)
    buses = read_buses(raw)
    transformers = read_transformers(raw, buses)
    lines, devices = _lines(raw, buses), _devices(raw, buses)
    gen, gen_name, kind = _generators(raw, buses, found)
    bus = _bus_matrix(buses, transformers, kind)
    mpc = Mpc(
        file,
        raw.base_mva,
        bus,
        gen,
        np.concatenate([lines.branch, devices.branch, transformers.branch]),
        np.empty((0, len(DCLINE_COLUMNS))),
        buses.name + transformers.star_name,
        gen_name=gen_name,
        branch_name=lines.name + devices.name + transformers.name,
    )
    net = assemble(with_voltages(mpc, found))
    net.name = raw.title
    _attach(net, raw, buses, together([lines.shunts, transformers.magnetising]), found)
    if np.ptp(buses.va_degree) > 0:
        net["res_bus"] = pd.DataFrame(
            {"vm_pu": np.r_[buses.vm_pu, np.full(len(transformers.star), np.nan)]}, net.bus.index
        )
    found.add(What.STAR_POINT, [name.removesuffix(", star point") for name in transformers.star_name])
    found.add(
        What.ELEMENT_NOT_READ, [*_dropped(raw), *(f"impedance correction of {name}" for name in transformers.corrected)]
    )
    return net


def _bus_matrix(buses: RawBuses, transformers: Transformers, kind: IntArray) -> Matrix:
    """(n_bus + n_star, 13), star points last."""
    bus = np.zeros((len(buses.number) + len(transformers.star), REQUIRED_COLUMNS["bus"]))
    own, star = slice(0, len(buses.number)), slice(len(buses.number), None)
    bus[own, BUS_I], bus[own, BUS_TYPE], bus[own, BASE_KV] = buses.number, kind, buses.vn_kv
    bus[own, VM], bus[own, VA] = buses.vm_pu, buses.va_degree
    bus[own, VMAX], bus[own, VMIN] = buses.max_vm_pu, buses.min_vm_pu
    bus[star, BUS_I], bus[star, BASE_KV] = transformers.star, transformers.star_kv
    bus[star, BUS_TYPE] = np.where(transformers.star_in_service, PQ, NONE)
    bus[star, VM], bus[star, VMAX], bus[star, VMIN] = 1.0, 2.0, 0.0
    return bus


def _generators(raw: RawFile, buses: RawBuses, found: Findings) -> tuple[Matrix, tuple[str, ...], IntArray]:
    """(n_gen, 10), their names, and the buses' types as the generators leave them."""
    table = raw.table(Section.GENERATOR)
    rows = buses.rows(table, "I")
    used = (table.numbers(service("STAT"), 1.0) == 1) & buses.live(rows)
    name = tuple(
        f"{buses.name[row]} {identifier or 1}" for row, identifier in zip(rows, table.texts("ID"), strict=True)
    )
    most, least = (table.numbers(finite(field, "Mvar"), UNLIMITED * sign) for field, sign in (("QT", 1), ("QB", -1)))
    holds = np.isin(buses.kind[rows], (PV, REF))
    fixed = (buses.kind[rows] == PV) & (most == least)
    regulated = buses.rows(table, "IREG", none=True)
    elsewhere = holds & ~fixed & (regulated >= 0) & (regulated != rows)
    set_point = table.numbers(positive("VS", "p.u."), 1.0)
    found.add(What.REMOTE_CONTROL, [name[at] for at in np.flatnonzero(elsewhere & used)])
    gen = np.zeros((len(table), REQUIRED_COLUMNS["gen"]))
    gen[:, GEN_BUS], gen[:, GEN_STATUS] = buses.number[rows], used
    gen[:, PG] = table.numbers(finite("PG", "MW"), 0.0)
    gen[:, QG] = np.where(fixed, most, table.numbers(finite("QG", "Mvar"), 0.0))
    gen[:, VG] = np.where(elsewhere, buses.vm_pu[rows], set_point)
    gen[:, MBASE] = table.numbers(not_negative("MBASE", "MVA"), raw.base_mva)
    gen[:, QMAX], gen[:, QMIN] = _limit(most), _limit(least)
    gen[:, PMAX] = _limit(table.numbers(finite("PT", "MW"), UNLIMITED))
    gen[:, PMIN] = _limit(table.numbers(finite("PB", "MW"), -UNLIMITED))
    order = np.argsort(fixed, kind="stable")  # the first at a bus holds its voltage
    kind = buses.kind.copy()
    free = np.isin(np.arange(len(kind)), rows[used & ~fixed])
    kind[(kind == PV) & ~free] = PQ
    return gen[order], tuple(name[at] for at in order), kind


def _limit(values: FloatArray) -> FloatArray:
    return np.where(np.abs(values) >= UNLIMITED, np.nan, values)


def _lines(raw: RawFile, buses: RawBuses) -> _Lines:
    table = raw.table(Section.BRANCH)
    first, second, name = _ends(table, buses)
    used = table.numbers(service("ST"), 1.0) == 1
    branch = _branch(table, buses, first, second, used)
    branch[:, BR_R] = table.numbers(finite("R", "p.u."), 0.0)
    branch[:, BR_X] = table.numbers(finite("X", "p.u."), None)
    g_i, b_i, g_j, b_j = (table.numbers(finite(field, "p.u."), 0.0) for field in ("GI", "BI", "GJ", "BJ"))
    charging = np.where(b_i * b_j > 0, np.sign(b_i) * np.minimum(np.abs(b_i), np.abs(b_j)), 0.0)  # what both ends have
    branch[:, BR_B] = table.numbers(finite("B", "p.u."), 0.0) + 2 * charging
    live = used & buses.live(first) & buses.live(second)
    shunts = [
        Attached(
            bus=buses.number[rows],
            p_mw=raw.base_mva * conductance,
            q_mvar=-raw.base_mva * (susceptance - charging),
            in_service=live,
            name=tuple(f"{line}, shunt" for line in name),
        )
        for rows, conductance, susceptance in ((first, g_i, b_i), (second, g_j, b_j))
    ]
    return _Lines(branch=branch, name=name, shunts=together(shunts))


def _devices(raw: RawFile, buses: RawBuses) -> _Lines:
    """Switching devices, which are branches of a small reactance."""
    table = raw.table(Section.SWITCHING_DEVICE)
    first, second, name = _ends(table, buses)
    closed = table.numbers(Rule("STAT", lambda v: np.isin(v, (0, 1, 2, 3)), "it is 1 closed, 0 open"), 1.0) == 1
    branch = _branch(table, buses, first, second, closed)
    branch[:, BR_X] = table.numbers(finite("X", "p.u."), 1e-4)
    nothing = Attached(
        bus=buses.number[first], p_mw=np.zeros(len(table)), q_mvar=np.zeros(len(table)), in_service=closed, name=name
    )
    return _Lines(branch=branch, name=name, shunts=nothing)


def _ends(table: SectionTable, buses: RawBuses) -> tuple[IntArray, IntArray, tuple[str, ...]]:
    first, second = buses.rows(table, "I"), buses.rows(table, "J")
    table.refuse(first == second, "J", "I and J are the same bus")
    given, circuits = table.texts("NAME"), table.texts("CKT")
    names = tuple(
        name or f"{buses.name[one]} - {buses.name[other]} {circuit or 1}"
        for one, other, circuit, name in zip(first, second, circuits, given, strict=True)
    )
    return first, second, names


def _branch(table: SectionTable, buses: RawBuses, first: IntArray, second: IntArray, used: BoolArray) -> Matrix:
    branch = np.zeros((len(table), BR_STATUS + 1))
    branch[:, F_BUS], branch[:, T_BUS], branch[:, BR_STATUS] = buses.number[first], buses.number[second], used
    branch[:, RATE_A] = table.numbers(not_negative("RATE1", "MVA, 0 where there is none"), 0.0)
    return branch


def _attach(net: pandapowerNet, raw: RawFile, buses: RawBuses, of_branches: Attached, found: Findings) -> None:
    """Loads, shunts and DC lines; of_branches: the admittances that lines and transformers have of their own."""
    constant, current, admittance = _loads(raw, buses)
    add_loads(net, constant)
    add_loads(net, current, current_percent=100.0)
    switched = _switched_shunts(raw, buses)
    add_shunts(net, together([admittance, _fixed_shunts(raw, buses), switched, of_branches]))
    held = switched.used
    found.add(What.SHUNT_HELD, held.name, float(held.q_mvar[held.in_service].sum()))
    found.add(What.BRANCH_SHUNT, owners(of_branches))
    tell_impedances(admittance, found)
    sent, arriving = read_dc_lines(raw, buses)
    add_feed_in(net, sent)
    add_feed_in(net, arriving)
    lines = [name.removesuffix(", rectifier") for name in sent.name]
    found.add(What.DC_LINE, [line for line, used in zip(lines, sent.in_service, strict=True) if used], sent.p_mw.sum())


def _loads(raw: RawFile, buses: RawBuses) -> tuple[Attached, Attached, Attached]:
    """What loads draw at any voltage, as currents and as admittances."""
    table = raw.table(Section.LOAD)
    values = {
        field: table.numbers(finite(field, "MW" if field in ("PL", "IP", "YP", "DGENP") else "Mvar"), 0.0)
        for field in ("PL", "QL", "IP", "IQ", "YP", "YQ", "DGENP", "DGENQ")
    }
    distributed = table.numbers(service("DGENM"), 0.0)
    parts = (
        (values["PL"] - distributed * values["DGENP"], values["QL"] - distributed * values["DGENQ"], ""),
        (values["IP"], values["IQ"], ", constant current"),
        (values["YP"], -values["YQ"], ", constant admittance"),
    )
    every = [_at_buses(table, buses, "Load", "STATUS", p_mw, q_mvar, suffix) for p_mw, q_mvar, suffix in parts]
    return every[0], every[1], every[2]


def _fixed_shunts(raw: RawFile, buses: RawBuses) -> Attached:
    """From their section, and from the buses, where older files have them."""
    table = raw.table(Section.FIXED_SHUNT)
    section = table if len(table) else raw.table(Section.BUS)
    conductance = section.numbers(finite("GL", "MW at 1 p.u."), 0.0)
    susceptance = section.numbers(finite("BL", "Mvar at 1 p.u."), 0.0)
    return _at_buses(section, buses, "Shunt", "STATUS", conductance, -susceptance)


def _switched_shunts(raw: RawFile, buses: RawBuses) -> Attached:
    table = raw.table(Section.SWITCHED_SHUNT)
    susceptance = table.numbers(finite("BINIT", "Mvar at 1 p.u."), 0.0)
    return _at_buses(table, buses, "Switched shunt", "ST", np.zeros(len(table)), -susceptance)


def _at_buses(
    table: SectionTable, buses: RawBuses, kind: str, status: str, p_mw: FloatArray, q_mvar: FloatArray, suffix: str = ""
) -> Attached:
    rows = buses.rows(table, "I")
    ids = table.texts("ID")
    return Attached(
        bus=buses.number[rows],
        p_mw=p_mw,
        q_mvar=q_mvar,
        in_service=(table.numbers(service(status), 1.0) == 1) & buses.live(rows),
        name=tuple(
            f"{kind} {buses.name[row]} {identifier or 1}{suffix}" for row, identifier in zip(rows, ids, strict=True)
        ),
    )


def _dropped(raw: RawFile) -> list[str]:
    """What a state would depend on and isn't read."""
    names = []
    for section in NOT_READ:
        if section is Section.MULTI_TERMINAL:
            names += [f"{section}s"] * bool(len(raw.table(section)))
        elif section is not Section.CORRECTION:
            names += [" ".join([section, *record.parts[0][:1]]).strip() for record in raw.table(section).records]
    return names
