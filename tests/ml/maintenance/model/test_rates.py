"""Rates of failures: from the published rate, by the factors that failures bear out, and kept as they are."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grid.assets.deterioration import KINDS
from ml.maintenance.fleet.fleet import FleetData, simulate
from ml.maintenance.model.card import Feature, ModelCard
from ml.maintenance.model.causes import CAUSES
from ml.maintenance.model.columns import BIAS
from ml.maintenance.model.competing import OFFSET, CompetingRates, terms_of
from ml.maintenance.model.features import FEATURES
from ml.maintenance.model.hazard import within
from ml.maintenance.model.rates import RateModel
from ml.maintenance.model.store import ModelBundle, load, save
from ml.maintenance.records import ModelFileError, RateMember
from tests.ml.maintenance.model.test_store import reseal

HORIZON = 365
SMALL = {"rounds": 20, "trees": 5, "leaves": 16}


def rows_of(fleet: FleetData) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    years, cause = fleet.watched(HORIZON)
    kept = years > 0
    return fleet.features[kept].reset_index(drop=True), years[kept], cause[kept]


@pytest.fixture(scope="module")
def fleets() -> list[FleetData]:
    return [simulate(400, 3, np.random.default_rng([31, number]), 8) for number in range(3)]


@pytest.fixture(scope="module")
def model(fleets: list[FleetData]) -> RateModel:
    return RateModel(**SMALL).fit(*rows_of(fleets[0])).calibrate(*rows_of(fleets[1]))


@pytest.mark.long
def test_it_expects_about_as_many_failures_as_come(model: RateModel, fleets: list[FleetData]) -> None:
    frame, years, cause = rows_of(fleets[2])
    failed = cause >= 0
    expected = (model.rates(frame)[RateMember.TOGETHER] * years).sum()
    assets = failed.sum() / 13  # a failure is in thirteen rows of its asset
    assert abs(expected / failed.sum() - 1) < 4 / np.sqrt(assets)


def test_members_that_do_not_help_weigh_nothing_and_none_weighs_less(model: RateModel) -> None:
    assert min(model.weights_.values()) >= 0
    assert model.weights_[RateMember.BY_CAUSE] > 0
    assert 0.5 < sum(model.weights_.values()) < 1.5


def test_what_is_not_known_of_an_asset_counts_as_usual(model: RateModel, fleets: list[FleetData]) -> None:
    frame = rows_of(fleets[2])[0].head(50)
    numbers = [name for name in FEATURES if name not in ("kind", "location", "age_years", OFFSET)]
    blind = frame.assign(**dict.fromkeys(numbers, np.nan))
    terms = terms_of(blind)
    assert np.all(terms[:, : -len(KINDS)] == 0)
    assert np.isfinite(model.rates(blind)[RateMember.TOGETHER]).all()


def test_the_rate_is_proportional_to_the_published_one(model: RateModel, fleets: list[FleetData]) -> None:
    """A line ten times as long fails ten times as often, whatever the longest was that any fleet had."""
    frame = rows_of(fleets[2])[0].head(100)
    longer = frame.assign(**{OFFSET: frame[OFFSET] + np.log(1000.0)})
    by_cause = (model.competing_.factors(one).sum(axis=1) for one in (frame, longer))
    assert np.array_equal(*by_cause)


def test_rates_rise_with_wear_corrosion_and_bad_oil(model: RateModel, fleets: list[FleetData]) -> None:
    frame = rows_of(fleets[2])[0]
    frame = frame[frame["kind"] == "transformer"].head(80)
    worse = frame.assign(vibration_ratio=2.5, corrosion=0.7, oil_quality=0.3)
    better = frame.assign(vibration_ratio=1.1, corrosion=0.1, oil_quality=0.9)
    assert model.rates(worse)[RateMember.TOGETHER].mean() > 2 * model.rates(better)[RateMember.TOGETHER].mean()
    corroded = frame.assign(corrosion=0.7, oil_quality=0.3)
    place = [cause.value for cause in CAUSES].index("general degradation")
    assert model.causes(corroded)[:, place].mean() > model.causes(better)[:, place].mean()
    assert model.causes(frame).sum(axis=1) == pytest.approx(1.0)


def test_a_worse_condition_never_lowers_a_rate_by_cause(fleets: list[FleetData]) -> None:
    """However few failures there were: here those of thirty assets."""
    frame, years, cause = rows_of(fleets[0])
    few = np.flatnonzero(cause >= 0)[::40]
    by_cause = CompetingRates.fit(frame.iloc[few], years[few], np.arange(len(few)) % len(CAUSES))
    new = rows_of(fleets[2])[0].head(300)
    for name, worse in (
        ("vibration_ratio", 1.0),
        ("corrosion", 0.2),
        ("oil_quality", -0.2),
        ("hot_spot_margin_k", -20.0),
    ):
        assert np.all(by_cause.factors(new.assign(**{name: new[name] + worse})) >= by_cause.factors(new) * (1 - 1e-12))


def test_contributions_and_their_rest_are_the_log_of_the_rate(model: RateModel, fleets: list[FleetData]) -> None:
    frame = rows_of(fleets[2])[0].head(30)
    found = model.contributions(frame)
    assert list(found.columns) == [*FEATURES, BIAS]
    assert found.sum(axis=1).to_numpy() == pytest.approx(np.log(model.rates(frame)[RateMember.TOGETHER]))
    usual = frame.assign(vibration_ratio=model._usual_of(frame, "vibration_ratio"))
    assert model.contributions(usual)["vibration_ratio"].to_numpy() == pytest.approx(0.0)


def test_a_probability_within_a_time() -> None:
    assert within(np.array([0.0, 1.0]), 365.0) == pytest.approx([0.0, 1 - np.exp(-1)])


def test_what_is_read_answers_as_what_was_written(model: RateModel, fleets: list[FleetData], tmp_path: Path) -> None:
    card = ModelCard(tuple(Feature(name) for name in FEATURES), "", "", "", 1)
    save(ModelBundle({}, {HORIZON: model}, None, card), tmp_path / "models")
    found = load(tmp_path / "models").rates[HORIZON]
    frame = rows_of(fleets[2])[0].head(200)
    for member, rate in model.every_rate(frame).items():
        assert np.array_equal(found.every_rate(frame)[member], rate)
    pd.testing.assert_frame_equal(found.contributions(frame.head(5)), model.contributions(frame.head(5)))
    assert np.array_equal(found.causes(frame), model.causes(frame))


@pytest.mark.parametrize("coefficients", [[[1.0]], [], "x"])
def test_coefficients_of_another_shape_are_refused(model: RateModel, coefficients: object, tmp_path: Path) -> None:
    card = ModelCard(tuple(Feature(name) for name in FEATURES), "", "", "", 1)
    save(ModelBundle({}, {HORIZON: model}, None, card), tmp_path / "models")
    reseal(tmp_path / "models", lambda document: document["rates"][0].update(by_cause=coefficients))
    with pytest.raises(ModelFileError):
        load(tmp_path / "models")


def test_rows_that_teach_nothing_are_refused(fleets: list[FleetData]) -> None:
    frame, years, cause = rows_of(fleets[0])
    with pytest.raises(ValueError, match="'thermal overload'"):
        CompetingRates.fit(frame, years, np.where(cause == 0, -1, cause))
    with pytest.raises(ValueError, match="row 3: it was watched for 0 years"):
        RateModel(**SMALL).fit(frame, np.where(np.arange(len(years)) == 3, 0.0, years), cause)
    with pytest.raises(ValueError, match=OFFSET):
        RateModel(**SMALL).fit(frame.drop(columns=OFFSET), years, cause)
    with pytest.raises(ValueError, match="times watched"):
        RateModel(**SMALL).fit(frame, years[:-1], cause)
