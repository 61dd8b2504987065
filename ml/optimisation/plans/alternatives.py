"""Why a plan doesn't use a tie, and what its limits cost: the optimiser asked again with one thing changed."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from grid.network import Network
from ml.optimisation.plans.limits import RELAXED_SHARE, Merit
from ml.optimisation.plans.plan import (
    Constraint,
    Excess,
    Margin,
    NoPlanKind,
    Proposal,
    Requirements,
    Verdict,
)
from ml.optimisation.plans.reasons import Gain, Price, TieUse, TieUseKind
from ml.optimisation.plans.verification import OperatingPoint

Propose = Callable[[OperatingPoint, Requirements], Proposal]


def reached(proposal: Proposal) -> Verdict:
    """The state that a proposal comes to: its plan's, or the present one."""
    return proposal.present if proposal.plan is None else proposal.plan.after


def why_not(propose: Propose, operating_point: OperatingPoint, shown: Proposal, branch: int) -> TieUse:
    """What the best plan that uses a branch costs against the one shown, or what forbids it.

    propose: of an optimiser that switches; operating_point: that the plan shown was made for.
    """
    wanted, state = shown.requirements, reached(shown)
    if state.closed[branch]:
        return TieUse(branch=branch, kind=TieUseKind.IN_USE)
    if not operating_point.available[branch]:
        return TieUse(branch=branch, kind=TieUseKind.OUT_OF_SERVICE)
    if branch in wanted.locked:
        return TieUse(branch=branch, kind=TieUseKind.LOCKED)
    found = propose(operating_point, replace(wanted, required_closed=wanted.required_closed | {branch}))
    if found.plan is not None:
        gain = Gain.between(state, found.plan.after)
        return TieUse(branch=branch, kind=TieUseKind.POSSIBLE, plan=found.plan, gain=gain)
    if found.reason is not None and found.reason.kind is NoPlanKind.LOCKED_LOOP:
        return TieUse(branch=branch, kind=TieUseKind.LOOP)
    binding = found.outcome.binding
    if binding is None or (found.reason is not None and found.reason.kind is NoPlanKind.NO_ORDER):
        return TieUse(branch=branch, kind=TieUseKind.NO_ORDER)
    return TieUse(branch=branch, kind=TieUseKind.NOT_WITHIN_LIMITS, binding=binding)


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
    new, old = Merit.of(after), Merit.of(before)
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
