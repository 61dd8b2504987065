"""Operations: carrying out a plan, one action or all set-points a cycle, each verified right before it is done."""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from app.engine.board import FollowUp, HandOperation, Operations, StateFigures
from grid.flow.powerflow import GridState
from grid.network import Network
from grid.sources.seams import Actuator, Held, HoldOrder, Order, SwitchOrder, TapOrder
from ml.optimisation.optimizer import problem_with
from ml.optimisation.plans.by_hand import Effect, Setting, Switching, TapMove, effect_of
from ml.optimisation.plans.plan import Action, Plan, PlanProblem, PlanProblemKind, Requirements, SetPoint
from ml.optimisation.plans.set_points import held_by, problem_with_set_points
from ml.optimisation.plans.tags import TaggedKind, Tags, locked, tag_against
from ml.optimisation.plans.verification import OperatingPoint, Verifier

log = logging.getLogger(__name__)
HAND_OPERATIONS_KEPT = 100


@dataclass(frozen=True)
class _Job:
    """Actions or set-points under way, and whether they take back what was done. restoring: of a plan that restores
    supply."""

    requirements: Requirements
    pending: tuple[Action, ...]
    undoing: bool
    set_points: tuple[SetPoint, ...] = ()
    restoring: bool = False


FOLLOWED_KEPT = 20


@dataclass(frozen=True, kw_only=True)
class _Promise:
    """What a plan promises, until its state is measured."""

    code: str
    actions: tuple[Action, ...]
    requirements: Requirements
    ordered_at: datetime
    promised: StateFigures


@dataclass(frozen=True, eq=False, kw_only=True)
class _Step:
    """Something done that can be taken back: an action, a setting of generators, which were held at this before, or a
    tap that was moved, with the order that moves it back.

    by_hand: the id of the operation by hand, 0 for a plan's.
    """

    action: Action | None = None
    held_before: Held | None = None
    tap_back: TapOrder | None = None
    by_hand: int = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class HandOrder:
    """What a person has confirmed: an operation with the effect that it was confirmed for."""

    effect: Effect
    person: str
    ordered_at: datetime  # simulated


