"""Temperatures of all branches of a grid over time."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pytest

from grid.assets.register import asset_register, temperature_limit_c
from grid.flow.powerflow import GridState, Injection, PowerFlow
from grid.network import BranchKind, Network
from grid.telemetry import Weather
from grid.thermal import branch_temperatures
from grid.thermal.branch_temperatures import RATED_WEATHER, BranchTemperatures
from tests.cases import shared_case

COOL = Weather(10.0, 3.0, 60.0, 0.0, 60.0)


@cache
def solved(spec: str) -> tuple[Network, GridState]:
    network = shared_case(spec).network
    return network, PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)


def loaded(state: GridState, network: Network, percent: float) -> GridState:
    """The state with every branch at so many percent of its rating."""
    return replace(
        state,
        loading_percent=np.full(network.n_branch, percent),
        i_ka=network.branch.rating_from_ka * percent / 100,
    )


def test_lines_reach_75_degrees_at_their_rating_in_the_weather_of_the_rating() -> None:
    network, state = solved("city8")
    temperature = BranchTemperatures(network).step(loaded(state, network, 100), RATED_WEATHER, timedelta(0))
    np.testing.assert_allclose(temperature, 75.0, atol=0.5)


def test_transformers_reach_98_degrees_and_cables_90_at_their_ratings() -> None:
    network, state = solved("cigre_mv")
    weather = replace(RATED_WEATHER, ambient_c=20.0)
    temperature = BranchTemperatures(network).step(loaded(state, network, 100), weather, timedelta(0))
    kind = np.array(network.branch.kind)
    np.testing.assert_allclose(temperature[kind == BranchKind.TRANSFORMER], 98.0, atol=0.5)  # IEC 60076-7 at 20 C
    np.testing.assert_allclose(temperature[kind == BranchKind.CABLE], 83.0, atol=1.0)  # 70 K over soil at 13 C


@pytest.mark.parametrize("spec", ["city8", "cigre_mv"])
def test_a_step_in_load_is_followed_with_inertia_and_settles(spec: str) -> None:
    network, state = solved(spec)
    branches = BranchTemperatures(network)
    low, high = loaded(state, network, 30), loaded(state, network, 90)
    start = branches.step(low, COOL, timedelta(0))
    soon = branches.step(high, COOL, timedelta(minutes=2))
    settled = branches.step(high, COOL, timedelta(days=10))
    assert (start < soon).all()
    assert (soon < settled).all()
    np.testing.assert_allclose(branches.step(high, COOL, timedelta(hours=1)), settled, atol=0.05)


def test_no_time_changes_nothing() -> None:
    network, state = solved("city8")
    branches = BranchTemperatures(network)
    first = branches.step(state, COOL, timedelta(0))
    np.testing.assert_array_equal(branches.step(loaded(state, network, 100), COOL, timedelta(0)), first)


def test_hot_transformers_age_and_others_do_not() -> None:
    network, state = solved("cigre_mv")
    branches = BranchTemperatures(network)
    branches.step(loaded(state, network, 100), COOL, timedelta(0))
    branches.step(loaded(state, network, 120), replace(COOL, ambient_c=40.0), timedelta(days=5))
    is_transformer = np.array(network.branch.kind) == BranchKind.TRANSFORMER
    assert (branches.thermal_age_years[is_transformer] > 5 / 365).all()  # faster than time
    assert (branches.thermal_age_years[~is_transformer] == 0).all()


def test_limits_and_ages_are_given_to_every_branch() -> None:
    network, _ = solved("cigre_mv")
    limit = temperature_limit_c(network)
    assert set(limit) <= {75.0, 90.0, 120.0}
    years = np.where(np.arange(network.n_branch) < 3, 1990.0, np.nan)
    register = asset_register(network, years, 2026, np.random.default_rng(1))
    assert register.year_generated.sum() == network.n_branch - 3
    assert (register.year_built[:3] == 1990).all()
    assert ((register.year_built >= 1976) & (register.year_built <= 2023)).all()


@pytest.mark.parametrize("spec", ["city8", "cigre_mv", "case30"])
def test_the_minutes_to_a_limit_are_those_that_minute_by_minute_steps_take(spec: str) -> None:
    network, state = solved(spec)
    thermal, limit_c = BranchTemperatures(network), temperature_limit_c(network)
    thermal.step(loaded(state, network, 60), RATED_WEATHER, timedelta(0))
    heavy, branches = loaded(state, network, 140), np.arange(network.n_branch)
    promised = thermal.minutes_to_limit(heavy, RATED_WEATHER, limit_c, branches)
    assert np.isfinite(promised).any()
    reached = np.full(network.n_branch, np.inf)
    for minute in range(1, 1441):
        temperature = thermal.step(heavy, RATED_WEATHER, timedelta(minutes=1))
        reached = np.where(np.isinf(reached) & (temperature >= limit_c), minute, reached)
    known = np.isfinite(reached)
    assert (np.isfinite(promised) == known).all()
    assert (np.abs(promised - reached)[known] <= np.maximum(1.5, 0.2 * reached[known])).all()


def test_the_minutes_to_a_limit_know_what_is_over_it_and_what_never_reaches_it() -> None:
    network, state = solved("city8")
    thermal, limit_c = BranchTemperatures(network), temperature_limit_c(network)
    before = thermal.step(loaded(state, network, 110), RATED_WEATHER, timedelta(0)).copy()
    some = np.array([3, 0])
    assert (thermal.minutes_to_limit(loaded(state, network, 110), RATED_WEATHER, limit_c, some) == 0).all()
    cool = BranchTemperatures(network)
    cool.step(loaded(state, network, 50), COOL, timedelta(0))
    assert np.isinf(cool.minutes_to_limit(loaded(state, network, 110), COOL, limit_c, some)).all()
    assert cool.minutes_to_limit(state, COOL, limit_c, np.array([], dtype=np.int64)).shape == (0,)
    np.testing.assert_array_equal(thermal.temperature_c, before)  # looking ahead leaves the watch where it is


def test_where_nothing_is_asked_or_all_is_settled_no_course_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    network = shared_case("city8").network
    thermal = BranchTemperatures(network)
    state = PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)
    thermal.step(state, RATED_WEATHER, timedelta(0))

    def refuse(*_arguments: object) -> None:
        raise AssertionError("a course was computed")

    monkeypatch.setattr(branch_temperatures, "conductor_temperature_step", refuse)
    nothing, every = np.array([], dtype=np.int64), np.arange(network.n_branch)
    limit_c = np.full(network.n_branch, -90.0)
    assert len(thermal.minutes_to_limit(state, RATED_WEATHER, limit_c, nothing)) == 0
    assert (thermal.minutes_to_limit(state, RATED_WEATHER, limit_c, every) == 0).all()
