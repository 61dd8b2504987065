"""Predictive alerts: which branches and buses are likely to be in trouble within the next hours, when, and how badly.

An alert begins where the chance of trouble rises above 50 % and goes on until it has fallen to 35 %; an asset that has
an alert already keeps it until its chance is 35 % or less in all hours ahead. Chances are of the samples that have a
state; that samples have none is an alert of the whole grid, at far smaller shares.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from grid.alarms.book import AlarmKind, PredictiveAlert
from grid.flow.contingency import FULL_LOAD_PERCENT
from grid.network import BoolArray, FloatArray, IntArray, Network
from grid.studies.lookahead import LookAhead

RAISED_ABOVE_PERCENT, CLEARED_AT_PERCENT = 50.0, 35.0
UNSOLVED_ABOVE_PERCENT, UNSOLVED_CLEARED_AT_PERCENT = 10.0, 5.0
HOUR = timedelta(hours=1)
KINDS = (AlarmKind.EXPECTED_DIVERGENCE, AlarmKind.EXPECTED_OVERLOAD, AlarmKind.EXPECTED_VOLTAGE_DEVIATION)


@dataclass(frozen=True, eq=False)
class Outlook:
    """Alerts, the gravest first, and the largest chance of trouble of every asset within the hours ahead.

    Branches (m,) and buses (n,) whose chance isn't known in any hour are NaN.
    """

    alerts: tuple[PredictiveAlert, ...]
    branch_percent: FloatArray
    bus_percent: FloatArray
    unsolved_percent: float

    def by_asset(self, kind: AlarmKind, size: int) -> list[PredictiveAlert | None]:
        """The gravest alert of a kind of each of size assets, None of those without one."""
        found: list[PredictiveAlert | None] = [None] * size
        for alert in reversed(self.alerts):
            if alert.kind is kind:
                found[alert.asset_id or 0] = alert
        return found


def outlook(network: Network, ahead: LookAhead, start: datetime, previous: Outlook | None = None) -> Outlook:
    """What to expect of the hours from start on. previous: the outlook before this one, whose alerts hold on."""
    held = {(alert.kind, alert.asset_id or 0) for alert in previous.alerts} if previous is not None else set()
    branch, bus = 100 * ahead.overload_of_solved, 100 * (ahead.low_of_solved + ahead.high_of_solved)
    unsolved = 100 * ahead.unsolved_share[:, None]
    found: list[PredictiveAlert] = []
    describers: tuple[tuple[AlarmKind, FloatArray, tuple[float, float], _Describe], ...] = (
        (KINDS[0], unsolved, (UNSOLVED_ABOVE_PERCENT, UNSOLVED_CLEARED_AT_PERCENT), _no_solution),
        (KINDS[1], branch, (RAISED_ABOVE_PERCENT, CLEARED_AT_PERCENT), _overload(network, ahead)),
        (KINDS[2], bus, (RAISED_ABOVE_PERCENT, CLEARED_AT_PERCENT), _voltage(network, ahead)),
    )
    for kind, chance, (above, cleared), describe in describers:
        keeps = np.array([(kind, asset) in held for asset in range(chance.shape[1])], dtype=bool)
        for asset, hours in windows(chance, above, cleared, keeps):
            percent = float(np.nanmax(chance[hours, asset]))
            name, peak, excess, is_low = describe(asset, hours)
            begins, ends = start + hours.start * HOUR, start + hours.stop * HOUR
            asset_id = None if kind is AlarmKind.EXPECTED_DIVERGENCE else asset
            found.append(PredictiveAlert(kind, asset_id, name, begins, ends, percent, peak, excess, is_low, start))
    found.sort(key=lambda alert: (KINDS.index(alert.kind), -alert.chance_percent, -alert.excess, alert.begins_at))
    return Outlook(tuple(found), _highest(branch), _highest(bus), float(unsolved.max()))


def windows(
    chance_percent: FloatArray, raised_above: float, cleared_at: float, held: BoolArray
) -> list[tuple[int, slice]]:
    """Assets and their contiguous hours of trouble, of chances (h, k).

    A window begins above raised_above, for assets held (k,) above cleared_at, and ends at cleared_at. An hour whose
    chance isn't known (NaN) doesn't end one.
    """
    begins = chance_percent > np.where(held, cleared_at, raised_above)
    goes_on = ~(chance_percent <= cleared_at)
    found = []
    for asset in np.flatnonzero(begins.any(axis=0)).tolist():
        hour = 0
        while hour < len(begins):
            first = hour
            while hour < len(begins) and (goes_on if hour > first else begins)[hour, asset]:
                hour += 1
            if hour > first:
                found.append((asset, slice(first, hour)))
            hour += 1
    return found


def most_threatened(chance_percent: FloatArray, strain: FloatArray, limit: int) -> IntArray:
    """Positions with the largest chances (k,), those of one chance by strain (k,); without any chance none."""
    chance = np.nan_to_num(chance_percent)
    order = np.lexsort((-np.nan_to_num(strain), -chance))
    return np.asarray(order[chance[order] > 0][:limit])


_Described = tuple[str, float, float, bool]  # name, peak, excess, whether it is a low limit
_Describe = Callable[[int, slice], _Described]


def _no_solution(_asset: int, _hours: slice) -> _Described:
    return "The grid", np.nan, 0.0, False


def _overload(network: Network, ahead: LookAhead) -> _Describe:
    def describe(asset: int, hours: slice) -> _Described:
        peak = float(np.nanmax(ahead.loading_high_percent[hours, asset]))
        return network.branch.name[asset], peak, peak / FULL_LOAD_PERCENT - 1, False

    return describe


def _voltage(network: Network, ahead: LookAhead) -> _Describe:
    def describe(asset: int, hours: slice) -> _Described:
        name, bus = network.bus.name[asset], network.bus
        low, high = ahead.low_of_solved[hours, asset], ahead.high_of_solved[hours, asset]
        if np.nanmax(low) >= np.nanmax(high):
            peak, limit = float(np.nanmin(ahead.vm_low_pu[hours, asset])), float(bus.min_vm_pu[asset])
            return name, peak, 1 - peak / limit, True
        peak, limit = float(np.nanmax(ahead.vm_high_pu[hours, asset])), float(bus.max_vm_pu[asset])
        return name, peak, peak / limit - 1, False

    return describe


def _highest(chance_percent: FloatArray) -> FloatArray:
    """(k,) over the hours; NaN where none is known."""
    highest = np.fmax.reduce(chance_percent, axis=0)
    return np.asarray(highest)
