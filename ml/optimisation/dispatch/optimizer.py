"""Dispatch of a meshed grid: methods propose set-points, full AC power flow verifies, the best becomes the plan.

It decides by a learned policy's weights and imports no torch; what learns is ml.optimisation.dispatch.training.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from grid.flow.powerflow import GridState, Injection
from grid.network import FloatArray, Network
from ml.optimisation.dispatch.grid import DispatchGrid, DispatchLimits, NoDispatchError
from ml.optimisation.dispatch.policy import DispatchPolicy
from ml.optimisation.dispatch.polish import polish
from ml.optimisation.dispatch.prior import Coordinates
from ml.optimisation.plans.limits import SUPPLY_TOLERANCE_KW, Merit
from ml.optimisation.plans.plan import (
    Constraint,
    MethodResult,
    NoPlan,
    NoPlanKind,
    Outcome,
    OutcomeKind,
    Plan,
    Proposal,
    Requirements,
    Verdict,
)
from ml.optimisation.plans.set_points import missed_by, set_points_of, without_trifles
from ml.optimisation.plans.verification import OperatingPoint, Verifier, nothing, plan_between
from ml.optimisation.policy import LearnedPolicy

LEAST_SAVING = 0.02  # of the present losses: noise of instruments alone makes them seem up to 1.5 % above the least
VOLTAGE_RESERVE_PU = 0.003  # three standard deviations of a voltage reading: a plan must not raise alarms
RESERVE_SHARES = (1.0, 0.1)  # of both reserves: less where no set-points keep the limits with the whole of them
RESERVE = 0.05  # of the load to either limit of a source, of ratings, and of a generator's range of reactive power
POLISH_STEPS = 8  # derived ratings, which the policy doesn't know, take a few more than the case's own limits
PRESENT, PRIOR, POLICY = "Present state", "Untrained prior", "Policy"
PRESENT_POLISHED, POLICY_POLISHED = "Present state + polish", "Policy + polish"
OPEN = (NoPlan(kind=NoPlanKind.BEST_FOUND), NoPlan(kind=NoPlanKind.NONE_KEEPS_LIMITS))  # say nothing of supply


@dataclass(frozen=True, eq=False)
class _Found:
    """What one method found: its judged state, None where it has no solution, and the constraints it breaks."""

    name: str
    verdict: Verdict | None
    missed: tuple[Constraint, ...]
    evaluated: int
    time_ms: float

    @property
    def usable(self) -> bool:
        """Whether it may be a plan."""
        return self.verdict is not None and not self.missed

    @property
    def result(self) -> MethodResult:
        """What is shown of it; the present state's figures whatever it breaks."""
        found = self.verdict if self.usable or self.name == PRESENT else None
        figures = (np.nan,) * 3 if found is None else (found.loss_kw, found.expected_interrupted_kw, found.objective_kw)
        return MethodResult(self.name, *figures, self.evaluated, self.time_ms)


