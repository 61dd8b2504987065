"""Predictive alerts: their hours, their hysteresis, their words, and their life in the alarm book."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.common.alarm_words import alarm_words, alert_words
from grid.alarms.book import Alarm, AlarmKind, AlarmState
from grid.alarms.predictive import Outlook, most_threatened, outlook, windows
from grid.alarms.rules import AlarmWatch
from grid.flow.powerflow import Injection
from grid.network import Network
from grid.studies.lookahead import LookAhead, Samples, look_ahead
from tests.cases import shared_case

START = datetime(2026, 1, 15, 15, tzinfo=UTC)
BRANCH, BUS = 3, 2


def city() -> Network:
    return shared_case("city8").network


def expected(
    overload: list[float] | None = None,
    low: list[float] | None = None,
    unsolved: list[float] | None = None,
    high_percent: float = 112.4,
) -> LookAhead:
    """A quiet look-ahead but for the chances of one branch, one bus and the grid, hour by hour."""
    network, hours = city(), len(overload or low or unsolved or [])
    branches, buses = np.zeros((hours, network.n_branch)), np.zeros((hours, network.n_bus))
    over, below, none = branches.copy(), buses.copy(), np.zeros(hours)
    over[:, BRANCH] = 0 if overload is None else overload
    below[:, BUS] = 0 if low is None else low
    none[:] = 0 if unsolved is None else unsolved
    return LookAhead(
        100, none, over, over, branches + 50, np.where(over > 0, high_percent, 60.0), below, below, buses,
        np.where(below > 0, 0.9312, 1.0), buses + 1.01, none, none, none, none,
    )  # fmt: skip


def said(overload: list[float], previous: Outlook | None = None) -> list[str]:
    return [alert_words(alert) for alert in outlook(city(), expected(overload), START, previous).alerts]


def test_an_alert_says_what_when_how_likely_and_how_bad() -> None:
    name = city().branch.name[BRANCH]
    assert said([0.1, 0.2, 0.52, 0.71, 0.3]) == [f"{name}: 71 % chance of overload between 17:00 and 19:00; peak 112 %"]
    assert said([0.0, 0.5, 0.5]) == []  # 50 % is not above it


def test_hours_after_midnight_have_their_day() -> None:
    text = said([0.0] * 7 + [0.6, 0.6, 1.0, 0.1])[0]
    assert "100 % chance of overload between 22:00 and Fri 01:00" in text
    assert "over 99 % chance" in said([0.996])[0]


def test_an_alert_goes_on_until_the_chance_has_fallen_to_35_percent() -> None:
    alerts = outlook(city(), expected([0.4, 0.51, 0.4, 0.36, 0.35, 0.4, 0.6]), START).alerts
    assert [(alert.begins_at.hour, alert.ends_at.hour) for alert in alerts] == [(21, 22), (16, 19)]


def test_an_asset_with_an_alert_keeps_it_down_to_35_percent() -> None:
    first = outlook(city(), expected([0.2, 0.6, 0.2]), START)
    assert said([0.2, 0.4, 0.2]) == []
    assert len(said([0.2, 0.4, 0.2], first)) == 1
    assert said([0.2, 0.35, 0.2], first) == []


def test_hours_without_a_known_chance_neither_begin_nor_end_an_alert() -> None:
    chance = np.array([[np.nan, 0.6, np.nan, 0.6, 0.2, np.nan]]).T * 100
    assert windows(chance, 50, 35, np.array([False])) == [(0, slice(1, 4))]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(0, 100)] * 3), min_size=1, max_size=30),
    st.tuples(*[st.booleans()] * 3),
)
def test_windows_are_what_a_relay_with_hysteresis_shows(course: list[tuple[int, ...]], held: tuple[bool, ...]) -> None:
    chance = np.array(course, dtype=float)
    shown = np.zeros(chance.shape, dtype=bool)
    for asset, hours in windows(chance, 50, 35, np.array(held)):
        assert not shown[hours, asset].any()
        shown[hours, asset] = True
    for asset, keeps in enumerate(held):
        on = False
        for hour, value in enumerate(chance[:, asset]):
            on = value > 35 if on or keeps else value > 50
            assert shown[hour, asset] == on


def test_low_voltage_and_lost_solutions_are_told_as_such_and_ranked_by_gravity() -> None:
    ahead = replace(expected([0.0, 0.8]), low_of_solved=expected(low=[0.7, 0.1]).low_of_solved)
    ahead = replace(ahead, vm_low_pu=expected(low=[0.7, 0.1]).vm_low_pu, unsolved_share=np.array([0.0, 0.2]))
    seen = outlook(city(), ahead, START)
    assert [alert.kind for alert in seen.alerts] == [
        AlarmKind.EXPECTED_DIVERGENCE, AlarmKind.EXPECTED_OVERLOAD, AlarmKind.EXPECTED_VOLTAGE_DEVIATION,
    ]  # fmt: skip
    assert alert_words(seen.alerts[0]) == "The grid: 20 % chance of no power flow solution between 16:00 and 17:00"
    assert alert_words(seen.alerts[2]) == (
        f"{city().bus.name[BUS]}: 70 % chance of low voltage between 15:00 and 16:00; lowest 0.931 p.u."
    )
    assert seen.alerts[2].excess == pytest.approx(1 - 0.9312 / city().bus.min_vm_pu[BUS])


class Desk:
    """A watch that is shown one outlook after the other, an hour apart."""

    def __init__(self) -> None:
        self.watch = AlarmWatch(city(), np.full(city().n_branch, 90.0))
        self.last: Outlook | None = None
        self.now = START

    def show(self, ahead: LookAhead) -> list[Alarm]:
        self.last = outlook(city(), ahead, self.now, self.last)
        self.watch.watch_outlook(self.last, self.now)
        self.now += timedelta(hours=1)
        return list(self.watch.book.active())


def test_alarms_are_raised_held_retold_and_cleared_with_their_alerts() -> None:
    desk, name = Desk(), city().branch.name[BRANCH]
    assert desk.show(expected([0.2, 0.5])) == []
    (raised,) = desk.show(expected([0.2, 0.71]))
    assert raised.kind is AlarmKind.EXPECTED_OVERLOAD
    assert (raised.asset_id, raised.value, raised.limit) == (BRANCH, pytest.approx(71), 50)
    assert alarm_words(raised) == f"{name}: 71 % chance of overload between 17:00 and 18:00; peak 112 %"
    (moved,) = desk.show(expected([0.71, 0.2]))
    assert moved.id == raised.id
    assert "between 17:00 and 18:00" in alarm_words(moved)
    (held,) = desk.show(expected([0.2, 0.0, 0.36]))
    assert held.state is AlarmState.UNACKNOWLEDGED
    assert "36 % chance of overload between 20:00 and 21:00" in alarm_words(held)
    (returned,) = desk.show(expected([0.2, 0.35]))
    assert returned.state is AlarmState.RETURNED_UNACKNOWLEDGED
    assert alarm_words(returned) == f"Chance of overload of {name} is back to 35.0 %, high limit 50.0 %."
    desk.watch.book.acknowledge(raised.id, "Ada", desk.now)
    assert desk.watch.book.active() == ()


def test_the_same_chance_at_another_hour_changes_what_the_alarm_says() -> None:
    desk = Desk()
    first = alarm_words(desk.show(expected([0.7, 0.0, 0.0]))[0])
    second = alarm_words(desk.show(expected([0.0, 0.0, 0.7]))[0])
    assert "between 15:00 and 16:00" in first
    assert "between 18:00 and 19:00" in second


def test_alarms_and_alerts_agree_whatever_comes() -> None:
    desk, rng = Desk(), np.random.default_rng(5)
    ever = 0
    for _ in range(200):
        alarms = desk.show(expected(rng.choice([0.0, 0.3, 0.35, 0.4, 0.5, 0.6], 2).tolist()))
        assert desk.last is not None
        standing = [alarm for alarm in alarms if alarm.state is AlarmState.UNACKNOWLEDGED]
        assert bool(standing) == bool(desk.last.alerts)
        ever += bool(standing)
    assert 20 < ever < 180


def test_a_grid_whose_load_grows_gets_alerts_of_its_overloads_before_they_come() -> None:
    network, rng = city(), np.random.default_rng(2)
    base = Injection.of_case(network)
    level = np.linspace(0.6, 1.7, 6)[None, :, None] * (1 + 0.03 * rng.standard_normal((50, 6, 1)))
    samples = Samples(base.load_p_mw * level, base.load_q_mvar * level, base.generator_p_mw * level)
    ahead = look_ahead(network, base, network.branch.closed, samples)
    alerts = outlook(network, ahead, START).alerts
    overloads = [alert for alert in alerts if alert.kind is AlarmKind.EXPECTED_OVERLOAD]
    assert overloads
    assert all(alert.ends_at == START + timedelta(hours=6) and alert.peak > 100 for alert in overloads)
    likely = np.flatnonzero(ahead.overload_of_solved.max(axis=0) > 0.5)
    assert {alert.asset_id for alert in overloads} == set(likely.tolist())


def test_the_most_threatened_have_the_largest_chances_then_the_most_strain() -> None:
    chance, strain = np.array([0.0, 20.0, np.nan, 20.0, 70.0]), np.array([9.0, 1.0, 9.0, 2.0, np.nan])
    assert most_threatened(chance, strain, 9).tolist() == [4, 3, 1]
    assert most_threatened(chance, strain, 1).tolist() == [4]
    assert most_threatened(chance * 0, strain, 9).tolist() == []
