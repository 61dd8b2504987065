"""Operations: carrying out a plan, one action or all set-points a cycle, each verified right before it is done."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.board import Operations
from grid.network import Network
from grid.sources.seams import Actuator, Held, HoldOrder, SwitchOrder
from ml.optimisation.optimizer import problem_with
from ml.optimisation.plans.plan import Action, Plan, PlanProblem, PlanProblemKind, Requirements, SetPoint
from ml.optimisation.plans.set_points import held_by, problem_with_set_points
from ml.optimisation.plans.verification import OperatingPoint, Verifier


@dataclass(frozen=True)
class _Job:
    """Actions or set-points under way, and whether they take back what was done."""

    requirements: Requirements
    pending: tuple[Action, ...]
    undoing: bool
    set_points: tuple[SetPoint, ...] = ()


class PlanExecution:
    """Switches and sets generators through a source's actuator. Owned by the engine thread.

    Without an actuator plans are advice: nothing is ever taken up.
    """

    def __init__(self, network: Network, actuator: Actuator | None) -> None:
        self._network, self._actuator = network, actuator
        self._verifier = Verifier(network)
        self._job: _Job | None = None
        self._done: tuple[Action, ...] = ()
        self._held_before: tuple[Held, ...] = ()  # what held generators before each plan that has set them
        self._stopped: PlanProblem | None = None

    @property
    def operations(self) -> Operations:
        """What is done and pending."""
        return Operations(self._done, self._job.pending if self._job else (), self._stopped, bool(self._held_before))

    def apply(self, plan: Plan, count: int | None) -> None:
        """Take up a plan's first actions, or its set-points; they can be undone with what was done before."""
        self._job = _Job(plan.requirements, plan.actions[:count], undoing=False, set_points=plan.set_points)
        self._stopped = None

    def undo(self, count: int | None) -> None:
        """Take up the reverse of what was done, the last first: what opened closes before what closed opens.

        Set-points of the last plans are taken back at once: the generators go back to what they were set to. Raises
        ConnectionError where that can't be sent.
        """
        if self._held_before and self._actuator is not None:
            first = 0 if count is None else max(0, len(self._held_before) - count)
            self._job, self._stopped = None, _problem_of_holding(self._actuator, self._held_before[first])
            if self._stopped is None:
                self._held_before = self._held_before[:first]
            return
        back = [Action(done.branch, not done.close, float("nan"), float("nan"), float("nan")) for done in self._done]
        waiting = len(self._job.pending) if self._job is not None and self._job.undoing else 0
        wanted = None if count is None else count + waiting
        self._job, self._stopped = _Job(Requirements(), tuple(back[::-1][:wanted]), undoing=True), None

    def isolate(self, branches: Sequence[int]) -> None:
        """Open what isolates a fault, where it isn't open yet. Not undone with plans: the fault still stands.

        Raises ConnectionError where an order can't be sent.
        """
        actuator = self._actuator
        if actuator is None:
            return
        for branch in branches:
            if actuator.closed[branch] and not actuator.execute(SwitchOrder(branch=branch, close=False)).taken:
                refused = PlanProblem(kind=PlanProblemKind.ORDER_REFUSED, branch=branch, close=False)
                self._job, self._stopped = None, refused
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
        problem = problem_with(self._verifier, operating_point, job.requirements, [action])
        if problem is None and not actuator.execute(SwitchOrder(branch=action.branch, close=action.close)).taken:
            problem = PlanProblem(kind=PlanProblemKind.ORDER_REFUSED, branch=action.branch, close=action.close)
        if problem is not None:
            self._job, self._stopped = None, problem
            return
        self._done = self._done[:-1] if job.undoing else (*self._done, action)
        self._job = _Job(job.requirements, rest, job.undoing)

    def _set(self, job: _Job, actuator: Actuator, operating_point: OperatingPoint) -> None:
        problem = problem_with_set_points(
            self._network, self._verifier, operating_point, job.requirements, job.set_points
        )
        before = actuator.held
        if problem is None:
            problem = _problem_of_holding(actuator, before.then(*held_by(self._network, job.set_points)))
        self._job, self._stopped = None, problem
        if problem is None:
            self._held_before = (*self._held_before, before)


def _problem_of_holding(actuator: Actuator, held: Held) -> PlanProblem | None:
    """Order generators to be held; what stands against it, if the order isn't taken."""
    taken = actuator.execute(HoldOrder(held=held)).taken
    return None if taken else PlanProblem(kind=PlanProblemKind.ORDER_REFUSED)
