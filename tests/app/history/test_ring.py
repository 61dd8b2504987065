"""What is kept of past cycles is what their snapshots showed, whatever range and resolution is asked for."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from app.engine.board import Point, Quantity, Snapshot, Trend
from app.history.ring import CYCLES_KEPT, HistoryRing
from tests.app.rig import Rig

STEP = timedelta(minutes=20)
LOSS = Point(Quantity.LOSS_MW)


@pytest.fixture
def seen(rig: Rig) -> tuple[Rig, list[Snapshot]]:
    """Cycles of some hours, every twenty minutes."""
    return rig, [rig.now, *(rig.run(1, STEP) for _ in range(10))]


def altered(snapshot: Snapshot, vm_pu: np.ndarray, time: datetime) -> Snapshot:
    """A snapshot of another moment with other voltages."""
    return replace(
        snapshot, simulated_at=time, solved=replace(snapshot.solved, state=replace(snapshot.solved.state, vm_pu=vm_pu))
    )


def times(trend: Trend) -> list[datetime]:
    return [moment.item().replace(tzinfo=UTC) for moment in trend.time]


def test_every_quantity_is_kept_as_its_snapshots_showed_it(seen: tuple[Rig, list[Snapshot]]) -> None:
    made, snapshots = seen
    history = made.board.history
    shown: dict[Quantity, Callable[[Snapshot], float]] = {
        Quantity.REWARD_KW: lambda one: -one.objective_kw,
        Quantity.BUS_VM_PU: lambda one: one.solved.state.vm_pu[3],
        Quantity.BRANCH_LOADING_PERCENT: lambda one: one.solved.state.loading_percent[3],
        Quantity.BRANCH_TEMPERATURE_C: lambda one: one.assessed.temperature_c[3],
    }
    for quantity in Quantity:
        element = 3 if "." in quantity else None
        trend = history.range(Point(quantity, element))
        expected = [
            shown[quantity](one) if quantity in shown else getattr(one.assessed.metrics, quantity.value)
            for one in snapshots
        ]
        assert times(trend) == [one.simulated_at for one in snapshots]
        np.testing.assert_allclose(trend.value, expected, rtol=1e-6)


def test_a_range_has_its_start_and_not_its_end(seen: tuple[Rig, list[Snapshot]]) -> None:
    made, snapshots = seen
    history = made.board.history
    start, end = snapshots[2].simulated_at, snapshots[7].simulated_at
    assert times(history.range(LOSS, start, end)) == [one.simulated_at for one in snapshots[2:7]]
    assert times(history.range(LOSS, start + timedelta(seconds=1))) == [one.simulated_at for one in snapshots[3:]]
    assert times(history.range(LOSS, end=end)) == [one.simulated_at for one in snapshots[:7]]
    assert times(history.range(LOSS, end, start)) == []


def test_a_resolution_gives_the_means_of_whole_intervals(seen: tuple[Rig, list[Snapshot]]) -> None:
    made, snapshots = seen
    hours = made.board.history.range(LOSS, resolution=timedelta(hours=1))
    by_hour: dict[datetime, list[float]] = {}
    for one in snapshots:
        by_hour.setdefault(one.simulated_at.replace(minute=0, second=0), []).append(one.assessed.metrics.loss_mw)
    assert times(hours) == list(by_hour)
    np.testing.assert_allclose(hours.value, [np.mean(values) for values in by_hour.values()])
    made.run(1, timedelta(hours=3))
    with_a_gap = made.board.history.range(LOSS, resolution=timedelta(hours=1))
    assert len(with_a_gap.time) == len(by_hour) + 1
    with pytest.raises(ValueError, match="1 s or more"):
        made.board.history.range(LOSS, resolution=timedelta(0))


def test_what_is_not_known_does_not_count_in_a_mean(rig: Rig) -> None:
    """Bus voltages are NaN while the bus has no supply."""
    ring, snapshot = HistoryRing(rig.now.case.network), rig.now
    kept = [0.9, np.nan, 1.1, np.nan]
    for number, value in enumerate(kept):
        vm_pu = np.full(snapshot.case.network.n_bus, value)
        ring.append(altered(snapshot, vm_pu, snapshot.simulated_at + number * STEP))
    means = ring.range(Point(Quantity.BUS_VM_PU, 0), resolution=timedelta(minutes=40))
    np.testing.assert_allclose(means.value, [0.9, 1.1], rtol=1e-6)
    dark = ring.range(Point(Quantity.BUS_VM_PU, 0), resolution=STEP)
    np.testing.assert_allclose(dark.value, kept, rtol=1e-6)


def test_the_cycle_nearest_to_a_time_is_found_and_none_that_is_far(seen: tuple[Rig, list[Snapshot]]) -> None:
    made, snapshots = seen
    history = made.board.history
    for one in snapshots:
        for off in (timedelta(minutes=-9), timedelta(0), timedelta(minutes=9)):
            kept = history.at(one.simulated_at + off)
            assert kept is not None
            assert (kept.simulated_at, kept.metrics) == (one.simulated_at, one.assessed.metrics)
    assert history.at(snapshots[-1].simulated_at + timedelta(minutes=15)) is not None
    assert history.at(snapshots[-1].simulated_at + timedelta(minutes=16)) is None
    assert HistoryRing(made.now.case.network).at(made.now.simulated_at) is None


@pytest.mark.parametrize(
    "point",
    [
        Point(Quantity.BUS_VM_PU),
        Point(Quantity.BUS_VM_PU, 99),
        Point(Quantity.BRANCH_LOADING_PERCENT, -1),
        Point(Quantity.LOSS_MW, 0),
    ],
)
def test_a_point_that_is_not_kept_is_refused(rig: Rig, point: Point) -> None:
    with pytest.raises(LookupError, match="nothing is kept"):
        rig.board.history.range(point)


def test_the_oldest_cycles_give_way_and_a_moment_is_kept_once(rig: Rig) -> None:
    ring, snapshot = HistoryRing(rig.now.case.network), rig.now
    more = CYCLES_KEPT + 7
    for number in range(more):
        moment = altered(snapshot, snapshot.solved.state.vm_pu, snapshot.simulated_at + number * STEP)
        ring.append(moment)
        ring.append(moment)  # as while paused
    kept = times(ring.range(LOSS))
    assert kept == [snapshot.simulated_at + number * STEP for number in range(more - CYCLES_KEPT, more)]


def test_readers_never_see_half_a_cycle(rig: Rig) -> None:
    ring, snapshot = HistoryRing(rig.now.case.network), rig.now
    start = np.datetime64(snapshot.simulated_at.replace(tzinfo=None), "s")
    done, wrong = threading.Event(), []

    def look() -> None:
        while not done.is_set():
            trend = ring.range(Point(Quantity.BUS_VM_PU, 0))
            expected = (trend.time - start) // np.timedelta64(1, "m")
            if not np.array_equal(trend.value, expected.astype(np.float32)):
                wrong.append(trend)

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1500):
        vm_pu = np.full(snapshot.case.network.n_bus, float(number))
        ring.append(altered(snapshot, vm_pu, snapshot.simulated_at + timedelta(minutes=number)))
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong
