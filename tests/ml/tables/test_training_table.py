from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from grid.times.column import TimeNotation
from grid.times.words import DateOrder
from ml.maintenance.leakage.detector import suspicious
from ml.maintenance.leakage.groups import group_candidates, named_groups
from ml.tables.csv_text import TableError
from ml.tables.training_table import Roles, TrainingTable, read_table
from tests.paths import SHARED

CAUCA = SHARED / "maintenance/cauca_distribution_transformers_2019.csv"


def rows(count: int = 200, seed: int = 1) -> pd.DataFrame:
    """A plain table: some 30 % events that follow from the load."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"load": rng.normal(size=count).round(4), "maker": rng.choice(["A", "B"], count)})
    frame["failed"] = (rng.random(count) < expit(frame["load"] - 1)).astype(int)
    return frame


def write(path: Path, frame: pd.DataFrame, **options: object) -> Path:
    frame.to_csv(path / "assets.csv", index=False, **options)
    return path / "assets.csv"


def read(path: Path, frame: pd.DataFrame, **roles: object) -> TrainingTable:
    return read_table(write(path, frame), Roles("failed", **roles))


def refusal(path: Path, frame: pd.DataFrame, **roles: object) -> TableError:
    with pytest.raises(TableError) as refused:
        read(path, frame, **roles)
    assert refused.value.file == "assets.csv"
    assert str(refused.value).startswith("assets.csv")
    return refused.value


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_one_table_however_it_is_written(tmp_path: Path, separator: str, encoding: str, decimal: str) -> None:
    frame = rows().assign(maker=np.where(rows()["maker"] == "A", "Köln", "Bern"))
    path = write(tmp_path, frame, sep=separator, encoding=encoding, decimal=decimal)
    table = read_table(path, Roles("failed"))
    np.testing.assert_array_equal(table.features["load"], frame["load"])
    assert table.features["maker"].tolist() == frame["maker"].tolist()
    np.testing.assert_array_equal(table.label, frame["failed"])


def test_thousands_points_beside_decimal_commas(tmp_path: Path) -> None:
    frame = rows()
    frame["price"] = ["1.234,5" if i % 2 else "12,25" for i in range(200)]
    table = read_table(write(tmp_path, frame, sep=";", decimal=","), Roles("failed"))
    assert set(table.features["price"]) == {1234.5, 12.25}


def test_unknown_values_are_unknown_and_words_are_categories(tmp_path: Path) -> None:
    frame = rows().astype(object)
    frame.loc[0, "load"], frame.loc[1, "load"], frame.loc[2, "maker"] = "NA", "", "-"
    table = read(tmp_path, frame)
    assert table.features["load"].isna().to_numpy().nonzero()[0].tolist() == [0, 1]
    assert table.features["maker"].isna().sum() == 1
    assert isinstance(table.features["maker"].dtype, pd.CategoricalDtype)


@pytest.mark.parametrize("pair", [("yes", "no"), ("True", "False"), ("1.0", "0.0"), ("ja", "nein")])
def test_targets_of_words(tmp_path: Path, pair: tuple[str, str]) -> None:
    frame = rows()
    wanted = frame["failed"].to_numpy()
    table = read(tmp_path, frame.assign(failed=np.where(wanted == 1, *pair)))
    np.testing.assert_array_equal(table.label, wanted)


def test_what_can_t_be_learned_from_is_left_out_and_told(tmp_path: Path) -> None:
    frame = rows().assign(
        id=np.arange(200) + 7, serial=[f"S{i}" for i in range(200)], country="X", nothing="", mind=1.5, t=np.arange(200)
    )
    frame["built"] = ["2001-05-01", "1999-01-31"] * 100
    table = read(tmp_path, frame, drop=("mind",), time="t")
    assert list(table.features) == ["load", "maker"]
    assert table.left_out == {
        "id": "is unique in each row, as an id is",
        "serial": "is unique in each row, as an id is",
        "country": "has one value in all rows",
        "nothing": "is empty",
        "mind": "dropped as asked",
        "t": "is the time",
        "built": "holds times; name it with --time",
    }


def test_times_are_days_whatever_their_form(tmp_path: Path) -> None:
    days = pd.date_range("2020-01-01", periods=200, freq="D")
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%d.%m.%Y"):
        table = read(tmp_path, rows().assign(when=days.strftime(form)), time="when")
        np.testing.assert_allclose(np.diff(table.time), 1)
        assert table.time[0] == 18262


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("%m/%d/%Y", "with the month first: '01/13/2020' in row 14 proves it"),
        ("%d/%m/%Y %H:%M:%S", "with the day first: '13/01/2020 00:00:00' in row 14 proves it"),
        ("%d-%b-%y", "years of two digits"),
        ("%Y%m%d", "read as %Y%m%d: '20200101' is 2020-01-01"),
        ("%m/%d/%Y %I:%M %p", "AM and PM"),
    ],
)
def test_how_times_were_read_is_told(tmp_path: Path, form: str, said: str) -> None:
    days = pd.date_range("2020-01-01", periods=200, freq="D")
    table = read(tmp_path, rows().assign(when=days.strftime(form)), time="when")
    np.testing.assert_array_equal(table.time, 18262 + np.arange(200))
    assert any(said in note for note in table.notes)


def test_numbers_stay_the_file_s_own_unless_they_count_since_1970(tmp_path: Path) -> None:
    table = read(tmp_path, rows().assign(t=np.arange(200) % 12 + 2001), time="t")
    assert set(table.time) == set(range(2001, 2013))
    assert any("'t' holds numbers" in note for note in table.notes)
    table = read(tmp_path, rows().assign(t=1_577_836_800_000 + 43_200_000 * np.arange(200)), time="t")
    np.testing.assert_allclose(table.time, 18262 + np.arange(200) / 2)
    assert any("milliseconds since 1970" in note for note in table.notes)


def test_days_that_may_be_months_are_asked_for_and_read_as_said(tmp_path: Path) -> None:
    frame = rows().assign(when=["04/03/2020", "07/09/2021"] * 100)
    refused = refusal(tmp_path, frame, time="when")
    assert (refused.column, refused.row) == ("when", 2)
    assert "2020-03-04 or 2020-04-03" in str(refused)
    assert "--day-first, --month-first or --time-format" in str(refused)
    for order, day in ((DateOrder.DAY_FIRST, "2020-03-04"), (DateOrder.MONTH_FIRST, "2020-04-03")):
        table = read(tmp_path, frame, time="when", notation=TimeNotation(order=order))
        assert table.time[0] == np.datetime64(day).astype(int)
    assert read(tmp_path, frame).left_out == {"when": "holds times; name it with --time"}


def test_dates_and_times_of_day_in_two_columns(tmp_path: Path) -> None:
    moments = pd.date_range("2020-01-01", periods=200, freq="6h")
    frame = rows().assign(day=moments.strftime("%m/%d/%Y"), clock=moments.strftime("%H:%M"))
    table = read(tmp_path, frame, time="day", time_of_day="clock")
    np.testing.assert_allclose(table.time, 18262 + np.arange(200) / 4)
    assert list(table.features) == ["load", "maker"]
    assert table.left_out == {"day": "is the time", "clock": "is the time"}
    assert refusal(tmp_path, frame, time="day", time_of_day="hour").column == "hour"


def change(**cells: tuple[int, object]) -> object:
    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.astype(object)
        for name, (row, value) in cells.items():
            frame.loc[row, name] = value
        return frame

    return changed


@pytest.mark.parametrize(
    ("made", "roles", "column", "row", "words"),
    [
        (change(failed=(15, 2)), {}, "failed", 17, "not binary"),
        (change(failed=(15, "maybe")), {}, "failed", 17, "found 0, 1, maybe"),
        (change(failed=(15, "")), {}, "failed", 17, "empty"),
        (lambda f: f.assign(failed=""), {}, "failed", None, "is empty in all rows"),
        (lambda f: f.assign(failed=0), {}, "failed", None, "no events"),
        (lambda f: f.assign(failed=1), {}, "failed", None, "nothing but events"),
        (lambda f: f.head(60), {}, "failed", None, "60 rows with"),
        (lambda f: f.assign(failed=[1] * 10 + [0] * 190), {}, "failed", None, "with 10 events are too few"),
        (lambda f: f.rename(columns={"failed": "fails"}), {}, "failed", None, "'fails'?"),
        (lambda f: f, {"time": "date"}, "date", None, "no such column"),
        (lambda f: f, {"asset": "failed"}, "failed", None, "is the target"),
        (change(load=(30, "12a")), {}, "load", 32, "'12a' is not a number"),
        (change(load=(30, "1e999")), {}, "load", 32, "not finite"),
        (lambda f: f.assign(day="2020-01-01 x"), {"time": "day"}, "day", 2, "is not a time"),
        (lambda f: f, {"asset": "maker"}, "maker", None, "has 2 values"),
        (lambda f: f[["failed"]], {}, None, None, "no column is left"),
        (lambda f: f.head(0), {}, None, None, "no rows"),
    ],
)
def test_what_stands_in_the_way_is_named(tmp_path: Path, made, roles, column, row, words: str) -> None:
    refused = refusal(tmp_path, made(rows()), **roles)
    assert (refused.column, refused.row) == (column, row)
    assert words in refused.reason


def test_a_target_that_is_too_common_is_as_bad_as_one_that_is_too_rare(tmp_path: Path) -> None:
    assert "too few" in refusal(tmp_path, rows().assign(failed=[0] * 10 + [1] * 190)).reason


def test_doubled_columns_short_rows_and_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "assets.csv"
    for content, words in [
        (b"a,b,a,failed\n1,2,3,0\n", "occurs 2 times"),
        (b"a,failed\n1,0\n1\n", "row 3: has 1 fields"),
        (b"PK\0\0,failed\n1,0\n", "is not text"),
    ]:
        path.write_bytes(content)
        with pytest.raises(TableError, match=words):
            read_table(path, Roles("failed"))
    with pytest.raises(TableError, match="can't be read"):
        read_table(tmp_path / "none.csv", Roles("failed"))


def feeders(seed: int, groups: int = 40, size: int = 100) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Assets on feeders with rates of their own, an honest cause known for each feeder and one for each asset."""
    rng = np.random.default_rng(seed)
    feeder = np.repeat(np.arange(groups), size)
    weather, load = rng.normal(size=groups)[feeder], rng.normal(size=groups * size)
    hidden = rng.normal(size=groups)[feeder]
    label = (rng.random(groups * size) < expit(-2.5 + 0.4 * weather + 0.8 * load + 0.6 * hidden)).astype(float)
    frame = pd.DataFrame(
        {"feeder": feeder * 3.0, "weather": weather, "load": load, "other": rng.normal(size=len(load))}
    )
    return frame, label, feeder


