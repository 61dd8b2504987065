"""Which values raise which alarms, with what delay: the limits that the engine watches."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from grid.alarms.book import AlarmBook, AlarmKind, AlarmRule, AssetKind, Priority
from grid.alarms.cards import AlarmCard
from grid.alarms.limits import Direction
from grid.alarms.predictive import (
    CLEARED_AT_PERCENT,
    RAISED_ABOVE_PERCENT,
    UNSOLVED_ABOVE_PERCENT,
    UNSOLVED_CLEARED_AT_PERCENT,
    Outlook,
)
from grid.alarms.root_causes import Operation, RootCauses
from grid.alarms.standing import AlarmLimits, own_limits
from grid.flow.powerflow import GridState
from grid.network import BoolArray, FloatArray, IntArray, Network

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
GENERATOR_TRIPPED = AlarmRule(AlarmKind.GENERATOR_TRIPPED, AssetKind.GENERATOR, Priority.HIGH)
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


@dataclass(frozen=True, eq=False, kw_only=True)
class SolvedScan:
    """A solved state with what it has to be judged by.

    temperature_c: (m,). expected_closed: (m,) what switches were set to. expected_on, generator_on: (g,) which
    generators should run and which do. load_p_mw: (l,) what loads take, or took before they lost their supply.
    """

    state: GridState
    temperature_c: FloatArray
    expected_closed: BoolArray
    expected_on: BoolArray
    generator_on: BoolArray
    load_p_mw: FloatArray


class AlarmWatch:
    """Feeds one network's values to the alarm book, and folds consequences under their root causes."""

    def __init__(
        self,
        network: Network,
        temperature_limit_c: FloatArray,
        limits: AlarmLimits | None = None,
        book: AlarmBook | None = None,
    ) -> None:
        """temperature_limit_c: (m,). limits: by default the network's own. book: of the same grid with other limits."""
        self.book = AlarmBook() if book is None else book
        self.limits = own_limits(network) if limits is None else limits
        self._network = network
        self._roots = RootCauses(network)
        self._minutes_to_limit: Mapping[int, float] = {}
        self._temperature_limit = temperature_limit_c
        self._has_load = np.bincount(network.load.bus, network.load.p_mw != 0, network.n_bus) > 0
        self._has_load &= network.bus.in_service

    def watch_state(self, scan: SolvedScan, time: datetime) -> None:
        """Judge a solved state. A branch that is open against what its switch was set to has tripped, and so has a
        generator that should run, unless its bus is dead: then it can't, but for the sources that others hang on.
        """
        network, book, limits, state = self._network, self.book, self.limits, scan.state
        bus, branch = network.bus, network.branch
        book.update(OVERLOAD, state.loading_percent, branch.name, time, high_limits=limits.max_loading_percent)
        book.update(HIGH_TEMPERATURE, scan.temperature_c, branch.name, time, high_limits=self._temperature_limit)
        book.update(VOLTAGE_DEVIATION, state.vm_pu, bus.name, time, limits.min_vm_pu, limits.max_vm_pu)
        book.update_condition(LOSS_OF_SUPPLY, self._has_load & ~state.energised, bus.name, time)
        book.update_condition(BRANCH_TRIPPED, scan.expected_closed & ~state.closed, branch.name, time)
        may_run = state.energised[network.generator.bus] | network.generator.is_source
        is_off = scan.expected_on & ~scan.generator_on & may_run
        book.update_condition(GENERATOR_TRIPPED, is_off, network.generator.name, time)
        operation = Operation(
            state=state,
            expected_closed=scan.expected_closed,
            generator_on=scan.generator_on,
            load_p_mw=scan.load_p_mw,
            is_loaded_too_much=state.loading_percent > limits.max_loading_percent,
            is_out_of_band=(state.vm_pu < limits.min_vm_pu) | (state.vm_pu > limits.max_vm_pu),
        )
        self._roots.watch(operation, book.active())

    def heated(self) -> IntArray:
        """Branches (k,) with an alarm of which is said when they reach their highest temperature."""
        kinds = (AlarmKind.OVERLOAD, AlarmKind.HIGH_TEMPERATURE)
        return np.unique([alarm.asset_id or 0 for alarm in self.book.active() if alarm.kind in kinds]).astype(np.int64)

    def expect_heat(self, branches: IntArray, minutes_to_limit: FloatArray) -> None:
        """Take when branches (k,) reach their highest temperature, (k,) minutes, at the present load and weather."""
        self._minutes_to_limit = dict(zip(branches.tolist(), minutes_to_limit.tolist(), strict=True))

    def cards(self) -> tuple[AlarmCard, ...]:
        """The alarms that are not normal, consequences folded under their root causes."""
        return self._roots.cards(self.book.active(), self._minutes_to_limit, self._temperature_limit)

    def acknowledge(self, alarm_id: int, person: str, time: datetime) -> None:
        """Acknowledge an alarm and what is folded under it. Raises as AlarmBook.acknowledge does."""
        for member in self._roots.family(alarm_id, self.book.active()):
            self.book.acknowledge(member, person, time)

    def watch_system(self, source_stale: bool, diverged: bool, suspect_bus: BoolArray | None, time: datetime) -> None:
        """Judge the data themselves. suspect_bus: (n,) buses with readings that can't be trusted, None where that
        isn't known: a grid without a solution makes every reading doubtful, which is one fault and not n."""
        self.book.update_condition(SOURCE_STALE, source_stale, ("The source",), time)
        self.book.update_condition(POWER_FLOW_DIVERGED, diverged, ("The grid",), time)
        if suspect_bus is not None:
            self.book.update_condition(SENSOR_SUSPECT, suspect_bus, self._network.bus.name, time)

    def watch_outlook(self, outlook: Outlook, time: datetime) -> None:
        """Judge what is expected of the next hours; an alarm of it says when the trouble is expected. What stands in
        the published state needs no forecast."""
        bus, branch = self._network.bus.name, self._network.branch.name
        branch_percent = np.where(self._stands(AssetKind.BRANCH, len(branch)), 0.0, outlook.branch_percent)
        bus_percent = np.where(self._stands(AssetKind.BUS, len(bus)), 0.0, outlook.bus_percent)
        for rule, chance, names, above in (
            (EXPECTED_OVERLOAD, branch_percent, branch, RAISED_ABOVE_PERCENT),
            (EXPECTED_VOLTAGE_DEVIATION, bus_percent, bus, RAISED_ABOVE_PERCENT),
            (EXPECTED_DIVERGENCE, np.array([outlook.unsolved_percent]), ("The grid",), UNSOLVED_ABOVE_PERCENT),
        ):
            limits, expected = np.full(len(names), above), outlook.by_asset(rule.kind, len(names))
            self.book.update(rule, chance, names, time, high_limits=limits, expected=expected)
        self._roots.assign(self.book.active())

    def _stands(self, kind: AssetKind, size: int) -> BoolArray:
        """(size,) the assets of a kind that the published state has beyond their limits or on them."""
        stands = np.zeros(size, dtype=bool)
        stands[[one.asset_id for one in self.limits.standing if one.asset_kind is kind]] = True
        return stands
