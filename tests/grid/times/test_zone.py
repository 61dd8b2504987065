"""Local times on a clock that is changed: never moved in silence, and told where nothing tells which hour is meant."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid.times.column import read_times
from grid.times.zone import ZonedTimes, in_zone

ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Atlantic/Azores",
    "Asia/Kolkata",
]


def local(index: pd.DatetimeIndex) -> list[str]:
    return list(index.strftime("%Y-%m-%d %H:%M"))


def zoned(words: list[str], zone: str | None) -> ZonedTimes:
    return in_zone(read_times(words), zone)


def utc(index: pd.DatetimeIndex) -> np.ndarray:
    return index.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")


def told(found: ZonedTimes, words: str) -> bool:
    return any(words in note for note in found.notes)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.sampled_from([15, 30, 60]),
    st.datetimes(datetime(1996, 1, 1), datetime(2030, 1, 1)).map(
        lambda at: at.replace(minute=0, second=0, microsecond=0)
    ),
    st.booleans(),
)
def test_a_local_series_through_any_change_is_the_same_instants(
    zone: str, minutes: int, start, newest_first: bool
) -> None:
    begin = pd.Timestamp(start).tz_localize("UTC").tz_convert(zone)
    index = pd.date_range(begin, periods=6000, freq=f"{minutes}min")
    index = index[::-1] if newest_first else index
    found = zoned(local(index), zone)
    other = found.utc != utc(index)
    # what the clock showed twice and the series has once, as it begins or ends between, can't be known
    assert other.sum() <= 60 // minutes
    if other.any():
        assert told(found, "stand there once")
    if pd.Series(local(index)).duplicated().any():
        assert told(found, "showed twice")


def autumn(minutes: int = 15) -> pd.DatetimeIndex:
    return pd.date_range("2024-10-26", "2024-10-29", freq=f"{minutes}min", tz="Europe/Berlin", inclusive="left")


def test_the_repeated_hour_is_told() -> None:
    found = zoned(local(autumn()), "Europe/Berlin")
    np.testing.assert_array_equal(found.utc, utc(autumn()))
    assert len(found.notes) == 1
    assert "8 times lie in hours that the clock of Europe/Berlin showed twice" in found.notes[0]
    assert "first 2024-10-27 02:00" in found.notes[0]


def test_passes_are_told_apart_though_rows_are_missing_or_doubled_in_them() -> None:
    index = autumn()
    repeated = np.flatnonzero(pd.Series(local(index)).duplicated(keep=False))
    for gone in ([repeated[1], repeated[6]], [repeated[0], repeated[5], repeated[7]], [repeated[3]]):
        kept = index.delete(gone)
        np.testing.assert_array_equal(zoned(local(kept), "Europe/Berlin").utc, utc(kept))
    doubled = index.insert(int(repeated[2]), index[repeated[2]])
    np.testing.assert_array_equal(zoned(local(doubled), "Europe/Berlin").utc, utc(doubled))


def test_pairs_one_below_the_other_are_both_passes() -> None:
    words = local(autumn(60))
    assert words.count("2024-10-27 02:00") == 2
    rows = [*words[:26], "2024-10-27 02:00", "2024-10-27 02:00", "2024-10-27 02:30", "2024-10-27 02:30", *words[28:]]
    found = zoned(rows, "Europe/Berlin").utc[26:30]
    assert [str(at)[11:16] for at in found] == ["00:00", "01:00", "00:30", "01:30"]


def test_an_hour_that_stands_there_once_is_taken_for_summer_time_and_told() -> None:
    words = list(dict.fromkeys(local(autumn())))
    found = zoned(words, "Europe/Berlin")
    assert told(found, "4 times lie in hours")
    assert told(found, "stand there once, first 2024-10-27 02:00: taken for summer time, the next is unknown")
    assert np.diff(found.utc).max() == np.timedelta64(75, "m")
    assert (np.diff(found.utc) > np.timedelta64(0)).all()


def test_without_the_order_of_rows_the_repeated_hour_is_left_out_and_told() -> None:
    words = local(autumn())
    np.random.default_rng(1).shuffle(words)
    found = zoned(words, "Europe/Berlin")
    assert np.isnat(found.utc).sum() == 8
    assert told(found, "8 times lie in hours")
    assert told(found, "write times with an offset")
    known = ~np.isnat(found.utc)
    assert set(found.utc[known].tolist()) <= set(utc(autumn()).tolist())


def test_a_year_without_daylight_saving_is_told_from_local_time() -> None:
    words = local(pd.date_range("2024-01-01", periods=8784, freq="h"))
    found = zoned(words, "Europe/Berlin")
    assert told(found, "1 times never were on the clock of Europe/Berlin (it was put forward), e.g. 2024-03-31 02:00")
    assert told(found, "give their offset alone as the zone, e.g. Etc/GMT-1")
    assert zoned(words, "Etc/GMT-1").notes == ()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney"])
def test_a_clock_that_was_put_back_is_noticed_where_no_zone_is_given(zone: str) -> None:
    index = pd.date_range("2024-01-01", periods=8784, freq="h", tz=zone)
    found = zoned(local(index), None)
    assert told(found, "taken for UTC")
    assert told(found, "stands there twice, as where a clock is put back")
    plain = local(pd.date_range("2024-01-01", periods=8784, freq="h"))
    for words in (plain, plain[:500] + plain[300:], plain[:50] + plain[:50]):
        assert not told(zoned(words, None), "put back")


def test_times_with_an_offset_need_no_zone() -> None:
    words = [at.isoformat() for at in autumn()]
    for zone in ("Europe/Berlin", "Asia/Kolkata", None):
        found = zoned(words, zone)
        np.testing.assert_array_equal(found.utc, utc(autumn()))
        assert found.notes == ()
