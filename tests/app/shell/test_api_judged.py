"""schemathesis judges answers against the API's own description: of requests as it has them, and of wrong ones."""

import logging
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.specs.openapi.checks import positive_data_acceptance

from app.shell.endpoints import ENDPOINTS
from grid.telemetry import EventKind
from tests.app.rig import Rig, make_rig, resident_bytes

BY_OPERATION = {f"{endpoint.method.upper()} {endpoint.path}": endpoint for endpoint in ENDPOINTS}
ASKED = [
    (operation, mode)
    for operation, one in BY_OPERATION.items()
    for mode in GenerationMode
    if mode.is_positive or one.body or one.query or "{id}" in one.path  # there is nothing to be wrong about otherwise
]
BY_MEANING = {  # requests of the right form that may be refused with 422, for what a description can't say
    "POST /api/grid/optimize": "branches of the present grid, limits that don't cross",
    "POST /api/events": "a magnitude that fits the kind",
    "DELETE /api/events": "an id in the address or in the body",
    "POST /api/alarms/{id}/ack": "a name that isn't blank",
    "POST /api/operations/preview": "what the present grid has, and fields that fit the kind",
    "POST /api/operations": "what the present grid has, fields that fit the kind, and a name that isn't blank",
    "POST /api/tags": "a name and a reason that aren't blank",
    "DELETE /api/tags": "a name that isn't blank",
    "POST /api/limits": "limits in order and in range, of the target's kind, and a name that isn't blank",
    "POST /api/priorities": "a name that isn't blank",
    "POST /api/case": "a case that there is",
    "POST /api/maintenance/schedule": "branches that have a job, each once",
    "GET /api/forecast": "a time only with a series",
    "GET /api/analytics/report": "no day after the simulated one",
}
SAMPLE, MANY = 5, 200
REQUESTS, LOG_BYTES, MEMORY_SHARE = 5000, 100_000, 1.05


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    """city8 with what all workers have to tell, and a schedule."""
    rig = make_rig(tmp_path_factory.mktemp("judged"), training_episodes=1)
    rig.services.maintainer.load_or_train()
    for worker in rig.services.workers:
        worker.turn(rig.board)
    rig.services.maintainer.turn(rig.board)
    return rig


@pytest.fixture(scope="module")
def dark(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    """city8 without a station: nothing is energised, and workers say why they have nothing to tell."""
    rig = make_rig(tmp_path_factory.mktemp("dark"), training_episodes=1)
    for station in range(len(rig.now.case.network.generator)):
        rig.engine.add_event(EventKind.GENERATOR_TRIP, station, 1.0)
    rig.run(2)
    for worker in rig.services.workers:
        worker.attempt()
    return rig


def judge(rig: Rig, operation: str, mode: GenerationMode, examples: int, other: int | None = None) -> int:
    """Ask as an operation's description says, or wrongly, and let schemathesis judge the answers; returns how many.

    other: seed of other examples than the usual ones.
    """
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", rig.client.application)
    method, path = operation.split(" ")
    asked = schema[path][method].as_strategy(generation_mode=mode, feedback=NO_FEEDBACK)

    excluded = [positive_data_acceptance] if operation in BY_MEANING else []
    asked_so_far = 0

    @seed(other)
    @settings(
        max_examples=examples,
        derandomize=other is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=asked)
    def answers(case: Any) -> None:
        nonlocal asked_so_far
        asked_so_far += 1
        case.call_and_validate(excluded_checks=excluded)
        rig.run()
        assert rig.now.control.cycle.failed == 0

    answers()
    return asked_so_far


@pytest.mark.parametrize(("operation", "mode"), ASKED)
def test_a_sample_of_answers_is_what_the_description_says(judged: Rig, operation: str, mode: GenerationMode) -> None:
    judge(judged, operation, mode, SAMPLE)


@pytest.mark.long
@pytest.mark.parametrize(("operation", "mode"), ASKED)
def test_many_answers_are_what_the_description_says(judged: Rig, operation: str, mode: GenerationMode) -> None:
    judge(judged, operation, mode, MANY)


@pytest.mark.long
@pytest.mark.parametrize(("operation", "mode"), ASKED)
def test_answers_of_a_dark_grid_are_what_the_description_says(dark: Rig, operation: str, mode: GenerationMode) -> None:
    judge(dark, operation, mode, SAMPLE)


@pytest.mark.long
def test_five_thousand_requests_fill_neither_memory_nor_log(judged: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    asked, turn, memory = 0, 0, 0.0
    while asked < REQUESTS:
        for operation, mode in ASKED:
            asked += judge(judged, operation, mode, 20, other=turn)
        memory = memory or resident_bytes()
        turn += 1
    assert resident_bytes() <= MEMORY_SHARE * memory
    assert len(caplog.text.encode()) <= LOG_BYTES
