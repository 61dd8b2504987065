"""Switching of a grid that is operated radially: methods propose, full AC power flow verifies, the best is ordered.

It decides by a learned policy's weights and imports no torch; what learns is ml.optimisation.switching.training.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from grid.network import FloatArray, IntArray, Network
from ml.optimisation.plans.plan import (
    Constraint,
    Margin,
    MethodResult,
    NoPlan,
    NoPlanKind,
    Plan,
    Proposal,
    Requirements,
    Verdict,
)
from ml.optimisation.plans.switching_order import safe_order
from ml.optimisation.plans.verification import (
    PRICE_KW,
    SUPPLY_TOLERANCE_KW,
    OperatingPoint,
    Verifier,
    broken,
    burden_kw,
)
from ml.optimisation.policy import LearnedPolicy
from ml.optimisation.radial.trees import TreeDistribution
from ml.optimisation.switching import candidates as method
from ml.optimisation.switching.candidates import Candidates, Proposer
from ml.optimisation.switching.choice import Choice, Choices, ConflictError
from ml.optimisation.switching.net_compiled import Forward
from ml.optimisation.switching.situation import Situation, prior_phi

VERIFIED, VERIFIED_OF_FEW = 8, 2  # of the best-ranked configurations, and of those with few actions
LEAST_SAVING = 1e-4  # of the present objective: what brings less isn't worth switching
STAYING = 0.05  # of its gain: so much more must another plan bring to take the place of the one that people see
POLISHED_BEST = 3  # of the policy's samples: with one alone, a plan's last percent is luck
MOST_PAIRS = 3  # for which plans of few actions are listed


class SwitchingOptimizer:
    """Answers for the operating points of one network by a policy. Not for several threads at once.

    seed: of what is sampled from the policy. Until a policy is given, the untrained prior stands for it.
    """

    def __init__(self, network: Network, seed: int) -> None:
        self.network = network
        self._verifier, self._choices = Verifier(network), Choices(network)
        self._rng = np.random.default_rng(seed)
        self._phi: Callable[[Situation], FloatArray] = prior_phi
        self._episodes = 0

    @property
    def policy_name(self) -> str:
        """What the policy is, and how long it has learned."""
        return f"spanning-tree policy, {self._episodes:,} episodes of REINFORCE"

    def use(self, policy: LearnedPolicy) -> None:
        """Answer by another policy from now on; not while propose runs. PolicyError where it doesn't fit."""
        self._phi, self._episodes = Forward(policy.weights), policy.episodes

    def propose(self, operating_point: OperatingPoint, wanted: Requirements, shown: Plan | None = None) -> Proposal:
        """The best verified plan for a moment, or why there is none. ValueError where the present has no solution."""
        began = time.perf_counter()
        present = self._verifier.verdict(operating_point, operating_point.closed, wanted)
        if present is None:
            raise ValueError("the present state has no power flow solution")
        answer = _Answer(self.policy_name, wanted, present)
        try:
            choice = self._choices.at(operating_point, wanted, present)
        except ConflictError as conflict:
            return answer.none(conflict.constraint, conflict.reason, began)
        if not choice.loops.ties:
            return answer.none(None, NoPlan(kind=NoPlanKind.NO_SWITCH), began)
        found = self._methods(choice)
        every = _merged([found[-1], *found])
        start = choice.start if choice.start is not None else every.opened[0]
        levels = Proposer(choice.loops, choice.cost, choice.predicted).within_pairs(start, MOST_PAIRS, every.opened)
        answer.methods = tuple(self._result(item, choice, operating_point, present, wanted) for item in found)
        pool = _merged([every, *levels])
        seen = None if shown is None else choice.opened(shown.after.closed)
        if seen is not None:
            pool = _with_first(pool, seen, choice.cost(seen[None]))
        few = [_within(replace(wanted, most_pairs=pairs), pool, choice) for pairs in range(1, MOST_PAIRS + 1)]
        answer.limited = _each_better(
            [self._best(operating_point, wanted, present, choice, item, VERIFIED_OF_FEW)[0] for item in few]
        )
        plan, missed = self._best(operating_point, wanted, present, choice, _within(wanted, pool, choice), shown=shown)
        if plan is not None:
            return answer.plan(plan, began)
        if missed is not None:
            return answer.none(missed.constraint, _reason(missed), began)
        return answer.none(None, NoPlan(kind=NoPlanKind.BEST_FOUND), began)

    def _methods(self, choice: Choice) -> list[Candidates]:
        """What each method finds; the last is the policy with branch exchange from the best of its samples."""
        proposer, loops, grid = Proposer(choice.loops, choice.cost, choice.predicted), choice.loops, choice.grid
        found = []
        if choice.start is not None:
            start = choice.start[None]
            found.append(proposer.run(method.PRESENT, lambda: start))
        found.append(
            proposer.run(
                method.PRIOR, lambda: method.from_policy(TreeDistribution(loops, prior_phi(choice.seen)), self._rng)
            )
        )
        found.append(
            proposer.run(
                method.POLICY, lambda: method.from_policy(TreeDistribution(loops, self._phi(choice.seen)), self._rng)
            )
        )
        learned = found[-1]
        found.append(
            proposer.run(
                method.SEQUENTIAL, lambda: method.from_sequential_opening(loops, grid.impedance_pu.real, grid.demand_pu)
            )
        )
        if choice.start is None:
            phi = self._phi(choice.seen)
            found.append(
                proposer.run(method.RESTORED, lambda: method.completions(loops, choice.present, phi, self._rng))
            )
        before = found[0] if choice.start is not None else found[-1]
        if len(before.opened):
            found.append(proposer.exchange(method.EXCHANGE, before.opened[0]))
        found.append(proposer.exchange_from(method.POLISHED, learned.opened[:POLISHED_BEST], learned.time_ms))
        return found

    def _best(
        self,
        operating_point: OperatingPoint,
        wanted: Requirements,
        present: Verdict,
        choice: Choice,
        proposed: Candidates,
        most: int = VERIFIED,
        shown: Plan | None = None,
    ) -> tuple[Plan | None, Margin | None]:
        """The best plan among proposals, by verified objective; without one, the limit that stands against it."""
        verdicts: list[Verdict] = []
        missed: list[tuple[float, Margin]] = []
        for opened in proposed.opened[:most]:
            verdict = self._verifier.verdict(operating_point, choice.closed(opened), wanted, present.state.voltage)
            if verdict is None:
                continue
            problems = broken(verdict, present, wanted)
            if problems:
                missed.append(_dearest(verdict, problems))
            elif wanted.n_minus_1 and not self._restorable(operating_point, wanted, choice, opened, verdict):
                missed.append((0.0, Margin(Constraint.N_MINUS_1, np.nan, np.nan, "", "")))
            else:
                verdicts.append(verdict)
        worth = burden_kw(present) - LEAST_SAVING * present.objective_kw
        required = broken(present, present, wanted) or wanted.n_minus_1 or _restorable_kw(choice, present) > 0
        for verdict in sorted(verdicts, key=lambda one: _standing_kw(one, present, shown)):
            if burden_kw(verdict) >= worth and not broken(present, present, wanted):
                return None, None
            actions = safe_order(self._verifier, operating_point, wanted, present, verdict.closed)
            if actions:
                saved = (present.loss_kw - verdict.loss_kw) * operating_point.loss_hours_per_year / 1000
                money = saved * operating_point.price_per_mwh
                return Plan(wanted, actions, (), present, verdict, saved, money, self.network), None
        if verdicts or not required:
            return None, None
        if not missed:
            return None, Margin(Constraint.ACTIONS, np.nan, np.nan, "", "") if wanted.most_pairs else None
        return None, min(missed, key=lambda item: item[0])[1]

    def _result(
        self, item: Candidates, choice: Choice, operating_point: OperatingPoint, present: Verdict, wanted: Requirements
    ) -> MethodResult:
        """What a method found, verified by AC power flow; NaN where it breaks a limit or has no solution."""
        verdict = None
        if len(item.opened):
            closed = choice.closed(item.opened[0])
            verdict = self._verifier.verdict(operating_point, closed, wanted, present.state.voltage)
        if verdict is None or broken(verdict, present, wanted):
            return MethodResult(item.name, np.nan, np.nan, np.nan, item.evaluated, item.time_ms)
        return MethodResult(
            item.name,
            verdict.loss_kw,
            verdict.expected_interrupted_kw,
            verdict.objective_kw,
            item.evaluated,
            item.time_ms,
        )

    def _restorable(
        self, operating_point: OperatingPoint, wanted: Requirements, choice: Choice, opened: IntArray, verdict: Verdict
    ) -> bool:
        """N-1 of a radial grid: whether after any outage of a branch on a loop one tie supplies everybody again.

        Each outage's best tie is verified by AC power flow.
        """
        neighbours, new = method.restorations(choice.loops, opened)
        cost = choice.cost(neighbours)
        for branch in np.unique(new):
            place = np.flatnonzero(new == branch)
            closed = choice.closed(neighbours[place[int(np.argmin(cost[place]))]])
            after = self._verifier.verdict(operating_point, closed, wanted, verdict.state.voltage)
            if after is None or broken(after, verdict, wanted):
                return False
        return True


