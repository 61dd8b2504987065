"""Built-in cases are calm when nobody touches them: no alarm in a simulated day but what their published state breaks.

The states are those that the engine would judge: simulated instruments, the estimator, the power flow, temperatures.
"""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from grid.alarms.book import Alarm, AssetKind
from grid.alarms.cards import StandingCause
from grid.alarms.predictive import Outlook
from grid.alarms.rules import AlarmWatch, SolvedScan
from grid.alarms.standing import AlarmLimits, limits_of_published_state, own_limits
from grid.assets.register import temperature_limit_c
from grid.cases.cases import BUILT_IN, DEFAULT_SIMBENCH
from grid.cases.ratings import with_day_ratings
from grid.estimation.substitution import Estimator
from grid.flow.compensation import compensation_of, injection_at
from grid.flow.powerflow import Injection, PowerFlow
from grid.network import Network
from grid.sources.simulator import Simulator
from grid.thermal.branch_temperatures import BranchTemperatures
from tests.cases import shared_case
from tests.paths import ROOT

WINTER, SUMMER = datetime(2026, 1, 15, 6), datetime(2026, 7, 15, 6)
DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)
SMALL = ("city8", "case14", "case30", "case57", "case118", "case300", "case33bw", "cigre_mv")
TRANSMISSION = ("case14", "case30", "case57", "case118", "case300", "case1354pegase")
NOT_LISTED = (f"simbench:{DEFAULT_SIMBENCH}", "synthetic:300:5")


def limits_of(spec: str) -> AlarmLimits:
    network = shared_case(spec).network
    return limits_of_published_state(network) if spec in BUILT_IN else own_limits(network)