class PlanExecution:
    """Switches, sets generators and moves taps through a source's actuator. Owned by the engine thread.

    tags: what nobody may operate; the owner replaces them. Without an actuator plans are advice: nothing is ever taken
    up.
    """

    def __init__(self, network: Network, actuator: Actuator | None) -> None:
        self._network, self._actuator = network, actuator
        self._verifier = Verifier(network)
        self._job: _Job | None = None
        self._history: tuple[_Step, ...] = ()
        self._stopped: PlanProblem | None = None
        self._promise: _Promise | None = None
        self._followed: tuple[FollowUp, ...] = ()
        self._ordered: list[HandOrder] = []  # and not carried out yet
        self._by_hand: deque[HandOperation] = deque(maxlen=HAND_OPERATIONS_KEPT)
        self.tags: Tags = ()

    def on(self, network: Network, goes_on: bool) -> "PlanExecution":
        """The same on a grid with other limits or taps: what was done can still be taken back. A plan under way, or its
        undoing, goes_on or ends."""
        changed = PlanExecution(network, self._actuator)
        changed._history, changed._by_hand, changed.tags = self._history, self._by_hand, self.tags
        changed._ordered, changed._followed = self._ordered, self._followed
        if goes_on:
            changed._job, changed._stopped, changed._promise = self._job, self._stopped, self._promise
        return changed

    @property
    def operations(self) -> Operations:
        """What is done and pending."""
        return Operations(
            self._done,
            self._job.pending if self._job else (),
            self._stopped,
            any(step.held_before is not None for step in self._history),
            self._followed,
            tuple(self._by_hand),
            any(step.tap_back is not None for step in self._history),
        )

    @property
    def _done(self) -> tuple[Action, ...]:
        return tuple(step.action for step in self._history if step.action is not None)

    def apply(self, plan: Plan, count: int | None, time: datetime) -> None:
        """Take up a plan's first actions, or its set-points; they can be undone with what was done before.

        time: the simulated present.
        """
        self._job = _Job(
            plan.requirements,
            plan.actions[:count],
            undoing=False,
            set_points=plan.set_points,
            restoring=plan.restores,
        )
        self._stopped, self._promise = None, _promise_of(plan, count, time)

    def follow(self, time: datetime, state: GridState, unsupplied_mw: float) -> None:
        """Compare what was promised with a measured state, once a plan is carried out and its switches report so.

        A plan that stops, is taken back or gives way to another one is never compared.
        """
        promise, job = self._promise, self._job
        if promise is None or (job is not None and (job.pending or job.set_points)):
            return
        if any(bool(state.closed[action.branch]) != action.close for action in promise.actions):
            return
        counted = self._verifier.bounds.counted(promise.requirements)
        followed = FollowUp(
            code=promise.code,
            actions=promise.actions,
            ordered_at=promise.ordered_at,
            measured_at=time,
            promised=promise.promised,
            measured=StateFigures(
                loss_kw=1000 * state.total_loss_mw,
                unsupplied_kw=1000 * unsupplied_mw,
                min_vm_pu=float(np.nanmin(state.vm_pu)) if state.energised.any() else np.nan,
                max_loading_percent=float(state.loading_percent[counted].max()) if counted.any() else np.nan,
            ),
        )
        self._promise, self._followed = None, (*self._followed, followed)[-FOLLOWED_KEPT:]

    def order(self, ordered: HandOrder) -> None:
        """Take up what a person has confirmed: it is done with the next step. A plan under way ends: it was made for
        another state."""
        self._ordered.append(ordered)
        waiting = self._job is not None and (self._job.pending or self._job.set_points)
        self._job, self._stopped = None, PlanProblem(kind=PlanProblemKind.BY_HAND) if waiting else None
        self._promise = None

    def carry_out_by_hand(self) -> None:
        """Do what people have confirmed, in their order, unless a tag forbids it by now.

        What is refused, or can't be sent, isn't tried again: whoever wants it still confirms it again.
        """
        actuator = self._actuator
        while self._ordered and actuator is not None:
            ordered = self._ordered.pop(0)
            problem = self._problem_by_hand(ordered, actuator)
            if problem is not None:
                self._stopped = problem
                continue
            self._by_hand.append(
                HandOperation(
                    id=self._next_by_hand,
                    operation=ordered.effect.operation,
                    person=ordered.person,
                    ordered_at=ordered.ordered_at,
                    dark_kw=ordered.effect.dark_kw,
                )
            )

    @property
    def _next_by_hand(self) -> int:
        return self._by_hand[-1].id + 1 if self._by_hand else 1

    def _problem_by_hand(self, ordered: HandOrder, actuator: Actuator) -> PlanProblem | None:
        """Carry out an operation by hand; what stands against it, None where it is done."""
        operation, kind = ordered.effect.operation, PlanProblemKind.ORDER_REFUSED
        match operation:
            case Switching():
                refused = PlanProblem(kind=kind, branch=operation.branch, close=operation.close)
                order: Order = SwitchOrder(branch=operation.branch, close=operation.close)
                step = _Step(action=ordered.effect.action)
            case Setting():
                refused = PlanProblem(kind=kind, generator=operation.generator)
                order = HoldOrder(held=actuator.held.then(*operation.held(self._network)))
                step = _Step(held_before=actuator.held)
            case TapMove():
                order = TapOrder(branch=operation.branch, position=operation.position)
                refused = _tap_refused(order)
                before = float(actuator.tap_pos[operation.branch])
                step = _Step(tap_back=TapOrder(branch=operation.branch, position=before))
        if tag_against(operation, self._network, self.tags) is not None:
            return replace(refused, kind=PlanProblemKind.TAGGED)
        try:
            taken = actuator.execute(order).taken
        except ConnectionError as error:
            log.warning("an operation by hand of %s couldn't be sent: %s", ordered.person, error)
            return refused
        if not taken:
            return refused
        self._history = (*self._history, replace(step, by_hand=self._next_by_hand))
        return None

    def undo(self, count: int | None) -> None:
        """Take up the reverse of what was done, the last first: what opened closes before what closed opens.

        Set-points and taps are taken back at once: the generators go back to what they were set to, the taps to where
        they were. Raises ConnectionError where that can't be sent.
        """
        self._promise = None
        waiting = len(self._job.pending) if self._job is not None and self._job.undoing else 0
        chosen = self._history[::-1][: None if count is None else count + waiting]
        settings = [step for step in chosen if step.held_before is not None]
        if settings and settings[-1].held_before is not None and self._actuator is not None:
            earliest = settings[-1].held_before
            problem = self._tagged_by_holding(self._actuator.held, earliest)
            self._job, self._stopped = None, problem or _problem_of_holding(self._actuator, earliest)
            if self._stopped is not None:
                return
            self._forget(settings)
        for step in chosen:
            problem = self._problem_of_moving_back(step)
            if problem is not None:
                self._job, self._stopped = None, problem
                return
        back = tuple(
            Action(done.branch, not done.close, float("nan"), float("nan"), float("nan"))
            for done in (step.action for step in chosen)
            if done is not None
        )
        self._job, self._stopped = _Job(Requirements(), back, undoing=True), None

    def _problem_of_moving_back(self, step: _Step) -> PlanProblem | None:
        """Move back the tap that was moved in a step, if one was; what stands against it, None where it is done."""
        order, actuator = step.tap_back, self._actuator
        if order is None or actuator is None:
            return None
        if order.branch in locked(self.tags, TaggedKind.BRANCH):
            return replace(_tap_refused(order), kind=PlanProblemKind.TAGGED)
        if not actuator.execute(order).taken:
            return _tap_refused(order)
        self._forget([step])
        return None

    def _forget(self, taken_back: Sequence[_Step]) -> None:
        """Steps that are taken back leave the history; operations by hand stay listed, as taken back."""
        self._history = tuple(step for step in self._history if step not in taken_back)
        undone = {step.by_hand for step in taken_back}
        listed = (replace(item, taken_back=item.taken_back or item.id in undone) for item in self._by_hand)
        self._by_hand = deque(listed, maxlen=HAND_OPERATIONS_KEPT)

    def _tagged_by_holding(self, now: Held, then: Held) -> PlanProblem | None:
        """What stands against holding generators otherwise: a tag on one that would change."""
        for g in sorted(locked(self.tags, TaggedKind.GENERATOR)):
            pairs = ((now.p_mw[g], then.p_mw[g]), (now.vm_pu[g], then.vm_pu[g]))
            if not all(np.array_equal(old, new, equal_nan=True) for old, new in pairs):
                return PlanProblem(kind=PlanProblemKind.TAGGED, generator=g)
        return None

    def isolate(self, branches: Sequence[int]) -> None:
        """Open what isolates a fault, where it isn't open yet. Not undone with plans: the fault still stands.

        Raises ConnectionError where an order can't be sent.
        """
        actuator = self._actuator
        if actuator is None:
            return
        locked_branches = locked(self.tags, TaggedKind.BRANCH)
        for branch in branches:
            if actuator.closed[branch] and branch in locked_branches:
                self._job = None
                self._stopped = PlanProblem(kind=PlanProblemKind.TAGGED, branch=branch, close=False)
                return
            if actuator.closed[branch] and not actuator.execute(SwitchOrder(branch=branch, close=False)).taken:
                refused = PlanProblem(kind=PlanProblemKind.ORDER_REFUSED, branch=branch, close=False)
                self._stop(refused)
                return

    def step(self, operating_point: OperatingPoint, isolating: Sequence[int] = ()) -> None:
        """Do the next pending action, or set all set-points, if that still verifies and the actuator takes it.

        isolating: branches that a located fault needs open, which is done before a plan's first action.

        Raises ConnectionError where the order can't be sent; it is still pending then.
        """
        job, actuator = self._job, self._actuator
        if job is None or actuator is None:
            return
        if job.set_points:
            self._set(job, actuator, operating_point)
            return
        if not job.pending:
            return
        if not job.undoing:
            self.isolate(isolating)
            if self._job is None:
                return
        action, rest = job.pending[0], job.pending[1:]
        if job.undoing and self._history[-1].by_hand:
            problem = self._problem_of_taking_back(operating_point, action)
        else:
            problem = problem_with(self._verifier, operating_point, job.requirements, [action], restoring=job.restoring)
        if action.branch in locked(self.tags, TaggedKind.BRANCH):
            problem = PlanProblem(kind=PlanProblemKind.TAGGED, branch=action.branch, close=action.close)
        if problem is None and not actuator.execute(SwitchOrder(branch=action.branch, close=action.close)).taken:
            problem = PlanProblem(kind=PlanProblemKind.ORDER_REFUSED, branch=action.branch, close=action.close)
        if problem is not None:
            self._stop(problem)
            return
        if job.undoing:
            self._forget(self._history[-1:])
        else:
            self._history = (*self._history, _Step(action=action))
        self._job = replace(job, pending=rest)

    def _stop(self, problem: PlanProblem) -> None:
        self._job, self._stopped, self._promise = None, problem, None

    def _problem_of_taking_back(self, operating_point: OperatingPoint, action: Action) -> PlanProblem | None:
        """Why what a person has switched can't be taken back. Limits that it breaks don't stop that: it is a person's
        again, and often gives supply back. What would cut off load is looked at first, and done by hand."""
        effect = effect_of(self._verifier, operating_point, Switching(branch=action.branch, close=action.close))
        if effect.problem is None and effect.dark.size:
            return PlanProblem(kind=PlanProblemKind.INTERRUPTION, branch=action.branch, close=action.close)
        return effect.problem

    def _set(self, job: _Job, actuator: Actuator, operating_point: OperatingPoint) -> None:
        problem = problem_with_set_points(
            self._network, self._verifier, operating_point, job.requirements, job.set_points
        )
        before = actuator.held
        held = before.then(*held_by(self._network, job.set_points))
        problem = problem or self._tagged_by_holding(before, held) or _problem_of_holding(actuator, held)
        self._job, self._stopped = None, problem
        if problem is None:
            self._history = (*self._history, _Step(held_before=before))
        else:
            self._promise = None


