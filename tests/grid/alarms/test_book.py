"""Alarms: every cell of the state table, deadband, delays, unknown values, people, and the cost of a scan."""

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.common.alarm_words import alarm_words
from grid.alarms.book import AlarmBook, AlarmKind, AlarmRule, AlarmState, AssetKind, PredictiveAlert, Priority
from grid.alarms.limits import Direction

START = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
OVERLOAD = AlarmRule(AlarmKind.OVERLOAD, AssetKind.BRANCH, Priority.HIGH, unit="%", deadband=5.0)
VOLTAGE = AlarmRule(
    AlarmKind.VOLTAGE_DEVIATION, AssetKind.BUS, Priority.MEDIUM, "p.u.", 0.01, direction=Direction.OUTSIDE
)
STALE = AlarmRule(AlarmKind.SOURCE_STALE, AssetKind.SYSTEM, Priority.LOW)
NORMAL, UNACKNOWLEDGED, RETURNED, ACKNOWLEDGED = (
    AlarmState.NORMAL,
    AlarmState.UNACKNOWLEDGED,
    AlarmState.RETURNED_UNACKNOWLEDGED,
    AlarmState.ACKNOWLEDGED,
)


class Desk:
    """A book with the loading of one line, scanned once a second."""

    def __init__(self, rule: AlarmRule = OVERLOAD) -> None:
        self.book, self.rule, self.now = AlarmBook(), rule, START

    def scan(self, *values: float) -> list[AlarmState]:
        """Scan the values one second apart; return the state after each."""
        states = []
        for value in values:
            limit = np.array([100.0])
            self.book.update(self.rule, np.array([value]), ["Line 4"], self.now, high_limits=limit)
            self.now += SECOND
            states.append(self.state())
        return states

    def state(self) -> AlarmState:
        active = self.book.active()
        return active[0].state if active else NORMAL

    def acknowledge(self) -> None:
        self.book.acknowledge(self.book.active()[0].id, "Ada", self.now)


def desk_in(state: AlarmState) -> Desk:
    """Return a desk whose line is in the given state."""
    desk = Desk()
    if state is not NORMAL:
        desk.scan(110.0)
    if state is ACKNOWLEDGED:
        desk.acknowledge()
    if state is RETURNED:
        desk.scan(50.0)
    assert desk.state() is state
    return desk


@pytest.mark.parametrize(
    ("state", "event", "expected"),
    [
        (NORMAL, "beyond", UNACKNOWLEDGED),
        (NORMAL, "inside", NORMAL),
        (NORMAL, "unknown", NORMAL),
        (UNACKNOWLEDGED, "beyond", UNACKNOWLEDGED),
        (UNACKNOWLEDGED, "inside", RETURNED),
        (UNACKNOWLEDGED, "unknown", UNACKNOWLEDGED),
        (UNACKNOWLEDGED, "acknowledge", ACKNOWLEDGED),
        (ACKNOWLEDGED, "beyond", ACKNOWLEDGED),
        (ACKNOWLEDGED, "inside", NORMAL),
        (ACKNOWLEDGED, "unknown", ACKNOWLEDGED),
        (ACKNOWLEDGED, "acknowledge", ACKNOWLEDGED),
        (RETURNED, "beyond", UNACKNOWLEDGED),
        (RETURNED, "inside", RETURNED),
        (RETURNED, "unknown", RETURNED),
        (RETURNED, "acknowledge", NORMAL),
    ],
)
def test_state_table(state: AlarmState, event: str, expected: AlarmState) -> None:
    desk = desk_in(state)
    n_before = len(desk.book.journal())
    if event == "acknowledge":
        desk.acknowledge()
    else:
        desk.scan({"beyond": 120.0, "inside": 60.0, "unknown": np.nan}[event])
    assert desk.state() is expected
    written = [(entry.previous, entry.alarm.state) for entry in desk.book.journal()[n_before:]]
    assert written == ([] if state is expected else [(state, expected)])


def test_raised_again_keeps_the_id_until_normal_and_then_gets_a_new_one() -> None:
    desk = Desk()
    desk.scan(110.0, 50.0, 120.0)
    assert [alarm.id for alarm in desk.book.active()] == [1]
    desk.acknowledge()
    desk.scan(50.0, 110.0)
    (alarm,) = desk.book.active()
    assert (alarm.id, alarm.state, alarm.acknowledged_by) == (2, UNACKNOWLEDGED, None)


def test_a_value_in_the_deadband_neither_raises_nor_returns() -> None:
    desk = Desk()
    assert desk.scan(97.0, 100.0) == [NORMAL, NORMAL]
    assert desk.scan(100.1, 97.0, 95.1) == [UNACKNOWLEDGED] * 3
    assert desk.scan(95.0) == [RETURNED]


