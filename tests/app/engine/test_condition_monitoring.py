"""The live grid's condition: what a week of sensors tells, and that nothing is known before it was measured."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from grid.assets.deterioration import SIGNALS, Signal
from grid.telemetry import EventKind
from tests.app.rig import Rig, make_rig


@pytest.fixture
def grid(tmp_path: Path) -> Rig:
    return make_rig(tmp_path, case="cigre_mv")


def test_every_branch_has_its_signals_with_what_physics_says(grid: Rig) -> None:
    seen, state = grid.now.assessed.condition, grid.now.solved.state
    assert seen.signals.shape == (grid.now.case.network.n_branch, len(SIGNALS))
    temperature = seen.signals[:, SIGNALS.index(Signal.TEMPERATURE)]
    known = np.isfinite(temperature) & grid.now.case.is_asset
    assert temperature[known] == pytest.approx(grid.now.assessed.temperature_c[known], abs=25.0)
    load_mw = np.nan_to_num(state.loading_percent) / 100 * grid.now.case.register.rating_mva
    shown = seen.signals[:, SIGNALS.index(Signal.LOAD)]
    fine = np.isfinite(shown)
    assert shown[fine] == pytest.approx(load_mw[fine], rel=0.06, abs=1e-6)


def test_a_peak_is_kept_for_a_week_and_then_forgotten(grid: Rig) -> None:
    event = grid.engine.add_event(EventKind.LOAD_SURGE, None, 1.6)
    peak = grid.run(2, timedelta(hours=1)).assessed.condition.peak_load_pu.copy()
    grid.engine.remove_event(event.id)
    loaded = peak > 0.05
    for _ in range(6):
        now = grid.run(4, timedelta(hours=6))
    assert np.all(now.assessed.condition.peak_load_pu >= peak - 1e-12)
    for _ in range(3):
        now = grid.run(4, timedelta(hours=6))
    assert now.assessed.condition.peak_load_pu[loaded].mean() < 0.9 * peak[loaded].mean()


def test_ageing_follows_the_hot_spot(grid: Rig) -> None:
    grid.run(24, timedelta(hours=1))
    seen = grid.now.assessed.condition
    transformer = seen.traits.is_transformer
    assert np.isfinite(seen.ageing_rate[transformer]).all()
    assert np.isnan(seen.ageing_rate[~transformer]).all()
    hottest = np.exp2((seen.peak_temperature_c - 98) / 6)
    assert np.all(seen.ageing_rate[transformer] <= hottest[transformer])


def test_two_runs_of_one_seed_are_one(tmp_path: Path) -> None:
    first, second = (make_rig(tmp_path, case="cigre_mv").run(5).assessed.condition.signals for _ in range(2))
    assert np.array_equal(first, second, equal_nan=True)
    other = make_rig(tmp_path, case="cigre_mv", seed=8).run(5).assessed.condition.signals
    assert not np.array_equal(first, other, equal_nan=True)


def test_assets_age_with_simulated_time(grid: Rig) -> None:
    age = SIGNALS.index(Signal.AGE)
    before = grid.now.assessed.condition.signals[:, age].copy()
    grid.run(10, timedelta(days=1))
    assert grid.now.assessed.condition.signals[:, age] - before == pytest.approx(10 / 365.25, rel=1e-3)
