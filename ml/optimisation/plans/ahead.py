"""Whether a plan holds: the chance that a limit breaks within the next hours, on the forecast's courses.

Each course of the forecast is solved by AC power flow in the switch states that the plan leads to, in short steps at
first and longer ones then. A course begins at the present moment and goes straight through the middles of the coming
hours, whose means are forecast: what is measured is known now, what is dark lies around what it is expected to take.
Loads that the plan supplies again take more at first (cold-load pick-up), by parameters that are drawn for each course,
as nobody knows them; generators that were dark feed in later. The voltages that sources hold wander as a tap changer
lets them. A limit breaks where the plan itself wouldn't have been allowed: what the present state breaks already counts
from where it grows beyond what is permitted. Where a plan restores supply and emergency values are given, these hold
for their duration from then on, and the normal limits after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from grid.flow.admittance import Topology
from grid.flow.batch_flow import BatchFlow
from grid.flow.powerflow import Injection
from grid.flow.topology import energised_buses
from grid.network import BoolArray, FloatArray, IntArray, Network
from grid.protection.cold_load import ColdLoadModel, waits_to_reconnect
from grid.studies.lookahead import Samples, anchored, branch_loading
from ml.optimisation.plans.emergency import LIMITED
from ml.optimisation.plans.limits import SHARE_TOLERANCE, Bounds, BoundsOf, permitted
from ml.optimisation.plans.plan import Constraint, EmergencyAhead, Excess, Plan
from ml.optimisation.radial.grid import operated_radially

TOLD_MINUTES, TOLD_UNTIL = 15.0, 360.0  # of the steps that are told, and by the hour then
SOLVED_MINUTES, SOLVED_LATER = 5.0, 15.0  # of those that are solved, later than TOLD_UNTIL: limits break in between
MOST_HOURS = 24
HARD_SHARE = 0.95  # of the courses that the hardest one leaves behind
_SEED = 1  # of what is drawn for courses: one moment has one answer


@dataclass(frozen=True, kw_only=True)
class SourceWander:
    """How the voltages that sources hold go on from a moment: back towards the case's, around which they wander.

    band_pu: of the tap changer, which acts beyond; what lies further off goes back by so much. spread_pu: standard
    deviation within it, a little less than that of any place within the band alike. noise_pu: of a reading, class 0.2.
    memory_minutes: until 1/e of a deviation is left. Assumptions: steps of transformers have 1.25 to 1.5 % as a rule.
    """

    band_pu: float = 0.01
    spread_pu: float = 0.0045
    noise_pu: float = 0.001
    memory_minutes: float = 20.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Restored:
    """What comes back with a plan. load: (l,) whether its supply returns. dark_minutes: (l,) how long it was away then.

    since_minutes: (l,) how long it is back when the plan is done. generator: (g,) whether it was dark before and has to
    wait.
    """

    load: BoolArray
    dark_minutes: FloatArray
    since_minutes: FloatArray
    generator: BoolArray

    @classmethod
    def by(
        cls, plan: Plan, dark_minutes: FloatArray, action_minutes: Sequence[float], tripped: BoolArray | None = None
    ) -> "Restored":
        """By a plan. dark_minutes: (l,) now. action_minutes: when each action is done, the last one ends the plan.

        tripped: (g,) generators that stay away.
        """
        network = plan.network
        load = plan.after.supplied_loads & ~plan.before.supplied_loads
        live = plan.after.state.energised & ~plan.before.state.energised
        generator = live[network.generator.bus] & waits_to_reconnect(
            network.generator.energy, network.generator.is_source
        )
        if tripped is not None:
            generator &= ~tripped
        back = _back_at(plan, action_minutes)
        return cls(
            load=load,
            dark_minutes=np.where(load, dark_minutes + back, 0.0),
            since_minutes=np.where(load, max(action_minutes, default=0.0) - back, 0.0),
            generator=generator,
        )


def _back_at(plan: Plan, action_minutes: Sequence[float]) -> FloatArray:
    """(l,) minutes at which loads have supply again by a plan's actions; 0 for those that have it, or stay without."""
    network, branch, closed = plan.network, plan.network.branch, plan.before.closed.copy()
    generator = network.generator
    sources = generator.bus[generator.is_source & plan.before.injection.generator_on]
    found, supplied = np.zeros(len(network.load)), plan.before.supplied_loads
    for action, minute in zip(plan.actions, action_minutes, strict=True):
        closed[action.branch] = action.close
        live = energised_buses(network.n_bus, branch.from_bus, branch.to_bus, closed, sources)[network.load.bus]
        found = np.where(live & ~supplied, minute, found)
        supplied = supplied | live
    return found


