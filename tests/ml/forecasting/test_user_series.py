import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grid.times.column import TimeNotation
from grid.times.words import DateOrder
from ml.forecasting.model.hours import ForecastError
from ml.forecasting.user_series import SeriesColumns, absurd, mend, read_series, stuck
from ml.tables.csv_text import TableError
from tests.ml.series import hourly
from tests.paths import SHARED

INPUTS = SHARED / "inputs"


def frame_of(values: np.ndarray, start: str = "2024-01-01", freq: str = "h", zone: str = "UTC") -> pd.DataFrame:
    return pd.DataFrame({"target": values}, index=pd.date_range(start, periods=len(values), freq=freq, tz=zone))


def load(days: int = 30) -> np.ndarray:
    return hourly(days)["target"].to_numpy()


def written(folder: Path, times: list[str], values: list[object], more: str = "") -> Path:
    path = folder / "load.csv"
    rows = "\n".join(f"{time},{value}" for time, value in zip(times, values, strict=True))
    path.write_text(f"Time,Load\n{rows}\n{more}", encoding="utf-8")
    return path


def told(notes: tuple[str, ...], words: str) -> bool:
    return any(words in note for note in notes)


@pytest.mark.parametrize("minutes", [5, 10, 15, 30, 60])
def test_any_step_becomes_hourly_means(minutes: int) -> None:
    values = np.arange(48 * 60 / minutes) + 1
    found = mend(frame_of(values, freq=f"{minutes}min"))
    parts = 60 // minutes
    np.testing.assert_allclose(found.frame["target"], values.reshape(48, parts).mean(1))
    assert told(found.notes, f"values every {minutes} minutes, 48 hours")


@pytest.mark.parametrize(("freq", "words"), [("1D", "every 1440 minutes"), ("1min", "every 1 "), ("25min", "divide")])
def test_other_steps_are_refused(freq: str, words: str) -> None:
    with pytest.raises(ForecastError, match=words):
        mend(frame_of(np.ones(50), freq=freq))


def test_hours_of_a_zone_of_half_hours_begin_on_its_clock() -> None:
    found = mend(frame_of(np.arange(96.0), freq="30min", zone="Asia/Kolkata"), "Asia/Kolkata")
    assert set(found.frame.index.minute) == {0}
    assert found.frame["target"].iloc[0] == 0.5


def test_a_missing_day_is_a_gap_and_told() -> None:
    frame = frame_of(load())
    found = mend(frame.drop(frame.index[240:264]))
    assert len(found.frame) == 720
    assert found.frame["target"].isna().sum() == 24
    assert told(found.notes, "24 of 720 hours have no value, first 2024-01-11 00:00:00+00:00")


def test_a_doubled_hour_is_averaged_and_told() -> None:
    frame = frame_of(load())
    other = frame.iloc[[100]] + 10
    found = mend(pd.concat([frame, other]))
    assert found.frame["target"].iloc[100] == pytest.approx(frame["target"].iloc[100] + 5)
    assert told(found.notes, "1 with another value, of which the mean is taken")
    assert told(found.notes, "not in the order of time")
    same = mend(pd.concat([frame, frame.iloc[[100]]]).sort_index())
    assert told(same.notes, "with the same value")


def test_negative_values_are_unknown_unless_they_are_meant() -> None:
    values = load()
    values[[50, 400]] = -20
    found = mend(frame_of(values))
    assert found.frame["target"].isna().sum() == 2
    assert told(found.notes, "2 values (0.28 %) are negative, first 2024-01-03 02:00:00+00:00")
    assert mend(frame_of(values), keep_negative=True).frame["target"].iloc[50] == -20


def test_absurd_values_are_unknown_and_told() -> None:
    values = load()
    values[500] = 1e5
    found = mend(frame_of(values))
    assert np.isnan(found.frame["target"].iloc[500])
    assert found.frame["target"].isna().sum() == 1
    assert told(found.notes, "1 values are absurd, first 100000 at 2024-01-21 20:00:00+00:00")


