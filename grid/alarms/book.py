"""Alarms: limits with deadband and delay, and the states an alarm passes through.

After ANSI/ISA-18.2-2016 and IEC 62682:2022: an alarm is raised, acknowledged by a person, and returns to
normal by itself; it leaves the list when it is both acknowledged and back to normal. Deadband and delays keep
a value that hovers at its limit from raising alarm after alarm.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid.alarms.limits import Direction, LimitWatch, both_limits

FloatArray = NDArray[np.float64]

JOURNAL_LENGTH = 500
LONGEST_NAME = 80


class AlarmKind(StrEnum):
    """What is wrong. quantity: what is measured. condition: what is said of a yes/no condition."""

    quantity: str
    condition: str

    OVERLOAD = "overload", "Loading", "is overloaded"
    HIGH_TEMPERATURE = "high_temperature", "Temperature", "is too hot"
    VOLTAGE_DEVIATION = "voltage_deviation", "Voltage", "has an abnormal voltage"
    LOSS_OF_SUPPLY = "loss_of_supply", "Demand without supply", "has lost its supply"
    BRANCH_TRIPPED = "branch_tripped", "Flow before the trip", "has tripped"
    GENERATOR_TRIPPED = "generator_tripped", "Output before the trip", "has tripped"
    SOURCE_STALE = "source_stale", "Age of the data", "sends no new data"
    SENSOR_SUSPECT = "sensor_suspect", "Normalised residual", "sends suspect measurements"
    POWER_FLOW_DIVERGED = "power_flow_diverged", "Power mismatch", "has no power flow solution"
    EXPECTED_OVERLOAD = "expected_overload", "Chance of overload", "is expected to be overloaded"
    EXPECTED_VOLTAGE_DEVIATION = (
        "expected_voltage_deviation",
        "Chance of abnormal voltage",
        "is expected to have an abnormal voltage",
    )
    EXPECTED_DIVERGENCE = (
        "expected_divergence",
        "Chance of no power flow solution",
        "is expected to have no power flow solution",
    )

    def __new__(cls, value: str, quantity: str, condition: str) -> Self:
        """A kind by its name, with its words."""
        kind = str.__new__(cls, value)
        kind._value_, kind.quantity, kind.condition = value, quantity, condition
        return kind


class Priority(StrEnum):
    """How soon a person has to act; members are in the order of the alarm list."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class AlarmState(StrEnum):
    """Where an alarm stands; members are in the order of the alarm list."""

    UNACKNOWLEDGED = "unacknowledged"
    RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    NORMAL = "normal"


class AssetKind(StrEnum):
    """What an alarm is about."""

    BUS = "bus"
    BRANCH = "branch"
    GENERATOR = "generator"
    SYSTEM = "system"


_ON_RETURN = {
    AlarmState.UNACKNOWLEDGED: AlarmState.RETURNED_UNACKNOWLEDGED,
    AlarmState.ACKNOWLEDGED: AlarmState.NORMAL,
}
_ON_ACKNOWLEDGE = {
    AlarmState.UNACKNOWLEDGED: AlarmState.ACKNOWLEDGED,
    AlarmState.RETURNED_UNACKNOWLEDGED: AlarmState.NORMAL,
}
_STATE_RANK = {state: rank for rank, state in enumerate(AlarmState)}
_PRIORITY_RANK = {priority: rank for rank, priority in enumerate(Priority)}


@dataclass(frozen=True)
class PredictiveAlert:
    """One asset in likely trouble for some contiguous hours.

    asset_id: branch or bus, None for the whole grid. chance_percent: in the worst of its hours. peak: loading in
    percent or voltage in p.u. that 95 % of the samples stay within in the worst hour, NaN for the whole grid.
    excess: how far the peak is beyond its limit, over the limit. is_low: of voltages, the low limit is missed.
    seen_from: the first of the hours ahead.
    """

    kind: AlarmKind
    asset_id: int | None
    asset_name: str
    begins_at: datetime
    ends_at: datetime
    chance_percent: float
    peak: float
    excess: float
    is_low: bool
    seen_from: datetime


