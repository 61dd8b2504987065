"""What the API and the pages are handed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from app.contingencies.worker import OutageWorker
from app.engine.board import BoardStore
from app.engine.case_loading import CaseLoader
from app.engine.engine import Engine, HistoryOf
from app.engine.jobs import JobRoom
from app.engine.pipeline import SourceOf, source_of
from app.engine.worker import GridWorker
from app.forecasting.worker import ForecastWorker
from app.history.ring import HistoryRing
from app.learning.process import LearningHost, LearningProcess
from app.maintenance.worker import MaintenanceWorker
from app.optimisation.ahead_worker import AheadWorker
from app.optimisation.worker import PlanWorker
from app.reading.process import FileReader, ReadingProcess
from app.settings import Settings
from app.web.errors import failure_of
from grid.cases.case import Case

Beside = TypeVar("Beside", bound=GridWorker[Any])
EngineOf = Callable[[Case, Settings, BoardStore, HistoryOf, SourceOf], Engine]


@dataclass(frozen=True)
class Services:
    """The engine takes commands, boards are read, the loader brings in another case, workers work beside the engine.

    jobs: work that may outlast a request.
    """

    settings: Settings
    engine: Engine
    boards: BoardStore
    cases: CaseLoader
    workers: tuple[GridWorker[Any], ...]
    learning: LearningHost
    jobs: JobRoom

    @classmethod
    def around(
        cls,
        settings: Settings,
        case: Case,
        engine_of: EngineOf = Engine,
        learning: LearningHost | None = None,
        reader: FileReader | None = None,
    ) -> "Services":
        """The engine of a case and all that works beside it, none of it started.

        learning, reader: by default processes.
        """
        boards = BoardStore()
        engine = engine_of(case, settings, boards, HistoryRing, source_of)
        learns = LearningProcess(settings.log_level) if learning is None else learning
        cases = CaseLoader(settings, engine, ReadingProcess.by(settings) if reader is None else reader)
        planner = PlanWorker(settings, engine, boards, learns)
        workers = (
            planner,
            MaintenanceWorker(settings, engine, boards, learns),
            ForecastWorker(settings, engine, boards, learns, planner.planned_share),
            OutageWorker(settings, engine, boards, learns, planner.policy_of),
            AheadWorker(settings, engine, boards, learns, planner),
        )
        engine.watch_over(lambda: [*(worker.health for worker in workers), learns.health])
        return cls(settings, engine, boards, cases, workers, learns, JobRoom(describe=failure_of))

    def worker(self, kind: type[Beside]) -> Beside:
        """The worker of a kind. Raises LookupError where there is none."""
        for worker in self.workers:
            if isinstance(worker, kind):
                return worker
        raise LookupError(f"no {kind.__name__} works beside the engine")

    @property
    def planner(self) -> PlanWorker:
        """Proposes plans."""
        return self.worker(PlanWorker)

    @property
    def maintainer(self) -> MaintenanceWorker:
        """Tells which assets are likely to fail, and when to work on them."""
        return self.worker(MaintenanceWorker)

    @property
    def forecast_worker(self) -> ForecastWorker:
        """Tells what comes next."""
        return self.worker(ForecastWorker)

    @property
    def ahead_worker(self) -> AheadWorker:
        """Tells whether the plan holds in the hours to come."""
        return self.worker(AheadWorker)

    @property
    def outage_worker(self) -> OutageWorker:
        """Tells what each single outage would leave dark."""
        return self.worker(OutageWorker)

    def start(self) -> None:
        """Begin: the engine with a first cycle, then those that work beside it. CaseError where that cycle fails."""
        self.engine.start()
        self.learning.start()
        for worker in self.workers:
            worker.start()

    def stop(self) -> None:
        """End the threads, and the process that learns, which workers may be waiting for."""
        self.jobs.stop()
        self.cases.stop()
        self.learning.stop()
        for worker in self.workers:
            worker.stop()
        self.engine.stop()
