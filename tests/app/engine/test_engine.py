"""What the engine promises about its cycles, commands and thread."""

import threading
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from app.engine.board import Point, Quantity, Snapshot
from app.web.reasons import stale_reason
from grid.alarms.book import AlarmKind, AlarmState
from grid.cases.cases import load_case
from grid.sources.simulator import Simulator
from grid.telemetry import EventKind, Frame
from tests.app.rig import CYCLE, START, Rig

NewRig = Callable[..., Rig]


class FailingSource(Simulator):
    """A simulator whose line is cut, or that is broken, while failure is set."""

    failure: Exception | None = None

    def read(self) -> Frame:
        if self.failure is not None:
            raise self.failure
        return super().read()


def with_failing_source(rig: Rig) -> FailingSource:
    """Put a source that can fail in the simulator's place."""
    pipeline = rig.engine._pipeline
    source = FailingSource(pipeline.case, START, rig.services.settings.seed)
    pipeline.parts = source.parts
    return source


def imbalance_pu(snapshot: Snapshot) -> float:
    """Largest sum of complex powers at a bus, recomputed from branches, generators, loads and shunts."""
    network, state = snapshot.case.network, snapshot.solved.state
    rest = -state.shunt_mva.astype(complex)
    np.add.at(rest, network.generator.bus, state.generator_p_mw + 1j * state.generator_q_mvar)
    np.add.at(rest, network.load.bus, -(state.load_p_mw + 1j * state.load_q_mvar))
    np.add.at(rest, network.branch.from_bus, -(state.p_from_mw + 1j * state.q_from_mvar))
    np.add.at(rest, network.branch.to_bus, -(state.p_to_mw + 1j * state.q_to_mvar))
    return float(np.abs(rest).max()) / network.base_mva


@pytest.mark.parametrize("case", ["city8", "case14", "case118", "cigre_mv", "synthetic:60:4"])
def test_every_snapshot_balances_the_power_of_every_bus(new_rig: NewRig, case: str) -> None:
    rig = new_rig(case)
    for _ in range(10):
        snapshot = rig.run(elapsed=timedelta(hours=1))
        assert not snapshot.solved.stale
        assert imbalance_pu(snapshot) <= 1e-6
        assert (snapshot.solved.state.loss_mw >= -1e-9).all()
        metrics, state = snapshot.assessed.metrics, snapshot.solved.state
        taken = metrics.load_mw + metrics.loss_mw + state.shunt_mva.real.sum()
        assert state.generator_p_mw.sum() == pytest.approx(taken, abs=1e-6 * snapshot.case.network.base_mva)


def test_cycles_advance_version_iteration_and_simulated_time(rig: Rig) -> None:
    before = rig.now
    assert before.simulated_at.replace(tzinfo=None) == START
    for count in range(1, 6):
        after = rig.run()
        assert after.version == before.version + count
        assert after.iteration == before.iteration + count
        assert after.simulated_at == before.simulated_at + count * CYCLE
    assert after.created_at >= before.created_at
    assert after.control.cycle.failed == 0


def test_a_snapshot_never_changes_once_published(rig: Rig) -> None:
    kept = rig.now
    copies = [
        np.array(part) for part in (kept.solved.state.vm_pu, kept.solved.state.load_p_mw, kept.assessed.temperature_c)
    ]
    rig.engine.add_event(EventKind.LOAD_SURGE, None, 2.0)
    rig.run(5, timedelta(hours=1))
    for part, copy in zip(
        (kept.solved.state.vm_pu, kept.solved.state.load_p_mw, kept.assessed.temperature_c), copies, strict=True
    ):
        np.testing.assert_array_equal(part, copy)


def test_two_engines_with_one_seed_see_the_same_grid(new_rig: NewRig) -> None:
    one, two, other = new_rig(), new_rig(), new_rig(seed=8)
    for _ in range(20):
        a, b, c = one.run(), two.run(), other.run()
        for field in ("vm_pu", "va_degree", "p_from_mw", "q_to_mvar", "loading_percent", "generator_p_mw"):
            np.testing.assert_array_equal(getattr(a.solved.state, field), getattr(b.solved.state, field))
        np.testing.assert_array_equal(a.assessed.temperature_c, b.assessed.temperature_c)
        np.testing.assert_array_equal(a.assessed.risk.failure_probability, b.assessed.risk.failure_probability)
        assert a.assessed.alarms == b.assessed.alarms
        assert not np.array_equal(a.solved.state.vm_pu, c.solved.state.vm_pu)