@pytest.mark.parametrize("seed", range(1, 11))
def test_honest_columns_are_not_suspected(seed: int) -> None:
    frame, label, _ = feeders(seed)
    assert suspicious(frame, label, 1) == []


def means(label: np.ndarray, feeder: np.ndarray) -> np.ndarray:
    return np.bincount(feeder, label)[feeder] / np.bincount(feeder)[feeder]


def others_mean(label: np.ndarray, feeder: np.ndarray) -> np.ndarray:
    rest = np.bincount(feeder)[feeder] - 1
    return (np.bincount(feeder, label)[feeder] - label) / rest


def history(label: np.ndarray, feeder: np.ndarray) -> np.ndarray:
    """Failures at each asset's place over four years, drawn from the feeder's rate in the same year."""
    return np.random.default_rng(5).poisson(4 * means(label, feeder)) / 4


def known_after(label: np.ndarray, feeder: np.ndarray) -> np.ndarray:
    """Outage minutes: filled only after a failure, for most."""
    return np.where((label == 1) & (np.random.default_rng(5).random(len(label)) < 0.95), 60.0, np.nan)


@pytest.mark.parametrize("leak", [means, others_mean, history, known_after])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_columns_made_of_the_outcome_are_found_whatever_their_name(leak, seed: int) -> None:
    frame, label, feeder = feeders(seed)
    found = suspicious(frame.assign(x17=leak(label, feeder)), label, 1)
    assert [suspicion.column for suspicion in found] == ["x17"]


