"""Operations: carrying out a plan, one action a cycle, each verified right before it is done."""

from dataclasses import dataclass

from app.snapshot import Operations
from grid.network import Network
from grid.sources.simulator import Simulator
from ml.optimizer import problem_with
from ml.plan import Action, Plan, Requirements
from ml.verification import Moment, Verifier


@dataclass(frozen=True)
class _Job:
    """Actions under way, and whether they take back what was done."""

    requirements: Requirements
    pending: tuple[Action, ...]
    undoing: bool


class Operator:
    """Switches in the simulated grid. Owned by the engine thread."""

    def __init__(self, network: Network, simulator: Simulator) -> None:
        self._network, self._simulator = network, simulator
        self._verifier = Verifier(network)
        self._job: _Job | None = None
        self._done: tuple[Action, ...] = ()
        self._note = ""

    @property
    def operations(self) -> Operations:
        """What is done and pending."""
        return Operations(self._done, self._job.pending if self._job else (), self._note)

    def apply(self, plan: Plan, count: int | None) -> None:
        """Take up a plan's first actions; they can be undone together with what was done before."""
        self._job, self._note = _Job(plan.requirements, plan.actions[:count], undoing=False), ""

    def undo(self, count: int | None) -> None:
        """Take up the reverse of what was done, the last first: what opened closes before what closed opens."""
        back = [Action(done.branch, not done.close, float("nan"), float("nan"), float("nan")) for done in self._done]
        self._job, self._note = _Job(Requirements(), tuple(back[::-1][:count]), undoing=True), ""

    def step(self, moment: Moment) -> None:
        """Do the next pending action, if it still verifies."""
        job = self._job
        if job is None or not job.pending:
            return
        action, rest = job.pending[0], job.pending[1:]
        problem = problem_with(self._network, self._verifier, moment, job.requirements, [action])
        if problem:
            self._job, self._note = None, f"Stopped: {problem}"
            return
        closed = self._simulator.closed.copy()
        closed[action.branch] = action.close
        self._simulator.closed = closed
        self._done = self._done[:-1] if job.undoing else (*self._done, action)
        self._job = _Job(job.requirements, rest, job.undoing)
