"""Faults in the running grid: the trip, what the control room is told, isolation, restoration, repair."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from app.engine.commands import UnknownIdError
from app.engine.operating_point import operating_point_of
from app.engine.plan_execution import _Job
from grid.alarms.book import AlarmKind
from grid.protection.records import ProtectionScheme
from grid.sources.seams import SwitchOrder
from grid.telemetry import EventKind
from ml.optimisation.plans.plan import Action, Requirements
from tests.app.rig import Rig

NewRig = Callable[..., Rig]


@pytest.fixture
def sure(rig: Rig) -> Rig:
    """city8 with indicators that don't err."""
    protection = rig.engine._pipeline.parts.protection
    assert protection is not None
    protection.scheme = ProtectionScheme(missed=0.0, false=0.0, passages=1)
    return rig


def dark(rig: Rig) -> set[str]:
    network = rig.now.case.network
    return {network.bus.name[bus] for bus in np.flatnonzero(~rig.now.solved.state.energised)}


def test_a_fault_darkens_what_lies_before_it_too_and_is_located(sure: Rig) -> None:
    mall, campus = sure.branch("Mall Line"), sure.branch("Campus Line")
    sure.engine.add_event(EventKind.BRANCH_FAULT, mall, 1.0)
    snapshot = sure.run(2)
    assert dark(sure) == {"University Campus", "Shopping Complex"}
    assert not snapshot.solved.state.closed[campus]
    assert snapshot.solved.state.closed[mall]
    assert sure.alarms(AlarmKind.BRANCH_TRIPPED) == ["Campus Line"]
    (fault,) = snapshot.assessed.faults
    assert fault.report.trip.branches == (campus,)
    assert fault.sections[0].branches == (mall,)
    assert fault.sections[0].probability > 0.99
    assert fault.isolating == (mall,)
    assert sure.run().assessed.faults[0] is fault  # located once


def test_closing_onto_a_fault_trips_the_device_again_until_it_is_isolated(sure: Rig) -> None:
    mall, campus = sure.branch("Mall Line"), sure.branch("Campus Line")
    event = sure.engine.add_event(EventKind.BRANCH_FAULT, mall, 1.0)
    first = sure.run(2).assessed.faults[0].report
    source = sure.engine._pipeline.parts.actuator
    assert source is not None
    source.execute(SwitchOrder(branch=campus, close=True))
    again = sure.run()
    assert not again.solved.state.closed[campus]
    assert again.assessed.faults[0].report.tripped_at > first.tripped_at
    assert [fault.report.id for fault in again.assessed.faults] == [event.id]
    assert sure.engine.isolate(event.id) == (mall,)
    sure.run()
    source.execute(SwitchOrder(branch=campus, close=True))
    sure.run()
    assert dark(sure) == {"Shopping Complex"}
    with pytest.raises(UnknownIdError):
        sure.engine.isolate(event.id + 1)


def test_a_repair_closes_the_device_and_leaves_isolating_switches_to_people(sure: Rig) -> None:
    event = sure.engine.add_event(EventKind.BRANCH_FAULT, sure.branch("Mall Line"), 1.0)
    sure.run(2)
    sure.engine.remove_event(event.id)
    assert sure.run().assessed.faults == ()
    assert dark(sure) == set()
    event = sure.engine.add_event(EventKind.BRANCH_FAULT, sure.branch("Mall Line"), 1.0)
    sure.run()
    sure.engine.isolate(event.id)
    sure.run()
    sure.engine.remove_event(event.id)
    sure.run()
    assert dark(sure) == {"Shopping Complex"}


def test_a_repair_makes_no_loop_where_the_feeder_is_supplied_by_another_way(sure: Rig) -> None:
    campus = sure.branch("Campus Line")
    event = sure.engine.add_event(EventKind.BRANCH_FAULT, campus, 1.0)
    sure.run()
    actuator = sure.engine._pipeline.parts.actuator
    assert actuator is not None
    network = sure.now.case.network
    state = sure.now.solved.state
    tie = next(
        int(branch)
        for branch in np.flatnonzero(~state.closed)
        if state.energised[[network.branch.from_bus[branch], network.branch.to_bus[branch]]].sum() == 1
        and branch != campus
    )
    actuator.execute(SwitchOrder(branch=tie, close=True))
    sure.run()
    assert dark(sure) == set()
    sure.engine.remove_event(event.id)
    back = sure.run(2)
    assert not back.solved.state.closed[campus]
    assert not actuator.closed[campus]  # left open by the crew: not a trip any more
    assert back.solved.state.energised.all()


def test_what_is_faulty_is_not_available_and_a_plan_isolates_first(sure: Rig) -> None:
    mall, campus = sure.branch("Mall Line"), sure.branch("Campus Line")
    sure.engine.add_event(EventKind.BRANCH_FAULT, mall, 1.0)
    snapshot = sure.run(2)
    now = operating_point_of(snapshot, 80.0)
    assert not now.available[mall]
    assert now.available[campus]
    execution = sure.engine._pipeline.plan_execution
    close = Action(campus, True, float("nan"), float("nan"), float("nan"))
    execution._job = _Job(Requirements(), (close,), undoing=False)
    after = sure.run()
    assert execution.operations.done == (close,)
    assert not after.solved.state.closed[mall]
    assert after.assessed.faults[0].report.tripped_at == snapshot.assessed.faults[0].report.tripped_at
    assert dark(sure) == {"Shopping Complex"}