def test_the_mean_over_a_group_that_is_not_in_the_table_is_found() -> None:
    frame, label, feeder = feeders(1)
    found = suspicious(frame[["load", "other"]].assign(x17=means(label, feeder)), label, 1)
    assert [suspicion.column for suspicion in found] == ["x17"]
    assert "computed from the target" in found[0].reason


def test_the_column_that_fixes_others_is_the_likeliest_group() -> None:
    frame, _, _ = feeders(1)
    assert group_candidates(frame.assign(size=np.tile(np.arange(10.0), 400)))[0] in ("feeder", "weather")
    assert group_candidates(frame[["load", "other"]]) == []


@pytest.mark.skipif(not CAUCA.exists(), reason="the transformers of Cauca are not beside the project")
def test_the_burn_rate_of_cauca_is_found_under_any_name_and_alone() -> None:
    table = read_table(CAUCA, Roles("burned_2019"))
    assert table.rows == 15_873
    assert table.label.sum() == 807
    assert list(table.left_out) == ["transformer_id"]
    renamed = table.features.rename(columns={name: f"c{i}" for i, name in enumerate(table.features)})
    hidden = f"c{list(table.features).index('burn_rate_2019file')}"
    assert [suspicion.column for suspicion in suspicious(renamed, table.label, 1)] == [hidden]
    assert group_candidates(table.features)[0] == "lightning_mean_strikes_km2_yr"
    assert named_groups(table.features) == []


