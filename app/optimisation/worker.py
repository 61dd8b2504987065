"""Planner: the worker that keeps a plan for the latest snapshot, beside the engine, and has its policy trained.

It reads snapshots and never holds up a cycle. A policy is trained in the process that learns when a grid appears for
the first time, and kept for the next start; from then on one episode a cycle goes on learning from the live grid. Plans
are made here, by what was learned last.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from app.engine.board import Board, BoardStore, NotReadyError, Snapshot
from app.engine.commands import checked_requirements
from app.engine.engine import Engine
from app.engine.operating_point import operating_point_for, operating_point_of
from app.engine.quality import KeptKind, ProblemCause
from app.engine.worker import GridWorker
from app.learning.process import LearningDownError, LearningHost
from app.learning.requests import BeginPolicy, PolicyNews, TrainPolicy
from app.optimisation.explainer import Explainer, ProposalBase
from app.optimisation.request_priority import Patience, RequestPriority
from app.settings import Settings
from grid.network import Network
from ml.optimisation.optimizer import ParetoPoint, SmartGridOptimizer, UnsuitableGridError
from ml.optimisation.plans.normal import WayBack, way_back
from ml.optimisation.plans.plan import NoPlan, Plan, Proposal, Requirements
from ml.optimisation.plans.status import PlanStatus, PlanStatusKind
from ml.optimisation.plans.tags import keeping
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.plans.whole_time import Preference
from ml.optimisation.policy import LearnedPolicy, PolicyError
from ml.optimisation.progress import DecisionGap, Progress
from ml.optimisation.radial.grid import operated_radially

log = logging.getLogger(__name__)
TRAINING_SLICE_S = 0.5  # of first training between two looks at the grid
PARETO_EVERY, PARETO_AT_LATEST = 10, 30  # plans: when nobody asks, and in any case
GIVE_WAY_S = 1.0
PATIENCE_S = 3.0  # for which a proposal pauses in all: nobody who asks without end may stop plans
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
    hours, where the proposal is for that; None where it is for now. operating_point: that the proposal is for. back:
    to the switch states from before a disturbance; None while there is nothing to go back to.
    """

    network: Network
    version: int
    simulated_at: datetime | None
    proposal: Proposal | None
    status: PlanStatus
    training: Training
    pareto: tuple[ParetoPoint, ...]
    present: ParetoPoint | None
    made_for: datetime | None = None
    operating_point: OperatingPoint | None = None
    back: WayBack | None = None

    @property
    def base(self) -> ProposalBase | None:
        """The proposal with what it was made for; None where there is none."""
        if self.proposal is None or self.operating_point is None:
            return None
        return ProposalBase(network=self.network, operating_point=self.operating_point, proposal=self.proposal)


NO_TRAINING = Training(0, 0, False, 0.0, ())


