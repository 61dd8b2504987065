"""Where a daily report comes from: the lookout's records, the maintainer's and the planner's, of one network."""

from datetime import UTC, date, datetime, time, timedelta

from app.engine.commands import UnknownIdError
from app.forecasting.ledger import Period, a_year_before
from app.forecasting.report import SeriesReport
from app.forecasting.worker import Lookout
from app.history.ring import NotReadyError
from app.maintenance.view import maintained
from app.report.day import DAY_HOURS, DayReport, Hours, SeriesDay, issue_of_day
from app.web.services import Services

CHANGED = "the grid has just changed; ask again in a moment"


def gather(services: Services, day: date) -> DayReport:
    """The report of a day that isn't after today. NotReadyError while the grid changes."""
    lookout, now = services.lookout, maintained(services)
    report, planner = lookout.latest, services.planner.latest
    midnight = datetime.combine(day, time(), UTC)
    if now is None or not (now.snapshot.network is report.network is planner.network):
        raise NotReadyError(CHANGED)
    earlier = {
        Period.YESTERDAY: midnight - timedelta(days=1),
        Period.LAST_WEEK: midnight - timedelta(days=7),
        Period.LAST_YEAR: a_year_before(midnight),
    }
    passed = (now.snapshot.simulated_at - midnight) // timedelta(hours=1)
    try:
        series = tuple(_series_day(lookout, one, midnight) for one in report.series)
    except UnknownIdError:
        raise NotReadyError(CHANGED) from None
    found = DayReport(
        day=day,
        over=min(max(passed, 0), DAY_HOURS),
        snapshot=now.snapshot,
        lookout=report,
        maintained=now,
        planner=planner,
        hours=_hours(lookout, midnight),
        earlier={period: _hours(lookout, start) for period, start in earlier.items()},
        losses=lookout.losses(midnight, DAY_HOURS),
        series=series,
        price_per_mwh=services.settings.price_per_mwh,
    )
    if lookout.latest.network is not report.network:
        raise NotReadyError(CHANGED)
    return found


def _hours(lookout: Lookout, start: datetime) -> Hours:
    columns = ("loss_kw", "load_kw", "generation_kw", "renewable_kw")
    return Hours(*(lookout.hourly_kw(column, start, DAY_HOURS) for column in columns))


def _series_day(lookout: Lookout, series: SeriesReport, midnight: datetime) -> SeriesDay:
    code = series.info.code
    issued_at = issue_of_day(lookout.issue_times(code), midnight)
    forecast = None if issued_at is None else lookout.forecast(code, issued_at)
    return SeriesDay(series, forecast, midnight, lookout.actual(code, midnight, DAY_HOURS), lookout.accuracy(code))
