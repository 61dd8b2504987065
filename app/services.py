"""What the API and the pages are handed."""

from dataclasses import dataclass

from app.caseloader import CaseLoader
from app.engine import Engine
from app.history import SnapshotStore
from app.planner import Planner
from app.settings import Settings


@dataclass(frozen=True)
class Services:
    """The engine takes commands, the store is read, the loader brings in another case, the planner proposes."""

    settings: Settings
    engine: Engine
    store: SnapshotStore
    cases: CaseLoader
    planner: Planner

    def stop(self) -> None:
        """End the threads."""
        self.planner.stop()
        self.engine.stop()
