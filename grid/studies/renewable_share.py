"""Renewable generation: its share by plant and kind of energy, and how much of it must be cut to keep the limits.

The least cut is a sequence of small linear programmes on exact sensitivities of the power flow; what is returned has
been verified by AC power flow.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from grid.flow.contingency import BAND_TOLERANCE_PU, FULL_LOAD_PERCENT
from grid.flow.fixed_flow import FixedFlow, topology_of
from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.network import RENEWABLE, BoolArray, Energy, FloatArray, IntArray, Network

MOST_ROUNDS = 8
AIMED_PERCENT, AIMED_BELOW_PU = 99.999, 1e-6  # a hair inside the limits, so that the AC state keeps them
WATCHED_PERCENT, WATCHED_PU = 60.0, 0.04  # what lies further inside is not put to the linear programme
PENALTY_MW = 1e4  # what one limit exceeded by all of itself is worth: more than any cut
SETTLED_MW = 1e-4


@dataclass(frozen=True, eq=False)
class EnergyMix:
    """Who generates, in the unit that was given, MW or MWh; what plants or the grid absorb is left out."""

    plant: FloatArray  # (g,)
    is_renewable: BoolArray  # (g,)
    energy: FloatArray  # (e,) in the order of Energy; imports are Energy.GRID

    @property
    def total(self) -> float:
        """All generation, imports included."""
        return float(self.plant.sum())

    @property
    def plant_percent(self) -> FloatArray:
        """(g,) of the total; NaN if nothing is generated."""
        return _percent(self.plant, self.total)

    @property
    def energy_percent(self) -> FloatArray:
        """(e,) of the total; NaN if nothing is generated."""
        return _percent(self.energy, self.total)

    @property
    def renewable_percent(self) -> float:
        """Of the total; NaN if nothing is generated or some of it by what the case doesn't say."""
        known = self.energy[tuple(Energy).index(Energy.UNKNOWN)] == 0
        return float(_percent(self.plant[self.is_renewable].sum(), self.total)) if known else np.nan


def energy_mix(network: Network, generated: FloatArray) -> EnergyMix:
    """The mix of what generators (g,) feed in, in MW or MWh; energies of a series are added up before."""
    plant, kinds = np.maximum(generated, 0.0), tuple(Energy)
    place = np.array([kinds.index(energy) for energy in network.generator.energy], dtype=int)
    return EnergyMix(plant, _renewable(network), np.bincount(place, plant, len(kinds)))


def _renewable(network: Network) -> BoolArray:
    return np.array([energy in RENEWABLE for energy in network.generator.energy], dtype=bool)


def _percent(part: FloatArray, whole: float) -> FloatArray:
    return 100 * part / whole if whole > 0 else part * np.nan


@dataclass(frozen=True, eq=False)
class Curtailment:
    """How much renewable power has to be cut now. state is the AC state with the cut.

    keeps_limits is False where no cut helps against an overload or a voltage that is too high: then it is the cut that
    brings them closest. Undervoltages are no reason to cut.
    """

    cut_mw: FloatArray  # (g,)
    keeps_limits: bool
    injection: Injection
    state: GridState

    @property
    def total_mw(self) -> float:
        """Of all plants."""
        return float(self.cut_mw.sum())


def curtailment(network: Network, injection: Injection, closed: BoolArray) -> Curtailment:
    """The least cut of renewable active power so that no branch is overloaded and no voltage too high.

    closed: (m,). Plants at a source's bus are never cut: the source would take over. Dense sensitivities: for grids up
    to some thousand buses. Raises PowerFlowDivergedError where the present state has no solution.
    """
    flow = PowerFlow(network)
    best = Curtailment(np.zeros(len(network.generator)), True, injection, flow.solve(injection, closed))
    plants = _plants(network, injection, best.state)
    if not _exceeded(network, best.state) or not len(plants):
        return replace(best, keeps_limits=not _exceeded(network, best.state))
    fixed, state, cut = FixedFlow(network, topology_of(network, injection, closed)), best.state, best.cut_mw
    best = replace(best, keeps_limits=False)
    for _ in range(MOST_ROUNDS):
        wanted = _least_cut(network, fixed, state, injection, plants, cut)
        moved, cut = float(np.abs(wanted - cut).max()), wanted
        less = replace(injection, generator_p_mw=injection.generator_p_mw - cut)
        try:
            state = flow.solve(less, closed, state.voltage)
        except PowerFlowDivergedError:
            break
        best = _better(best, Curtailment(cut, not _exceeded(network, state), less, state), network)
        if moved < SETTLED_MW:
            break
    return best