@dataclass(frozen=True)
class Alarm:
    """One alarm as it stands; asset_id is the position in the rule's arrays, None for the system.

    value is the latest known one, limit the one it crossed, both in unit; is_low: it is a low limit. raised_at is the
    latest raise. expected: what an alarm of the hours ahead is about.
    """

    id: int
    kind: AlarmKind
    priority: Priority
    state: AlarmState
    asset_kind: AssetKind
    asset_id: int | None
    asset_name: str
    value: float
    limit: float
    unit: str
    raised_at: datetime
    returned_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    is_low: bool = False
    expected: PredictiveAlert | None = None


@dataclass(frozen=True)
class Transition:
    """One change of state: at time, from previous to alarm.state."""

    time: datetime
    previous: AlarmState
    alarm: Alarm


@dataclass(frozen=True)
class AlarmRule:
    """When the assets of one kind are in alarm.

    deadband is in unit: a value returns only when it is inside its limit by that much. on_delay and
    off_delay: how long a value must be beyond its limit, or back, before the alarm is raised or returns. A
    unit of "" marks a yes/no condition. Raises ValueError for a negative deadband or delay and for a yes/no
    condition with a deadband.
    """

    kind: AlarmKind
    asset_kind: AssetKind
    priority: Priority
    unit: str = ""
    deadband: float = 0.0
    on_delay: timedelta = timedelta(0)
    off_delay: timedelta = timedelta(0)
    direction: Direction = Direction.ABOVE

    def __post_init__(self) -> None:
        if not self.deadband >= 0.0 or min(self.on_delay, self.off_delay) < timedelta(0):
            raise ValueError(f"rule {self.kind}: deadband and delays must be 0 or more")
        if self.deadband and not self.unit:
            raise ValueError(f"rule {self.kind}: a yes/no condition (no unit) has no deadband")


