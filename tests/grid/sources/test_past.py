"""The simulated past joins the simulator's start and is like what the simulator does afterwards."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from grid.cases.case import Case
from grid.network import Energy
from grid.sources.demand import profile_row
from grid.sources.past import hourly_rows
from grid.sources.simulator import Simulator
from tests.cases import shared_case

START = datetime(2026, 3, 10, 6, 20)
YEAR = 365 * 24


@pytest.fixture(scope="module")
def city() -> Case:
    return shared_case("city8")


@pytest.fixture(scope="module")
def simbench() -> Case:
    return shared_case("simbench")


def test_it_ends_with_the_last_whole_hour_before_the_start(city: Case) -> None:
    past = Simulator(city, START, 1).past.hours(48)
    assert past.start == Simulator(city, START, 1).time.replace(minute=0) - timedelta(hours=48)
    assert past.load_p_mw.shape == past.load_q_mvar.shape == (48, len(city.network.load))
    assert past.generator_p_mw.shape == (48, len(city.network.generator))


def test_more_hours_leave_the_later_ones_as_they_are(city: Case) -> None:
    past = Simulator(city, START, 1).past
    np.testing.assert_array_equal(past.hours(500).load_p_mw[-100:], past.hours(100).load_p_mw)
    np.testing.assert_array_equal(past.hours(500).generator_p_mw[-100:], past.hours(100).generator_p_mw)


def test_it_joins_the_weather_of_the_start(city: Case) -> None:
    """The last hour's temperature goes with that of the start over many seeds; a month earlier it doesn't."""
    last, early, first = [], [], []
    for seed in range(60):
        simulator = Simulator(city, START, seed)
        ambient = simulator.past.hours(24 * 30).weather.ambient_c
        last.append(ambient[-1])
        early.append(ambient[0])
        first.append(float(simulator.read().weather.ambient_c))
    assert np.corrcoef(last, first)[0, 1] > 0.9
    assert abs(np.corrcoef(early, first)[0, 1]) < 0.4


@pytest.mark.long
def test_a_year_of_it_is_like_a_year_of_the_simulator(city: Case) -> None:
    simulator = Simulator(city, START, 3)
    past = simulator.past.hours(YEAR)
    loads, generation = [], []
    for _ in range(YEAR // 5):  # each fifth hour
        simulator.advance(timedelta(hours=5))
        frame = simulator.read()
        loads.append(frame.load.p_mw.value)
        generation.append(frame.generator.p_mw.value)
    renewable = np.isin(np.array(city.network.generator.energy, dtype=object), [Energy.PV, Energy.WIND])
    assert renewable.any()
    for told, seen in (
        (past.load_p_mw, np.array(loads)),
        (past.generator_p_mw[:, renewable], np.array(generation)[:, renewable]),
    ):
        np.testing.assert_allclose(told.mean(axis=0), seen.mean(axis=0), rtol=0.12)
        np.testing.assert_allclose(told.std(axis=0), seen.std(axis=0), rtol=0.12)


def test_profiles_are_replayed_hour_by_hour(simbench: Case) -> None:
    past = Simulator(simbench, START, 1).past.hours(30)
    profiles, loads = simbench.profiles, simbench.network.load
    assert profiles is not None
    for hour in (0, 17, 29):
        row = profile_row(past.start + timedelta(hours=hour), profiles.step_minutes)
        name = loads.profile[0]
        expected = loads.p_mw[0] * profiles.load_p[name][row : row + 4].mean()
        assert past.load_p_mw[hour, 0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("start", [datetime(2024, 2, 27), datetime(2026, 2, 27), datetime(2025, 12, 30)])
def test_rows_of_a_leap_year_are_those_of_the_live_profiles(start: datetime) -> None:
    rows = hourly_rows(start, 96, 15)
    assert rows.tolist() == [profile_row(start + timedelta(hours=hour), 15) for hour in range(96)]


def test_it_holds_no_more_than_fits_into_memory(city: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grid.sources.past.MOST_VALUES", 1000)
    values = 2 * len(city.network.load) + len(city.network.generator)
    assert len(Simulator(city, START, 1).past.hours(500).load_p_mw) == 1000 // values
