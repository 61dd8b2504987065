"""AheadWorker: has the latest plan followed through the forecast's next hours, in the process beside.

Where the best plan for now breaks a limit later, others are followed too, and the planner is told which is better for
the whole time.
"""

import logging
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np

from app.engine.board import Board, BoardStore, NotReadyError
from app.engine.worker import RESTS, GridWorker, Publisher, Rest
from app.learning.process import LearningDownError, LearningHost
from app.learning.requests import FollowPlan
from app.optimisation.explainer import ProposalBase
from app.settings import Settings
from grid.network import Network
from grid.telemetry import EventKind
from ml.optimisation.plans.ahead import MOST_HOURS, FuturePlan, PlanAhead, Restored
from ml.optimisation.plans.plan import Plan, Proposal, Requirements
from ml.optimisation.plans.timeline import timeline_of
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.plans.whole_time import FollowedPlan, Preference, WholeTime, for_whole_time

log = logging.getLogger(__name__)
RENEWED_AFTER, RENEWED_SOONEST = 10, 3  # cycles, for a plan that does the same; the fewer where much time has passed
MUCH_TIME = timedelta(minutes=30)


@dataclass(frozen=True, eq=False, kw_only=True)
class AheadReport:
    """How the latest plan does in the hours to come.

    found: of the plan that is better for the whole time; None where there is no plan that switches, or no forecast yet.
    begins: when the plan would be done. instead_of: the best plan for now, where another one is better.
    """

    network: Network
    version: int
    hours: int
    found: PlanAhead | None = None
    begins: datetime | None = None
    instead_of: FollowedPlan | None = None


class Planning(Protocol):
    """The planner, as far as it is needed here."""

    def base_on(self, board: Board, /) -> ProposalBase | None:
        """The proposal on a board with what it was made for."""
        ...

    def propose_in_turn(self, network: Network, operating_point: OperatingPoint, wanted: Requirements, /) -> Proposal:
        """A plan for another operating point, for which nobody waits."""
        ...

    def prefer(self, network: Network, preference: Preference | None, /) -> None:
        """What is better for the whole time."""
        ...


class AheadWorker(GridWorker[AheadReport]):
    """planner: whose plans are followed."""

    def __init__(
        self, settings: Settings, engine: Publisher, boards: BoardStore, learning: LearningHost, planner: Planning
    ) -> None:
        super().__init__("plan ahead", engine, boards)
        self._hours, self._learning, self._planner = settings.plan_hours, learning, planner
        self._followed: tuple[bytes, bytes] | None = None  # switch states of the plan that the report is of
        self._made_at = 0  # version of the snapshot
        self._rest = Rest()  # after the last look ahead

    def nothing_yet(self, network: Network) -> AheadReport:
        """No plan has been followed."""
        return AheadReport(network=network, version=0, hours=self._hours)

    def take_up(self, board: Board) -> None:
        """Begin with a network."""
        self._followed, self._made_at = None, board.snapshot.version

    def step(self, board: Board) -> bool:
        """Have a new plan followed, and the same one again now and then; never more to do at once."""
        snapshot, base = board.snapshot, self._planner.base_on(board)
        if snapshot.solved.stale or not self._learning.generation:
            return False
        plan = None if base is None else base.proposal.instead_of or base.proposal.plan
        if base is None or plan is None or not plan.actions:
            if self._followed is not None:
                self._followed = None
                self._publish(board, None)
            return False
        now = (plan.after.closed.tobytes(), plan.before.closed.tobytes())
        if now == self._followed and not self._renewal_due(board):
            return False
        self._rest = Rest()
        try:
            with self._rest.working():
                found = self._whole_time(board, base, plan)
        except (LearningDownError, NotReadyError) as error:
            log.info("no plan is followed now: %s", error)
            return False
        if found is not None:
            self._followed, self._made_at = now, snapshot.version
            self._publish(board, found)
        return False

    def _renewal_due(self, board: Board) -> bool:
        """Whether the report is too old for a plan that does the same."""
        begins, cycles = self.report_on(board).begins, board.snapshot.version - self._made_at
        late = begins is not None and board.snapshot.simulated_at - begins >= MUCH_TIME
        return self._rest.over(RESTS) and cycles >= (RENEWED_SOONEST if late else RENEWED_AFTER)

    def _whole_time(self, board: Board, base: ProposalBase, plan: Plan) -> WholeTime | None:
        """The best plan for now followed, and others where it fails later; those for another hour stay as they are."""
        network = board.network
        if base.proposal.requirements.worst_hour:
            ahead = self._follow(board, plan)
            return None if ahead is None else WholeTime(first=FollowedPlan(plan=plan, ahead=ahead))
        return for_whole_time(
            Verifier(network),
            base.operating_point,
            base.proposal,
            lambda point, wanted: self._planner.propose_in_turn(network, point, wanted),
            lambda other: self._follow(board, other),
        )

    def _hours_of(self, plan: Plan) -> int:
        """Hours that a plan is followed: an hour longer than emergency values may hold, where they do."""
        wanted = plan.requirements
        if not (wanted.has_emergency and plan.restores):
            return self._hours
        return max(self._hours, min(MOST_HOURS, math.ceil(wanted.emergency_minutes / 60) + 1))

    def _follow(self, board: Board, plan: Plan) -> PlanAhead | None:
        snapshot, case = board.snapshot, board.snapshot.case
        before = plan.before
        timeline = timeline_of(
            plan.network, before.injection, before.closed, plan.actions, case.customers.count, case.field_work
        )
        done = [step.minute for step in timeline.steps]
        events = snapshot.control.events
        out = [one.target for one in events if one.kind is EventKind.GENERATOR_TRIP and one.target is not None]
        tripped = np.isin(np.arange(len(plan.network.generator)), out)
        restored = Restored.by(plan, snapshot.assessed.dark_minutes, done, tripped)
        return self._learning.ask(
            FollowPlan(
                network_name=case.network.name,
                future=FuturePlan.of(plan, restored),
                now=snapshot.simulated_at,
                hours=self._hours_of(plan),
                cold_load=case.cold_load,
            ),
            self.beat,
        )

    def _publish(self, board: Board, found: WholeTime | None) -> None:
        """Tell what was found, and the planner what is better for the whole time."""
        self._planner.prefer(board.network, None if found is None else Preference.of(found))
        hours = self._hours if found is None else self._hours_of(found.first.plan)
        self.publish(
            AheadReport(
                network=board.network,
                version=self._version + 1,
                hours=hours,
                found=None if found is None else found.best.ahead,
                begins=None if found is None else board.snapshot.simulated_at,
                instead_of=None if found is None or found.best is found.first else found.first,
            ),
            board,
        )
