"""Switching of a grid that is operated radially: methods propose, full AC power flow verifies, the best is ordered.

It decides by a learned policy's weights and imports no torch; what learns is ml.optimisation.switching.training.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from grid.network import BoolArray, FloatArray, IntArray, Network
from ml.optimisation.plans.emergency import by_emergency, emergency_uses
from ml.optimisation.plans.limits import Merit, broken
from ml.optimisation.plans.outages import outages_untried
from ml.optimisation.plans.plan import (
    Action,
    Constraint,
    Excess,
    Margin,
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
from ml.optimisation.plans.switching_order import safe_order
from ml.optimisation.plans.verification import OperatingPoint, Verifier, nothing, plan_between
from ml.optimisation.policy import LearnedPolicy
from ml.optimisation.radial.local_search import SCREENED, SCREENED_IN_THE_DARK, Objective
from ml.optimisation.radial.objective import FORBIDDEN_KW, SUPPLY_KW
from ml.optimisation.radial.trees import TreeDistribution
from ml.optimisation.switching import candidates as method
from ml.optimisation.switching.candidates import Candidates, Proposer
from ml.optimisation.switching.choice import Choice, Choices, ConflictError
from ml.optimisation.switching.net_compiled import Forward
from ml.optimisation.switching.situation import Situation, prior_phi

VERIFIED, VERIFIED_OF_FEW = 8, 2  # of the best-ranked configurations, and of those with few actions
VERIFIED_FURTHER = 40  # where none of these is allowed that restores supply
LEAST_SAVING = 1e-4  # of the present objective: what brings less isn't worth switching
STAYING = 0.05  # of its gain: so much more must another plan bring to take the place of the one that people see
# kicks from the best found: (KICKED_BUSES / buses)^3, as each takes longer in a large grid, but not more than so many a
# loop. On a feeder of 70 buses and 11 loops 15 of 50 seeds miss the optimum with 20 kicks, 2 with 80, none with 160
KICKED_BUSES, FEWEST_KICKS, KICKS_A_LOOP = 390, 3, 15
SUPPLY_KICKS = 80  # where supply is a choice: they are cheap there, as few exchanges keep the limits
POLISHED_BEST = 3  # of the policy's samples: with one alone, a plan's last percent is luck
RESTORABLE_KW = 0.01  # load without supply that is worth a word
MOST_PAIRS = 3  # for which plans of few actions are listed


class SwitchingOptimizer:
    """Answers for the operating points of one network by a policy. Not for several threads at once.

    seed: of what is sampled from the policy. Until a policy is given, the untrained prior stands for it. between: see
    SmartGridOptimizer.
    """

    _whole_searches = True  # for plans of few actions, and for the restoration of each outage
    _verified = VERIFIED

    def __init__(self, network: Network, seed: int, between: Callable[[], None] = nothing) -> None:
        self.network = network
        self._verifier, self._seed, self._between = Verifier(network, between), seed, between
        self._choices = Choices(network, self._verifier.bounds)
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
        """The best verified plan for a moment, or why there is none. ValueError where the present has no solution.

        The same moment and requirements have the same answer, whatever was asked before. Emergency values are used only
        where more load can be supplied by them than within normal limits.
        """
        began = time.perf_counter()
        on_emergency = shown is not None and bool(shown.emergency)
        within = self._proposal(operating_point, wanted.within_normal, None if on_emergency else shown)
        if not wanted.has_emergency:
            return within
        within = _asked_with(wanted, within)
        left = within.outcome
        if left.unsupplied_kw - left.out_of_reach_kw <= RESTORABLE_KW:
            return within
        beyond = self._proposal(operating_point, wanted, shown if on_emergency else None)
        return replace(_more_supply(within, beyond), time_ms=1000 * (time.perf_counter() - began))

    def _proposal(self, operating_point: OperatingPoint, wanted: Requirements, shown: Plan | None) -> Proposal:
        """The answer, with emergency values as far as they are given."""
        began = time.perf_counter()
        self._rng = np.random.default_rng(self._seed)
        present = self._verifier.verdict(operating_point, operating_point.closed, wanted)
        if present is None:
            raise ValueError("the present state has no power flow solution")
        asked = SwitchingAsked(operating_point, wanted, present, shown)
        answer = _Answer(self.policy_name, asked, self._verifier.bounds.unbounded)
        if wanted.n_minus_1 and not self._whole_searches:
            return answer.conflict(Constraint.N_MINUS_1, outages_untried(self.network), began)
        try:
            choice = self._choices.at(operating_point, wanted, present)
        except ConflictError as conflict:
            return answer.conflict(conflict.constraint, conflict.reason, began)
        answer.reach(choice)
        found = self._answered(asked, choice)
        if found.no_switch:
            found = replace(found, held=self._choices.held(operating_point, wanted))
        if choice.restorable_kw > RESTORABLE_KW and not found.restores_all:
            found = self._answered(asked, self._choices.at(operating_point, wanted, present, sheds=True)).after(found)
        return answer.proposal(found, began)

    def _proposer(self, choice: Choice) -> Proposer:
        def tolerant(tolerated_kw: float) -> Objective:
            return _paced(choice.tolerant_cost(tolerated_kw), self._between)

        screened = SCREENED_IN_THE_DARK if choice.restorable_kw > RESTORABLE_KW else SCREENED
        costs = _paced(choice.cost, self._between)
        return Proposer(choice.loops, costs, choice.predicted, choice.virtual, tolerant, screened)

    def _answered(self, asked: "SwitchingAsked", choice: Choice) -> "SwitchingFound":
        """What one choice comes to."""
        if choice.fixed:
            return SwitchingFound(no_switch=True, missed=self._standing_missed(asked, choice))
        found = self._methods(asked, choice)
        every = _merged([found[-1], *found])
        start = choice.start if choice.start is not None else every.opened[0]
        levels = []
        if self._whole_searches:
            levels = self._proposer(choice).within_pairs(start, MOST_PAIRS, every.opened)
        methods = tuple(self._result(item, choice, asked) for item in found)
        pool = _merged([every, *levels])
        seen = None if asked.shown is None else choice.opened(asked.shown.after.closed)
        if seen is not None:
            pool = _with_first(pool, seen, choice.cost(seen[None]))
        few = [_within(replace(asked.wanted, most_pairs=pairs), pool, choice) for pairs in range(1, MOST_PAIRS + 1)]
        limited = _each_better([self._best(asked, choice, item, VERIFIED_OF_FEW)[0] for item in few])
        pool = _within(self._manageable(asked.wanted), pool, choice)
        if choice.restorable_kw > RESTORABLE_KW and len(pool.opened):
            likes = _merged([_first(item, 1) for item in found if len(item.opened)])
            own = _within(self._manageable(asked.wanted), likes, choice)
            plan, missed = self._restoring(asked, choice, pool, own)
        else:
            plan, missed = self._best(asked, choice, pool, self._verified)
        return SwitchingFound(plan=plan, missed=missed, limited=limited, methods=methods)

    def _manageable(self, wanted: Requirements) -> Requirements:
        """What is wanted, with as many pairs as a plan may have."""
        return wanted

    def _restoring(
        self, asked: "SwitchingAsked", choice: Choice, pool: Candidates, own: Candidates
    ) -> tuple[Plan | None, "_Missed | None"]:
        """As _best, among the best-ranked, what lies between them and the present state, and own: what each method
        likes best. Where all are refused, among those behind them that the ranking thinks allowed.
        """
        back = self._proposer(choice).taken_back(pool.opened[0], choice.open_now, SUPPLY_KW / 10)
        first = _merged([_first(pool, VERIFIED), back, own])
        plan, missed = self._best(asked, choice, first, len(first.opened))
        if plan is not None or asked.wanted.n_minus_1:  # each takes as many power flows as there are outages
            return plan, missed
        thought = int((pool.cost < FORBIDDEN_KW).sum())  # pools are sorted by cost
        further = _first(pool, min(thought, VERIFIED + VERIFIED_FURTHER))
        return self._best(asked, choice, further, len(further.opened))[0], missed

    def _methods(self, _asked: "SwitchingAsked", choice: Choice) -> list[Candidates]:
        """What each method finds; the last goes on from the best of all others."""
        proposer, loops, grid = self._proposer(choice), choice.loops, choice.grid
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
                method.SEQUENTIAL,
                lambda: method.from_sequential_opening(loops, grid.closed_resistance_pu, grid.demand_pu),
            )
        )
        found.append(proposer.exchange(method.SEQUENTIAL_EXCHANGED, found[-1].opened[0], found[-1].time_ms))
        if choice.start is None:
            phi = self._phi(choice.seen)
            present = np.concatenate([choice.present, np.zeros(grid.virtual, bool)])
            found.append(proposer.run(method.RESTORED, lambda: method.completions(loops, present, phi, self._rng)))
        before = found[0] if choice.start is not None else found[-1]
        if len(before.opened):
            found.append(proposer.exchange(method.EXCHANGE, before.opened[0]))
        found.append(proposer.exchange_from(method.POLISHED, learned.opened[:POLISHED_BEST], learned.time_ms))
        best = min((item for item in found if len(item.opened)), key=lambda item: item.cost[0])
        fewer = max(FEWEST_KICKS, min(int((KICKED_BUSES / grid.n_bus) ** 3), KICKS_A_LOOP * loops.ties))
        rounds = SUPPLY_KICKS if choice.sheds else fewer  # which loads fit together is found by trying
        found.append(proposer.kicked(method.KICKED, best.opened[0], rounds, self._rng))
        return found

    def _best(
        self, asked: "SwitchingAsked", choice: Choice, proposed: Candidates, most: int = VERIFIED
    ) -> tuple[Plan | None, "_Missed | None"]:
        """The best plan among proposals, by verified standing; without one, the limit that stands against it."""
        operating_point, wanted, present = asked.operating_point, asked.wanted, asked.present
        verdicts: list[Verdict] = []
        missed: list[_Missed] = []
        collapses = False
        required = list(wanted.required_closed)
        must_change = broken(present, present, wanted) or not present.closed[required].all()
        for closed, opened in _each_once(choice, proposed, most):
            if not closed[required].all():
                continue
            verdict = self._verifier.verdict(operating_point, closed, wanted, present.state.voltage)
            if verdict is None:
                collapses = True
                continue
            problems = broken(verdict, present, wanted)
            insecure = None
            if problems:
                missed.append(_dearest(verdict, problems, wanted, _restores(verdict, present)))
            elif wanted.n_minus_1 and not choice.sheds:
                insecure = self._insecurity(
                    asked, choice, opened, verdict, every=not any(one.of_outages for one in missed)
                )
            if insecure is not None:
                missed.append(_insecure(self.network, insecure))
            elif not problems:
                verdicts.append(verdict)
        least_kw = LEAST_SAVING * present.objective_kw
        if verdicts and wanted.n_minus_1 and not must_change:
            must_change = self._standing_missed(asked, choice) is not None
        better = False
        for verdict in sorted(verdicts, key=asked.rank):
            if not Merit.of(verdict).improves_on(asked.standing, least_kw) and not must_change:
                break
            better = True
            actions = self._order(asked, verdict.closed)
            if actions:
                uses = emergency_uses(self._verifier, operating_point, wanted, present, actions, verdict)
                between = self.network, operating_point, wanted, present, verdict
                return plan_between(*between, actions, emergency=uses), None
        dark = choice.restorable_kw > RESTORABLE_KW
        if better:
            standing = None if dark else self._standing_missed(asked, choice)
            return None, _NO_ORDER if standing is None else standing.without_order()
        if verdicts or not (must_change or wanted.n_minus_1 or dark):
            return None, None
        if not missed and wanted.most_pairs:
            return None, _too_few(wanted.most_pairs)
        if not missed and dark:
            return None, _NO_STATE if collapses else None
        if not missed:
            return None, self._standing_missed(asked, choice)
        return None, min(missed, key=lambda item: item.price)

    def _order(self, asked: "SwitchingAsked", target: BoolArray) -> tuple[Action, ...] | None:
        """Actions to switch states (m,), every state on the way safe; None where there is no such order."""
        return safe_order(self._verifier, asked.operating_point, asked.wanted, asked.present, target)

    def _standing_missed(self, asked: "SwitchingAsked", choice: Choice) -> "_Missed | None":
        """What the present state misses of what a person asks; None where it may stay, and where load is dark."""
        wanted, present = asked.wanted, asked.present
        problems = broken(present, present, wanted)
        if problems:
            return _dearest(present, problems, wanted)
        unused = tuple(branch for branch in sorted(wanted.required_closed) if not present.closed[branch])
        if unused:
            margin = Margin(Constraint.REQUIRED, np.nan, np.nan, "", self.network.branch.name[unused[0]])
            return _Missed(margin=margin, reason=NoPlan(kind=NoPlanKind.NOT_USABLE, branches=unused))
        if not wanted.n_minus_1 or choice.sheds or choice.start is None:
            return None
        insecure = self._insecurity(asked, choice, choice.start, present, every=True)
        return None if insecure is None else _insecure(self.network, insecure)

    def _result(self, item: Candidates, choice: Choice, asked: "SwitchingAsked") -> MethodResult:
        """What a method found, verified by AC power flow; NaN where it breaks a limit or has no solution."""
        verdict, present, wanted = None, asked.present, asked.wanted
        if len(item.opened):
            closed = choice.closed(item.opened[0])
            verdict = self._verifier.verdict(asked.operating_point, closed, wanted, present.state.voltage)
        if verdict is None or broken(verdict, present, wanted):
            return MethodResult(item.name, np.nan, np.nan, np.nan, item.evaluated, item.time_ms, np.nan)
        return MethodResult(
            item.name,
            verdict.loss_kw,
            verdict.expected_interrupted_kw,
            verdict.objective_kw,
            item.evaluated,
            item.time_ms,
            verdict.unsupplied_kw,
        )

    def _insecurity(
        self, asked: "SwitchingAsked", choice: Choice, opened: IntArray, verdict: Verdict, every: bool
    ) -> NoPlan | None:
        """N-1 of a radial grid: None where after any outage of a branch on a loop one tie supplies everybody again.

        Each outage's best tie is verified by AC power flow. every: whether all outages are looked at, and the worst is
        named; otherwise the first that isn't survived.
        """
        neighbours, new = method.restorations(choice.loops, opened)
        cost, found = choice.cost(neighbours), list[tuple[float, int, Margin | None]]()
        for branch in np.unique(new):
            place = np.flatnonzero(new == branch)
            closed = choice.closed(neighbours[place[int(np.argmin(cost[place]))]])
            after = self._verifier.verdict(asked.operating_point, closed, asked.wanted, verdict.state.voltage)
            problems = () if after is None else broken(after, verdict, asked.wanted)
            if after is not None and not problems:
                continue
            missed = None if after is None else _dearest(after, problems, asked.wanted)
            price, margin = (np.inf, None) if missed is None else (missed.price, missed.margin)
            found.append((price, int(choice.loops.branch[branch]), margin))
            if not every:
                break
        if not found:
            return None
        _, outage, margin = max(found, key=lambda item: item[0])
        return NoPlan(kind=NoPlanKind.NO_RESTORATION, outage=outage, outages=len(found), margin=margin)


@dataclass(frozen=True, eq=False)
class SwitchingAsked:
    """What an answer is asked for. shown: the plan that people see."""

    operating_point: OperatingPoint
    wanted: Requirements
    present: Verdict
    shown: Plan | None

    @cached_property
    def standing(self) -> Merit:
        """Of the present state."""
        return Merit.of(self.present)

    def rank(self, verdict: Verdict) -> Merit:
        """What plans are ordered by: their standing, a little better for the plan that people see.

        Otherwise noise in what is measured would change the plan from one cycle to the next.
        """
        standing = Merit.of(verdict)
        if self.shown is None or (verdict.closed != self.shown.after.closed).any():
            return standing
        gain_kw = max(0.0, self.present.objective_kw - verdict.objective_kw)
        return replace(standing, objective_kw=standing.objective_kw - STAYING * gain_kw)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Missed:
    """What stands against a state: the limit that it misses, why there is no plan then, and how much it misses.

    margin: None where all limits are kept, but no safe order of switching leads there, or there is no such state.
    """

    margin: Margin | None
    reason: NoPlan
    price: float = 0.0

    @property
    def of_outages(self) -> bool:
        """Whether all limits are kept, but not after some single outage."""
        return self.margin is not None and self.margin.constraint is Constraint.N_MINUS_1

    def without_order(self) -> "_Missed":
        """The same, where states that keep it are known, but no safe way to them."""
        return replace(self, reason=replace(self.reason, kind=NoPlanKind.NO_ORDER, margin=self.margin))


@dataclass(frozen=True, eq=False, kw_only=True)
class SwitchingFound:
    """What a choice comes to. missed: what stands against any plan. binding: what kept all from supply.

    no_switch: whether there is nothing to choose; held: the branches that are locked and could be switched otherwise.
    """

    plan: Plan | None = None
    missed: _Missed | None = None
    limited: tuple[Plan, ...] = ()
    methods: tuple[MethodResult, ...] = ()
    no_switch: bool = False
    held: tuple[int, ...] = ()
    binding: _Missed | None = None

    @property
    def restores_all(self) -> bool:
        """Whether the plan leaves nothing that can be reached without supply: the choice demanded that."""
        return self.plan is not None

    def after(self, whole: "SwitchingFound") -> "SwitchingFound":
        """This, where supplying all was tried before and failed."""
        return replace(self, binding=whole.missed)


class _Answer:
    """What a proposal says in any case, gathered as it becomes known."""

    def __init__(self, policy: str, asked: SwitchingAsked, unbounded: tuple[str, ...]) -> None:
        self._policy, self._asked, self._unbounded = policy, asked, unbounded
        self._restorable_kw, self._locked_out = 0.0, 0
        self._locking_out: tuple[int, ...] = ()

    def reach(self, choice: Choice) -> None:
        """What could be supplied again."""
        self._restorable_kw, self._locked_out = choice.restorable_kw, int(choice.locked_out.sum())
        self._locking_out = choice.locking_out(self._asked.wanted.locked)

    def conflict(self, constraint: Constraint | None, reason: NoPlan, began: float) -> Proposal:
        """Nothing keeps what is asked."""
        return self._proposal(SwitchingFound(), constraint, reason, self._outcome(OutcomeKind.CONFLICT, None), began)

    def proposal(self, found: SwitchingFound, began: float) -> Proposal:
        """What the best choice comes to, in the words of the outcome."""
        present, plan, missed = self._asked.present, found.plan, found.missed
        dark = present.unsupplied_kw > RESTORABLE_KW
        against = found.binding or missed
        binding = None if against is None else against.margin
        if plan is not None:
            restores = present.unsupplied_kw - plan.after.unsupplied_kw > RESTORABLE_KW
            whole = self._restorable_kw - (present.unsupplied_kw - plan.after.unsupplied_kw) <= RESTORABLE_KW
            kind = OutcomeKind.NOTHING_RESTORABLE if dark else OutcomeKind.BETTER_PLAN
            if restores:
                kind = OutcomeKind.ALL_RESTORED if whole and not self._locked_out else OutcomeKind.PART_RESTORED
            return self._proposal(found, None, None, self._outcome(kind, plan, against), began)
        if dark:
            outcome = self._outcome(OutcomeKind.NOTHING_RESTORABLE, None, against)
            return self._proposal(found, *self._why_dark(against), outcome, began)
        if missed is not None:
            constraint = None if binding is None else binding.constraint
            kind = OutcomeKind.NONE_BETTER if binding is None else OutcomeKind.CONFLICT
            outcome = self._outcome(kind, None, against)
            return self._proposal(found, constraint, missed.reason, outcome, began)
        if found.held:
            reason = NoPlan(kind=NoPlanKind.NO_SWITCH, branches=found.held)
            return self._proposal(found, Constraint.LOCKED, reason, self._outcome(OutcomeKind.CONFLICT, None), began)
        why = NoPlanKind.NO_SWITCH if found.no_switch else NoPlanKind.BEST_FOUND
        return self._proposal(found, None, NoPlan(kind=why), self._outcome(OutcomeKind.NONE_BETTER, None), began)

    def _why_dark(self, against: _Missed | None) -> tuple[Constraint | None, NoPlan]:
        """The constraint, if any, and the reason why nothing that is without supply can be restored."""
        if self._locked_out and self._restorable_kw <= RESTORABLE_KW:
            reason = NoPlan(kind=NoPlanKind.CUT_OFF, buses=self._locked_out, branches=self._locking_out)
            return Constraint.LOCKED, reason
        if self._restorable_kw <= RESTORABLE_KW:
            return None, NoPlan(kind=NoPlanKind.OUT_OF_REACH)
        if against is None:
            return Constraint.SUPPLY, NoPlan(kind=NoPlanKind.NOT_WITHIN_LIMITS)
        if against.margin is None:
            return Constraint.SUPPLY, against.reason
        return against.margin.constraint, NoPlan(kind=NoPlanKind.NOT_WITHIN_LIMITS, margin=against.margin)

    def _outcome(self, kind: OutcomeKind, plan: Plan | None, against: _Missed | None = None) -> Outcome:
        """What the answer comes to. against: what stands against a better one, if anything does."""
        if kind is OutcomeKind.ALL_RESTORED:
            against = None
        margin = None if against is None else against.margin
        before_kw = self._asked.present.unsupplied_kw
        after_kw = before_kw if plan is None else plan.after.unsupplied_kw
        return Outcome(
            kind=kind,
            restored_kw=max(0.0, before_kw - after_kw),
            unsupplied_kw=after_kw,
            out_of_reach_kw=max(0.0, before_kw - self._restorable_kw),
            locked_out=self._locked_out,
            binding=margin,
            hindrance=None if against is None or margin is not None else against.reason.kind,
        )

    def _proposal(
        self, found: SwitchingFound, conflict: Constraint | None, reason: NoPlan | None, outcome: Outcome, began: float
    ) -> Proposal:
        asked = self._asked
        return Proposal(
            requirements=asked.wanted,
            present=asked.present,
            plan=found.plan,
            limited=found.limited,
            conflict=conflict,
            reason=reason,
            methods=found.methods,
            policy=self._policy,
            time_ms=1000 * (time.perf_counter() - began),
            outcome=outcome,
            unbounded=self._unbounded,
        )


def _asked_with(wanted: Requirements, answer: Proposal) -> Proposal:
    """An answer by normal limits, as one to requirements with emergency values, which it doesn't need."""
    plan = None if answer.plan is None else replace(answer.plan, requirements=wanted)
    limited = tuple(replace(one, requirements=wanted) for one in answer.limited)
    return replace(answer, requirements=wanted, plan=plan, limited=limited)


