"""The maintainer: models kept, trained or refused, the prognosis in the grid's risk, trends, and the schedule."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from app.engine.board import Board
from app.engine.quality import ProblemCause
from app.learning.fleet_training import FleetTraining
from app.maintenance.drivers import DriversState
from app.maintenance.view import maintained_on
from app.maintenance.view_asset import head_of
from app.maintenance.worker import RATE_HORIZON_DAYS, MaintenanceWorker
from components.common.text import small
from components.maintenance.words import refused_words
from grid.errors import CaseError
from ml.maintenance.model.hazard import CnaimHazard
from ml.maintenance.records import (
    FleetStep,
    FleetStepKind,
    MaintenanceProblemKind,
    ModelFileError,
    RateChange,
    RefusedFate,
    Sensed,
)
from ml.maintenance.schedule.economics import moved_pins
from ml.maintenance.schedule.problem import DEFERRED
from tests.app.rig import Rig, make_rig, wait_for
from tests.cases import shared_case


@pytest.fixture
def city(tmp_path: Path, models_folder: Path) -> Rig:
    """city8 with models that are there from the start."""
    shutil.copytree(models_folder, tmp_path / "models")
    rig = make_rig(tmp_path)
    rig.services.maintainer.load_or_train()
    return rig


def maintainer(rig: Rig) -> MaintenanceWorker:
    return rig.services.maintainer


def look(rig: Rig) -> None:
    """What the maintainer's thread does with a new snapshot, and the cycle that counts with it."""
    maintainer(rig).look(rig.board)
    rig.run(elapsed=timedelta(0))


def test_before_the_first_look_nothing_is_claimed(city: Rig) -> None:
    latest = maintainer(city).latest
    assert (latest.version, latest.prognosis, latest.schedule) == (0, None, None)
    assert city.now.assessed.risk.model == CnaimHazard().name
    assert not city.now.assessed.risk.learned.any()


def test_the_risk_of_the_grid_comes_from_the_prognosis(city: Rig) -> None:
    look(city)
    found = maintainer(city).latest.prognosis
    assert found is not None
    assert found.learned.all()
    rate = found.rate_per_year(RATE_HORIZON_DAYS)
    assert city.now.assessed.risk.failure_probability == pytest.approx(1 - np.exp(-rate))
    assert city.now.assessed.risk.risk_mw == pytest.approx(
        city.now.assessed.risk.failure_probability * city.now.assessed.risk.interrupted_mw
    )
    assert "trained on simulated fleets" in city.now.assessed.risk.model


def test_without_models_and_without_training_it_stays_with_the_published_hazard(tmp_path: Path) -> None:
    rig = make_rig(tmp_path)
    maintainer(rig).load_or_train()
    look(rig)
    latest = maintainer(rig).latest
    assert latest.card is None
    assert not latest.training.running
    assert not rig.now.assessed.risk.learned.any()
    assert maintainer(rig).drivers(maintainer(rig).latest, 0).state is DriversState.NO_MODEL


Damage = Callable[[Path], None]


def one_byte(folder: Path) -> None:
    path = folder / "rates_90.ubj"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def renamed_feature(folder: Path) -> None:
    path = folder / "metadata.json"
    path.write_text(path.read_text(encoding="utf-8").replace("thd_percent", "thd_per_cent"), encoding="utf-8")


