"""Recorded losses of a time range, from the forecast worker's records to those that components draw."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

import numpy as np

from app.analytics.view import Looked
from components.analytics.loss_figures import AssetLoss, LossHours, LossPart, LossShare, loss_hours
from grid.flow.loss_breakdown import LossCause
from grid.network import FloatArray
from ml.forecasting.live.ledger import HOURS_KEPT
from ml.forecasting.records import HOUR, LossRecord, datetime64_of

MOST_ASSETS = 12
CAUSE_NAMES = {
    LossCause.TRANSFORMER_NO_LOAD: "Transformers, no load",
    LossCause.TRANSFORMER_LOAD: "Transformers, load",
    LossCause.LINE: "Lines",
    LossCause.CABLE: "Cables",
    LossCause.IMPEDANCE: "Impedances",
}


class Span(StrEnum):
    """The time ranges to choose from. OWN: from one date to another."""

    DAY = "24 h"
    WEEK = "7 d"
    MONTH = "30 d"
    YEAR = "365 d"
    OWN = "Dates"


HOURS = {Span.DAY: 24, Span.WEEK: 7 * 24, Span.MONTH: 30 * 24, Span.YEAR: 365 * 24}


@dataclass(frozen=True)
class Range:
    """Whole hours of simulated time from start on."""

    start: datetime
    hours: int

    @property
    def time(self) -> np.ndarray:
        """(hours,) beginnings, datetime64[s]."""
        return datetime64_of(self.start) + np.arange(self.hours) * HOUR


def range_of(at: datetime, span: object, dates: object) -> Range:
    """The hours that a browser asks for, up to the present one; the last day's for what makes no sense."""
    end = at.replace(minute=0, second=0, microsecond=0)
    if span == Span.OWN and (own := _own(end, dates)) is not None:
        return own
    hours = next((hours for name, hours in HOURS.items() if name == span), HOURS[Span.DAY])
    return Range(end - timedelta(hours=hours), hours)


def _own(end: datetime, dates: object) -> Range | None:
    """From the first date's midnight to the end of the last date; None without two dates in order."""
    if not (isinstance(dates, list) and len(dates) == 2 and all(isinstance(one, str) for one in dates)):
        return None
    try:
        first, last = (date.fromisoformat(one[:10]) for one in dates)
    except ValueError:
        return None
    start = datetime.combine(first, time(), end.tzinfo)
    stop = min(datetime.combine(last, time(), end.tzinfo) + timedelta(days=1), end)
    hours = min((stop - start) // timedelta(hours=1), HOURS_KEPT)
    return Range(stop - timedelta(hours=hours), hours) if hours > 0 else None


def share_of(record: LossRecord | None) -> LossShare | None:
    """Losses by level and cause; None where nothing is recorded."""
    if record is None or not len(record.time):
        return None
    total, levels = record.level_mwh.sum(axis=0), record.levels
    parts = tuple(
        LossPart(
            levels.label(level), CAUSE_NAMES[cause], bool(levels.is_distribution[level]), float(total[level, place])
        )
        for level in range(len(total))
        for place, cause in enumerate(LossCause)
    )
    return LossShare(parts, float(record.shunt_mwh.sum()), record.price_per_mwh)


def hours_of(record: LossRecord | None) -> LossHours | None:
    """Losses over time by cause."""
    if record is None:
        return None
    return loss_hours(record.time, tuple(CAUSE_NAMES[cause] for cause in LossCause), record.level_mwh.sum(axis=1))


def top_of(now: Looked, record: LossRecord | None) -> list[AssetLoss]:
    """The branches that lost most, the first one first."""
    if record is None:
        return []
    energy = record.branch_mwh
    order = np.argsort(-energy)[:MOST_ASSETS]
    name = now.report.network.branch.name
    return [
        AssetLoss(name[branch], float(energy[branch]), float(energy[branch] * record.price_per_mwh))
        for branch in order.tolist()
        if energy[branch] > 0
    ]


def recorded_words(record: LossRecord | None, asked: Range) -> str:
    """How much of the range is recorded."""
    known = 0 if record is None else len(record.time)
    if not known:
        return "No hour of this time is recorded yet."
    return (
        f"{known:,} of {asked.hours:,} hours are recorded"
        if known < asked.hours
        else f"All {known:,} hours are recorded"
    )


def trend_of(now: Looked, asked: Range) -> tuple[np.ndarray, FloatArray, FloatArray]:
    """Hours, and the mean losses and generation in each, kW; NaN where nothing is recorded."""
    forecast_worker, network = now.forecast_worker, now.report.network
    return (
        asked.time,
        forecast_worker.hourly_kw(network, "loss_kw", asked.start, asked.hours),
        forecast_worker.hourly_kw(network, "generation_kw", asked.start, asked.hours),
    )
