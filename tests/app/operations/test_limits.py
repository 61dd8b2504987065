"""Limits edited over the API: alarms, plans and pages go by them, and everything else goes on."""

from pathlib import Path
from typing import Any

import numpy as np
import pandapower
import pandapower.networks
import pytest

from app.map.asset_card import asset_card
from app.map.network_view import NetworkViews
from app.web.browser_view import Asset
from grid.alarms.book import AlarmKind, AlarmState, AssetKind
from tests.app.rig import Rig, make_rig

PERSON = "Ann Weber"
LINE, BUS = "Campus Line", "University Campus"


@pytest.fixture
def cache_dir(tmp_path: Path) -> Path:
    return tmp_path


def edit(rig: Rig, status: int = 202, **values: Any) -> Any:
    return rig.post("/api/limits", values | {"person": PERSON}, status)


def test_a_rating_sets_the_loading_and_the_alarm(rig: Rig) -> None:
    line = rig.branch(LINE)
    before = rig.run()
    rating = 0.8 * float(before.solved.state.i_ka[line])
    answered = edit(rig, on="branch", target=line, rating_ka=rating)["edit"]
    assert (answered["name"], answered["person"], answered["min_vm_pu"]) == (LINE, PERSON, None)
    after = rig.run(3)
    state = after.solved.state
    assert state.loading_percent[line] == pytest.approx(100 * state.i_ka[line] / rating, rel=1e-6)
    assert state.loading_percent[line] > 100
    assert rig.alarms(AlarmKind.OVERLOAD) == [LINE]
    assert before.case.network.branch.rating_from_ka[line] != rating  # what others hold doesn't change
    (told,) = rig.get("/api/limits")["edits"]
    assert told == answered
    card = asset_card(after, NetworkViews().of(after.case.network), Asset(AssetKind.BRANCH, line))
    assert next(fact.note for fact in card.limits if fact.label == "Rating").startswith(f"set by {PERSON}")


def test_a_band_sets_the_alarm_and_what_a_preview_says(rig: Rig) -> None:
    bus = rig.bus(BUS)
    low = float(rig.run().solved.state.vm_pu[bus]) + 0.02
    edit(rig, on="bus", target=bus, min_vm_pu=low, max_vm_pu=1.1)
    rig.run(3)
    assert rig.alarms(AlarmKind.VOLTAGE_DEVIATION) == [BUS]
    tie = {"kind": "branch", "target": rig.branch("Hill Tie"), "close": True}
    seen = rig.post("/api/operations/preview", tie)
    assert seen["still_broken"] + len(seen["broken"]) == 1
    edit(rig, on="bus", target=bus, min_vm_pu=0.9, max_vm_pu=1.1)
    rig.run(5)
    (returned,) = [alarm for alarm in rig.now.assessed.alarms if alarm.kind is AlarmKind.VOLTAGE_DEVIATION]
    assert returned.state is AlarmState.RETURNED_UNACKNOWLEDGED
    assert [told["min_vm_pu"] for told in rig.get("/api/limits")["edits"]] == [0.9, low]


def test_time_history_events_tags_and_what_was_done_go_on(rig: Rig) -> None:
    line = rig.branch(LINE)
    rig.post("/api/events", {"kind": "load_surge", "target": None, "magnitude": 1.1}, 202)
    rig.post("/api/operations", {"kind": "branch", "target": line, "close": False, "person": PERSON}, 202)
    rig.post("/api/tags", {"on": "branch", "target": 0, "reason": "crew", "person": PERSON}, 202)
    planner = rig.services.planner
    rig.run()
    planner.take_up(rig.board)
    planner.amend(rig.board, lambda wanted: type(wanted)(risk_weight=0.3, locked=frozenset({2})))
    before, history, views = rig.run(), rig.board.history, NetworkViews()
    key = views.of(before.case.network).key
    edit(rig, on="bus", target=rig.bus(BUS), min_vm_pu=0.9, max_vm_pu=1.1)
    after = rig.run()
    assert after.case.network is not before.case.network
    assert after.simulated_at > before.simulated_at
    assert rig.board.history is history
    assert views.of(after.case.network).key == key  # browsers keep their map
    assert after.control.events == before.control.events
    assert after.control.tags == before.control.tags
    assert {alarm.id for alarm in before.assessed.alarms} <= {alarm.id for alarm in after.assessed.alarms}
    assert not after.solved.state.closed[line]
    assert after.assessed.dark_minutes.max() > before.assessed.dark_minutes.max()
    planner.take_up(rig.board)
    assert planner.requirements.risk_weight == 0.3
    assert planner.requirements.locked == {2}
    planner.plan_once(rig.board, planner.requirements)
    assert planner.report_on(rig.board).proposal is not None
    rig.engine.undo()
    assert rig.run(2).solved.state.closed[line]


def test_plans_keep_an_edited_band(tmp_path: Path) -> None:
    rig = make_rig(tmp_path, "case33bw")
    state, network = rig.run().solved.state, rig.now.case.network
    bus = int(np.nanargmin(state.vm_pu))
    other = float(state.vm_pu[bus]) - 0.001
    edit(rig, on="bus", target=bus, min_vm_pu=other, max_vm_pu=1.1)
    rig.run()
    planner = rig.services.planner
    planner.take_up(rig.board)
    planner.plan_once(rig.board, planner.requirements)
    assert planner.plan is not None
    assert planner.plan.network is not network
    after = planner.plan.after
    assert after.state.vm_pu[bus] >= other - 1e-6
    net = pandapower.networks.case33bw()
    net.line["in_service"] = after.closed
    net.load["p_mw"], net.load["q_mvar"] = after.injection.load_p_mw, after.injection.load_q_mvar
    net.ext_grid["vm_pu"] = after.injection.generator_vm_pu[0]
    pandapower.runpp(net, numba=False)
    assert net.res_bus.vm_pu[bus] >= other - 1e-6


@pytest.mark.parametrize(
    ("values", "status", "field"),
    [
        ({"on": "bus", "target": 0, "min_vm_pu": 1.1, "max_vm_pu": 0.9}, 422, "min_vm_pu"),
        ({"on": "bus", "target": 0, "min_vm_pu": 0.9}, 422, "max_vm_pu"),
        ({"on": "bus", "target": 0, "min_vm_pu": 0.9, "max_vm_pu": 1.1, "rating_ka": 1.0}, 422, "rating_ka"),
        ({"on": "branch", "target": 0, "rating_ka": 0.0}, 422, "rating_ka"),
        ({"on": "branch", "target": 0}, 422, "rating_ka"),
        ({"on": "branch", "target": 999, "rating_ka": 1.0}, 404, None),
    ],
)
def test_wrong_limits_name_their_field(rig: Rig, values: dict[str, Any], status: int, field: str | None) -> None:
    assert edit(rig, status, **values)["field"] == field
    assert rig.get("/api/limits") == {"edits": []}