def _more_supply(within: Proposal, beyond: Proposal) -> Proposal:
    """Of the answers within normal limits and with emergency values the one that supplies more; the first if neither
    does, with what stands against more even in an emergency.
    """
    plan, less = beyond.plan, within.present if within.plan is None else within.plan.after
    if plan is None:
        hindered = replace(within, conflict=beyond.conflict, reason=beyond.reason, outcome=beyond.outcome)
        return hindered if within.plan is None else within
    supplied, supplied_within = Merit.of(plan.after).unsupplied, Merit.of(less).unsupplied
    if supplied < supplied_within:
        return replace(beyond, limited=within.limited, within_normal=within if plan.emergency else None)
    if supplied > supplied_within:
        return within
    return replace(within, outcome=replace(within.outcome, binding=beyond.outcome.binding))


def _each_better(plans: list[Plan | None]) -> tuple[Plan, ...]:
    """Plans of more and more pairs, those that are no better than one of fewer pairs left out."""
    kept: list[Plan] = []
    for plan in plans:
        if plan is not None and (not kept or _clearly_better(plan, kept[-1])):
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


def _paced(costs: Objective, between: Callable[[], None]) -> Objective:
    """The same costs, with a pause for others before each batch."""

    def judged(opened: IntArray) -> FloatArray:
        between()
        return costs(opened)

    return judged


