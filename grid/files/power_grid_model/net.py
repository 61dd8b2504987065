"""Input data of power-grid-model as JSON: nodes, lines, generic branches, links, transformers, loads, sources, shunts.

A source stands behind its short-circuit impedance at a bus of its own, as there. A link is a switch. A branch that is
open at one end keeps its other one. Units are SI: V, W, var, ohm, F, S, rad.
Source: power-grid-model's documentation, Components and Data format (JSON); the transformer's ratio and impedance are
at its tap: u1 or u2 plus steps of tap_size.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pandapower import create_switch
from pandapower.auxiliary import pandapowerNet
from pandapower.pypower.idx_brch import BR_B, BR_R, BR_STATUS, BR_X, F_BUS, RATE_A, SHIFT, T_BUS, TAP
from pandapower.pypower.idx_bus import BASE_KV, BUS_I, BUS_TYPE, PQ, REF, VA, VM, VMAX, VMIN
from pandapower.pypower.idx_gen import GEN_BUS, GEN_STATUS, MBASE, PMAX, PMIN, QMAX, QMIN, VG

from grid.errors import CaseError
from grid.files.attached import Attached, add_loads, add_shunts, owners, tell_impedances, together
from grid.files.check import Rule, finite, not_negative, positive
from grid.files.findings import Findings, What
from grid.files.matpower.format import DCLINE_COLUMNS, REQUIRED_COLUMNS, Matrix, Mpc
from grid.files.matpower.net import assemble
from grid.files.power_grid_model.data import Components, Dataset, status, whole
from grid.network import BoolArray, FloatArray

BASE_MVA, HZ = 10.0, 50.0
NOT_ONE = float(np.nextafter(1, 2))  # a ratio of 1 would make a line of a transformer
READ = frozenset({"node", "line", "generic_branch", "link", "transformer", "sym_load", "sym_gen", "source", "shunt"})
WITHOUT_STATE = frozenset(
    {"sym_power_sensor", "asym_power_sensor", "sym_voltage_sensor", "asym_voltage_sensor", "sym_current_sensor",
     "asym_current_sensor", "fault"}
)  # fmt: skip
CONSTANT_POWER, CONSTANT_IMPEDANCE, CONSTANT_CURRENT = range(3)
FROM_SIDE = 0
MOST_PU = 10.0


@dataclass(frozen=True, kw_only=True)
class _Branches:
    """(n, 11) branches with names, whether each end is closed, and admittances at either end."""

    matrix: Matrix
    name: tuple[str, ...]
    closed: BoolArray  # (n, 2)
    shunts: Attached


def read_power_grid_model(text: str, file: str, found: Findings) -> pandapowerNet:
    """The network of an input dataset, nodes called by their ids; file is what errors call it.

    found: where what isn't read is noted. Raises CaseError naming component, attribute and value.
    """
    content = json.loads(text)
    data, attributes = content["data"], content.get("attributes", {})
    if content["is_batch"] or content.get("type", "input") != "input" or not isinstance(data, dict):
        raise CaseError(file, "the dataset must be one input: no batch, no update and no result", "type")
    given = Dataset(data, attributes if isinstance(attributes, dict) else {}, file)
    branches = [_lines(given), _generic(given), _transformers(given), _sources(given)]
    net = assemble(_case(given, branches, file))
    _open_ends(net, branches)
    _add_links(net, given)
    _attach(net, given, together(part.shunts for part in branches), found)
    unread = {kind: rows for kind, rows in data.items() if kind not in READ and isinstance(rows, list) and rows}
    found.add(What.FIELD_NOT_READ, [f"{kind} ({len(rows)})" for kind, rows in unread.items() if kind in WITHOUT_STATE])
    found.add(
        What.ELEMENT_NOT_READ, [f"{kind} ({len(rows)})" for kind, rows in unread.items() if kind not in WITHOUT_STATE]
    )
    return net


def _case(given: Dataset, branches: Sequence[_Branches], file: str) -> Mpc:
    """The nodes, from 1 on, and behind them the sources' own buses."""
    nodes, sources = len(given.node), len(given.source)
    bus = np.zeros((nodes + sources, REQUIRED_COLUMNS["bus"]))
    bus[:, BUS_I] = 1 + np.arange(len(bus))
    bus[:, BASE_KV] = np.r_[given.kv, given.kv[given.rows(given.source, "node")]]
    bus[:, BUS_TYPE], bus[:, VM], bus[:, VMAX], bus[:, VMIN] = PQ, 1.0, 1.1, 0.9
    bus[nodes:, BUS_TYPE], bus[nodes:, VMAX], bus[nodes:, VMIN] = REF, 2.0, 0.0
    bus[nodes:, VA] = np.rad2deg(given.source.numbers(finite("u_ref_angle", "rad"), 0.0))
    gen = np.zeros((sources, REQUIRED_COLUMNS["gen"]))
    gen[:, GEN_BUS], gen[:, MBASE] = bus[nodes:, BUS_I], BASE_MVA
    gen[:, GEN_STATUS] = given.source.numbers(status("status"))
    gen[:, VG] = given.source.numbers(Rule("u_ref", lambda v: (v > 0) & (v < MOST_PU), "a voltage in p.u. above zero"))
    gen[:, [PMAX, QMAX]], gen[:, [PMIN, QMIN]] = np.nan, np.nan
    names = tuple(f"Source {number}" for number in given.source.ids())
    return Mpc(
        file,
        BASE_MVA,
        bus,
        gen,
        np.concatenate([part.matrix for part in branches]),
        np.empty((0, len(DCLINE_COLUMNS))),
        given.bus_name + tuple(f"{name}, inner bus" for name in names),
        gen_name=names,
        branch_name=tuple(name for part in branches for name in part.name),
    )


