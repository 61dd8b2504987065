"""What the API and the pages are handed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.engine.board import BoardStore
from app.engine.case_loading import CaseLoader
from app.engine.engine import Engine, HistoryOf
from app.engine.pipeline import SourceOf, source_of
from app.engine.worker import GridWorker
from app.forecasting.worker import ForecastWorker
from app.history.ring import HistoryRing
from app.maintenance.worker import MaintenanceWorker
from app.optimisation.worker import PlanWorker
from app.settings import Settings
from grid.cases.cases import Case

EngineOf = Callable[[Case, Settings, BoardStore, HistoryOf, SourceOf], Engine]


@dataclass(frozen=True)
class Services:
    """The engine takes commands, boards are read, the loader brings in another case, the planner proposes.

    The maintainer tells which assets are likely to fail, and when to work on them; the forecast worker what comes next.
    """

    settings: Settings
    engine: Engine
    boards: BoardStore
    cases: CaseLoader
    planner: PlanWorker
    maintainer: MaintenanceWorker
    forecast_worker: ForecastWorker

    @classmethod
    def around(cls, settings: Settings, case: Case, engine_of: EngineOf = Engine) -> "Services":
        """The engine of a case and all that works beside it, none of it started."""
        boards = BoardStore()
        engine = engine_of(case, settings, boards, HistoryRing, source_of)
        planner = PlanWorker(settings, engine, boards)
        maintainer, forecast_worker = (
            MaintenanceWorker(settings, engine, boards),
            ForecastWorker(settings, engine, boards, planner.planned_share),
        )
        services = cls(settings, engine, boards, CaseLoader(settings, engine), planner, maintainer, forecast_worker)
        engine.watch_over(lambda: [worker.health for worker in services.workers])
        return services

    @property
    def workers(self) -> tuple[GridWorker[Any], ...]:
        """All that work beside the engine."""
        return self.planner, self.maintainer, self.forecast_worker

    def start(self) -> None:
        """Begin: the engine with a first cycle, then those that work beside it. CaseError where that cycle fails."""
        self.engine.start()
        for worker in self.workers:
            worker.start()

    def stop(self) -> None:
        """End the threads."""
        for worker in self.workers:
            worker.stop()
        self.engine.stop()
