"""Which plan is better for the whole time, where the best one for now breaks a limit in the hours to come.

Others are the plans of few switches, and what the optimiser proposes for the hardest moment of the courses ahead: what
keeps the limits then, with what picks up, keeps them now as a rule, which is verified. Of all that were followed the
one wins that restores most while every limit is kept, in the mean over the courses and hours: what is supplied after a
limit has been broken doesn't count. So a plan that restores nothing never takes the place of one that does.

A plan on emergency limits that isn't back within the normal ones in time gives way to the best one that keeps these.
Where none restores anything within them, it stays, with its chance.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from grid.network import BoolArray
from ml.optimisation.plans.ahead import PlanAhead
from ml.optimisation.plans.alternatives import Propose
from ml.optimisation.plans.emergency import emergency_uses
from ml.optimisation.plans.limits import SUPPLY_STEP_KW, Merit, broken
from ml.optimisation.plans.plan import Margin, Outcome, OutcomeKind, Plan, Proposal, Requirements
from ml.optimisation.plans.switching_order import safe_order
from ml.optimisation.plans.verification import OperatingPoint, Verifier, plan_between

FAILS_FROM = 0.05  # chance that a limit breaks, from which others are looked for
CLEARLY = 0.01  # so much more must another one supply within limits to take the place of the best for now
ROUNDS = 3  # of proposals for the hardest moment of the one before

Follow = Callable[[Plan], PlanAhead | None]


@dataclass(frozen=True, eq=False, kw_only=True)
class FollowedPlan:
    """A plan and how it does in the hours to come. binding: what stands against more supply in the hardest moment.

    within_normal: the best one for now by normal limits alone.
    """

    plan: Plan
    ahead: PlanAhead
    binding: Margin | None = None
    within_normal: bool = False

    @property
    def overstays(self) -> bool:
        """Whether it is on emergency limits and breaks these, or the normal ones after their duration."""
        return bool(self.plan.emergency) and self.ahead.chance >= FAILS_FROM

    @property
    def restored_kw(self) -> float:
        """What the plan supplies again."""
        return self.plan.before.unsupplied_kw - self.plan.after.unsupplied_kw

    def kept_kw(self, restores: bool) -> float:
        """What is restored while every limit is kept, by priority, in the mean over courses and time; or all supply."""
        before, after = self.plan.before, self.plan.after
        if restores:
            return (before.weighted_unsupplied_kw - after.weighted_unsupplied_kw) * self.ahead.kept()
        wanted_mw = after.injection.load_p_mw.clip(min=0)
        return 1000 * float(wanted_mw[after.supplied_loads].sum()) * self.ahead.kept()


@dataclass(frozen=True, eq=False, kw_only=True)
class WholeTime:
    """The best plan for now, and the others that were followed, where it fails later.

    shown: of the others, the one that people see already, which gives way only to one that is clearly better.
    """

    first: FollowedPlan
    others: tuple[FollowedPlan, ...] = ()
    shown: FollowedPlan | None = None

    @property
    def best(self) -> FollowedPlan:
        """The one for the whole time."""
        restores = self.first.restored_kw > SUPPLY_STEP_KW
        begun, others = [self.first, *([] if self.shown is None else [self.shown])], list(self.others)
        held = [one for one in (*begun, *others) if not one.overstays and one.restored_kw > SUPPLY_STEP_KW]
        if self.first.overstays and held:
            begun, others = [one for one in begun if one in held] or held, held
        stays = max(begun, key=lambda one: one.kept_kw(restores))
        best = max(others, key=lambda one: one.kept_kw(restores), default=stays)
        clearly = best.kept_kw(restores) > (1 + CLEARLY) * stays.kept_kw(restores)
        return best if clearly else stays


@dataclass(frozen=True, eq=False, kw_only=True)
class Preference:
    """Which switch states are better for the whole time than those that the best plan for now leads to.

    (m,) each: before, that it holds in; first, that the best plan for now leads to; closed, that are better. binding:
    as in FollowedPlan. within_normal: no plan on emergency limits holds, the best one by normal limits is better.
    """

    requirements: Requirements
    before: BoolArray
    first: BoolArray
    closed: BoolArray
    binding: Margin | None = None
    within_normal: bool = False

    @classmethod
    def of(cls, found: WholeTime) -> "Preference | None":
        """What was found; None where the best plan for now stays."""
        first, best = found.first.plan, found.best
        if best is found.first:
            return None
        return cls(
            requirements=first.requirements,
            before=first.before.closed,
            first=first.after.closed,
            closed=best.plan.after.closed,
            binding=best.binding,
            within_normal=best.within_normal,
        )

    def concerns(self, proposal: Proposal) -> bool:
        """Whether a proposal's plan is the best one for now that another is better than."""
        first = proposal.plan
        if first is None or proposal.requirements != self.requirements or (first.before.closed != self.before).any():
            return False
        if self.within_normal:
            return proposal.within_normal is not None
        return bool((first.after.closed == self.first).all())

    def applied(self, verifier: Verifier, operating_point: OperatingPoint, proposal: Proposal) -> Proposal:
        """A proposal with the better plan in the place of the best one for now, where that is still so."""
        first = proposal.plan
        if first is None or not self.concerns(proposal):
            return proposal
        within = proposal.within_normal
        if self.within_normal and within is not None:
            return proposal if within.plan is None else replace(within, instead_of=first, within_normal=within)
        plan = plan_to(verifier, operating_point, self.requirements, self.closed)
        if plan is None:
            return proposal
        return replace(proposal, plan=plan, instead_of=first, outcome=self._outcome(proposal.outcome, plan))

    def _outcome(self, first: Outcome, plan: Plan) -> Outcome:
        """What the better plan comes to."""
        left_kw = plan.after.unsupplied_kw
        if first.kind not in (OutcomeKind.ALL_RESTORED, OutcomeKind.PART_RESTORED):
            return first
        part = left_kw > first.unsupplied_kw + SUPPLY_STEP_KW
        return replace(
            first,
            kind=OutcomeKind.PART_RESTORED if part else first.kind,
            restored_kw=plan.before.unsupplied_kw - left_kw,
            unsupplied_kw=left_kw,
            binding=self.binding if part else first.binding,
        )