def _plants(network: Network, injection: Injection, state: GridState) -> IntArray:
    """Generators that can be cut and whose cut does anything."""
    generator = network.generator
    cuttable = _renewable(network) & injection.generator_on & (injection.generator_p_mw > 0)
    cuttable &= ~np.isin(generator.bus, network.source_buses) & state.energised[generator.bus]
    return np.flatnonzero(cuttable)


def _exceeded(network: Network, state: GridState) -> float:
    """The largest relative excess over a limit, 0 if all are kept."""
    loading = float(np.max(state.loading_percent, initial=0.0)) / FULL_LOAD_PERCENT - 1
    over = state.vm_pu / network.bus.max_vm_pu - 1
    voltage = float(np.nanmax(over, initial=-1.0))
    return max(0.0, loading, voltage if voltage > BAND_TOLERANCE_PU else 0.0)


def _better(best: Curtailment, other: Curtailment, network: Network) -> Curtailment:
    """The smaller cut of those that keep the limits, otherwise what is closest to them."""
    if best.keeps_limits and other.keeps_limits:
        return min(best, other, key=lambda one: one.total_mw)
    if best.keeps_limits or other.keeps_limits:
        return best if best.keeps_limits else other
    return min(best, other, key=lambda one: _exceeded(network, one.state))


def _least_cut(
    network: Network, fixed: FixedFlow, state: GridState, injection: Injection, plants: IntArray, cut_mw: FloatArray
) -> FloatArray:
    """(g,) the cut that the linear model of the present state takes for least; limits it cannot keep cost dearly."""
    now, limit, slope = _watched(network, fixed, state, network.generator.bus[plants])
    most, limits = injection.generator_p_mw[plants], len(limit)
    room = limit - now + slope @ cut_mw[plants]
    matrix = sparse.hstack([sparse.csr_matrix(slope), -sparse.identity(limits)], format="csr")
    cost = np.concatenate([np.ones(len(plants)), np.full(limits, PENALTY_MW)])
    bounds = [(0.0, float(top)) for top in most] + [(0.0, None)] * limits
    found = linprog(cost, A_ub=matrix, b_ub=room, bounds=bounds, method="highs")
    cut = cut_mw.copy()
    if found.x is not None:
        cut[plants] = np.clip(found.x[: len(plants)], 0.0, most)
    return cut


def _watched(
    network: Network, fixed: FixedFlow, state: GridState, buses: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Loadings and voltages near their limits, over the limits: now (k,), limit (k,) and slope (k, r) per MW cut."""
    branch, voltage, topology = network.branch, state.voltage, fixed.topology
    moved = -fixed.response(voltage, buses)[:, : len(buses)] / network.base_mva
    near, to_end = np.flatnonzero(state.loading_percent > WATCHED_PERCENT), state.loaded_at_to
    f, t, at_to = branch.from_bus[near], branch.to_bus[near], to_end[near]
    by_from = np.where(at_to, topology.ytf[near], topology.yff[near])
    by_to = np.where(at_to, topology.ytt[near], topology.yft[near])
    current = by_from * voltage[f] + by_to * voltage[t]
    change = by_from[:, None] * moved[f] + by_to[:, None] * moved[t]
    load = state.loading_percent[near] / FULL_LOAD_PERCENT
    relative = (change / current[:, None]).real
    high = np.isin(np.arange(network.n_bus), fixed.free) & (state.vm_pu > network.bus.max_vm_pu - WATCHED_PU)
    bus, top = np.flatnonzero(high), network.bus.max_vm_pu[high]
    v_slope = (moved[bus] * (np.conj(voltage[bus]) / np.abs(voltage[bus]))[:, None]).real / top[:, None]
    now = np.concatenate([load, state.vm_pu[bus] / top])
    limit = np.concatenate([np.full(len(near), AIMED_PERCENT / 100), 1 - AIMED_BELOW_PU / top])
    return now, limit, np.concatenate([relative * load[:, None], v_slope])
