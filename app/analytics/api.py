"""The endpoints of forecasts, the look-ahead, losses and performance."""

from datetime import datetime, timedelta

import numpy as np
from flask import Blueprint, Response, request

from app.analytics import payloads as analyticspayloads
from app.analytics import payloads_forecast as forecastpayloads
from app.analytics.files import forecast_csv, losses_csv
from app.analytics.payloads_forecast import Shown
from app.engine.board import NotReadyError
from app.engine.commands import UnknownIdError
from app.forecasting.report import ForecastReport
from app.forecasting.worker import ForecastWorker
from app.web.bodies import CHANGED, BadRequestError, answer
from app.web.plain import stamp
from app.web.query import choice, hour_of, moment, whole
from app.web.services import Services
from ml.forecasting.live.ledger import HOURS_KEPT
from ml.forecasting.records import Forecast, LossRecord, SeriesReport

FORMATS = ("json", "csv")
MOST_HORIZON, MOST_LOSS_HOURS = 48, 336
SHOWN, MOST_SHOWN = 25, 1000  # assets in a list
DAY_HOURS = 24


def register_analytics(api: Blueprint, services: Services) -> None:
    """GET of forecasts, look-ahead, losses and performance."""
    forecast_worker = services.forecast_worker

    @api.get("/api/forecast")
    def forecast() -> Response:
        kind, report = choice(request.args, "format", FORMATS), forecast_worker.latest
        shown = _shown(forecast_worker, report)
        if kind == "csv":
            return _download(forecast_csv(shown), f"forecast-{_date(services)}.csv")
        code = request.args.get("series")
        issues = {} if code is None else {"issues": [stamp(issue) for issue in forecast_worker.issue_times(code)]}
        return answer(forecastpayloads.forecasts(report, shown) | issues)

    @api.get("/api/forecast/lookahead")
    def lookahead() -> Response:
        return answer(forecastpayloads.look_ahead(forecast_worker.latest, _limit()))

    @api.get("/api/analytics/losses")
    def losses() -> Response:
        kind, limit = choice(request.args, "format", FORMATS), _limit()
        start, hours = _range(services, MOST_LOSS_HOURS)
        report, record = _losses(forecast_worker, start, hours)
        if kind == "csv":
            return _download(losses_csv(record), f"losses-{start:%Y-%m-%dT%H}.csv")
        return answer(analyticspayloads.losses(report, record, start, hours, limit))

    @api.get("/api/analytics/performance")
    def performance() -> Response:
        start, hours = _range(services, HOURS_KEPT)
        hourly = {name: forecast_worker.hourly_kw(name, start, hours) for name in analyticspayloads.ENERGY_COLUMNS}
        return answer(analyticspayloads.performance(forecast_worker.latest, start, hourly))


def _limit() -> int:
    return whole(request.args, "limit", SHOWN, 0, MOST_SHOWN)


def _range(services: Services, most_hours: int) -> tuple[datetime, int]:
    """Whole hours asked for, by default the last day."""
    hours = whole(request.args, "hours", DAY_HOURS, 1, most_hours)
    start = moment(request.args, "start")
    if start is None:
        start = services.boards.latest.snapshot.simulated_at - timedelta(hours=hours)
    return hour_of(start), hours


def _shown(forecast_worker: ForecastWorker, report: ForecastReport) -> list[Shown]:
    """The forecasts that are asked for: one of a series, or the latest of all."""
    horizon = whole(request.args, "horizon", MOST_HORIZON, 1, MOST_HORIZON)
    code, issued_at = request.args.get("series"), moment(request.args, "issued_at")
    if code is None:
        if issued_at is not None:
            raise BadRequestError("issued_at: name the series too, with series=CODE", "issued_at", status=422)
        found: list[tuple[SeriesReport, Forecast | None]] = [(one, one.forecast) for one in report.series]
    else:
        series = _series(forecast_worker, report, code)
        found = [(series, series.forecast if issued_at is None else _issued(forecast_worker, code, issued_at))]
    try:
        return [_with_actual(forecast_worker, series, forecast, horizon) for series, forecast in found]
    except UnknownIdError:
        raise NotReadyError(CHANGED) from None


def _series(forecast_worker: ForecastWorker, report: ForecastReport, code: str) -> SeriesReport:
    """The series of a code. UnknownIdError where there is none, NotReadyError before the first look."""
    forecast_worker.issue_times(code)
    found = next((one for one in report.series if one.info.code == code), None)
    if found is None:
        raise NotReadyError("nothing has been forecast yet; ask again in a moment")
    return found


def _issued(forecast_worker: ForecastWorker, code: str, issued_at: datetime) -> Forecast:
    found = forecast_worker.forecast(code, issued_at)
    if found is None:
        issues = forecast_worker.issue_times(code)
        kept = f"those kept are from {stamp(issues[0])} to {stamp(issues[-1])}" if issues else "none is kept yet"
        raise UnknownIdError(f"no forecast of {code} was issued at {stamp(issued_at)}; {kept}")
    return found


def _with_actual(
    forecast_worker: ForecastWorker, series: SeriesReport, forecast: Forecast | None, horizon: int
) -> Shown:
    if forecast is None:
        return Shown(series, None, np.zeros(0))
    hours = min(horizon, len(forecast.quantiles_mw))
    return Shown(series, forecast, forecast_worker.actual(series.info.code, forecast.issued_at, hours))


def _losses(forecast_worker: ForecastWorker, start: datetime, hours: int) -> tuple[ForecastReport, LossRecord | None]:
    """Of one network: NotReadyError where it changes in between."""
    report, record = forecast_worker.latest, forecast_worker.losses(start, hours)
    if forecast_worker.latest.network is not report.network:
        raise NotReadyError(CHANGED)
    return report, record


def _date(services: Services) -> str:
    return services.boards.latest.snapshot.simulated_at.date().isoformat()


def _download(table: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(table, mimetype="text/csv", headers=headers)
