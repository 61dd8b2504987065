"""What outlasts a request answers 202 with a job: a case that is long to read, and a schedule that is asked for."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.engine.case_loading import CaseLoader, CaseRead, Waiting
from app.engine.jobs import PATIENCE_S, JobKind, JobRoom, TooManyJobsError
from app.jobs.models import JobAnswer
from app.learning.requests import LearningRequest, ReloadModels
from app.shell.api import api_blueprint
from app.web.errors import failure_of
from grid.cases.case import Case
from grid.errors import CaseError
from grid.files.report import plain_report
from tests.app.learning_here import LearningHere
from tests.app.reading_here import ReadingHere
from tests.app.rig import Rig, make_rig, strict_json

LONG_S = 60.0
CASE, SCHEDULE = "/api/case", "/api/maintenance/schedule"


class HeldLoader(CaseLoader):
    """Reads a case, and keeps it until it is let go."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.began, self.go = threading.Event(), threading.Event()

    def named(self, spec: str) -> CaseRead:
        read = super().named(spec)

        def held(waiting: Waiting) -> Case:
            self.began.set()
            assert self.go.wait(LONG_S)
            if spec == "case30":
                raise CaseError(spec, "it can't be read today", field="bus")
            if spec == "case57":
                raise RuntimeError("the disk is gone")
            return read(waiting)

        return held


def rig_of(rig: Rig, jobs: JobRoom) -> tuple[Rig, HeldLoader]:
    """A rig with this room and a loader that holds cases back."""
    loader = HeldLoader(rig.services.settings, rig.engine, ReadingHere(rig.services.settings.cache_dir))
    services = replace(rig.services, jobs=jobs, cases=loader)
    server = Flask("test")
    server.register_blueprint(api_blueprint(services))
    return Rig(services, server.test_client()), loader


@pytest.fixture
def held(rig: Rig) -> Iterator[tuple[Rig, HeldLoader]]:
    """Requests that don't wait at all."""
    found, loader = rig_of(rig, JobRoom(patience_s=0.0, describe=failure_of))
    yield found, loader
    loader.go.set()


def job_of(rig: Rig, job_id: str) -> Any:
    answer = rig.get(f"/api/jobs/{job_id}")
    JobAnswer.model_validate_json(rig.client.get(f"/api/jobs/{job_id}").data)
    return answer


def ended(rig: Rig, job_id: str) -> Any:
    """A job at its end: the room tells when it comes."""
    rig.services.jobs.patience_s = LONG_S
    assert rig.services.jobs.wait(job_id).ended
    return job_of(rig, job_id)


def test_a_request_waits_five_seconds() -> None:
    assert JobRoom().patience_s == PATIENCE_S == 5.0


def test_what_comes_in_time_is_answered_as_ever_and_leaves_no_job(rig: Rig) -> None:
    response = rig.client.post(CASE, json={"case": "case14"})
    assert strict_json(response, 202) == {
        "success": True, "case": "case14", "title": rig.services.cases.load("case14").network.title,
        "total_nodes": 14, "total_edges": 20, "previous": "city8",
        "report": plain_report(rig.services.cases.load("case14").report),
    }  # fmt: skip
    assert "Location" not in response.headers


def test_a_case_that_takes_longer_is_a_job_that_two_dashboards_see(held: tuple[Rig, HeldLoader]) -> None:
    rig, loader = held
    response = rig.client.post(CASE, json={"case": "case14"})
    job = strict_json(response, 202)
    assert response.headers["Location"] == f"/api/jobs/{job['id']}"
    assert loader.began.wait(LONG_S)
    dashboards = [rig.client, rig.client.application.test_client()]
    for browser in dashboards:
        seen = strict_json(browser.get(response.headers["Location"]), 200)
        assert (seen["id"], seen["kind"], seen["state"], seen["result"]) == (job["id"], "case", "running", None)
    assert rig.get(CASE)["case"] == "city8"  # requests are answered meanwhile
    loader.go.set()
    done = ended(rig, job["id"])
    assert (done["state"], done["error"]) == ("done", None)
    assert (done["result"]["case"], done["result"]["previous"], done["result"]["total_nodes"]) == (
        "case14",
        "city8",
        14,
    )
    assert done["asked_at"] <= done["started_at"] <= done["ended_at"]
    for browser in dashboards:
        assert strict_json(browser.get(response.headers["Location"]), 200) == done
    rig.run()
    assert rig.get(CASE)["case"] == "case14"