def outcome(seed: int, rate: float, rows: int = 3000) -> tuple[pd.DataFrame, np.ndarray, np.random.Generator]:
    """An honest column and what follows from it at a base rate of about `rate`."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    label = (rng.random(rows) < expit(np.log(rate / (1 - rate)) - 0.3 + 0.8 * x)).astype(float)
    return pd.DataFrame({"x": x, "age": rng.uniform(0, 40, rows)}), label, rng


def modes(label: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Which of three ways each failed in, one flag a way."""
    mode = rng.integers(0, 3, len(label))
    return pd.DataFrame({f"m{i}": np.where((label == 1) & (mode == i), 1.0, 0.0) for i in range(3)})


def causes(label: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """A word for the cause, for half of the failures; unknown otherwise."""
    words = np.where((label == 1) & (rng.random(len(label)) < 0.5), rng.choice(["oil", "winding"], len(label)), None)
    return pd.DataFrame({"m0": pd.Categorical(words)})


def costs(label: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """What repairs cost, for four failures in ten; 0 otherwise."""
    return pd.DataFrame(
        {"m0": np.where((label == 1) & (rng.random(len(label)) < 0.4), rng.uniform(100, 900, len(label)), 0)}
    )


@pytest.mark.parametrize("leak", [modes, causes, costs])
@pytest.mark.parametrize("rate", [0.035, 0.1])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_noted_after_an_event_is_found_in_each_column(leak, rate: float, seed: int) -> None:
    frame, label, rng = outcome(seed, rate)
    noted = leak(label, rng)
    found = suspicious(pd.concat([frame, noted], axis=1), label, 1)
    assert [suspicion.column for suspicion in found] == list(noted)
    for suspicion in found:
        assert "all of them are events" in suspicion.reason


@pytest.mark.parametrize("rate", [0.035, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(1, 11))
def test_strong_causes_that_are_known_before_are_not_suspected(rate: float, seed: int) -> None:
    """A flag that multiplies the odds by 20, grades of condition, and rare words that by chance saw failures alone."""
    frame, _, rng = outcome(seed, rate)
    flag, grade = (rng.random(3000) < 0.03).astype(float), rng.integers(1, 6, 3000)
    odds = np.log(rate / (1 - rate)) - 0.5 + np.log(20) * flag + 0.9 * (grade - 3) + frame["x"]
    label = (rng.random(3000) < expit(odds)).astype(float)
    rare = np.full(3000, "usual", dtype=object)
    rare[np.flatnonzero(label)[:4]] = "rare"
    columns = {"flag": flag, "grade": grade.astype(float), "maker": pd.Categorical(rare)}
    assert suspicious(frame.assign(**columns), label, 1) == []


def test_the_flags_of_the_shared_input_are_all_found() -> None:
    path = SHARED / "inputs/failure_mode_flags.csv"
    if not path.exists():
        pytest.skip("failure_mode_flags.csv is not beside the project")
    table = read_table(path, Roles("failed"))
    found = suspicious(table.features, table.label, 1)
    assert [suspicion.column for suspicion in found] == ["mode_a", "mode_b", "mode_c"]
    assert "is 1 in 38 rows, and all of them are events" in found[0].reason
