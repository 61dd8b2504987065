"""Simulated fleets: failures come at their hazard's rate, labels are events, and the true probability is the truth."""

from dataclasses import replace

import numpy as np
import pytest

from ml.maintenance.fleet.fleet import DAYS_PER_YEAR, WEEK_DAYS, FleetData, simulate
from ml.maintenance.model.features import FEATURES, UNITS

ASSETS, YEARS, EVERY = 400, 3, 4


@pytest.fixture(scope="module")
def fleet() -> FleetData:
    return simulate(ASSETS, YEARS, np.random.default_rng(11), EVERY)


@pytest.mark.long
def test_as_many_fail_as_the_hazard_says(fleet: FleetData) -> None:
    expected = -np.expm1(-fleet.rate_per_year / 52).sum()
    assert abs(fleet.failed.sum() - expected) < 4 * np.sqrt(expected)
    assert len(fleet.event_asset) == fleet.failed.sum()


def test_the_hazard_ranks_the_failures(fleet: FleetData) -> None:
    """Among asset-weeks, those that fail have a far higher rate: labels come from the hazard and nowhere else."""
    assert fleet.rate_per_year[fleet.failed].mean() > 2 * fleet.rate_per_year.mean()


def test_rows_carry_all_features_with_units_and_a_gap_here_and_there(fleet: FleetData) -> None:
    assert tuple(fleet.features.columns) == FEATURES == tuple(UNITS)
    assert tuple(fleet.residuals.columns) == ("temperature_residual_k", "vibration_residual", "load_residual")
    assert len(fleet) == ASSETS * YEARS * 52 // EVERY == len(fleet.features)
    share = fleet.features["trips_last_year"].isna().mean()
    assert 0.005 < share < 0.05
    assert fleet.features["vibration_ratio"].isna().mean() < share / 2  # a week's looks bridge most gaps
    assert fleet.features["age_years"].notna().all()


def test_next_event_is_the_first_after_the_row(fleet: FleetData) -> None:
    wait, cause = fleet.next_event()
    for row in np.random.default_rng(1).integers(0, len(fleet), 300):
        mine = fleet.event_asset == fleet.asset[row]
        later = fleet.event_day[mine] > fleet.day[row]
        expected = fleet.event_day[mine][later].min() - fleet.day[row] if later.any() else np.inf
        assert wait[row] == pytest.approx(expected)
        assert (cause[row] >= 0) == later.any()


def test_assets_are_watched_until_they_fail_or_the_time_ends(fleet: FleetData) -> None:
    years, cause = fleet.watched(365.0)
    wait, _ = fleet.next_event()
    left = np.minimum(365.0, fleet.days - fleet.day)
    assert years * DAYS_PER_YEAR == pytest.approx(np.minimum(wait, left))
    assert np.array_equal(cause >= 0, wait <= left)
    assert (years[fleet.day == fleet.days] == 0).all()


def test_a_fleet_without_failures_waits_for_ever(fleet: FleetData) -> None:
    none = np.array([], dtype=int)
    calm = replace(fleet, event_asset=none, event_day=none.astype(float), event_cause=none)
    wait, cause = calm.next_event()
    assert np.isinf(wait).all()
    assert (cause == -1).all()


def test_true_probability_is_the_integral_of_the_rate(fleet: FleetData) -> None:
    constant = replace(fleet, rate_per_year=np.full_like(fleet.rate_per_year, 0.5), failed=fleet.failed & False)
    for days in (30, 91, 365):
        known = constant.known(days)
        expected = 1 - np.exp(-0.5 * days / DAYS_PER_YEAR)
        assert constant.true_probability(days)[known] == pytest.approx(expected)
        assert np.isnan(constant.true_probability(days)[~known]).all()


def test_after_a_failure_the_rate_that_it_came_at_is_held(fleet: FleetData) -> None:
    rate, failed = np.zeros_like(fleet.rate_per_year), np.zeros_like(fleet.failed)
    week = int(fleet.week[0])
    rate[week + 1 :, 0], failed[week + 2, 0] = 1.0, True
    rate[week + 3 :, 0] = 0.0  # mended: but then there was a failure already
    seen = replace(fleet, rate_per_year=rate, failed=failed).true_probability(10 * WEEK_DAYS)
    assert seen[0] == pytest.approx(1 - np.exp(-10 / 52))


def test_what_is_seen_does_not_depend_on_what_comes(fleet: FleetData) -> None:
    """The same seed over one year gives the first year of three: nothing of the future is in a row."""
    short = simulate(ASSETS, 1, np.random.default_rng(11), EVERY)
    rows = len(short)
    assert np.array_equal(short.week, fleet.week[:rows])
    for name in ("hot_spot_margin_k", "vibration_ratio", "corrosion", "log_published_rate"):
        assert np.array_equal(short.features[name], fleet.features[name][:rows], equal_nan=True)


def test_old_assets_fail_more_often(fleet: FleetData) -> None:
    age = fleet.features["age_years"].to_numpy()
    rate = fleet.rate_per_year[fleet.week, fleet.asset]
    assert rate[age > 40].mean() > 1.5 * rate[age < 15].mean()
