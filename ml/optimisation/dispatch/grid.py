"""What dispatch may set in a meshed grid, what it must keep, and what a setting costs.

A set-point vector is (u,) in p.u.: active power of the generators that may be redispatched, then the magnitudes at the
buses whose voltage is held. Sources balance the grid, so their power is not set but limited, as are reactive powers,
the other buses' voltages and the loadings of branches with a real rating. Everything works on k vectors at once.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from grid.capabilities import DISPATCH
from grid.flow.fixed_flow import FixedFlow, bus_power_pu, topology_of
from grid.flow.powerflow import Injection
from grid.flow.source_bounds import SourceBounds
from grid.network import BoolArray, Energy, FloatArray, IntArray, Network
from ml.optimisation.plans.plan import NoPlan, NoPlanKind

POWER_MW_PER_MW = 1.0  # a broken limit costs more than any loss it saves, a few hundredths of a MW a MW or Mvar
REACTIVE_MW_PER_MVAR = 0.2
VOLTAGE_MW_PER_PU = 100.0  # these two as in ml.optimisation.radial.objective
OVERLOAD_MW_PER_PERCENT = 0.1
WEATHER = frozenset({Energy.PV, Energy.WIND})
LARGEST_GRID = DISPATCH.most


@dataclass(frozen=True, eq=False)
class DispatchLimits:
    """Bounds of a dispatch: generators (g,), buses (n,), branches (m,); infinite where there is none.

    Generators that share a bus share its reactive power equally, so each must stay within its own limits.
    """

    min_p_mw: FloatArray
    max_p_mw: FloatArray
    min_q_mvar: FloatArray
    max_q_mvar: FloatArray
    min_vm_pu: FloatArray
    max_vm_pu: FloatArray
    max_loading_percent: FloatArray

    @classmethod
    def of(cls, network: Network, source: SourceBounds | None = None) -> "DispatchLimits":
        """The case's own limits. Derived ratings are no limits, nor are placeholders for what a source gives.

        source: the network's, where the caller has them.
        """
        generator = network.generator
        source = source or SourceBounds.of(network, infeeds=False)
        return cls(
            min_p_mw=source.low_mw,
            max_p_mw=source.high_mw,
            min_q_mvar=generator.min_q_mvar,
            max_q_mvar=generator.max_q_mvar,
            min_vm_pu=network.bus.min_vm_pu,
            max_vm_pu=network.bus.max_vm_pu,
            max_loading_percent=np.where(network.branch.rating_derived, np.inf, 100.0),
        )


@dataclass(frozen=True, eq=False)
class SetPointOutcome:
    """What k set-point vectors lead to: voltages (k, n), losses (k,) and limited quantities (k, c) in p.u.

    cost_mw is losses plus penalties (an overload counts at both ends), infinite where there is no solution.
    """

    voltage: FloatArray
    loss_mw: FloatArray
    quantity: FloatArray
    excess: FloatArray  # (k, c + 2 u) how far quantities, then set-points, lie outside their limits, 0 within
    cost_mw: FloatArray


class NoDispatchError(ValueError):
    """A grid, or a state of it, in which there is nothing to dispatch; reason says why."""

    def __init__(self, reason: NoPlan) -> None:
        self.reason = reason
        super().__init__(reason)


class DispatchGrid:
    """A grid in given switch states, with given generators running, as dispatch sees it.

    Raises NoDispatchError where there is nothing to set (no source in service, or only sources of which there are
    several, and generators that follow the weather) and above LARGEST_GRID buses.
    """

    def __init__(self, network: Network, injection: Injection, closed: BoolArray, limits: DispatchLimits) -> None:
        if network.n_bus > LARGEST_GRID:
            raise NoDispatchError(NoPlan(kind=NoPlanKind.TOO_LARGE, buses=network.n_bus, most=LARGEST_GRID))
        topology = topology_of(network, injection, closed)
        if not len(topology.active):
            raise NoDispatchError(NoPlan(kind=NoPlanKind.NO_SOURCE))
        self.network, self.injection, self.closed, self.limits = network, injection, closed, limits
        self.flow = FixedFlow(network, topology)
        generator, base = network.generator, network.base_mva
        fed = topology.energised[generator.bus] & injection.generator_on
        free = generator.is_regulating & fed & (limits.max_p_mw > limits.min_p_mw)
        free &= ~np.isin(generator.bus, topology.slack)
        free &= np.array([energy not in WEATHER for energy in generator.energy], dtype=bool)
        self.p_generator: IntArray = np.flatnonzero(free)
        self._unset = 1 if len(topology.slack) > 1 else 0  # several sources keep their voltages
        self.v_bus: IntArray = self.flow.held[self._unset :]
        lowest = [limits.min_p_mw[self.p_generator] / base, limits.min_vm_pu[self.v_bus]]
        highest = [limits.max_p_mw[self.p_generator] / base, limits.max_vm_pu[self.v_bus]]
        self.lower, self.upper = np.concatenate(lowest), np.concatenate(highest)
        if not self.size:
            raise NoDispatchError(NoPlan(kind=NoPlanKind.NOTHING_TO_SET))
        self._holding = generator.holds_voltage & fed
        self._fixed_vm = self._held_vm(injection)[: self._unset]
        self._quantities()

    @property
    def size(self) -> int:
        """u, the number of set-points."""
        return len(self.lower)

    def of_injection(self, injection: Injection) -> FloatArray:
        """(u,) the set-points of an injection, as they are."""
        p = injection.generator_p_mw[self.p_generator] / self.network.base_mva
        return np.concatenate([p, self._held_vm(injection)[self._unset :]])

    def with_set_points(self, injection: Injection, set_points: FloatArray) -> Injection:
        """The injection with set-points (u,) in place of its own."""
        count = len(self.p_generator)
        p_mw, vm_pu = injection.generator_p_mw.copy(), np.full(self.network.n_bus, np.nan)
        p_mw[self.p_generator] = set_points[:count] * self.network.base_mva
        vm_pu[self.v_bus] = set_points[count:]
        wanted = vm_pu[self.network.generator.bus]
        changed = self._holding & np.isfinite(wanted)
        vm = np.where(changed, wanted, injection.generator_vm_pu)
        return replace(injection, generator_p_mw=p_mw, generator_vm_pu=vm)

    def rest_pu(self, injection: Injection) -> FloatArray:
        """(n,) complex power fed in at each bus without the generators that are set here."""
        p_mw = injection.generator_p_mw * ~self.network.generator.is_source
        p_mw[self.p_generator] = 0.0
        q_mvar = injection.generator_q_mvar * ~self._holding
        return bus_power_pu(self.network, replace(injection, generator_p_mw=p_mw, generator_q_mvar=q_mvar))

    def outcome(self, set_points: FloatArray, rest_pu: FloatArray, start: FloatArray | None = None) -> SetPointOutcome:
        """AC power flows of set_points (k, u) with rest_pu (n,) or (k, n). start: (n,) complex p.u."""
        count, base = len(self.p_generator), self.network.base_mva
        power = np.broadcast_to(rest_pu, (len(set_points), self.network.n_bus)).copy()
        buses = self.network.generator.bus[self.p_generator]
        for column, bus in enumerate(buses):  # several generators may share a bus
            power[:, bus] += set_points[:, column]
        held = np.concatenate([np.tile(self._fixed_vm, (len(set_points), 1)), set_points[:, count:]], axis=1)
        voltage = self.flow.solve(power, held, self.network.base_voltage if start is None else start)
        quantity = self._measured(voltage, power)
        outside = np.maximum(self.quantity_lower - quantity, quantity - self.quantity_upper)
        excess = np.maximum(np.concatenate([outside, self.lower - set_points, set_points - self.upper], axis=1), 0.0)
        loss = base * self.flow.loss_pu(voltage)
        cost = loss + excess @ self._weight_mw
        solved = np.isfinite(cost)
        return SetPointOutcome(
            voltage, np.where(solved, loss, np.inf), quantity, excess, np.where(solved, cost, np.inf)
        )

    def derivatives(self, voltage: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """At voltages (n,): gradient (u,) and Gauss-Newton Hessian (u, u) of losses in MW, and (c, u) of quantities.

        Losses are v^H G v with a fixed G, so the Hessian lacks only the curvature of v itself.
        """
        flow, base = self.flow, self.network.base_mva
        response = flow.response(voltage, self.network.generator.bus[self.p_generator])
        response = np.delete(response, len(self.p_generator) + np.arange(self._unset), axis=1)
        lossy = flow.loss_matrix @ response
        gradient = 2 * base * (lossy.conj().T @ voltage).real
        hessian = 2 * base * (response.conj().T @ lossy).real
        current = flow.nodal_matrix[self._power_bus] @ np.column_stack([voltage, response])
        at = voltage[self._power_bus, None]
        power = response[self._power_bus] * current[:, :1].conj() + at * current[:, 1:].conj()
        direction = voltage[flow.free] / np.abs(voltage[flow.free])
        magnitude = (direction.conj()[:, None] * response[flow.free]).real
        carried = self._branch_current @ voltage
        size = np.maximum(np.abs(carried), 1e-9)
        loading = ((carried.conj() / size)[:, None] * (self._branch_current @ response)).real
        sources = len(self.flow.topology.slack)
        return gradient, hessian, np.concatenate([power[:sources].real, power.imag, magnitude, loading])

    def _held_vm(self, injection: Injection) -> FloatArray:
        vm = np.zeros(self.network.n_bus)
        vm[self.network.generator.bus[self._holding]] = injection.generator_vm_pu[self._holding]
        return vm[self.flow.held]

    def _measured(self, voltage: FloatArray, power: FloatArray) -> FloatArray:
        """(k, c) source powers, reactive powers of holding buses less what is fixed there, magnitudes, loadings."""
        at = self._power_bus
        fed = (self.flow.drawn_pu(voltage) - power)[:, at]
        loading = np.abs((self._branch_current @ voltage.T).T)
        sources = len(self.flow.topology.slack)
        return np.concatenate([fed[:, :sources].real, fed.imag, np.abs(voltage[:, self.flow.free]), loading], axis=1)

    def _quantities(self) -> None:
        """Limits and weights of what is limited, in the order of _measured."""
        flow, limits, base = self.flow, self.limits, self.network.base_mva
        self._power_bus = np.concatenate([flow.topology.slack, flow.topology.regulated])
        sources, generator = flow.topology.slack, self.network.generator
        source = generator.is_source & self._holding
        p_low, p_high = self._shared(source, sources, limits.min_p_mw, limits.max_p_mw)
        q_low, q_high = self._shared(self._holding, self._power_bus, limits.min_q_mvar, limits.max_q_mvar)
        self._branch_current, n_rated = self._rated_currents()
        free = flow.free
        self.quantity_lower = np.concatenate([p_low, q_low, limits.min_vm_pu[free], np.full(n_rated, -np.inf)])
        self.quantity_upper = np.concatenate([p_high, q_high, limits.max_vm_pu[free], np.ones(n_rated)])
        active, reactive = POWER_MW_PER_MW * base, REACTIVE_MW_PER_MVAR * base
        weights = (active, reactive, VOLTAGE_MW_PER_PU, 100 * OVERLOAD_MW_PER_PERCENT)
        self.quantity_weight_mw = np.repeat(weights, [len(p_low), len(q_low), len(free), n_rated])
        of_set_point = np.repeat((active, VOLTAGE_MW_PER_PU), [len(self.p_generator), len(self.v_bus)])
        self._weight_mw = np.concatenate([self.quantity_weight_mw, of_set_point, of_set_point])

    def _shared(
        self, member: BoolArray, buses: IntArray, low: FloatArray, high: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Limits in p.u. of what the member generators of each bus feed in together, in equal shares."""
        bus, n_bus = self.network.generator.bus[member], self.network.n_bus
        count = np.bincount(bus, minlength=n_bus)
        lowest, highest = np.full(n_bus, -np.inf), np.full(n_bus, np.inf)
        np.maximum.at(lowest, bus, low[member] / self.network.base_mva)
        np.minimum.at(highest, bus, high[member] / self.network.base_mva)
        return count[buses] * lowest[buses], count[buses] * highest[buses]

    def _rated_currents(self) -> tuple[sparse.csr_matrix, int]:
        """(c, n) currents of both ends of branches with a limit, over that limit, from voltages; and c."""
        network, topology, branch = self.network, self.flow.topology, self.network.branch
        rated = np.flatnonzero(np.isfinite(self.limits.max_loading_percent) & (topology.yft != 0))
        f, t = branch.from_bus[rated], branch.to_bus[rated]
        base_ka = 100.0 / self.limits.max_loading_percent[rated] * network.base_mva / np.sqrt(3.0)
        at_from = base_ka / (network.bus.vn_kv[f] * branch.rating_from_ka[rated])
        at_to = base_ka / (network.bus.vn_kv[t] * branch.rating_to_ka[rated])
        values = [
            topology.yff[rated] * at_from,
            topology.yft[rated] * at_from,
            topology.ytf[rated] * at_to,
            topology.ytt[rated] * at_to,
        ]
        row = np.arange(len(rated))
        rows = np.concatenate([row, row, row + len(rated), row + len(rated)])
        places = (rows, np.concatenate([f, t, f, t]))
        return sparse.csr_matrix((np.concatenate(values), places), (2 * len(rated), network.n_bus)), 2 * len(rated)
