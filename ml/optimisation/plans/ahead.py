"""Whether a plan holds: the chance that a limit breaks within the next hours, on the forecast's courses.

Each course of the forecast is solved by AC power flow in the switch states that the plan leads to, in short steps at
first and by the hour then. Loads that the plan supplies again take more at first (cold-load pick-up), generators that
were dark feed in later. A limit breaks where the plan itself wouldn't have been allowed: what the present state breaks
already counts from where it grows beyond what is permitted.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from grid.flow.admittance import Topology
from grid.flow.batch_flow import BatchFlow
from grid.flow.powerflow import Injection
from grid.network import BoolArray, FloatArray, Network
from grid.protection.cold_load import ColdLoadModel, waits_to_reconnect
from grid.studies.lookahead import Samples, branch_loading
from ml.optimisation.plans.limits import SHARE_TOLERANCE, Bounds, BoundsOf, permitted
from ml.optimisation.plans.plan import Constraint, Excess, Plan
from ml.optimisation.radial.grid import operated_radially

SHORT_MINUTES, SHORT_UNTIL = 15.0, 120.0  # steps while what comes back takes more
MOST_HOURS = 24


@dataclass(frozen=True, eq=False, kw_only=True)
class Restored:
    """What comes back with a plan. load: (l,) whether its supply returns. dark_minutes: (l,) how long it was away then.

    generator: (g,) whether it was dark before and has to wait.
    """

    load: BoolArray
    dark_minutes: FloatArray
    generator: BoolArray

    @classmethod
    def by(cls, plan: Plan, dark_minutes: FloatArray, minutes: float) -> "Restored":
        """By a plan that takes so many minutes. dark_minutes: (l,) now."""
        network = plan.network
        load = plan.after.supplied_loads & ~plan.before.supplied_loads
        live = plan.after.state.energised & ~plan.before.state.energised
        generator = live[network.generator.bus] & waits_to_reconnect(
            network.generator.energy, network.generator.is_source
        )
        return cls(load=load, dark_minutes=np.where(load, dark_minutes + minutes, 0.0), generator=generator)


@dataclass(frozen=True, eq=False, kw_only=True)
class FuturePlan:
    """What has to be known of a plan to follow it through courses. injection: of its moment, after the plan.

    most: by constraint, by how much each element may lie beyond its limit, as a share.
    """

    code: str
    closed: BoolArray
    injection: Injection
    bounds: Bounds
    most: dict[Constraint, FloatArray]
    restored: Restored

    @classmethod
    def of(cls, plan: Plan, restored: Restored) -> "FuturePlan":
        """Of a plan."""
        network, wanted = plan.network, plan.requirements
        bounds = BoundsOf(network, operated_radially(network)).at(wanted)
        most = {one: permitted(one, plan.before.excess, wanted) for one in Excess.CONSTRAINTS}
        return cls(
            code=plan.code,
            closed=plan.after.closed,
            injection=plan.after.injection,
            bounds=bounds,
            most=most,
            restored=restored,
        )


@dataclass(frozen=True, kw_only=True)
class LimitAtRisk:
    """The limit that breaks in most courses. element: its bus, branch or generator. chance: from 0 to 1.

    constraint: None where courses have no solution.
    """

    constraint: Constraint | None
    element: int
    chance: float
    minute: float


@dataclass(frozen=True, eq=False, kw_only=True)
class PlanAhead:
    """How a plan does in the next hours. samples: courses. minutes: (k,) after the plan is done.

    broken_by: (k,) share of the courses in which a limit has been broken by then. worst: None where none is.
    picks_up: loads that come back with the plan.
    """

    code: str
    samples: int
    minutes: FloatArray
    broken_by: FloatArray
    worst: LimitAtRisk | None
    picks_up: int

    @property
    def chance(self) -> float:
        """That a limit breaks within the time looked at."""
        return float(self.broken_by[-1])

    @property
    def first_minute(self) -> float:
        """When a limit breaks for the first time in any course; NaN where none does."""
        places = np.flatnonzero(self.broken_by > 0)
        return float(self.minutes[places[0]]) if len(places) else float("nan")


def steps_until(hours: int) -> FloatArray:
    """(k,) minutes that are looked at, from 0 to the last hour."""
    short = np.arange(0.0, min(SHORT_UNTIL, 60.0 * hours), SHORT_MINUTES)
    return np.concatenate([short, np.arange(SHORT_UNTIL, 60.0 * hours + 1, 60.0)])


def plan_ahead(
    network: Network, future: FuturePlan, samples: Samples, minute: float, hours: int, cold_load: ColdLoadModel
) -> PlanAhead:
    """Follow a plan through courses whose first hour is the present one, of which so many minutes are over.

    hours: 1 to 24, as far as the courses go. ValueError for courses of another grid.
    """
    if samples.load_p_mw.shape[2] != len(network.load):
        raise ValueError(f"the grid has {len(network.load)} loads, the courses have {samples.load_p_mw.shape[2]}")
    flow, restored = BatchFlow(network, future.injection, future.closed), future.restored
    minutes = steps_until(hours)
    minutes = minutes[(minute + minutes) // 60 < samples.hours]
    since = np.where(restored.load, minutes[:, None], np.inf)
    factor = cold_load.factor(network.load.profile, restored.dark_minutes, since)
    count = len(samples.load_p_mw)
    so_far, broken_by = np.zeros(count, dtype=bool), []
    risks: list[LimitAtRisk] = []
    start: FloatArray | None = None
    for step, now in enumerate(minutes.tolist()):
        hour = int((minute + now) // 60)
        load_p, load_q = (values[:, hour] * factor[step] for values in (samples.load_p_mw, samples.load_q_mvar))
        generation = samples.generator_p_mw[:, hour].copy()
        if now < cold_load.reconnection_minutes:
            generation[:, restored.generator] = 0.0
        voltage = flow.solve(load_p, load_q, generation, start)
        solved = ~np.isnan(voltage).any(axis=1)
        start = voltage[solved][0] if solved.any() else None
        broken = ~solved
        if broken.any():
            risks.append(LimitAtRisk(constraint=None, element=-1, chance=float(broken.mean()), minute=now))
        for constraint, beyond in _beyond(
            network, flow.topology, future, voltage[solved], load_p[solved], generation[solved]
        ):
            broken[np.flatnonzero(solved)[beyond.any(axis=1)]] = True
            if beyond.any():
                share = beyond.sum(axis=0) / count
                element = int(share.argmax())
                risks.append(
                    LimitAtRisk(constraint=constraint, element=element, chance=float(share[element]), minute=now)
                )
        so_far = so_far | broken
        broken_by.append(float(so_far.mean()))
    return PlanAhead(
        code=future.code,
        samples=count,
        minutes=minutes,
        broken_by=np.array(broken_by),
        worst=max(risks, key=lambda risk: (risk.chance, -risk.minute), default=None),
        picks_up=int(restored.load.sum()),
    )


def _beyond(
    network: Network,
    topology: Topology,
    future: FuturePlan,
    voltage: FloatArray,
    load_p_mw: FloatArray,
    generator_p_mw: FloatArray,
) -> list[tuple[Constraint, BoolArray]]:
    """By constraint: which elements of which solved courses (s, elements) lie beyond what is permitted."""
    bounds, live = future.bounds, topology.energised
    magnitude = np.abs(voltage)
    loading, _ = branch_loading(network, topology, voltage)
    shares = {
        Constraint.LOW_VOLTAGE: np.where(live, (bounds.low - magnitude) / bounds.band, 0.0),
        Constraint.HIGH_VOLTAGE: np.where(live, (magnitude - bounds.high) / bounds.band, 0.0),
        Constraint.LOADING: loading / bounds.loading - 1.0,
        Constraint.GENERATION: _generation_share(network, topology, future, voltage, load_p_mw, generator_p_mw),
    }
    return [(one, np.nan_to_num(share, nan=0.0) > future.most[one] + SHARE_TOLERANCE) for one, share in shares.items()]


def _generation_share(
    network: Network,
    topology: Topology,
    future: FuturePlan,
    voltage: FloatArray,
    load_p_mw: FloatArray,
    generator_p_mw: FloatArray,
) -> FloatArray:
    """(s, g) by how much sources lie beyond their bounds; sources of one bus share what they feed in alike."""
    generator, branch, source = network.generator, network.branch, future.bounds.source
    v_from, v_to = voltage[:, branch.from_bus], voltage[:, branch.to_bus]
    out_from = (v_from * np.conj(topology.yff * v_from + topology.yft * v_to)).real
    out_to = (v_to * np.conj(topology.ytf * v_from + topology.ytt * v_to)).real
    n = network.n_bus
    flows = out_from @ _summing(branch.from_bus, n) + out_to @ _summing(branch.to_bus, n)
    shunts = np.abs(voltage) ** 2 * network.bus.shunt_pu.real
    on = future.injection.generator_on
    sources = generator.is_source & on
    others = (generator_p_mw * (on & ~generator.is_source)) @ _summing(generator.bus, n)
    needed = network.base_mva * (flows + shunts) + load_p_mw @ _summing(network.load.bus, n) - others
    at_bus = np.bincount(generator.bus[sources], minlength=n)
    each = needed[:, generator.bus] / np.maximum(at_bus, 1)[generator.bus]
    beyond = np.maximum(source.low_mw - each, each - source.high_mw)
    limit = np.abs(np.where(each < source.low_mw, source.low_mw, source.high_mw))
    limit = np.where((limit > 0) & np.isfinite(limit), limit, network.base_mva)
    return np.where(sources & topology.energised[generator.bus] & (beyond > 0), beyond, 0.0) / limit


def _summing(bus: FloatArray, n_bus: int) -> sparse.csr_matrix:
    """(k, n) that sums what k elements do at each bus."""
    return sparse.csr_matrix((np.ones(len(bus)), (np.arange(len(bus)), bus)), shape=(len(bus), n_bus))
