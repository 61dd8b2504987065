"""OutageWorker: keeps the N-1 list of the running grid, beside plans and never before them.

Outages are tried in the process beside, which gives way to everybody else, in slices of one or a few, and this thread
rests after each. The list is begun anew when switch states or requirements change, and renewed now and then because
loads do, the more seldom the longer a pass takes: it keeps no core busy for ever.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from app.engine.board import Board, BoardStore, Snapshot
from app.engine.operating_point import operating_point_of
from app.engine.worker import RESTS, GridWorker, Publisher, Rest
from app.learning.process import LearningDownError, LearningHost
from app.learning.requests import BeginOutages, TryOutages
from app.settings import Settings
from grid.flow.topology import interrupted_power_mw
from grid.network import Network
from ml.optimisation.plans.outages import SingleOutage, ranked, single_outages
from ml.optimisation.plans.plan import NoPlan
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.policy import LearnedPolicy
from ml.optimisation.radial.grid import operated_radially

log = logging.getLogger(__name__)
RADIAL_AT_ONCE, MESHED_AT_ONCE = 1, 32  # outages of a slice; those of a meshed grid share a matrix
TOLD_EVERY = 8  # slices
RENEWED_AFTER = 40  # cycles since the list was begun

PolicyOf = Callable[[Network], LearnedPolicy | None]


@dataclass(frozen=True, eq=False, kw_only=True)
class OutageReport:
    """The N-1 list: the worst first, of the moment made_at.

    done of total: outages that have been tried in the present sweep. radial: outages are restored by switching; else
    what they break is told. why_not: the grid is too large for restorations, or has no source.
    """

    network: Network
    version: int
    rows: tuple[SingleOutage, ...] = ()
    made_at: datetime | None = None
    done: int = 0
    total: int = 0
    radial: bool = True
    why_not: NoPlan | None = None


@dataclass(eq=False, kw_only=True)
class _Sweep:
    """One pass over all outages, at one moment."""

    key: tuple[object, ...]
    snapshot: Snapshot
    moment: OperatingPoint
    left: list[int]
    total: int
    found: list[SingleOutage] = field(default_factory=list)
    slices: int = 0
    rest: Rest = field(default_factory=Rest)

    def renewed_by(self, version: int) -> bool:
        """Whether it is time for another pass, at a later version of the snapshot."""
        return not self.left and self.rest.over(RESTS) and version - self.snapshot.version >= RENEWED_AFTER


class OutageWorker(GridWorker[OutageReport]):
    """policy_of: what the planner has learned for a network."""

    def __init__(
        self, settings: Settings, engine: Publisher, boards: BoardStore, learning: LearningHost, policy_of: PolicyOf
    ) -> None:
        super().__init__("contingencies", engine, boards)
        self._settings, self._learning, self._policy_of = settings, learning, policy_of
        self._radial = True
        self._begun = 0  # the generation of what tries outages of the present network
        self._why_not: NoPlan | None = None
        self._sweep: _Sweep | None = None
        self._shown: tuple[SingleOutage, ...] = ()  # of a sweep that was carried through, or of the present one
        self._made_at: datetime | None = None  # of a sweep that was carried through

    def nothing_yet(self, network: Network) -> OutageReport:
        """No outage has been tried."""
        return OutageReport(network=network, version=0, radial=operated_radially(network))

    def take_up(self, board: Board) -> None:
        """Begin with a network."""
        self._sweep, self._shown, self._made_at = None, (), None
        self._radial, self._begun, self._why_not = operated_radially(board.network), 0, None

    def step(self, board: Board) -> bool:
        """A slice of the list, where it is due; never more to do at once, so that others get their turn."""
        if self._why_not is not None or board.snapshot.solved.stale or not self._learning.generation:
            return False
        try:
            self._begin(board)
            if self._why_not is None:
                self._go_on(board)
        except LearningDownError as error:
            log.info("no outages are tried now: %s", error)
        return False

    def _begin(self, board: Board) -> None:
        """Have what tries outages begun with the network, where it hasn't or has forgotten it."""
        generation = self._learning.generation
        if self._begun == generation:
            return
        begun = self._learning.ask(BeginOutages(network=board.network, seed=self._settings.seed), self.beat)
        self._begun, self._why_not = generation, begun.why_not
        if begun.why_not is not None:
            self._publish(board)

    def _go_on(self, board: Board) -> None:
        sweep = self._sweep_of(board)
        if not sweep.left:
            return
        count = RADIAL_AT_ONCE if self._radial else MESHED_AT_ONCE
        now, sweep.left = sweep.left[:count], sweep.left[count:]  # first: one that fails isn't tried again and again
        case = sweep.snapshot.case
        asked = TryOutages(
            branches=tuple(now),
            moment=sweep.moment,
            wanted=sweep.snapshot.control.requirements,
            policy=self._policy_of(board.network) if self._radial else None,
            customers=case.customers.count,
            work=case.field_work,
        )
        with sweep.rest.working():
            found = self._learning.ask(asked, self.beat)
        sweep.found += found
        sweep.slices += 1
        if not sweep.left:
            self._shown, self._made_at = ranked(sweep.found), sweep.snapshot.simulated_at
        elif self._made_at is None:
            self._shown = ranked(sweep.found)
        if not sweep.left or sweep.slices % TOLD_EVERY == 0:
            self._publish(board)

    def _sweep_of(self, board: Board) -> _Sweep:
        """The present sweep; a new one where switch states have changed or the last is old."""
        snapshot, sweep = board.snapshot, self._sweep
        moment = operating_point_of(snapshot, self._settings.price_per_mwh)
        on = moment.injection.generator_on
        key = (moment.closed.tobytes(), moment.available.tobytes(), on.tobytes(), snapshot.control.requirements)
        if sweep is not None and sweep.key == key:
            if not sweep.renewed_by(snapshot.version):
                return sweep
        else:
            self._shown, self._made_at = (), None  # of other switch states
        left = _largest_first(board.network, moment)
        sweep = self._sweep = _Sweep(key=key, snapshot=snapshot, moment=moment, left=left, total=len(left))
        if self._made_at is None:
            self._publish(board)
        return sweep

    def _publish(self, board: Board) -> None:
        sweep = self._sweep
        self.publish(
            OutageReport(
                network=board.network,
                version=self._version + 1,
                rows=self._shown,
                made_at=self._made_at or (None if sweep is None else sweep.snapshot.simulated_at),
                done=0 if sweep is None else sweep.total - len(sweep.left),
                total=0 if sweep is None else sweep.total,
                radial=self._radial,
                why_not=self._why_not,
            ),
            board,
        )


def _largest_first(network: Network, moment: OperatingPoint) -> list[int]:
    """Branches whose outage is tried, those that most demand hangs on first."""
    branch, generator = network.branch, network.generator
    demand = np.bincount(network.load.bus, moment.injection.load_p_mw.clip(min=0), network.n_bus)
    sources = generator.bus[generator.is_source & moment.injection.generator_on]
    hangs = interrupted_power_mw(network.n_bus, branch.from_bus, branch.to_bus, moment.closed, sources, demand)
    tried = single_outages(network, moment)
    return [int(one) for one in tried[np.argsort(-hangs[tried], kind="stable")]]
