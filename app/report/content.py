"""What a daily report is made of, and where it comes from: lookout, maintainer and planner of one network."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from app.engine.board import Board, Snapshot
from app.forecasting.report import ForecastReport
from app.forecasting.worker import ForecastWorker
from app.maintenance.view import Maintained, maintained_on
from app.optimisation.worker import PlanReport
from app.web.services import Services
from grid.network import BoolArray, FloatArray, Network
from ml.forecasting.live.ledger import Avoidable, EnergyTotals, Period, PeriodComparison, a_year_before
from ml.forecasting.records import LEVELS, Accuracy, Forecast, LossRecord, SeriesReport

DAY_HOURS = 24


@dataclass(frozen=True, eq=False)
class DayHours:
    """Hourly means of a day, (24,) in kW, NaN where nothing was recorded."""

    loss_kw: FloatArray
    load_kw: FloatArray
    generation_kw: FloatArray
    renewable_kw: FloatArray

    @property
    def known(self) -> BoolArray:
        """(24,) hours that were recorded."""
        return np.isfinite(self.loss_kw)

    def energy(self, chosen: BoolArray) -> EnergyTotals:
        """The sums over chosen (24,) hours; NaN without any."""
        return EnergyTotals(*(float(value[chosen].sum()) if chosen.any() else np.nan for value in vars(self).values()))


@dataclass(frozen=True, eq=False)
class SeriesDay:
    """A series on the day. forecast: made by midnight, otherwise the day's first; None where there is none."""

    series: SeriesReport
    forecast: Forecast | None
    midnight: datetime
    actual_mw: FloatArray  # (24,)
    accuracy: Accuracy | None

    @property
    def quantiles_mw(self) -> FloatArray:
        """(24, 7) of the day's hours, NaN where the forecast says nothing of them."""
        found = np.full((DAY_HOURS, len(LEVELS)), np.nan)
        if self.forecast is not None:
            offset = round((self.forecast.issued_at - self.midnight) / timedelta(hours=1))
            hours = np.arange(len(self.forecast.quantiles_mw)) + offset
            inside = (hours >= 0) & (hours < DAY_HOURS)
            found[hours[inside]] = self.forecast.quantiles_mw[inside]
        return found


@dataclass(frozen=True, eq=False)
class DayReport:
    """A day of a grid, and the present. over: hours of the day that have passed. earlier: days to compare with."""

    day: date
    over: int
    snapshot: Snapshot
    forecasts: ForecastReport
    maintained: Maintained
    planner: PlanReport
    hours: DayHours
    earlier: dict[Period, DayHours]
    losses: LossRecord | None
    series: tuple[SeriesDay, ...]
    price_per_mwh: float

    @property
    def midnight(self) -> datetime:
        """The beginning of the day."""
        return datetime.combine(self.day, time(), UTC)

    @property
    def whole(self) -> BoolArray:
        """(24,) recorded hours that are over."""
        return self.hours.known & (np.arange(DAY_HOURS) < self.over)

    @property
    def energy(self) -> EnergyTotals:
        """Of the recorded hours that are over."""
        return self.hours.energy(self.whole)

    @property
    def comparisons(self) -> tuple[PeriodComparison, ...]:
        """The day against earlier ones, by the hours that both have."""
        found = []
        for period, hours in self.earlier.items():
            both = self.whole & hours.known
            found.append(PeriodComparison(period, int(both.sum()), self.hours.energy(both), hours.energy(both)))
        return tuple(found)

    @property
    def avoidable(self) -> Avoidable | None:
        """What plans would have saved, known of the day that the forecast worker is at."""
        found, now = self.forecasts.performance, self.forecasts.simulated_at
        is_that = now is not None and self.day == now.date()
        return found.avoidable if found is not None and is_that and found.avoidable.hours else None


def issue_of_day(issues: tuple[datetime, ...], midnight: datetime) -> datetime | None:
    """The last issue by midnight of the day before, otherwise the first of the day; ascending issues."""
    day = timedelta(days=1)
    before = [issue for issue in issues if midnight - day < issue <= midnight]
    within = [issue for issue in issues if midnight < issue < midnight + day]
    return before[-1] if before else within[0] if within else None


def gather(services: Services, board: Board, day: date) -> DayReport:
    """The report of a day that isn't after today, as it is known on a board."""
    forecasts, network = services.forecast_worker, board.network
    report = forecasts.report_on(board)
    midnight = datetime.combine(day, time(), UTC)
    earlier = {
        Period.YESTERDAY: midnight - timedelta(days=1),
        Period.LAST_WEEK: midnight - timedelta(days=7),
        Period.LAST_YEAR: a_year_before(midnight),
    }
    passed = (board.snapshot.simulated_at - midnight) // timedelta(hours=1)
    return DayReport(
        day=day,
        over=min(max(passed, 0), DAY_HOURS),
        snapshot=board.snapshot,
        forecasts=report,
        maintained=maintained_on(board, services),
        planner=services.planner.report_on(board),
        hours=_hours(forecasts, network, midnight),
        earlier={period: _hours(forecasts, network, start) for period, start in earlier.items()},
        losses=forecasts.losses(report, midnight, DAY_HOURS),
        series=tuple(_series_day(report, one, midnight) for one in report.series),
        price_per_mwh=services.settings.price_per_mwh,
    )


def _hours(forecasts: ForecastWorker, network: Network, start: datetime) -> DayHours:
    columns = ("loss_kw", "load_kw", "generation_kw", "renewable_kw")
    return DayHours(*(forecasts.hourly_kw(network, column, start, DAY_HOURS) for column in columns))


def _series_day(report: ForecastReport, series: SeriesReport, midnight: datetime) -> SeriesDay:
    code = series.info.code
    issued_at = issue_of_day(report.issue_times(code), midnight)
    forecast = None if issued_at is None else report.forecast_of(code, issued_at)
    return SeriesDay(series, forecast, midnight, report.actual_of(code, midnight, DAY_HOURS), report.accuracy_of(code))
