"""Forecasts of load and renewables with calibrated quantiles, and their backtest on anyone's own series.

`python -m ml.forecasting backtest --data FILE.csv --time COLUMN --target COLUMN` reads a series of any zone and any
step from 5 minutes to an hour, issues a forecast for every day of its last part by what was known then, and says what
they are worth beside naive ones. From Python: Forecaster().fit(frame), then predict(issue_time, horizon).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

from grid.times.column import TimeNotation
from ml.forecasting.backtest import Backtest, alone, backtest, naive_backtest, naive_mae, scores
from ml.forecasting.forecaster import MODEL_DAYS, Forecaster, ForecastSource
from ml.forecasting.groups import GroupForecaster
from ml.forecasting.live.weather import noised_forecast
from ml.forecasting.model.hours import DAY, TARGET, TEMPERATURE, TEMPERATURE_AHEAD, ForecastError, hours_of
from ml.forecasting.model.model import ModelSettings, Parts
from ml.forecasting.quality.metrics import range_of
from ml.forecasting.report import Assessed, document, printed, write
from ml.forecasting.user_series import Mended, SeriesColumns, read_series
from ml.tables.times import add_time_options, notation_of, time_columns

__all__ = ["ForecastSource", "Forecaster", "GroupForecaster", "main", "run"]

OUT = Path("var/forecasting")
FEWEST_TEST_DAYS, MOST_TEST_DAYS = 14, 365
ERROR_C = 1.5


@dataclass(frozen=True)
class Request:
    """What a backtest is asked for. test_days: at the end of the series; a quarter of it where None."""

    data: Path
    columns: SeriesColumns
    zone: str | None = None
    country: str | None = None
    horizon: int = DAY
    test_days: int | None = None
    error_c: float = ERROR_C
    keep_negative: bool = False
    notation: TimeNotation = TimeNotation()  # noqa: RUF009 - frozen
    settings: ModelSettings = ModelSettings()  # noqa: RUF009 - frozen


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns 0, or 2 where the series can't be read or forecast."""
    given = _parser().parse_args(arguments)
    out = given.out or OUT / given.data.stem
    try:
        request = _request(given)
        with threadpool_limits(1):
            found = run(request)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    write(found, document(found, datetime.now(UTC).isoformat(timespec="seconds"), request.settings.seed), out)
    print(printed(found))
    print(f"\nreport: {out / 'report.html'}, {out / 'report.json'}; every forecast: {out / 'forecasts.csv'}")
    return 0


def _request(given: argparse.Namespace) -> Request:
    time, time_of_day = time_columns(given.time)
    columns = SeriesColumns(
        time=time,
        target=given.target,
        temperature=given.temperature,
        temperature_forecast=given.temperature_forecast,
        holiday=given.holiday,
        time_of_day=time_of_day,
    )
    return Request(
        data=given.data,
        columns=columns,
        zone=given.zone,
        country=given.country,
        horizon=given.horizon,
        test_days=given.test_days,
        error_c=given.error,
        keep_negative=given.keep_negative,
        notation=notation_of(given),
        settings=ModelSettings(rounds=given.rounds),
    )


def run(request: Request) -> Assessed:
    """Read and mend the series, and backtest the model beside naive forecasts and its parts alone.

    Raises TableError or ForecastError, which are ValueErrors.
    """
    mended = read_series(request.data, request.columns, request.zone, request.keep_negative, request.notation)
    forecaster = Forecaster(
        zone=request.zone, country=request.country, horizon=request.horizon, issue_hours=(0,), settings=request.settings
    )
    frame = mended.frame
    range_of(frame[TARGET].to_numpy(dtype=float))
    try:
        start, end = _test(frame, request, forecaster)
    except ForecastError as error:
        raise ForecastError(f"{error}; what was read: {'; '.join(mended.notes)}") from None
    variants, notes = _variants(frame, request)
    tests = {name: backtest(forecaster, made, start, end, name) for name, made in variants.items()}
    main_name = next(iter(tests))
    for parts in (Parts.RIDGE, Parts.XGBOOST):
        tests[str(parts)] = backtest(alone(forecaster, parts), variants[main_name], start, end, str(parts))
    first = tests[main_name]
    baselines = [naive_backtest(first.hours, first.issues, request.horizon, days) for days in (1, 7)]
    rival = min(baselines, key=naive_mae)
    tests |= {test.name: test for test in baselines}
    return _assessed(request, mended, tests, main_name, rival, notes)


