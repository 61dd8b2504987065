"""A column of times is read as it was meant, whatever the way it is written; or it is asked for, or refused by row."""

import csv
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid.times.column import (
    EPOCHS,
    ColumnTimes,
    TimeNotation,
    TimesError,
    are_times,
    are_times_of_day,
    read_times,
    year_of,
)
from grid.times.words import DateOrder
from tests.paths import SHARED

INPUTS = SHARED / "inputs"
AMBIGUOUS_ORDERS = (
    "{d}/{m}/{y}",
    "{m}/{d}/{y}",
    "{d}-{m}-{y}",
    "{m}-{d}-{y}",
    "{d:02}/{m:02}/{yy:02}",
    "{m}/{d}/{yy:02}",
)
ORDERED = (
    "{y}-{m:02}-{d:02}",
    "{y}/{m}/{d}",
    "{y}{m:02}{d:02}",
    "{d} {name} {y}",
    "{name} {d}, {y}",
    "{d:02}-{NAME}-{y}",
)
CLOCKS = ("{H:02}:{M:02}", "{H}:{M:02}:{S:02}", "{I}:{M:02} {half}", "{I:02}:{M:02}:{S:02}.0 {half}")
NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def in_style(date: str, moment: datetime) -> str:
    """A date or a time of day as a style has it."""
    return date.format(
        y=moment.year, yy=moment.year % 100, m=moment.month, d=moment.day, name=NAMES[moment.month - 1],
        NAME=NAMES[moment.month - 1].upper(), H=moment.hour, I=(moment.hour - 1) % 12 + 1, M=moment.minute,
        S=moment.second, half="AM" if moment.hour < 12 else "PM",
    )  # fmt: skip


def moments(start: datetime, count: int, step: timedelta) -> list[datetime]:
    return [start + i * step for i in range(count)]


def as_written(times: list[datetime], style: str) -> list[str]:
    return [in_style(style, moment) for moment in times]


def refused(words: list[str], clock: list[str] | None = None, **said: object) -> TimesError:
    with pytest.raises(TimesError) as error:
        read_times(words, clock, notation=TimeNotation(**said))
    return error.value


def outcome(words: list[str], clock: list[str] | None = None) -> ColumnTimes | TimesError:
    try:
        return read_times(words, clock)
    except TimesError as error:
        return error


def told(found: ColumnTimes, words: str) -> bool:
    return any(words in note for note in found.notes)


def same(found: ColumnTimes, times: list[datetime]) -> bool:
    return found.wall.tolist() == times


starts = st.datetimes(datetime(1985, 1, 1), datetime(2068, 1, 1)).map(lambda at: at.replace(second=0, microsecond=0))
steps = st.sampled_from([5, 10, 15, 30, 60, 1440]).map(lambda minutes: timedelta(minutes=minutes))


@settings(max_examples=150, deadline=None)
@given(starts, st.integers(1, 900), steps, st.sampled_from(AMBIGUOUS_ORDERS + ORDERED), st.sampled_from(CLOCKS))
def test_any_series_in_any_style_is_read_back_or_asked_for(
    start: datetime, count: int, step: timedelta, date: str, clock: str
) -> None:
    times = moments(start, count, step)
    words = as_written(times, f"{date} {clock}")
    found = outcome(words)
    if isinstance(found, TimesError):
        assert found.ambiguous
        assert date in AMBIGUOUS_ORDERS
        assert f"{times[found.place]:%Y-%m-%d}" in found.problem, "what was meant is among the readings"
        assert "--time-format" in found.problem
        order = DateOrder.DAY_FIRST if date.startswith("{d") else DateOrder.MONTH_FIRST
        found = read_times(words, notation=TimeNotation(order=order))
    assert same(found, times)
    assert not found.absolute
    columns = read_times(as_written(times, date), as_written(times, clock), notation=found.notation)
    assert same(columns, times)
    single = count // 2
    assert same(read_times([words[single]], notation=found.notation), [times[single]]), "as replays read row by row"


