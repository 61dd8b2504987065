"""Series and scenarios: every load in one group, sums kept, loads that stay together, plants that share one weather."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from grid.flow.powerflow import Injection
from grid.network import Energy, Network
from ml.forecasting.live.scenarios import DAYS_KEPT, MOST_TIMES, RecentLoads, renewable_names, scenarios_of
from ml.forecasting.live.series import MOST_GROUPS, MOST_OWN, SeriesSet, series_of
from ml.forecasting.records import SeriesKind
from tests.cases import shared_case

START = datetime(2026, 1, 15, 6, tzinfo=UTC)
HOURS, COUNT = 5, 40


def network(case: str) -> Network:
    return shared_case(case).network


def recent_of(grid: Network, rng: np.random.Generator) -> RecentLoads:
    """Two weeks of loads that each differ from day to day."""
    recent = RecentLoads.unknown(len(grid.load))
    recent.p_mw[:] = grid.load.p_mw * rng.uniform(0.5, 1.5, recent.p_mw.shape)
    recent.q_mvar[:] = recent.p_mw * 0.3
    return recent


def drawn_of(grid: Network, series: SeriesSet, rng: np.random.Generator) -> np.ndarray:
    present = series.values_mw(grid.load.p_mw[None, :], grid.generator.p_mw[None, :])[0, 1:]
    return present[None, :, None] * rng.uniform(0.8, 1.2, (COUNT, len(present), HOURS))


@pytest.mark.parametrize("case", ["city8", "case14", "cigre_mv", "case118", "simbench", "case1354pegase"])
def test_every_load_belongs_to_one_of_a_few_named_groups(case: str) -> None:
    grid = network(case)
    series = series_of(grid)
    assert series.group_of_load.shape == (len(grid.load),)
    assert set(series.group_of_load) == set(range(series.groups))
    assert series.groups <= max(MOST_OWN, MOST_GROUPS)
    names = [info.name for info in series.infos]
    assert len(set(names)) == len(names) == len({info.code for info in series.infos})
    assert series.infos[0].kind is SeriesKind.LOAD
    values = series.values_mw(grid.load.p_mw[None, :], grid.generator.p_mw[None, :])[0]
    assert values[0] == pytest.approx(grid.load.p_mw.sum())
    assert values[1 : 1 + series.groups].sum() == pytest.approx(values[0])


def test_plants_are_series_by_kind_with_their_installed_power() -> None:
    grid = network("city8")
    series = series_of(grid)
    energy = np.array(grid.generator.energy, dtype=object)
    found = {info.kind: info.installed_mw for info in series.infos if info.kind in (SeriesKind.PV, SeriesKind.WIND)}
    assert found == {
        SeriesKind.PV: grid.generator.p_mw[energy == Energy.PV].sum(),
        SeriesKind.WIND: grid.generator.p_mw[energy == Energy.WIND].sum(),
    }
    assert renewable_names(series) == ("Photovoltaics", "Wind")
    expected = series.expected_mw(grid, np.array([0.5, 0.7]) * grid.load.p_mw.sum())
    assert expected[0] == pytest.approx(0.6 * grid.load.p_mw.sum())


def test_names_that_come_twice_are_told_apart() -> None:
    grid = network("city8")
    same = replace(grid, bus=replace(grid.bus, name=("Here",) * grid.n_bus))
    names = [info.name for info in series_of(same).infos if info.kind is SeriesKind.GROUP]
    assert names == [f"Here {place}" for place in range(1, len(names) + 1)]


@pytest.mark.parametrize("case", ["city8", "case118"])
def test_groups_share_out_to_the_drawn_power_as_on_some_day(case: str) -> None:
    grid, rng = network(case), np.random.default_rng(1)
    series, recent = series_of(grid), recent_of(network(case), rng)
    drawn = drawn_of(grid, series, rng)
    slope, banks = rng.uniform(-0.01, 0.01, len(grid.load)), grid.generator.is_regulating.any()
    if banks:  # which follow the total load
        recent.q_mvar[:] = 50 + slope * recent.p_mw.sum(axis=2, keepdims=True)
    found = scenarios_of(grid, Injection.of_case(grid), series, recent, START, drawn, False, rng)
    for group in range(series.groups):
        mine = series.group_of_load == group
        np.testing.assert_allclose(found.load_p_mw[..., mine].sum(axis=2), drawn[:, group], rtol=1e-6)
    if banks:
        total_mw = found.load_p_mw.sum(axis=2, keepdims=True)
        np.testing.assert_allclose(found.load_q_mvar, 50 + slope * total_mw, rtol=1e-3, atol=1e-2)
    else:
        np.testing.assert_allclose(found.load_q_mvar, 0.3 * found.load_p_mw, rtol=1e-5)
    mine = np.flatnonzero(series.group_of_load == 0)
    shares = found.load_p_mw[:, 0, mine] / found.load_p_mw[:, 0, mine].sum(axis=1, keepdims=True)
    days = recent.p_mw[:, START.hour, mine] / recent.p_mw[:, START.hour, mine].sum(axis=1, keepdims=True)
    away = np.abs(shares[:, None] - days[None]).max(axis=2).min(axis=1)
    assert (away < 1e-5).all()


def test_without_recent_days_loads_keep_their_present_shares() -> None:
    grid, rng = network("case118"), np.random.default_rng(1)
    series, base = series_of(grid), Injection.of_case(network("case118"))
    drawn = drawn_of(grid, series, rng)
    found = scenarios_of(grid, base, series, RecentLoads.unknown(len(grid.load)), START, drawn, False, rng)
    mine = series.group_of_load == 0
    expected = base.load_p_mw[mine] / base.load_p_mw[mine].sum()
    np.testing.assert_allclose(found.load_p_mw[3, 2, mine] / found.load_p_mw[3, 2, mine].sum(), expected, rtol=1e-6)


def test_a_group_that_took_next_to_nothing_does_not_blow_up() -> None:
    grid, rng = network("city8"), np.random.default_rng(1)
    series, recent = series_of(grid), recent_of(network("city8"), rng)
    recent.p_mw[..., 0] = 1e-6
    recent.p_mw[..., 1] = 0.0
    found = scenarios_of(grid, Injection.of_case(grid), series, recent, START, drawn_of(grid, series, rng), False, rng)
    assert (found.load_p_mw[..., 0] <= 1e-6 * MOST_TIMES * 1.001).all()
    assert (found.load_p_mw[..., 1] == 0).all()


@pytest.mark.parametrize("is_held", [True, False])
def test_plants_share_the_weather_and_others_follow_unless_they_are_held(is_held: bool) -> None:
    grid, rng = network("city8"), np.random.default_rng(1)
    series, base = series_of(grid), Injection.of_case(grid)
    drawn = drawn_of(grid, series, rng)
    found = scenarios_of(grid, base, series, recent_of(grid, rng), START, drawn, is_held, rng)
    energy = np.array(grid.generator.energy, dtype=object)
    pv = energy == Energy.PV
    np.testing.assert_allclose(found.generator_p_mw[..., pv].sum(axis=2), drawn[:, series.groups])
    share = found.generator_p_mw[..., pv] / grid.generator.p_mw[pv]
    np.testing.assert_allclose(share[..., :1], share[..., 1:])
    thermal = energy == Energy.THERMAL
    ratio = found.load_p_mw.sum(axis=2) / base.load_p_mw.sum()
    expected = base.generator_p_mw[thermal] * (np.ones_like(ratio) if is_held else ratio)[..., None]
    np.testing.assert_allclose(found.generator_p_mw[..., thermal], expected)


def test_hours_take_the_place_of_those_two_weeks_before() -> None:
    recent = RecentLoads.unknown(2)
    for day in range(DAYS_KEPT + 1):
        recent.put(datetime(2026, 1, 1 + day, 3, tzinfo=UTC), np.full(2, day), np.zeros(2))
    assert sorted(recent.p_mw[:, 3, 0].tolist()) == list(range(1, DAYS_KEPT + 1))
    assert np.isnan(recent.p_mw[:, 4]).all()