@dataclass(frozen=True, eq=False, kw_only=True)
class FuturePlan:
    """What has to be known of a plan to follow it through courses. injection: of its moment, after the plan.

    most: by constraint, by how much each element may lie beyond its limit, as a share. emergency: the same for the
    first emergency_minutes after the plan is done; None where no other limits hold then.
    """

    code: str
    closed: BoolArray
    injection: Injection
    bounds: Bounds
    most: dict[Constraint, FloatArray]
    restored: Restored
    emergency: dict[Constraint, FloatArray] | None = None
    emergency_minutes: float = 0.0

    @classmethod
    def of(cls, plan: Plan, restored: Restored) -> "FuturePlan":
        """Of a plan. The duration of emergency values begins where its first load comes back."""
        network, wanted = plan.network, plan.requirements
        bounds = BoundsOf(network, operated_radially(network)).at(wanted)
        most = {one: permitted(one, plan.before.excess, wanted) for one in Excess.CONSTRAINTS}
        present = replace(plan.before.excess, headroom=bounds.headroom)  # it may have been judged without that
        wider = {one: permitted(one, present, wanted, restoring=True) for one in Excess.CONSTRAINTS}
        holds = wanted.has_emergency and plan.restores
        return cls(
            code=plan.code,
            closed=plan.after.closed,
            injection=plan.after.injection,
            bounds=bounds,
            most=most,
            restored=restored,
            emergency=wider if holds else None,
            emergency_minutes=max(0.0, wanted.emergency_minutes - float(restored.since_minutes.max(initial=0.0))),
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
    picks_up: loads that come back with the plan. hardest: of the course and step that 95 % of the courses stay within,
    with the pick-up, at the hardest of all steps. emergency: what is beyond normal limits, in time or later, in more
    than 5 % of the courses, the farthest first. emergency_minutes: how long it may be, from the end of the plan on.
    """

    code: str
    samples: int
    minutes: FloatArray
    broken_by: FloatArray
    worst: LimitAtRisk | None
    picks_up: int
    hardest: Injection
    emergency: tuple[EmergencyAhead, ...] = ()
    emergency_minutes: float = 0.0

    @property
    def chance(self) -> float:
        """That a limit breaks within the time looked at."""
        return float(self.broken_by[-1])

    def kept(self) -> float:
        """The share of the time, over all courses, before a limit has been broken."""
        if len(self.minutes) < 2:
            return 1.0 - self.chance
        return float(np.trapezoid(1.0 - self.broken_by, self.minutes) / (self.minutes[-1] - self.minutes[0]))

    @property
    def first_minute(self) -> float:
        """When a limit breaks for the first time in any course; NaN where none does."""
        places = np.flatnonzero(self.broken_by > 0)
        return float(self.minutes[places[0]]) if len(places) else float("nan")


def steps_until(hours: int) -> FloatArray:
    """(k,) minutes that are told, from 0 to the last hour."""
    end = 60.0 * hours
    short = min(TOLD_UNTIL, end)
    return np.concatenate([np.arange(0.0, short, TOLD_MINUTES), np.arange(short, end + 1, 60.0)])


def plan_ahead(
    network: Network,
    future: FuturePlan,
    samples: Samples,
    minute: float,
    hours: int,
    cold_load: ColdLoadModel,
    wander: SourceWander = SourceWander(),
) -> PlanAhead:
    """Follow a plan through courses whose first hour is the present one, of which so many minutes are over.

    hours: 1 to 24, as far as the courses go. wander: of the sources' voltages. ValueError for courses of another grid.
    """
    if samples.load_p_mw.shape[2] != len(network.load):
        raise ValueError(f"the grid has {len(network.load)} loads, the courses have {samples.load_p_mw.shape[2]}")
    restored, count = future.restored, len(samples.load_p_mw)
    injection = replace(future.injection, generator_on=future.injection.generator_on | restored.generator)
    flow = BatchFlow(network, injection, future.closed)
    told, minutes = steps_until(hours), _solved_until(hours)
    told, minutes = (values[(minute + values) // 60 < samples.hours] for values in (told, minutes))
    rng = np.random.default_rng(_SEED)
    factor = _pick_up(network, restored, cold_load, minutes, count, rng)
    held = _held(network, injection, minutes, count, wander, rng)
    courses = _Courses(samples, future, minute)
    so_far, broken_by = np.zeros(count, dtype=bool), []
    risks: list[LimitAtRisk] = []
    start: FloatArray | None = None
    hardest, beyond_by = injection, -np.inf
    uses = None if future.emergency is None else _Uses(network, future, count)
    for before, now in zip([-1.0, *told[:-1].tolist()], told.tolist(), strict=True):
        steps = np.flatnonzero((minutes > before) & (minutes <= now))  # alike: one Jacobian does for all
        load_p, load_q, generation = (
            np.concatenate(values) for values in zip(*(courses.at(minutes[step]) for step in steps), strict=True)
        )
        times = np.concatenate([factor[:, step] for step in steps])
        load_p, load_q, at = load_p * times, load_q * times, np.repeat(minutes[steps], count)
        generation[np.ix_(at < cold_load.reconnection_minutes, restored.generator)] = 0.0
        voltage = flow.solve(load_p, load_q, generation, start, held[:, steps].T.ravel())
        solved = ~np.isnan(voltage).any(axis=1)
        start = voltage[solved][0] if solved.any() else None
        broken = np.zeros((len(steps), count), dtype=bool)
        broken.ravel()[~solved] = True
        risks += _at_risk(None, broken[..., None], minutes[steps])
        farthest = np.full(len(voltage), np.inf)
        farthest[solved] = -np.inf
        for constraint, share in _shares(
            network, flow.topology, future, injection, voltage[solved], load_p[solved], generation[solved]
        ):
            beyond = share - _most(future, constraint, at[solved])
            if uses is not None:
                uses.see(constraint, share, at[solved], np.tile(np.arange(count), len(steps))[solved])
            farthest[solved] = np.maximum(farthest[solved], beyond.max(axis=1, initial=-np.inf))
            by_course = np.zeros((len(voltage), beyond.shape[1]), dtype=bool)
            by_course[solved] = beyond > SHARE_TOLERANCE
            broken |= by_course.any(axis=1).reshape(broken.shape)
            risks += _at_risk(constraint, by_course.reshape(*broken.shape, -1), minutes[steps])
        so_far = so_far | broken.any(axis=0)
        broken_by.append(float(so_far.mean()))
        order = np.argsort(farthest.reshape(broken.shape), axis=1)[:, int(HARD_SHARE * (count - 1))]
        row = max((step * count + int(course) for step, course in enumerate(order)), key=lambda one: farthest[one])
        if farthest[row] > beyond_by:
            beyond_by = float(farthest[row])
            hardest = replace(
                injection,
                load_p_mw=load_p[row],
                load_q_mvar=load_q[row],
                generator_p_mw=generation[row],
                generator_vm_pu=injection.generator_vm_pu * held[:, steps].T.ravel()[row],
            )
    return PlanAhead(
        code=future.code,
        samples=count,
        minutes=told,
        broken_by=np.array(broken_by),
        worst=max(risks, key=lambda risk: (risk.chance, -risk.minute), default=None),
        picks_up=int(restored.load.sum()),
        hardest=hardest,
        emergency=() if uses is None else uses.found(minutes),
        emergency_minutes=future.emergency_minutes,
    )


def _most(future: FuturePlan, constraint: Constraint, minutes: FloatArray) -> FloatArray:
    """(elements,), or (r, elements) for minutes (r,), by how much each may lie beyond its limit then, as a share."""
    most = future.most[constraint]
    if future.emergency is None:
        return most
    return np.where((minutes < future.emergency_minutes)[:, None], future.emergency[constraint], most)


class _Uses:
    """What courses make of emergency values: gathered step by step."""

    def __init__(self, network: Network, future: FuturePlan, courses: int) -> None:
        sizes = {Constraint.LOADING: network.n_branch}
        self._future = future
        self._farthest = {one: np.zeros((courses, sizes.get(one, network.n_bus))) for one in LIMITED}
        self._back = {one: np.zeros_like(farthest) for one, farthest in self._farthest.items()}

    def see(self, constraint: Constraint, share: FloatArray, minutes: FloatArray, course: IntArray) -> None:
        """Shares (r, elements) beyond limits, of rows with their minute and course (r,), in the order of time."""
        if constraint not in self._farthest:
            return
        above = share > self._future.most[constraint] + SHARE_TOLERANCE
        rows, elements = np.nonzero(above)
        np.maximum.at(self._farthest[constraint], (course[rows], elements), share[rows, elements])
        np.maximum.at(self._back[constraint], (course[rows], elements), minutes[rows])

    def found(self, minutes: FloatArray) -> tuple[EmergencyAhead, ...]:
        """The elements that are beyond in more than 5 % of the courses, the farthest first. minutes: all of them."""
        uses = list[tuple[float, EmergencyAhead]]()
        for constraint, farthest in self._farthest.items():
            chance = (farthest > 0).mean(axis=0)
            for element in np.flatnonzero(chance > 1.0 - HARD_SHARE).tolist():
                share = float(np.quantile(farthest[:, element], HARD_SHARE, method="lower"))
                last = float(np.quantile(self._back[constraint][:, element], HARD_SHARE, method="lower"))
                later = minutes[minutes > last]
                value, limit = (self._future.bounds.value_at(constraint, element, one) for one in (share, 0.0))
                use = EmergencyAhead(
                    constraint=constraint,
                    element=element,
                    chance=float(chance[element]),
                    value=value,
                    limit=limit,
                    until=float(later[0]) if len(later) else float("inf"),
                )
                uses.append((share, use))
        return tuple(use for _, use in sorted(uses, key=lambda one: -one[0]))


def _solved_until(hours: int) -> FloatArray:
    """(k,) minutes that are solved, those of steps_until among them."""
    end = 60.0 * hours
    short = min(TOLD_UNTIL, end)
    return np.concatenate([np.arange(0.0, short, SOLVED_MINUTES), np.arange(short, end + 1, SOLVED_LATER)])


def _at_risk(constraint: Constraint | None, beyond: BoolArray, minutes: FloatArray) -> list[LimitAtRisk]:
    """The element beyond its limit in most courses, at each minute where there is one. beyond: (k, s, elements)."""
    share = beyond.mean(axis=1)
    element = share.argmax(axis=1)
    return [
        LimitAtRisk(
            constraint=constraint,
            element=-1 if constraint is None else int(element[step]),
            chance=float(share[step, element[step]]),
            minute=float(minutes[step]),
        )
        for step in np.flatnonzero(share.any(axis=1)).tolist()
    ]


class _Courses:
    """Courses from the present moment on: straight lines from what is so now through the middles of the hours."""

    def __init__(self, samples: Samples, future: FuturePlan, minute: float) -> None:
        """minute: of the first hour that are over."""
        restored, now = future.restored, anchored(samples, future.injection)
        self._nodes = np.concatenate([[0.0], 60.0 * (np.arange(1, samples.hours) + 0.5) - minute])
        self._load_p = _begun(samples.load_p_mw, now.load_p_mw, restored.load, future.injection.load_p_mw)
        self._load_q = _begun(samples.load_q_mvar, now.load_q_mvar, restored.load, future.injection.load_q_mvar)
        next_hour = samples.generator_p_mw[:, min(1, samples.hours - 1) :]  # what is dark isn't measured now
        self._generation = _begun(
            samples.generator_p_mw, next_hour, restored.generator, future.injection.generator_p_mw
        )

    def at(self, minute: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(s, l), (s, l) and (s, g) some minutes from now; the last hour's value stays from its middle on."""
        after = min(int(np.searchsorted(self._nodes, minute, side="right")), len(self._nodes) - 1)
        before = max(after - 1, 0)
        apart = self._nodes[after] - self._nodes[before]
        share = min((minute - self._nodes[before]) / apart, 1.0) if apart > 0 else 0.0
        p, q, generation = (
            (1 - share) * values[:, before] + share * values[:, after]
            for values in (self._load_p, self._load_q, self._generation)
        )
        return p, q, generation


def _begun(samples: FloatArray, now: FloatArray, is_drawn: BoolArray, present: FloatArray) -> FloatArray:
    """(s, h, k) samples whose first hour is the present (k,), or that of now (s, ., k) where it is drawn (k,)."""
    found = samples.copy()
    found[:, 0] = np.where(is_drawn, now[:, 0], present)
    return found


def _pick_up(
    network: Network,
    restored: Restored,
    cold_load: ColdLoadModel,
    minutes: FloatArray,
    count: int,
    rng: np.random.Generator,
) -> FloatArray:
    """(s, k, l) what loads take over their course, by parameters of each course's own."""
    if not restored.load.any():
        return np.ones((count, len(minutes), 1))
    since = np.where(restored.load, minutes[:, None] + restored.since_minutes, np.inf)
    models = [cold_load.drawn(rng) for _ in range(count)]
    return np.stack([one.factor(network.load.profile, restored.dark_minutes, since) for one in models])


def _held(
    network: Network,
    injection: Injection,
    minutes: FloatArray,
    count: int,
    wander: SourceWander,
    rng: np.random.Generator,
) -> FloatArray:
    """(s, k) voltages of sources over their present ones; 1 where controllers of generators hold them."""
    generator = network.generator
    sources = generator.is_source & injection.generator_on
    if generator.is_regulating.any() or not sources.any():
        return np.ones((count, len(minutes)))
    off = float(np.mean(injection.generator_vm_pu[sources] / generator.vm_pu[sources])) - 1
    back = float(np.clip(off, -wander.band_pu, wander.band_pu))
    values, before = np.empty((count, len(minutes))), 0.0
    deviation = back + wander.noise_pu * rng.standard_normal(count)
    for step, minute in enumerate(minutes.tolist()):
        kept = np.exp(-(minute - before) / wander.memory_minutes)
        fresh = wander.spread_pu * np.sqrt(1 - kept**2) * rng.standard_normal(count)
        deviation, before = kept * deviation + fresh, minute
        values[:, step] = deviation - back
    return 1 + values


def _shares(
    network: Network,
    topology: Topology,
    future: FuturePlan,
    injection: Injection,
    voltage: FloatArray,
    load_p_mw: FloatArray,
    generator_p_mw: FloatArray,
) -> list[tuple[Constraint, FloatArray]]:
    """By constraint: how far elements of solved courses (s, elements) lie beyond their limits, as a share."""
    bounds, live = future.bounds, topology.energised
    magnitude = np.abs(voltage)
    loading, _ = branch_loading(network, topology, voltage)
    shares = {
        Constraint.LOW_VOLTAGE: np.where(live, (bounds.low - magnitude) / bounds.band, 0.0),
        Constraint.HIGH_VOLTAGE: np.where(live, (magnitude - bounds.high) / bounds.band, 0.0),
        Constraint.LOADING: loading / bounds.loading - 1.0,
        Constraint.GENERATION: _generation_share(
            network, topology, future, injection, voltage, load_p_mw, generator_p_mw
        ),
    }
    return [(one, np.nan_to_num(share, nan=0.0)) for one, share in shares.items()]


def _generation_share(
    network: Network,
    topology: Topology,
    future: FuturePlan,
    injection: Injection,
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
    on = injection.generator_on
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