class AlarmBook:
    """All alarms of a grid, for one thread: update with values, acknowledge for people, read active().

    Ids count up from first_id and are never reused; a new book for another grid starts at the old one's
    next_id.
    """

    def __init__(self, first_id: int = 1) -> None:
        self.next_id = first_id
        self._watches: dict[AlarmRule, LimitWatch] = {}
        self._expected: dict[AlarmRule, Sequence[PredictiveAlert | None]] = {}
        self._alarms: dict[tuple[AlarmRule, int], Alarm] = {}
        self._place: dict[int, tuple[AlarmRule, int]] = {}
        self._journal: deque[Transition] = deque(maxlen=JOURNAL_LENGTH)
        self._active: tuple[Alarm, ...] | None = ()

    def update(
        self,
        rule: AlarmRule,
        values: FloatArray,
        names: Sequence[str],
        time: datetime,
        low_limits: FloatArray | None = None,
        high_limits: FloatArray | None = None,
        expected: Sequence[PredictiveAlert | None] = (),
    ) -> None:
        """Take one scan of all assets of a rule at the (simulated) time.

        values: (n,) in the rule's unit, NaN where unknown. names: n names. low_limits, high_limits: (n,),
        high for ABOVE, low for BELOW, both for OUTSIDE. expected: none, or for each of n assets what its alarm is
        about where that is of the hours ahead. Raises ValueError for a missing limit and for unequal lengths.
        """
        low, high = both_limits(rule.direction, len(names), low_limits, high_limits)
        watch = self._watches.get(rule)
        if watch is None:
            watch = LimitWatch(len(names), rule.deadband, rule.on_delay, rule.off_delay)
        if not watch.in_alarm.shape == values.shape == low.shape == high.shape == (len(names),):
            shapes = f"values {values.shape}, low {low.shape}, high {high.shape}, names ({len(names)},)"
            raise ValueError(f"rule {rule.kind} watches {watch.in_alarm.size} assets, it was given {shapes}")
        if expected and len(expected) != len(names):
            raise ValueError(f"rule {rule.kind} watches {len(names)} assets, it was given {len(expected)} expectations")
        self._watches[rule] = watch
        is_told_anew = list(self._expected.get(rule, ())) != list(expected)
        self._expected[rule] = expected
        changed, is_new = watch.update(values, low, high, time)
        for position in changed.tolist():
            if watch.in_alarm[position]:
                self._raise(rule, position, names[position], time)
            else:
                self._return(rule, position, time)
        if is_new or is_told_anew:
            self._active = None

    def update_condition(self, rule: AlarmRule, conditions: ArrayLike, names: Sequence[str], time: datetime) -> None:
        """Take one scan of a yes/no condition.

        conditions: (n,) bool, one for each name, or a single bool for a single name. Raises ValueError as
        update does.
        """
        values = np.atleast_1d(np.asarray(conditions, dtype=np.float64))
        self.update(rule, values, names, time, high_limits=np.zeros(values.shape))

    def acknowledge(self, alarm_id: int, person: str, time: datetime) -> Alarm:
        """Acknowledge an alarm for a person (at most 80 characters are kept); return it as it then stands.

        An alarm that is acknowledged already keeps its first person. Raises KeyError for an id that is not
        active, ValueError for a person without a name.
        """
        name = person.strip()[:LONGEST_NAME]
        if not name:
            raise ValueError("an acknowledgement needs the name of a person, it is empty")
        if alarm_id not in self._place:
            raise KeyError(f"no active alarm has the id {alarm_id}")
        alarm = self._current(*self._place[alarm_id])
        state = _ON_ACKNOWLEDGE.get(alarm.state)
        if state is None:
            return alarm
        answered = replace(alarm, state=state, acknowledged_at=time, acknowledged_by=name)
        return self._move(answered, alarm.state, time)

    def active(self) -> tuple[Alarm, ...]:
        """Return the alarms that are not normal, sorted by state, priority and time, the newest first."""
        if self._active is None:
            alarms = [self._current(*place) for place in self._place.values()]
            alarms.sort(key=lambda alarm: (alarm.raised_at, alarm.id), reverse=True)
            alarms.sort(key=lambda alarm: (_STATE_RANK[alarm.state], _PRIORITY_RANK[alarm.priority]))
            self._active = tuple(alarms)
        return self._active

    def journal(self) -> tuple[Transition, ...]:
        """Return the latest 500 transitions, oldest first."""
        return tuple(self._journal)

    def _raise(self, rule: AlarmRule, position: int, name: str, time: datetime) -> None:
        """Raise a new alarm, or again the one that has returned and is not yet acknowledged."""
        previous = self._alarms.get((rule, position))
        if previous is not None:
            again = replace(previous, state=AlarmState.UNACKNOWLEDGED, raised_at=time, returned_at=None)
            self._move(self._with_value(again, rule, position), previous.state, time)
            return
        alarm = Alarm(
            id=self.next_id,
            kind=rule.kind,
            priority=rule.priority,
            state=AlarmState.UNACKNOWLEDGED,
            asset_kind=rule.asset_kind,
            asset_id=None if rule.asset_kind is AssetKind.SYSTEM else position,
            asset_name=name,
            value=np.nan,
            limit=np.nan,
            unit=rule.unit,
            raised_at=time,
        )
        self.next_id += 1
        self._place[alarm.id] = (rule, position)
        self._move(self._with_value(alarm, rule, position), AlarmState.NORMAL, time)

    def _return(self, rule: AlarmRule, position: int, time: datetime) -> None:
        previous = self._alarms[rule, position]
        returned = replace(previous, state=_ON_RETURN[previous.state], returned_at=time)
        self._move(self._with_value(returned, rule, position), previous.state, time)

    def _move(self, alarm: Alarm, previous: AlarmState, time: datetime) -> Alarm:
        """Keep an alarm in its new state, and write the transition down."""
        place = self._place[alarm.id]
        self._alarms[place] = alarm
        if alarm.state is AlarmState.NORMAL:
            del self._alarms[place], self._place[alarm.id]
        self._journal.append(Transition(time, previous, alarm))
        self._active = None
        return alarm

    def _current(self, rule: AlarmRule, position: int) -> Alarm:
        """Return the alarm of an asset with its latest value."""
        alarm, watch = self._alarms[rule, position], self._watches[rule]
        is_same = alarm.value == watch.value[position] and alarm.limit == watch.limit[position]
        if self._expected[rule] or not is_same:
            alarm = self._alarms[rule, position] = self._with_value(alarm, rule, position)
        return alarm

    def _with_value(self, alarm: Alarm, rule: AlarmRule, position: int) -> Alarm:
        """Return the alarm with the watched value and limit, and with what is expected."""
        watch = self._watches[rule]
        value, limit = float(watch.value[position]), float(watch.limit[position])
        expected = self._expected[rule][position] if self._expected[rule] else None
        return replace(alarm, value=value, limit=limit, is_low=bool(watch.is_low[position]), expected=expected)
