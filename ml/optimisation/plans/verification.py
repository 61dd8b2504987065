"""Verification: a state of the grid solved by full AC power flow and judged against what is asked of a plan."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from grid.flow.contingency import BAND_TOLERANCE_PU, FULL_LOAD_PERCENT, NMinusOne, n_minus_1
from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.flow.topology import energised_buses, interrupted_power_mw, is_radial
from grid.network import BoolArray, FloatArray, IntArray, Network
from ml.optimisation.plans.limits import SUPPLY_TOLERANCE_KW, USUAL_BAND_PU, Bounds, BoundsOf
from ml.optimisation.plans.plan import (
    Action,
    Constraint,
    EmergencyUse,
    Margin,
    NoPlan,
    NoPlanKind,
    Plan,
    Requirements,
    SetPoint,
    Verdict,
)
from ml.optimisation.radial.grid import operated_radially

TOLERANCE = {  # by which a limit may be missed: rounding, not permission
    Constraint.LOW_VOLTAGE: 1e-6,
    Constraint.HIGH_VOLTAGE: 1e-6,
    Constraint.LOADING: 1e-3,
    Constraint.GENERATION: 1e-3,
    Constraint.SUPPLY: SUPPLY_TOLERANCE_KW,
}

STATES_KEPT, BUSES_KEPT = 16, 400_000  # verdicts of an operating point: as many buses' states, some 170 bytes each


@dataclass(frozen=True, eq=False)
class OperatingPoint:
    """What the optimiser is told of one operating point.

    injection: with what loads without supply would take. closed and available: (m,) switch states, and branches that
    may be closed. failure_probability: (m,) within a year. loss_hours_per_year: hours at the present load that lose as
    much as a year of the load profile. price_per_mwh: of losses. priority: (l,) how much a kW of each load is worth
    beside others, None where all are alike.
    """

    injection: Injection
    closed: BoolArray
    available: BoolArray
    failure_probability: FloatArray
    loss_hours_per_year: float
    price_per_mwh: float
    priority: FloatArray | None = None

    def priority_of(self, loads: int) -> FloatArray:
        """(l,) the priorities of so many loads, 1 where all are alike."""
        return np.ones(loads) if self.priority is None else self.priority


def plan_between(
    network: Network,
    operating_point: OperatingPoint,
    wanted: Requirements,
    present: Verdict,
    after: Verdict,
    actions: tuple[Action, ...] = (),
    set_points: tuple[SetPoint, ...] = (),
    returns: bool = False,
    emergency: tuple[EmergencyUse, ...] = (),
) -> Plan:
    """The plan from the present state to another one, with what it saves in a year. returns, emergency: as in Plan."""
    saved_mwh = (present.loss_kw - after.loss_kw) * operating_point.loss_hours_per_year / 1000
    money = saved_mwh * operating_point.price_per_mwh
    return Plan(wanted, actions, set_points, present, after, saved_mwh, money, network, returns, emergency)


def nothing() -> None:
    """Nobody else has to go first."""


class Verifier:
    """Judges states of one network, each once for an operating point. Not thread-safe: it owns a power flow.

    Of a large grid it knows the last states only, else a search would hold gigabytes. between: called before each
    state is solved, so that the caller can let others go first.
    """

    def __init__(self, network: Network, between: Callable[[], None] = nothing) -> None:
        self.network, self._between = network, between
        self.radial = operated_radially(network)
        self._power_flow = PowerFlow(network)
        self._known: OrderedDict[bytes, Verdict | None] = OrderedDict()  # of the last operating point and requirements
        self._most = max(STATES_KEPT, BUSES_KEPT // network.n_bus)
        self._known_of: tuple[OperatingPoint | None, Requirements] = (None, Requirements())
        self.bounds = BoundsOf(network, self.radial, self._power_flow)

    def verdict(
        self,
        operating_point: OperatingPoint,
        closed: BoolArray,
        wanted: Requirements,
        start: FloatArray | None = None,
        injection: Injection | None = None,
    ) -> Verdict | None:
        """The judged state of switch states closed (m,), None where no power flow solution exists.

        start: (n,) complex voltage where Newton begins. injection: other set-points than the operating point's.
        """
        if injection is not None:
            return self._judged(operating_point, closed, wanted, start, injection)
        if self._known_of[0] is not operating_point or self._known_of[1] != wanted:
            self._known.clear()
            self._known_of = operating_point, wanted
        key = closed.tobytes()
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        verdict = self._judged(operating_point, closed.copy(), wanted, start, operating_point.injection)
        self._known[key] = verdict
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return verdict

    def _judged(
        self,
        operating_point: OperatingPoint,
        closed: BoolArray,
        wanted: Requirements,
        start: FloatArray | None,
        injection: Injection,
    ) -> Verdict | None:
        self._between()
        try:
            state = self._power_flow.solve(injection, closed, start)
        except PowerFlowDivergedError:
            return None
        loss_kw = 1000 * state.total_loss_mw
        interrupted_kw = self._expected_interrupted_kw(operating_point, injection, closed)
        lowest = _extreme(state.vm_pu, state.energised, largest=False)
        highest = _extreme(state.vm_pu, state.energised, largest=True)
        loaded = _extreme(state.loading_percent, self.bounds.counted(wanted), largest=True)
        bounds, supplied = self.bounds.at(wanted), state.energised[self.network.load.bus]
        lacking_kw = 1000 * np.where(supplied, 0.0, injection.load_p_mw.clip(min=0))
        margins = self._margins(state, injection, bounds, float(lacking_kw.sum()))
        missed = {item.constraint: item.excess for item in margins if item.excess > TOLERANCE[item.constraint]}
        if self.radial and not self._is_radial(injection, closed):
            missed[Constraint.RADIAL] = 1.0
        return Verdict(
            closed=closed,
            injection=injection,
            state=state,
            loss_kw=loss_kw,
            expected_interrupted_kw=interrupted_kw,
            unsupplied_kw=margins[0].value,
            objective_kw=loss_kw + wanted.risk_weight * interrupted_kw,
            min_vm_pu=_at(state.vm_pu, lowest),
            min_vm_bus=lowest,
            max_vm_pu=_at(state.vm_pu, highest),
            max_vm_bus=highest,
            max_loading_percent=_at(state.loading_percent, loaded),
            max_loading_branch=loaded,
            margins=margins,
            violation=missed,
            excess=bounds.excess(self.network, state, injection),
            supplied_loads=supplied,
            weighted_unsupplied_kw=float(lacking_kw @ operating_point.priority_of(len(supplied))),
        )

    def supplied(self, operating_point: OperatingPoint, closed: BoolArray) -> BoolArray:
        """(n,) buses that switch states closed (m,) supply; that takes no power flow."""
        network, branch = self.network, self.network.branch
        return energised_buses(
            network.n_bus, branch.from_bus, branch.to_bus, closed, self._sources(operating_point.injection)
        )

    def secure(self, verdict: Verdict) -> bool:
        """Whether no single outage overloads a branch, leaves the voltage band, or has no solution (meshed grids)."""
        return n_minus_1(self.network, verdict.injection, verdict.closed, start=verdict.state.voltage).secure

    def insecurity(self, verdict: Verdict) -> NoPlan | None:
        """The worst single outage that cuts off load, overloads a branch, leaves the voltage band or has no solution.

        None where there is none. For meshed grids, where nothing is switched after an outage.
        """
        found = n_minus_1(self.network, verdict.injection, verdict.closed, start=verdict.state.voltage)
        if found.secure:
            return None
        solved, lost = found.converged, np.nan_to_num(found.lost_load_mw)
        loading = np.maximum(np.nan_to_num(found.worst_loading_percent) / FULL_LOAD_PERCENT - 1, 0)
        beyond = np.nan_to_num(found.band_excess_pu)
        violation = loading + np.where(beyond > BAND_TOLERANCE_PU, beyond / USUAL_BAND_PU, 0)
        insecure = ~(found.within_limits & (lost == 0))
        worst = int(np.lexsort((-violation, -lost, solved, ~insecure))[0])
        margin = self._margin_after(verdict, found, worst) if solved[worst] else None
        outage, count = int(found.outage[worst]), int(insecure.sum())
        return NoPlan(kind=NoPlanKind.INSECURE, outage=outage, outages=count, margin=margin)

    def _margin_after(self, verdict: Verdict, found: NMinusOne, row: int) -> Margin:
        """What the state after one of the outages breaks most, or the load that it cuts off."""
        lost_kw, network = 1000 * float(found.lost_load_mw[row]), self.network
        if lost_kw > 0:
            return Margin(Constraint.SUPPLY, lost_kw, 0.0, "kW", "")
        loading, branch = float(found.worst_loading_percent[row]), int(found.worst_branch[row])
        if loading > FULL_LOAD_PERCENT:
            return Margin(Constraint.LOADING, loading, FULL_LOAD_PERCENT, "%", network.branch.name[branch])
        closed, bus = verdict.closed.copy(), int(found.worst_bus[row])
        closed[found.outage[row]] = False
        value = float(self._power_flow.solve(verdict.injection, closed, verdict.state.voltage).vm_pu[bus])
        low, high, name = float(network.bus.min_vm_pu[bus]), float(network.bus.max_vm_pu[bus]), network.bus.name[bus]
        if value < low:
            return Margin(Constraint.LOW_VOLTAGE, value, low, "p.u.", name)
        return Margin(Constraint.HIGH_VOLTAGE, value, high, "p.u.", name)

    def _is_radial(self, injection: Injection, closed: BoolArray) -> bool:
        network, branch = self.network, self.network.branch
        return is_radial(network.n_bus, branch.from_bus, branch.to_bus, closed, self._sources(injection))

    def _expected_interrupted_kw(
        self, operating_point: OperatingPoint, injection: Injection, closed: BoolArray
    ) -> float:
        network, branch, sources = self.network, self.network.branch, self._sources(injection)
        demand: FloatArray = np.bincount(network.load.bus, injection.load_p_mw.clip(min=0), network.n_bus)
        interrupted = interrupted_power_mw(network.n_bus, branch.from_bus, branch.to_bus, closed, sources, demand)
        return 1000 * float(interrupted @ operating_point.failure_probability)

    def _sources(self, injection: Injection) -> IntArray:
        """Buses of the sources in service, one for each."""
        generator = self.network.generator
        return generator.bus[generator.is_source & injection.generator_on]

    def _margins(
        self, state: GridState, injection: Injection, bounds: Bounds, unsupplied_kw: float
    ) -> tuple[Margin, ...]:
        network, branch = self.network, self.network.branch
        margins = [Margin(Constraint.SUPPLY, unsupplied_kw, 0.0, "kW", "")]
        if state.energised.any():
            low, high = bounds.low, bounds.high
            names, lowest = network.bus.name, int(np.nanargmin(state.vm_pu - low))
            highest = int(np.nanargmax(state.vm_pu - high))
            margins += [
                Margin(Constraint.LOW_VOLTAGE, float(state.vm_pu[lowest]), float(low[lowest]), "p.u.", names[lowest]),
                Margin(
                    Constraint.HIGH_VOLTAGE, float(state.vm_pu[highest]), float(high[highest]), "p.u.", names[highest]
                ),
            ]
        if np.isfinite(bounds.loading).any():
            worst = int(np.argmax(state.loading_percent / bounds.loading))
            loading, most = float(state.loading_percent[worst]), float(bounds.loading[worst])
            margins.append(Margin(Constraint.LOADING, loading, most, "%", branch.name[worst]))
        return (*margins, *self._generation(state, injection))

    def _generation(self, state: GridState, injection: Injection) -> list[Margin]:
        """The source in service that is nearest to a limit of its active power."""
        generator, (low, high) = self.network.generator, (self.bounds.source.low_mw, self.bounds.source.high_mw)
        beyond = np.maximum(low - state.generator_p_mw, state.generator_p_mw - high)
        running = generator.is_source & injection.generator_on & state.energised[generator.bus]
        nearest = _extreme(beyond, running & np.isfinite(beyond), largest=True)
        if nearest < 0:
            return []
        value, name = float(state.generator_p_mw[nearest]), generator.name[nearest]
        lowest = bool(low[nearest] - value >= value - high[nearest])
        limit = float(low[nearest] if lowest else high[nearest])
        return [Margin(Constraint.GENERATION, value, limit, "MW", name, lowest)]


def _at(values: FloatArray, index: int) -> float:
    return float(values[index]) if index >= 0 else float("nan")


def _extreme(values: FloatArray, among: BoolArray, largest: bool) -> int:
    """Where the largest or smallest of some values is; -1 where there is none."""
    places = np.flatnonzero(among)
    if not len(places):
        return -1
    return int(places[np.argmax(values[places]) if largest else np.argmin(values[places])])
