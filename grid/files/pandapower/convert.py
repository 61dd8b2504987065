"""From a pandapower net to our Network.

pandapower's own per-unit model (net._ppc after runpp) is read, because it already has fused bus-bars, taps, phase
shifts, asymmetric impedances and the star points of three-winding transformers right. The solved state is compared with
pandapower's before a Network leaves this module.
"""

import json

import numpy as np
import pandapower
import pandas as pd
from pandapower.pypower import idx_bus

from grid.errors import CaseError
from grid.files.check import validate
from grid.files.doubts import doubt_state, doubt_stored_result
from grid.files.equivalents import replace_equivalents
from grid.files.findings import Bearing, Findings
from grid.files.matpower.format import shorten
from grid.files.pandapower.branches import read_branches
from grid.files.pandapower.injections import read_generators, read_loads
from grid.files.pandapower.stored import stored_vm_pu, stored_voltage
from grid.files.pandapower.tables import BusLookup, bus_lookup, label, solved_voltage, star_points
from grid.files.report import divergence_sentence, sentence
from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.network import Buses, BusKind, FloatArray, IntArray, Network
from grid.studies.divergence import Divergence, Reached, largest_share, why_no_solution

AGREEMENT_PU = 1e-6  # our base state must agree this well with pandapower's
NARROWEST_BAND_PU = 0.02  # closer limits are a source's set-point, not a band
LOWEST_PU = 0.5  # a state below is another root of the equations


class NoStateError(CaseError):
    """A network has no base state: its network, why, and what else of it is doubtful."""

    def __init__(self, file: str, network: Network, divergence: Divergence, found: Findings) -> None:
        doubts = [sentence(finding) for finding in found.found if finding.bearing is Bearing.DOUBTFUL]
        words = " ".join([divergence_sentence(network, divergence), *doubts])
        super().__init__(file, f"the base state has no solution. {words}", "network")
        self.network, self.divergence = network, divergence

    def __reduce__(self) -> tuple[type[CaseError], tuple[str, ...]]:
        """Between processes it goes as its sentence."""
        return CaseError, self.args


def network_from_pandapower(
    net: pandapower.pandapowerNet,
    name: str,
    title: str | None = None,
    state_is_secure: bool = False,
    found: Findings | None = None,
) -> Network:
    """Read a pandapower net into a Network.

    Names, ratings and limits come from the net where it has them; ratings that it lacks are derived (see
    convert_branches.derive_ratings) and marked. Raises CaseError where the base state has no solution or holds
    something that we would solve differently. state_is_secure: ratings that the case's own state exceeds are taken as
    not given. found: where what stands in for elements that we don't have, and what is doubtful, is noted; the net is
    changed accordingly, in place. NoStateError says why there is no base state.
    """
    found = Findings() if found is None else found
    validate(net, name, found)
    stored, begin = stored_vm_pu(net), stored_voltage(net)
    replace_equivalents(net, name, found)
    network, state, is_theirs = _base_state(net, name, title or name, state_is_secure, begin, found)
    doubt_state(network, state, found)
    if is_theirs:
        doubt_stored_result(net, stored, found)
    return network


def _base_state(
    net: pandapower.pandapowerNet,
    name: str,
    title: str,
    state_is_secure: bool,
    stored: pd.Series | None,
    found: Findings,
) -> tuple[Network, GridState, bool]:
    """The network, its base state and whether that is pandapower's: ours where it finds none or another root."""
    solved = _is_solved(net, name)
    if not solved or net.res_bus.vm_pu.min() < LOWEST_PU:
        network, state, reached = _by_ourselves(net, name, title, state_is_secure, stored)
        if state is not None:
            return network, state, False
        if not solved:
            why = why_no_solution(network, Injection.of_case(network), network.branch.closed, reached)
            raise NoStateError(name, network, why, found)
    network = _network(net, name, title, state_is_secure, None)
    return network, _agreeing_state(network), True


