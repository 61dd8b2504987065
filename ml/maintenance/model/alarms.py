"""What a threshold on failure probabilities would mean in service: lead time before events and false alarms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.maintenance.model.metrics import Draws, Figure, FloatArray


@dataclass(frozen=True)
class AlarmFigures:
    """At one threshold: median lead time of detected events, share detected, false alarms a year and asset."""

    lead_days: Figure
    detected: Figure
    false_alarms_per_asset_year: Figure
    events: int
    alarms: int


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows sorted by asset and time; arrays (n,), steps to the row before NaN where that is another asset's."""

    group: NDArray[np.intp]
    time: FloatArray
    event: FloatArray
    on: NDArray[np.bool_]
    same: NDArray[np.bool_]


def alarm_figures(
    time_days: FloatArray,
    probability: FloatArray,
    event_days: FloatArray,
    threshold: float,
    window_days: float,
    draws: Draws,
) -> AlarmFigures:
    """Figures at a threshold of (n,) rows in any order, whose assets are the groups of draws.

    event_days is the time of the asset's next event at or after the row, NaN where none is seen. An alarm is an
    unbroken run of an asset's rows at or above the threshold; it ends with an event. It is false where no event comes
    within window_days of any of its rows. The lead time of an event goes from the first such row within window_days
    before it. Asset-years are the time from each asset's first row to its last, and one usual step more. Raises
    ValueError where an event lies before its row.
    """
    if np.any(event_days < time_days):
        raise ValueError(f"row {int(np.argmax(event_days < time_days))}: the event lies before the row's time")
    order = np.lexsort((time_days, draws.group))
    group = draws.group[order]
    same = np.concatenate([[False], group[1:] == group[:-1]])
    rows = _Rows(group, time_days[order], event_days[order], probability[order] >= threshold, same)
    warned = rows.event - rows.time <= window_days  # NaN compares as False
    event_group, lead = _leads(rows, warned)
    alarm_group, is_false = _alarms(rows, warned)
    groups = draws.times.shape[1]
    detected = ~np.isnan(lead)
    events = np.bincount(event_group, minlength=groups).astype(float)
    found = np.bincount(event_group[detected], minlength=groups).astype(float)
    false = np.bincount(alarm_group[is_false], minlength=groups).astype(float)
    years = _asset_years(rows, groups)
    return AlarmFigures(
        draws.estimate(lambda weights: _median(lead[detected], weights[:, event_group[detected]])),
        draws.estimate(lambda weights: _share(weights @ found, weights @ events)),
        draws.estimate(lambda weights: _share(weights @ false, weights @ years)),
        len(lead),
        len(alarm_group),
    )


def _leads(rows: _Rows, warned: NDArray[np.bool_]) -> tuple[NDArray[np.intp], FloatArray]:
    """Group of each event, and days from the first alarm row in its window; NaN where there is none."""
    seen = ~np.isnan(rows.event)
    keys, index = np.unique(np.column_stack([rows.group[seen], rows.event[seen]]), axis=0, return_inverse=True)
    lead = np.full(len(keys), -np.inf)
    inside = (rows.on & warned)[seen]
    np.maximum.at(lead, index.ravel()[inside], (rows.event - rows.time)[seen][inside])
    return keys[:, 0].astype(np.intp), np.where(np.isinf(lead), np.nan, lead)


def _alarms(rows: _Rows, warned: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Group of each alarm, and whether it is false."""
    on_before = np.concatenate([[False], rows.on[:-1]]) & rows.same
    event_before = np.concatenate([[np.nan], rows.event[:-1]])
    after_event = rows.same & (event_before < rows.time)
    starts = rows.on & (~on_before | after_event)
    number = np.cumsum(starts) - 1
    true = np.zeros(int(starts.sum()), dtype=bool)
    np.logical_or.at(true, number[rows.on], warned[rows.on])
    return rows.group[starts], ~true


def _asset_years(rows: _Rows, groups: int) -> FloatArray:
    """(g,) years that each asset was watched."""
    steps = np.where(rows.same, np.diff(rows.time, prepend=rows.time[:1]), np.nan)
    usual = float(np.nanmedian(steps)) if rows.same.any() else 0.0
    days = np.bincount(rows.group, weights=np.where(rows.same, steps, usual), minlength=groups)
    return np.asarray(days / 365.25)


def _median(values: FloatArray, weights: FloatArray) -> FloatArray:
    """(b,) weighted medians of (m,) values with (b, m) weights, NaN where all weigh nothing."""
    if not len(values):
        return np.full(len(weights), np.nan)
    order = np.argsort(values)
    total = np.cumsum(weights[:, order], axis=1)
    half = total[:, -1:] / 2
    lower = values[order][np.argmax(total >= half, axis=1)]
    upper = values[order][np.argmax(total > half, axis=1)]
    return np.where(total[:, -1] > 0, (lower + upper) / 2, np.nan)


def _share(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