def test_two_dashboards_have_a_job_each(held: tuple[Rig, HeldLoader]) -> None:
    rig, loader = held
    first = rig.post(CASE, {"case": "case14"}, 202)["id"]
    assert loader.began.wait(LONG_S)
    second = strict_json(rig.client.application.test_client().post(CASE, json={"case": "case33bw"}), 202)["id"]
    refused = ended(rig, second)  # one case is read at a time
    assert (refused["state"], refused["error"]["status"]) == ("failed", 422)
    assert "another case is being loaded" in refused["error"]["error"]
    loader.go.set()
    assert ended(rig, first)["result"]["case"] == "case14"


def test_a_case_that_is_cancelled_leaves_the_grid_as_it_is(held: tuple[Rig, HeldLoader]) -> None:
    rig, loader = held
    job = rig.post(CASE, {"case": "case14"}, 202)["id"]
    assert loader.began.wait(LONG_S)
    asked = rig.client.delete(f"/api/jobs/{job}")
    assert asked.headers["Location"] == f"/api/jobs/{job}"
    assert strict_json(asked, 202)["cancelling"] is True
    loader.go.set()
    found = ended(rig, job)
    assert (found["state"], found["result"], found["error"]) == ("cancelled", None, None)
    rig.run()
    assert rig.get(CASE)["case"] == "city8"
    assert "has ended: cancelled" in strict_json(rig.client.delete(f"/api/jobs/{job}"), 409)["error"]
    assert rig.services.cases.load("case14").network.name == "case14"  # the loader is free again


@pytest.mark.parametrize(
    ("case", "error"),
    [("case30", {"error": "case30: bus: it can't be read today", "field": "bus", "status": 422}),
     ("case57", {"error": "RuntimeError: the disk is gone", "field": None, "status": 500})],
)  # fmt: skip
def test_a_failure_is_told_in_time_as_an_error_and_later_by_the_job(
    held: tuple[Rig, HeldLoader], case: str, error: dict[str, Any]
) -> None:
    rig, loader = held
    job = rig.post(CASE, {"case": case}, 202)["id"]
    loader.go.set()
    found = ended(rig, job)
    assert (found["state"], found["result"], found["error"]) == ("failed", None, error)
    assert rig.post(CASE, {"case": case}, error["status"]) == error


@pytest.mark.parametrize("name", ["0" * 16, "3", "x" * 300, "%20", "²"])
def test_an_unknown_job_is_a_404(rig: Rig, name: str) -> None:
    for method in ("GET", "DELETE"):
        error = strict_json(rig.client.open(f"/api/jobs/{name}", method=method), 404)["error"]
        assert error.startswith("no job")
        assert len(error) < 100


def test_too_many_jobs_are_a_503(rig: Rig) -> None:
    crowded, loader = rig_of(rig, JobRoom(patience_s=0.0, most_active=1, describe=failure_of))
    crowded.post(CASE, {"case": "case14"}, 202)
    assert "ask again" in crowded.post(CASE, {"case": "case14"}, 503)["error"]
    loader.go.set()
    with pytest.raises(TooManyJobsError):
        JobRoom(most_active=0).open(JobKind.CASE)


class HeldLearning(LearningHere):
    """Reads models again only when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.go = threading.Event(), threading.Event()

    def ask(self, request: LearningRequest[Any]) -> Any:
        if isinstance(request, ReloadModels):
            self.began.set()
            assert self.go.wait(LONG_S)
        return super().ask(request)


def test_models_that_take_longer_to_read_are_a_job(cache_dir: Path, models_folder: Path) -> None:
    learning = HeldLearning()
    rig, _ = rig_of(
        make_rig(cache_dir, learning=learning, models_dir=models_folder),
        JobRoom(patience_s=0.0, describe=failure_of),
    )
    job = rig.post("/api/maintenance/model", {"reload": True}, 202)["id"]
    assert learning.began.wait(LONG_S)
    assert job_of(rig, job)["kind"] == "models"
    learning.go.set()
    assert ended(rig, job)["result"] == {"success": True, "trained": True}
    assert rig.post("/api/maintenance/model", {"reload": True}, 200) == {"success": True, "trained": True}


def test_models_are_not_read_while_what_learns_is_down(rig: Rig) -> None:
    rig.services.learning.stop()
    assert "down" in rig.post("/api/maintenance/model", {"reload": True}, 503)["error"]


@pytest.fixture
def city(cache_dir: Path) -> Rig:
    """city8 with a schedule."""
    rig = make_rig(cache_dir)
    watch(rig)
    return rig


def watch(rig: Rig) -> None:
    """What the maintainer's thread does with a new snapshot."""
    rig.services.maintainer.look(rig.board)
    rig.services.maintainer.schedule_once(rig.board)