def _assessed(
    request: Request, mended: Mended, tests: dict[str, Backtest], main_name: str, rival: Backtest, notes: list[str]
) -> Assessed:
    notes = [
        *mended.notes,
        *notes,
        "forecasts are issued at 00:00 local time, models are fitted anew every three months to what lay before",
        "quantiles are calibrated by residuals of hours that had ended when a forecast was issued",
        "XGBoost alone is not calibrated, the others are; rMAE is relative to the better of the naive forecasts",
    ]
    mae = naive_mae(rival)
    figures = {name: scores(test, mae) for name, test in tests.items()}
    return Assessed(request.data.name, request.columns.target, tests, figures, main_name, rival.name, tuple(notes))


def _test(frame: pd.DataFrame, request: Request, forecaster: Forecaster) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last moment of the test: local midnights, as far as whole horizons were measured."""
    hours = hours_of(frame, request.zone)
    days = hours.end // DAY
    wanted = request.test_days or min(MOST_TEST_DAYS, days // 4)
    if wanted < FEWEST_TEST_DAYS or days - wanted < MODEL_DAYS:
        raise ForecastError(
            f"{request.data.name}: {days} days are known; {MODEL_DAYS} to learn from and "
            f"{FEWEST_TEST_DAYS} to test on are the least, {wanted} were to be tested"
        )
    end = hours.times(pd.Index([hours.end - forecaster.horizon]).to_numpy())[0]
    return (end - pd.Timedelta(days=wanted)).ceil("h").normalize(), end + pd.Timedelta(hours=1)


def _variants(frame: pd.DataFrame, request: Request) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Frames by the model's name, the one that counts first; and what has to be said of them."""
    plain = frame.drop(columns=[TEMPERATURE, TEMPERATURE_AHEAD], errors="ignore")
    if TEMPERATURE not in frame:
        return {"model": plain}, []
    if TEMPERATURE_AHEAD in frame:
        return {"model, given temperature forecast": frame, "model without weather": plain}, []
    noised = frame.assign(
        **{TEMPERATURE_AHEAD: noised_forecast(frame[TEMPERATURE], request.error_c, request.settings.seed)}
    )
    actual = frame.assign(**{TEMPERATURE_AHEAD: frame[TEMPERATURE]})
    name = f"model, temperature forecast with an error of {request.error_c:g} degC"
    note = (
        f"the temperature forecast is the measured one with drawn errors of {request.error_c:g} degC (--error), as the "
        "file has no forecasts; with the actual temperature is what no forecast can be, a bound"
    )
    return {name: noised, "model without weather": plain, "model, actual temperature": actual}, [note]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.forecasting", description=__doc__.partition("\n")[0])
    command = parser.add_subparsers(required=True).add_parser("backtest", help="what forecasts of a CSV file are worth")
    command.add_argument("--data", type=Path, required=True, help="CSV file, a header and one row a time")
    command.add_argument(
        "--time",
        required=True,
        nargs="+",
        metavar="COLUMN",
        help="column with times, best with an offset or Z; or one with dates and one with times of day",
    )
    add_time_options(command)
    command.add_argument("--target", required=True, help="column to forecast")
    command.add_argument("--temperature", help="column with the measured temperature, degC")
    command.add_argument("--temperature-forecast", help="column with the temperature as it was forecast the day before")
    command.add_argument("--holiday", help="column that is true on holidays")
    command.add_argument("--country", help="whose public holidays count, e.g. DE or AU-VIC")
    command.add_argument("--zone", help="time zone of the calendar, and of times without an offset, e.g. Europe/Berlin")
    command.add_argument("--horizon", type=int, default=DAY, help="hours ahead, up to 48 (24)")
    command.add_argument("--test-days", type=int, help="days at the end to test on (a quarter, a year at most)")
    command.add_argument("--error", type=float, default=ERROR_C, help="of the drawn temperature forecast, degC (1.5)")
    command.add_argument("--keep-negative", action="store_true", help="negative values are meant, not mistakes")
    command.add_argument("--rounds", type=int, default=ModelSettings().rounds, help="of boosting (80)")
    command.add_argument("--out", type=Path, help="folder to write to (var/forecasting/NAME)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