class _Answer:
    """What a proposal says in any case, gathered as it becomes known."""

    def __init__(self, policy: str, wanted: Requirements, present: Verdict) -> None:
        self._policy, self._wanted, self._present = policy, wanted, present
        self.methods: tuple[MethodResult, ...] = ()
        self.limited: tuple[Plan | None, ...] = ()

    def plan(self, plan: Plan, began: float) -> Proposal:
        return self._proposal(plan, None, None, began)

    def none(self, conflict: Constraint | None, reason: NoPlan, began: float) -> Proposal:
        return self._proposal(None, conflict, reason, began)

    def _proposal(
        self, plan: Plan | None, conflict: Constraint | None, reason: NoPlan | None, began: float
    ) -> Proposal:
        limited = tuple(item for item in self.limited if item is not None)
        spent = 1000 * (time.perf_counter() - began)
        return Proposal(self._wanted, self._present, plan, limited, conflict, reason, self.methods, self._policy, spent)


def _each_better(plans: list[Plan | None]) -> tuple[Plan, ...]:
    """Plans of more and more pairs, those that are no better than one of fewer pairs left out."""
    kept: list[Plan] = []
    for plan in plans:
        if plan is not None and (not kept or burden_kw(plan.after) < burden_kw(kept[-1].after) * (1 - LEAST_SAVING)):
            kept.append(plan)
    return tuple(kept)