def _branches(
    given: Dataset,
    table: Components,
    z_ohm: FloatArray,
    y_siemens: FloatArray,
    ratio: FloatArray,
    shift_degree: FloatArray,
    rated_mva: FloatArray,
) -> _Branches:
    """Branches of series impedances and whole shunt admittances (n,) complex, as seen at the to end behind the ratio.

    ratio: p.u. of the nodes' rated voltages, 0 for a line.
    """
    first, second, closed = given.ends(table)
    base_ohm = given.kv[second] ** 2 / BASE_MVA
    table.refuse(z_ohm == 0, "x1", "resistance and reactance are both zero: use a link")
    matrix = np.zeros((len(table), BR_STATUS + 1))
    matrix[:, F_BUS], matrix[:, T_BUS], matrix[:, BR_STATUS] = first + 1, second + 1, closed.any(axis=1)
    matrix[:, BR_R], matrix[:, BR_X] = (z_ohm / base_ohm).real, (z_ohm / base_ohm).imag
    matrix[:, BR_B] = np.where(ratio == 0, y_siemens.imag * base_ohm, 0.0)
    matrix[:, TAP] = np.where(ratio == 1, NOT_ONE, ratio)
    matrix[:, SHIFT] = shift_degree
    matrix[:, RATE_A] = np.where(np.isfinite(rated_mva), rated_mva, 0.0)
    name = tuple(f"{table.kind.replace('_', ' ').capitalize()} {number}" for number in table.ids())
    left = np.where(ratio == 0, y_siemens.real, y_siemens) / 2 * given.kv[second] ** 2  # MVA at 1 p.u., each end's
    seen = np.where(ratio == 0, 1.0, ratio) ** 2
    shunts = [
        Attached(
            bus=rows + 1,
            p_mw=power.real,
            q_mvar=-power.imag,
            in_service=closed[:, end],
            name=tuple(f"{one}, shunt" for one in name),
        )
        for end, (rows, power) in enumerate(((first, left / seen), (second, left)))
    ]
    return _Branches(matrix=matrix, name=name, closed=closed, shunts=together(shunts))


