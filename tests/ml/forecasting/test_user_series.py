from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.forecasting.model.hours import ForecastError
from ml.forecasting.user_series import SeriesColumns, absurd, mend, read_series, stuck
from ml.tables.csv_text import TableError
from tests.ml.series import hourly


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
