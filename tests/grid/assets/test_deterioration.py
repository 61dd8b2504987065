"""Hidden deterioration and its sensors: directions, statistics, and what is never shown."""

from dataclasses import replace

import numpy as np
import pytest

from grid.assets.deterioration import (
    GAP_SHARE,
    KINDS,
    LOCATIONS,
    NOISE,
    SIGNALS,
    AssetTraits,
    Deterioration,
    Gaps,
    Signal,
    advanced,
    drawn,
    measured,
    next_week,
    with_defect,
)
from grid.network import BranchKind

COUNT = 3000


def traits_of(count: int, kind: BranchKind = BranchKind.TRANSFORMER) -> AssetTraits:
    every = np.ones(count)
    return AssetTraits(
        np.full(count, KINDS.index(kind)), np.arange(count) % len(LOCATIONS), 66 * every, 5 * every, 40 * every
    )


def state_of(traits: AssetTraits, age: float = 20.0, seed: int = 1) -> Deterioration:
    years = np.full(len(traits), age)
    return drawn(traits, years, 0.05 * years, np.random.default_rng(seed))


def test_time_wears_everything_and_mends_nothing() -> None:
    traits = traits_of(COUNT)
    before, rng = state_of(traits), np.random.default_rng(2)
    after = advanced(before, traits, 5.0, np.full(COUNT, 0.5), np.full(COUNT, 1.0), rng)
    assert np.all(after.wear > before.wear)
    assert np.all(after.corrosion >= before.corrosion)
    assert np.all(after.oil_quality(traits) < before.oil_quality(traits))
    assert after.thermal_age_years == pytest.approx(before.thermal_age_years + 1.0)
    assert after.age_years == pytest.approx(before.age_years + 5.0)
    assert np.array_equal(after.frailty, before.frailty)


def test_two_half_steps_are_one_whole_but_for_chance() -> None:
    traits, rng = traits_of(COUNT), np.random.default_rng(2)
    load, heat = np.full(COUNT, 0.5), np.full(COUNT, 0.5)
    whole = advanced(state_of(traits), traits, 2.0, load, 2 * heat, rng)
    halves = advanced(advanced(state_of(traits), traits, 1.0, load, heat, rng), traits, 1.0, load, heat, rng)
    for name in ("wear", "corrosion", "moisture", "thermal_age_years"):
        assert getattr(halves, name) == pytest.approx(getattr(whole, name))
    assert halves.weakness.std() == pytest.approx(1.0, abs=0.05)  # stays standard normal


def test_only_transformers_have_oil() -> None:
    lines = traits_of(10, BranchKind.LINE)
    assert np.isnan(state_of(lines).oil_quality(lines)).all()
    assert np.all(state_of(lines).thermal_age_years == 0)


def test_places_by_the_sea_corrode_first() -> None:
    traits = traits_of(COUNT)
    corrosion = state_of(traits).corrosion
    by_place = [float(corrosion[traits.location == place].mean()) for place in range(len(LOCATIONS))]
    assert by_place == sorted(by_place, reverse=True)


def test_frailty_has_the_mean_of_one() -> None:
    assert state_of(traits_of(20_000)).frailty.mean() == pytest.approx(1.0, abs=0.01)


def test_sensors_show_the_state_with_their_noise() -> None:
    traits = traits_of(COUNT)
    state, every = state_of(traits), np.ones(COUNT)
    seen = measured(state, traits, 80 * every, 20 * every, 0.5 * every, 25.0, 60.0, np.random.default_rng(3))
    column = {signal: seen[:, SIGNALS.index(signal)] for signal in SIGNALS}
    assert (column[Signal.TEMPERATURE] - 80).std() == pytest.approx(NOISE[Signal.TEMPERATURE], rel=0.1)
    assert column[Signal.LOAD] == pytest.approx(20, rel=0.06)
    assert np.array_equal(column[Signal.AGE], state.age_years)
    assert np.array_equal(column[Signal.TRIPS], state.trips.sum(axis=0))
    assert np.corrcoef(column[Signal.VIBRATION], state.wear)[0, 1] > 0.85
    assert np.corrcoef(column[Signal.OIL_QUALITY], state.oil_quality(traits))[0, 1] > 0.85
    for signal in (Signal.CORROSION, Signal.OIL_QUALITY):
        assert 0 <= column[signal].min() <= column[signal].max() <= 1
    assert not np.isnan(seen).any()


def test_weak_insulation_trips_more_often_and_trips_are_forgotten_after_a_year() -> None:
    traits, rng = traits_of(COUNT), np.random.default_rng(4)
    weak = replace(state_of(traits), weakness=np.where(np.arange(COUNT) % 2, 1.5, -1.5))
    for _ in range(52):
        weak = next_week(weak, traits, rng)
    count = weak.trips.sum(axis=0)
    assert count[1::2].mean() > 5 * count[::2].mean()
    calm = replace(weak, weakness=np.full(COUNT, -50.0))
    for _ in range(52):
        calm = next_week(calm, traits, rng)
    assert calm.trips.sum() == 0


def test_bad_cooling_raises_the_rise_not_the_ambient_temperature() -> None:
    traits = traits_of(3)
    state = replace(state_of(traits), cooling_defect=np.array([0.0, 0.2, 0.3]))
    assert with_defect(np.array([80.0, 80.0, 30.0]), 30.0, state) == pytest.approx([80.0, 90.0, 30.0])


def test_sensors_fall_silent_for_the_stated_share_of_the_time_and_come_back() -> None:
    gaps = Gaps(COUNT, np.random.default_rng(5))
    first, shares = gaps.silent.copy(), []
    for _ in range(30):
        gaps.advance(0.5)
        shares.append(gaps.silent[:, SIGNALS.index(Signal.VIBRATION)].mean())
    assert np.mean(shares) == pytest.approx(GAP_SHARE, rel=0.2)
    assert not (first & gaps.silent).all()
    assert not gaps.silent[:, SIGNALS.index(Signal.AGE)].any()