def _is_solved(net: pandapower.pandapowerNet, name: str) -> bool:
    """Whether pandapower finds the base state. Its model of the net is in net._ppc in any case."""
    for start in ("auto", "flat"):
        try:
            pandapower.runpp(net, init=start, numba=False)  # compiling takes longer than what it saves in one solution
        except pandapower.LoadflowNotConverged:
            continue
        except Exception as exc:  # pandapower raises plain UserWarning and more where it can't model a net
            raise CaseError(name, f"pandapower can't model this network ({shorten(exc, 200)})", "network") from exc
        return True
    return False


def _by_ourselves(
    net: pandapower.pandapowerNet, name: str, title: str, state_is_secure: bool, stored: pd.Series | None
) -> tuple[Network, GridState | None, Reached | None]:
    """The network and the base state that we find; None where we find none, and how much of the load has a state.

    Newton begins at the voltages without load or a DC power flow's, then at those that the file holds, by bus; then
    load and generation grow from nothing.
    """
    theirs = net.res_ext_grid["p_mw"].copy()
    net.res_ext_grid["p_mw"] = 0.0
    lookup = bus_lookup(net)
    start = np.zeros(lookup.n_bus, dtype=complex)
    held = net.ext_grid[net.ext_grid.in_service.to_numpy(dtype=bool)]
    start[lookup(held.bus)] = held.vm_pu * np.exp(1j * np.deg2rad(held.va_degree.to_numpy(dtype=float)))
    network = _network(net, name, title, state_is_secure, start)
    injection, closed = Injection.of_case(network), network.branch.closed
    state = _found(network, injection, None if stored is None else _by_bus(stored, lookup))
    reached = largest_share(network, injection, closed) if state is None else None
    if reached is not None and reached[0] >= 1.0:
        state = reached[1]
    if state is None or np.nanmin(state.vm_pu) < LOWEST_PU:
        net.res_ext_grid["p_mw"] = theirs
        return network, None, reached
    network = _network(net, name, title, state_is_secure, state.voltage)
    return network, PowerFlow(network).solve(Injection.of_case(network), closed), None


def _found(network: Network, injection: Injection, stored: FloatArray | None) -> GridState | None:
    """The state to which one of the starts leads."""
    for begin in (None,) if stored is None else (None, stored):
        try:
            state = PowerFlow(network).solve(injection, network.branch.closed, begin, only=True)
        except PowerFlowDivergedError:
            continue
        if np.nanmin(state.vm_pu) >= LOWEST_PU:
            return state
    return None


def _by_bus(stored: pd.Series, lookup: BusLookup) -> FloatArray:
    """(n,) complex p.u., 0 where nothing is stored."""
    voltage = np.zeros(lookup.n_bus, dtype=complex)
    voltage[lookup(stored.index)] = stored
    return voltage


def _network(
    net: pandapower.pandapowerNet, name: str, title: str, state_is_secure: bool, voltage: FloatArray | None
) -> Network:
    """The network of a net that pandapower has modelled. voltage: (n,) of the base state where it has none."""
    lookup = bus_lookup(net)
    voltage = solved_voltage(net, lookup) if voltage is None else voltage
    buses = _buses(net, lookup, name)
    return Network(
        name=name,
        title=title,
        base_mva=float(net.sn_mva),
        bus=buses,
        branch=read_branches(net, lookup, buses, state_is_secure, voltage, name),
        load=read_loads(net, lookup),
        generator=read_generators(net, lookup),
        base_voltage=voltage,
    )


