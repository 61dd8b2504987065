"""Sensors of a whole grid that read wrong are noticed within days; assets that are merely others raise no alarm."""

import json
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from grid.network import FloatArray
from ml.maintenance.drift import ALARM_DAYS, FEWEST_ASSETS, SensorChart, set_back
from ml.maintenance.fleet.fleet import simulate
from ml.maintenance.model.usual import SENSED, UsualSignals
from ml.maintenance.model.week import LOOKED, WeekCondition, WeekOfLooks
from ml.maintenance.records import Sensed, SensorDrift

VIBRATION = SENSED.index(Sensed.VIBRATION)


def fleet_of(seed: int, assets: int, years: int = 1) -> pd.DataFrame:
    """Rows with the week in which they were seen."""
    found = simulate(assets, years, np.random.default_rng([5, seed]), 8)
    return found.features.assign(week=found.week)


@pytest.fixture(scope="module")
def usual() -> UsualSignals:
    return UsualSignals.of(pd.concat([fleet_of(seed, 200) for seed in range(6)], ignore_index=True))


def off(usual: UsualSignals, frame: pd.DataFrame, gain: float = 1.0) -> FloatArray:
    """(s, n), where vibration sensors have a gain."""
    sensed = {name: frame[name].to_numpy(dtype=float) for name in SENSED}
    sensed[Sensed.VIBRATION] = gain * sensed[Sensed.VIBRATION]
    kind, location = (frame[name].cat.codes.to_numpy() for name in ("kind", "location"))
    return usual.off(kind, location, frame["age_years"].to_numpy(), sensed)


@pytest.mark.parametrize("assets", [12, 60, 200])
@pytest.mark.parametrize("seed", range(10, 14))
def test_another_fleet_of_years_raises_no_alarm(usual: UsualSignals, seed: int, assets: int) -> None:
    chart, seen = SensorChart(), fleet_of(seed, assets, years=2)
    for _, rows in seen.groupby("week"):
        assert chart.take(off(usual, rows), np.zeros(len(SENSED)), days=56.0) == ()


@pytest.mark.parametrize("seed", range(10, 14))
def test_a_gain_that_is_half_too_high_is_noticed_within_14_days(usual: UsualSignals, seed: int) -> None:
    """From the day on at which all sensors of 200 assets go wrong, through the means of a week."""
    rows = fleet_of(seed, 200)
    rows = rows[rows["week"] == rows["week"].max()]
    looks, chart, rng = WeekOfLooks(len(rows)), SensorChart(), np.random.default_rng(seed)
    nothing = np.full(len(rows), np.nan)
    kind = rows["kind"].cat.codes.to_numpy()
    noticed: list[int] = []
    for day in range(-30, 15):
        gain = (1.5 if day >= 0 else 1.0) * np.exp(0.08 * rng.standard_normal(len(rows)))
        looks.take({**dict.fromkeys(LOOKED, nothing), "vibration_ratio": gain * rows["vibration_ratio"]}, 1.0)
        now = off(usual, rows.assign(vibration_ratio=looks.now().vibration_ratio))
        drifts = chart.take(now, usual.amount(kind, now), days=1.0)
        if drifts:
            noticed.append(day)
            assert [one.sensed for one in drifts] == [Sensed.VIBRATION]
            assert drifts[0].off > 0
    assert 0 <= noticed[0] <= 14
    assert drifts[0].amount == pytest.approx(1.5, rel=0.25)
    assert drifts[0].assets == 200 - int(rows["vibration_ratio"].isna().sum())


def test_an_alarm_goes_when_sensors_have_been_mended(usual: UsualSignals) -> None:
    rows, chart = fleet_of(20, 100), SensorChart()
    rows = rows[rows["week"] == rows["week"].min()]
    amount = np.zeros(len(SENSED))
    assert chart.take(off(usual, rows, gain=0.5), amount, days=5.0)
    (low,) = chart.take(off(usual, rows, gain=0.5), amount, days=5.0)
    assert low.off < 0
    for _ in range(20):
        found = chart.take(off(usual, rows), amount, days=1.0)
    assert found == ()


def test_few_assets_and_silent_sensors_tell_nothing() -> None:
    chart, amount = SensorChart(), np.zeros(len(SENSED))
    few = np.full((len(SENSED), FEWEST_ASSETS - 1), 9.0)
    silent = np.full((len(SENSED), 100), np.nan)
    for values in (few, silent, np.zeros((len(SENSED), 0))):
        assert chart.take(values, amount, days=100.0) == ()
    enough = np.full((len(SENSED), FEWEST_ASSETS), 9.0)
    assert len(chart.take(enough, amount, days=ALARM_DAYS)) == len(SENSED)


def test_what_is_usual_is_kept_as_json(usual: UsualSignals) -> None:
    again = UsualSignals.from_plain(json.loads(json.dumps(usual.as_plain())))
    rows = fleet_of(21, 30)
    np.testing.assert_array_equal(off(again, rows), off(usual, rows))
    assert np.isnan(usual.spread[SENSED.index(Sensed.OIL_QUALITY), :2]).all()  # there is no oil in lines
    short = {**usual.as_plain(), "spread": [[1.0]]}
    with pytest.raises(ValueError, match="usual"):
        UsualSignals.from_plain(short)


def test_amounts_are_in_the_features_units(usual: UsualSignals) -> None:
    rows = fleet_of(22, 100)
    kind = rows["kind"].cat.codes.to_numpy()
    before, after = (usual.amount(kind, off(usual, rows, gain)) for gain in (1.0, 1.3))
    assert after[VIBRATION] / before[VIBRATION] == pytest.approx(1.3)
    assert after[0] == pytest.approx(before[0])


def drift(sensed: Sensed, amount: float) -> SensorDrift:
    return SensorDrift(sensed, 2.0, amount, 100, 7.0)


def week_of(**shown: FloatArray) -> WeekCondition:
    """Of three assets, of which nothing else is known."""
    unknown = {one.name: np.full(3, np.nan) for one in fields(WeekCondition)}
    return WeekCondition(**{**unknown, **shown})


def test_what_drifts_is_set_back_and_who_is_worse_than_the_others_stays_so() -> None:
    week = week_of(vibration_ratio=np.array([1.5, 3.0, np.nan]), temperature_residual_k=np.array([2.0, 7.0, 4.0]))
    found = set_back(week, [drift(Sensed.VIBRATION, 1.5), drift(Sensed.TEMPERATURE, 3.0)])
    assert found.vibration_ratio == pytest.approx([1.0, 2.0, np.nan], nan_ok=True)
    assert found.temperature_residual_k == pytest.approx([-1.0, 4.0, 1.0])
    assert found.corrosion is week.corrosion


def test_shares_stay_shares() -> None:
    week = week_of(corrosion=np.array([0.05, 0.4, 1.0]), oil_quality=np.array([0.2, 0.9, np.nan]))
    found = set_back(week, [drift(Sensed.CORROSION, 0.3), drift(Sensed.OIL_QUALITY, -0.3)])
    assert found.corrosion == pytest.approx([0.0, 0.1, 0.7])
    assert found.oil_quality == pytest.approx([0.5, 1.0, np.nan], nan_ok=True)
