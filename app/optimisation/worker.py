"""Planner: the worker that trains the policy and keeps a plan for the latest snapshot, beside the engine.

It reads snapshots and never holds up a cycle. A policy is trained when a grid appears for the first time, and kept for
the next start; from then on one episode a cycle goes on learning from the live grid.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.engine.board import Board, BoardStore, NotReadyError, Snapshot
from app.engine.commands import checked_requirements
from app.engine.engine import Engine
from app.engine.operating_point import operating_point_for, operating_point_of
from app.engine.quality import ProblemCause
from app.engine.worker import GridWorker
from app.optimisation.request_priority import RequestPriority
from app.settings import Settings
from grid.network import Network
from ml.optimisation.optimizer import ParetoPoint, UnsuitableGridError
from ml.optimisation.plans.plan import Plan, Proposal, Requirements
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.progress import DecisionGap, Progress
from ml.optimisation.training import LearningOptimizer, parameters_for

log = logging.getLogger(__name__)
TRAINING_SLICE_S = 0.5  # of first training between two looks at the grid
PARETO_EVERY, PARETO_AT_LATEST = 10, 30  # plans: when nobody asks, and in any case
GIVE_WAY_S = 1.0
CURVE_KEPT = 400
PLANS_KEPT = 20


@dataclass(frozen=True)
class Training:
    """How far the policy is. curve: of all episodes, thinned out evenly. gaps: of its decisions on fixed situations."""

    episodes: int
    wanted: int
    running: bool
    seconds: float
    curve: tuple[Progress, ...]
    gaps: tuple[DecisionGap, ...] = ()


@dataclass(frozen=True, eq=False)
class PlanReport:
    """What the planner knows about a network: the answer to its latest operating point, and how learning goes.

    present: where the present state lies among the points of pareto. made_for: the beginning of the worst of the coming
    hours, where the proposal is for that; None where it is for now.
    """

    network: Network
    version: int
    simulated_at: datetime | None
    proposal: Proposal | None
    status: str
    training: Training
    pareto: tuple[ParetoPoint, ...]
    present: ParetoPoint | None
    made_for: datetime | None = None


NO_TRAINING = Training(0, 0, False, 0.0, ())


class PlanWorker(GridWorker[PlanReport]):
    """Owns the optimiser. Every public method may be called from any thread."""

    def __init__(self, settings: Settings, engine: Engine, boards: BoardStore) -> None:
        super().__init__("optimisation", engine, boards)
        self._settings, self._engine = settings, engine
        self._lock = threading.Lock()  # held while the optimiser proposes
        self._priority = RequestPriority()
        self._made: tuple[Snapshot | None, dict[Requirements, Proposal]] = (None, {})  # of one snapshot
        self._optimizer: LearningOptimizer | None = None
        self._proposed: Proposal | None = None  # the last one, which may still be on its way to the board
        self._why_not = ""
        self._requirements = Requirements(risk_weight=settings.optimiser_risk_weight)
        self._recent: dict[str, Plan] = {}  # by code, the last one last: a page may show one that is a moment old
        self._training_s, self._planned = 0.0, 0
        self._seen = (-1, self._requirements)
        self._pareto_at = 0  # of self._planned
        self._pareto: tuple[tuple[ParetoPoint, ...], ParetoPoint | None] = ((), None)

    # --- what others ask for -------------------------------------------------------------------------------------

    def planned_share(self, board: Board) -> float | None:
        """Losses that the plan on a board would leave, over the present ones; None without a plan for now."""
        proposal = self.report_on(board).proposal
        if proposal is None or proposal.requirements.worst_hour or proposal.present.loss_kw <= 0:
            return None
        return 1.0 if proposal.plan is None else proposal.plan.after.loss_kw / proposal.present.loss_kw

    def plan_on(self, board: Board) -> Plan | None:
        """The plan that can be applied on a board."""
        proposal = self.report_on(board).proposal
        return None if proposal is None else proposal.plan

    @property
    def plan(self) -> Plan | None:
        """The plan that can be applied now."""
        return self.plan_on(self._boards.latest)

    def plan_seen(self, code: str) -> Plan | None:
        """The latest plan that does what a page has shown, by Plan.code; None where it is too long ago."""
        network = self._boards.latest.network
        return self._recent.get(code) if self._network is network else None

    def requirements_on(self, board: Board) -> Requirements:
        """What plans are made by; of a grid that is new, nothing but the risk weight is taken over."""
        network, wanted = self._network, self._requirements
        if network is not None and network is not board.network:
            return Requirements(risk_weight=wanted.risk_weight)
        return wanted

    @property
    def requirements(self) -> Requirements:
        """What plans for the latest board are made by."""
        return self.requirements_on(self._boards.latest)

    def amend(self, board: Board, change: Callable[[Requirements], Requirements]) -> None:
        """Change the requirements as they are at that moment, so that nobody's change is lost to another one's.

        ValueError for one out of range, NotReadyError where the board's grid isn't watched any more.
        """
        snapshot = board.snapshot
        with self._lock:
            self._begin_for(board)
            wanted = self._requirements = checked_requirements(snapshot.network, change(self._requirements))
            self._recent = {}
            self._engine.set_requirements(wanted)
        self._thread.wake()

    def propose(self, board: Board, wanted: Requirements) -> Proposal:
        """A plan for a board's snapshot by given requirements: the one that has been made already, or else a new one,
        made in the caller's thread.

        Raises UnsuitableGridError where there is nothing to choose, ValueError for a requirement out of range,
        NotReadyError where the board's grid isn't watched any more.
        """
        checked_requirements(board.network, wanted)
        made = self._known(board.snapshot, wanted)
        if made is not None:
            return made
        with self._priority.asking(), self._lock:
            return self._known(board.snapshot, wanted) or self._propose(board, wanted)

    # --- the thread ----------------------------------------------------------------------------------------------

    def nothing_yet(self, network: Network) -> PlanReport:
        """No plan, nothing learned."""
        return PlanReport(network, 0, None, None, "Waiting for the grid", NO_TRAINING, (), None)

    def take_up(self, board: Board) -> None:
        """Begin with a network, unless somebody who asks for a plan has done that."""
        with self._lock:
            if self._network is not board.network:
                self._begin_with(board.snapshot)

    def step(self, board: Board) -> bool:
        """A plan for a snapshot that is new, and some training; no plan for a stale one, which could be wrong now."""
        seen, now = self._seen, (board.snapshot.version, self._requirements)
        self._seen = now
        if now != seen and not board.snapshot.stale:
            self.plan_once(board, now[1])
        self.train_once(board, fresh=seen[0] != now[0])
        return self._first_training

    def failed(self, board: Board) -> None:
        """A report without a plan while planning fails."""
        if self.failure:
            self._publish(board, None)

    def plan_once(self, board: Board, wanted: Requirements) -> None:
        """Make a plan for a board's snapshot and publish it."""
        snapshot = board.snapshot
        with self._lock:
            if self._network is not snapshot.network:
                self._begin_with(snapshot)
                wanted = self._requirements
            proposal, optimizer = None, self._optimizer
            if optimizer is not None:
                proposal = self._known(snapshot, wanted) or self._propose(board, wanted)
            if proposal is not None and proposal.plan is not None and wanted == self._requirements:
                self._remember(proposal.plan)
        if optimizer is not None and proposal is not None:
            if self._pareto_due:
                operating_point = operating_point_for(snapshot, self._settings.price_per_mwh, wanted)
                self._pareto = optimizer.pareto(operating_point, wanted, self._propose_in_turn), _point(proposal)
                self._pareto_at = self._planned
            self._planned += 1
        self._publish(board, proposal)

    def _propose(self, board: Board, wanted: Requirements) -> Proposal:
        """A new proposal. The lock is held."""
        snapshot = board.snapshot
        self._begin_for(board)
        if self._optimizer is None:
            raise UnsuitableGridError(self._why_not)
        operating_point = operating_point_for(snapshot, self._settings.price_per_mwh, wanted)
        before = self._proposed
        shown = before.plan if before is not None and before.requirements == wanted else None
        proposal = self._optimizer.propose(operating_point, wanted, shown)
        made = self._made[1] if self._made[0] is snapshot else {}
        self._made = snapshot, dict([*made.items(), (wanted, proposal)][-PLANS_KEPT:])
        return proposal

    def _known(self, snapshot: Snapshot, wanted: Requirements) -> Proposal | None:
        """What has been proposed for the very same."""
        of_snapshot, made = self._made
        return made.get(wanted) if of_snapshot is snapshot else None

    @property
    def _pareto_due(self) -> bool:
        """Whether to look again at what other risk weights would choose, which is eight proposals."""
        since = self._planned - self._pareto_at
        due = since >= (PARETO_EVERY if self._priority.quiet else PARETO_AT_LATEST)
        return not self._first_training and (due or self._pareto[1] is None)

    def _remember(self, plan: Plan) -> None:
        others = [(code, other) for code, other in self._recent.items() if code != plan.code]
        self._recent = dict([*others, (plan.code, plan)][-PLANS_KEPT:])

    def _propose_in_turn(self, operating_point: OperatingPoint, wanted: Requirements) -> Proposal:
        """One of several proposals: requests that wait come in between."""
        self._priority.give_way(GIVE_WAY_S)
        with self._lock:
            if self._optimizer is None:
                raise UnsuitableGridError(self._why_not)
            return self._optimizer.propose(operating_point, wanted)

    def train_once(self, board: Board, fresh: bool) -> None:
        """Go on with the first training for a while; later, one episode for each new snapshot."""
        snapshot, optimizer = board.snapshot, self._optimizer
        if optimizer is None or (not self._first_training and not fresh):
            return
        began = time.perf_counter()
        if self._first_training:
            while self._first_training and time.perf_counter() - began < TRAINING_SLICE_S and not self._thread.stopping:
                self._priority.give_way(GIVE_WAY_S)
                optimizer.train_episode()
            if not self._first_training:
                self._keep(optimizer)
                log.info("policy of %s trained: %d episodes", snapshot.network.name, optimizer.episodes)
        else:
            self._priority.give_way(GIVE_WAY_S)
            optimizer.train_episode(
                operating_point_of(snapshot, self._settings.price_per_mwh), self._requirements.risk_weight
            )
        self._training_s += time.perf_counter() - began
        with self._lock:
            optimizer.take_over()
        if self._network is snapshot.network:
            self._publish(board, self._proposed)

    def _keep(self, optimizer: LearningOptimizer) -> None:
        """Keep the policy for the next start; where that can't be, it is used all the same."""
        folder = self._settings.cache_dir
        try:
            optimizer.save(folder)
        except OSError as error:
            log.warning("the policy can't be kept: %s", error)
            self.tell(ProblemCause.NOT_KEPT, f"the policy: {error}", str(folder))
        else:
            self.tell(ProblemCause.NOT_KEPT, "")

    @property
    def _first_training(self) -> bool:
        return self._optimizer is not None and self._optimizer.episodes < self._optimizer.parameters.steps

    def _begin_for(self, board: Board) -> None:
        """Begin with a board's network where it is new. The lock is held.

        NotReadyError where another one is watched by then: the planner doesn't go back to a grid for a late request.
        """
        if self._network is board.network:
            return
        if self._network is not None and self._boards.latest.network is not board.network:
            raise NotReadyError("the grid has just changed; ask again in a moment")
        self._begin_with(board.snapshot)

    def _begin_with(self, snapshot: Snapshot) -> None:
        """Begin with a network: its kept policy, or a new one. The lock is held."""
        network = snapshot.network
        self._optimizer, self._why_not, self._training_s, self._planned, self._pareto = None, "", 0.0, 0, ((), None)
        self._recent, self._made, self._pareto_at, self._proposed = {}, (None, {}), 0, None
        self._requirements = Requirements(risk_weight=self._requirements.risk_weight)
        self._network = network  # after what belongs to it: others read both without the lock
        self._engine.set_requirements(self._requirements)
        settings = self._settings
        parameters = parameters_for(network, settings.training_episodes, settings.dispatch_episodes, settings.seed)
        try:
            optimizer = LearningOptimizer(network, snapshot.risk.failure_probability, parameters)
        except UnsuitableGridError as error:
            self._why_not = str(error)
            return
        if optimizer.resume(self._settings.cache_dir):
            log.info("policy of %s taken from the cache", network.name)
        self._optimizer = optimizer

    def _publish(self, board: Board, proposal: Proposal | None) -> None:
        self._proposed, snapshot = proposal, board.snapshot
        report = PlanReport(
            snapshot.network,
            self._version + 1,
            snapshot.simulated_at,
            proposal,
            self._status(),
            self._training(),
            *self._pareto,
            _made_for(snapshot, proposal),
        )
        self.publish(report, board)

    def _status(self) -> str:
        optimizer = self._optimizer
        if self.failure:
            return f"No plan: {self.failure}"
        if optimizer is None:
            return f"No plan: {self._why_not}"
        if self._first_training:
            return f"Training the policy: {optimizer.episodes:,} of {optimizer.parameters.steps:,} episodes"
        return f"Policy ready, {optimizer.episodes:,} episodes"

    def _training(self) -> Training:
        optimizer = self._optimizer
        if optimizer is None:
            return NO_TRAINING
        curve = optimizer.curve
        stride = max(1, len(curve) // CURVE_KEPT)
        return Training(
            optimizer.episodes,
            optimizer.parameters.steps,
            self._first_training,
            self._training_s,
            tuple(curve[::stride]),
            tuple(optimizer.decision_gaps),
        )


def _point(proposal: Proposal) -> ParetoPoint:
    """The present state among the points of losses and risk."""
    present = proposal.present
    return ParetoPoint(proposal.requirements.risk_weight, present.loss_kw, present.expected_interrupted_kw, 0)


def _made_for(snapshot: Snapshot, proposal: Proposal | None) -> datetime | None:
    asked = proposal is not None and proposal.requirements.worst_hour
    return snapshot.worst_hour.time if asked and snapshot.worst_hour is not None else None
