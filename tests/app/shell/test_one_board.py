"""Every request reads one board: a case that changes at any read is answered of one grid, or told to ask again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.engine.board import Board, BoardStore
from app.shell.endpoints import ENDPOINTS
from tests.app.rig import Rig, make_rig

OPTIMIZE, APPLY = "/api/grid/optimize", "/api/grid/apply"
SETTINGS: dict[str, Any] = {"training_episodes": 1, "dispatch_episodes": 1, "history_days": 0}
READS = 4  # more than any request has made


class Switching:
    """Shows one board for so many reads, and from then on another one."""

    def __init__(self, first: Board, then: Board, reads: int) -> None:
        self._first, self._then, self.left = first, then, reads

    def read(self, _: BoardStore) -> Board:
        self.left -= 1
        return self._first if self.left >= 0 else self._then


@pytest.fixture(scope="module")
def switched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rig, Board, Board]:
    """A rig that has gone from a feeder of 33 buses to eight, and the boards before and after, both with plans."""
    rig = make_rig(tmp_path_factory.mktemp("switched"), "case33bw", **SETTINGS)
    turn(rig)
    before = rig.board
    rig.services.cases.load("city8")
    rig.run(2)
    turn(rig)
    return rig, before, rig.board


def turn(rig: Rig) -> None:
    """What the workers' threads do with a new network."""
    rig.services.maintainer.load_or_train()
    for worker in rig.services.workers:
        worker.turn(rig.board)


def switch(rig: Rig, monkeypatch: pytest.MonkeyPatch, first: Board, then: Board, reads: int) -> Switching:
    """Let everybody who holds the rig's store read what switches."""
    switching = Switching(first, then, reads)
    monkeypatch.setattr(BoardStore, "latest", property(switching.read))
    return switching


def requests() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation whose answer is read from a board, with a body."""
    for endpoint in ENDPOINTS:
        if endpoint.method == "get":
            yield "get", endpoint.path.replace("{id}", "3"), {}
    yield "post", OPTIMIZE, {}
    yield "post", OPTIMIZE, {"locked": [20], "keep": True}
    yield "post", APPLY, {}
    yield "post", APPLY, {"undo": True}
    yield "post", "/api/maintenance/schedule", {"pins": []}


@pytest.mark.parametrize("reads", range(READS))
@pytest.mark.parametrize(("method", "path", "body"), [*requests()])
def test_a_case_that_changes_within_a_request_is_no_error_of_the_server(
    switched: tuple[Rig, Board, Board], monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: dict[str, Any],
    reads: int,
) -> None:  # fmt: skip
    rig, before, after = switched
    switch(rig, monkeypatch, before, after, reads)
    sent = {} if method == "get" else {"json": body}
    response = rig.client.open(path, method=method.upper(), **sent)
    assert response.status_code in {200, 202, 404, 409, 422, 503}, response.text
    if response.status_code >= 400:
        told = response.get_json()
        assert told["reason" if path == "/api/ready" else "error"]  # the first board may be too old by now


@pytest.mark.parametrize("path", [item.path for item in ENDPOINTS if item.method == "get" and "jobs" not in item.path])
def test_a_read_takes_the_board_once(
    switched: tuple[Rig, Board, Board], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    rig, _, after = switched
    store = switch(rig, monkeypatch, after, after, 0)
    assert rig.client.get(path.replace("{id}", "3")).status_code in {200, 503}
    assert store.left >= -1


@pytest.mark.parametrize("reads", range(1, READS))
def test_a_plan_is_of_the_grid_that_the_answer_tells_of(
    switched: tuple[Rig, Board, Board], monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    rig, before, after = switched
    switch(rig, monkeypatch, before, after, reads)
    response = rig.client.post(OPTIMIZE, json={"risk_weight": 0.3})
    if response.status_code == 200:
        of_plan = {action["name"] for action in response.get_json()["plan"]["actions"]}
        assert len(response.get_json()["episode_result"]["paths"]) == 32
        assert of_plan <= set(before.network.branch.name)
    else:
        assert response.status_code == 503
        assert "ask again" in response.get_json()["error"]


def test_a_plan_for_another_grid_is_refused(
    switched: tuple[Rig, Board, Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, before, after = switched
    switch(rig, monkeypatch, before, after, 1)
    answer = rig.post(APPLY, {}, 409)
    assert "another grid" in answer["error"]
    assert after.network.title in answer["error"]


def test_a_plan_may_be_named_and_another_one_is_refused(tmp_path: Path) -> None:
    rig = make_rig(tmp_path, **SETTINGS)
    assert "no plan" in rig.post(APPLY, {"code": "c1-o2"}, 409)["error"]
    turn(rig)
    code = rig.post(OPTIMIZE, {})["plan"]["code"]
    refused = rig.post(APPLY, {"code": "c1-o2"}, 409)["error"]
    assert "another plan" in refused
    assert code in refused
    assert rig.run().control.operations.done == ()
    assert rig.post(APPLY, {"code": 3}, 422)["field"] == "code"
    assert [item["action"] for item in rig.post(APPLY, {"code": code}, 202)["actions"]] == ["close", "open"]
    assert len(rig.run().control.operations.done) == 1