def test_a_paused_engine_measures_but_its_clock_stands(rig: Rig) -> None:
    rig.engine.pause()
    paused = rig.run(elapsed=timedelta(0))
    assert paused.control.paused
    rig.engine.resume()
    assert not rig.run().control.paused


def test_each_step_lets_one_cycle_pass(new_rig: NewRig) -> None:
    rig = new_rig(cycle_seconds=2.0, speed_minutes_per_s=5.0)
    rig.engine.pause()
    before = rig.run(elapsed=timedelta(0)).simulated_at
    rig.engine.step()
    assert rig.run(elapsed=timedelta(0)).simulated_at - before == timedelta(minutes=10)
    assert rig.run(elapsed=timedelta(0)).simulated_at - before == timedelta(minutes=10)
    rig.engine.step()
    rig.engine.step()  # both are taken in the next cycle
    assert rig.run(elapsed=timedelta(0)).simulated_at - before == timedelta(minutes=30)


def test_speed_says_how_long_a_step_is(new_rig: NewRig) -> None:
    rig = new_rig(cycle_seconds=2.0)
    before = rig.now.simulated_at
    rig.engine.set_speed(60)
    rig.engine.step()
    after = rig.run(elapsed=timedelta(0))
    assert after.control.speed_minutes_per_s == 60
    assert after.simulated_at - before == timedelta(hours=2)


@pytest.mark.parametrize("speed", [0, -1, 1441, float("nan"), float("inf")])
def test_a_wrong_speed_is_refused_at_once(rig: Rig, speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        rig.engine.set_speed(speed)


@pytest.mark.parametrize("weight", [-1, 1e7, float("nan"), float("inf")])
def test_a_wrong_risk_weight_is_refused_at_once(rig: Rig, weight: float) -> None:
    with pytest.raises(ValueError, match="risk_weight"):
        rig.engine.set_risk_weight(weight)


def test_the_risk_weight_prices_risk_on_supply_paths(rig: Rig) -> None:
    network = rig.now.case.network
    costs = {}
    for weight in (0.0, 500.0):
        rig.engine.set_risk_weight(weight)
        supply = rig.run(elapsed=timedelta(0)).assessed.supply
        assert supply.risk_weight == weight
        costs[weight] = supply.paths.cost
    fed = np.isfinite(costs[0.0]) & ~np.isin(np.arange(network.n_bus), network.source_buses)
    assert (costs[500.0][fed] > costs[0.0][fed]).all()


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (EventKind.LINE_OUTAGE, 14),
        (EventKind.LINE_OUTAGE, -1),
        (EventKind.LINE_OUTAGE, None),
        (EventKind.GENERATOR_TRIP, 5),
        (EventKind.GENERATOR_TRIP, None),
        (EventKind.SENSOR_GONE, 8),
        (EventKind.SENSOR_STUCK, None),
        (EventKind.LOAD_SURGE, 8),
    ],
)
def test_a_disturbance_of_nothing_is_refused_at_once(rig: Rig, kind: EventKind, target: int | None) -> None:
    with pytest.raises(KeyError, match=r"\b0 to "):
        rig.engine.add_event(kind, target, 1.0)
    assert rig.run().control.events == ()


def test_unknown_alarms_and_events_are_refused_at_once(rig: Rig) -> None:
    with pytest.raises(KeyError, match="999"):
        rig.engine.acknowledge(999, "Ann")
    with pytest.raises(KeyError, match="999"):
        rig.engine.remove_event(999)


