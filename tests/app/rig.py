"""An engine on a case without a thread of its own, and the API on a bare Flask server."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.engine.board import Board, Published, Snapshot
from app.engine.engine import Engine
from app.engine.quality import BoardProblem, ProblemCause
from app.learning.process import LearningHost
from app.settings import Settings
from app.shell.api import api_blueprint
from app.shell.dash_app import build as build_pages
from app.shell.dash_app import inline_scripts
from app.shell.endpoints import bodies_taken
from app.web.guard import Guard
from app.web.services import Services
from grid.alarms.book import AlarmKind
from grid.cases.cases import load_case
from tests.app.learning_here import LearningHere
from tests.app.reading_here import ReadingHere
from tests.cases import shared_case

START = datetime(2026, 1, 15, 6)
PATIENCE_S = 60.0  # a request is answered with its result, and with a job only where a test is about jobs
CYCLE = timedelta(minutes=5)


class HandDriven(Engine):
    """An engine whose thread is the test's: what workers deliver is on the board at once."""

    def __init__(self, *arguments: Any) -> None:
        self._turns = threading.RLock()  # a test may run workers in threads of their own
        super().__init__(*arguments)

    def deliver(self, published: Published) -> None:
        super().deliver(published)
        with self._turns:
            self.take_reports()

    def run_cycle(self, elapsed: timedelta = timedelta(0)) -> None:
        with self._turns:
            super().run_cycle(elapsed)


@dataclass(frozen=True)
class Rig:
    """What a test of the process holds: cycles run when it says so."""

    services: Services
    client: FlaskClient

    @property
    def engine(self) -> Engine:
        return self.services.engine

    @property
    def board(self) -> Board:
        """The latest board."""
        return self.services.boards.latest

    @property
    def now(self) -> Snapshot:
        """The latest snapshot."""
        return self.board.snapshot

    def run(self, cycles: int = 1, elapsed: timedelta = CYCLE) -> Snapshot:
        """Run cycles by hand; returns the snapshot after the last."""
        for _ in range(cycles):
            self.engine.run_cycle(elapsed)
        return self.now

    def branch(self, name: str) -> int:
        return self.now.case.network.branch.name.index(name)

    def bus(self, name: str) -> int:
        return self.now.case.network.bus.name.index(name)

    def generator(self, name: str) -> int:
        return self.now.case.network.generator.name.index(name)

    def alarms(self, kind: AlarmKind) -> list[str]:
        """Names of the assets with an active alarm of a kind."""
        return sorted(alarm.asset_name for alarm in self.now.assessed.alarms if alarm.kind is kind)

    def get(self, path: str, status: int = 200) -> Any:
        return strict_json(self.client.get(path), status)

    def post(self, path: str, body: object, status: int = 200) -> Any:
        return strict_json(self.client.post(path, json=body), status)


def no_answer(detail: str) -> BoardProblem:
    """Why a state is stale whose source doesn't answer."""
    since = datetime(2026, 1, 15, 6, tzinfo=UTC)
    return BoardProblem(cause=ProblemCause.NO_ANSWER, subject="simulator", detail=detail, since=since)


def strict_json(response: TestResponse, status: int) -> Any:
    """The JSON of a response with this status; NaN and Infinity aren't JSON."""
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.mimetype == "application/json"
    return json.loads(response.data, parse_constant=_refuse)


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def make_rig(
    cache_dir: Path, case: str = "city8", learning: LearningHost | None = None, pages: bool = False, **changes: Any
) -> Rig:
    """A rig after its first cycle; changes override settings. pages: with the pages and their callbacks."""
    values: dict[str, Any] = {
        "cache_dir": cache_dir,
        "start": START,
        "seed": 7,
        "case": case,
        "models_dir": cache_dir / "models",
        "history_days": 20,  # too few for models, which take seconds to train
        "training_fleets": 0,  # a training is a process of minutes: who wants one ends it
        **changes,
    }
    settings = Settings(_env_file=None, **values)  # type: ignore[call-arg]
    is_file = Path(settings.case).suffix != "" or settings.case.startswith("feeder:")
    watched = load_case(settings.case, settings.cache_dir) if is_file else shared_case(settings.case)
    services = Services.around(
        settings, watched, HandDriven, learning or LearningHere(), ReadingHere(settings.cache_dir)
    )
    services.jobs.patience_s = PATIENCE_S
    server = Flask("test")
    guard = Guard(settings, bodies_taken())
    guard.install(server)
    server.register_blueprint(api_blueprint(services))
    if pages:
        guard.allow_scripts(inline_scripts(build_pages(server, services)))
    rig = Rig(services, server.test_client())
    rig.run(elapsed=timedelta(0))
    return rig


def resident_bytes() -> float:
    """Memory that this process holds; 1 where the system doesn't say."""
    status = Path("/proc/self/statm")
    return 4096.0 * int(status.read_text().split()[1]) if status.exists() else 1.0


def wait_for(condition: Callable[[], bool], seconds: float = 240.0) -> bool:
    """Whether a condition comes true within some seconds, so many that a busy machine isn't taken for a fault."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
