"""AheadWorker: has the latest plan followed through the forecast's next hours, in the process beside."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from app.engine.board import Board, BoardStore
from app.engine.worker import GridWorker, Publisher
from app.learning.process import LearningDownError, LearningHost
from app.learning.requests import FollowPlan
from app.settings import Settings
from grid.network import Network
from grid.telemetry import EventKind
from ml.optimisation.plans.ahead import FuturePlan, PlanAhead, Restored
from ml.optimisation.plans.plan import Plan
from ml.optimisation.plans.timeline import timeline_of

log = logging.getLogger(__name__)
RENEWED_AFTER = 10  # cycles, for a plan that does the same


@dataclass(frozen=True, eq=False, kw_only=True)
class AheadReport:
    """How the latest plan does in the hours to come.

    found: None where there is no plan that switches, or no forecast yet. begins: when the plan would be done.
    """

    network: Network
    version: int
    hours: int
    found: PlanAhead | None = None
    begins: datetime | None = None


class AheadWorker(GridWorker[AheadReport]):
    """plan_on: the plan that a board offers."""

    def __init__(
        self,
        settings: Settings,
        engine: Publisher,
        boards: BoardStore,
        learning: LearningHost,
        plan_on: Callable[[Board], Plan | None],
    ) -> None:
        super().__init__("plan ahead", engine, boards)
        self._hours, self._learning, self._plan_on = settings.plan_hours, learning, plan_on
        self._followed: tuple[str, bytes] | None = None  # what the report is of
        self._made_at = 0  # version of the snapshot

    def nothing_yet(self, network: Network) -> AheadReport:
        """No plan has been followed."""
        return AheadReport(network=network, version=0, hours=self._hours)

    def take_up(self, board: Board) -> None:
        """Begin with a network."""
        self._followed, self._made_at = None, board.snapshot.version

    def step(self, board: Board) -> bool:
        """Have a new plan followed, and the same one again now and then; never more to do at once."""
        snapshot, plan = board.snapshot, self._plan_on(board)
        if snapshot.solved.stale or not self._learning.generation:
            return False
        if plan is None or not plan.actions:
            if self._followed is not None:
                self._followed = None
                self._publish(board, None)
            return False
        now = (plan.code, plan.before.closed.tobytes())
        if now == self._followed and snapshot.version - self._made_at < RENEWED_AFTER:
            return False
        try:
            found = self._follow(board, plan)
        except LearningDownError as error:
            log.info("no plan is followed now: %s", error)
            return False
        if found is not None:
            self._followed, self._made_at = now, snapshot.version
            self._publish(board, found)
        return False

    def _follow(self, board: Board, plan: Plan) -> PlanAhead | None:
        snapshot, case = board.snapshot, board.snapshot.case
        before = plan.before
        minutes = timeline_of(
            plan.network, before.injection, before.closed, plan.actions, case.customers.count, case.field_work
        ).minutes
        events = snapshot.control.events
        out = [one.target for one in events if one.kind is EventKind.GENERATOR_TRIP and one.target is not None]
        tripped = np.isin(np.arange(len(plan.network.generator)), out)
        restored = Restored.by(plan, snapshot.assessed.dark_minutes, minutes, tripped)
        return self._learning.ask(
            FollowPlan(
                network_name=case.network.name,
                future=FuturePlan.of(plan, restored),
                now=snapshot.simulated_at,
                hours=self._hours,
                cold_load=case.cold_load,
            ),
            self.beat,
        )

    def _publish(self, board: Board, found: PlanAhead | None) -> None:
        begins = None if found is None else board.snapshot.simulated_at
        self.publish(
            AheadReport(
                network=board.network, version=self._version + 1, hours=self._hours, found=found, begins=begins
            ),
            board,
        )
