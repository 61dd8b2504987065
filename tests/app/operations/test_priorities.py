"""Priorities of supply over the API: what a restoration supplies first goes by them."""

from pathlib import Path

import pytest

from app.engine.operating_point import operating_point_of
from app.map.asset_card import asset_card
from app.map.network_view import NetworkViews
from app.web.browser_view import Asset
from grid.alarms.book import AssetKind
from grid.telemetry import EventKind
from tests.app.rig import Rig, make_rig

PERSON = "Ann Weber"
CAMPUS, MALL = "University Campus", "Shopping Complex"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return make_rig(tmp_path, start="2026-01-15T18:00")  # in the evening not everything can come back


def restored(rig: Rig) -> set[str]:
    """What the plan supplies again, by the loads' buses."""
    planner = rig.services.planner
    proposal = planner.propose(rig.board, planner.requirements_on(rig.board))
    assert proposal.plan is not None
    network = rig.board.network
    back = proposal.plan.after.supplied_loads & ~proposal.plan.before.supplied_loads
    return {network.bus.name[bus] for bus in network.load.bus[back]}


def test_the_bus_that_counts_more_is_supplied_where_only_one_can_be(rig: Rig) -> None:
    rig.engine.add_event(EventKind.LOAD_SURGE, None, 1.15)
    rig.engine.add_event(EventKind.LINE_OUTAGE, rig.branch("Campus Line"), None)
    rig.run(2)
    first = restored(rig)
    assert len(first) == 1, "the moment is one in which only one of both can be supplied"
    other = ({CAMPUS, MALL} - first).pop()
    answered = rig.post("/api/priorities", {"target": rig.bus(other), "priority": 10, "person": PERSON}, 202)["edit"]
    assert (answered["name"], answered["priority"], answered["person"]) == (other, 10.0, PERSON)
    rig.run(elapsed=rig.now.simulated_at - rig.now.simulated_at)
    assert restored(rig) == {other}
    told = rig.get("/api/priorities")
    assert told["edits"] == [answered]
    assert told["buses"] == [{"target": rig.bus(other), "name": other, "priority": 10.0}]


def test_without_an_edit_all_loads_count_alike_and_the_drawer_says_who_has_set_one(rig: Rig) -> None:
    assert operating_point_of(rig.now, 80.0).priority is None
    assert rig.get("/api/priorities") == {"buses": [], "edits": []}
    bus = rig.bus(CAMPUS)
    rig.engine.prioritise(bus, 3.0, PERSON)
    snapshot = rig.run()
    priority = operating_point_of(snapshot, 80.0).priority
    assert priority is not None
    assert set(priority[snapshot.case.network.load.bus == bus]) == {3.0}
    views = NetworkViews()
    card = asset_card(snapshot, views.of(snapshot.case.network), Asset(AssetKind.BUS, bus))
    fact = next(fact for fact in card.live if fact.label == "Priority of supply")
    assert fact.value == "3.00"
    assert fact.note.startswith(f"set by {PERSON}")


def test_priorities_stay_when_limits_are_edited(rig: Rig) -> None:
    bus = rig.bus(CAMPUS)
    rig.engine.prioritise(bus, 3.0, PERSON)
    rig.run()
    rig.post("/api/limits", {"on": "bus", "target": bus, "min_vm_pu": 0.9, "max_vm_pu": 1.1, "person": PERSON}, 202)
    assert rig.run().case.priorities.differ


@pytest.mark.parametrize(
    ("target", "priority", "person", "status"),
    [("campus", 0, PERSON, 422), ("campus", 2, " ", 422), ("plant", 2, PERSON, 404), (99, 2, PERSON, 404)],
)
def test_what_is_wrong_is_named(rig: Rig, target: str | int, priority: float, person: str, status: int) -> None:
    places = {"campus": rig.bus(CAMPUS), "plant": rig.bus("North Power Plant")}
    body = {"target": places.get(str(target), target), "priority": priority, "person": person}
    assert rig.post("/api/priorities", body, status)["error"]
    assert not rig.run().case.priorities.differ