@settings(max_examples=60, deadline=None)
@given(starts, st.integers(2, 300), st.sampled_from([5, 15, 60]), st.sampled_from(AMBIGUOUS_ORDERS), st.randoms())
def test_gaps_doubled_and_shuffled_rows_never_turn_day_and_month(start, count, minutes, date, random) -> None:
    times = moments(start, count, timedelta(minutes=minutes))
    times = [one for one in times if random.random() > 0.03] + random.sample(times, min(3, count))
    random.shuffle(times)
    found = outcome(as_written(times, date + " {H:02}:{M:02}"))
    assert found.ambiguous if isinstance(found, TimesError) else same(found, times)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1)), min_size=1, max_size=20),
    st.sampled_from(["Z", "+01:00", "-0530", "+02", " UTC"]),
    st.sampled_from(["%Y-%m-%dT%H:%M:%S.%f", "%Y%m%dT%H%M%S", "%Y-%m-%d %H:%M:%S"]),
)
def test_an_offset_makes_a_moment_as_the_standard_library_has_it(times, offset: str, form: str) -> None:
    words = [at.strftime(form) + offset for at in times]
    oracle = [
        datetime.fromisoformat(at.strftime("%Y-%m-%dT%H:%M:%S") + offset.replace(" UTC", "Z")).timestamp()
        for at in times
    ]
    found = read_times(words)
    assert found.absolute
    np.testing.assert_array_equal(found.wall.astype("datetime64[s]").astype(np.int64), np.floor(oracle))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.datetimes(datetime(2001, 10, 1), datetime(2190, 1, 1)), min_size=1, max_size=20),
    st.sampled_from(list(EPOCHS)),
)
def test_counts_since_1970_are_told_by_their_digits(times: list[datetime], name: str) -> None:
    scale = {"epoch_s": 10**6, "epoch_ms": 10**3, "epoch_us": 1, "epoch_ns": 1}[name]
    whole = [at.replace(microsecond=0) for at in times]
    counts = [int(pd.Timestamp(at).value // 1000 // scale) * (1000 if name == "epoch_ns" else 1) for at in whole]
    found = read_times([str(count) for count in counts])
    assert found.wall.tolist() == whole
    assert found.absolute or told(found, "%Y%m%d%H"), "ten digits may be a calendar's hours after 2030"
    if found.absolute:
        assert told(found, f"{EPOCHS[name][0]} since 1970")
    assert read_times([str(count) for count in counts], notation=TimeNotation(format=name)).wall.tolist() == whole


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=12), st.from_regex(r"[0-9/:. TZ+-]{0,19}", fullmatch=True)), max_size=4))
def test_nothing_ends_in_anything_but_times_or_that_error(words: list[str]) -> None:
    for clock in (None, words):
        found = outcome(words, clock)
        if isinstance(found, TimesError):
            assert found.place is None or found.row == found.place + 2
            assert found.problem
        else:
            assert len(found.wall) == len(words)
            assert not np.isnat(found.wall).any()


@pytest.mark.parametrize(
    ("name", "separator", "columns"),
    [("month_first.csv", ",", ["time"]), ("date_and_time_columns.csv", ";", ["Date", "Time"])],
)
def test_the_shared_inputs_are_hours_from_the_first_of_january(name: str, separator: str, columns: list[str]) -> None:
    if not (INPUTS / name).exists():
        pytest.skip(f"{name} is not beside the project")
    with (INPUTS / name).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter=separator))
    found = read_times(*([row[column] for row in rows] for column in columns))
    assert same(found, moments(datetime(2024, 1, 1), 1440, timedelta(hours=1)))
    assert told(found, "in row 290 proves it")


@pytest.mark.parametrize(
    ("style", "order"),
    [
        ("{m}/{d}/{y} {H}:{M:02}", "month"),
        ("{m:02}-{d:02}-{y} {H:02}:{M:02}:{S:02}", "month"),
        ("{m}/{d}/{yy:02} {I}:{M:02} {half}", "month"),
        ("{m:02}.{d:02}.{y} {H:02}:{M:02}", "month"),
        ("{d}/{m}/{y} {H}:{M:02}:{S:02}", "day"),
        ("{d:02}-{m:02}-{y} {I:02}:{M:02} {half}", "day"),
        ("{d:02}.{m:02}.{yy:02} {H:02}:{M:02}", "day"),
        ("{yy:02}/{m:02}/{d:02} {H:02}:{M:02}", "year"),
    ],
)
def test_the_order_is_proven_by_the_column_and_told(style: str, order: str) -> None:
    times = moments(datetime(2024, 1, 9), 24 * 20, timedelta(hours=1))
    found = read_times(as_written(times, style))
    assert same(found, times)
    assert told(found, f"times are read with the {order} first")