def _lines(given: Dataset) -> _Branches:
    table = given.table("line")
    z_ohm = table.numbers(finite("r1", "ohm")) + 1j * table.numbers(finite("x1", "ohm"))
    susceptance = 2 * np.pi * HZ * table.numbers(finite("c1", "F"))
    y_siemens = susceptance * (table.numbers(finite("tan1", "-")) + 1j)
    none = np.zeros(len(table))
    _, second, _ = given.ends(table)
    most = table.numbers(Rule("i_n", lambda v: v >= 0, "a current in A"), np.inf)
    return _branches(given, table, z_ohm, y_siemens, none, none, np.sqrt(3) * given.kv[second] * most / 1e3)


def _generic(given: Dataset) -> _Branches:
    table = given.table("generic_branch")
    z_ohm = table.numbers(finite("r1", "ohm")) + 1j * table.numbers(finite("x1", "ohm"))
    y_siemens = table.numbers(finite("g1", "S")) + 1j * table.numbers(finite("b1", "S"))
    ratio = table.numbers(positive("k", "p.u."), 1.0)
    shift = np.rad2deg(table.numbers(finite("theta", "rad"), 0.0))
    most = table.numbers(Rule("sn", lambda v: v >= 0, "a power in VA"), np.inf)
    return _branches(given, table, z_ohm, y_siemens, ratio, shift, most / 1e6)


def _transformers(given: Dataset) -> _Branches:
    table = given.table("transformer")
    first, second, _ = given.ends(table)
    nominal = table.numbers(finite("tap_nom", "steps"), 0.0)
    least, most = (table.numbers(finite(field, "steps"), 0.0) for field in ("tap_min", "tap_max"))
    given_position = table.numbers(Rule("tap_pos", lambda v: ~np.isinf(v), "it must be a number, in steps"), np.nan)
    position = np.where(np.isnan(given_position), nominal, given_position)
    steps = (position - nominal) * np.where(most >= least, 1, -1) * table.numbers(not_negative("tap_size", "V"), 0.0)
    at_from = table.numbers(whole("tap_side", 0, 1, "it is 0 (from) or 1 (to)"), 0.0) == FROM_SIDE
    u1 = table.numbers(positive("u1", "V")) + np.where(at_from, steps, 0.0)
    u2 = table.numbers(positive("u2", "V")) + np.where(at_from, 0.0, steps)
    table.refuse((u1 <= 0) | (u2 <= 0), "tap_pos", "at this tap a rated voltage isn't above zero")
    rated = table.numbers(positive("sn", "VA"))
    to_most = np.clip((position - nominal) / np.where(most == nominal, np.inf, most - nominal), 0, 1)
    to_least = np.clip((position - nominal) / np.where(least == nominal, np.inf, least - nominal), 0, 1)
    loss = _at_tap(table, not_negative("pk", "W"), to_least, to_most)
    short = _at_tap(table, positive("uk", "p.u."), to_least, to_most)
    base_ohm = u2**2 / rated
    resistance = loss / rated * base_ohm
    reactance = np.sqrt(np.maximum((short * base_ohm) ** 2 - resistance**2, 0))
    conductance = table.numbers(not_negative("p0", "W")) / u2**2
    magnetising = table.numbers(not_negative("i0", "p.u.")) / base_ohm
    susceptance = -np.sqrt(np.maximum(magnetising**2 - conductance**2, 0))
    ratio = (u1 / 1e3 / given.kv[first]) / (u2 / 1e3 / given.kv[second])
    shift = 30.0 * table.numbers(whole("clock", -12, 12, "a clock number is from -12 to 12"))
    z_ohm, y_siemens = resistance + 1j * reactance, conductance + 1j * susceptance
    return _branches(given, table, z_ohm, y_siemens, ratio, shift, rated / 1e6)


def _at_tap(table: Components, rule: Rule, to_least: FloatArray, to_most: FloatArray) -> FloatArray:
    """What is given at the nominal tap and, where known, at the last ones, taken in a straight line between them."""
    nominal = table.numbers(rule)
    ends = [
        table.numbers(Rule(f"{rule.field}_{end}", lambda v: ~np.isinf(v), rule.right), np.nan) for end in ("min", "max")
    ]
    at_least, at_most = (np.where(np.isnan(end), nominal, end) for end in ends)
    return nominal + to_least * (at_least - nominal) + to_most * (at_most - nominal)