def asked(rig: Rig, week: int | None = None) -> str:
    """The job of a schedule with the first asset's job in a week."""
    first = rig.get(SCHEDULE)["jobs"][0]["id"]
    response = rig.client.post(SCHEDULE, json={"pins": [{"id": first, "week": week}]})
    job = strict_json(response, 202)["job"]
    assert response.headers["Location"] == f"/api/jobs/{job}"
    return str(job)


def test_a_schedule_that_is_asked_for_is_a_job(city: Rig) -> None:
    job = asked(city, None)
    assert (job_of(city, job)["state"], job_of(city, job)["kind"]) == ("queued", "schedule")
    watch(city)
    found, schedule = job_of(city, job), city.get(SCHEDULE)
    assert (found["state"], found["progress"]) == ("done", 1.0)
    assert found["result"] == {
        "expected_cost_eur": schedule["costs"]["proposed"]["expected_cost_eur"],
        **{name: schedule[name] for name in ("first_day", "weeks", "conflict", "method", "gap")},
    }
    assert [pin["week"] for pin in schedule["pins"]] == [None]


def test_a_conflict_of_pins_is_a_result(city: Rig) -> None:
    pins = [{"id": job["id"], "week": 1} for job in city.get(SCHEDULE)["jobs"]]
    job = city.post(SCHEDULE, {"pins": pins}, 202)["job"]
    watch(city)
    result = job_of(city, job)["result"]
    assert result["conflict"] == city.get(SCHEDULE)["conflict"] != ""
    assert (result["method"], result["expected_cost_eur"]) == (None, None)


def test_of_two_dashboards_the_one_that_asks_last_has_its_schedule(city: Rig) -> None:
    first, second = asked(city, 5), asked(city, 6)
    over = job_of(city, first)
    assert (over["state"], over["error"]["error"]) == ("cancelled", "another schedule was asked for")
    watch(city)
    assert job_of(city, second)["state"] == "done"
    assert city.get(SCHEDULE)["pins"][0]["week"] == 6


def test_a_schedule_that_is_cancelled_before_it_begins_is_not_made(city: Rig) -> None:
    before = city.services.maintainer.latest.schedule
    job = asked(city, 5)
    assert strict_json(city.client.delete(f"/api/jobs/{job}"), 202)["state"] == "cancelled"
    watch(city)
    assert city.services.maintainer.latest.schedule is before
    assert job_of(city, job)["state"] == "cancelled"


def test_a_schedule_that_is_cancelled_while_it_is_made_leaves_the_one_before(
    city: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, job = city.services.maintainer.latest.schedule, asked(city, 5)
    step: Callable[..., None] = city.services.jobs._ticket(job).step

    def cancelled(progress: float) -> None:
        city.services.jobs.cancel(job)  # somebody does while the first windows are asked for
        step(progress)

    monkeypatch.setattr(city.services.jobs._ticket(job), "step", cancelled)
    watch(city)
    latest = city.services.maintainer.latest
    assert (latest.schedule, latest.scheduling) == (before, False)
    assert job_of(city, job)["state"] == "cancelled"


def test_a_schedule_for_a_grid_that_is_gone_is_cancelled_with_the_reason(city: Rig) -> None:
    job = asked(city, 5)
    city.post(CASE, {"case": "case14"}, 202)
    city.run()
    watch(city)
    found = job_of(city, job)
    assert (found["state"], found["error"]) == (
        "cancelled", {"error": "another grid is watched by now", "field": None, "status": 409},
    )  # fmt: skip
    assert city.get(SCHEDULE)["jobs"] != []


def test_a_schedule_that_fails_is_told_by_its_job_and_by_the_worker(city: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("no room for the programme")

    monkeypatch.setattr("app.maintenance.worker.make_schedule", broken)
    job = asked(city, 5)
    city.services.maintainer.attempt()
    assert job_of(city, job)["error"]["error"] == "MemoryError: no room for the programme"
    assert "no room" in city.services.maintainer.failure