@pytest.mark.parametrize(
    "style", ["{m}/{d}/{y} {H}:{M:02}", "{d}/{m}/{y} {H}:{M:02}", "{m:02}-{d:02}-{y}T{H:02}:{M:02}"]
)
@pytest.mark.parametrize("start", [datetime(2024, 3, 1), datetime(2023, 7, 5)])
def test_where_all_days_are_small_a_regular_step_proves_the_order(style: str, start: datetime) -> None:
    times = moments(start, 24 * 7, timedelta(hours=1))
    found = read_times(as_written(times, style))
    assert same(found, times)
    assert told(found, "only so is there a row every 60 minutes")


def test_months_are_a_step_too_so_twelve_of_them_prove_nothing_and_more_do() -> None:
    starts = [datetime(2020 + i // 12, i % 12 + 1, 1) for i in range(36)]
    for style, order in (("{d}/{m}/{y}", "day"), ("{m}/{d}/{y}", "month")):
        found = read_times(as_written(starts, style))
        assert same(found, starts)
        assert told(found, f"the {order} first: only so is there a row every month")
        assert refused(as_written(starts[:12], style)).ambiguous


@pytest.mark.parametrize(
    ("words", "readings"),
    [
        (["03/04/2024 00:00", "03/04/2024 01:00"], "2024-04-03 or 2024-03-04"),
        (["1-1-2024", "2-1-2024", "12-5-2024"], "2024-01-02 or 2024-02-01"),
        (["1/1/2024 1:00 AM", "6/7/2024 1:00 PM"], "2024-07-06 or 2024-06-07"),
        (["01/02/03", "04/05/06"], "2003-02-01 or 2003-01-02 or 2001-02-03"),
    ],
)
def test_what_no_row_proves_is_asked_for_with_its_readings_and_the_options(words: list[str], readings: str) -> None:
    error = refused(words)
    assert error.ambiguous
    assert f"may be {readings}" in error.problem
    for option in ("--day-first", "--month-first", "--time-format FORMAT, e.g. '%d"):
        assert option in error.problem
    form = error.problem.rpartition("e.g. '")[2].rstrip("'")
    by_format = read_times(words, notation=TimeNotation(format=form))
    by_order = read_times(words, notation=TimeNotation(order=DateOrder.DAY_FIRST))
    assert same(by_format, by_order.wall.tolist()), "the format that is proposed reads the column"


def test_dates_that_read_alike_either_way_are_not_asked_for() -> None:
    assert same(read_times(["1/1/2024 0:00", "2/2/2024 0:00"]), [datetime(2024, 1, 1), datetime(2024, 2, 2)])


def test_dates_with_points_have_the_day_first_and_that_is_told() -> None:
    found = read_times(["03.04.2024 00:00", "05.04.2024 07:00"])
    assert same(found, [datetime(2024, 4, 3), datetime(2024, 4, 5, 7)])
    assert told(found, "no row proves it")


@pytest.mark.parametrize(
    ("words", "row", "parts"),
    [
        (["13/04/2024", "03/04/2024", "03/14/2024"], 4, ["'13/04/2024' in row 2", "'03/14/2024' in row 4"]),
        (["03/14/2024 1:00 AM", "3/15/2024 2:00 AM", "14/3/2024 1:00 AM"], 4, ["in row 2 can", "in row 4 can"]),
        (["31.01.2024", "01.31.2024"], 3, ["only have the day first", "only have the month first"]),
    ],
)
def test_proof_of_both_orders_is_refused_with_both_rows(words: list[str], row: int, parts: list[str]) -> None:
    error = refused(words)
    assert (error.row, error.ambiguous) == (row, False)
    for part in parts:
        assert part in error.problem


@pytest.mark.parametrize(
    ("words", "row", "problem"),
    [
        (["2024-01-01", "", "2024-01-02"], 3, "is empty"),
        (["2024-01-01T00:00Z", "2024-01-01T01:00"], 3, "no offset from UTC, as '2024-01-01T00:00Z' in row 2 has"),
        (["2024-01-01 00:00", "2024-01-01 01:00", "01/01/2024 02:00"], 4, "such as '2024-01-01 00:00' in row 2"),
        (["30/01/2024", "31/02/2024"], 3, "'31/02/2024' is no day of the calendar"),
        (["2024-13-01"], 2, "no day of the calendar"),
        (["2024-01-01 25:00"], 2, "not a time"),
        (["2024-01-01 12:60"], 2, "not a time"),
        (["0024-01-01"], 2, "no day"),
        (["1/1/2024 1:00 PM", "1/1/2024 14:00 PM"], 3, "not a time"),
        (["1/1/2024 1:00 PM", "1/1/2024 14:00"], 3, "neither AM nor PM, as '1/1/2024 1:00 PM' in row 2 has"),
        (["2024-01-01 noon"], 2, "e.g. 2024-03-31T00:00:00Z"),
        (["Sum"], 2, "--time-format"),
        (["1.7E+12"], 2, "rounded by a spreadsheet"),
        (["45292.5", "45293"], 2, "a spreadsheet's days"),
        (["20240101", "20240230"], 3, "written as %Y%m%d"),
        (["1704067200", "17040672"], 3, "not written as the others"),
        (["12:15", "12:30"], 2, "name the column of its date, too (--time DATE TIME)"),
        (["2024-01-01T00:00+16:00"], 2, "not a time"),
        (["2024-W54-1"], 2, "not a time"),
    ],
)
def test_what_is_wrong_is_named_with_row_and_value(words: list[str], row: int, problem: str) -> None:
    error = refused(words)
    assert (error.row, error.place) == (row, row - 2)
    assert problem in error.problem
    assert not words[row - 2] or words[row - 2] in error.problem
    assert str(error) == f"row {row}: {error.problem}"


@pytest.mark.parametrize(
    ("said", "words", "problem"),
    [
        ({"order": DateOrder.DAY_FIRST}, ["1/1/2024", "1/13/2024"], "with the month first all rows have one"),
        ({"format": "%d/%m/%Y"}, ["1/1/2024", "1/13/2024"], "'1/13/2024' is not written as %d/%m/%Y"),
        ({"format": "%d/%m %H:%M"}, ["1/1 00:00"], "it has no year"),
        ({"format": "%Y-%Q"}, ["2024-1"], "is no format of times ("),
        ({"format": "epoch_ms"}, ["2024-01-01"], "no number of milliseconds"),
        ({"format": "epoch_s"}, ["1704067200000"], "up to the year 2199"),
    ],
)
def test_what_is_said_is_kept_to(said: dict[str, object], words: list[str], problem: str) -> None:
    assert problem in refused(words, **said).problem


def test_what_is_said_reads_what_nothing_proves_and_is_told() -> None:
    found = read_times(["03/04/24 00:00", "05/04/24 01:00"], notation=TimeNotation(order=DateOrder.MONTH_FIRST))
    assert same(found, [datetime(2024, 3, 4), datetime(2024, 5, 4, 1)])
    assert told(found, "read with the month first, as asked")
    assert told(found, "years of two digits are taken for 1969 to 2068")
    assert told(read_times(["2024-03-04"], notation=TimeNotation(order=DateOrder.DAY_FIRST)), "has no effect")
    zoned = read_times(["04|03|2024 01 +0200"], notation=TimeNotation(format="%d|%m|%Y %H %z"))
    assert (zoned.absolute, zoned.wall.tolist()) == (True, [datetime(2024, 3, 3, 23)])


def test_halves_of_the_day_begin_with_twelve() -> None:
    words = ["12:00 AM", "12:30 a.m.", "1:00 AM", "12:00 PM", "1:15\u202fp. m.", "11:59 PM", "3 PM"]
    found = read_times(["2024-05-06"] * 7, words)
    assert [f"{at:%H:%M}" for at in found.wall.tolist()] == [
        "00:00",
        "00:30",
        "01:00",
        "12:00",
        "13:15",
        "23:59",
        "15:00",
    ]
    assert told(found, "12:00 AM is midnight")


def test_the_end_of_a_day_is_the_begin_of_the_next_and_told() -> None:
    found = read_times(["31.12.2024 23:45", "31.12.2024 24:00"])
    assert found.wall[1].item() == datetime(2025, 1, 1)
    assert told(found, "1 times are 24:00, first '31.12.2024 24:00'")


def test_a_date_among_times_is_its_midnight_and_told() -> None:
    found = read_times(["31.12.2024 23:45", "01.01.2025", "01.01.2025 00:15"])
    assert found.wall[1].item() == datetime(2025, 1, 1)
    assert told(found, "first '01.01.2025' in row 3")


def test_an_interval_is_its_begin_and_told() -> None:
    found = read_times(["31.12.2024 23:00 - 01.01.2025 00:00", "01.01.2025 00:00 - 01.01.2025 01:00"])
    assert same(found, [datetime(2024, 12, 31, 23), datetime(2025, 1, 1)])
    assert told(found, "their begin is taken")


def test_two_columns_where_the_date_has_a_midnight_of_its_own() -> None:
    found = read_times(["2024-05-01 00:00:00", "2024-05-02 00:00:00"], ["06:15", "07:00"])
    assert same(found, [datetime(2024, 5, 1, 6, 15), datetime(2024, 5, 2, 7)])
    with pytest.raises(TimesError, match="'7 o'clock' is no time of day such as") as error:
        read_times(["2024-05-01", "2024-05-02"], ["06:15", "7 o'clock"])
    assert (error.value.row, error.value.second) == (3, True)
    with pytest.raises(TimesError, match="'May' is not a time") as error:
        read_times(["2024-05-01", "May"], ["06:15", "07:00"])
    assert (error.value.row, error.value.second) == (3, False)


@pytest.mark.parametrize(
    ("word", "moment"),
    [
        ("20240131T0615Z", datetime(2024, 1, 31, 6, 15)),
        ("2024-01-31T06:15:30.25", datetime(2024, 1, 31, 6, 15, 30, 250_000)),
        ("2024-01-31 06:15:30,125", datetime(2024, 1, 31, 6, 15, 30, 125_000)),
        ("2024-W05-3", datetime(2024, 1, 31)),
        ("2024-02", datetime(2024, 2, 1)),
        ("20240131", datetime(2024, 1, 31)),
        ("2024013106", datetime(2024, 1, 31, 6)),
        ("202401310615", datetime(2024, 1, 31, 6, 15)),
        ("20240131061530", datetime(2024, 1, 31, 6, 15, 30)),
        ("31-JAN-24 06.15", datetime(2024, 1, 31, 6, 15)),
        ("31. January 2024, 06:15", datetime(2024, 1, 31, 6, 15)),
        ("Sept 5, 2024 6:15 PM", datetime(2024, 9, 5, 18, 15)),
        ("2/29/2024", datetime(2024, 2, 29)),
        ("31.12.1999 00:00", datetime(1999, 12, 31)),
    ],
)
def test_single_words(word: str, moment: datetime) -> None:
    assert same(read_times([word]), [moment])


def test_a_year_of_five_minutes_is_parsed_once_for_each_day_and_time_of_day(monkeypatch: pytest.MonkeyPatch) -> None:
    from grid.times import column

    read = []
    monkeypatch.setattr(column, "date_of", lambda text, known=column.date_of: read.append(text) or known(text))
    monkeypatch.setattr(column, "clock_of", lambda text, known=column.clock_of: read.append(text) or known(text))
    times = pd.date_range("2023-01-01", periods=105_120, freq="5min")
    found = read_times(list(times.strftime("%m/%d/%Y %I:%M %p")))
    np.testing.assert_array_equal(found.wall, times.to_numpy())
    assert len(read) == 365 + 288


def test_times_and_times_of_day_are_told_from_other_words() -> None:
    assert are_times(["03/04/2024", "04/05/2024"])
    assert are_times(["2001-05-01", "1999-01-31"])
    assert not are_times(["Köln", "2001-05-01"])
    assert not are_times([])
    assert are_times_of_day(["00:00", "00:15"])
    assert not are_times_of_day(["00:00", "00:00"])
    assert not are_times_of_day(["0.15", "0.30"])


@pytest.mark.parametrize(
    ("word", "year"),
    [
        *(
            ("30/06/1985", 1985),
            ("6/30/1985", 1985),
            ("03.04.1985", 1985),
            ("1985-06-30T00:00", 1985),
            ("June 1, 1985", 1985),
        ),
        *(("1985-06", 1985), ("30/06/85", None), ("31/02/1985", None), ("soon", None), ("1985", None), ("", None)),
    ],
)
def test_the_year_of_a_date_needs_no_order(word: str, year: int | None) -> None:
    assert year_of(word) == year
