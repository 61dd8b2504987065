"""Series that forecasts are judged on: real ones, those that Python packages ship, and made ones of odd kinds.

REPORTED were chosen before any was forecast, and none was left out after. What the forecaster lets one choose was
chosen on DEVELOPMENT. Packages beyond the project's own are in tests/benchmarks/requirements-peers.txt; a series whose
file is absent is named by absent.
"""

from __future__ import annotations

import functools
import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ml.forecasting.live.renewables import PvPlace, clear_sky_output
from ml.forecasting.model.hours import FloatArray
from tests.paths import SHARED

VICTORIA = SHARED / "load/vic_electricity_30min.csv.gz"
MELBOURNE = "Australia/Melbourne"
SIMBENCH_ZONE = "Etc/GMT-1"  # its year has no daylight saving
SIMBENCH_PLACE = PvPlace(53.7, 11.4)  # where the grid's coordinates lie
BERLIN = "Europe/Berlin"
CLEAR = "clear_sky"
MADE_FROM, MADE_DAYS = "2022-01-01", 730
OTHER_SEED = 101
"""Of made series that choices are made on; those that are reported have seed 1."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One series and its test: frame as Forecaster.fit takes it, forecast from start until before end.

    months: between refits. ahead: columns known in advance, the first of which is the standard profile.
    """

    name: str
    frame: pd.DataFrame
    zone: str
    start: pd.Timestamp
    end: pd.Timestamp
    months: int = 3
    country: str | None = None
    ahead: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Where a series comes from: how it is read, and the package or the file that it needs."""

    name: str
    read: Callable[[], Judged]
    package: str | None = None
    path: Path | None = None

    @property
    def absent(self) -> str | None:
        """What is missing for it to be read; None where nothing is."""
        if self.package is not None and importlib.util.find_spec(self.package) is None:
            return f"the package {self.package}"
        return None if self.path is None or self.path.exists() else self.path.name


def victoria(year: int) -> Judged:
    """Half-hourly demand in MW, as hourly means; the year is the test."""
    raw = pd.read_csv(VICTORIA)
    raw.index = pd.DatetimeIndex(pd.to_datetime(raw["Time"], utc=True))
    hourly = raw.resample("1h")
    frame = pd.DataFrame({"target": hourly["Demand"].mean(), "holiday": hourly["Holiday"].first().astype(float)})
    start = pd.Timestamp(f"{year}-01-01", tz=MELBOURNE)
    end = pd.Timestamp(f"{year}-12-30", tz=MELBOURNE)
    return Judged(name=f"Victoria {year}", frame=frame, zone=MELBOURNE, start=start, end=end)


def simbench_series(kind: str, column: str) -> Judged:
    """A relative profile of SimBench's year 2016, as hourly means; kind: load, PV or wind."""
    profiles = _simbench()
    values = profiles["load"][f"{column}_pload"] if kind == "load" else profiles["renewables"][column]
    times = pd.date_range("2016-01-01", periods=len(values), freq="15min", tz=SIMBENCH_ZONE)
    frame = pd.DataFrame({"target": pd.Series(values.to_numpy(dtype=float), times).resample("1h").mean()})
    if kind == "PV":
        frame[CLEAR] = clear_sky_output(pd.DatetimeIndex(frame.index), SIMBENCH_PLACE)
    ahead = (CLEAR,) if kind == "PV" else ()
    return _second_half(f"SimBench {kind} {column}", frame, SIMBENCH_ZONE, country="DE", ahead=ahead)


def calliope_demand() -> Judged:
    """Demand of Great Britain in 2005, MW (calliope's national example)."""
    path = _within("calliope", "example_models/national_scale/timeseries_data/demand-1.csv")
    raw = pd.read_csv(path, index_col=0, parse_dates=True)
    frame = pd.DataFrame({"target": -raw["demand"].to_numpy(dtype=float)}, raw.index.tz_localize("UTC"))
    return _second_half("Great Britain 2005", frame, "Europe/London", country="GB")


