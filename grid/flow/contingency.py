"""N-1: the state after the loss of every single branch, in one sweep.

All outages share one sparsity pattern: an outage only changes four values of the admittance matrix and is undone after
it. Where it cuts buses off, the matrix keeps them, but one way:
they follow the voltage at the lost branch without drawing anything from it, so that the supplied part is solved exactly
as if they were not there. lightsim2grid's own batch of contingencies works on its grid model, not on our matrix.
"""

from dataclasses import dataclass

import numpy as np
from lightsim2grid.algorithm import NRSing_KLU
from scipy import sparse

from grid.flow.admittance import Topology, stub_admittances
from grid.flow.fixed_flow import FIRST, bus_power_pu, topology_of
from grid.flow.powerflow import MAX_ITERATIONS, TOLERANCE_PU, Injection, PowerFlow, PowerFlowDivergedError
from grid.flow.topology import energised_buses, interrupted_power_mw
from grid.network import BoolArray, FloatArray, IntArray, Network

FULL_LOAD_PERCENT = 100.0
BAND_TOLERANCE_PU = 1e-6  # a voltage set to its limit is within it
COPIES_AT_ONCE = 64  # of the graph, when it is asked what outages cut off: one search for all of them


@dataclass(frozen=True, eq=False)
class NMinusOne:
    """What each of k outages does; arrays are (k,), NaN where there is no solution.

    Loadings are of all branches with a rating, the derived ones included; voltages are of the buses still supplied;
    band_excess_pu is how far the worst of them lies outside its bus's band, negative when all lie within.
    """

    outage: IntArray  # branch
    converged: BoolArray
    worst_loading_percent: FloatArray
    band_excess_pu: FloatArray
    lost_load_mw: FloatArray  # of buses that the outage cuts off
    worst_branch: IntArray  # that is loaded most, -1 without a solution
    worst_bus: IntArray  # whose voltage is band_excess_pu, -1 without a solution

    @property
    def within_limits(self) -> BoolArray:
        """(k,) solved, no branch above its rating, no voltage outside its band; load may be lost."""
        loaded = self.worst_loading_percent <= FULL_LOAD_PERCENT
        return self.converged & loaded & (self.band_excess_pu <= BAND_TOLERANCE_PU)

    @property
    def secure(self) -> bool:
        """Whether every outage stays within limits and no load is lost."""
        return bool(self.within_limits.all() and not self.lost_load_mw.any())


def n_minus_1(
    network: Network,
    injection: Injection,
    closed: BoolArray,
    outages: IntArray | None = None,
    start: FloatArray | None = None,
) -> NMinusOne:
    """The states after each single outage of branches outages (k,), by default of all that carry anything now.

    closed: (m,) switch states before the outage. start: (n,) complex p.u., the solved state before the outage if it is
    known. Agrees with a power flow of each outage to its tolerance. Raises PowerFlowDivergedError where the state
    before the outage has no solution.
    """
    before = PowerFlow(network).solve(injection, closed, start)
    if outages is None:
        outages = np.flatnonzero(closed & before.energised[network.branch.from_bus])
    sweep = _Sweep(network, injection, closed, before.voltage)
    dead = _cut_off(network, injection, closed, outages)
    voltage = sweep.voltages(outages, dead)
    lost = np.zeros(len(outages))
    for position, cut_off in dead.items():
        lost[position] = injection.load_p_mw[cut_off[network.load.bus]].sum()
    return _summary(network, outages, voltage, sweep.loading_percent(outages, voltage), lost)


def _sources(network: Network, injection: Injection) -> IntArray:
    generator = network.generator
    return np.unique(generator.bus[generator.is_source & injection.generator_on])


def _cut_off(network: Network, injection: Injection, closed: BoolArray, outages: IntArray) -> dict[int, BoolArray]:
    """By position in outages: which buses (n,) are supplied before it and no longer after it."""
    f, t, sources = network.branch.from_bus, network.branch.to_bus, _sources(network, injection)
    supplied = energised_buses(network.n_bus, f, t, closed, sources)
    cut = interrupted_power_mw(network.n_bus, f, t, closed, sources, np.ones(network.n_bus))
    rows = np.flatnonzero(cut[outages] > 0)
    dead: dict[int, BoolArray] = {}
    for first in range(0, len(rows), COPIES_AT_ONCE):
        chunk = rows[first : first + COPIES_AT_ONCE]
        without = np.tile(closed, (len(chunk), 1))
        without[np.arange(len(chunk)), outages[chunk]] = False
        offset = network.n_bus * np.arange(len(chunk))[:, None]
        tiled = (f + offset).ravel(), (t + offset).ravel(), without.ravel(), (sources + offset).ravel()
        alive = energised_buses(network.n_bus * len(chunk), *tiled).reshape(len(chunk), network.n_bus)
        dead.update((int(row), supplied & ~buses) for row, buses in zip(chunk, alive, strict=True))
    return dead