def alarms_of(spec: str, start: datetime, seed: int, length: timedelta, step: timedelta) -> set[Alarm]:
    """Every alarm that was active in a stretch of a case's simulated time."""
    case = shared_case(spec)
    network, source, last = case.network, Simulator(case, start, seed), None
    watch = AlarmWatch(network, temperature_limit_c(network), limits_of(spec))
    estimator, power_flow, thermal = Estimator(network), PowerFlow(network), BranchTemperatures(network)
    seen: set[Alarm] = set()
    for _ in range(1 + length // step):
        frame = source.read()
        estimate = estimator.estimate(frame)
        state = power_flow.solve(estimate.injection, estimate.closed, last)
        temperature = thermal.step(state, frame.weather, timedelta(0) if last is None else step)
        last = state.voltage
        scan = SolvedScan(
            state=state,
            temperature_c=temperature,
            expected_closed=source.closed,
            expected_on=np.ones(len(network.generator), dtype=bool),
            generator_on=estimate.injection.generator_on,
            load_p_mw=state.load_p_mw,
        )
        watch.watch_state(scan, frame.measured_at)
        watch.watch_system(False, False, estimate.suspect_bus, frame.measured_at)
        seen |= set(watch.book.active())
        source.advance(step)
    return seen


@pytest.mark.parametrize("start", [WINTER, SUMMER])
@pytest.mark.parametrize("spec", SMALL)
def test_a_day_of_an_untouched_case_raises_no_alarm(spec: str, start: datetime) -> None:
    assert alarms_of(spec, start, 1, DAY, QUARTER) == set()


@pytest.mark.parametrize("spec", ["case1354pegase", *NOT_LISTED])
def test_a_day_of_a_large_case_raises_no_alarm(spec: str) -> None:
    assert alarms_of(spec, WINTER, 1, DAY, timedelta(hours=1)) == set()


@pytest.mark.parametrize("spec", ["case118", "case300"])
def test_standing_still_raises_no_alarm(spec: str) -> None:
    """100 cycles of 10 minutes at the hour of the least load, in which instruments alone differ."""
    assert alarms_of(spec, datetime(2026, 6, 21, 3), 3, timedelta(hours=16), timedelta(minutes=10)) == set()


@pytest.mark.long
@pytest.mark.parametrize("start", [WINTER, SUMMER])
@pytest.mark.parametrize("spec", [*BUILT_IN, *NOT_LISTED])
def test_a_day_of_every_case_in_steps_of_5_minutes_raises_no_alarm(spec: str, start: datetime) -> None:
    assert alarms_of(spec, start, 2, DAY, timedelta(minutes=5)) == set()


@pytest.mark.long
@pytest.mark.parametrize("spec", SMALL)
def test_an_hour_of_the_clock_raises_no_alarm(spec: str) -> None:
    """300 simulated hours at the default speed, in cycles of 15 minutes."""
    assert alarms_of(spec, WINTER, 7, timedelta(hours=300), QUARTER) == set()


@pytest.mark.parametrize("spec", TRANSMISSION)
def test_ratings_that_a_case_gives_stay_and_derived_ones_hold_at_every_load_level(spec: str) -> None:
    network = shared_case(spec).network
    again = with_day_ratings(network).branch
    given = ~network.branch.rating_derived
    np.testing.assert_array_equal(again.rating_from_ka[given], network.branch.rating_from_ka[given])
    compensation = compensation_of(network)
    assert compensation is not None
    for level in (0.35, 0.5, 0.75, 1.0):
        state = PowerFlow(network).solve(injection_at(network, compensation, level), network.branch.closed)
        assert state.loading_percent[network.branch.rating_derived].max(initial=0) < 90
        assert state.loading_percent[given].max(initial=0) < 100


@pytest.mark.parametrize("spec", TRANSMISSION)
def test_at_the_cases_own_load_there_is_nothing_to_compensate(spec: str) -> None:
    """So the published state is what it is; at other levels load buses keep its voltages."""
    network = shared_case(spec).network
    compensation = compensation_of(network)
    assert compensation is not None
    assert np.abs(compensation.at(1.0)).max() < 1e-4
    load_bus = np.setdiff1d(network.load.bus, network.generator.bus[network.generator.holds_voltage])
    for level in (0.5, 0.8):
        state = PowerFlow(network).solve(injection_at(network, compensation, level), network.branch.closed)
        np.testing.assert_allclose(state.vm_pu[load_bus], np.abs(network.base_voltage[load_bus]), atol=1e-6)


@pytest.mark.parametrize("spec", ["city8", "case33bw", "cigre_mv"])
def test_feeders_have_no_compensation_and_keep_the_ratings_of_their_own_state(spec: str) -> None:
    network = shared_case(spec).network
    assert compensation_of(network) is None
    assert with_day_ratings(network) is network


def test_what_a_published_state_breaks_is_alarmed_where_it_gets_worse() -> None:
    network, limits = shared_case("case57").network, limits_of("case57")
    low = network.bus.name.index("Bus 31 V4")
    (found,) = [one for one in limits.standing if one.cause is StandingCause.PUBLISHED]
    assert (found.asset_id, found.asset_kind, found.is_low) == (low, AssetKind.BUS, True)
    assert found.value == pytest.approx(0.936, abs=5e-4)  # MATPOWER's solution
    assert 0.90 < limits.min_vm_pu[low] < found.value
    others = np.arange(network.n_bus) != low
    np.testing.assert_array_equal(limits.min_vm_pu[others], network.bus.min_vm_pu[others])


def test_what_stands_is_not_expected_either() -> None:
    network = shared_case("case57").network
    watch = AlarmWatch(network, temperature_limit_c(network), limits_of("case57"))
    certain = Outlook((), np.zeros(network.n_branch), np.full(network.n_bus, 100.0), 0.0)
    watch.watch_outlook(certain, WINTER)
    stands = {one.asset_id for one in watch.limits.standing}
    assert stands
    assert {alarm.asset_id for alarm in watch.book.active()} == set(range(network.n_bus)) - stands


@pytest.mark.parametrize("spec", ["city8", "case30", "case33bw", "case1354pegase"])
def test_a_case_that_keeps_its_limits_has_nothing_standing(spec: str) -> None:
    assert limits_of(spec).standing == ()


@pytest.mark.parametrize("spec", BUILT_IN)
def test_what_stands_is_what_the_published_state_breaks_or_touches(spec: str) -> None:
    network, limits = shared_case(spec).network, limits_of(spec)
    state = PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)
    broken = np.count_nonzero((state.vm_pu < network.bus.min_vm_pu) | (state.vm_pu > network.bus.max_vm_pu))
    broken += np.count_nonzero(state.loading_percent > 100)
    assert broken == sum(one.cause is StandingCause.PUBLISHED for one in limits.standing)


def test_the_table_in_the_docs_lists_exactly_what_stands() -> None:
    text = (Path(ROOT) / "docs" / "models.md").read_text(encoding="utf-8")
    told = {
        cells[0].strip("`"): [names_in(cell) for cell in cells[1:]]
        for cells in ([cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines())
        if cells[0].strip("`") in BUILT_IN and len(cells) == 5
    }
    for spec in BUILT_IN:
        assert told.get(spec, [set(), set(), set(), set()]) == standing_names(spec, shared_case(spec).network)


def names_in(cell: str) -> set[str]:
    return {name.strip() for name in cell.split(",") if name.strip()}


def standing_names(spec: str, network: Network) -> list[set[str]]:
    """Names by column: below and above their band or rating, on a limit, at part load."""
    standing = limits_of(spec).standing
    broken = [one for one in standing if one.cause is StandingCause.PUBLISHED]
    assert {one.asset_name for one in standing} <= {*network.bus.name, *network.branch.name}
    return [
        {one.asset_name for one in broken if one.is_low},
        {one.asset_name for one in broken if not one.is_low},
        {one.asset_name for one in standing if one.cause is StandingCause.ON_LIMIT},
        {one.asset_name for one in standing if one.cause is StandingCause.PART_LOAD},
    ]
