"""Which of all that a person has asked stands against every plan, and where: judged by giving up exactly that.

An answer without a plan names the limit that the nearest state misses. Where a person has asked for several things,
that may be the wrong one: another state would keep it and miss something else. So the question is asked again, each
time without one of them. What has to give way is the one without which there is an answer, and that answer shows at
which bus, branch or switch it stands.
"""

from dataclasses import dataclass, replace

import numpy as np

from grid.network import Network
from ml.optimisation.plans.alternatives import Propose, reached
from ml.optimisation.plans.plan import (
    Constraint,
    Margin,
    NoPlan,
    NoPlanKind,
    OutcomeKind,
    Proposal,
    Verdict,
)
from ml.optimisation.plans.verification import OperatingPoint

PLACED = (Constraint.LOW_VOLTAGE, Constraint.HIGH_VOLTAGE, Constraint.LOADING)  # whose limits are of buses or branches
HOLDING = (NoPlanKind.NO_SWITCH, NoPlanKind.NOTHING_TO_SET)  # reasons of states that keep all, but may not change
NOTHING_KW = 0.01


def settled(answer: Proposal) -> bool:
    """Whether what is asked can be kept: by a plan, or by the present state."""
    return answer.plan is not None or answer.conflict is None


def named(propose: Propose, network: Network, operating_point: OperatingPoint, answer: Proposal) -> Proposal:
    """An answer with its conflict named; as it is where there is none, or where it isn't with what a person has asked.

    propose: that has given the answer. Each thing that a person has asked takes one more answer, where there are
    several, or where load is dark; with nothing asked the present state is permitted.
    """
    asked = answer.requirements.asked
    if settled(answer) or not asked:
        return answer
    return _Diagnosis(propose, network, operating_point, answer).named()


@dataclass(frozen=True, eq=False)
class _Diagnosis:
    """One conflict under examination."""

    propose: Propose
    network: Network
    operating_point: OperatingPoint
    answer: Proposal

    def named(self) -> Proposal:
        """The answer with what has to give way."""
        answer, asked = self.answer, self.answer.requirements.asked
        if answer.reason is not None and answer.reason.kind in HOLDING:
            return self._held()
        suspected = sorted(asked, key=lambda constraint: constraint is not answer.conflict)
        if len(asked) == 1 and answer.present.unsupplied_kw <= NOTHING_KW:
            return self._with(asked[0], None, (), ())
        relaxed = {constraint: self._without(constraint) for constraint in suspected}
        enough = [constraint for constraint in suspected if settled(relaxed[constraint])]
        if enough:
            return self._with(enough[0], relaxed[enough[0]], (), tuple(enough[1:]))
        together, found = self._together(suspected, relaxed)
        if not together:  # the case's own limits stand against it as well
            return answer
        first, *others = together
        return self._with(first, found, tuple(others), ())

    def _held(self) -> Proposal:
        """Where locks leave nothing to change: a conflict only where there is a plan without them."""
        answer, freed = self.answer, self._without(Constraint.LOCKED)
        if freed.plan is None and settled(freed):
            outcome = replace(answer.outcome, kind=OutcomeKind.NONE_BETTER)
            return replace(answer, conflict=None, reason=freed.reason, outcome=outcome)
        return self._with(Constraint.LOCKED, freed, (), ())

    def _without(self, *constraints: Constraint) -> Proposal:
        return self.propose(self.operating_point, self.answer.requirements.without(*constraints))

    def _together(
        self, asked: list[Constraint], alone: dict[Constraint, Proposal]
    ) -> tuple[list[Constraint], Proposal | None]:
        """Constraints that have to give way together, none of which can be kept; none where even all aren't enough.

        alone: the answers without each one, none of which is enough.
        """
        together, found = list(asked), self._without(*asked) if len(asked) > 1 else alone[asked[0]]
        if not settled(found):
            return [], None
        for constraint in reversed(asked):
            fewer = [other for other in together if other is not constraint]
            if len(fewer) < 2:
                break
            tried = self._without(*fewer)
            if settled(tried):
                together, found = fewer, tried
        return together, found

    def _with(
        self,
        constraint: Constraint,
        relaxed: Proposal | None,
        also: tuple[Constraint, ...],
        instead: tuple[Constraint, ...],
    ) -> Proposal:
        """The answer that names a constraint. relaxed: the answer without it, None for the present state."""
        answer, own = self.answer, self.answer.reason
        if own is None or constraint is not answer.conflict or (constraint is Constraint.ACTIONS and relaxed):
            own = self._otherwise(constraint, answer.present if relaxed is None else reached(relaxed))
        if constraint is Constraint.LOCKED and relaxed is not None:
            own = self._placed_at_locks(own, relaxed)
        reason, outcome = replace(own, also=also, instead=instead), answer.outcome
        if reason.margin is not None and constraint is not answer.conflict:
            outcome = replace(outcome, binding=reason.margin)
        return replace(answer, conflict=constraint, reason=reason, outcome=outcome)

    def _otherwise(self, constraint: Constraint, state: Verdict) -> NoPlan:
        """How a state that is possible without a constraint misses it."""
        wanted, own = self.answer.requirements, self.answer.reason
        nearest = own if own is not None and own.margin is not None else None
        if constraint is Constraint.REQUIRED:
            unused = tuple(branch for branch in sorted(wanted.required_closed) if not state.closed[branch])
            return replace(nearest or NoPlan(kind=NoPlanKind.NOT_USABLE), branches=unused)
        if constraint is Constraint.LOCKED and nearest is not None:
            return nearest
        if constraint is Constraint.ACTIONS:
            changed = int((state.closed != self.operating_point.closed).sum())
            most = float(wanted.most_pairs or 0)
            return NoPlan(
                kind=NoPlanKind.TOO_FEW_SWITCHES, margin=Margin(constraint, (changed + 1) // 2, most, "pairs", "")
            )
        if constraint in PLACED:
            return NoPlan(kind=NoPlanKind.OTHERWISE, margin=self._margin(constraint, state))
        return NoPlan(kind=NoPlanKind.OTHERWISE)

    def _margin(self, constraint: Constraint, state: Verdict) -> Margin:
        """A state against a limit that a person has set."""
        wanted, bus = self.answer.requirements, self.network.bus
        if constraint is Constraint.LOW_VOLTAGE and wanted.min_vm_pu is not None:
            return Margin(constraint, state.min_vm_pu, wanted.min_vm_pu, "p.u.", bus.name[state.min_vm_bus])
        if constraint is Constraint.HIGH_VOLTAGE and wanted.max_vm_pu is not None:
            return Margin(constraint, state.max_vm_pu, wanted.max_vm_pu, "p.u.", bus.name[state.max_vm_bus])
        loading = np.nan_to_num(state.state.loading_percent, nan=-1.0)
        worst = int(np.argmax(loading))
        return Margin(
            constraint, float(loading[worst]), wanted.max_loading_percent, "%", self.network.branch.name[worst]
        )

    def _placed_at_locks(self, reason: NoPlan, relaxed: Proposal) -> NoPlan:
        """The reason with the locks that the plan without them would break, where it names none itself."""
        wanted, plan = self.answer.requirements, relaxed.plan
        if plan is None or reason.branches or reason.generators:
            return reason
        branches = wanted.locked & {action.branch for action in plan.actions}
        generators = wanted.locked_generators & {point.generator for point in plan.set_points}
        return replace(reason, branches=tuple(sorted(branches)), generators=tuple(sorted(generators)))
