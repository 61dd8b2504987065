"""The prognosis: by the models where they can be believed, by CNAIM where not, and the reason beside it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grid.assets.deterioration import SIGNALS, Signal, measured
from grid.network import BranchKind
from ml.maintenance.model.features import FEATURES, Observation, features_of, residuals_of
from ml.maintenance.model.prognosis import HORIZONS, prognose
from ml.maintenance.model.store import ModelBundle, load
from ml.maintenance.model.week import WeekCondition
from ml.maintenance.records import WhyNot, WhyNotKind
from tests.grid.assets.test_deterioration import state_of, traits_of

COUNT = 40


@pytest.fixture(scope="module")
def models(models_folder: Path) -> ModelBundle:
    return load(models_folder)


@pytest.fixture
def seen() -> Observation:
    traits, every = traits_of(COUNT), np.ones(COUNT)
    state = state_of(traits, age=30.0)
    signals = measured(state, traits, 70 * every, 20 * every, 0.5 * every, 20.0, 60.0, np.random.default_rng(1))
    week = WeekCondition(
        load_pu=0.5 * every,
        temperature_residual_k=0.0 * every,
        vibration_ratio=np.linspace(1.0, 2.5, COUNT),
        corrosion=0.3 * every,
        thd_percent=2.5 * every,
        oil_quality=0.7 * every,
        ambient_c=15.0 * every,
        peak_load_pu=0.6 * every,
        peak_temperature_c=75.0 * every,
    )
    return Observation(
        traits, signals, week, 20 * every, 40 * every, 0.6 * every, 75 * every, 70 * every, 0.02 * every,
        state.thermal_age_years, 120 * every,
    )  # fmt: skip


ALL = np.ones(COUNT, dtype=bool)


def test_without_models_it_is_the_published_hazard(seen: Observation) -> None:
    found = prognose(None, seen, ALL, stale=False)
    assert not found.learned.any()
    assert set(found.why_not) == {WhyNot(kind=WhyNotKind.NO_MODEL)}
    for column, days in enumerate(HORIZONS):
        expected = 1 - np.exp(-seen.published_per_year * days / 365)
        assert found.probability[:, column] == pytest.approx(expected)
    assert np.isnan(found.cause).all()
    assert not found.is_novel.any()


def test_rates_give_the_probabilities_back(seen: Observation) -> None:
    found = prognose(None, seen, ALL, stale=False)
    for days in HORIZONS:
        assert found.rate_per_year(days) == pytest.approx(seen.published_per_year)


def test_models_answer_with_a_range_and_types(models: ModelBundle, seen: Observation) -> None:
    found = prognose(models, seen, ALL, stale=False)
    assert found.learned.all()
    assert np.all((found.low <= found.probability) & (found.probability <= found.high))
    assert np.all((found.probability > 0) & (found.probability < 1))
    assert found.cause.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert np.isfinite(found.novelty).all()


@pytest.mark.parametrize("count", [2, 3])
def test_missing_signals_fall_back_to_the_published_hazard(count: int, models: ModelBundle, seen: Observation) -> None:
    unknown = np.where(np.arange(COUNT) == 3, np.nan, 1.0)
    names = ("vibration_ratio", "corrosion", "oil_quality")[:count]
    week = replace(seen.week, **{name: getattr(seen.week, name) * unknown for name in names})
    found = prognose(models, replace(seen, week=week), ALL, stale=False)
    assert found.learned[3] == (count == 2)
    assert (count == 2) == (found.why_not[3] is None)
    assert found.learned[np.arange(COUNT) != 3].all()
    if count == 3:
        assert found.why_not[3] == WhyNot(kind=WhyNotKind.SIGNALS_MISSING, missing=3)
        assert np.array_equal(found.probability[3], found.published[3])


def test_stale_measurements_and_unknown_things_are_not_learned(models: ModelBundle, seen: Observation) -> None:
    assert set(prognose(models, seen, ALL, stale=True).why_not) == {WhyNot(kind=WhyNotKind.STALE)}
    known = ALL.copy()
    known[5] = False
    found = prognose(models, seen, known, stale=False)
    assert found.why_not[5] == WhyNot(kind=WhyNotKind.NOT_AN_ASSET)
    assert found.learned.sum() == COUNT - 1


def test_features_are_physics_of_the_signals(seen: Observation) -> None:
    frame = features_of(seen)
    assert tuple(frame.columns) == FEATURES
    assert frame["hot_spot_margin_k"].to_numpy() == pytest.approx(45.0)
    assert frame["loading_percent"].to_numpy() == pytest.approx(50.0)
    assert frame["log_ageing_rate"].to_numpy() == pytest.approx(np.log(0.02))
    hot = features_of(replace(seen, week=replace(seen.week, peak_temperature_c=np.full(COUNT, 130.0))))
    assert hot["hot_spot_margin_k"].to_numpy() == pytest.approx(-10.0)


def test_a_single_look_moves_no_probability(models: ModelBundle, seen: Observation) -> None:
    """What sensors show at one moment is in the week already; a spike of one look is no state."""
    signals = seen.signals.copy()
    for signal in (Signal.VIBRATION, Signal.CORROSION, Signal.LOAD, Signal.TEMPERATURE):
        signals[:, SIGNALS.index(signal)] *= 1.5
    spiked = prognose(models, replace(seen, signals=signals), ALL, stale=False)
    assert np.array_equal(spiked.probability, prognose(models, seen, ALL, stale=False).probability)


def test_a_hot_asset_with_bad_cooling_is_novel_but_its_flag_moves_no_probability(
    models: ModelBundle, seen: Observation
) -> None:
    signals = seen.signals.copy()
    signals[0, SIGNALS.index(Signal.TEMPERATURE)] += 20.0
    odd = replace(seen, signals=signals)
    found = prognose(models, odd, ALL, stale=False)
    assert found.is_novel[0]
    assert found.novelty[0] > np.median(found.novelty)
    assert residuals_of(odd)["temperature_residual_k"][0] > 15
    without = prognose(replace(models, novelty=None), odd, ALL, stale=False)
    assert np.array_equal(without.probability, found.probability)


def test_lines_of_any_length_have_finite_features(seen: Observation) -> None:
    traits = replace(
        traits_of(COUNT, BranchKind.LINE), length_km=np.geomspace(1e-9, 1e6, COUNT), vn_kv=np.full(COUNT, 400.0)
    )
    frame = features_of(replace(seen, traits=traits))
    assert np.isfinite(frame["log_published_rate"]).all()
    assert frame["log_published_rate"].is_monotonic_increasing
    none = features_of(replace(seen, traits=replace(traits, length_km=np.zeros(COUNT))))
    assert np.isfinite(none["log_published_rate"]).all()