def _clearly_better(plan: Plan, other: Plan) -> bool:
    return Merit.of(plan.after).improves_on(Merit.of(other.after), LEAST_SAVING * other.after.objective_kw)


def _each_once(choice: Choice, proposed: Candidates, most: int) -> Iterator[tuple[BoolArray, IntArray]]:
    """Switch states (m,) and configuration (t,) of the best proposals, until there are most different states."""
    seen: set[bytes] = set()
    for opened in proposed.opened:
        if len(seen) == most:
            return
        closed = choice.closed(opened)
        if closed.tobytes() not in seen:
            seen.add(closed.tobytes())
            yield closed, opened


def _first(proposed: Candidates, count: int) -> Candidates:
    return replace(proposed, opened=proposed.opened[:count], cost=proposed.cost[:count])


def _within(wanted: Requirements, proposed: Candidates, choice: Choice) -> Candidates:
    """The proposals that change no more pairs of switches than a person allows."""
    if wanted.most_pairs is None:
        return proposed
    differ = (choice.closed(proposed.opened) != choice.present).sum(axis=1)
    kept = (differ + 1) // 2 <= wanted.most_pairs
    return replace(proposed, opened=proposed.opened[kept], cost=proposed.cost[kept])


def _dearest(
    verdict: Verdict, problems: tuple[Constraint, ...], wanted: Requirements, restores: bool = False
) -> _Missed:
    """A state's broken limits, as shares of themselves together, and the limit that is most of it.

    One that a person has set is named before those of the case: it is what can be given up. restores: emergency values
    are its limits, where there are any.
    """
    price = {problem: _share(verdict, problem) for problem in problems}
    worst = max(price, key=lambda problem: (problem in wanted.set_by_person, price[problem]))
    unplaced = Margin(worst, np.nan, np.nan, "", "")
    margin = next((margin for margin in verdict.margins if margin.constraint is worst), unplaced)
    margin = by_emergency(margin, wanted) if restores else margin
    reason = NoPlan(kind=NoPlanKind.NEAREST_CONFIGURATION, margin=margin)
    return _Missed(margin=margin, reason=reason, price=sum(price.values()))


