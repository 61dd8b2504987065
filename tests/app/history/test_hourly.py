"""Cycles gathered into hours: nothing lost, nothing counted twice."""

from datetime import timedelta

import numpy as np
import pytest

from app.engine.board import Snapshot
from grid.flow.loss_breakdown import BranchLevels
from ml.forecasting.live.hourly import hour_of_state
from tests.app.rig import Rig

QUARTER = timedelta(minutes=15)


@pytest.fixture
def seen(rig: Rig) -> tuple[Rig, list[Snapshot]]:
    """Cycles of some two hours, every quarter."""
    return rig, [rig.now, *(rig.run(1, QUARTER) for _ in range(8))]


def test_an_hour_holds_the_means_of_its_cycles(seen: tuple[Rig, list[Snapshot]]) -> None:
    made, snapshots = seen
    first, second = made.board.history.hours.take()
    of_first = [one for one in snapshots if one.simulated_at.hour == snapshots[0].simulated_at.hour]
    assert first.start == snapshots[0].simulated_at.replace(minute=0)
    assert second.start - first.start == timedelta(hours=1)
    assert first.cycles == len(of_first) > 2
    expected = np.mean([one.solved.injection.load_p_mw for one in of_first], axis=0)
    np.testing.assert_allclose(first.load_p_mw, expected, rtol=1e-6)
    assert first.loss_mw == pytest.approx(np.mean([one.assessed.metrics.loss_mw for one in of_first]))
    assert first.level_mw.sum() == pytest.approx(first.loss_mw)
    assert first.branch_loss_mw.sum() == pytest.approx(first.loss_mw, rel=1e-5)
    metered = np.mean([one.measured.frame.generator.p_mw.value.sum() for one in of_first])
    assert first.fed_in_mw == pytest.approx(metered)
    renewable = np.mean(
        [one.assessed.metrics.renewable_percent * one.assessed.metrics.generation_mw / 100 for one in of_first]
    )
    assert first.renewable_mw == pytest.approx(renewable, rel=1e-5)


def test_hours_are_handed_out_once_and_a_moment_counts_once(seen: tuple[Rig, list[Snapshot]]) -> None:
    made, _ = seen
    book = made.board.history.hours
    assert len(book.take()) == 2
    assert book.take() == []
    made.run(3, timedelta(0))
    made.run(1, timedelta(hours=1))
    (hour,) = book.take()
    assert hour.cycles == 1


def test_a_state_alone_makes_an_hour_without_metering(seen: tuple[Rig, list[Snapshot]]) -> None:
    made, snapshots = seen
    now, network = snapshots[-1], made.now.case.network
    hour = hour_of_state(network, BranchLevels.of(network), now.simulated_at, now.solved.injection, now.solved.state)
    assert hour.loss_mw == pytest.approx(now.assessed.metrics.loss_mw)
    assert np.isnan(hour.fed_in_mw)
    assert np.isnan(hour.delivered_mw)