class DispatchOptimizer:
    """Answers for the operating points of one network by a policy. Not for several threads at once.

    Until a policy is given, the untrained prior stands for it. between: see SmartGridOptimizer. Raises NoDispatchError
    where there is nothing to dispatch, or the grid is too large for it.
    """

    def __init__(self, network: Network, between: Callable[[], None] = nothing) -> None:
        self.network, self._between = network, between
        self._verifier = Verifier(network, between)
        self._own = DispatchLimits.of(network, self._verifier.bounds.source)
        own = DispatchGrid(network, Injection.of_case(network), network.branch.closed, self._own)
        self.coordinates = Coordinates.of(own)
        self._policy, self._episodes = DispatchPolicy(self.coordinates), 0

    @property
    def policy_name(self) -> str:
        """What the policy is, and how long it has learned."""
        return f"set-point policy, {self._episodes:,} episodes of REINFORCE"

    def use(self, policy: LearnedPolicy) -> None:
        """Answer by another policy from now on; not while propose runs. PolicyError where it doesn't fit."""
        self._policy, self._episodes = DispatchPolicy(self.coordinates, policy.weights), policy.episodes

    def propose(self, operating_point: OperatingPoint, wanted: Requirements, _shown: Plan | None = None) -> Proposal:
        """The best verified plan for a moment, or why there is none. ValueError where the present has no solution.

        The plan that people see doesn't count: set-points follow the operating point.
        """
        began = time.perf_counter()
        present = self._verifier.verdict(operating_point, operating_point.closed, wanted)
        if present is None:
            raise ValueError("the present state has no power flow solution")
        missed = missed_by(self._verifier, present, present, wanted)
        start = found = [_Found(PRESENT, present, missed, 1, _ms_since(began))]
        plan, conflict = None, None
        reason: NoPlan | None = NoPlan(kind=NoPlanKind.BEST_FOUND)
        for share in RESERVE_SHARES:
            kept = limits_of(self.network, self._own, wanted, present.state, share)
            limits = _with_locked(self.network, kept, wanted, operating_point.injection)
            try:
                grid = DispatchGrid(self.network, operating_point.injection, operating_point.closed, limits)
            except NoDispatchError as error:
                conflict, reason = self._nothing_to_set(error.reason, start[0], wanted)
                break
            if wanted.locked_generators and (grid.lower >= grid.upper).all():
                nothing = NoPlan(kind=NoPlanKind.NOTHING_TO_SET)
                conflict, reason = self._nothing_to_set(nothing, start[0], wanted)
                break
            found = [*start, *self._methods(grid, operating_point, present, wanted)]
            plan, nearest = self._best(found, present, operating_point, wanted)
            if plan is not None or any(item.usable for item in found[1:]):
                break
            reason = NoPlan(kind=NoPlanKind.NONE_KEEPS_LIMITS)
            if nearest is not None:
                conflict, reason = self._conflict(nearest, wanted)
        if plan is not None:
            conflict, reason = None, None
        elif present.unsupplied_kw > SUPPLY_TOLERANCE_KW and reason in OPEN:
            reason = NoPlan(kind=NoPlanKind.NOTHING_SWITCHED)
        return Proposal(
            requirements=wanted,
            present=present,
            plan=plan,
            limited=(),
            conflict=conflict,
            reason=reason,
            methods=tuple(item.result for item in found),
            policy=self.policy_name,
            time_ms=_ms_since(began),
            outcome=_outcome(present, plan, conflict, reason),
            unbounded=self._verifier.bounds.unbounded,
        )

    def _methods(
        self, grid: DispatchGrid, operating_point: OperatingPoint, present: Verdict, wanted: Requirements
    ) -> list[_Found]:
        """What each method finds."""
        injection, rest = grid.injection, grid.rest_pu(grid.injection)
        found: list[_Found] = []

        def add(name: str, run: Callable[[], tuple[FloatArray, int]], before_ms: float = 0.0) -> FloatArray:
            began = time.perf_counter()
            set_points, evaluated = run()
            spent = before_ms + _ms_since(began)
            planned = grid.with_set_points(injection, set_points)
            verdict, missed = self._judged(operating_point, present, wanted, planned)
            found.append(_Found(name, verdict, missed, evaluated, spent))
            return set_points

        def within(planned: Injection) -> tuple[FloatArray, int]:
            return np.clip(grid.of_injection(planned), grid.lower, grid.upper), 1

        add(PRIOR, lambda: within(self._policy.prior(injection)))
        learned = add(POLICY, lambda: within(self._policy.propose(injection)))
        starts = np.clip([learned, grid.of_injection(injection)], grid.lower, grid.upper)
        names, before_ms = (POLICY_POLISHED, PRESENT_POLISHED), (found[1].time_ms, 0.0)
        for best in np.argsort(grid.outcome(starts, rest).cost_mw, kind="stable"):
            add(names[best], partial(self._polished, grid, starts[best], rest), before_ms[best])
            if found[-1].usable:  # both ends are most often the same, and take most of the time
                break
        return found

    def _polished(self, grid: DispatchGrid, start: FloatArray, rest_pu: FloatArray) -> tuple[FloatArray, int]:
        """Set-points (u,) that a start is polished to, and how many were evaluated."""
        done = polish(grid, start, rest_pu, POLISH_STEPS, self._between)
        return done.set_points, done.evaluated

    def _judged(
        self, operating_point: OperatingPoint, present: Verdict, wanted: Requirements, planned: Injection
    ) -> tuple[Verdict | None, tuple[Constraint, ...]]:
        """A planned injection without its trifles; with them where limits are kept only so."""
        verdict: Verdict | None = None
        missed: tuple[Constraint, ...] = ()
        for injection in (without_trifles(self.network, operating_point.injection, planned), planned):
            verdict = self._verifier.verdict(
                operating_point, operating_point.closed, wanted, present.state.voltage, injection
            )
            missed = () if verdict is None else missed_by(self._verifier, verdict, present, wanted)
            if verdict is not None and not missed:
                break
        return verdict, missed

    def _best(
        self, found: list[_Found], present: Verdict, operating_point: OperatingPoint, wanted: Requirements
    ) -> tuple[Plan | None, _Found | None]:
        """The plan; without one, and where the present state, found[0], won't do either, what comes nearest."""
        required = found[0].missed
        usable = [item.verdict for item in found[1:] if item.usable and item.verdict is not None]
        best, standing = min(usable, key=Merit.of, default=None), Merit.of(present)
        least_kw = LEAST_SAVING * present.loss_kw
        if best is not None and (required or Merit.of(best).improves_on(standing, least_kw)):
            set_points = set_points_of(self.network, present, best)
            return plan_between(self.network, operating_point, wanted, present, best, set_points=set_points), None
        solved = [item for item in found if item.verdict is not None]
        return None, min(solved, key=lambda item: _distance(item, wanted)) if required else None

    def _conflict(self, nearest: _Found, wanted: Requirements) -> tuple[Constraint, NoPlan]:
        """The constraint that stands against every method, and how near the nearest comes."""
        constraint = min(nearest.missed, key=lambda missed: missed not in wanted.set_by_person)
        if nearest.verdict is None:
            return constraint, NoPlan(kind=NoPlanKind.NO_DISPATCH)
        if constraint is Constraint.N_MINUS_1:
            insecure = self._verifier.insecurity(nearest.verdict)
            return constraint, insecure or NoPlan(kind=NoPlanKind.INSECURE)
        for margin in nearest.verdict.margins:
            if margin.constraint is constraint and margin.excess > 0:
                return constraint, NoPlan(kind=NoPlanKind.NEAREST_DISPATCH, margin=margin)
        return constraint, NoPlan(kind=NoPlanKind.NO_DISPATCH)

    def _nothing_to_set(
        self, reason: NoPlan, present: _Found, wanted: Requirements
    ) -> tuple[Constraint | None, NoPlan]:
        """What stands against a plan where nothing can be set: what the present state misses, or locked generators."""
        if present.missed and reason.kind is NoPlanKind.NOTHING_TO_SET:
            return self._conflict(present, wanted)
        locked = reason.kind is NoPlanKind.NOTHING_TO_SET and bool(wanted.locked_generators)
        generators = tuple(sorted(wanted.locked_generators)) if locked else ()
        return Constraint.LOCKED if locked else None, replace(reason, generators=generators)


def limits_of(
    network: Network, own: DispatchLimits, wanted: Requirements, present: GridState, share: float = 1.0
) -> DispatchLimits:
    """The limits that a plan must keep, less a reserve for what instruments and loads do until it is carried out.

    own: the network's. share: of the reserve that is kept. A plan with less of it still keeps every limit; it may raise
    an alarm sooner.
    Derived ratings count too, as exceeding them raises alarms, but not below what the present state loads branches,
    unless a person has asked for a loading.
    """
    low = own.min_vm_pu if wanted.min_vm_pu is None else np.full(network.n_bus, wanted.min_vm_pu)
    high = own.max_vm_pu if wanted.max_vm_pu is None else np.full(network.n_bus, wanted.max_vm_pu)
    band_pu = np.clip((high - low) / 4, 0.0, share * VOLTAGE_RESERVE_PU)
    balance_mw = np.clip((own.max_p_mw - own.min_p_mw) / 4, 0.0, share * RESERVE * max(present.total_load_mw, 0.0))
    balance_mw = np.where(network.generator.is_source, balance_mw, 0.0)
    range_mvar = own.max_q_mvar - own.min_q_mvar
    reactive_mvar = share * RESERVE * np.where(np.isfinite(range_mvar), range_mvar, 0.0)
    free = network.branch.rating_derived & (not wanted.loading_is_set)
    present_percent = np.where(free, present.loading_percent, 0.0)
    return DispatchLimits(
        min_p_mw=own.min_p_mw + balance_mw,
        max_p_mw=own.max_p_mw - balance_mw,
        min_q_mvar=own.min_q_mvar + reactive_mvar,
        max_q_mvar=own.max_q_mvar - reactive_mvar,
        min_vm_pu=low + band_pu,
        max_vm_pu=high - band_pu,
        max_loading_percent=np.maximum((1 - share * RESERVE) * wanted.max_loading_percent, present_percent),
    )