def plan_to(
    verifier: Verifier, operating_point: OperatingPoint, wanted: Requirements, closed: BoolArray
) -> Plan | None:
    """The verified plan from the present switch states to others (m,); None where they or the way there aren't allowed,
    or they are no better than the present ones."""
    present = verifier.verdict(operating_point, operating_point.closed, wanted)
    if present is None or (closed & ~operating_point.available).any():
        return None
    fixed = list(wanted.locked)
    if (closed[fixed] != operating_point.closed[fixed]).any():
        return None
    after = verifier.verdict(operating_point, closed, wanted, present.state.voltage)
    if after is None or broken(after, present, wanted) or not Merit.of(after).improves_on(Merit.of(present)):
        return None
    actions = safe_order(verifier, operating_point, wanted, present, closed)
    if not actions:
        return None
    uses = emergency_uses(verifier, operating_point, wanted, present, actions, after)
    return plan_between(verifier.network, operating_point, wanted, present, after, actions, emergency=uses)


def for_whole_time(
    verifier: Verifier, operating_point: OperatingPoint, proposal: Proposal, propose: Propose, follow: Follow
) -> WholeTime | None:
    """Follow a proposal's best plan for now, and others where it fails later; None where there is none to be followed.

    propose: of an optimiser that switches.
    """
    first, shown = proposal.instead_of or proposal.plan, proposal.plan
    ahead = None if first is None else follow(first)
    if first is None or shown is None or ahead is None:
        return None
    begun, stays, others = FollowedPlan(plan=first, ahead=ahead), None, list[FollowedPlan]()
    within = None if proposal.within_normal is None else proposal.within_normal.plan
    seen = {first.after.closed.tobytes()}
    kept = None if proposal.instead_of is None else follow(shown)
    if kept is not None:
        binding = proposal.outcome.binding
        stays = FollowedPlan(plan=shown, ahead=kept, binding=binding, within_normal=shown is within)
        seen.add(shown.after.closed.tobytes())
    if ahead.chance < FAILS_FROM or not first.actions:
        return WholeTime(first=begun, shown=stays)
    if proposal.within_normal is not None and within is not None and within.after.closed.tobytes() not in seen:
        found = follow(within)
        seen.add(within.after.closed.tobytes())
        if found is not None:
            binding = proposal.within_normal.outcome.binding
            others.append(FollowedPlan(plan=within, ahead=found, binding=binding, within_normal=True))
    for plan in proposal.limited:
        found = follow(plan) if plan.after.closed.tobytes() not in seen else None
        if found is not None:
            seen.add(plan.after.closed.tobytes())
            others.append(FollowedPlan(plan=plan, ahead=found))
    others += _for_hardest_moments(verifier, operating_point, begun, seen, propose, follow)
    return WholeTime(first=begun, others=tuple(others), shown=stays)


def _for_hardest_moments(
    verifier: Verifier,
    operating_point: OperatingPoint,
    begun: FollowedPlan,
    seen: set[bytes],
    propose: Propose,
    follow: Follow,
) -> Iterator[FollowedPlan]:
    """What the optimiser proposes for the hardest moment, then for that of what it has proposed, until one holds."""
    wanted, last = begun.plan.requirements, begun
    asked = wanted.within_normal if begun.overstays else wanted  # in the hardest moment they have run out
    for _ in range(ROUNDS):
        if last.ahead.chance < FAILS_FROM:
            return
        hard = propose(replace(operating_point, injection=last.ahead.hardest), asked)
        if hard.plan is None or hard.plan.after.closed.tobytes() in seen:
            return
        seen.add(hard.plan.after.closed.tobytes())
        plan = plan_to(verifier, operating_point, wanted, hard.plan.after.closed)
        ahead = None if plan is None else follow(plan)
        if plan is None or ahead is None:
            return
        last = FollowedPlan(plan=plan, ahead=ahead, binding=hard.outcome.binding)
        yield last
