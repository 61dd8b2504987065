"""Cards: alarms as they are shown, consequences folded under their root, and what stands in a case as published.

The records alone; grid.alarms.root_causes and grid.alarms.standing fill them.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from grid.alarms.book import Alarm, AssetKind


class ProspectKind(StrEnum):
    """What happens if nothing is done. value and limit of a Prospect are in what is said here, NaN where not."""

    OVER = "over"  # the condition has gone
    HEATS_TO_LIMIT = "heats_to_limit"  # value: minutes until limit, °C, at the present load and weather
    STAYS_BELOW_LIMIT = "stays_below_limit"  # limit: °C
    TOO_HOT = "too_hot"  # limit: °C, which is passed already
    OVERLOADED = "overloaded"  # how warm it gets isn't known
    UNSUPPLIED = "unsupplied"  # value: kWh an hour
    LOW_VOLTAGE = "low_voltage"  # value: p.u. below limit, p.u.
    HIGH_VOLTAGE = "high_voltage"  # value: p.u. above limit, p.u.
    LESS_RESERVE = "less_reserve"  # nothing is lost by it, another outage may be
    OTHERS_TAKE_OVER = "others_take_over"  # value: MW that other generators and sources feed in instead
    NO_NEW_STATE = "no_new_state"  # what is shown grows old
    READING_REPLACED = "reading_replaced"  # by the last good one
    LASTS = "lasts"  # of kinds that have nothing of their own to say
    EXPECTED = "expected"  # value: hours until it begins, as it was seen


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """What happens if nothing is done about an alarm."""

    kind: ProspectKind
    value: float = np.nan
    limit: float = np.nan


@dataclass(frozen=True, kw_only=True)
class Effects:
    """What a root cause has done, by the present state; the worst values are NaN where there is none."""

    dead_buses: int = 0
    lost_loads: int = 0
    lost_kw: float = 0.0
    low_voltages: int = 0
    lowest_vm_pu: float = np.nan
    high_voltages: int = 0
    highest_vm_pu: float = np.nan
    overloads: int = 0
    highest_loading_percent: float = np.nan
    hot_branches: int = 0
    highest_temperature_c: float = np.nan


@dataclass(frozen=True, kw_only=True)
class AlarmCard:
    """An alarm with its consequences folded under it, which have none of their own.

    effects: of a root cause. root: of a consequence, the alarm that it is folded under.
    """

    alarm: Alarm
    prospect: Prospect
    effects: Effects | None = None
    consequences: tuple["AlarmCard", ...] = ()
    root: Alarm | None = None

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """The alarm and its consequences."""
        return (self.alarm, *(card.alarm for card in self.consequences))


class StandingCause(StrEnum):
    """Why a value stands where it does."""

    PUBLISHED = "published"  # the published state itself is beyond the limit
    ON_LIMIT = "on_limit"  # the published state is nearer to it than regulators hold a voltage
    PART_LOAD = "part_load"  # the published state, scaled down as over a day, goes beyond it


@dataclass(frozen=True, kw_only=True)
class StandingLimit:
    """A bus or branch whose published value, in p.u. or percent, is beyond its limit or comes there without a fault."""

    cause: StandingCause
    asset_kind: AssetKind
    asset_id: int
    asset_name: str
    value: float
    limit: float
    is_low: bool
