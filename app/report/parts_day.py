"""What a daily report tells of the day: its energy, where its losses arose, how its forecasts were.

The parts are plain data for the template: names, numbers with their units, and sentences.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.report.content import DAY_HOURS, DayReport, SeriesDay
from components.analytics.words import drift_words
from components.common import text
from grid.flow.loss_breakdown import LossCause, top_branches
from grid.network import FloatArray, Network
from ml.forecasting.live.ledger import EnergyTotals, Period, PeriodComparison
from ml.forecasting.quality.metrics import BAND_80, MEDIAN, covered
from ml.forecasting.records import LossRecord, SeriesKind
from ml.reporting.charts import NARROW, Band, Course, HourChart, unit_of
from ml.reporting.pages import ReportTable

TOP_ASSETS = 10
MOST_SERIES = 20
ROUNDING = 1e-9  # of all losses: what is less is none
PERIODS = {
    Period.YESTERDAY: "The day before",
    Period.LAST_WEEK: "The same day of the week before",
    Period.LAST_YEAR: "The same date of the year before",
}
CAUSES = {
    LossCause.TRANSFORMER_NO_LOAD: "Transformers, no load",
    LossCause.TRANSFORMER_LOAD: "Transformers, load",
    LossCause.LINE: "Lines",
    LossCause.CABLE: "Cables",
    LossCause.IMPEDANCE: "Impedances",
}


@dataclass(frozen=True, kw_only=True)
class SummaryPart:
    """The figures of the day that matter most: name, value, and what else is to be said."""

    note: str
    tiles: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, kw_only=True)
class EnergyPart:
    """Hourly courses of the day, and its sums beside those of earlier days."""

    charts: Sequence[HourChart]
    table: ReportTable


@dataclass(frozen=True, kw_only=True)
class LossSection:
    """Where the losses of the day arose. hidden: what meters say of losses beyond the technical ones."""

    note: str
    tables: Sequence[ReportTable]
    hidden: str


@dataclass(frozen=True, kw_only=True)
class ForecastPart:
    """What was forecast for the day beside what was measured, and how good all forecasts kept were."""

    charts: Sequence[HourChart]
    table: ReportTable
    warnings: Sequence[str]


def mwh(kwh: float) -> str:
    """Energy as it is shown."""
    return text.small(kwh / 1000, "MWh")


def eur(money: float) -> str:
    """Money as it is shown."""
    return text.small(money, "EUR")


def summary(report: DayReport) -> SummaryPart:
    """The figures of the day that matter most."""
    energy, hours, kept = report.energy, int(report.whole.sum()), report.avoidable
    share = 100 * energy.renewable_kwh / energy.generation_kwh if energy.generation_kwh > 0 else np.nan
    cost = eur(energy.loss_kwh / 1000 * report.price_per_mwh)
    loss = f"{text.number(energy.loss_percent, 2, '%')} of generation, {cost}"
    known = "of generation" if np.isfinite(share) else "not known of this grid"
    shown = [
        ("Losses", mwh(energy.loss_kwh), loss),
        ("Load", mwh(energy.load_kwh), "taken by loads"),
        ("Generation", mwh(energy.generation_kwh), "imports included"),
        ("Renewable share", text.number(share, 1, "%"), known),
    ]
    if kept is not None:
        said = f"estimate, {text.count(kept.hours, 'hour')} with a plan"
        shown.append(("Avoidable by plans", mwh(kept.avoidable_kwh), said))
    return SummaryPart(note=f"{text.count(hours, 'whole hour')} recorded of {report.over} that are over.", tiles=shown)


def energy(report: DayReport) -> EnergyPart:
    """Hourly courses of the day, and its sums beside those of earlier days."""
    hours, start = report.hours, report.midnight
    powers = [
        Course("generation", hours.generation_kw / 1000, "accent"),
        Course("load", hours.load_kw / 1000, "text"),
        Course("renewable", hours.renewable_kw / 1000, "green"),
    ]
    unit, factor = unit_of(hours.loss_kw)
    lost = Course("losses", factor * hours.loss_kw, "accent")
    headers = ("compared with", "hours", "losses", "then", "change", "of generation", "then", "load", "then")
    return EnergyPart(
        charts=[
            HourChart("Load and generation", "MW, hourly mean", start, powers),
            HourChart("Losses", f"{unit}, hourly mean", start, [lost]),
        ],
        table=ReportTable(headers=headers, rows=[_compared(one) for one in report.comparisons]),
    )


def _compared(one: PeriodComparison) -> list[str]:
    def pair(energy: EnergyTotals) -> tuple[str, str, str]:
        return mwh(energy.loss_kwh), text.number(energy.loss_percent, 2, "%"), mwh(energy.load_kwh)

    now, then = pair(one.today), pair(one.then)
    change = one.loss_change_percent
    signed = text.change(change, 0.0, 1, "%")
    return [PERIODS[one.period], str(one.hours), now[0], then[0], signed, now[1], then[1], now[2], then[2]]


def losses(report: DayReport) -> LossSection | None:
    """Where the losses of the day arose; None where no hour of it is recorded."""
    record = report.losses
    if record is None:
        return None
    by_level, price = record.level_mwh.sum(axis=0), record.price_per_mwh
    by_level = np.where(np.abs(by_level) < ROUNDING * by_level.sum(), 0.0, by_level)
    border = record.levels.is_distribution
    areas = [("Transmission", by_level[~border].sum()), ("Distribution", by_level[border].sum())]
    causes = [one for one in zip(CAUSES.values(), by_level.sum(axis=0), strict=True) if one[1] != 0]
    shares = [(name, *_loss(value, by_level.sum(), price)) for name, value in [*areas, *causes]]
    recorded = f"{text.count(len(record.time), 'hour')} at {text.number(price, 0, 'EUR/MWh')}; losses of branches."
    shunts = f" Shunts of buses drew another {text.small(float(record.shunt_mwh.sum()), 'MWh')}."
    by_area = ReportTable(
        headers=("area or cause", "energy", "share", "", "cost"), rows=shares, caption="By area and cause"
    )
    return LossSection(
        note=recorded + shunts,
        tables=[by_area, _levels(record, by_level), _assets_that_lose(report.forecasts.network, record)],
        hidden=_hidden(record),
    )


def _loss(value: float, total: float, price: float) -> tuple[str | float, ...]:
    share = float(value / total) if total > 0 else np.nan
    return text.small(value, "MWh"), text.percent(share), share, eur(value * price)


def _levels(record: LossRecord, by_level: FloatArray) -> ReportTable:
    """Levels against causes; causes that occur nowhere are left out."""
    occurs = [place for place in range(len(LossCause)) if (np.nan_to_num(by_level[:, place]) != 0).any()]
    names = list(CAUSES.values())
    rows = [
        [
            record.levels.label(level),
            *(text.small(by_level[level, place]) for place in occurs),
            text.small(by_level[level].sum()),
            eur(by_level[level].sum() * record.price_per_mwh),
        ]
        for level in range(len(by_level))
    ]
    headers = ("voltage level", *(f"{names[place].lower()}, MWh" for place in occurs), "all, MWh", "cost")
    return ReportTable(headers=headers, rows=rows, caption="By voltage level and cause")


def _assets_that_lose(network: Network, record: LossRecord) -> ReportTable:
    total, branch = float(np.nansum(record.branch_mwh)), network.branch
    rows = [
        [
            branch.name[place],
            record.levels.label(int(record.levels.of_branch[place])),
            branch.kind[place].value,
            *_loss(float(record.branch_mwh[place]), total, record.price_per_mwh),
        ]
        for place in top_branches(record.branch_mwh, TOP_ASSETS).tolist()
    ]
    headers = ("asset", "level", "type", "energy", "share", "", "cost")
    return ReportTable(headers=headers, rows=rows, words=3, caption="Assets that lost most")


def _hidden(record: LossRecord) -> str:
    found = record.non_technical
    if not found.hours_known:
        return "Losses beyond the technical ones can't be estimated: no hour has all meters."
    amount = text.small(abs(found.non_technical_mwh), "MWh")
    share = text.small(abs(found.percent_of_fed_in), "%", 2)
    known = f"an estimate from {text.count(found.hours_known, 'hour')} in which all meters are known."
    if found.non_technical_mwh < 0:
        return f"Meters show {amount} more than can have arrived, {share} of what was fed in: {known}"
    return f"Meters miss {amount} beyond the technical losses, {share} of what was fed in: {known}"


def forecasts(report: DayReport) -> ForecastPart | None:
    """What was forecast for the day beside what was measured, and how good forecasts were; None without any."""
    if not report.series:
        return None
    main = [one for one in report.series if one.series.info.kind is not SeriesKind.GROUP]
    headers = (
        "series",
        "forecasts",
        f"error, first 24{NARROW}h",
        "of the naive",
        f"in 80{NARROW}% band",
        f"in 90{NARROW}% band",
        "error of the day",
        f"day in 80{NARROW}% band",
        "drift",
    )
    drift = [
        f"{one.series.info.name}: {'; '.join(drift_words(one.series.drift))}."
        for one in report.series
        if one.series.drift is not None and one.series.drift.found
    ]
    return ForecastPart(
        charts=[_course(one) for one in main if one.forecast is not None],
        table=ReportTable(headers=headers, rows=[_accuracy(one) for one in report.series[:MOST_SERIES]]),
        warnings=drift[:MOST_SERIES],
    )


def _course(one: SeriesDay) -> HourChart:
    values, info = one.quantiles_mw, one.series.info
    assert one.forecast is not None  # noqa: S101 callers have looked
    low, high = BAND_80
    courses = [
        Course("median", values[:, MEDIAN], "accent", dashed=True),
        Course("measured", one.actual_mw, "text"),
    ]
    title = f"{info.name}, as forecast {text.clock(one.forecast.issued_at)}"
    band = Band(f"80{NARROW}% band", values[:, low], values[:, high], "accent")
    return HourChart(title, "MW", one.midnight, courses, band)


def _accuracy(one: SeriesDay) -> list[str]:
    found, drift = one.accuracy, one.series.drift
    known = ["0", *[text.UNKNOWN] * 4]
    if found is not None:
        error, naive = _mean(found.mae_mw), _mean(found.naive_mae_mw)
        bands = (_mean(found.coverage_80_percent), _mean(found.coverage_90_percent))
        known = [
            f"{found.issues:,}",
            text.small(error, "MW"),
            text.small(naive, "MW"),
            *(text.number(share, 0, "%") for share in bands),
        ]
    judged = "not judged yet" if drift is None else "yes" if drift.found else "none"
    return [one.series.info.name, *known, *_of_day(one), judged]


def _of_day(one: SeriesDay) -> tuple[str, str]:
    values = one.quantiles_mw
    both = np.isfinite(one.actual_mw) & np.isfinite(values).all(axis=1)
    if not both.any():
        return text.UNKNOWN, text.UNKNOWN
    error = float(np.abs(values[both, MEDIAN] - one.actual_mw[both]).mean())
    return text.small(error, "MW"), text.percent(float(covered(one.actual_mw[both], values[both], BAND_80).mean()), 0)


def _mean(by_lead: FloatArray) -> float:
    """Over the leads of a day that are known."""
    known = by_lead[:DAY_HOURS][np.isfinite(by_lead[:DAY_HOURS])]
    return float(known.mean()) if len(known) else np.nan
