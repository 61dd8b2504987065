"""Forecasts and losses as CSV (RFC 4180, CRLF) for spreadsheets; what isn't known is empty."""

import csv
import io
import math
from collections.abc import Sequence

from app.analytics.payloads import recorded_hours
from app.analytics.payloads_forecast import QUANTILES, Shown, hours_of
from app.web.plain import stamp
from grid.flow.loss_breakdown import LossCause
from ml.forecasting.records import LossRecord
from ml.tables.spreadsheets import spreadsheet_cell

FORECAST_COLUMNS = ("series", "issued_at", "source", "time", *QUANTILES, "actual_mw")
LOSS_COLUMNS = ("time", "area", "level", "cause", "loss_mwh", "loss_eur")
SHUNT = "shunt"  # the cause that belongs to no branch


def forecast_csv(shown: Sequence[Shown]) -> str:
    """A row for each hour of each forecast, in MW."""
    rows = []
    for one in shown:
        if one.forecast is not None:
            known = (one.series.info.code, stamp(one.forecast.issued_at), one.forecast.source)
            for hour in hours_of(one):
                values = (_cell(hour[name]) for name in (*QUANTILES, "actual_mw"))
                rows.append((*known, hour["time"], *values))
    return _table(FORECAST_COLUMNS, rows)


def losses_csv(record: LossRecord | None) -> str:
    """A row for each recorded hour, level and cause that occurs, in MWh and EUR; shunts have rows of their own."""
    rows: list[Sequence[str]] = []
    if record is not None:
        price, levels = record.price_per_mwh, record.levels
        places = [
            (level, place, ("distribution" if levels.is_distribution[level] else "transmission", levels.label(level)))
            for level in range(len(levels.high_kv))
            for place in range(len(LossCause))
            if (record.level_mwh[:, level, place] != 0).any()
        ]
        causes = tuple(LossCause)
        for hour, time in enumerate(recorded_hours(record)):
            for level, place, words in places:
                mwh = float(record.level_mwh[hour, level, place])
                rows.append((time, *words, causes[place].value, _cell(mwh), _cell(mwh * price)))
            shunts = float(record.shunt_mwh[hour])
            rows.append((time, "", "", SHUNT, _cell(shunts), _cell(shunts * price)))
    return _table(LOSS_COLUMNS, rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([columns, *([spreadsheet_cell(cell) for cell in row] for row in rows)])
    return text.getvalue()


def _cell(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.6g}"
