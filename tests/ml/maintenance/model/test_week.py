"""A week of looks: noise is averaged out, a step is seen within days, gaps are bridged and then admitted."""

import numpy as np
import pytest

from ml.maintenance.model.week import LOOKED, PEAK_DAYS, WeekOfLooks

COUNT = 500


def looked(value: np.ndarray) -> dict[str, np.ndarray]:
    return dict.fromkeys(LOOKED, value)


def test_noise_of_single_looks_hardly_moves_the_mean() -> None:
    rng, week = np.random.default_rng(1), WeekOfLooks(COUNT)
    seen = []
    for step in range(2000):
        week.take(looked(1 + 0.08 * rng.standard_normal(COUNT)), 1 / 72)  # every 20 minutes
        if step >= 1928:
            seen.append(week.now().vibration_ratio)
    within_a_day = np.std(np.log(seen), axis=0)
    assert within_a_day.max() < 0.01
    assert seen[-1] == pytest.approx(1.0, abs=0.02)


def test_a_step_is_mostly_seen_within_a_week() -> None:
    week = WeekOfLooks(1)
    for value, looks in ((1.0, 60), (2.0, 7)):
        for _ in range(looks):
            week.take(looked(np.array([value])), 1.0)
    assert 1.6 < week.now().corrosion[0] < 1.7


def test_a_silent_sensor_is_bridged_for_three_weeks_and_then_not_known() -> None:
    week = WeekOfLooks(2)
    for _ in range(30):
        week.take(looked(np.array([3.0, 3.0])), 1.0)
    for _ in range(18):
        week.take(looked(np.array([np.nan, 3.0])), 1.0)
    assert week.now().oil_quality == pytest.approx([3.0, 3.0])
    for _ in range(6):
        week.take(looked(np.array([np.nan, 3.0])), 1.0)
    assert np.isnan(week.now().oil_quality[0])
    assert week.now().oil_quality[1] == pytest.approx(3.0)


def test_one_look_is_known_at_once_and_none_is_not() -> None:
    week = WeekOfLooks(1)
    assert np.isnan(week.now().load_pu).all()
    week.take(looked(np.array([0.4])), 1e-3)
    assert week.now().load_pu == pytest.approx([0.4])


def test_peaks_are_those_of_seven_days_and_change_at_midnight_only() -> None:
    week = WeekOfLooks(1)
    week.rise(np.array([0.5]), np.array([60.0]))
    assert week.now().peak_load_pu == pytest.approx([0.5])
    week.end_day()
    for _ in range(60):
        week.rise(np.array([0.5]), np.array([60.0]))
        week.end_day()
    week.rise(np.array([1.0]), np.array([100.0]))
    assert week.now().peak_temperature_c == pytest.approx([60.0])
    for _ in range(PEAK_DAYS):
        week.end_day()
    assert 84 < week.now().peak_temperature_c[0] < 86
    for _ in range(40):
        week.rise(np.array([0.5]), np.array([60.0]))
        week.end_day()
    assert week.now().peak_temperature_c == pytest.approx([60.0], abs=0.5)
