"""Why a plan doesn't use a tie, and what its limits cost: the optimiser asked again with one thing changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from grid.network import Network
from ml.optimisation.plans.explanation import Gain
from ml.optimisation.plans.limits import RELAXED_SHARE, Standing
from ml.optimisation.plans.plan import (
    Constraint,
    Excess,
    Margin,
    NoPlanKind,
    Plan,
    Proposal,
    Requirements,
    Verdict,
)
from ml.optimisation.plans.verification import OperatingPoint

Propose = Callable[[OperatingPoint, Requirements], Proposal]


class WhyNotKind(StrEnum):
    """What becomes of a plan that uses a branch."""

    IN_USE = "in_use"  # the plan closes it, or leaves it closed
    POSSIBLE = "possible"  # at a cost, which may be none
    OUT_OF_SERVICE = "out_of_service"
    LOCKED = "locked"  # by a person
    LOOP = "loop"  # of branches that stay closed
    NOT_WITHIN_LIMITS = "not_within_limits"
    NO_ORDER = "no_order"  # of switching is safe, or nothing that could be supplied lies beyond it


@dataclass(frozen=True, eq=False, kw_only=True)
class WhyNot:
    """What using a branch would mean. plan: the best one found that uses it, and gain, what that is better by than the
    plan that is shown (negative parts are what it costs); None where there is none. binding: the limit that forbids it.
    """

    branch: int
    kind: WhyNotKind
    plan: Plan | None = None
    gain: Gain | None = None
    binding: Margin | None = None


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a limit that binds costs: found by the optimiser with that limit changed by one step.

    limit: with the element that is nearest to it in the plan's state, without one where it is of the whole plan. by:
    the step in the limit's unit: 1 % of a limit, of all elements alike; one pair more; one lock less; no N-1. gain:
    what the best plan is then better by, without violation, which is judged by another limit.
    """

    limit: Margin
    by: float
    gain: Gain

    @property
    def loss_kw_per_unit(self) -> float:
        """Losses that one more unit of the limit would save, at the rate of the step."""
        return self.gain.loss_kw / self.by

    @property
    def supply_kw_per_unit(self) -> float:
        """Supply that one more unit of the limit would bring, at the rate of the step."""
        return self.gain.supply_kw / self.by


def reached(proposal: Proposal) -> Verdict:
    """The state that a proposal comes to: its plan's, or the present one."""
    return proposal.present if proposal.plan is None else proposal.plan.after


def why_not(propose: Propose, operating_point: OperatingPoint, shown: Proposal, branch: int) -> WhyNot:
    """What the best plan that uses a branch costs against the one shown, or what forbids it.

    propose: of an optimiser that switches; operating_point: that the plan shown was made for.
    """
    wanted, state = shown.requirements, reached(shown)
    if state.closed[branch]:
        return WhyNot(branch=branch, kind=WhyNotKind.IN_USE)
    if not operating_point.available[branch]:
        return WhyNot(branch=branch, kind=WhyNotKind.OUT_OF_SERVICE)
    if branch in wanted.locked:
        return WhyNot(branch=branch, kind=WhyNotKind.LOCKED)
    found = propose(operating_point, replace(wanted, required_closed=wanted.required_closed | {branch}))
    if found.plan is not None:
        gain = Gain.between(state, found.plan.after)
        return WhyNot(branch=branch, kind=WhyNotKind.POSSIBLE, plan=found.plan, gain=gain)
    if found.reason is not None and found.reason.kind is NoPlanKind.LOCKED_LOOP:
        return WhyNot(branch=branch, kind=WhyNotKind.LOOP)
    binding = found.outcome.binding
    kind = WhyNotKind.NO_ORDER if binding is None else WhyNotKind.NOT_WITHIN_LIMITS
    return WhyNot(branch=branch, kind=kind, binding=binding)


def prices(propose: Propose, network: Network, operating_point: OperatingPoint, shown: Proposal) -> Iterator[Price]:
    """What each limit that binds costs: one that doesn't, or that doesn't by one step, has no price.

    Judged against the best plan for these limits, which may be a little better than the one that is shown: people's
    plan isn't changed for a trifle. Each limit takes one answer of the optimiser.
    """
    before = reached(propose(operating_point, shown.requirements))
    for limit, by, wanted in _steps(network, shown.requirements, before):
        after = reached(propose(operating_point, wanted))
        if _better(after, before):
            yield Price(limit=limit, by=by, gain=replace(Gain.between(before, after), violation=0.0))


def _better(after: Verdict, before: Verdict) -> bool:
    """Whether one state stands better; violations don't count, as both are judged by limits of their own."""
    if (after.closed == before.closed).all():
        return False
    new, old = Standing.of(after), Standing.of(before)
    return (new.unsupplied, new.objective_kw) < (old.unsupplied, old.objective_kw)


def _steps(network: Network, wanted: Requirements, state: Verdict) -> Iterator[tuple[Margin, float, Requirements]]:
    """Each limit with the step that it is changed by, and the requirements after that."""
    for margin in state.margins:
        if margin.constraint in Excess.CONSTRAINTS and margin.limit:
            by = RELAXED_SHARE * abs(margin.limit)
            yield margin, by, replace(wanted, relaxed=wanted.relaxed | {margin.constraint})
    if wanted.most_pairs is not None:
        limit = Margin(Constraint.ACTIONS, wanted.most_pairs, wanted.most_pairs, "pairs", "")
        yield limit, 1.0, replace(wanted, most_pairs=wanted.most_pairs + 1)
    for branch in sorted(wanted.locked):
        limit = Margin(Constraint.LOCKED, 1.0, 1.0, "lock", network.branch.name[branch])
        yield limit, 1.0, replace(wanted, locked=wanted.locked - {branch})
    if wanted.n_minus_1:
        yield Margin(Constraint.N_MINUS_1, 1.0, 1.0, "", ""), 1.0, replace(wanted, n_minus_1=False)