class _Sweep:
    """Newton on the matrix of one topology, changed for one outage at a time."""

    def __init__(self, network: Network, injection: Injection, closed: BoolArray, voltage: FloatArray) -> None:
        self._network, self._injection, self._closed, self._voltage = network, injection, closed, voltage
        self._stubs = stub_admittances(network)
        self._topology = topology_of(network, injection, closed)
        self._power = bus_power_pu(network, injection)
        self._matrix = self._topology.admittance.copy()
        self._slack_weights = np.zeros(len(self._topology.active))
        self._slack_weights[:1] = 1.0
        self._solver = NRSing_KLU()  # one pattern for all outages: it needs no reset in between

    def voltages(self, outages: IntArray, dead: dict[int, BoolArray]) -> FloatArray:
        """(k, n) complex p.u., 0 without supply, NaN without a solution. dead: see _cut_off."""
        place, change = self._changes(outages, dead)
        intact, active, slack = self._matrix.data.copy(), self._topology.active, self._topology.slack
        voltage = np.zeros((len(outages), self._network.n_bus), dtype=complex)
        for row in range(len(outages)):
            np.add.at(self._matrix.data, place[row], change[row])
            voltage[row, active] = self._solve(dead.get(row))
            self._matrix.data[:] = intact
        voltage[:, slack] = voltage[:, slack[:1]] * self._topology.slack_ratio
        for unsolved in np.flatnonzero(np.isnan(voltage).any(axis=1)):
            voltage[unsolved] = self._again(int(outages[unsolved]))
        for position, cut_off in dead.items():
            voltage[position, cut_off] = 0
        return voltage

    def loading_percent(self, outages: IntArray, voltage: FloatArray) -> FloatArray:
        """(k, m) at the end that is loaded more."""
        topology, branch, rows = self._topology, self._network.branch, np.arange(len(outages))
        v_from, v_to = voltage[:, branch.from_bus], voltage[:, branch.to_bus]
        i_from, i_to = topology.yff * v_from + topology.yft * v_to, topology.ytf * v_from + topology.ytt * v_to
        i_from[rows, outages] = self._stubs[0][outages] * v_from[rows, outages]
        i_to[rows, outages] = self._stubs[1][outages] * v_to[rows, outages]
        vn_kv, base_ka = self._network.bus.vn_kv, self._network.base_mva / np.sqrt(3.0)
        percent_from = 100.0 * base_ka / (vn_kv[branch.from_bus] * branch.rating_from_ka)
        percent_to = 100.0 * base_ka / (vn_kv[branch.to_bus] * branch.rating_to_ka)
        return np.maximum(np.abs(i_from) * percent_from, np.abs(i_to) * percent_to)

    def _changes(self, outages: IntArray, dead: dict[int, BoolArray]) -> tuple[IntArray, FloatArray]:
        """(k, 4) places in the matrix's data and what each outage adds there. A dead end keeps its own row."""
        topology, branch = self._topology, self._network.branch
        row, column, weight = _numbers(topology, self._network.n_bus)
        f, t = branch.from_bus[outages], branch.to_bus[outages]
        at, beside = np.stack([f, f, t, t], axis=1), np.stack([f, t, f, t], axis=1)
        left = np.stack([self._stubs[0], np.zeros(len(branch)), np.zeros(len(branch)), self._stubs[1]], axis=1)
        now = np.stack([topology.yff, topology.yft, topology.ytf, topology.ytt], axis=1)
        speaks = row[at] >= 0
        for position, cut_off in dead.items():
            speaks[position] &= ~cut_off[at[position]]
        change = np.where(speaks, (left - now)[outages] * weight[beside], 0)
        place = _position(self._matrix, np.where(speaks, row[at], 0), np.where(speaks, column[beside], 0))
        return place, change

    def _solve(self, dead: BoolArray | None) -> FloatArray:
        """Voltages of the active buses as the matrix is now; NaN without a solution."""
        topology = self._topology
        power = self._power if dead is None else np.where(dead, 0, self._power)
        self._solver.compute_pf(
            self._matrix,
            self._voltage[topology.active],
            power[topology.active],
            FIRST,
            self._slack_weights,
            topology.pv,
            topology.pq,
            MAX_ITERATIONS,
            TOLERANCE_PU,
        )
        return self._solver.get_V() if self._solver.converged() else np.full(len(topology.active), np.nan)

    def _again(self, branch: int) -> FloatArray:
        """Once more without the buses that are cut off, in case only they were in the way."""
        self._solver.reset()
        closed = self._closed.copy()
        closed[branch] = False
        try:
            return PowerFlow(self._network).solve(self._injection, closed, self._voltage).voltage
        except PowerFlowDivergedError:
            return np.full(self._network.n_bus, np.nan, dtype=complex)


def _numbers(topology: Topology, n_bus: int) -> tuple[IntArray, IntArray, FloatArray]:
    """(n,) each bus's row and column in the matrix, -1 where it has none, and the weight its column was folded with."""
    row, weight = np.full(n_bus, -1), np.ones(n_bus, dtype=complex)
    row[topology.active] = np.arange(len(topology.active))
    column = row.copy()
    column[topology.slack] = 0
    weight[topology.slack] = topology.slack_ratio
    return row, column, weight


def _position(matrix: sparse.csc_matrix, row: IntArray, column: IntArray) -> IntArray:
    """Where entries stand in the matrix's data; they must be in its pattern, and its indices sorted."""
    columns = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    keys = columns * matrix.shape[0] + matrix.indices
    return np.searchsorted(keys, column * matrix.shape[0] + row)


def _summary(
    network: Network, outages: IntArray, voltage: FloatArray, loading: FloatArray, lost_load_mw: FloatArray
) -> NMinusOne:
    magnitude = np.abs(voltage)
    converged, supplied = ~np.isnan(magnitude).any(axis=1), magnitude > 0
    low, high = np.where(supplied, magnitude, np.inf), np.where(supplied, magnitude, -np.inf)
    beyond = np.maximum(network.bus.min_vm_pu - low, high - network.bus.max_vm_pu)
    return NMinusOne(
        outage=outages,
        converged=converged,
        worst_loading_percent=np.where(converged, loading.max(axis=1), np.nan),
        band_excess_pu=np.where(converged, beyond.max(axis=1), np.nan),
        lost_load_mw=np.where(converged, lost_load_mw, np.nan),
        worst_branch=np.where(converged, loading.argmax(axis=1), -1),
        worst_bus=np.where(converged, beyond.argmax(axis=1), -1),
    )