def pycity_load(column: int, name: str) -> Judged:
    """Measured power of a German business in 2010, W, quarters of an hour as hourly means (pycity_base)."""
    path = _within("pycity_base", "inputs/measured_el_loads/non_res_annual_el_profiles.txt")
    raw = pd.read_csv(path, sep="\t", skiprows=2, header=None, encoding="latin-1", usecols=[2, 3, 4])
    values = raw[column].dropna().to_numpy(dtype=float)
    times = pd.date_range("2010-01-01", periods=len(values), freq="15min", tz=SIMBENCH_ZONE)
    frame = pd.DataFrame({"target": pd.Series(values, times).resample("1h").mean()})
    return _second_half(name, frame, SIMBENCH_ZONE, country="DE")


def eemeter_home() -> Judged:
    """Hourly energy of a home in Illinois, kWh (a sample of eemeter); its last half year is the test."""
    path = _within("eemeter", "samples/il-electricity-cdd-hdd-hourly.csv.gz")
    raw = pd.read_csv(path)
    times = pd.DatetimeIndex(pd.to_datetime(raw["start"], utc=True))
    frame = pd.DataFrame({"target": raw["value"].to_numpy(dtype=float)}, times)
    frame = frame[~frame.index.duplicated(keep="last")].sort_index()
    end = frame.index[-1].tz_convert("America/Chicago").normalize() - pd.Timedelta(days=3)
    return _of_end("home in Illinois", frame, "America/Chicago", end)


def citylearn_building(number: int) -> Judged:
    """Hourly electric power of a building's equipment, kW (CityLearn's challenge of 2020)."""
    path = _within("citylearn", f"data/citylearn_challenge_2020_climate_zone_1/Building_{number}.csv")
    values = pd.read_csv(path)["Equipment Electric Power [kWh]"].to_numpy(dtype=float)
    return _second_half(f"CityLearn building {number}", _hours("2017-01-01", values, "UTC"), "UTC")


def pymgrid_building(kind: str) -> Judged:
    """Hourly load of a reference building in the United States, kW (pymgrid)."""
    (path,) = sorted(_within("pymgrid", "data/load").glob(f"RefBldg{kind}New2004*"))
    values = pd.read_csv(path).iloc[:, -1].to_numpy(dtype=float)
    return _second_half(f"pymgrid {kind}", _hours("2006-01-01", values, "UTC"), "UTC")


# --- made series -------------------------------------------------------------------------------------------------


def made(name: str, seed: int) -> Judged:
    """A made series of two years by the clock of Berlin; its last half year is the test."""
    index = pd.date_range(MADE_FROM, periods=24 * MADE_DAYS, freq="h", tz=BERLIN)
    values = MADE[name](index, np.random.default_rng(seed))
    frame = pd.DataFrame({"target": values}, index)
    return _of_end(f"made: {name}", frame, BERLIN, index[-1].normalize() - pd.Timedelta(days=2), country="DE")


def _noise(count: int, rng: np.random.Generator, keep: float = 0.9) -> FloatArray:
    """(count,) of variance 1 that keep a share of themselves from hour to hour."""
    drawn = rng.normal(0, np.sqrt(1 - keep**2), count)
    found = np.empty(count)
    state = 0.0
    for i in range(count):
        state = keep * state + drawn[i]
        found[i] = state
    return found


def _calendar(index: pd.DatetimeIndex) -> tuple[FloatArray, FloatArray, FloatArray]:
    return index.hour.to_numpy(float), index.dayofweek.to_numpy(float), index.dayofyear.to_numpy(float)


def _daily(hour: FloatArray) -> FloatArray:
    return 1 + 0.3 * np.sin(2 * np.pi * (hour - 8) / 24) + 0.12 * np.sin(4 * np.pi * (hour - 7) / 24)


