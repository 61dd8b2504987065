"""Taps moved by hand over the API: looked at, moved, taken back, refused; plans are made at the present position."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import record
from app.engine.commands import PlanRefusedError
from app.map.asset_card import asset_card
from app.map.network_view import NetworkViews
from app.web.browser_view import Asset
from app.web.reasons import plan_refusal_words
from components.optimisation.words import stopped_words
from grid.alarms.book import AssetKind
from grid.taps import tap_of
from ml.optimisation.plans.plan import PlanProblemKind
from tests.app.engine.test_plan_execution import NOW, with_hard_of_hearing
from tests.app.rig import Rig, make_rig, strict_json
from tests.tapped import NAME, TRANSFORMER, solve_tapped, tapped_file, tapped_net, voltages_of

PERSON = "Ann Weber"


@pytest.fixture
def tapped(tmp_path: Path) -> Rig:
    return make_rig(tmp_path, str(tapped_file(tmp_path)))


def move(position: float, branch: int = TRANSFORMER) -> dict[str, Any]:
    return {"kind": "branch", "target": branch, "tap_pos": position}


def operate(rig: Rig, body: dict[str, Any], status: int = 202) -> Any:
    return rig.post("/api/operations", body | {"person": PERSON}, status)


def undo(rig: Rig) -> None:
    strict_json(rig.client.delete("/api/operations"), 202)


def position(rig: Rig) -> float:
    tap = tap_of(rig.now.case.network, TRANSFORMER)
    assert tap is not None
    return tap.position


def facts(rig: Rig, branch: int = TRANSFORMER) -> dict[str, tuple[str, str]]:
    card = asset_card(rig.now, NetworkViews().of(rig.now.case.network), Asset(AssetKind.BRANCH, branch))
    return {fact.label: (fact.value, fact.note.replace("\u202f", " ")) for fact in card.live}


def test_a_preview_tells_pandapowers_state_of_both_positions(tapped: Rig) -> None:
    net, snapshot = tapped_net(), tapped.run()
    seen = tapped.post("/api/operations/preview", move(2))
    assert seen["operation"] == {
        "kind": "branch", "target": TRANSFORMER, "name": NAME, "close": None, "p_mw": None, "vm_pu": None, "tap_pos": 2,
    }  # fmt: skip
    for told, at in ((seen["present"], -1), (seen["after"], 2)):
        loss_kw = solve_tapped(net, snapshot.solved.injection, snapshot.solved.state.closed, at)
        loading = max(net.res_line.loading_percent.max(), net.res_trafo.loading_percent.max())
        assert told["loss_kw"] == pytest.approx(loss_kw, abs=1e-5)
        assert told["min_vm_pu"] == pytest.approx(voltages_of(net).min(), abs=1e-8)
        assert told["max_vm_pu"] == pytest.approx(voltages_of(net).max(), abs=1e-8)
        assert told["max_loading_percent"] == pytest.approx(loading, abs=1e-5)
    assert (seen["dark_kw"], seen["loop"], seen["broken"], seen["refused"]) == (0, [], [], None)
    assert position(tapped) == -1  # looking does nothing


def test_a_preview_names_the_limits_that_a_position_breaks(tapped: Rig) -> None:
    snapshot = tapped.run()
    seen = tapped.post("/api/operations/preview", move(9))
    net = tapped_net()
    solve_tapped(net, snapshot.solved.injection, snapshot.solved.state.closed, 9)
    low = {str(net.bus.name[bus]) for bus in net.bus.index[net.res_bus.vm_pu < 0.94]}
    assert low
    told = {item["element"]: item["value"] for item in seen["broken"] if item["constraint"] == "low voltage"}
    assert set(told) == low
    assert min(told.values()) == pytest.approx(net.res_bus.vm_pu.min(), abs=1e-8)


def test_what_is_confirmed_moves_is_measured_and_is_taken_back(tapped: Rig) -> None:
    seen = tapped.post("/api/operations/preview", move(3))
    before, history, views = tapped.run(elapsed=NOW), tapped.board.history, NetworkViews()
    key = views.of(before.case.network).key
    answered = operate(tapped, move(3) | {"code": seen["code"]})
    assert (answered["operation"]["tap_pos"], answered["person"]) == (3, PERSON)
    after = tapped.run(elapsed=NOW)
    assert position(tapped) == 3
    assert after.measured.frame.branch.tap_pos is not None
    assert after.measured.frame.branch.tap_pos.value[TRANSFORMER] == 3
    net = tapped_net()
    loss_kw = solve_tapped(net, after.solved.injection, after.solved.state.closed, 3)
    assert 1000 * after.assessed.metrics.loss_mw == pytest.approx(loss_kw, abs=1e-5)
    assert after.solved.state.vm_pu == pytest.approx(voltages_of(net), abs=1e-8)
    measured = after.measured.frame.bus.vm_pu
    assert measured is not None
    assert measured.value == pytest.approx(voltages_of(net), abs=0.01)  # the simulator's own grid has moved, too
    assert after.case.network is not before.case.network  # workers begin with it
    assert tap_of(before.case.network, TRANSFORMER) is not tap_of(after.case.network, TRANSFORMER)
    assert tapped.board.history is history
    assert views.of(after.case.network).key == key  # browsers keep their map
    value, note = facts(tapped)["Tap position"]
    assert (value, note) == ("3", "−9 to 9, 0 is neutral; a step is 1.50 % at Grid")
    assert facts(tapped)["Measured tap position"][0] == "3"
    assert not [label for label in facts(tapped, 0) if "Tap" in label or "tap" in label]
    (done,) = tapped.get("/api/operations")["operations"]
    assert (done["operation"]["tap_pos"], done["person"], done["taken_back"]) == (3, PERSON, False)
    undo(tapped)
    back = tapped.run(elapsed=NOW)
    assert position(tapped) == -1
    loss_kw = solve_tapped(net, back.solved.injection, back.solved.state.closed, -1)
    assert 1000 * back.assessed.metrics.loss_mw == pytest.approx(loss_kw, abs=1e-5)
    told = tapped.get("/api/operations")
    assert (told["may_undo"], [item["taken_back"] for item in told["operations"]]) == (False, [True])


def test_plans_are_made_at_the_present_position(tapped: Rig) -> None:
    planner, net = tapped.services.planner, tapped_net()
    planner.take_up(tapped.board)
    planner.plan_once(tapped.board, planner.requirements)
    earlier = planner.plan
    assert earlier is not None
    operate(tapped, move(7))
    snapshot = tapped.run(elapsed=NOW)
    refused = tapped.post("/api/grid/apply", {}, 409)["error"]
    assert "no plan" in refused or "taps have changed" in refused
    planner.take_up(tapped.board)
    planner.plan_once(tapped.board, planner.requirements)
    plan = planner.plan
    assert plan is not None
    assert plan.network is snapshot.case.network
    states = (plan.before, snapshot.solved.state.closed), (plan.after, plan.after.closed)
    for verdict, closed in states:
        loss_kw = solve_tapped(net, snapshot.solved.injection, closed, 7)
        assert verdict.loss_kw == pytest.approx(loss_kw, abs=1e-5)
        assert verdict.state.vm_pu == pytest.approx(voltages_of(net), abs=1e-8)
    tapped.engine.apply(plan)
    for _ in plan.actions:
        assert tapped.run(elapsed=NOW).control.operations.stopped is None
    assert np.array_equal(tapped.now.solved.state.closed, plan.after.closed)
    assert position(tapped) == 7


def test_a_plan_of_before_is_refused_by_its_reason(tapped: Rig) -> None:
    planner = tapped.services.planner
    planner.take_up(tapped.board)
    planner.plan_once(tapped.board, planner.requirements)
    plan = planner.plan
    assert plan is not None
    operate(tapped, move(1))
    tapped.run(elapsed=NOW)
    with pytest.raises(PlanRefusedError) as refused:
        tapped.engine.apply(plan)
    assert plan_refusal_words(refused.value.refusal) == (
        "The plan is refused: limits or taps have changed since it was made; the next one is for them."
    )


def test_what_was_done_is_taken_back_from_its_end(tapped: Rig) -> None:
    tie = {"kind": "branch", "target": 8, "close": True}
    operate(tapped, move(2))
    operate(tapped, move(5))  # both wait for the same cycle
    tapped.run(elapsed=NOW)
    assert position(tapped) == 5
    operate(tapped, tie)
    tapped.run(elapsed=NOW)
    operate(tapped, move(0))
    tapped.run(elapsed=NOW)
    undo(tapped)
    assert not tapped.run(elapsed=NOW).control.operations.pending
    assert position(tapped) == 5
    tapped.engine.undo(None)  # the tap at once, the switch with it or after
    tapped.run(2, NOW)
    assert position(tapped) == -1
    assert not tapped.now.solved.state.closed[8]
    assert [item["taken_back"] for item in tapped.get("/api/operations")["operations"]] == [True] * 4
    assert tapped.get("/api/operations")["may_undo"] is False


def test_limits_and_taps_change_beside_each_other(tapped: Rig) -> None:
    operate(tapped, move(2))
    tapped.run(elapsed=NOW)
    limit = {"on": "branch", "target": 0, "rating_ka": 0.123, "person": PERSON}
    tapped.post("/api/limits", limit, 202)
    tapped.run(elapsed=NOW)
    assert position(tapped) == 2
    undo(tapped)
    back = tapped.run(elapsed=NOW)
    assert position(tapped) == -1
    assert back.case.network.branch.rating_from_ka[0] == 0.123
    assert len(tapped.get("/api/limits")["edits"]) == 1


def test_a_tag_locks_the_tap_and_its_taking_back(tapped: Rig) -> None:
    operate(tapped, move(2))
    tapped.run(elapsed=NOW)
    tapped.post("/api/tags", {"on": "branch", "target": TRANSFORMER, "reason": "oil test", "person": PERSON}, 202)
    tapped.run(elapsed=NOW)
    refused = tapped.post("/api/operations/preview", move(3))["refused"]
    for part in (NAME, "oil test", PERSON):
        assert part in refused
    assert operate(tapped, move(3), 409)["error"] == refused
    undo(tapped)
    operations = tapped.run(elapsed=NOW).control.operations
    assert position(tapped) == 2
    assert stopped_words(tapped.now.case.network, operations.stopped) == (f"Stopped: {NAME} is tagged: do not operate.")
    assert operations.may_undo


def test_an_order_that_is_not_taken_is_said(tapped: Rig) -> None:
    simulator = with_hard_of_hearing(tapped)
    simulator.deaf = True
    operate(tapped, move(2))
    operations = tapped.run(elapsed=NOW).control.operations
    assert stopped_words(tapped.now.case.network, operations.stopped) == (
        f"Stopped: the source has refused the order for the tap of {NAME} at 2."
    )
    assert (position(tapped), operations.may_undo) == (-1, False)
    simulator.deaf = False
    operate(tapped, move(2))
    tapped.run(elapsed=NOW)
    simulator.deaf = True
    undo(tapped)
    refused = tapped.run(elapsed=NOW).control.operations
    assert refused.stopped is not None
    assert (refused.stopped.kind, refused.stopped.tap_pos) == (PlanProblemKind.ORDER_REFUSED, -1)
    assert (position(tapped), refused.may_undo) == (2, True)


def test_a_tap_that_moves_while_nothing_is_solved_is_known_as_soon_as_something_is(tapped: Rig) -> None:
    surge = {"kind": "load_surge", "target": None, "magnitude": 10.0}
    events = [tapped.post("/api/events", surge, 202)["event"]["id"] for _ in range(2)]
    operate(tapped, move(2))  # both wait for the same cycle
    stale = tapped.run(elapsed=NOW)
    assert stale.solved.stale
    assert position(tapped) == -1  # the state shown is one with the tap there
    for event in events:
        tapped.engine.remove_event(event)
    fresh = tapped.run(elapsed=NOW)
    assert not fresh.solved.stale
    assert position(tapped) == 2


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        (move(10), "tap_pos", f"tap_pos: {NAME} has whole positions from -9 to 9, not 10"),
        (move(-10), "tap_pos", f"tap_pos: {NAME} has whole positions from -9 to 9, not -10"),
        (move(2.5), "tap_pos", f"tap_pos: {NAME} has whole positions from -9 to 9, not 2.5"),
        (move(1, branch=0), "tap_pos", "tap_pos: Cable 0 can't be set to 1; only transformers have taps"),
        (move(1, branch=99), "target", "target: branches are numbered 0 to 11, not 99"),
        (move(1) | {"close": True}, "close", "close: either a switch is operated, or a tap moved"),
        ({"kind": "generator", "target": 0, "tap_pos": 1}, "tap_pos", "tap_pos: this is of a branch"),
    ],
)
def test_what_is_wrong_is_named(tapped: Rig, body: dict[str, Any], field: str, words: str) -> None:
    for answered in (tapped.post("/api/operations/preview", body, 422), operate(tapped, body, 422)):
        assert (answered["field"], answered["error"]) == (field, words)
    assert position(tapped) == -1


def test_where_it_is_already_is_no_move(tapped: Rig) -> None:
    words = f"Not operated: the tap of {NAME} is at -1 already."
    assert tapped.post("/api/operations/preview", move(-1))["refused"] == words
    assert operate(tapped, move(-1), 409)["error"] == words


def test_a_matpower_transformer_is_refused_by_what_is_not_known(new_rig: Callable[..., Rig]) -> None:
    rig = new_rig("case14")
    branch = rig.now.case.network.branch.kind.index("transformer")
    name = rig.now.case.network.branch.name[branch]
    words = f"tap_pos: {name} can't be set to 1; no tap changer with a step and a lowest and highest position is known"
    answered = rig.post("/api/operations/preview", move(1, branch), 422)
    assert answered["error"] == f"{words} of it"
    assert facts(rig, branch)["Tap position"] == ("not movable", "no step and range are known")


def test_a_recording_is_followed_and_takes_no_orders(tmp_path: Path) -> None:
    file, day = tapped_file(tmp_path), tmp_path / "day.csv"
    assert record.main(["--out", str(day), "--hours", "1", "--case", str(file)]) == 0
    header, *rows = day.read_text().splitlines()
    column = header.split(",").index(f"branch.{TRANSFORMER}.tap_pos")
    moved = []
    for number, row in enumerate(rows):
        cells = row.split(",")
        assert cells[column] == "-1.0"
        cells[column] = {0: "-1", 1: "4", 2: ""}.get(number, "40")
        moved.append(",".join(cells))
    day.write_text("\n".join([header, *moved]) + "\n")
    rig = make_rig(tmp_path, str(file), source=f"replay:{day}")
    for at in (4, 4, 4):  # what isn't measured, or no position of it, moves nothing
        snapshot = rig.run()
        assert position(rig) == at
        net = tapped_net()
        loss_kw = solve_tapped(net, snapshot.solved.injection, snapshot.solved.state.closed, at)
        assert 1000 * snapshot.assessed.metrics.loss_mw == pytest.approx(loss_kw, abs=1e-5)
    words = f"Nothing can be operated: the source (replay) carries out no orders; tap_pos 2 of {NAME} can't be ordered."
    assert rig.post("/api/operations/preview", move(2))["refused"] == words
    assert operate(rig, move(2), 409)["error"] == words
