"""What disturbances do to the grid, and that it recovers when they end."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from app.engine.commands import MOST_EVENTS
from app.web.reasons import stale_reason, suspect_words
from grid.alarms.book import AlarmKind, AlarmState
from grid.flow.topology import energised_buses
from grid.telemetry import EventKind
from tests.app.rig import Rig, strict_json

NewRig = Callable[..., Rig]
OUTAGES = {
    "Mall Line": {"Shopping Complex"},
    "Campus Line": {"Shopping Complex", "University Campus"},
    "Ridge Line": {"Uptown Substation"},
}


@pytest.mark.parametrize("line", OUTAGES)
def test_a_line_outage_darkens_what_is_behind_it_and_ends_with_the_event(rig: Rig, new_rig: NewRig, line: str) -> None:
    branch, calm = rig.branch(line), new_rig()
    # What is dark goes on with its day, as it does in the same grid without the outage.
    demand = dict(zip(calm.now.case.network.load.name, calm.run(2).solved.state.load_p_mw, strict=True))
    event = rig.engine.add_event(EventKind.LINE_OUTAGE, branch, 1.0)
    dark = rig.run(2)
    network, state = dark.case.network, dark.solved.state
    assert {network.bus.name[bus] for bus in np.flatnonzero(~state.energised)} == OUTAGES[line]
    sources = network.source_buses
    expected = energised_buses(
        network.n_bus, network.branch.from_bus, network.branch.to_bus, network.branch.closed & state.closed, sources
    )
    np.testing.assert_array_equal(state.energised, expected)
    assert not state.closed[branch]
    assert state.i_ka[branch] == 0
    assert rig.alarms(AlarmKind.BRANCH_TRIPPED) == [line]
    assert rig.alarms(AlarmKind.LOSS_OF_SUPPLY) == sorted(OUTAGES[line])
    assert dark.assessed.metrics.unsupplied_mw == pytest.approx(sum(demand[name] for name in OUTAGES[line]), rel=0.02)
    assert not dark.solved.stale
    rig.engine.remove_event(event.id)
    back = rig.run(2)
    assert back.solved.state.energised.all()
    assert back.assessed.metrics.unsupplied_mw == 0
    assert back.control.events == ()
    assert {alarm.state for alarm in back.assessed.alarms if alarm.kind is AlarmKind.LOSS_OF_SUPPLY} == {
        AlarmState.RETURNED_UNACKNOWLEDGED
    }


def test_a_trip_of_a_station_darkens_its_island_only(rig: Rig) -> None:
    event = rig.engine.add_event(EventKind.GENERATOR_TRIP, rig.generator("South Thermal Station"), 1.0)
    dark = rig.run(2)
    names = {dark.case.network.bus.name[bus] for bus in np.flatnonzero(~dark.solved.state.energised)}
    assert names == {"South Thermal Station", "Industrial Zone", "Residential Hub"}
    assert dark.solved.state.generator_p_mw[rig.generator("South Thermal Station")] == 0
    rig.engine.remove_event(event.id)
    assert rig.run(2).solved.state.energised.all()


def test_without_any_station_all_is_dark_and_nothing_breaks(rig: Rig) -> None:
    for station in ("North Power Plant", "South Thermal Station"):
        rig.engine.add_event(EventKind.GENERATOR_TRIP, rig.generator(station), 1.0)
    dark = rig.run(3)
    assert not dark.solved.stale
    assert not dark.solved.state.energised.any()
    assert dark.assessed.metrics.load_mw == dark.assessed.metrics.loss_mw == dark.assessed.metrics.generation_mw == 0
    assert dark.control.cycle.failed == 0


def test_a_tripped_generator_is_no_end_of_a_supply_path(new_rig: NewRig) -> None:
    rig = new_rig("case14")
    generator = rig.now.case.network.generator
    regulating = int(np.flatnonzero(generator.is_regulating)[0])
    bus = int(generator.bus[regulating])
    assert rig.now.assessed.supply.paths.generator_bus[bus] == bus
    rig.engine.add_event(EventKind.GENERATOR_TRIP, regulating, 1.0)
    tripped = rig.run(2)
    assert tripped.solved.state.energised[bus]
    assert tripped.solved.state.generator_p_mw[regulating] == 0
    assert tripped.assessed.supply.paths.generator_bus[bus] not in (bus, -1)


def test_a_surge_beyond_what_lines_carry_keeps_the_last_good_state(rig: Rig) -> None:
    good = rig.run(2)
    event = rig.engine.add_event(EventKind.LOAD_SURGE, None, 10.0)
    lost = rig.run(2)
    assert lost.solved.stale
    assert "no solution" in stale_reason(lost)
    np.testing.assert_array_equal(lost.solved.state.vm_pu, good.solved.state.vm_pu)
    assert lost.solved.suspects
    assert all(0 <= suspect.bus < 8 and suspect_words(lost.case.network, suspect) for suspect in lost.solved.suspects)
    assert rig.alarms(AlarmKind.POWER_FLOW_DIVERGED) == ["The grid"]
    assert rig.alarms(AlarmKind.SENSOR_SUSPECT) == []  # one fault, not one for each bus
    assert lost.control.cycle.failed == 0
    rig.engine.remove_event(event.id)
    back = rig.run()
    assert not back.solved.stale
    assert back.solved.suspects == ()
    assert np.abs(back.solved.state.vm_pu - good.solved.state.vm_pu).max() < 0.03


def test_a_surge_multiplies_the_load_of_its_bus_only(new_rig: NewRig) -> None:
    rig, calm = new_rig(), new_rig()
    bus = rig.bus("Uptown Substation")
    rig.engine.add_event(EventKind.LOAD_SURGE, bus, 2.0)
    loads, expected = rig.run().solved.state.load_p_mw, calm.run().solved.state.load_p_mw
    factor = np.where(rig.now.case.network.load.bus == bus, 2.0, 1.0)
    np.testing.assert_allclose(loads, factor * expected, rtol=1e-12)


def test_a_heat_wave_heats_every_line_of_the_grid(new_rig: NewRig) -> None:
    rig, calm = new_rig(), new_rig()
    event = rig.engine.add_event(EventKind.HEAT_WAVE, None, 15.0)
    hot, normal = rig.run(24), calm.run(24)
    assert float(hot.measured.frame.weather.ambient_c) == pytest.approx(
        float(normal.measured.frame.weather.ambient_c) + 15, abs=4
    )
    assert (hot.assessed.temperature_c > normal.assessed.temperature_c + 8).all()
    rig.engine.remove_event(event.id)
    assert (rig.run(24).assessed.temperature_c < hot.assessed.temperature_c).all()


@pytest.mark.parametrize("kind", [EventKind.HEAT_WAVE, EventKind.LOAD_SURGE])
def test_disturbances_without_end_stay_within_numbers(rig: Rig, kind: EventKind) -> None:
    for _ in range(500):
        rig.engine.add_event(kind, None, 10.0)
    snapshot = rig.run(3)
    assert snapshot.control.cycle.failed == 0
    assert np.isfinite(snapshot.assessed.temperature_c).all()
    assert -40 < float(snapshot.measured.frame.weather.ambient_c) < 80


@pytest.mark.parametrize("kind", [EventKind.SENSOR_GONE, EventKind.SENSOR_STUCK])
def test_a_faulty_sensor_is_suspected_and_the_state_stays_plausible(rig: Rig, new_rig: NewRig, kind: EventKind) -> None:
    calm = new_rig()
    bus = rig.bus("Uptown Substation")
    event = rig.engine.add_event(kind, bus, 1.0)
    faulty, normal = rig.run(4), calm.run(4)
    assert rig.alarms(AlarmKind.SENSOR_SUSPECT) == ["Uptown Substation"]
    assert not faulty.solved.stale
    assert np.isfinite(faulty.solved.state.vm_pu).all()
    assert np.abs(faulty.solved.state.vm_pu - normal.solved.state.vm_pu).max() < 0.01
    assert faulty.assessed.metrics.load_mw == pytest.approx(normal.assessed.metrics.load_mw, rel=0.05)
    rig.engine.remove_event(event.id)
    rig.run(2)
    healed = rig.run(3)  # after the off-delay of ten minutes
    states = {alarm.state for alarm in healed.assessed.alarms if alarm.kind is AlarmKind.SENSOR_SUSPECT}
    assert states == {AlarmState.RETURNED_UNACKNOWLEDGED}


def test_healthy_sensors_are_never_suspected(new_rig: NewRig) -> None:
    for case in ("city8", "cigre_mv", "case30"):
        rig = new_rig(case)
        for _ in range(40):
            rig.run(elapsed=timedelta(minutes=30))
            assert rig.alarms(AlarmKind.SENSOR_SUSPECT) == []


def test_no_more_events_than_a_cycle_can_look_at_and_all_end_at_once(rig: Rig) -> None:
    body = {"kind": "sensor_stuck", "target": 1}
    ids = [rig.post("/api/events", body, 202)["event"]["id"] for _ in range(60)]
    rig.run()
    ids += [rig.post("/api/events", body, 202)["event"]["id"] for _ in range(MOST_EVENTS - 60)]
    for _ in range(2):  # some wait for the next cycle, then all are there
        refused = rig.post("/api/events", body, 409)
        assert f"{MOST_EVENTS} events are active" in refused["error"]
        rig.run()
    assert len(rig.now.control.events) == MOST_EVENTS
    assert strict_json(rig.client.delete("/api/events/all"), 202) == {"removed": ids}
    rig.run()
    assert rig.now.control.events == ()
    assert strict_json(rig.client.delete("/api/events/all"), 202) == {"removed": []}
    rig.post("/api/events", body, 202)
    rig.run()
    assert len(rig.now.control.events) == 1


def test_a_load_that_all_but_vanishes_makes_no_infinite_year(rig: Rig) -> None:
    rig.post("/api/events", {"kind": "load_surge", "magnitude": 1e-200}, 202)
    now = rig.run(2)
    assert now.control.cycle.failed == 0
    assert now.assessed.loss_hours_per_year == 0
    rig.get("/api/grid/state")