def _tap_refused(order: TapOrder) -> PlanProblem:
    return PlanProblem(kind=PlanProblemKind.ORDER_REFUSED, branch=order.branch, tap_pos=order.position)


def _problem_of_holding(actuator: Actuator, held: Held) -> PlanProblem | None:
    """Order generators to be held; what stands against it, if the order isn't taken."""
    taken = actuator.execute(HoldOrder(held=held)).taken
    return None if taken else PlanProblem(kind=PlanProblemKind.ORDER_REFUSED)


def _promise_of(plan: Plan, count: int | None, time: datetime) -> _Promise | None:
    """What a plan's first actions promise; None for one that is made for another hour than the present."""
    if plan.requirements.worst_hour:
        return None
    actions = plan.actions[:count]
    if len(actions) == len(plan.actions):
        after = plan.after
        promised = StateFigures(
            loss_kw=after.loss_kw,
            unsupplied_kw=after.unsupplied_kw,
            min_vm_pu=after.min_vm_pu,
            max_loading_percent=after.max_loading_percent,
        )
    else:
        promised = StateFigures(
            loss_kw=actions[-1].loss_kw,
            unsupplied_kw=np.nan,
            min_vm_pu=actions[-1].min_vm_pu,
            max_loading_percent=actions[-1].max_loading_percent,
        )
    return _Promise(code=plan.code, actions=actions, requirements=plan.requirements, ordered_at=time, promised=promised)