def test_acknowledging_takes_effect_in_the_next_cycle(rig: Rig) -> None:
    rig.engine.add_event(EventKind.LINE_OUTAGE, rig.branch("Mall Line"), 1.0)
    alarm = next(alarm for alarm in rig.run(2).assessed.alarms if alarm.kind is AlarmKind.BRANCH_TRIPPED)
    with pytest.raises(ValueError, match="person"):
        rig.engine.acknowledge(alarm.id, "  ")
    rig.engine.acknowledge(alarm.id, " Ann ")
    answered = next(item for item in rig.run().assessed.alarms if item.id == alarm.id)
    assert (answered.state, answered.acknowledged_by) == (AlarmState.ACKNOWLEDGED, "Ann")


def test_another_case_starts_afresh_but_alarm_ids_go_on(rig: Rig, new_rig: NewRig) -> None:
    rig.engine.add_event(EventKind.LINE_OUTAGE, rig.branch("Mall Line"), 1.0)
    old = {alarm.id for alarm in rig.run(3).assessed.alarms}
    version = rig.now.version
    rig.engine.load(load_case("case14", rig.services.settings.cache_dir))
    rig.run()
    assert rig.now.case.network.name == "case14"
    assert rig.now.control.events == ()
    assert rig.now.version > version
    snapshot, history = rig.now, rig.board.history
    assert history.network is snapshot.case.network
    assert len(history.range(Point(Quantity.LOAD_MW)).time) == 1
    rig.engine.add_event(EventKind.SENSOR_GONE, 4, 1.0)
    new = {alarm.id for alarm in rig.run(2).assessed.alarms}
    assert new
    assert min(new) > max(old)
    assert rig.now.control.cycle.failed == 0


def test_a_cycle_that_raises_is_counted_and_shown_and_the_next_one_runs(rig: Rig) -> None:
    source = with_failing_source(rig)
    good = rig.run()
    source.failure = RuntimeError("a bug of ours")
    failed = rig.run()
    assert (failed.solved.stale, failed.control.cycle.failed) == (True, 1)
    assert "RuntimeError: a bug of ours" in stale_reason(failed)
    assert "a bug of ours" in failed.control.cycle.last_error
    assert failed.version > good.version
    np.testing.assert_array_equal(failed.solved.state.vm_pu, good.solved.state.vm_pu)
    source.failure = None
    healed = rig.run()
    assert (healed.solved.stale, stale_reason(healed), healed.control.cycle.failed) == (False, "", 1)


def test_a_source_that_does_not_answer_leaves_the_last_state_marked_stale(rig: Rig) -> None:
    source = with_failing_source(rig)
    good = rig.run()
    source.failure = ConnectionError("line cut")
    rig.engine.pause()
    stale = rig.run(3)
    assert stale.solved.stale
    assert "line cut" in stale_reason(stale)
    assert stale.control.paused
    assert stale.control.cycle.failed == 0
    assert rig.alarms(AlarmKind.SOURCE_STALE) == ["The source"]
    assert stale.assessed.metrics.active_alarms == len(stale.assessed.alarms)
    np.testing.assert_array_equal(stale.solved.state.vm_pu, good.solved.state.vm_pu)
    source.failure = None
    back = rig.run()
    assert not back.solved.stale
    states = [alarm.state for alarm in back.assessed.alarms if alarm.kind is AlarmKind.SOURCE_STALE]
    assert states == [AlarmState.RETURNED_UNACKNOWLEDGED]


def test_stop_ends_the_thread(new_rig: NewRig) -> None:
    rig = new_rig(cycle_seconds=0.05)
    before = threading.active_count()
    version = rig.now.version
    rig.engine.start()
    published = threading.Event()
    for _ in range(200):
        if rig.now.version >= version + 3:
            break
        published.wait(0.05)
    assert rig.now.version >= version + 3
    rig.engine.stop(timeout_s=2.0)
    assert threading.active_count() == before
    last = rig.now.version
    published.wait(0.2)
    assert rig.now.version == last


def test_commands_of_many_threads_are_all_taken(rig: Rig) -> None:
    def inject() -> None:
        for _ in range(20):
            rig.engine.add_event(EventKind.SENSOR_GONE, 3, 1.0)

    threads = [threading.Thread(target=inject) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [event.id for event in rig.run().control.events]
    assert sorted(ids) == list(range(1, 81))