def test_what_is_absurd_is_judged_by_the_past_alone() -> None:
    values = pd.Series(load())
    values[300] = 9000
    later = values.copy()
    later[500:] = np.random.default_rng(1).normal(0, 1e6, len(values) - 500)
    np.testing.assert_array_equal(absurd(values, 60)[:500], absurd(later, 60)[:500])


def test_a_new_level_that_lasts_is_believed_after_some_days() -> None:
    values = load(60)
    values[720:] *= 12
    assert np.isfinite(mend(frame_of(values)).frame["target"].iloc[-480:]).all()


def test_a_flat_day_is_unknown_from_the_twelfth_hour_and_told() -> None:
    values = load()
    values[240:264] = 77.0
    found = mend(frame_of(values))
    assert found.frame["target"].iloc[240:264].isna().sum() == 13
    assert told(found.notes, "stuck for 12 h or more, first 77 at 2024-01-11 11:00:00+00:00")
    assert not stuck(np.zeros(40), 12).any(), "PV gives nothing all night"


def test_local_times_without_offset_follow_the_clock_through_both_changes(tmp_path: Path) -> None:
    index = pd.date_range("2024-03-29", "2024-11-02", freq="h", tz="Europe/Berlin")
    rng = np.random.default_rng(1)
    values = 100 + rng.normal(0, 5, len(index)).round(3)
    path = written(tmp_path, [f"{time:%Y-%m-%d %H:%M}" for time in index], list(values))
    found = read_series(path, SeriesColumns("Time", "Load"), "Europe/Berlin")
    np.testing.assert_allclose(found.frame["target"], values)
    assert not told(found.notes, "rows have a time that was there before")
    assert not told(found.notes, "never were")


def test_an_hour_that_the_clock_left_out_is_told(tmp_path: Path) -> None:
    index = pd.date_range("2024-03-29", periods=120, freq="h")
    path = written(tmp_path, [f"{time:%Y-%m-%d %H:%M}" for time in index], list(range(1, 121)))
    found = read_series(path, SeriesColumns("Time", "Load"), "Europe/Berlin")
    assert told(found.notes, "1 times never were on the clock of Europe/Berlin")
    assert len(found.frame) == 119


def test_times_without_offset_or_zone_are_taken_for_utc_and_that_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, [f"{hour:02d}.01.2024 {hour:02d}:00" for hour in (1,)] + ["02.01.2024 00:00"], [1, 2])
    with pytest.raises(ForecastError, match="1380 minutes"):
        read_series(path, SeriesColumns("Time", "Load"))
    path = written(tmp_path, [f"01.01.2024 {hour:02d}:00" for hour in range(24)], list(range(24)))
    found = read_series(path, SeriesColumns("Time", "Load"))
    assert told(found.notes, "they are taken for UTC")
    assert str(found.frame.index[0]) == "2024-01-01 00:00:00+00:00"


def test_what_can_t_be_read_is_named_with_its_row(tmp_path: Path) -> None:
    times = [f"2024-01-01T{hour:02d}:00:00Z" for hour in range(24)]
    with pytest.raises(TableError, match="row 5: 'noon' is not a time"):
        read_series(written(tmp_path, [*times[:3], "noon", *times[4:]], list(range(24))), SeriesColumns("Time", "Load"))
    with pytest.raises(TableError, match="column 'Power': is missing; there are Time, Load"):
        read_series(written(tmp_path, times, list(range(24))), SeriesColumns("Time", "Power"))
    with pytest.raises(TableError, match="holds words"):
        read_series(written(tmp_path, times, ["low"] * 24), SeriesColumns("Time", "Load"))


def written_columns(folder: Path, columns: dict[str, list[object]], separator: str = ";") -> Path:
    path = folder / "load.csv"
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    path.write_text("\n".join(separator.join(map(str, row)) for row in rows) + "\n", encoding="utf-8")
    return path