def _buses(net: pandapower.pandapowerNet, lookup: BusLookup, name: str) -> Buses:
    table, n_bus = net.bus, lookup.n_bus
    ours = lookup(table.index)
    order = np.argsort(table["type"].map({"b": 0, "db": 1}).fillna(2).to_numpy(), kind="stable")[::-1]
    first = np.full(n_bus, -1)
    first[ours[order]] = order  # the last written wins: a bus-bar gives a fused bus its name
    ppc_bus = net._ppc["bus"][lookup.rows].real
    names = [_bus_name(table, row) for row in first]
    stars = star_points(net)
    for element, numbers in stars.items():
        for position, number in enumerate(numbers):
            names[lookup(number)] = f"{label(net[element], position, element)} star point"
    in_service = np.zeros(n_bus, dtype=bool)
    np.logical_or.at(in_service, ours, table.in_service.to_numpy(dtype=bool))
    in_service[first < 0] = True
    x, y = _coordinates(table, name)
    columns = {"min_vm_pu", "max_vm_pu"} <= set(table.columns)
    low = np.where(first >= 0, table.min_vm_pu.to_numpy()[first] if columns else np.nan, np.nan)
    high = np.where(first >= 0, table.max_vm_pu.to_numpy()[first] if columns else np.nan, np.nan)
    known = np.isfinite(low) & np.isfinite(high) & (low > 0.5) & (high < 1.5)
    known &= high - low > NARROWEST_BAND_PU
    return Buses(
        name=tuple(names),
        kind=_bus_kinds(net, lookup, first),
        vn_kv=ppc_bus[:, idx_bus.BASE_KV],
        min_vm_pu=np.where(known, low, 0.9),
        max_vm_pu=np.where(known, high, 1.1),
        limits_derived=not bool(known[first >= 0].all()),
        in_service=in_service,
        shunt_pu=(ppc_bus[:, idx_bus.GS] + 1j * ppc_bus[:, idx_bus.BS]) / net.sn_mva,
        x=np.where(first >= 0, x[first], np.nan),
        y=np.where(first >= 0, y[first], np.nan),
    )


def _bus_name(table: pd.DataFrame, row: int) -> str:
    return "" if row < 0 else label(table, row, "bus")


def _bus_kinds(net: pandapower.pandapowerNet, lookup: BusLookup, first: IntArray) -> tuple[BusKind, ...]:
    kinds = np.full(lookup.n_bus, BusKind.JUNCTION, dtype=object)
    kinds[first < 0] = BusKind.AUXILIARY
    kinds[lookup(net.load.bus)] = BusKind.SUBSTATION
    for table in (net.gen, net.ext_grid):
        kinds[lookup(table.bus)] = BusKind.GENERATOR
    return tuple(BusKind(kind) for kind in kinds)  # NumPy stores them as plain strings


def _coordinates(table: pd.DataFrame, name: str) -> tuple[FloatArray, FloatArray]:
    """(rows,) x and y; degrees of longitude are shortened to those of latitude."""
    points = np.full((len(table), 2), np.nan)
    if "geo" in table.columns:
        for row, text in enumerate(table["geo"]):
            if isinstance(text, str) and text:
                try:
                    points[row] = json.loads(text)["coordinates"][:2]
                except (ValueError, KeyError, TypeError) as error:
                    right = 'a GeoJSON point looks like {"type": "Point", "coordinates": [8.7, 50.1]}'
                    raise CaseError(name, right, f"bus {table.index[row]}", "geo", text) from error
    x, y = points.T
    latitude = np.nanmean(y) if np.isfinite(y).any() else 0.0
    if 20 < abs(latitude) < 75 and np.nanmax(np.abs(x)) <= 180:
        x = x * np.cos(np.deg2rad(latitude))
    return x, y


def _agreeing_state(network: Network) -> GridState:
    """The base state. CaseError where it is another one than pandapower's."""
    try:
        injection = Injection.of_case(network)
        state = PowerFlow(network).solve(injection, network.branch.closed, network.base_voltage, only=True)
    except PowerFlowDivergedError as error:
        raise CaseError(network.name, str(error), "base state") from error
    gap = np.abs(state.voltage - network.base_voltage)
    worst = int(np.argmax(gap))
    if gap[worst] > AGREEMENT_PU:
        raise CaseError(
            network.name,
            f"our power flow differs by {gap[worst]:.2g} p.u. from pandapower's: an element is not supported",
            f'bus "{network.bus.name[worst]}"',
        )
    return state