_NO_ORDER = _Missed(margin=None, reason=NoPlan(kind=NoPlanKind.NO_ORDER))
_NO_STATE = _Missed(margin=None, reason=NoPlan(kind=NoPlanKind.NO_STATE))


def _insecure(network: Network, reason: NoPlan) -> _Missed:
    margin = Margin(Constraint.N_MINUS_1, reason.outages, 0.0, "outages", network.branch.name[reason.outage])
    return _Missed(margin=margin, reason=reason)


def _too_few(pairs: int) -> _Missed:
    margin = Margin(Constraint.ACTIONS, np.nan, pairs, "pairs", "")
    return _Missed(margin=margin, reason=NoPlan(kind=NoPlanKind.TOO_FEW_SWITCHES))


def _restores(verdict: Verdict, present: Verdict) -> bool:
    """Whether a state supplies a load that has no supply now."""
    return bool((verdict.supplied_loads & ~present.supplied_loads).any())


def _share(verdict: Verdict, problem: Constraint) -> float:
    return float(verdict.excess.of(problem).sum()) if problem in Excess.CONSTRAINTS else 1.0


def _merged(found: list[Candidates]) -> Candidates:
    """All proposals together, best first, each once."""
    opened = np.concatenate([np.sort(item.opened, axis=1) for item in found])
    cost = np.concatenate([item.cost for item in found])
    _, first = np.unique(opened, axis=0, return_index=True)
    order = first[np.argsort(cost[first], kind="stable")]
    return Candidates("", opened[order], cost[order], len(opened), sum(item.time_ms for item in found))