def days_of(count: int, start: str = "2024-01-01", freq: str = "h", zone: str | None = None) -> pd.DatetimeIndex:
    end = pd.Timestamp(start, tz=zone) + pd.Timedelta(days=count)
    return pd.date_range(pd.Timestamp(start, tz=zone), end, freq=freq, inclusive="left")


@pytest.mark.parametrize(
    ("name", "columns", "said"),
    [
        ("month_first.csv", SeriesColumns("time", "load"), "the month first: '1/13/2024 0:00' in row 290 proves it"),
        (
            "date_and_time_columns.csv",
            SeriesColumns("Date", "load", time_of_day="Time"),
            "the day first: '13/01/2024 00:00:00' in row 290 proves it",
        ),
    ],
)
def test_the_shared_inputs_are_sixty_days_of_hours(name: str, columns: SeriesColumns, said: str) -> None:
    if not (INPUTS / name).exists():
        pytest.skip(f"{name} is not beside the project")
    found = read_series(INPUTS / name, columns)
    assert (len(found.frame), found.frame.index[0], found.frame["target"].isna().sum()) == (
        1440,
        pd.Timestamp("2024-01-01", tz="UTC"),
        0,
    )
    assert told(found.notes, said)
    assert told(found.notes, "1440 values every 60 minutes, 1440 hours")


@pytest.mark.parametrize(
    ("form", "freq", "days", "said"),
    [
        ("%m/%d/%Y %H:%M", "15min", 40, "month first: '01/13/2024 00:00' in row 1154 proves it"),
        ("%m-%d-%Y %I:%M:%S %p", "h", 20, "month first: '01-13-2024 12:00:00 AM' in row 290 proves it"),
        ("%m/%d/%y %H:%M", "30min", 7, "month first: only so is there a row every 30 minutes"),
    ],
)
def test_months_before_days_are_found_and_told(tmp_path: Path, form: str, freq: str, days: int, said: str) -> None:
    index = days_of(days, freq=freq)
    values = 100 + np.arange(len(index)) % 50
    found = read_series(written(tmp_path, list(index.strftime(form)), list(values)), SeriesColumns("Time", "Load"))
    assert len(found.frame) == 24 * days
    assert found.frame["target"].notna().all()
    assert told(found.notes, said)


def test_days_that_may_be_months_are_asked_for_by_file_column_row_and_option(tmp_path: Path) -> None:
    index = days_of(1, "2024-03-04")
    path = written(tmp_path, list(index.strftime("%d/%m/%Y %H:%M")), list(range(24)))
    with pytest.raises(TableError) as refused:
        read_series(path, SeriesColumns("Time", "Load"))
    error = refused.value
    assert (error.file, error.column, error.row) == ("load.csv", "Time", 2)
    for part in ("'04/03/2024 00:00'", "2024-03-04 or 2024-04-03", "--day-first", "--month-first", "'%d/%m/%Y %H:%M'"):
        assert part in str(error)
    for order, begin in ((DateOrder.DAY_FIRST, "2024-03-04"), (DateOrder.MONTH_FIRST, "2024-04-03")):
        found = read_series(path, SeriesColumns("Time", "Load"), notation=TimeNotation(order=order))
        assert found.frame.index[0] == pd.Timestamp(begin, tz="UTC")
        assert told(found.notes, f"with the {order} first, as asked")


@pytest.mark.parametrize(
    ("date", "clock", "separator"),
    [("%d/%m/%Y", "%H:%M:%S", ";"), ("%m/%d/%Y", "%I:%M %p", ","), ("%Y-%m-%d 00:00:00", "%H:%M", "\t")],
)
def test_two_columns_of_times_are_read_and_one_of_them_is_refused(
    tmp_path: Path, date: str, clock: str, separator: str
) -> None:
    index = days_of(30, freq="15min")
    columns = {"Day": index.strftime(date), "Load": np.arange(len(index)) % 90 + 1, "Hour": index.strftime(clock)}
    path = written_columns(tmp_path, columns, separator)
    found = read_series(path, SeriesColumns("Day", "Load", time_of_day="Hour"))
    np.testing.assert_allclose(found.frame["target"], (np.arange(len(index)) % 90 + 1).reshape(-1, 4).mean(1))
    with pytest.raises(
        TableError, match=r"row 2: '.*' is a time of day; name the column of its date, too \(--time DATE"
    ):
        read_series(path, SeriesColumns("Hour", "Load"))
    with pytest.raises(TableError, match=r"column 'Day': .*a second column holds the time, 'Hour'") as refused:
        read_series(path, SeriesColumns("Day", "Load"))
    assert "say --time 'Day' 'Hour'" in str(refused.value)


