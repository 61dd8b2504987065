import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.forecasting import __main__ as forecasting
from tests.ml.series import hourly


def written(folder: Path, days: int, weather: bool) -> Path:
    frame = hourly(days, weather=weather)[["target", *(["temperature"] if weather else [])]]
    frame.index.name = "time"
    path = folder / "my load.csv"
    frame.round(3).to_csv(path, date_format="%Y-%m-%dT%H:%M:%SZ")
    return path


def run(path: Path, out: Path, *more: str) -> int:
    wanted = ["--data", str(path), "--time", "time", "--target", "target", "--out", str(out), "--rounds", "8"]
    return forecasting.main(["backtest", *wanted, *more])


def test_a_backtest_writes_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = written(tmp_path, 240, weather=True), tmp_path / "out"
    assert run(path, out, "--temperature", "temperature", "--test-days", "30", "--country", "DE") == 0
    report = json.loads((out / "report.json").read_text())
    names = list(report["forecasts"])
    assert names == [
        "model, temperature forecast with an error of 1.5 degC",
        "model without weather",
        "model, actual temperature",
        "ridge alone",
        "XGBoost alone",
        "same hour 24 h before",
        "same hour 168 h before",
    ]
    figures = report["forecasts"][names[0]]
    assert figures["r_mae"] < 1
    assert figures["hours"] >= 29 * 24
    assert figures["sources"] == {"model": len(pd.read_csv(out / "forecasts.csv")) // 24}
    assert report["forecasts"][report["r_mae_relative_to"]]["r_mae"] == pytest.approx(1)
    page = (out / "report.html").read_text()
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    printed = capsys.readouterr().out
    assert f"{figures['r_crps']:.4f}" in printed
    assert "a bound" in printed


def test_every_forecast_is_kept_with_its_issue_time(tmp_path: Path) -> None:
    path, out = written(tmp_path, 140, weather=False), tmp_path / "out"
    assert run(path, out, "--test-days", "20", "--horizon", "48", "--zone", "Europe/Berlin") == 0
    table = pd.read_csv(out / "forecasts.csv")
    issued, time = (pd.to_datetime(table[name], utc=True) for name in ("issue_time", "time"))
    ahead = (time - issued) / pd.Timedelta(hours=1)
    assert (ahead.min(), ahead.max()) == (0, 47)
    assert set(issued.dt.tz_convert("Europe/Berlin").dt.hour) == {0}
    assert set(table["source"]) == {"blend of model and same hour last week"}
    assert (np.diff(table.filter(like="q").to_numpy(), axis=1) >= 0).all()


@pytest.mark.parametrize(
    ("days", "more", "words"),
    [
        (40, [], "40 days are known; 60 to learn from and 14 to test on are the least"),
        (140, ["--temperature", "warmth"], "column 'warmth': is missing; there are time, target"),
        (140, ["--zone", "Europe/Atlantis"], "Europe/Atlantis"),
        (140, ["--horizon", "60"], "horizon is 60 h; 1 to 48 are possible"),
    ],
)
def test_what_stands_in_the_way_is_said_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], days: int, more: list[str], words: str
) -> None:
    assert run(written(tmp_path, days, weather=False), tmp_path / "out", *more) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_how_times_were_read_stands_in_both_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame, out = hourly(140), tmp_path / "out"
    path = tmp_path / "two.csv"
    columns = {"day": frame.index.strftime("%m/%d/%Y"), "clock": frame.index.strftime("%I:%M %p")}
    frame.assign(**columns).round(3).to_csv(path, index=False)
    given = [
        "backtest",
        "--data",
        str(path),
        "--target",
        "target",
        "--out",
        str(out),
        "--rounds",
        "8",
        "--test-days",
        "20",
    ]
    assert forecasting.main([*given, "--time", "day", "clock"]) == 0
    said = "times are read with the month first: '01/13/2024 12:00 AM' in row 290 proves it"
    assert said in json.loads((out / "report.json").read_text())["notes"]
    assert said.replace("'", "&#39;") in (out / "report.html").read_text()
    assert f"note: {said}" in capsys.readouterr().out
    for more, words in (
        (["--time", "day"], "a second column holds the time, 'clock'"),
        (["--time", "day", "clock", "target"], "one with dates and one with times of day; 3 are given"),
        (["--time", "day", "clock", "--day-first"], "'01/13/2024 12:00 AM' has no reading with the day first"),
        (["--time", "day", "clock", "--time-format", "%d.%m.%Y %H:%M"], "is not written as %d.%m.%Y %H:%M"),
    ):
        assert forecasting.main([*given, *more]) == 2
        assert words in capsys.readouterr().err
    assert forecasting.main([*given, "--time", "day", "clock", "--time-format", "%m/%d/%Y %I:%M %p"]) == 0
    assert "times are read as %m/%d/%Y %I:%M %p, as asked" in capsys.readouterr().out


def test_a_series_that_is_too_short_says_how_it_was_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = hourly(40)
    path = tmp_path / "short.csv"
    frame.assign(time=frame.index.strftime("%m/%d/%Y %H:%M")).to_csv(path, index=False)
    assert run(path, tmp_path / "out") == 2
    assert (
        "what was read: times are read with the month first: '01/13/2024 00:00' in row 290" in capsys.readouterr().err
    )


def test_a_constant_series_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index = pd.date_range("2024-01-01", periods=24 * 120, freq="h", tz="UTC")
    path = tmp_path / "flat.csv"
    pd.DataFrame({"time": index.strftime("%Y-%m-%dT%H:%M:%SZ"), "target": 0.0}).to_csv(path, index=False)
    assert run(path, tmp_path / "out") == 2
    assert "constant" in capsys.readouterr().err
