"""What the API and the pages are handed."""

from dataclasses import dataclass

from app.caseloader import CaseLoader
from app.engine import Engine
from app.history import SnapshotStore
from app.maintainer import Maintainer
from app.planner import Planner
from app.settings import Settings


@dataclass(frozen=True)
class Services:
    """The engine takes commands, the store is read, the loader brings in another case, the planner proposes.

    The maintainer tells which assets are likely to fail, and when to work on them.
    """

    settings: Settings
    engine: Engine
    store: SnapshotStore
    cases: CaseLoader
    planner: Planner
    maintainer: Maintainer

    def stop(self) -> None:
        """End the threads."""
        self.planner.stop()
        self.maintainer.stop()
        self.engine.stop()