def test_a_wrong_time_of_day_is_named_in_its_column(tmp_path: Path) -> None:
    index = days_of(2)
    clock = [*index.strftime("%H:%M")[:-1], "24:15"]
    path = written_columns(tmp_path, {"Day": index.strftime("%Y-%m-%d"), "Hour": clock, "Load": range(48)})
    with pytest.raises(TableError, match="column 'Hour', row 49: '24:15' is no time of day"):
        read_series(path, SeriesColumns("Day", "Load", time_of_day="Hour"))


def test_a_column_of_hours_is_named_and_not_guessed_at(tmp_path: Path) -> None:
    index = days_of(10)
    for first, form in ((0, "{}"), (1, "{}"), (1, "{:02}")):
        hours = [form.format(hour + first) for hour in index.hour]
        columns = {"Day": index.strftime("%Y-%m-%d"), "HE": hours, "Load": range(1, 241)}
        path = written_columns(tmp_path, columns)
        with pytest.raises(
            TableError, match=f"the hour, 'HE' .'{hours[0]}' in row 2.: write times of day, such as 06:00"
        ):
            read_series(path, SeriesColumns("Day", "Load"))
        with pytest.raises(TableError, match=f"column 'HE', row 2: '{hours[0]}' is no time of day"):
            read_series(path, SeriesColumns("Day", "Load", time_of_day="HE"))


def test_rows_are_counted_as_a_spreadsheet_does(tmp_path: Path) -> None:
    path = written(tmp_path, [f"2024-01-01T{hour:02d}:00:00Z" for hour in range(24)], list(range(24)))
    path.write_text(path.read_text().replace("\n2024-01-01T05:00:00Z", "\n\n,\n5 o'clock"), encoding="utf-8")
    with pytest.raises(TableError, match="column 'Time', row 9: '5 o'clock' is not a time"):
        read_series(path, SeriesColumns("Time", "Load"))
    path.write_text(path.read_text().replace("5 o'clock,5", "2024-01-01T05:00:00Z,much"), encoding="utf-8")
    with pytest.raises(TableError, match="column 'Load', row 9: 'much' is not a number"):
        read_series(path, SeriesColumns("Time", "Load"))


def test_a_clock_of_twelve_hours_without_halves_is_refused(tmp_path: Path) -> None:
    index = days_of(10)
    path = written(tmp_path, list(index.strftime("%Y-%m-%d %I:%M")), list(range(1, 241)))
    with pytest.raises(TableError, match=r"column 'Time': has hours from 1 to 12 alone, .* AM and PM are missing"):
        read_series(path, SeriesColumns("Time", "Load"))


def shuffled(rows: list[tuple[str, object]]) -> None:
    random.Random(1).shuffle(rows)


def with_a_total(rows: list[tuple[str, object]]) -> None:
    rows.append(("Sum", 1))


