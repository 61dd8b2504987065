"""AC power flow: from injections and switch states to the state of the grid.

Newton-Raphson with KLU from lightsim2grid, on an admittance matrix built here: only energised buses enter it, so
islands and outages need no special case, and results come out as arrays without any table in between.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from lightsim2grid.algorithm import NRSing_KLU

from grid.flow.admittance import Topology, build_topology, fill_no_load, stub_admittances
from grid.flow.dc import dc_voltage
from grid.network import BoolArray, FloatArray, Network

TOLERANCE_PU = 1e-8  # largest bus mismatch; the rounding floor of the PEGASE grids lies above 1e-10
MAX_ITERATIONS = 12
SANE_PU = (0.4, 2.0)  # voltages beyond are likely of another root of the equations
TOPOLOGIES_KEPT = 16


@dataclass(frozen=True, eq=False)
class Injection:
    """What loads take and generators are set to; arrays of (l,) and (g,)."""

    load_p_mw: FloatArray
    load_q_mvar: FloatArray
    generator_p_mw: FloatArray
    generator_q_mvar: FloatArray
    generator_vm_pu: FloatArray
    generator_on: BoolArray

    @classmethod
    def of_case(cls, network: Network) -> "Injection":
        """The injections that the case itself gives."""
        load, generator = network.load, network.generator
        return cls(
            load.p_mw,
            load.q_mvar,
            generator.p_mw,
            generator.q_mvar,
            generator.vm_pu,
            np.ones(len(generator), dtype=bool),
        )


@dataclass(frozen=True, eq=False)
class GridState:
    """A solved AC state. Arrays are (n,) per bus, (m,) per branch, (g,) per generator, (l,) per load.

    Branch powers flow into the branch at the named end, so their sum is the branch's loss. Voltages of buses without
    supply are NaN and everything connected to them carries nothing.
    """

    iterations: int
    closed: BoolArray
    energised: BoolArray
    vm_pu: FloatArray
    va_degree: FloatArray
    p_from_mw: FloatArray
    q_from_mvar: FloatArray
    p_to_mw: FloatArray
    q_to_mvar: FloatArray
    i_ka: FloatArray  # at the end that is loaded more
    loaded_at_to: BoolArray  # which end that is
    loading_percent: FloatArray
    loss_mw: FloatArray
    generator_p_mw: FloatArray
    generator_q_mvar: FloatArray
    load_p_mw: FloatArray
    load_q_mvar: FloatArray
    shunt_mva: FloatArray  # complex power that shunts draw, (n,)
    voltage: FloatArray  # complex p.u., 0 where not energised

    @property
    def total_loss_mw(self) -> float:
        """Active power lost in branches."""
        return float(self.loss_mw.sum())

    @property
    def total_load_mw(self) -> float:
        """Active power delivered to loads."""
        return float(self.load_p_mw.sum())

    @property
    def total_generation_mw(self) -> float:
        """Active power fed in, imports included; what a source absorbs is an export and not counted."""
        return float(self.generator_p_mw.clip(min=0).sum())


class SuspectKind(StrEnum):
    """Why a bus may explain that there is no solution."""

    MISMATCH = "mismatch"  # the largest ones of the last iterate
    OVERLOADED_BEFORE = "overloaded_before"  # it is the end of a branch that was
    ISLAND = "island"  # without a source


@dataclass(frozen=True)
class Suspect:
    """A bus that may explain why a power flow found no solution.

    value: MVA of a mismatch, percent that the branch, -1 for none, was loaded before.
    """

    bus: int
    kind: SuspectKind
    value: float = np.nan
    branch: int = -1


class PowerFlowDivergedError(RuntimeError):
    """Newton found no solution; voltage is its last iterate (complex p.u.)."""

    def __init__(self, voltage: FloatArray, mismatch_mva: FloatArray) -> None:
        self.voltage = voltage
        self.mismatch_mva = mismatch_mva
        super().__init__(f"power flow found no solution, largest mismatch {mismatch_mva.max():.3g} MVA")


class PowerFlow:
    """Solves states of one network. Not thread-safe: give each thread its own."""

    def __init__(self, network: Network) -> None:
        self.network = network
        branch = network.branch
        self._solver = NRSing_KLU()
        self._factorised: Topology | None = None
        self._topologies: OrderedDict[bytes, Topology] = OrderedDict()
        self._stubs = stub_admittances(network)
        self._from_ka = network.base_mva / (np.sqrt(3.0) * network.bus.vn_kv[branch.from_bus])
        self._to_ka = network.base_mva / (np.sqrt(3.0) * network.bus.vn_kv[branch.to_bus])
        self._from_percent = 100.0 * self._from_ka / branch.rating_from_ka
        self._to_percent = 100.0 * self._to_ka / branch.rating_to_ka
        generator = network.generator
        self._rotation = np.exp(1j * np.deg2rad(generator.va_degree))
        self._holds_voltage = generator.holds_voltage
        self._distributor = _GeneratorShares(network)
        self._sources_only = np.zeros_like(network.base_voltage)
        self._sources_only[network.source_buses] = network.base_voltage[network.source_buses]
        self._starts_without_load = np.array_equal(self._sources_only, network.base_voltage)

    def solve(
        self, injection: Injection, closed: BoolArray, start: FloatArray | None = None, only: bool = False
    ) -> GridState:
        """Solve one state.

        injection: powers and set-points. closed: (m,) bool. start: (n,) complex p.u. where Newton begins, by default
        the case's base state; where that fails it begins there, then at the voltages without load, which is better far
        away from the base state, then at a DC power flow's. A state with voltages beyond SANE_PU is taken only where no
        start finds a better one. only: begin at start and nowhere else. Raises PowerFlowDivergedError.
        """
        topology = self._topology(injection, closed)
        if not len(topology.active):
            return self._state(topology, injection, closed, np.zeros(self.network.n_bus, dtype=complex), 0)
        power = self._bus_power(injection)
        odd: tuple[FloatArray, int] | None = None
        for begin in (start,) if only and start is not None else self._begins(injection, closed, start):
            voltage = self._newton(topology, injection, power, begin)
            if not self._solver.converged():
                continue
            iterations = self._solver.get_nb_iter()
            magnitude = np.abs(voltage[topology.active])
            if SANE_PU[0] <= magnitude.min() and magnitude.max() <= SANE_PU[1]:
                return self._state(topology, injection, closed, voltage, iterations)
            odd = odd or (voltage, iterations)
        if odd is None:
            raise PowerFlowDivergedError(voltage, self._mismatch_mva(topology, power, voltage))
        return self._state(topology, injection, closed, *odd)

    def _begins(self, injection: Injection, closed: BoolArray, start: FloatArray | None) -> Iterator[FloatArray]:
        """(n,) complex p.u. each, where Newton may begin."""
        if start is not None:
            yield start
        if not self._starts_without_load:
            yield self.network.base_voltage
        yield self._sources_only
        yield self.dc_voltage(injection, closed)

    def dc_voltage(self, injection: Injection, closed: BoolArray) -> FloatArray:
        """(n,) complex p.u. of a DC power flow with the same arguments as solve()."""
        topology = self._topology(injection, closed)
        source = [self._source_at(int(bus), injection.generator_on) for bus in topology.slack]
        angle = np.angle(self._rotation[np.array(source, dtype=np.int64)])
        return dc_voltage(self.network, topology, self._bus_power(injection).real, angle)

    def _topology(self, injection: Injection, closed: BoolArray) -> Topology:
        source = self.network.generator.is_source & injection.generator_on
        held = injection.generator_vm_pu[source] * self._rotation[source]
        ratio = np.round(held / held[0], 12) if len(held) else held
        key = closed.tobytes() + injection.generator_on.tobytes() + ratio.tobytes()
        found = self._topologies.get(key)
        if found is not None:
            self._topologies.move_to_end(key)
        else:
            found = self._topologies[key] = build_topology(
                self.network, self._stubs, injection.generator_on, closed, ratio
            )
            if len(self._topologies) > TOPOLOGIES_KEPT:
                self._topologies.popitem(last=False)
        return found

    def _bus_power(self, injection: Injection) -> FloatArray:
        """(n,) complex p.u. that generators feed in less what loads take."""
        load, generator, n_bus = self.network.load, self.network.generator, self.network.n_bus
        on = injection.generator_on
        power = np.empty(n_bus, dtype=complex)
        power.real = np.bincount(generator.bus, injection.generator_p_mw * on, n_bus)
        power.real -= np.bincount(load.bus, injection.load_p_mw, n_bus)
        power.imag = np.bincount(generator.bus, injection.generator_q_mvar * on, n_bus)
        power.imag -= np.bincount(load.bus, injection.load_q_mvar, n_bus)
        power /= self.network.base_mva
        return power

    def _newton(self, topology: Topology, injection: Injection, power: FloatArray, start: FloatArray) -> FloatArray:
        """The last iterate as (n,) complex p.u. from the given start, 0 without supply."""
        if self._factorised is not topology:
            self._solver.reset()
            self._factorised = topology
        voltage = np.where(topology.energised, start, 0)
        if np.any(voltage[topology.active] == 0):
            fill_no_load(self.network, topology, voltage)
        held = np.zeros(self.network.n_bus)
        holding = self._holds_voltage & injection.generator_on
        held[self.network.generator.bus[holding]] = injection.generator_vm_pu[holding]
        regulated, first = topology.regulated, topology.slack[0]
        voltage[regulated] *= held[regulated] / np.abs(voltage[regulated])
        angle = self._rotation[self._source_at(first, injection.generator_on)]
        voltage[first] = held[first] * angle
        active = topology.active
        self._solver.compute_pf(
            topology.admittance,
            voltage[active],
            power[active],
            _FIRST,
            _slack_weights(len(active)),
            topology.pv,
            topology.pq,
            MAX_ITERATIONS,
            TOLERANCE_PU,
        )
        voltage[active] = self._solver.get_V()
        voltage[topology.slack] = voltage[first] * topology.slack_ratio
        return voltage

    def _source_at(self, bus: int, generator_on: BoolArray) -> int:
        generator = self.network.generator
        return int(np.flatnonzero(generator.is_source & generator_on & (generator.bus == bus))[0])

    def _mismatch_mva(self, topology: Topology, power: FloatArray, voltage: FloatArray) -> FloatArray:
        """(n,) how far each bus's balance is from closed at the given voltages; 0 where it needn't be."""
        active = topology.active
        residual = voltage[active] * np.conj(topology.admittance @ voltage[active]) - power[active]
        residual[topology.pv] = residual[topology.pv].real
        residual[0] = 0
        mismatch = np.zeros(self.network.n_bus)
        mismatch[active] = np.abs(np.nan_to_num(residual, nan=np.inf)) * self.network.base_mva
        return mismatch

    def _state(
        self,
        topology: Topology,
        injection: Injection,
        closed: BoolArray,
        voltage: FloatArray,
        iterations: int,
    ) -> GridState:
        network, branch = self.network, self.network.branch
        v_from, v_to = voltage[branch.from_bus], voltage[branch.to_bus]
        i_from = topology.yff * v_from + topology.yft * v_to
        i_to = topology.ytf * v_from + topology.ytt * v_to
        s_from = v_from * np.conj(i_from) * network.base_mva
        s_to = v_to * np.conj(i_to) * network.base_mva
        i_from, i_to = np.abs(i_from), np.abs(i_to)
        percent_from, percent_to = i_from * self._from_percent, i_to * self._to_percent
        loaded_at_to = percent_to > percent_from
        shunt = (voltage.real**2 + voltage.imag**2) * np.conj(network.bus.shunt_pu) * network.base_mva
        supplied = topology.energised[network.load.bus]
        load_p, load_q = injection.load_p_mw * supplied, injection.load_q_mvar * supplied
        drawn = _bus_sum(network, s_from, s_to, shunt, load_p + 1j * load_q)
        generator_p, generator_q = self._distributor.share(injection, topology.energised, drawn)
        vm, va = np.abs(voltage), np.angle(voltage, deg=True)
        if len(topology.active) + len(topology.slack) - 1 < network.n_bus:
            vm, va = np.where(topology.energised, vm, np.nan), np.where(topology.energised, va, np.nan)
        return GridState(
            iterations=iterations,
            closed=closed,
            energised=topology.energised,
            vm_pu=vm,
            va_degree=va,
            p_from_mw=s_from.real,
            q_from_mvar=s_from.imag,
            p_to_mw=s_to.real,
            q_to_mvar=s_to.imag,
            i_ka=np.where(loaded_at_to, i_to * self._to_ka, i_from * self._from_ka),
            loaded_at_to=loaded_at_to,
            loading_percent=np.maximum(percent_from, percent_to),
            loss_mw=s_from.real + s_to.real,
            generator_p_mw=generator_p,
            generator_q_mvar=generator_q,
            load_p_mw=load_p,
            load_q_mvar=load_q,
            shunt_mva=shunt,
            voltage=voltage,
        )


_FIRST = np.zeros(1, dtype=np.int32)


def _slack_weights(n_active: int) -> FloatArray:
    weights = np.zeros(n_active)
    weights[0] = 1.0
    return weights


def _bus_sum(network: Network, s_from: FloatArray, s_to: FloatArray, shunt: FloatArray, load: FloatArray) -> FloatArray:
    """(n,) complex MVA that branches, shunts and loads draw from each bus: what its generators must feed in."""
    buses = np.concatenate([network.branch.from_bus, network.branch.to_bus, network.load.bus])
    power = np.concatenate([s_from, s_to, load])
    drawn = shunt.copy()
    drawn.real += np.bincount(buses, power.real, network.n_bus)
    drawn.imag += np.bincount(buses, power.imag, network.n_bus)
    return drawn


class _GeneratorShares:
    """Splits what a bus must feed in over its generators: equally over those that are free to follow."""

    def __init__(self, network: Network) -> None:
        self._generator = network.generator
        self._n_bus = network.n_bus
        self._holds_voltage = network.generator.holds_voltage

    def share(self, injection: Injection, energised: BoolArray, drawn_mva: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(g,) p_mw and q_mvar such that each bus's generators together feed in drawn_mva (n,)."""
        on = injection.generator_on & energised[self._generator.bus]
        p = self._follow(injection.generator_p_mw * on, on & self._generator.is_source, drawn_mva.real)
        q = self._follow(injection.generator_q_mvar * on, on & self._holds_voltage, drawn_mva.imag)
        return p, q

    def _follow(self, fixed: FloatArray, free: BoolArray, needed: FloatArray) -> FloatArray:
        bus = self._generator.bus
        fixed = np.where(free, 0.0, fixed)
        rest = needed - np.bincount(bus, fixed, self._n_bus)
        count = np.bincount(bus[free], minlength=self._n_bus)
        return np.where(free, rest[bus] / np.maximum(count[bus], 1), fixed)


def suspects_of(
    error: PowerFlowDivergedError,
    network: Network,
    last: GridState | None,
    energised: BoolArray,
    most: int = 5,
) -> tuple[Suspect, ...]:
    """Buses that may explain a diverged power flow: largest mismatches, ends of earlier overloads, islands."""
    mismatch = error.mismatch_mva
    worst = np.argsort(-mismatch)[:most]
    found = [Suspect(int(bus), SuspectKind.MISMATCH, float(mismatch[bus])) for bus in worst if mismatch[bus] > 0]
    if last is not None:
        loading = np.nan_to_num(last.loading_percent)
        for index in np.argsort(-loading)[:most]:
            if loading[index] > 100:
                end, kind = int(network.branch.to_bus[index]), SuspectKind.OVERLOADED_BEFORE
                found.append(Suspect(end, kind, float(loading[index]), int(index)))
    island = np.flatnonzero(~energised & network.bus.in_service)[:most]
    found += [Suspect(int(bus), SuspectKind.ISLAND) for bus in island]
    return tuple(found)
