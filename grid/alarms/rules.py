"""Which values raise which alarms, with what delay: the limits that the engine watches."""

from datetime import datetime, timedelta

import numpy as np

from grid.alarms.book import AlarmBook, AlarmKind, AlarmRule, AssetKind, Priority
from grid.alarms.limits import Direction
from grid.alarms.predictive import (
    CLEARED_AT_PERCENT,
    RAISED_ABOVE_PERCENT,
    UNSOLVED_ABOVE_PERCENT,
    UNSOLVED_CLEARED_AT_PERCENT,
    Outlook,
)
from grid.flow.powerflow import GridState
from grid.network import BoolArray, FloatArray, Network

OVERLOAD = AlarmRule(
    AlarmKind.OVERLOAD,
    AssetKind.BRANCH,
    Priority.HIGH,
    "%",
    deadband=3.0,
    on_delay=timedelta(minutes=5),
    off_delay=timedelta(minutes=10),
)
HIGH_TEMPERATURE = AlarmRule(
    AlarmKind.HIGH_TEMPERATURE,
    AssetKind.BRANCH,
    Priority.HIGH,
    "°C",
    deadband=3.0,
    off_delay=timedelta(minutes=10),
)
VOLTAGE_DEVIATION = AlarmRule(
    AlarmKind.VOLTAGE_DEVIATION,
    AssetKind.BUS,
    Priority.MEDIUM,
    "p.u.",
    deadband=0.003,
    on_delay=timedelta(minutes=5),
    off_delay=timedelta(minutes=10),
    direction=Direction.OUTSIDE,
)
LOSS_OF_SUPPLY = AlarmRule(AlarmKind.LOSS_OF_SUPPLY, AssetKind.BUS, Priority.HIGH)
BRANCH_TRIPPED = AlarmRule(AlarmKind.BRANCH_TRIPPED, AssetKind.BRANCH, Priority.HIGH)
SENSOR_SUSPECT = AlarmRule(AlarmKind.SENSOR_SUSPECT, AssetKind.BUS, Priority.LOW, off_delay=timedelta(minutes=10))
SOURCE_STALE = AlarmRule(AlarmKind.SOURCE_STALE, AssetKind.SYSTEM, Priority.HIGH)
POWER_FLOW_DIVERGED = AlarmRule(AlarmKind.POWER_FLOW_DIVERGED, AssetKind.SYSTEM, Priority.HIGH)
EXPECTED_OVERLOAD = AlarmRule(
    AlarmKind.EXPECTED_OVERLOAD,
    AssetKind.BRANCH,
    Priority.MEDIUM,
    "%",
    deadband=RAISED_ABOVE_PERCENT - CLEARED_AT_PERCENT,
)
EXPECTED_VOLTAGE_DEVIATION = AlarmRule(
    AlarmKind.EXPECTED_VOLTAGE_DEVIATION,
    AssetKind.BUS,
    Priority.LOW,
    "%",
    deadband=RAISED_ABOVE_PERCENT - CLEARED_AT_PERCENT,
)
EXPECTED_DIVERGENCE = AlarmRule(
    AlarmKind.EXPECTED_DIVERGENCE,
    AssetKind.SYSTEM,
    Priority.MEDIUM,
    "%",
    deadband=UNSOLVED_ABOVE_PERCENT - UNSOLVED_CLEARED_AT_PERCENT,
)
LOADING_LIMIT_PERCENT = 100.0


class AlarmWatch:
    """Feeds one network's values to the alarm book."""

    def __init__(self, network: Network, temperature_limit_c: FloatArray) -> None:
        self.book = AlarmBook()
        self._network = network
        self._loading_limit = np.full(network.n_branch, LOADING_LIMIT_PERCENT)
        self._temperature_limit = temperature_limit_c
        self._has_load = np.bincount(network.load.bus, network.load.p_mw != 0, network.n_bus) > 0
        self._has_load &= network.bus.in_service

    def watch_state(
        self, state: GridState, temperature_c: FloatArray, expected_closed: BoolArray, time: datetime
    ) -> None:
        """Judge a solved state. expected_closed: (m,) what switches were set to; a branch that is open against it
        has tripped."""
        bus, branch, book = self._network.bus, self._network.branch, self.book
        book.update(OVERLOAD, state.loading_percent, branch.name, time, high_limits=self._loading_limit)
        book.update(HIGH_TEMPERATURE, temperature_c, branch.name, time, high_limits=self._temperature_limit)
        book.update(VOLTAGE_DEVIATION, state.vm_pu, bus.name, time, bus.min_vm_pu, bus.max_vm_pu)
        book.update_condition(LOSS_OF_SUPPLY, self._has_load & ~state.energised, bus.name, time)
        book.update_condition(BRANCH_TRIPPED, expected_closed & ~state.closed, branch.name, time)

    def watch_system(self, source_stale: bool, diverged: bool, suspect_bus: BoolArray | None, time: datetime) -> None:
        """Judge the data themselves. suspect_bus: (n,) buses with readings that can't be trusted, None where that
        isn't known: a grid without a solution makes every reading doubtful, which is one fault and not n."""
        self.book.update_condition(SOURCE_STALE, source_stale, ("The source",), time)
        self.book.update_condition(POWER_FLOW_DIVERGED, diverged, ("The grid",), time)
        if suspect_bus is not None:
            self.book.update_condition(SENSOR_SUSPECT, suspect_bus, self._network.bus.name, time)

    def watch_outlook(self, outlook: Outlook, time: datetime) -> None:
        """Judge what is expected of the next hours; an alarm of it says when the trouble is expected."""
        bus, branch = self._network.bus.name, self._network.branch.name
        for rule, chance, names, above in (
            (EXPECTED_OVERLOAD, outlook.branch_percent, branch, RAISED_ABOVE_PERCENT),
            (EXPECTED_VOLTAGE_DEVIATION, outlook.bus_percent, bus, RAISED_ABOVE_PERCENT),
            (EXPECTED_DIVERGENCE, np.array([outlook.unsolved_percent]), ("The grid",), UNSOLVED_ABOVE_PERCENT),
        ):
            limits, expected = np.full(len(names), above), outlook.by_asset(rule.kind, len(names))
            self.book.update(rule, chance, names, time, high_limits=limits, expected=expected)
