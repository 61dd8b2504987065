"""Whatever fails is named within two cycles, and the live view goes on."""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.engine.quality import SILENT_S, BoardCondition, BoardProblem, ProblemCause, quality_of
from app.shell.health import quality_now
from grid.telemetry import EventKind
from ml.forecasting.records import ForecastHindrance, ForecastHindranceKind
from ml.maintenance.records import MaintenanceProblem, MaintenanceProblemKind
from ml.optimisation.plans.status import PlanStatusKind
from tests.app.learning_here import LearningHere
from tests.app.rig import Rig, make_rig

NewRig = Callable[..., Rig]


def causes(rig: Rig) -> set[str]:
    return {problem["cause"] for problem in rig.get("/api/health")["problems"]}


def goes_on(rig: Rig) -> bool:
    """Whether a cycle brings a fresh snapshot."""
    before = rig.now
    now = rig.run()
    return now.iteration > before.iteration and not now.solved.stale and now.simulated_at > before.simulated_at


def test_a_calm_grid_is_fresh_and_ready(rig: Rig) -> None:
    health = rig.get("/api/health")
    assert (health["condition"], health["since"], health["problems"]) == ("fresh", None, [])
    assert {worker["name"] for worker in health["workers"]} == {
        "optimisation",
        "maintenance",
        "forecasting",
        "contingencies",
        "plan ahead",
        "learning",
    }
    assert rig.get("/api/ready") == {"ready": True, "problems": [], "reason": None}
    assert rig.get("/api/live")["live"] is True


def test_a_failing_planner_is_named_until_it_plans_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    planner = rig.services.planner

    def fail(*_: Any) -> None:
        raise RuntimeError("no policy for this")

    with monkeypatch.context() as broken:
        broken.setattr(planner, "_propose", fail)
        planner.attempt()
        rig.run()
        health = rig.get("/api/health")
        assert (health["status"], health["condition"]) == ("degraded", "degraded")
        (problem,) = health["problems"]
        assert (problem["cause"], problem["subject"]) == ("worker_failed", "optimisation")
        assert "no policy for this" in problem["detail"]
        (worker,) = [one for one in health["workers"] if one["name"] == "optimisation"]
        assert worker["failing"]
        assert goes_on(rig)
        assert rig.get("/api/ready")["ready"] is True  # the state is fresh
    planner.attempt()
    rig.run()
    assert causes(rig) == set()
    (worker,) = [one for one in rig.get("/api/health")["workers"] if one["name"] == "optimisation"]
    assert not worker["failing"]
    assert "no policy for this" in worker["last_failure"]


def test_a_cache_path_that_is_a_file_costs_the_caching_and_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "cache"
    blocked.write_text("in the way", encoding="utf-8")
    rig = make_rig(tmp_path / "other", training_episodes=2)
    settings = rig.services.settings.model_copy(update={"cache_dir": blocked})
    rig.services.planner._settings = settings
    while rig.services.planner.attempt():
        pass
    rig.run()
    assert rig.services.planner.latest.training.episodes >= 2
    assert not rig.services.planner.latest.training.running
    health = rig.get("/api/health")
    (problem,) = health["problems"]
    assert (problem["cause"], problem["subject"]) == ("not_kept", str(blocked))
    assert goes_on(rig)
    assert rig.services.planner.plan is not None


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 3 MB without any room."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run([mount, "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], check=False).returncode
    ):
        pytest.skip("mounting a small file system needs root")
    try:
        with contextlib.suppress(OSError), (folder / "fill").open("wb", buffering=0) as fill:
            while True:
                fill.write(bytes(4096))
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_costs_the_keeping_and_is_named(full_disk: Path, tmp_path: Path) -> None:
    rig = make_rig(tmp_path / "other", training_episodes=2)
    rig.services.planner._settings = rig.services.settings.model_copy(update={"cache_dir": full_disk})
    while rig.services.planner.attempt():
        pass
    rig.run()
    (problem,) = rig.get("/api/health")["problems"]
    assert (problem["cause"], problem["subject"]) == ("not_kept", str(full_disk))
    assert problem["detail"].startswith("the policy: ")
    assert "No space left" in problem["detail"]
    assert goes_on(rig)
    assert rig.services.planner.plan is not None


def test_without_any_sensor_the_last_good_readings_stand_in_and_it_is_said(rig: Rig) -> None:
    for bus in range(rig.now.case.network.n_bus):
        rig.engine.add_event(EventKind.SENSOR_GONE, bus, 1.0)
    rig.run(2)
    health = rig.get("/api/health")
    (problem,) = health["problems"]
    assert problem["cause"] == "sensors_missing"
    assert f"{rig.now.case.network.n_bus} of {rig.now.case.network.n_bus} buses" in problem["detail"]
    rig.engine.remove_event(rig.now.control.events[0].id)
    rig.run()
    (fewer,) = rig.get("/api/health")["problems"]
    assert f"{rig.now.case.network.n_bus - 1} of" in fewer["detail"]
    assert fewer["since"] == problem["since"]  # the same trouble, though of fewer buses
    assert goes_on(rig)