def _plant(index: pd.DatetimeIndex, rng: np.random.Generator) -> FloatArray:
    """Three shifts on working days and one on Saturdays; two weeks closed; the night shift comes and goes."""
    hour, weekday, yearday = _calendar(index)
    night = np.repeat(rng.random(MADE_DAYS // 14 + 1) < 0.6, 14 * 24)[: len(index)]
    running = ((weekday < 5) & ((hour >= 6) & (hour < 22) | night)) | ((weekday == 5) & (hour >= 6) & (hour < 14))
    closed = ((yearday >= 215) & (yearday < 229)) | (yearday >= 358) | (yearday < 3)
    return np.where(running & ~closed, 9.0 + 0.8 * _noise(len(index), rng), 1.5 + 0.1 * _noise(len(index), rng))


def _school(index: pd.DatetimeIndex, rng: np.random.Generator) -> FloatArray:
    """A school whose hall is let at weekends: most is used on Saturdays and Sundays; holidays of weeks."""
    hour, weekday, yearday = _calendar(index)
    lessons = (weekday < 5) & (hour >= 8) & (hour < 15) & ~((yearday >= 180) & (yearday < 222))
    hall = (weekday >= 5) & (hour >= 10) & (hour < 23)
    busy = np.repeat(rng.uniform(0.6, 1.4, MADE_DAYS), 24)[: len(index)]
    load = 5 + 15 * lessons + 40 * hall * np.resize(busy, len(index))
    return np.maximum(load + 1.5 * _noise(len(index), rng), 0.5)


def _behind_the_meter(index: pd.DatetimeIndex, rng: np.random.Generator) -> FloatArray:
    """A suburb whose roofs are covered with photovoltaics over the two years: net load goes below zero at noon."""
    hour, weekday, _ = _calendar(index)
    sky = clear_sky_output(index, SIMBENCH_PLACE)
    cloud = np.clip(0.65 + 0.35 * _noise(len(index), rng, 0.97), 0.05, 1)
    installed = np.linspace(4, 18, len(index))
    return 12 * _daily(hour) * (1 - 0.08 * (weekday >= 5)) + 0.5 * _noise(len(index), rng) - installed * sky * cloud


def _growth(index: pd.DatetimeIndex, rng: np.random.Generator) -> FloatArray:
    """A data centre: 60 % more each year, little by the hour of the day."""
    hour, _, _ = _calendar(index)
    growing = np.exp(np.log(1.6) * np.arange(len(index)) / (24 * 365))
    return 20 * growing * (1 + 0.06 * np.sin(2 * np.pi * (hour - 9) / 24) + 0.02 * _noise(len(index), rng, 0.98))


def _level_shifts(index: pd.DatetimeIndex, rng: np.random.Generator) -> FloatArray:
    """A feeder that loads are switched to and from: a new level every forty days or so."""
    hour, weekday, _ = _calendar(index)
    level = np.empty(len(index))
    at, now = 0, 50.0
    while at < len(index):
        span = int(24 * rng.exponential(40)) + 24
        level[at : at + span] = now
        at, now = at + span, float(rng.uniform(25, 90))
    return level * _daily(hour) * (1 - 0.15 * (weekday >= 5)) + 1.5 * _noise(len(index), rng)


def _holidays(index: pd.DatetimeIndex, rng: np.random.Generator) -> FloatArray:
    """Electric heating with offices: cold, working days and long weekends about public holidays, by summer time."""
    import holidays

    hour, weekday, yearday = _calendar(index)
    days = holidays.country_holidays("DE", years=range(2021, 2025))
    dates = pd.Series(index.date, index)
    off = dates.map(lambda day: day in days).to_numpy() | (weekday >= 5)
    bridge = dates.map(lambda day: day - pd.Timedelta(days=1) in days).to_numpy() & (weekday == 4)
    off = off | bridge
    temperature = 9 + 10 * np.cos(2 * np.pi * (yearday - 200) / 365) + 4 * _noise(len(index), rng, 0.99)
    cold = np.maximum(16 - temperature, 0)
    return (60 + 2.5 * cold) * _daily(hour) * np.where(off, 0.7, 1.0) + 1.5 * _noise(len(index), rng)


def _furnace(index: pd.DatetimeIndex, rng: np.random.Generator) -> FloatArray:
    """A furnace that is started at any hour for some hours: hardly anything can be known of it a day ahead."""
    load = np.full(len(index), 2.0)
    at = 0
    while at < len(index):
        at += int(rng.exponential(14)) + 2
        span = int(rng.integers(2, 9))
        load[at : at + span] += rng.uniform(15, 30)
        at += span
    return load + 0.2 * np.abs(_noise(len(index), rng))


MADE: dict[str, Callable[[pd.DatetimeIndex, np.random.Generator], FloatArray]] = {
    "plant with shifts": _plant,
    "weekend-heavy school": _school,
    "solar behind the meter": _behind_the_meter,
    "growing data centre": _growth,
    "level shifts": _level_shifts,
    "heating, holidays, summer time": _holidays,
    "furnace at any hour": _furnace,
}


def _made(name: str, seed: int) -> Source:
    return Source(f"made: {name}", functools.partial(made, name, seed))


REPORTED = (
    Source("Victoria 2014", functools.partial(victoria, 2014), path=VICTORIA),
    Source("SimBench load lv_urban6", functools.partial(simbench_series, "load", "lv_urban6")),
    Source("SimBench load mv_urban", functools.partial(simbench_series, "load", "mv_urban")),
    Source("SimBench load L2-A", functools.partial(simbench_series, "load", "L2-A")),
    Source("SimBench load H0-A", functools.partial(simbench_series, "load", "H0-A")),
    Source("SimBench PV lv_urban6", functools.partial(simbench_series, "PV", "lv_urban6")),
    Source("SimBench wind WP7", functools.partial(simbench_series, "wind", "WP7")),
    Source("Great Britain 2005", calliope_demand, "calliope"),
    Source("metal works", functools.partial(pycity_load, 3, "metal works"), "pycity_base"),
    Source("warehouse", functools.partial(pycity_load, 4, "warehouse"), "pycity_base"),
    Source("home in Illinois", eemeter_home, "eemeter"),
    Source("CityLearn building 1", functools.partial(citylearn_building, 1), "citylearn"),
    Source("pymgrid PrimarySchool", functools.partial(pymgrid_building, "PrimarySchool"), "pymgrid"),
    *(_made(name, 1) for name in MADE),
)
DEVELOPMENT = (
    Source("Victoria 2013", functools.partial(victoria, 2013), path=VICTORIA),
    Source("SimBench load lv_rural1", functools.partial(simbench_series, "load", "lv_rural1")),
    Source("SimBench load G1-A", functools.partial(simbench_series, "load", "G1-A")),
    Source("SimBench PV PV3", functools.partial(simbench_series, "PV", "PV3")),
    Source("SimBench wind WP3", functools.partial(simbench_series, "wind", "WP3")),
    Source("smooth metal works", functools.partial(pycity_load, 2, "smooth metal works"), "pycity_base"),
    Source("CityLearn building 5", functools.partial(citylearn_building, 5), "citylearn"),
    Source("pymgrid Hospital", functools.partial(pymgrid_building, "Hospital"), "pymgrid"),
    *(_made(name, OTHER_SEED) for name in MADE),
)


@functools.cache
def _simbench() -> dict[str, pd.DataFrame]:
    import simbench

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: dict[str, pd.DataFrame] = simbench.get_all_simbench_profiles(0)
    return found


def _within(package: str, path: str) -> Path:
    """A file that a package ships; the package isn't imported, for what it needs needn't be there."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the package {package} isn't installed (tests/benchmarks/requirements-peers.txt)")
    return Path(spec.origin).parent / path


def _hours(first: str, values: FloatArray, zone: str) -> pd.DataFrame:
    return pd.DataFrame({"target": values}, pd.date_range(first, periods=len(values), freq="h", tz=zone))


def _second_half(
    name: str, frame: pd.DataFrame, zone: str, country: str | None = None, ahead: tuple[str, ...] = ()
) -> Judged:
    """The second half of a series of one year is the test."""
    end = frame.index[-1].tz_convert(zone).normalize() - pd.Timedelta(days=2)
    return _of_end(name, frame, zone, end, country, ahead)


def _of_end(
    name: str,
    frame: pd.DataFrame,
    zone: str,
    end: pd.Timestamp,
    country: str | None = None,
    ahead: tuple[str, ...] = (),
) -> Judged:
    start = (end - pd.Timedelta(days=182)).normalize()
    return Judged(name=name, frame=frame, zone=zone, start=start, end=end, country=country, ahead=ahead)