def test_on_delay_needs_the_value_beyond_all_the_time_and_outlasts_a_lost_reading() -> None:
    rule = replace(OVERLOAD, on_delay=2 * SECOND)
    assert Desk(rule).scan(110, 110, 110) == [NORMAL, NORMAL, UNACKNOWLEDGED]
    assert Desk(rule).scan(110, 110, 99, 110, 110) == [NORMAL] * 5
    assert Desk(rule).scan(110, np.nan, np.nan, 110) == [NORMAL] * 3 + [UNACKNOWLEDGED]
    assert Desk(rule).scan(np.nan, np.nan, np.nan, np.nan) == [NORMAL] * 4


def test_off_delay_needs_readings_inside_all_the_time() -> None:
    rule = replace(OVERLOAD, off_delay=2 * SECOND)
    raised = [UNACKNOWLEDGED]
    assert Desk(rule).scan(110, 90, 90, 90) == raised * 3 + [RETURNED]
    assert Desk(rule).scan(110, 90, 97, 90, 90) == raised * 5
    assert Desk(rule).scan(110, 90, 90, np.nan, 90, 90, 90) == raised * 6 + [RETURNED]


def test_voltage_is_low_or_high_and_the_message_says_which() -> None:
    book, low, high = AlarmBook(), np.full(3, 0.95), np.full(3, 1.05)
    names = ["North", "South", "West"]
    book.update(VOLTAGE, np.array([0.9, 1.0, 1.0612]), names, START, low, high)
    north, west = sorted(book.active(), key=lambda alarm: alarm.id)
    assert alarm_words(north) == "Voltage of North is 0.900 p.u., low limit 0.950 p.u."
    assert alarm_words(west) == "Voltage of West is 1.061 p.u., high limit 1.050 p.u."
    assert (north.asset_id, west.asset_id, north.limit, west.limit) == (0, 2, 0.95, 1.05)
    book.update(VOLTAGE, np.array([1.07, 1.0, 1.045]), names, START + SECOND, low, high)
    north, west = sorted(book.active(), key=lambda alarm: alarm.id)
    assert (north.value, north.limit, west.value, west.state) == (1.07, 1.05, 1.045, UNACKNOWLEDGED)


def test_an_active_alarm_follows_its_value_and_keeps_the_last_known_one() -> None:
    desk = Desk()
    desk.scan(110.0)
    first = desk.book.active()
    assert alarm_words(first[0]) == "Loading of Line 4 is 110.0 %, high limit 100.0 %."
    desk.scan(110.0)
    assert desk.book.active() is first
    desk.scan(123.4, np.nan)
    assert alarm_words(desk.book.active()[0]) == "Loading of Line 4 is 123.4 %, high limit 100.0 %."
    assert first[0].value == 110.0
    desk.scan(80.0, 20.0)
    assert alarm_words(desk.book.active()[0]) == "Loading of Line 4 is back to 80.0 %, high limit 100.0 %."
    with pytest.raises(FrozenInstanceError):
        first[0].value = 0.0  # type: ignore[misc]


def test_a_yes_no_condition_of_the_system() -> None:
    book = AlarmBook()
    book.update_condition(STALE, True, ["SCADA"], START)
    (alarm,) = book.active()
    assert (alarm.asset_id, alarm_words(alarm)) == (None, "SCADA sends no new data.")
    book.update_condition(STALE, False, ["SCADA"], START + SECOND)
    (alarm,) = book.active()
    assert (alarm.state, alarm_words(alarm)) == (RETURNED, "SCADA is back to normal.")


def test_what_is_expected_is_said_while_the_alarm_lasts() -> None:
    desk, limit = Desk(), np.array([100.0])

    def say(value: float, *expected: PredictiveAlert | None) -> str:
        desk.book.update(OVERLOAD, np.array([value]), ["Line 4"], desk.now, high_limits=limit, expected=expected)
        return alarm_words(desk.book.active()[0])

    hour = timedelta(hours=1)
    soon = PredictiveAlert(
        AlarmKind.EXPECTED_OVERLOAD, 0, "Line 4", START + hour, START + 2 * hour, 71.2, 112.4, 0.124, False, START
    )
    assert say(110.0, soon) == "Line 4: 71 % chance of overload between 01:00 and 02:00; peak 112 %"
    assert "between 02:00 and 03:00" in say(110.0, replace(soon, begins_at=START + 2 * hour, ends_at=START + 3 * hour))
    assert say(110.0, None) == say(110.0) == "Loading of Line 4 is 110.0 %, high limit 100.0 %."
    assert say(90.0, soon) == "Loading of Line 4 is back to 90.0 %, high limit 100.0 %."
    with pytest.raises(ValueError, match="watches 1 assets, it was given 2 expectations"):
        say(110.0, soon, None)