def test_models_that_cannot_be_read_are_named_and_it_works_without_them(
    tmp_path: Path, models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError("the models folder is not ours")

    monkeypatch.setattr("app.learning.failure_models.load", fail)
    rig = make_rig(tmp_path, models_dir=models_folder)
    rig.services.maintainer.attempt()
    rig.run()
    assert rig.services.maintainer.latest.prognosis is not None
    (problem,) = rig.get("/api/health")["problems"]
    assert (problem["cause"], problem["subject"]) == ("learning_failed", "failure models")
    assert "not ours" in problem["detail"]


def test_while_nothing_learns_the_last_plans_prognosis_and_forecasts_stand_and_say_so(
    tmp_path: Path, models_folder: Path
) -> None:
    rig = make_rig(tmp_path, models_dir=models_folder, training_episodes=2)
    workers, learning = rig.services.workers, rig.services.learning
    assert isinstance(learning, LearningHere)
    for worker in workers:
        while worker.attempt():
            pass
    learned = rig.services.maintainer.latest.prognosis
    looked = rig.services.forecast_worker.latest.ahead
    assert learned is not None
    assert learned.learned.any()
    learning.stop()
    for _ in range(3):
        rig.run()
        for worker in workers:
            worker.attempt()
    assert rig.services.maintainer.latest.prognosis is learned
    (problem,) = rig.services.maintainer.latest.problems
    assert problem == MaintenanceProblem(kind=MaintenanceProblemKind.LEARNING_DOWN)
    assert rig.services.forecast_worker.latest.ahead is looked
    down = ForecastHindrance(kind=ForecastHindranceKind.LEARNING_DOWN)
    assert rig.services.forecast_worker.latest.hindrance == down
    assert rig.services.planner.latest.status.kind is PlanStatusKind.NOT_LEARNING
    proposal = rig.services.planner.latest.proposal
    assert proposal is not None  # plans are made by what was learned
    assert proposal.present.loss_kw == pytest.approx(1000 * rig.now.assessed.metrics.loss_mw, rel=1e-3)
    assert not [one for one in rig.board.quality.problems if one.cause is ProblemCause.WORKER_FAILED]
    learning.come_back()
    rig.run()
    for worker in workers:
        while worker.attempt():
            pass
    assert rig.services.maintainer.latest.problems == ()
    assert rig.services.forecast_worker.latest.hindrance is None
    assert rig.services.maintainer.latest.prognosis is not learned
    assert rig.services.forecast_worker.latest.ahead is not looked
    assert rig.services.planner.latest.status.kind is PlanStatusKind.READY


def test_a_learning_process_that_is_down_is_named(rig: Rig) -> None:
    down = BoardProblem(
        cause=ProblemCause.LEARNING_DOWN, subject="learning", detail="exit code -9", since=datetime.now(UTC)
    )
    health = replace(rig.services.learning.health, problems=(down,))
    found = quality_of((), [health], datetime.now(UTC), rig.board.quality)
    assert (found.condition, found.problems) == (BoardCondition.DEGRADED, (down,))


def test_a_stale_state_is_not_ready_and_says_since_when(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent() -> None:
        raise ConnectionError("line cut")

    with monkeypatch.context() as broken:
        broken.setattr(rig.engine._pipeline.parts.source, "read", silent)
        rig.run(2)
        refused = rig.get("/api/ready", status=503)
        assert "line cut" in refused["reason"]
        health = rig.get("/api/health")
        assert (health["condition"], {one["cause"] for one in health["problems"]}) == ("stale", {"no_answer"})
        first = health["since"]
        rig.run()
        assert rig.get("/api/health")["since"] == first  # since the first cycle without an answer
    rig.run()
    assert rig.get("/api/health")["condition"] == "fresh"


def test_an_engine_that_hangs_is_said_by_who_answers(rig: Rig) -> None:
    board = rig.board
    assert quality_now(board, board.snapshot.made_at_s + 9).condition is BoardCondition.FRESH
    hung = quality_now(board, board.snapshot.made_at_s + 60)
    assert hung.condition is BoardCondition.STALE
    assert hung.problems[0].cause is ProblemCause.CYCLE_FAILED


def test_the_age_of_the_data_is_counted_by_a_clock_that_nobody_sets(rig: Rig) -> None:
    ahead = replace(rig.now, created_at=rig.now.created_at + timedelta(hours=1))  # the computer's time was set back
    rig.services.boards.replace(replace(rig.board, snapshot=ahead))
    health = rig.get("/api/health")
    assert 0 <= health["data_age_s"] < 600
    assert health["grid_state"] == "fresh"
    behind = replace(ahead, created_at=rig.now.created_at - timedelta(days=1))
    rig.services.boards.replace(replace(rig.board, snapshot=behind))
    assert rig.get("/api/health")["grid_state"] == "fresh"
    assert ahead.age_s(ahead.made_at_s - 5) == 0


def test_a_silent_worker_is_named_but_not_one_that_was_never_started(rig: Rig) -> None:
    now, health = datetime.now(UTC), rig.services.planner.health
    before = rig.board.quality
    assert not health.running
    assert quality_of((), [replace(health, beat_s=10 * SILENT_S)], now, before).condition is BoardCondition.FRESH
    silent = quality_of((), [replace(health, running=True, beat_s=10 * SILENT_S)], now, before)
    assert [one.cause for one in silent.problems] == [ProblemCause.WORKER_SILENT]
    later = quality_of((), [replace(health, running=True, beat_s=11 * SILENT_S)], now + timedelta(seconds=9), silent)
    assert (later.since, later.problems[0].since) == (now, now)