def _with_locked(
    network: Network, limits: DispatchLimits, wanted: Requirements, injection: Injection
) -> DispatchLimits:
    """Limits between which locked generators stay as they are."""
    locked = np.array(sorted(wanted.locked_generators), dtype=np.int64)
    if not locked.size:
        return limits
    low_mw, high_mw = limits.min_p_mw.copy(), limits.max_p_mw.copy()
    low_pu, high_pu = limits.min_vm_pu.copy(), limits.max_vm_pu.copy()
    dispatched = locked[~network.generator.is_source[locked]]  # a source makes up the balance, locked or not
    low_mw[dispatched] = high_mw[dispatched] = injection.generator_p_mw[dispatched]
    holding = locked[network.generator.holds_voltage[locked]]
    bus = network.generator.bus[holding]
    low_pu[bus] = high_pu[bus] = injection.generator_vm_pu[holding]
    return replace(limits, min_p_mw=low_mw, max_p_mw=high_mw, min_vm_pu=low_pu, max_vm_pu=high_pu)


def _ms_since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)


def _outcome(present: Verdict, plan: Plan | None, conflict: Constraint | None, reason: NoPlan | None) -> Outcome:
    """What an answer comes to. A dispatch switches nothing: what has no supply stays without it."""
    kind = OutcomeKind.NONE_BETTER if plan is None else OutcomeKind.BETTER_PLAN
    if plan is None and present.unsupplied_kw > SUPPLY_TOLERANCE_KW:
        kind = OutcomeKind.NOTHING_RESTORABLE
    elif conflict is not None:
        kind = OutcomeKind.CONFLICT
    margin = None if reason is None else reason.margin
    return Outcome(kind=kind, unsupplied_kw=present.unsupplied_kw, binding=margin)


def _distance(item: _Found, wanted: Requirements) -> tuple[int, bool, float]:
    """How far what a method found is from a plan: misses, whether more than N-1 alone, and a person's limits by share.

    What misses only N-1 keeps all else, which is looked at first.
    """
    excess = 0.0
    if item.verdict is not None:
        excess = sum(float(item.verdict.excess.of(limit).sum()) for limit in wanted.set_by_person)
    return len(item.missed), item.missed != (Constraint.N_MINUS_1,), excess
