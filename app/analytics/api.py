"""The endpoints of forecasts, the look-ahead, losses and performance."""

from datetime import datetime, timedelta

import numpy as np
from flask import Blueprint, Response, request

from app.analytics import payloads as analyticspayloads
from app.analytics import payloads_forecast as forecastpayloads
from app.analytics.files import forecast_csv, losses_csv
from app.analytics.payloads_forecast import Shown
from app.engine.board import Board, NotReadyError
from app.engine.commands import UnknownIdError
from app.forecasting.report import ForecastReport
from app.map.view_quality import doubts_of
from app.web.bodies import BadRequestError, answer
from app.web.plain import stamp
from app.web.query import choice, hour_of, moment, whole
from app.web.services import Services
from ml.forecasting.live.ledger import HOURS_KEPT
from ml.forecasting.records import Forecast, SeriesReport

FORMATS = ("json", "csv")
MOST_HORIZON, MOST_LOSS_HOURS = 48, 336
SHOWN, MOST_SHOWN = 25, 1000  # assets in a list
DAY_HOURS = 24


def register_analytics(api: Blueprint, services: Services) -> None:
    """GET of forecasts, look-ahead, losses and performance."""
    forecast_worker = services.forecast_worker

    @api.get("/api/forecast")
    def forecast() -> Response:
        kind, board = choice(request.args, "format", FORMATS), services.boards.latest
        report = forecast_worker.report_on(board)
        shown = _shown(report)
        if kind == "csv":
            return _download(forecast_csv(shown), f"forecast-{board.snapshot.simulated_at.date().isoformat()}.csv")
        code = request.args.get("series")
        issues = None if code is None else [stamp(issue) for issue in report.issue_times(code)]
        return answer(forecastpayloads.forecasts(report, shown, doubts_of(board.snapshot)) | {"issues": issues})

    @api.get("/api/forecast/lookahead")
    def lookahead() -> Response:
        board, limit = services.boards.latest, _limit()
        return answer(forecastpayloads.look_ahead(forecast_worker.report_on(board), limit, doubts_of(board.snapshot)))

    @api.get("/api/analytics/losses")
    def losses() -> Response:
        kind, limit = choice(request.args, "format", FORMATS), _limit()
        board = services.boards.latest
        start, hours = _range(board, MOST_LOSS_HOURS)
        report = forecast_worker.report_on(board)
        record = forecast_worker.losses(report, start, hours)
        if kind == "csv":
            return _download(losses_csv(record), f"losses-{start:%Y-%m-%dT%H}.csv")
        return answer(analyticspayloads.losses(report, record, start, hours, limit))

    @api.get("/api/analytics/performance")
    def performance() -> Response:
        board = services.boards.latest
        start, hours = _range(board, HOURS_KEPT)
        hourly = {
            name: forecast_worker.hourly_kw(board.network, name, start, hours)
            for name in analyticspayloads.ENERGY_COLUMNS
        }
        return answer(analyticspayloads.performance(forecast_worker.report_on(board), start, hourly))


def _limit() -> int:
    return whole(request.args, "limit", SHOWN, 0, MOST_SHOWN)


def _range(board: Board, most_hours: int) -> tuple[datetime, int]:
    """Whole hours asked for, by default the last day."""
    hours = whole(request.args, "hours", DAY_HOURS, 1, most_hours)
    start = moment(request.args, "start")
    if start is None:
        start = board.snapshot.simulated_at - timedelta(hours=hours)
    return hour_of(start), hours


def _shown(report: ForecastReport) -> list[Shown]:
    """The forecasts that are asked for: one of a series, or the latest of all."""
    horizon = whole(request.args, "horizon", MOST_HORIZON, 1, MOST_HORIZON)
    code, issued_at = request.args.get("series"), moment(request.args, "issued_at")
    if code is None:
        if issued_at is not None:
            raise BadRequestError("issued_at: name the series too, with series=CODE", "issued_at", status=422)
        found: list[tuple[SeriesReport, Forecast | None]] = [(one, one.forecast) for one in report.series]
    else:
        series = _series(report, code)
        found = [(series, series.forecast if issued_at is None else _issued(report, code, issued_at))]
    return [_with_actual(report, series, forecast, horizon) for series, forecast in found]


def _series(report: ForecastReport, code: str) -> SeriesReport:
    """The series of a code. UnknownIdError where there is none, NotReadyError before the first look."""
    report.issue_times(code)
    found = next((one for one in report.series if one.info.code == code), None)
    if found is None:
        raise NotReadyError("nothing has been forecast yet; ask again in a moment")
    return found


def _issued(report: ForecastReport, code: str, issued_at: datetime) -> Forecast:
    found = report.forecast_of(code, issued_at)
    if found is None:
        issues = report.issue_times(code)
        kept = f"those kept are from {stamp(issues[0])} to {stamp(issues[-1])}" if issues else "none is kept yet"
        raise UnknownIdError(f"no forecast of {code} was issued at {stamp(issued_at)}; {kept}")
    return found


def _with_actual(report: ForecastReport, series: SeriesReport, forecast: Forecast | None, horizon: int) -> Shown:
    if forecast is None:
        return Shown(series, None, np.zeros(0))
    hours = min(horizon, len(forecast.quantiles_mw))
    return Shown(series, forecast, report.actual_of(series.info.code, forecast.issued_at, hours))


def _download(table: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(table, mimetype="text/csv", headers=headers)