def test_acknowledgement_names_person_and_time() -> None:
    desk = desk_in(UNACKNOWLEDGED)
    later = START + 60 * SECOND
    alarm = desk.book.acknowledge(1, "  Ada Lovelace " + "x" * 90, later)
    assert alarm.acknowledged_by is not None
    assert alarm.acknowledged_by.startswith("Ada Lovelace x")
    assert (len(alarm.acknowledged_by), alarm.acknowledged_at) == (80, later)
    assert desk.book.acknowledge(1, "Bob", later + SECOND) == alarm
    with pytest.raises(KeyError, match="id 7"):
        desk.book.acknowledge(7, "Ada", later)
    with pytest.raises(ValueError, match="name of a person"):
        desk.book.acknowledge(1, " \t", later)


def test_the_list_is_sorted_by_state_priority_and_time() -> None:
    book = AlarmBook()
    rules = [replace(OVERLOAD, priority=priority) for priority in (Priority.LOW, Priority.HIGH)]
    for second, (rule, line) in enumerate([(rules[0], 0), (rules[1], 0), (rules[1], 1), (rules[1], 2)]):
        loading = np.where(np.arange(3) <= line, 110.0, 0.0)
        book.update(rule, loading, list("abc"), START + second * SECOND, high_limits=np.full(3, 100.0))
    book.acknowledge(2, "Ada", START)
    assert [alarm.id for alarm in book.active()] == [4, 3, 1, 2]


@pytest.mark.parametrize(
    ("rule", "values", "limits", "said"),
    [
        (OVERLOAD, [1.0], {}, "needs high_limits"),
        (VOLTAGE, [1.0], {"high_limits": np.ones(1)}, "needs low_limits"),
        (OVERLOAD, [1.0, 2.0], {"high_limits": np.ones(1)}, r"watches 1 assets, it was given values \(2,\)"),
    ],
)
def test_wrong_arrays_are_named(rule: AlarmRule, values: list[float], limits: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        AlarmBook().update(rule, np.array(values), ["Line 4"], START, **limits)
    with pytest.raises(ValueError, match="deadband and delays"):
        replace(rule, on_delay=-SECOND)
    with pytest.raises(ValueError, match="has no deadband"):
        replace(STALE, deadband=1.0)


LEGAL = {
    (NORMAL, UNACKNOWLEDGED),
    (UNACKNOWLEDGED, ACKNOWLEDGED),
    (UNACKNOWLEDGED, RETURNED),
    (ACKNOWLEDGED, NORMAL),
    (RETURNED, NORMAL),
    (RETURNED, UNACKNOWLEDGED),
}
LOADING = st.sampled_from([50.0, 97.0, 110.0, 130.0, np.nan])
EVENTS = st.lists(st.one_of(st.tuples(LOADING, LOADING, LOADING), st.integers(1, 8)), max_size=40)


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.integers(0, 2), st.integers(0, 2))
def test_only_legal_transitions_happen_and_ids_never_repeat(
    events: list[tuple[float, float, float] | int], on_delay: int, off_delay: int
) -> None:
    book, rule = AlarmBook(), replace(OVERLOAD, on_delay=on_delay * SECOND, off_delay=off_delay * SECOND)
    for second, event in enumerate(events):
        now = START + second * SECOND
        if isinstance(event, tuple):
            book.update(rule, np.array(event), list("abc"), now, high_limits=np.full(3, 100.0))
        elif event in {alarm.id for alarm in book.active()}:
            book.acknowledge(event, "Ada", now)
        assets = [alarm.asset_id for alarm in book.active()]
        assert len(assets) == len(set(assets))
    state: dict[int, AlarmState] = {}
    for entry in book.journal():
        assert (entry.previous, entry.alarm.state) in LEGAL
        assert state.get(entry.alarm.id, NORMAL) is entry.previous
        if entry.previous is NORMAL:
            assert entry.alarm.id == len(state) + 1
        state[entry.alarm.id] = entry.alarm.state
    assert {alarm.id: alarm.state for alarm in book.active()} == {
        alarm_id: last for alarm_id, last in state.items() if last is not NORMAL
    }


def test_a_flood_raises_every_asset_once_and_keeps_the_journal_bounded() -> None:
    book, names = AlarmBook(), [f"Line {k}" for k in range(9000)]
    limits = np.full(9000, 100.0)
    for loading, raised in ((50.0, 0), (120.0, 9000), (120.0, 9000), (121.0, 9000)):
        book.update(OVERLOAD, np.full(9000, loading), names, START, high_limits=limits)
        assert len(book.active()) == raised
    assert {alarm.value for alarm in book.active()} == {121.0}
    assert book.next_id == 9001
    assert len(book.journal()) == 500