def test_a_fault_at_a_station_stops_it(sure: Rig) -> None:
    event = sure.engine.add_event(EventKind.BUS_FAULT, sure.bus("South Thermal Station"), 1.0)
    snapshot = sure.run(2)
    assert "South Thermal Station" in dark(sure)
    assert snapshot.assessed.faults[0].report.trip.generators == (sure.generator("South Thermal Station"),)
    sure.engine.remove_event(event.id)
    assert sure.run().solved.state.energised.all()


def test_the_api_tells_of_a_fault_and_isolates_it(sure: Rig) -> None:
    target = sure.branch("Mall Line")
    event = sure.post("/api/events", {"kind": "branch_fault", "target": target}, 202)["event"]
    assert event["target_name"] == "Mall Line"
    sure.run(2)
    (fault,) = sure.get("/api/faults")["faults"]
    assert fault["device_names"] == ["Campus Line"]
    assert fault["sections"][0]["edge_names"] == ["Mall Line"]
    assert {flag["name"] for flag in fault["flags"]} == {"Campus Line", "Mall Line"}
    assert fault["isolated"] is False
    assert sure.post(f"/api/faults/{fault['id']}/isolate", {}, 202) == {"fault": fault["id"], "switches": [target]}
    sure.run()
    assert sure.get("/api/faults")["faults"][0]["isolated"] is True
    assert sure.client.post("/api/faults/99/isolate").status_code == 404
    assert sure.client.delete(f"/api/events?id={event['id']}").status_code == 202
    sure.run()
    assert sure.get("/api/faults") == {"faults": []}


def test_one_seed_gives_one_set_of_flags(new_rig: NewRig) -> None:
    seen = []
    for _ in range(2):
        rig = new_rig("case33bw")
        rig.engine.add_event(EventKind.BUS_FAULT, 12, 1.0)
        seen.append(rig.run(2).assessed.faults[0].report.seen)
    np.testing.assert_array_equal(*seen)


def test_interruptions_are_counted_in_customers_and_energy(rig: Rig) -> None:
    rig.run(2)
    network, customers = rig.now.case.network, rig.now.case.customers
    assert customers.derived.all()
    event = rig.engine.add_event(EventKind.LINE_OUTAGE, rig.branch("Mall Line"), 1.0)
    rig.run()  # dark from now on
    power = []
    for _ in range(8):
        power.append(rig.now.assessed.metrics.unsupplied_mw)
        rig.run()  # five minutes each
    rig.engine.remove_event(event.id)
    found = rig.run(elapsed=timedelta(0)).assessed.reliability
    mall = customers.count[[network.bus.name[bus] == "Shopping Complex" for bus in network.load.bus]].sum()
    assert found.saifi == pytest.approx(mall / customers.total)
    assert found.caidi_minutes == pytest.approx(40)
    assert found.saidi_minutes == pytest.approx(40 * mall / customers.total)
    assert found.maifi == 0
    assert found.interrupted_now == 0
    assert min(power) * 40 / 60 * 0.98 <= found.ens_mwh <= max(power) * 40 / 60 * 1.02
    answer = rig.get("/api/grid/reliability")
    assert answer["saidi_minutes"] == found.saidi_minutes
    assert answer["customers_derived"] is True


def test_a_moment_without_supply_is_a_momentary_interruption(rig: Rig) -> None:
    event = rig.engine.add_event(EventKind.LINE_OUTAGE, rig.branch("Mall Line"), 1.0)
    rig.run(elapsed=timedelta(0))
    rig.run(elapsed=timedelta(minutes=3))
    rig.engine.remove_event(event.id)
    found = rig.run(elapsed=timedelta(minutes=1)).assessed.reliability
    assert found.saifi == 0
    assert found.maifi > 0
    assert np.isnan(found.caidi_minutes)
    assert rig.get("/api/grid/reliability")["caidi_minutes"] is None


def test_after_the_repair_the_grid_goes_back_to_normal_by_a_plan(sure: Rig) -> None:
    planner, normal = sure.services.planner, sure.now.solved.state.closed.copy()
    assert sure.get("/api/grid/plan/normal")["due"] is False
    event = sure.engine.add_event(EventKind.BRANCH_FAULT, sure.branch("Mall Line"), 1.0)
    sure.run(2)
    planner.plan_once(sure.board, planner.requirements)
    assert planner.plan is not None
    sure.engine.apply(planner.plan)
    sure.run(8)
    assert dark(sure) == set()
    planner.plan_once(sure.board, planner.requirements)
    assert sure.get("/api/grid/plan/normal")["due"] is False  # the fault still stands
    sure.engine.remove_event(event.id)
    sure.run(2)
    assert (sure.now.solved.state.closed != normal).any()
    planner.plan_once(sure.board, planner.requirements)
    told = sure.get("/api/grid/plan/normal")
    assert told["due"]
    assert "Back to normal switching after the repair" in told["message"]
    sure.post("/api/grid/apply", {"code": told["plan"]["code"]}, 202)
    for _ in told["plan"]["actions"]:
        assert sure.run(elapsed=timedelta(0)).solved.state.energised.all()
    np.testing.assert_array_equal(sure.run().solved.state.closed, normal)
    planner.plan_once(sure.board, planner.requirements)
    assert sure.get("/api/grid/plan/normal")["due"] is False
