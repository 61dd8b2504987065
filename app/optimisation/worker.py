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

from app.engine.board import Snapshot
from app.engine.commands import checked_requirements
from app.engine.engine import Engine
from app.engine.operating_point import moment_for, moment_of
from app.engine.worker import Worker
from app.history.ring import SnapshotStore
from app.optimisation.request_priority import Courtesy
from app.settings import Settings
from grid.network import Network
from ml.optimisation.optimizer import ParetoPoint, SmartGridOptimizer, UnsuitableGridError, parameters_for
from ml.optimisation.plans.plan import Plan, Proposal, Requirements
from ml.optimisation.plans.verification import Moment
from ml.optimisation.reinforce import DecisionGap, Progress

log = logging.getLogger(__name__)
IDLE_S = 0.2
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
class PlannerReport:
    """What the planner knows about a network: the answer to its latest moment, and how learning goes.

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


class Planner:
    """Owns the optimiser. Every public method may be called from any thread."""

    def __init__(self, settings: Settings, engine: Engine, store: SnapshotStore) -> None:
        self._settings, self._engine, self._store = settings, engine, store
        self._lock = threading.Lock()  # held while the optimiser proposes
        self._courtesy = Courtesy()
        self._made: tuple[Snapshot | None, dict[Requirements, Proposal]] = (None, {})  # of one snapshot
        self._worker = Worker("planner", self._run)
        self._optimizer: SmartGridOptimizer | None = None
        self._network: Network | None = None
        self._why_not = ""
        self._requirements = Requirements(risk_weight=settings.optimiser_risk_weight)
        self._latest: PlannerReport | None = None
        self._recent: dict[str, Plan] = {}  # by code, the last one last: a page may show one that is a moment old
        self._training_s, self._planned, self._versions, self._failure = 0.0, 0, 0, ""
        self._pareto_at = 0  # of self._planned
        self._pareto: tuple[tuple[ParetoPoint, ...], ParetoPoint | None] = ((), None)

    # --- what others ask for -------------------------------------------------------------------------------------

    @property
    def latest(self) -> PlannerReport:
        """The latest report; an empty one where the planner hasn't looked at the present network yet."""
        latest, network = self._latest, self._store.latest.network
        if latest is None or latest.network is not network:
            return PlannerReport(network, 0, None, None, "Waiting for the grid", NO_TRAINING, (), None)
        return latest

    @property
    def plan(self) -> Plan | None:
        """The plan that can be applied now."""
        proposal = self.latest.proposal
        return None if proposal is None else proposal.plan

    def plan_seen(self, code: str) -> Plan | None:
        """The latest plan that does what a page has shown, by Plan.code; None where it is too long ago."""
        network = self._store.latest.network
        return self._recent.get(code) if self._network is network else None

    @property
    def requirements(self) -> Requirements:
        """What plans are made by; of a grid that is new, nothing but the risk weight is taken over."""
        if self._network is not None and self._network is not self._store.latest.network:
            return Requirements(risk_weight=self._requirements.risk_weight)
        return self._requirements

    def amend(self, change: Callable[[Requirements], Requirements]) -> None:
        """Change the requirements as they are at that moment, so that nobody's change is lost to another one's."""
        snapshot = self._store.latest
        with self._lock:
            if self._network is not snapshot.network:
                self._take_up(snapshot)
            wanted = self._requirements = checked_requirements(snapshot.network, change(self._requirements))
            self._recent = {}
            self._engine.set_requirements(wanted)
        self._worker.wake()

    def propose(self, wanted: Requirements) -> Proposal:
        """A plan for the latest snapshot by given requirements: the one that has been made already, or else a new one,
        made in the caller's thread.

        Raises UnsuitableGridError where there is nothing to choose, ValueError for a requirement out of range.
        """
        snapshot = self._store.latest
        checked_requirements(snapshot.network, wanted)
        made = self._known(snapshot, wanted)
        if made is not None:
            return made
        with self._courtesy.asking(), self._lock:
            return self._known(snapshot, wanted) or self._propose(snapshot, wanted)

    def start(self) -> None:
        """Begin working in a thread of its own."""
        self._worker.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Finish the present step and end the thread."""
        self._worker.stop(timeout_s)

    # --- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        seen = (-1, self._requirements)
        while not self._worker.stopping:
            snapshot, wanted = self._store.latest, self._requirements
            try:
                if (snapshot.version, wanted) != seen and not snapshot.stale:
                    self.plan_once(snapshot, wanted)
                self.train_once(snapshot, fresh=seen[0] != snapshot.version)
                self._failure = ""
            except Exception as error:
                log.exception("the planner failed at version %d", snapshot.version)
                self._failure = f"No plan: {error}"
                self._publish(snapshot, None)
            seen = (snapshot.version, wanted)
            if not self._first_training or self._failure:
                self._worker.rest(IDLE_S)

    def plan_once(self, snapshot: Snapshot, wanted: Requirements) -> None:
        """Make a plan for a snapshot and publish it."""
        with self._lock:
            if self._network is not snapshot.network:
                self._take_up(snapshot)
                wanted = self._requirements
            proposal, optimizer = None, self._optimizer
            if optimizer is not None:
                proposal = self._known(snapshot, wanted) or self._propose(snapshot, wanted)
            if proposal is not None and proposal.plan is not None and wanted == self._requirements:
                self._remember(proposal.plan)
        if optimizer is not None and proposal is not None:
            if self._pareto_due:
                moment = moment_for(snapshot, self._settings.price_per_mwh, wanted)
                self._pareto = optimizer.pareto(moment, wanted, self._propose_in_turn), _point(proposal)
                self._pareto_at = self._planned
            self._planned += 1
        self._publish(snapshot, proposal)

    def _propose(self, snapshot: Snapshot, wanted: Requirements) -> Proposal:
        """A new proposal. The lock is held."""
        if self._network is not snapshot.network:
            self._take_up(snapshot)
        if self._optimizer is None:
            raise UnsuitableGridError(self._why_not)
        moment = moment_for(snapshot, self._settings.price_per_mwh, wanted)
        before = self.latest.proposal
        shown = before.plan if before is not None and before.requirements == wanted else None
        proposal = self._optimizer.propose(moment, wanted, shown)
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
        due = since >= (PARETO_EVERY if self._courtesy.quiet else PARETO_AT_LATEST)
        return not self._first_training and (due or self._pareto[1] is None)

    def _remember(self, plan: Plan) -> None:
        others = [(code, other) for code, other in self._recent.items() if code != plan.code]
        self._recent = dict([*others, (plan.code, plan)][-PLANS_KEPT:])

    def _propose_in_turn(self, moment: Moment, wanted: Requirements) -> Proposal:
        """One of several proposals: requests that wait come in between."""
        self._courtesy.give_way(GIVE_WAY_S)
        with self._lock:
            if self._optimizer is None:
                raise UnsuitableGridError(self._why_not)
            return self._optimizer.propose(moment, wanted)

    def train_once(self, snapshot: Snapshot, fresh: bool) -> None:
        """Go on with the first training for a while; later, one episode for each new snapshot."""
        optimizer = self._optimizer
        if optimizer is None or (not self._first_training and not fresh):
            return
        began = time.perf_counter()
        if self._first_training:
            while self._first_training and time.perf_counter() - began < TRAINING_SLICE_S and not self._worker.stopping:
                self._courtesy.give_way(GIVE_WAY_S)
                optimizer.train_episode()
            if not self._first_training:
                optimizer.save(self._settings.cache_dir)
                log.info("policy of %s trained: %d episodes", snapshot.network.name, optimizer.episodes)
        else:
            self._courtesy.give_way(GIVE_WAY_S)
            optimizer.train_episode(moment_of(snapshot, self._settings.price_per_mwh), self._requirements.risk_weight)
        self._training_s += time.perf_counter() - began
        with self._lock:
            optimizer.take_over()
        latest = self._latest
        if latest is not None and latest.network is snapshot.network:
            self._publish(snapshot, latest.proposal)

    @property
    def _first_training(self) -> bool:
        return self._optimizer is not None and self._optimizer.episodes < self._optimizer.parameters.steps

    def _take_up(self, snapshot: Snapshot) -> None:
        """Begin with a network: its kept policy, or a new one. The lock is held."""
        network = self._network = snapshot.network
        self._optimizer, self._why_not, self._training_s, self._planned, self._pareto = None, "", 0.0, 0, ((), None)
        self._recent, self._made, self._pareto_at = {}, (None, {}), 0
        self._requirements = Requirements(risk_weight=self._requirements.risk_weight)
        self._engine.set_requirements(self._requirements)
        settings = self._settings
        parameters = parameters_for(network, settings.training_episodes, settings.dispatch_episodes, settings.seed)
        try:
            optimizer = SmartGridOptimizer(network, snapshot.risk.failure_probability, parameters)
        except UnsuitableGridError as error:
            self._why_not = str(error)
            return
        if optimizer.resume(self._settings.cache_dir):
            log.info("policy of %s taken from the cache", network.name)
        self._optimizer = optimizer

    def _publish(self, snapshot: Snapshot, proposal: Proposal | None) -> None:
        self._versions += 1
        self._latest = PlannerReport(
            snapshot.network, self._versions, snapshot.simulated_at, proposal, self._status(), self._training(),
            *self._pareto, _made_for(snapshot, proposal),
        )  # fmt: skip

    def _status(self) -> str:
        optimizer = self._optimizer
        if self._failure:
            return self._failure
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
            optimizer.episodes, optimizer.parameters.steps, self._first_training, self._training_s,
            tuple(curve[::stride]), tuple(optimizer.decision_gaps),
        )  # fmt: skip


def _point(proposal: Proposal) -> ParetoPoint:
    """The present state among the points of losses and risk."""
    present = proposal.present
    return ParetoPoint(proposal.requirements.risk_weight, present.loss_kw, present.expected_interrupted_kw, 0)


def _made_for(snapshot: Snapshot, proposal: Proposal | None) -> datetime | None:
    asked = proposal is not None and proposal.requirements.worst_hour
    return snapshot.worst_hour.time if asked and snapshot.worst_hour is not None else None