def _sources(given: Dataset) -> _Branches:
    """The sources' impedances, from their own buses to their nodes."""
    table, nodes = given.source, len(given.node)
    power = table.numbers(positive("sk", "VA"), 1e10) / 1e6
    share = table.numbers(not_negative("rx_ratio", "-"), 0.1)
    rows = given.rows(table, "node")
    used = table.numbers(status("status")) == 1
    matrix = np.zeros((len(table), BR_STATUS + 1))
    matrix[:, F_BUS], matrix[:, T_BUS], matrix[:, BR_STATUS] = nodes + 1 + np.arange(len(table)), rows + 1, used
    matrix[:, BR_X] = BASE_MVA / power / np.sqrt(1 + share**2)
    matrix[:, BR_R] = share * matrix[:, BR_X]
    name = tuple(f"Source {number}, impedance" for number in table.ids())
    none = np.zeros(len(table))
    shunts = Attached(bus=rows + 1, p_mw=none, q_mvar=none, in_service=used, name=name)
    return _Branches(matrix=matrix, name=name, closed=np.stack([used, used], axis=1), shunts=shunts)


def _open_ends(net: pandapowerNet, branches: Sequence[_Branches]) -> None:
    """Opens branches at the one end where they are open, by switches."""
    closed = np.concatenate([part.closed for part in branches])
    matrix = np.concatenate([part.matrix for part in branches])
    lookup = net._from_ppc_lookups["branch"]  # noqa: SLF001
    for row in np.flatnonzero(closed.any(axis=1) & ~closed.all(axis=1)):
        bus = int(matrix[row, F_BUS if not closed[row, 0] else T_BUS])
        kind = {"line": "l", "trafo": "t"}[lookup.element_type[row]]
        create_switch(net, bus, int(lookup.element[row]), et=kind, closed=False)


def _add_links(net: pandapowerNet, given: Dataset) -> None:
    table = given.table("link")
    first, second, closed = given.ends(table)
    for number, one, other, ends in zip(table.ids(), first, second, closed, strict=True):
        create_switch(net, int(one) + 1, int(other) + 1, et="b", closed=bool(ends.all()), name=f"Link {number}")


def _attach(net: pandapowerNet, given: Dataset, of_branches: Attached, found: Findings) -> None:
    """Loads and generators by what they keep constant, shunts, and the branches' own admittances."""
    parts: dict[int, list[Attached]] = {kind: [] for kind in range(3)}
    for name, sign in (("sym_load", 1.0), ("sym_gen", -1.0)):
        table = given.table(name)
        rows, used = given.rows(table, "node"), table.numbers(status("status")) == 1
        kinds = table.numbers(whole("type", 0, 2, "it is 0 (power), 1 (impedance) or 2 (current)"))
        p_mw, q_mvar = (sign * table.numbers(finite(f"{part}_specified", "W or var"), 0.0) / 1e6 for part in "pq")
        names = [f"{'Load' if sign > 0 else 'Generator'} {number}" for number in table.ids()]
        for kind, gathered in parts.items():
            at = np.flatnonzero(kinds == kind)
            gathered.append(
                Attached(
                    bus=rows[at] + 1,
                    p_mw=p_mw[at],
                    q_mvar=q_mvar[at],
                    in_service=used[at],
                    name=tuple(names[row] for row in at),
                )
            )
    table = given.table("shunt")
    rows = given.rows(table, "node")
    square = given.kv[rows] ** 2
    shunts = Attached(
        bus=rows + 1,
        p_mw=table.numbers(finite("g1", "S")) * square,
        q_mvar=-table.numbers(finite("b1", "S")) * square,
        in_service=table.numbers(status("status")) == 1,
        name=tuple(f"Shunt {number}" for number in table.ids()),
    )
    add_loads(net, together(parts[CONSTANT_POWER]))
    add_loads(net, together(parts[CONSTANT_CURRENT]), current_percent=100.0)
    impedances = together(parts[CONSTANT_IMPEDANCE])
    add_shunts(net, together([impedances, shunts, of_branches]))
    found.add(What.BRANCH_SHUNT, owners(of_branches))
    tell_impedances(impedances, found)
