"""What the API and the pages are handed."""

from dataclasses import dataclass

from app.engine.case_loading import CaseLoader
from app.engine.engine import Engine
from app.forecasting.worker import Lookout
from app.history.ring import SnapshotStore
from app.maintenance.worker import Maintainer
from app.optimisation.worker import Planner
from app.settings import Settings


@dataclass(frozen=True)
class Services:
    """The engine takes commands, the store is read, the loader brings in another case, the planner proposes.

    The maintainer tells which assets are likely to fail, and when to work on them; the lookout what comes next.
    """

    settings: Settings
    engine: Engine
    store: SnapshotStore
    cases: CaseLoader
    planner: Planner
    maintainer: Maintainer
    lookout: Lookout

    @classmethod
    def around(cls, settings: Settings, engine: Engine, store: SnapshotStore) -> "Services":
        """All that works beside an engine, none of it started."""
        planner = Planner(settings, engine, store)
        maintainer, lookout = Maintainer(settings, engine, store), Lookout(settings, engine, store, planner)
        return cls(settings, engine, store, CaseLoader(settings, engine), planner, maintainer, lookout)

    def start(self) -> None:
        """Begin: the engine with a first cycle, then those that work beside it. CaseError where that cycle fails."""
        self.engine.start()
        self.planner.start()
        self.maintainer.start()
        self.lookout.start()

    def stop(self) -> None:
        """End the threads."""
        self.planner.stop()
        self.maintainer.stop()
        self.lookout.stop()
        self.engine.stop()