def pickle_in_its_place(folder: Path) -> None:
    (folder / "rates_30.skops").write_bytes(b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00K\x01.")


@pytest.mark.parametrize("damage", [one_byte, renamed_feature, pickle_in_its_place])
def test_damaged_files_are_refused_with_the_reason_and_the_running_models_stay(damage: Damage, city: Rig) -> None:
    look(city)
    running, folder = maintainer(city).latest.card, city.services.settings.models_dir
    damage(folder)
    refusal = city.post("/api/maintenance/model", {"reload": True}, status=409)
    assert "the running models stay" in refusal["error"]
    with pytest.raises(ModelFileError):
        maintainer(city).reload()
    look(city)
    assert maintainer(city).latest.card is running
    assert city.now.assessed.risk.learned.all()
    later = make_rig(folder.parent)
    maintainer(later).load_or_train()
    look(later)
    (problem,) = maintainer(later).latest.problems
    assert problem.refused is not None
    assert (problem.kind, problem.refused.fate) == (MaintenanceProblemKind.MODELS_REFUSED, RefusedFate.LEFT)
    assert problem.refused.file.parent == folder
    assert problem.refused.reason in refusal["error"]
    assert not later.now.assessed.risk.learned.any()
    assert folder.exists()  # nothing will take its place


def test_damaged_models_are_put_aside_and_named_and_others_trained(city: Rig) -> None:
    folder = city.services.settings.models_dir
    one_byte(folder)
    later = make_rig(folder.parent, training_fleets=1, training_assets=20)
    try:
        maintainer(later).load_or_train()
        look(later)
        assert maintainer(later).latest.training.running
        (aside,) = folder.parent.glob("models.damaged-*")
        (found,) = maintainer(later).latest.problems
        assert found.refused is not None
        assert (found.refused.fate, found.refused.aside) == (RefusedFate.PUT_ASIDE, aside)
        (problem,) = later.board.quality.problems
        assert (problem.cause, problem.subject) == (ProblemCause.MODELS_REFUSED, str(folder))
        (told,) = later.get("/api/health")["problems"]
        assert told["detail"] == refused_words(found.refused)
        assert not folder.exists()
    finally:
        later.services.learning.stop()


def test_an_empty_models_folder_is_trained(tmp_path: Path) -> None:
    rig = make_rig(tmp_path, training_fleets=1, training_assets=20)
    rig.services.settings.models_dir.mkdir()
    try:
        maintainer(rig).load_or_train()
        look(rig)
        assert maintainer(rig).latest.training.running
        assert maintainer(rig).latest.problems == ()
    finally:
        rig.services.learning.stop()


def test_whole_files_are_read_again(city: Rig) -> None:
    look(city)
    before = maintainer(city).latest.card
    assert city.post("/api/maintenance/model", {"reload": True})["success"] is True
    look(city)
    assert maintainer(city).latest.card is not before
    assert city.now.assessed.risk.learned.all()


def vibrating(rig: Rig, gain: float) -> Board:
    """The rig's board with vibration sensors that have a gain."""
    snapshot = rig.board.snapshot
    condition = snapshot.assessed.condition
    week = replace(condition.week, vibration_ratio=gain * condition.week.vibration_ratio)
    assessed = replace(snapshot.assessed, condition=replace(condition, week=week))
    return replace(rig.board, snapshot=replace(snapshot, assessed=assessed))


def test_sensors_that_all_read_high_are_told_on_the_page_and_the_api_until_they_are_mended(city: Rig) -> None:
    for _ in range(6):
        maintainer(city).look(vibrating(city, gain=2.0))
        city.run(elapsed=timedelta(days=1))
    (problem,) = maintainer(city).latest.problems
    assert problem.drift is not None
    assert problem.drift.sensed is Sensed.VIBRATION
    assert problem.drift.assets <= city.now.case.is_asset.sum()
    assert city.get("/api/maintenance/assets")["problem"].startswith("Vibrations of ")
    read, seen = city.now.assessed.condition.week.vibration_ratio, maintainer(city).latest.seen
    assert seen is not None
    counted = seen.week.vibration_ratio / read
    assert counted[np.isfinite(counted)] == pytest.approx(1.0, abs=0.4)  # where 2 was read a day before
    for _ in range(9):
        maintainer(city).look(vibrating(city, gain=1.0))
        city.run(elapsed=timedelta(days=1))
    assert maintainer(city).latest.problems == ()


def test_one_look_after_a_long_silence_is_no_drift(city: Rig) -> None:
    for _ in range(2):
        maintainer(city).look(vibrating(city, gain=1.6))
        city.run(elapsed=timedelta(days=20))
    assert maintainer(city).latest.problems == ()


def test_drivers_tell_what_each_feature_adds(city: Rig) -> None:
    look(city)
    latest = maintainer(city).latest
    assert latest.card is not None
    assert latest.seen is not None
    drivers = maintainer(city).drivers(latest, 2)
    assert drivers.state is DriversState.KNOWN
    assert len(drivers.adds) == len(latest.card.features)
    assert max(map(abs, drivers.adds.values())) > 0


def test_the_trend_has_a_point_an_hour_and_starts_anew_with_another_grid(city: Rig) -> None:
    for _ in range(4):
        look(city)
        city.run(elapsed=timedelta(minutes=30))
    trend = maintainer(city).trend(city.now.case.network, 0)
    assert len(trend.time) == 2
    assert np.all((trend.low <= trend.probability) & (trend.probability <= trend.high))


def test_a_schedule_is_made_pinned_and_refused(city: Rig) -> None:
    look(city)
    maintainer(city).schedule_once(city.board)
    view = maintainer(city).latest.schedule
    assert view is not None
    assert view.schedule is not None
    assert view.compared is not None
    assert view.schedule.judgement.feasible
    assert view.schedule.expected_cost_eur <= view.compared.nothing.expected_cost_eur
    done = np.flatnonzero(view.schedule.week != DEFERRED)
    branch = int(view.branches[done[0]])
    maintainer(city).reschedule(maintainer(city).latest, {branch: DEFERRED})
    maintainer(city).schedule_once(city.board)
    again = maintainer(city).latest.schedule
    assert again is not None
    assert again.schedule is not None
    assert again.schedule.week[done[0]] == DEFERRED
    assert again.schedule.expected_cost_eur >= view.schedule.expected_cost_eur
    with pytest.raises(ValueError, match="branch 999"):
        maintainer(city).reschedule(maintainer(city).latest, {999: 3})
    with pytest.raises(ValueError, match="week 99"):
        maintainer(city).reschedule(maintainer(city).latest, {branch: 99})


def test_a_pin_stays_at_its_date_when_weeks_pass_and_nothing_is_solved_twice(city: Rig) -> None:
    look(city)
    maintainer(city).schedule_once(city.board)
    first = maintainer(city).latest.schedule
    assert first is not None
    job = int(np.argmax(first.problem.jobs.allowed[:, 6]))
    branch = int(first.branches[job])
    maintainer(city).reschedule(maintainer(city).latest, {branch: 6})
    maintainer(city).schedule_once(city.board)
    pinned = maintainer(city).latest.schedule
    maintainer(city).schedule_once(city.board)
    assert maintainer(city).latest.schedule is pinned
    city.run(14, timedelta(days=1))
    look(city)
    maintainer(city).schedule_once(city.board)
    later = maintainer(city).latest.schedule
    assert later is not None
    assert (later.first_day - first.first_day).days == 14
    assert later.pins == {branch: 4}


def test_a_day_later_the_plan_stands_and_says_since_when(city: Rig) -> None:
    look(city)
    maintainer(city).schedule_once(city.board)
    first = maintainer(city).latest.schedule
    assert first is not None
    city.run(1, timedelta(days=1))
    look(city)
    maintainer(city).schedule_once(city.board)
    second = maintainer(city).latest.schedule
    assert second is not None
    assert second is not first
    assert second.standing is not None
    assert second.standing.checked_at == city.now.simulated_at
    told = city.get("/api/maintenance/schedule")["standing"]
    assert told["change"] in ("first", "cheaper")
    assert (told["change"] == "first") == (second.standing.since < second.standing.checked_at)
    assert told["fresh_saves_eur"] >= 0
    switched = second.closed
    assert switched is not None
    assert (second.windows is first.windows) == np.array_equal(switched, first.closed)


def test_pins_of_weeks_that_have_passed_are_dropped() -> None:
    pins = {1: 0, 2: 5, 3: DEFERRED}
    assert moved_pins(pins, date(2026, 1, 19), date(2026, 1, 26)) == {2: 4, 3: DEFERRED}


def test_models_are_trained_in_the_background_when_there_are_none(tmp_path: Path) -> None:
    rig = make_rig(tmp_path, training_fleets=1, training_assets=40)
    maintainer(rig).load_or_train()
    try:
        deadline, heard = time.monotonic() + 240, []
        while time.monotonic() < deadline and not heard:
            if maintainer(rig).hear_of_models():
                look(rig)
                heard.append(maintainer(rig).latest.training)
            time.sleep(0.1)
    finally:
        rig.services.learning.stop()
    assert heard[0].running
    assert heard[0].steps > 5
    assert heard[0].doing == FleetStep(kind=FleetStepKind.SIMULATING, number=heard[0].step + 1, of=8)
    assert not (tmp_path / "models").exists()


def test_a_training_that_fails_in_whatever_way_is_not_said_to_run(
    tmp_path: Path, models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with models, and reading them fails as nobody thought of."""
    run_to_its_end = FleetTraining.run

    def run(training: FleetTraining, progress: Callable[[int, FleetStep], None]) -> None:
        training._process.kill()
        with pytest.raises(RuntimeError, match="-9"):
            run_to_its_end(training, progress)
        shutil.copytree(models_folder, training.folder)

    def fail(*_: object) -> None:
        raise SystemError("AST constructor recursion depth mismatch")

    monkeypatch.setattr(FleetTraining, "run", run)
    monkeypatch.setattr("app.learning.failure_models.load", fail)
    assert "recursion depth" in failure_of_training(tmp_path)


def test_a_training_that_cannot_begin_is_not_said_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    assert str(tmp_path / "full") in failure_of_training(tmp_path)


def failure_of_training(folder: Path) -> str:
    """Why a training failed, as health tells it."""
    rig = make_rig(folder, training_fleets=1, training_assets=20)
    maintainer(rig).load_or_train()

    def is_over() -> bool:
        maintainer(rig).hear_of_models()
        look(rig)
        return not maintainer(rig).latest.training.running

    assert wait_for(is_over)
    (problem,) = rig.get("/api/health")["problems"]
    assert (problem["cause"], problem["subject"]) == ("learning_failed", "failure models")
    return str(problem["detail"])


def test_metadata_is_json_that_anyone_can_read(city: Rig) -> None:
    document = json.loads((city.services.settings.models_dir / "metadata.json").read_text(encoding="utf-8"))
    assert document


def test_own_failures_correct_all_rates_and_are_told(tmp_path: Path, models_folder: Path) -> None:
    shutil.copytree(models_folder, tmp_path / "models")
    log = tmp_path / "failures.csv"
    names = shared_case("city8").network.branch.name[:10]
    log.write_text("name,failed_at\n" + "".join(f"{name},202{year}-03-01\n" for year in range(4) for name in names))
    rig = make_rig(tmp_path, failure_log=log, failure_log_since=date(2020, 1, 1))
    without = make_rig(tmp_path)
    for one in (rig, without):
        one.services.maintainer.load_or_train()
        look(one)
    own = maintainer(rig).latest.own
    assert own is not None
    assert (own.failures, own.change) == (40, RateChange.HIGHER)
    assert own.factor == pytest.approx(44 / (4 + own.expected))
    corrected, plain = (maintainer(one).latest.prognosis for one in (rig, without))
    assert corrected is not None
    assert plain is not None
    assert corrected.rate_per_year(365) == pytest.approx(own.factor * plain.rate_per_year(365))
    assert corrected.published == pytest.approx(plain.published)
    risk, before = (-np.log1p(-one.now.assessed.risk.failure_probability) for one in (rig, without))
    assert risk == pytest.approx(own.factor * before)
    told = rig.get("/api/maintenance/assets")
    assert told["own_failures"]["failures"] == 40
    assert told["problem"].startswith("40 own failures since 1 Jan 2020")
    assert without.get("/api/maintenance/assets")["own_failures"] is None


def test_own_failures_correct_the_published_rates_as_well(tmp_path: Path) -> None:
    log = tmp_path / "failures.csv"
    log.write_text("name,failed_at\n")
    rig, without = make_rig(tmp_path, failure_log=log, failure_log_since=date(1980, 1, 1)), make_rig(tmp_path)
    for one in (rig, without):
        look(one)
    own = maintainer(rig).latest.own
    assert own is not None
    assert own.factor < 1
    head = head_of(maintained_on(rig.board, rig.services), 0)
    assert f"by CNAIM, × {small(own.factor, '', 2)} for own failures" in [note for _, _, note in head.facts]
    risk, before = (-np.log1p(-one.now.assessed.risk.failure_probability) for one in (rig, without))
    assert risk == pytest.approx(own.factor * before)


def test_a_log_of_another_case_or_without_a_first_day_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "failures.csv"
    log.write_text("name,failed_at\nNowhere,2021-01-01\n")
    with pytest.raises(CaseError, match=r"failures\.csv.*Nowhere"):
        make_rig(tmp_path, failure_log=log, failure_log_since=date(2020, 1, 1))
    with pytest.raises(ValueError, match="SMARTGRID_FAILURE_LOG_SINCE"):
        make_rig(tmp_path, failure_log=log)
