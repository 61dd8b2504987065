"""Columns of times, and of outcomes, drawn by chance: what stands in a file is known before it is written."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.forecasting.__main__ import _parser, _request
from ml.forecasting.model.hours import TARGET
from ml.forecasting.user_series import Mended, read_series
from ml.maintenance.leakage.detector import suspicious
from ml.tables.csv_text import TableError
from ml.tables.training_table import Roles, read_table
from tests.benchmarks.inputs_outcome import Kind, Outcome, Rng, judged, refused, wrong

SAME_MW = 1e-6
CLOCKS = ("%H:%M", "%H:%M:%S", "%-H:%M", "%I:%M %p", "%I:%M:%S %p")
ORDERS = {"day": ("%d", "%m"), "month": ("%m", "%d")}
ZONES = (
    "Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Helsinki", "Atlantic/Azores", "America/New_York",
    "America/Los_Angeles", "America/St_Johns", "America/Halifax", "America/Santiago", "America/Havana",
    "America/Sao_Paulo", "Australia/Sydney", "Australia/Adelaide", "Australia/Lord_Howe", "Pacific/Auckland",
    "Pacific/Chatham", "Asia/Tehran", "Asia/Beirut", "Africa/Casablanca",
)  # fmt: skip
"""Some change at midnight, some by half an hour, one around Ramadan, some no longer."""


def series(rng: Rng, index: pd.DatetimeIndex) -> pd.Series:
    """(n,) values in MW that no check for mistakes takes offence at."""
    daily = 10 * np.sin(np.arange(len(index)) / max(1, len(index)) * 2 * np.pi * rng.integers(1, 9))
    return pd.Series((100 + daily + rng.normal(0, 3, len(index))).round(3), index)


def saved(rng: Rng, folder: Path, columns: Mapping[str, Any]) -> Path:
    """A CSV file with any of the separators, in any encoding."""
    path = folder / "drawn.csv"
    separator, encoding = str(rng.choice([",", ";", "\t"])), str(rng.choice(["utf-8", "utf-8-sig", "utf-16"]))
    pd.DataFrame(columns).to_csv(path, index=False, sep=separator, encoding=encoding)
    return path


def read(path: Path, *options: str, time: Sequence[str] = ("Time",)) -> Mended:
    """A series as `python -m ml.forecasting backtest` reads it."""
    return read_named(path, "Load", *time, options=options)


def read_named(path: Path, target: str, *time: str, options: Sequence[str] = ()) -> Mended:
    """A series whose columns have other names."""
    request = _request(
        _parser().parse_args(["backtest", "--data", str(path), "--time", *time, "--target", target, *options])
    )
    return read_series(request.data, request.columns, request.zone, request.keep_negative, request.notation)


def gap_mw(found: Mended, truth: pd.Series, unknown: int = 0) -> tuple[float, str]:
    """Largest difference to the means of the hours, and what is wrong; unknown: hours that may have no value."""
    hours, local = found.frame[TARGET], truth.sort_index().tz_convert("UTC")
    at = np.searchsorted(hours.index.tz_convert("UTC").asi8, local.index.as_unit(hours.index.unit).asi8, "right") - 1
    if at.min() < 0:
        return np.inf, f"begins at {hours.index[0]}, not at {truth.index.min()}"
    means = local.groupby(at).mean()
    lost = int(hours.iloc[means.index].isna().sum())
    if lost > unknown or hours.notna().sum() > len(means):
        return np.inf, f"{lost} hours have no value, {int(hours.notna().sum())} have one, {len(means)} were written"
    gap = float(np.nanmax(np.abs(hours.iloc[means.index].to_numpy() - means.to_numpy())))
    return gap, "" if gap <= SAME_MW else f"values at wrong times: differing by {gap:.3g} MW"


def compared(found: Mended, truth: pd.Series, unknown: int = 0) -> Outcome:
    """A series as it was read beside the true one."""
    gap, words = gap_mw(found, truth, unknown)
    return judged(not words, words or found.notes[0], (gap,))


def dates(rng: Rng, folder: Path) -> Outcome:
    """Month first or day first: read as written wherever a row proves it, asked for where none does."""
    order = str(rng.choice(list(ORDERS)))
    separator = str(rng.choice(["/", "-", ".", "/"] if order == "day" else ["/", "-", "/"]))
    first, second = ORDERS[order]
    if rng.random() < 0.5:
        first, second = f"%-{first[1]}", f"%-{second[1]}"
    form = separator.join((first, second, str(rng.choice(["%Y", "%Y", "%y"]))))
    begin = pd.Timestamp("2019-01-01") + pd.Timedelta(days=int(rng.integers(0, 2500)))
    if rng.random() < 0.3:
        return _dates_of_rows(rng, folder, form, order, begin)
    minutes, days = int(rng.choice([15, 30, 60])), int(rng.integers(1, 40))
    index = pd.date_range(begin, periods=days * 1440 // minutes, freq=f"{minutes}min", tz="UTC")
    truth = series(rng, index)
    words = index.strftime(f"{form} {rng.choice(CLOCKS)}")
    path = saved(rng, folder, {"Time": words, "Load": truth.to_numpy()})
    try:
        return compared(read(path), truth)
    except TableError as error:
        return _asked(error, words, order, lambda option: compared(read(path, option), truth))


def _dates_of_rows(rng: Rng, folder: Path, form: str, order: str, begin: pd.Timestamp) -> Outcome:
    """Dates without any step, of a table to train with."""
    days = begin + pd.to_timedelta(np.sort(rng.integers(0, int(rng.choice([11, 400])), 150)), unit="D")
    if rng.random() < 0.5:
        days = pd.DatetimeIndex([day.replace(day=min(day.day, 12)) for day in days])
    words = pd.Index(days.strftime(form))
    failed = rng.permutation(np.repeat([0, 1], [110, 40]))
    path = saved(rng, folder, {"Time": words, "x": rng.normal(size=150).round(3), "failed": failed})
    truth = days.to_numpy().astype("datetime64[D]").astype(float)

    def outcome(option: str = "") -> Outcome:
        arguments = ["backtest", "--data", str(path), "--time", "Time", "--target", "failed", *filter(None, [option])]
        notation = _request(_parser().parse_args(arguments)).notation
        table = read_table(path, Roles("failed", time="Time", notation=notation))
        gap = float(np.abs(np.asarray(table.time) - truth).max())
        return judged(gap == 0, f"dates off by up to {gap:g} days" if gap else "read")

    try:
        return outcome()
    except TableError as error:
        return _asked(error, words, order, outcome)


def _asked(error: TableError, words: pd.Index, order: str, again: Callable[[str], Outcome]) -> Outcome:
    """Whether it is right that the order is asked for, and the answer is taken."""
    read_as = [_possible(words, one) for one in (["d", "m", "y"], ["m", "d", "y"], ["y", "m", "d"])]
    told = "--day-first" in str(error) and "--month-first" in str(error)
    if sum(read_as) < 2 or not told:
        return wrong(str(error))
    answered = again(f"--{order}-first")
    return refused(answered.verdict == "read and right", f"{error} With --{order}-first: {answered.said}")


def _possible(words: pd.Index, order: list[str]) -> bool:
    """Whether all dates are days of the calendar in an order."""
    numbers = [re.split(r"[-/.]", word.split(" ")[0]) for word in words]
    for parts in numbers:
        named = dict(zip(order, map(int, parts), strict=True))
        if len(parts[order.index("y")]) not in (2, 4) or (len(parts[2]) == 4 and order[2] != "y"):
            return False
        year = named["y"] if named["y"] > 99 else 2000 + named["y"]
        try:
            pd.Timestamp(year, named["m"], named["d"])
        except ValueError:
            return False
    return True


def two_columns(rng: Rng, folder: Path) -> Outcome:
    """Dates in one column and times of day in another; one in four is read by the dates alone, and must be told so."""
    minutes, days = int(rng.choice([15, 30, 60])), int(rng.integers(14, 60))
    begin = pd.Timestamp("2019-01-01") + pd.Timedelta(days=int(rng.integers(0, 2500)))
    index = pd.date_range(begin, periods=days * 1440 // minutes, freq=f"{minutes}min", tz="UTC")
    truth = series(rng, index)
    form = str(rng.choice(["%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d", "%d.%m.%Y", "%-m/%-d/%y", "%d-%b-%Y", "%Y%m%d"]))
    form += str(rng.choice(["", "", " 00:00:00"])) if form != "%Y%m%d" else ""
    names = [str(name) for name in rng.permutation(["Date", "Hour", "Load"])]
    values = {"Date": index.strftime(form), "Hour": index.strftime(str(rng.choice(CLOCKS))), "Load": truth.to_numpy()}
    path = saved(rng, folder, {name: values[name] for name in names})
    if rng.random() < 0.25:
        try:
            read(path, time=("Date",))
        except ValueError as error:
            return refused("second column holds the time" in str(error) and "'Hour'" in str(error), str(error))
        return wrong("read by its dates alone")
    order = "month" if form.startswith(("%m", "%-m")) else "day"
    try:
        return compared(read(path, time=("Date", "Hour")), truth)
    except TableError as error:
        return _asked(
            error, values["Date"], order, lambda said: compared(read(path, said, time=("Date", "Hour")), truth)
        )


def clock_changes(rng: Rng, folder: Path) -> Outcome:
    """Local times around a change of the clock: in order, in reverse, with offsets, shuffled, or 24 hours a day."""
    zone = str(rng.choice(ZONES))
    change = _change(rng, zone)
    minutes = int(rng.choice([15, 30, 60]))
    begin, days = change - pd.Timedelta(days=int(rng.integers(3, 30))), int(rng.integers(35, 120))
    start = begin.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    index = pd.date_range(start, periods=days * 1440 // minutes, freq=f"{minutes}min")
    truth = series(rng, index)
    way = str(rng.choice(["in order", "in order", "in reverse", "with offsets", "shuffled"]))
    form = str(rng.choice(["%Y-%m-%d %H:%M", "%m/%d/%Y %I:%M %p", "%d.%m.%Y %H:%M"]))
    words = index.strftime("%Y-%m-%dT%H:%M:%S%z" if way == "with offsets" else form)
    rows = {"in reverse": np.arange(len(index))[::-1], "shuffled": rng.permutation(len(index))}
    rows_in = rows.get(way, np.arange(len(index)))
    path = saved(rng, folder, {"Time": words[rows_in], "Load": truth.to_numpy()[rows_in]})
    found = read(path, "--zone", zone)
    twice = index.tz_localize(None).duplicated(keep=False)
    if way == "shuffled" and twice.any():
        told = any("aren't in the order of time" in note for note in found.notes)
        hours = len(set(index[twice].tz_convert("UTC").floor("30min")))
        gap, said = gap_mw(found, truth[~twice], hours)
        return refused(told and not said, f"{zone}, {way}: {said or 'hours shown twice are left out and told'}")
    gap, said = gap_mw(found, truth)
    return judged(not said, f"{zone}, {way}, every {minutes} minutes, from {start}: {said}", (gap,))


def _change(rng: Rng, zone: str) -> pd.Timestamp:
    """The day about which the clock of a zone is changed."""
    hours = pd.date_range("2014-01-01", "2024-12-31", freq="D", tz="UTC").tz_convert(zone)
    offsets = np.array([hour.utcoffset().total_seconds() for hour in hours])
    return hours[int(rng.choice(np.flatnonzero(np.diff(offsets)) + 1))].tz_localize(None).floor("D")


def outcome_flags(kind: str) -> Callable[[Rng, Path], Outcome]:
    """Tables in which columns know the outcome in one way, beside honest ones: the first must be suspected, all others
    not."""

    def tried(rng: Rng, folder: Path) -> Outcome:
        n, rate = int(rng.integers(1000, 5000)), float(rng.choice([0.02, 0.05, 0.1, 0.2]))
        x, age, grade = rng.normal(size=n), rng.uniform(0, 40, n), rng.integers(1, 6, n)
        odds = np.log(rate / (1 - rate)) + 0.8 * x + 0.02 * (age - 20) + 0.3 * (grade - 3)
        failed = rng.random(n) < 1 / (1 + np.exp(-odds))
        honest = {"x": x.round(3), "age": age.round(1), "grade": grade}
        leaks = LEAKS[kind](rng, failed)
        columns = honest | leaks | {"failed": failed.astype(int)}
        names = [str(name) for name in rng.permutation(list(columns))]
        path = saved(rng, folder, {name: columns[name] for name in names})
        table = read_table(path, Roles("failed"))
        found = {suspicion.column for suspicion in suspicious(table.features, table.label, 1)}
        missed, accused = sorted(leaks.keys() - found), sorted(found - leaks.keys())
        said = f"{n} rows, {int(failed.sum())} failed: not told {', '.join(missed) or 'none'}"
        return judged(not missed and not accused, said + (f"; wrongly told {', '.join(accused)}" if accused else ""))

    return tried


def _modes(rng: Rng, failed: np.ndarray) -> dict[str, np.ndarray]:
    """2 to 5 flags of how it failed, each 1 in failed rows alone, whose union is the outcome."""
    mode = rng.integers(0, int(rng.integers(2, 6)), len(failed))
    return {f"m{one}": (failed & (mode == one)).astype(int) for one in np.unique(mode)}


def _noisy_modes(rng: Rng, failed: np.ndarray) -> dict[str, np.ndarray]:
    """Flags whose union is the outcome but for rows set by mistake: 5 to 20 % of what each flag marks."""
    mode, share = rng.integers(0, int(rng.integers(2, 5)), len(failed)), float(rng.uniform(0.05, 0.2))
    modes = np.unique(mode)
    stray = rng.random(len(failed)) < share * failed.mean() / len(modes)
    return {
        f"m{one}": ((failed & (mode == one)) | (stray & (rng.permutation(mode) == one))).astype(int) for one in modes
    }


def _missing_flag(rng: Rng, failed: np.ndarray) -> dict[str, np.ndarray]:
    """One flag, 1 in failed rows alone, missed in 20 to 80 % of them."""
    return {"flag": (failed & (rng.random(len(failed)) < rng.uniform(0.2, 0.8))).astype(int)}


def _minutes(rng: Rng, failed: np.ndarray) -> dict[str, np.ndarray]:
    """A number written after the failure, 0 or empty in other rows: minutes of outage, cost of repair."""
    value = np.where(failed & (rng.random(len(failed)) < rng.uniform(0.5, 1)), rng.lognormal(5, 1, len(failed)), 0)
    return {"minutes": np.where(value > 0, value.round(1), 0.0 if rng.random() < 0.5 else np.nan)}


def _costs(rng: Rng, failed: np.ndarray) -> dict[str, np.ndarray]:
    """A number that other rows have, too, and failed ones have more of: cost of upkeep and repair."""
    upkeep = rng.lognormal(4, 1, len(failed))
    return {"cost": (upkeep + failed * rng.lognormal(6, 0.7, len(failed))).round(1)}


LEAKS: dict[str, Callable[[Rng, np.ndarray], dict[str, np.ndarray]]] = {
    "flags of how it failed, each in failed rows alone": _modes,
    "such flags, 5 to 20 % of each set by mistake": _noisy_modes,
    "one flag in failed rows alone, missing in 20 to 80 % of them": _missing_flag,
    "a number in failed rows alone": _minutes,
    "a number that is larger in failed rows": _costs,
}
WRITTEN = "the construction: the series that was written"
KINDS = (
    Kind(name="dates", words="month first, day first", judge=WRITTEN, inputs=60, tried=dates, units=("MW",)),
    Kind(
        name="two-columns",
        words="date and time of day in two columns",
        judge=WRITTEN,
        inputs=60,
        tried=two_columns,
        units=("MW",),
    ),
    Kind(
        name="clocks",
        words="local times through changes of the clock",
        judge=f"{WRITTEN}, in UTC",
        inputs=80,
        tried=clock_changes,
        units=("MW",),
    ),
    *(
        Kind(
            name=f"leak-{place}",
            words=f"columns that know the outcome: {kind}",
            judge="the construction: which columns they are",
            inputs=50,
            tried=outcome_flags(kind),
        )
        for place, kind in enumerate(LEAKS, start=1)
    ),
)