def _with_first(proposed: Candidates, opened: IntArray, cost: FloatArray) -> Candidates:
    """The proposals with a configuration (t,) of cost (1,) at their head, so that it is verified in any case."""
    others = (proposed.opened != opened).any(axis=1)
    return replace(
        proposed,
        opened=np.concatenate([opened[None], proposed.opened[others]]),
        cost=np.concatenate([cost, proposed.cost[others]]),
    )


def _standing_kw(verdict: Verdict, present: Verdict, shown: Plan | None) -> float:
    """What plans are ordered by: their burden, a little less for the plan that people see.

    Otherwise noise in what is measured would change the plan from one cycle to the next.
    """
    burden = burden_kw(verdict)
    if shown is None or (verdict.closed != shown.after.closed).any():
        return burden
    return burden - STAYING * max(0.0, burden_kw(present) - burden)


def _within(wanted: Requirements, proposed: Candidates, choice: Choice) -> Candidates:
    """The proposals that change no more pairs of switches than a person allows."""
    if wanted.most_pairs is None:
        return proposed
    differ = (choice.closed(proposed.opened) != choice.present).sum(axis=1)
    kept = (differ + 1) // 2 <= wanted.most_pairs
    return replace(proposed, opened=proposed.opened[kept], cost=proposed.cost[kept])


def _restorable_kw(choice: Choice, present: Verdict) -> float:
    """Load without supply that some choice of switches would reach."""
    reachable_kw = 1000 * choice.grid.base_mva * float(choice.grid.load_pu.sum())
    supplied_kw = 1000 * float(present.injection.load_p_mw.clip(min=0).sum()) - present.unsupplied_kw
    return max(0.0, reachable_kw - supplied_kw - SUPPLY_TOLERANCE_KW)


def _dearest(verdict: Verdict, problems: tuple[Constraint, ...]) -> tuple[float, Margin]:
    """The price of a configuration's broken limits, and the limit that is most of it."""
    price = {problem: PRICE_KW[problem] * verdict.violation[problem] for problem in problems}
    worst = max(price, key=lambda problem: price[problem])
    return sum(price.values()), next(margin for margin in verdict.margins if margin.constraint is worst)


def _reason(missed: Margin) -> NoPlan:
    """Why the best configuration found won't do."""
    if missed.constraint is Constraint.N_MINUS_1:
        return NoPlan(kind=NoPlanKind.NO_RESTORATION)
    if missed.constraint is Constraint.ACTIONS:
        return NoPlan(kind=NoPlanKind.TOO_FEW_SWITCHES)
    return NoPlan(kind=NoPlanKind.NEAREST_CONFIGURATION, margin=missed)


def _merged(found: list[Candidates]) -> Candidates:
    """All proposals together, best first, each once."""
    opened = np.concatenate([np.sort(item.opened, axis=1) for item in found])
    cost = np.concatenate([item.cost for item in found])
    _, first = np.unique(opened, axis=0, return_index=True)
    order = first[np.argsort(cost[first], kind="stable")]
    return Candidates("", opened[order], cost[order], len(opened), sum(item.time_ms for item in found))
