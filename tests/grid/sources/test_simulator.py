"""The simulated grid: its weather, demand and instruments, against physics and statistics."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from grid.cases.case import Case
from grid.flow.powerflow import Injection, PowerFlow
from grid.network import Energy
from grid.sources.clock import clock_at
from grid.sources.demand import class_shapes, profile_row, pv_share, wind_share
from grid.sources.simulator import Simulator
from grid.sources.weather import WeatherModel, clear_sky_w_m2
from grid.telemetry import Event, EventKind, Frame, Quality, Reason, Weather
from tests.cases import shared_case

NIGHT, NOON = datetime(2026, 6, 21, 0), datetime(2026, 6, 21, 12)
HOUR = timedelta(hours=1)


def case(spec: str = "city8") -> Case:
    return shared_case(spec)


def simulator(spec: str = "city8", start: datetime = NOON, seed: int = 1) -> Simulator:
    return Simulator(case(spec), start, seed)


def event(kind: EventKind, target: int | None = None, magnitude: float = 1.0) -> Event:
    return Event(1, kind, target, "", magnitude, NOON)


def frames(source: Simulator, count: int, step: timedelta = HOUR) -> list[Frame]:
    found = []
    for _ in range(count):
        source.advance(step)
        found.append(source.read())
    return found


def weather(**changes: float) -> Weather:
    return replace(Weather(20.0, 5.0, 45.0, 800.0, 60.0), **changes)


def test_one_seed_gives_one_course() -> None:
    one, again, other = (frames(simulator(seed=seed), 5) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one[-1].load.p_mw.value, again[-1].load.p_mw.value)
    assert not np.array_equal(one[-1].load.p_mw.value, other[-1].load.p_mw.value)


def test_the_clear_sky_is_dark_at_night_and_brightest_at_a_summer_noon() -> None:
    assert clear_sky_w_m2(clock_at(NIGHT)) == 0
    assert 800 < clear_sky_w_m2(clock_at(NOON)) < 1000  # 63 degrees of elevation at 50 degrees north
    assert clear_sky_w_m2(clock_at(datetime(2026, 12, 21, 12))) < 0.4 * clear_sky_w_m2(clock_at(NOON))


def test_weather_has_the_season_the_wind_and_the_memory_it_should() -> None:
    model = WeatherModel(np.random.default_rng(1))
    summer, winter, wind = [], [], []
    for _ in range(4000):
        model.advance(6.0)
        summer.append(model.at(NOON).ambient_c)
        winter.append(model.at(datetime(2026, 1, 20, 12)).ambient_c)
        wind.append(model.at(NOON).wind_m_s)
    assert np.mean(summer) - np.mean(winter) == pytest.approx(17.5, abs=1.5)
    assert np.mean(wind) == pytest.approx(4.5, rel=0.06)
    assert min(wind) >= 0.5
    before = model.at(NOON).ambient_c
    model.advance(1 / 60)
    assert model.at(NOON).ambient_c == pytest.approx(before, abs=0.5)
    assert model.at(NOON, heat_wave_k=12).ambient_c > model.at(NOON).ambient_c + 10


def test_photovoltaics_and_wind_follow_their_curves() -> None:
    assert pv_share(weather(irradiance_w_m2=0.0)) == 0
    assert 0.6 < pv_share(weather(irradiance_w_m2=1000.0)) < 0.95
    assert pv_share(weather(ambient_c=40.0)) < pv_share(weather(ambient_c=0.0))
    assert wind_share(1.0) == wind_share(30.0) == 0
    assert wind_share(12.0) == 1
    curve = [wind_share(speed) for speed in np.linspace(2.2, 8.5, 20)]
    assert curve == sorted(curve)


def test_demand_has_working_days_evenings_and_peaks_near_one() -> None:
    year = [datetime(2026, 1, 1) + HOUR * hour for hour in range(8760)]
    shapes = np.array([class_shapes(clock_at(time), 10.0) for time in year])
    assert (shapes.max(axis=0) > 0.8).all()
    assert (shapes <= 1.1).all()
    assert (shapes >= 0.2).all()
    monday, sunday = (class_shapes(clock_at(datetime(2026, 6, day, 12)), 15.0) for day in (22, 21))
    assert (monday[1:] > 1.2 * sunday[1:]).all()
    evening, night = (clock_at(datetime(2026, 6, 22, hour)) for hour in (19, 3))
    assert class_shapes(evening, 15.0)[0] > 1.5 * class_shapes(night, 15.0)[0]


def test_simbench_replays_its_own_year() -> None:
    loaded = case("simbench")
    time = datetime(2026, 3, 9, 17, 45)
    frame = simulator("simbench", time).read()
    row = profile_row(time, 15)
    assert row == ((31 + 29 + 8) * 24 + 17) * 4 + 3  # the profiles' year is a leap year
    assert loaded.profiles is not None
    profiles = loaded.profiles.load_p
    expected = [profiles[name][row] for name in loaded.network.load.profile] * loaded.network.load.p_mw
    np.testing.assert_allclose(frame.load.p_mw.value, expected, rtol=0.03)


@pytest.mark.parametrize(("year", "days"), [(2024, 366), (2026, 365)])
def test_every_quarter_of_every_year_has_a_profile_row(year: int, days: int) -> None:
    rows = [profile_row(datetime(year, 1, 1) + timedelta(minutes=15 * step), 15) for step in range(96 * days)]
    assert 0 <= min(rows) <= max(rows) < 366 * 96
    assert len(set(rows)) == len(rows)


def test_measurements_are_the_true_state_and_noise_of_the_stated_size() -> None:
    source = simulator()
    seen = [source.read() for _ in range(300)]  # time stands still: only the noise differs
    load = np.array([frame.load.p_mw.value for frame in seen])
    voltage = np.array([frame.bus.vm_pu.value for frame in seen])
    np.testing.assert_allclose(load.std(axis=0) / load.mean(axis=0), 0.005, rtol=0.2)
    np.testing.assert_allclose(voltage.std(axis=0) / voltage.mean(axis=0), 0.001, rtol=0.2)
    network = case().network
    mean = Injection(
        load.mean(axis=0),
        np.mean([frame.load.q_mvar.value for frame in seen], axis=0),
        np.mean([frame.generator.p_mw.value for frame in seen], axis=0),
        np.mean([frame.generator.q_mvar.value for frame in seen], axis=0),
        np.mean([frame.generator.vm_pu.value for frame in seen], axis=0),
        seen[0].generator.on.value,
    )
    state = PowerFlow(network).solve(mean, seen[0].branch.closed.value)
    np.testing.assert_allclose(voltage.mean(axis=0), state.vm_pu, atol=5e-4)


def test_sources_move_within_five_percent_and_in_steps() -> None:
    source = simulator()
    network = case().network
    set_point = network.generator.vm_pu[network.generator.is_source]
    values = np.array([frame.generator.vm_pu.value[network.generator.is_source] for frame in frames(source, 200)])
    ratio = values / set_point
    assert np.abs(ratio - 1).max() < 0.055
    assert ratio.std() > 0.002
    np.testing.assert_allclose(ratio[:, 0], ratio[:, 1], rtol=0.01)  # they hang on one grid


def test_renewables_follow_the_weather_that_cools_the_lines() -> None:
    energy = case().network.generator.energy
    pv = [index for index, kind in enumerate(energy) if kind is Energy.PV]
    night, noon = (simulator(start=time).read() for time in (NIGHT, NOON))
    assert (night.generator.p_mw.value[pv] == 0).all()
    assert night.weather.irradiance_w_m2 == 0
    installed = case().network.generator.p_mw[pv]
    np.testing.assert_allclose(noon.generator.p_mw.value[pv], installed * pv_share(noon.weather), rtol=0.03)


def test_time_passes_as_told() -> None:
    source = simulator()
    source.advance(timedelta(hours=5, minutes=7))
    assert source.time == NOON.replace(tzinfo=UTC) + timedelta(hours=5, minutes=7)
    before = source.time
    source.advance(timedelta(0))
    assert source.read().measured_at == before


def test_events_do_what_they_say() -> None:
    source = simulator()
    calm = source.read()
    source.events = (event(EventKind.LOAD_SURGE, None, 1.5),)
    np.testing.assert_allclose(source.read().load.p_mw.value, 1.5 * calm.load.p_mw.value, rtol=0.05)
    source.events = (event(EventKind.LOAD_SURGE, 2, 2.0),)
    load_bus = case().network.load.bus
    np.testing.assert_allclose(
        source.read().load.p_mw.value / calm.load.p_mw.value, np.where(load_bus == 2, 2.0, 1.0), rtol=0.05
    )
    source.events = (event(EventKind.LINE_OUTAGE, 8),)
    assert not source.read().branch.closed.value[8]
    source.events = (event(EventKind.GENERATOR_TRIP, 0),)
    assert not source.read().generator.on.value[0]
    source.events = (event(EventKind.HEAT_WAVE, None, 10.0),)
    assert source.read().weather.ambient_c > calm.weather.ambient_c + 8
    source.events = ()
    assert source.read().branch.closed.value[8]


def test_sensors_that_are_gone_send_nothing_and_stuck_ones_the_same() -> None:
    source = simulator()
    at_bus = case().network.load.bus == 3
    source.read()
    source.events = (event(EventKind.SENSOR_GONE, 3),)
    gone = source.read()
    assert (gone.load.p_mw.quality[at_bus] == Quality.MISSING).all()
    assert np.isnan(gone.load.p_mw.value[at_bus]).all()
    assert (gone.load.p_mw.reason[at_bus] == Reason.NO_ANSWER).all()
    assert (gone.load.p_mw.quality[~at_bus] == Quality.GOOD).all()
    source.events = ()
    last = source.read()
    source.events = (event(EventKind.SENSOR_STUCK, 3),)
    stuck = frames(source, 3)
    for frame in stuck:
        np.testing.assert_array_equal(frame.load.p_mw.value[at_bus], last.load.p_mw.value[at_bus])
        assert (frame.load.p_mw.quality == Quality.GOOD).all()


def test_a_grid_that_cannot_be_served_sends_loads_but_no_voltages() -> None:
    source = simulator()
    source.read()
    source.events = (event(EventKind.LOAD_SURGE, None, 10.0),)
    frame = source.read()
    assert (frame.bus.vm_pu.quality == Quality.MISSING).all()
    assert np.isfinite(frame.load.p_mw.value).all()