class PlanWorker(GridWorker[PlanReport]):
    """Owns the optimiser. Every public method may be called from any thread."""

    def __init__(self, settings: Settings, engine: Engine, boards: BoardStore, learning: LearningHost) -> None:
        super().__init__("optimisation", engine, boards)
        self._settings, self._engine, self._learning = settings, engine, learning
        self._lock = threading.Lock()  # held while the planner's optimiser proposes
        self._asked_lock = threading.Lock()  # held while a request's does: nobody waits for the planner
        self._priority = RequestPriority()
        self._patience = Patience(self._priority, PATIENCE_S)
        self._made: tuple[Snapshot | None, dict[Requirements, Proposal]] = (None, {})  # of one snapshot
        self._optimizer: SmartGridOptimizer | None = None
        self._asked: SmartGridOptimizer | None = None  # the same for requests
        self._begun: tuple[Network, int] | None = None  # what learns for which network, and in which generation
        self._learned: PolicyNews | None = None  # of the present network
        self._proposed: Proposal | None = None  # the last one, which may still be on its way to the board
        self._proposed_at: OperatingPoint | None = None
        self._back: WayBack | None = None  # with the last proposal
        self._preferred: tuple[Network, Preference] | None = None  # for the whole time
        self.explainer = Explainer(self.propose_at)
        self._why_not: NoPlan | None = None  # there is no optimiser for the present network
        self._requirements = Requirements(risk_weight=settings.optimiser_risk_weight)
        self._recent: dict[str, Plan] = {}  # by code, the last one last: a page may show one that is a moment old
        self._planned = 0
        self._planned_on: Board | None = None  # of which the last plan is
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

    def policy_of(self, network: Network) -> LearnedPolicy | None:
        """What has been learned for a network so far; None before the first episode, and for another network."""
        learned = self._learned
        known = learned is not None and learned.episodes > 0 and self._network is network
        return learned.policy if known and learned is not None else None

    def plan_on(self, board: Board) -> Plan | None:
        """The plan that can be applied on a board."""
        proposal = self.report_on(board).proposal
        return None if proposal is None else proposal.plan

    def plans_on(self, board: Board) -> tuple[Plan, ...]:
        """All plans that can be applied on a board: the plan, and the way back to normal."""
        back = self.report_on(board).back
        plans = (self.plan_on(board), None if back is None else back.plan)
        return tuple(plan for plan in plans if plan is not None)

    def base_on(self, board: Board) -> ProposalBase | None:
        """The proposal on a board with what it was made for; None where there is none."""
        return self.report_on(board).base

    def prefer(self, network: Network, preference: Preference | None) -> None:
        """From the next plan on, offer what is better for the whole time in the place of the best for now."""
        self._preferred = None if preference is None else (network, preference)

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
        if network is not None and not network.is_same_grid(board.network):
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
            wanted = self._requirements = checked_requirements(snapshot.case.network, change(self._requirements))
            self._recent = {}
            self._engine.set_requirements(wanted)
        self._thread.wake()

    def propose(self, board: Board, wanted: Requirements) -> Proposal:
        """A plan for a board's snapshot by given requirements and its tags: the one that has been made already, or else
        a new one, made in the caller's thread.

        Raises UnsuitableGridError where there is nothing to choose, ValueError for a requirement out of range,
        NotReadyError where the board's grid isn't watched any more.
        """
        wanted = keeping(checked_requirements(board.network, wanted), board.snapshot.control.tags)
        made = self._known(board.snapshot, wanted)
        if made is not None:
            return made
        if self._network is not board.network:
            with self._lock:  # not while asking: who has the lock would wait for us
                self._begin_for(board)
        with self._priority.asking(), self._asked_lock:
            return self._known(board.snapshot, wanted) or self._propose(self._asked, board, wanted)

    def propose_at(self, network: Network, operating_point: OperatingPoint, wanted: Requirements) -> Proposal:
        """A plan for an operating point of a network, made in the caller's thread by the requests' optimiser.

        NotReadyError where that grid isn't watched any more.
        """
        with self._priority.asking(), self._asked_lock:
            if self._asked is None or self._asked.network is not network:
                raise NotReadyError("the grid has just changed; ask again in a moment")
            return self._asked.answer(operating_point, wanted)

    def propose_in_turn(self, network: Network, operating_point: OperatingPoint, wanted: Requirements) -> Proposal:
        """A plan for an operating point that nobody waits for, by the planner's optimiser: requests come before it.

        NotReadyError where that grid isn't watched any more.
        """
        self._priority.give_way(GIVE_WAY_S)
        with self._lock:
            if self._optimizer is None or self._optimizer.network is not network:
                raise NotReadyError("the grid has just changed; ask again in a moment")
            self._patience.renew()
            return self._optimizer.answer(operating_point, wanted)

    # --- the thread ----------------------------------------------------------------------------------------------

    def nothing_yet(self, network: Network) -> PlanReport:
        """No plan, nothing learned."""
        waiting = PlanStatus(kind=PlanStatusKind.WAITING_FOR_GRID)
        return PlanReport(network, 0, None, None, waiting, NO_TRAINING, (), None)

    def take_up(self, board: Board) -> None:
        """Begin with a network, unless somebody who asks for a plan has done that."""
        with self._lock:
            if self._network is not board.network:
                self._begin_with(board.snapshot)

    def step(self, board: Board) -> bool:
        """A plan for a snapshot that is new, and some training; no plan for a stale one, which could be wrong now."""
        seen, now = self._seen, (board.snapshot.version, self._requirements)
        self._seen = now
        if now != seen and not board.snapshot.solved.stale:
            self.plan_once(board, now[1])
        self.train_once(board, fresh=seen[0] != now[0])
        return self._first_training and self._learning.generation > 0

    def failed(self, board: Board) -> None:
        """A report without a plan while planning fails."""
        if self.failure:
            self._publish(board, None)

    def plan_once(self, board: Board, wanted: Requirements) -> None:
        """Make a plan for a board's snapshot, which keeps its tags as well, and publish it."""
        snapshot = board.snapshot
        with self._lock:
            if self._network is not snapshot.case.network:
                self._begin_with(snapshot)
                wanted = self._requirements
            self._planned_on = board
            asked, wanted = wanted, keeping(wanted, snapshot.control.tags)
            proposal, optimizer = None, self._optimizer
            if optimizer is not None:
                self._patience.renew()
                proposal = self._known(snapshot, wanted) or self._propose(optimizer, board, wanted)
            self._back = self._way_back(snapshot, wanted) if proposal is not None else None
            if asked == self._requirements:
                for made in (proposal, self._back):
                    if made is not None and made.plan is not None:
                        self._remember(made.plan)
        if optimizer is not None and proposal is not None:
            if self._pareto_due:
                operating_point = self._operating_point(snapshot, wanted)
                in_turn = partial(self.propose_in_turn, board.network)
                try:
                    self._pareto = optimizer.pareto(operating_point, wanted, in_turn), _point(proposal)
                except NotReadyError:
                    return  # another grid has come between: its plans are made next
                self._pareto_at = self._planned
            self._planned += 1
        self._publish(board, proposal)

    def _propose(self, optimizer: SmartGridOptimizer | None, board: Board, wanted: Requirements) -> Proposal:
        """A new proposal by one of the optimisers, whose lock is held."""
        snapshot = board.snapshot
        if optimizer is None and self._why_not is not None:
            raise UnsuitableGridError(self._why_not)
        if optimizer is None or optimizer.network is not board.network:
            raise NotReadyError("the grid has just changed; ask again in a moment")
        operating_point = self._operating_point(snapshot, wanted)
        before, preferred = self._proposed, self._preferred
        shown = None
        if before is not None and before.requirements == wanted:
            shown = before.instead_of or before.plan
        proposal = optimizer.propose(operating_point, wanted, shown)
        if preferred is not None and preferred[0] is board.network and preferred[1].concerns(proposal):
            proposal = preferred[1].applied(Verifier(board.network), operating_point, proposal)
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
        learns = self._first_training and not self._learning.health.problems
        return not learns and (due or self._pareto[1] is None)

    def _way_back(self, snapshot: Snapshot, wanted: Requirements) -> WayBack | None:
        """To the normal switch states, where others are present; for now, whatever hour plans are made for."""
        normal, network = snapshot.control.normal, snapshot.case.network
        if normal is None or not operated_radially(network):
            return None
        now = operating_point_of(snapshot, self._settings.price_per_mwh)
        return way_back(Verifier(network), now, replace(wanted.within_normal, worst_hour=False), normal)

    def _remember(self, plan: Plan) -> None:
        others = [(code, other) for code, other in self._recent.items() if code != plan.code]
        self._recent = dict([*others, (plan.code, plan)][-PLANS_KEPT:])

    def train_once(self, board: Board, fresh: bool) -> None:
        """Have the policy trained: first for a while at a time; later, one episode for each new snapshot.

        While nothing learns, plans are made by what was learned last.
        """
        snapshot, generation = board.snapshot, self._learning.generation
        optimizer = self._optimizer
        if optimizer is None or not optimizer.in_full or not generation or self._network is not snapshot.case.network:
            return
        before = self._learned
        try:
            if self._begun != (snapshot.case.network, generation):
                self._take(snapshot.case.network, self._have_begun(snapshot))
                self._begun = snapshot.case.network, generation
            if self._first_training or fresh:
                self._priority.give_way(GIVE_WAY_S)
                self._take(snapshot.case.network, self._have_trained(snapshot))
        except LearningDownError as error:
            log.info("no training now: %s", error)
        if self._learned is not before and self._network is snapshot.case.network:
            self._publish(self._planned_on or board, self._proposed)

    def _have_begun(self, snapshot: Snapshot) -> PolicyNews:
        settings = self._settings
        return self._learning.ask(
            BeginPolicy(
                network=snapshot.case.network,
                failure_probability=snapshot.assessed.risk.failure_probability,
                switching_episodes=settings.training_episodes,
                dispatch_episodes=settings.dispatch_episodes,
                seed=settings.seed,
                cache_dir=settings.cache_dir,
            ),
            self._while_learning,
        )

    def _have_trained(self, snapshot: Snapshot) -> PolicyNews:
        return self._learning.ask(
            TrainPolicy(
                most_s=TRAINING_SLICE_S,
                operating_point=operating_point_of(snapshot, self._settings.price_per_mwh),
                risk_weight=self._requirements.risk_weight,
            ),
            self._while_learning,
        )

    def _while_learning(self) -> None:
        """Plans go on while what learns is at work, or only starts: nobody may look at a plan for another state."""
        self.beat()
        board = self._boards.latest
        now = board.snapshot.version, self._requirements
        if self._network is board.network and now != self._seen and not board.snapshot.solved.stale:
            self._seen = now
            self.plan_once(board, now[1])

    def _take(self, network: Network, news: PolicyNews) -> None:
        """Decide by what has been learned, if its grid is still the present one."""
        with self._lock:
            if self._optimizer is None or self._network is not network:
                return
            if news.episodes:  # before the first one the prior is better
                self._optimizer.use(news.policy)
            self._learned = news
        with self._asked_lock:
            if news.episodes and self._asked is not None and self._asked.network is network:
                self._asked.use(news.policy)
        self.tell(ProblemCause.NOT_KEPT, news.not_kept, str(self._settings.cache_dir), kept=KeptKind.POLICY)

    @property
    def _first_training(self) -> bool:
        learned = self._learned
        optimizer = self._optimizer
        learns = optimizer is not None and optimizer.in_full
        return learns and (learned is None or learned.episodes < learned.wanted)

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
        network = snapshot.case.network
        self._learned, self._planned, self._pareto = None, 0, ((), None)
        self._recent, self._made, self._pareto_at, self._proposed = {}, (None, {}), 0, None
        self._planned_on = self._back = None
        if self._network is None or not self._network.is_same_grid(network):
            self._requirements = Requirements(risk_weight=self._requirements.risk_weight)
        self._optimizer, self._asked, self._why_not = self._optimizers(network)
        self._network = network  # after what belongs to it: others read both without the lock
        self._engine.set_requirements(self._requirements)

    def _optimizers(
        self, network: Network
    ) -> tuple[SmartGridOptimizer | None, SmartGridOptimizer | None, NoPlan | None]:
        """The planner's and the requests', with the kept policy if there is one; or why there are none."""
        seed, folder = self._settings.seed, self._settings.cache_dir
        try:
            optimizer = SmartGridOptimizer(network, seed, self._patience.give_way)
            asked = SmartGridOptimizer(network, seed)
        except UnsuitableGridError as error:
            return None, None, error.reason
        if not optimizer.in_full:
            return optimizer, asked, None
        try:
            optimizer.use_kept(folder)
            asked.use_kept(folder)
            log.info("policy of %s taken from the cache", network.name)
        except FileNotFoundError:
            log.info("no policy of %s is kept: it is learned", network.name)
        except (OSError, PolicyError) as error:
            log.warning("the kept policy can't be used, one is learned anew: %s", error)
        return optimizer, asked, None

    def _publish(self, board: Board, proposal: Proposal | None) -> None:
        snapshot = board.snapshot
        if proposal is not self._proposed:
            self._proposed_at = None if proposal is None else self._operating_point(snapshot, proposal.requirements)
        self._proposed = proposal
        report = PlanReport(
            snapshot.case.network,
            self._version + 1,
            snapshot.simulated_at,
            proposal,
            self._status(),
            self._training(),
            *self._pareto,
            _made_for(snapshot, proposal),
            self._proposed_at,
            None if proposal is None else self._back,
        )
        self.publish(report, board)

    def _operating_point(self, snapshot: Snapshot, wanted: Requirements) -> OperatingPoint:
        return operating_point_for(snapshot, self._settings.price_per_mwh, wanted)

    def _status(self) -> PlanStatus:
        learned = self._learned
        if self.failure:
            return PlanStatus(kind=PlanStatusKind.FAILED, failure=self.failure)
        if self._why_not is not None:
            return PlanStatus(kind=PlanStatusKind.UNSUITABLE, reason=self._why_not)
        if self._optimizer is not None and not self._optimizer.in_full:
            return PlanStatus(kind=PlanStatusKind.NO_POLICY)
        if learned is None:
            return PlanStatus(kind=PlanStatusKind.WAITING_FOR_LEARNING)
        if not self._learning.generation:
            kind = PlanStatusKind.NOT_LEARNING
        else:
            kind = PlanStatusKind.TRAINING if self._first_training else PlanStatusKind.READY
        return PlanStatus(kind=kind, episodes=learned.episodes, wanted=learned.wanted)

    def _training(self) -> Training:
        learned = self._learned
        if learned is None:
            return NO_TRAINING
        running = self._first_training and self._learning.generation > 0
        return Training(learned.episodes, learned.wanted, running, learned.seconds, learned.curve, learned.gaps)


def _point(proposal: Proposal) -> ParetoPoint:
    """The present state among the points of losses and risk."""
    present = proposal.present
    return ParetoPoint(proposal.requirements.risk_weight, present.loss_kw, present.expected_interrupted_kw, 0)


def _made_for(snapshot: Snapshot, proposal: Proposal | None) -> datetime | None:
    asked = proposal is not None and proposal.requirements.worst_hour
    return snapshot.assessed.worst_hour.time if asked and snapshot.assessed.worst_hour is not None else None