@pytest.mark.parametrize(
    ("form", "change", "words"),
    [
        ("%Y-%m-%dT%H:%M:%SZ", shuffled, "not in the order of time: sorted"),
        ("%d.%m.%Y %H:%M", lambda rows: rows.extend(rows[:5]), "5 rows have a time that was there before"),
        ("%m/%d/%Y %H:%M", lambda rows: rows.__delitem__(slice(100, 130)), "30 of 480 hours have no value"),
        ("%d/%m/%Y %H:%M", lambda rows: rows.reverse(), "not in the order of time: sorted"),
    ],
)
def test_dirty_rows_are_read_at_their_times_and_told(
    tmp_path: Path, form: str, change: Callable[[list[tuple[str, object]]], object], words: str
) -> None:
    index = days_of(20, "2024-01-05")
    values = (100 + 10 * np.random.default_rng(1).normal(size=len(index))).round(3)
    truth = dict(zip(index.tz_localize("UTC"), values.tolist(), strict=True))
    rows = list(zip(index.strftime(form), values.tolist(), strict=True))
    change(rows)
    found = read_series(written(tmp_path, *map(list, zip(*rows, strict=True))), SeriesColumns("Time", "Load"))
    assert told(found.notes, words)
    known = found.frame["target"].dropna()
    assert len(known) >= 450
    assert known.to_dict() == pytest.approx({at: truth[at] for at in known.index})


@pytest.mark.parametrize(
    ("change", "row", "words"),
    [
        (with_a_total, 482, "'Sum' is not a time"),
        (lambda rows: rows.__setitem__(7, ("", 5)), 9, "the time is empty"),
        (lambda rows: rows.__setitem__(7, ("05.01.2024 07:00 Uhr", 5)), 9, "is not a time, or not written as"),
        (lambda rows: rows.__setitem__(7, ("2024-01-05 07:00", 5)), 9, "such as '05.01.2024 00:00' in row 2"),
        (lambda rows: rows.__setitem__(7, ("30.02.2024 07:00", 5)), 9, "'30.02.2024 07:00' is no day"),
        (lambda rows: rows.__setitem__(7, ("01.13.2024 07:00", 5)), 9, "can only have the month first"),
    ],
)
def test_dirty_times_are_refused_by_column_row_and_value(
    tmp_path: Path, change: Callable[[list[tuple[str, object]]], object], row: int, words: str
) -> None:
    rows: list[tuple[str, object]] = list(
        zip(days_of(20, "2024-01-05").strftime("%d.%m.%Y %H:%M"), range(480), strict=True)
    )
    change(rows)
    with pytest.raises(TableError, match=words) as refused:
        read_series(written(tmp_path, *map(list, zip(*rows, strict=True))), SeriesColumns("Time", "Load"))
    assert (refused.value.file, refused.value.column, refused.value.row) == ("load.csv", "Time", row)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_no_hour_of_a_local_year_moves_or_is_lost(tmp_path: Path, zone: str, newest_first: bool) -> None:
    index = days_of(366, freq="30min", zone=zone)
    values = (100 + 10 * np.random.default_rng(1).normal(size=len(index))).round(3)
    truth = pd.Series(values, index)
    rows = [*zip(index.strftime("%m/%d/%Y %I:%M %p"), values.tolist(), strict=True)][:: -1 if newest_first else 1]
    path = written(tmp_path, *map(list, zip(*rows, strict=True)))
    found = read_series(path, SeriesColumns("Time", "Load"), zone)
    assert told(found.notes, f"that the clock of {zone} showed twice")
    assert not told(found.notes, "never were")
    utc = truth.tz_convert("UTC")
    part = pd.Timedelta(index[0].utcoffset()) % pd.Timedelta(hours=1)
    means = utc.groupby((utc.index + part).floor("h") - part).mean()
    np.testing.assert_allclose(found.frame["target"].tz_convert("UTC"), means)


@pytest.mark.parametrize(("scale", "unit"), [(1, "seconds"), (1000, "milliseconds")])
def test_counts_since_1970_are_times_and_their_unit_is_told(tmp_path: Path, scale: int, unit: str) -> None:
    counts = [str((1_704_067_200 + 900 * i) * scale) for i in range(96)]
    found = read_series(written(tmp_path, counts, list(range(96))), SeriesColumns("Time", "Load"), "Europe/Berlin")
    assert told(found.notes, f"times are {unit} since 1970")
    assert str(found.frame.index[0]) == "2024-01-01 01:00:00+01:00"
