import json
import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from scipy.special import expit, logit
from sklearn.metrics import average_precision_score

from ml.maintenance import crossval
from ml.maintenance.__main__ import main
from ml.maintenance.crossval import Split, held_out, last_fold, logistic, split
from ml.maintenance.model.store import load
from ml.maintenance.model.ubjson import check_ubjson
from ml.maintenance.own_model import load_maintenance_model
from ml.maintenance.records import ModelFileError
from ml.tables.training_table import Roles, TrainingTable, read_table

FEATURES = ["load", "age", "noise", "region", "maker"]


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ensembles: what is tested here doesn't need large ones."""
    real = crossval.FailureEnsemble
    monkeypatch.setattr(crossval, "FailureEnsemble", lambda **given: real(**{**given, "rounds": 15, "trees": 6}))


def assets(count: int = 150, months: int = 8, seed: int = 1) -> pd.DataFrame:
    """Assets of ten regions with a row a month; the region counts, and so do load, age and maker."""
    rng = np.random.default_rng(seed)
    asset = np.repeat(np.arange(count), months)
    region = asset % 10
    frame = pd.DataFrame(
        {
            "asset": [f"T{i:04d}" for i in asset],
            "month": np.tile(pd.date_range("2020-01-01", periods=months, freq="30D").strftime("%Y-%m-%d"), count),
            "load": rng.normal(size=len(asset)).round(3),
            "age": (rng.uniform(0, 40, count)[asset]).round(1),
            "noise": rng.normal(size=len(asset)).round(3),
            "region": region * 7,
            "maker": np.array(["Köln", "B"])[rng.integers(0, 2, count)][asset],
        }
    )
    odds = -3 + frame["load"] + 0.04 * frame["age"] + rng.normal(size=10)[region] + (frame["maker"] == "B")
    return frame.assign(failed=(rng.random(len(asset)) < expit(odds)).astype(int))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    assets().to_csv(tmp_path / "assets.csv", index=False)
    return tmp_path / "assets.csv"


def train(data: Path, *more: str) -> int:
    return main(["train", "--data", str(data), "--target", "failed", "--out", str(data.parent / "out"), *more])


def table(data: Path, **roles: str) -> TrainingTable:
    return read_table(data, Roles("failed", **roles))


def test_a_model_and_its_reports_are_written_and_read_again(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(data, "--asset", "asset", "--time", "month", "--horizon", "30") == 0
    out = data.parent / "out"
    printed = capsys.readouterr().out
    assert "1,200 rows" in printed
    assert "3 blocks by time" in printed
    assert "5 folds by asset" in printed
    bundle = load(out / "model", FEATURES)
    rows = assets(seed=2)[FEATURES].assign(maker=lambda frame: frame["maker"].astype("category"))
    assert bundle.horizons[30].predict_proba(rows).shape == (1200, 2)
    assert bundle.card.data.startswith("assets.csv, target failed, 1200 rows")
    assert {feature.name: feature.dtype for feature in bundle.card.features}["maker"] == "category"
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["features"] == FEATURES
    assert report["rows_tested"] == sum(row["rows"] for row in report["reliability"])
    names = [model["name"] for model in report["models"]]
    assert names == ["ensemble", "xgboost", "random_forest", "logistic regression", "best single column"]
    figure = report["models"][0]["pr_auc"]
    assert report["base_rate"]["value"] < figure["low"] < figure["value"] < figure["high"]
    assert f"{figure['value']:.3f}" in printed


def test_the_page_needs_nothing_else_and_shows_names_as_text(data: Path) -> None:
    assets().rename(columns={"noise": "<script>x</script>"}).to_csv(data, index=False)
    assert train(data) == 0
    page = (data.parent / "out" / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href|url)\s*[=(]|https?:|@import", page)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<svg") == 2
    assert "prefers-color-scheme: dark" in page
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page).lower().replace("maintenance", "")


def test_two_runs_with_one_seed_give_one_result(data: Path) -> None:
    reports = []
    for _ in range(2):
        assert train(data, "--seed", "4") == 0
        report = json.loads((data.parent / "out" / "report.json").read_text(encoding="utf-8"))
        reports.append({**report, "trained_at": ""})
    assert reports[0] == reports[1]


def test_a_leaking_column_is_named_weighed_and_not_read(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = assets()
    after = np.where((frame["failed"] == 1) & (np.random.default_rng(3).random(len(frame)) < 0.95), 60.0, np.nan)
    frame.assign(minutes=after).to_csv(data, index=False)
    assert train(data, "--asset", "asset") == 0
    assert "warning: 'minutes' may know the outcome" in capsys.readouterr().out
    report = json.loads((data.parent / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["set_aside"] == ["minutes"]
    assert "minutes" not in report["features"]
    (choice,) = report["with_and_without"]
    assert choice["all_columns"]["value"] > 0.8
    assert choice["without"]["value"] < 0.5
    assert choice["lost"]["low"] > 0
    assert report["models"][0]["pr_auc"]["value"] < 0.5
    assert train(data, "--asset", "asset", "--keep", "minutes") == 0
    assert "The model reads it, as asked" in capsys.readouterr().out
    assert "minutes" in [feature.name for feature in load(data.parent / "out" / "model").card.features]


def test_flags_of_how_assets_failed_are_named_and_the_honest_figure_given(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = assets()
    mode = np.random.default_rng(3).integers(0, 3, len(frame))
    flags = {f"mode_{i}": ((frame["failed"] == 1) & (mode == i)).astype(int) for i in range(3)}
    frame.assign(**flags).to_csv(data, index=False)
    assert train(data) == 0
    printed = capsys.readouterr().out
    report = json.loads((data.parent / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["set_aside"] == list(flags)
    for name, flag in flags.items():
        assert f"warning: '{name}' may know the outcome: is 1 in {flag.sum()} rows" in printed
    *_, every = report["with_and_without"]
    assert every["columns"] == list(flags)
    assert every["all_columns"]["value"] > 0.95
    assert every["without"] == report["models"][0]["pr_auc"]
    assert f"without all 3 of them PR-AUC is {every['without']['value']:.3f}" in printed
    frame.to_csv(data, index=False)
    assert train(data) == 0
    honest = json.loads((data.parent / "out" / "report.json").read_text(encoding="utf-8"))
    assert honest["suspicions"] == []
    assert honest["models"][0]["pr_auc"] == every["without"]


def test_what_new_groups_cost_is_told_and_which_group_it_is(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(data, "--asset", "asset", "--group", "region") == 0
    assert "10 of 'region', as asked" in capsys.readouterr().out
    report = json.loads((data.parent / "out" / "report.json").read_text(encoding="utf-8"))
    loss = report["group"]
    assert loss["lost"]["value"] == pytest.approx(loss["usual"]["value"] - loss["unseen"]["value"])
    assert train(data, "--asset", "asset") == 0
    assert "name one with --group" in capsys.readouterr().out  # a number that fixes nothing may be a reading
    frame = assets()
    frame.assign(region="R" + frame["region"].astype(str)).to_csv(data, index=False)
    assert train(data, "--asset", "asset") == 0
    assert "10 of 'region', chosen because" in capsys.readouterr().out


def test_a_later_outcome_judges_forward_and_tells_marks_of_replacement(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six in ten of those that failed were replaced by what is called 'new', which lasts, and is rare elsewhere."""
    rng = np.random.default_rng(2)
    frame = assets(4000, 1)
    failed = frame["failed"] == 1
    new = np.where(failed, rng.random(4000) < 0.6, rng.random(4000) < 0.1)
    again = rng.random(4000) < expit(-3 + frame["load"] + np.where(failed, -1, 2.5 * new))
    frame.assign(new=new.astype(int)).to_csv(data, index=False)
    later = data.parent / "later.csv"
    pd.DataFrame({"asset": frame["asset"], "failed_later": again.astype(int)}).to_csv(later, index=False)
    assert train(data, "--drop", "month", "--later", str(later)) == 0
    printed = capsys.readouterr().out
    out = data.parent / "out"
    found = json.loads((out / "report.json").read_text(encoding="utf-8"))["later"]
    assert found["marks"] == ["new"]
    assert (found["rows"], found["events"]) == (4000, int(again.sum()))
    assert found["base_rate"]["value"] < found["without_marks"]["pr_auc"]["low"]
    assert f"forward, to failed_later of later.csv: 4,000 rows, {again.sum():,} with it" in printed
    assert "this is without 'new'" in printed
    told = "a mark of what was put in the place of those that failed, no cause"
    assert printed.count(told) == 1
    assert told in (out / "report.html").read_text(encoding="utf-8")
    assert train(data, "--later", str(data)) == 2
    assert "two columns are needed" in capsys.readouterr().err


def test_how_times_were_read_is_told_in_both_reports(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = assets()
    frame["month"] = pd.to_datetime(frame["month"]).dt.strftime("%m/%d/%Y")
    frame.to_csv(data, index=False)
    assert train(data, "--time", "month") == 0
    said = "times are read with the month first: '01/31/2020' in row 3 proves it"
    assert f"note: {said}" in capsys.readouterr().out
    out = data.parent / "out"
    assert json.loads((out / "report.json").read_text(encoding="utf-8"))["notes"] == [said]
    assert said.replace("'", "&#39;") in (out / "report.html").read_text(encoding="utf-8")
    assert train(data, "--time", "month", "--day-first") == 2
    assert "column 'month', row 3: '01/31/2020' has no reading with the day first" in capsys.readouterr().err
    assert train(data, "--time", "month", "--time-format", "%m/%d/%Y") == 0
    assert "times are read as %m/%d/%Y, as asked" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--time", "mont"], "column 'mont': no such column; 'month'?"),
        (["--keep", "minutes"], "--keep: 'minutes'"),
        (["--time", "month", "--gap", "200"], "a smaller gap"),
    ],
)
def test_what_a_user_gets_wrong_is_said_without_a_traceback(
    data: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    assert train(data, *more) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert words in captured.err
    assert not (data.parent / "out").exists()


def every_row_once(made: Split, count: int) -> bool:
    return sorted(np.concatenate([fold.test for fold in made.folds])) == list(range(count))


def test_no_asset_is_learned_from_and_tested_on(data: Path) -> None:
    found = table(data, asset="asset")
    made = split(found, 1)
    assert every_row_once(made, 1200)
    for fold in made.folds:
        parts = [set(found.asset[part]) for part in (fold.fit, fold.calibrate, fold.test)]
        assert all(parts)
        assert not parts[0] & parts[1]
        assert not parts[0] & parts[2]
        assert not parts[1] & parts[2]


@pytest.mark.parametrize("asset", [None, "asset"])
def test_what_is_tested_lies_after_what_was_learned_with_a_gap(data: Path, asset: str | None) -> None:
    found = table(data, time="month", asset=asset)
    made = split(found, 1, gap=20)
    tested = np.concatenate([fold.test for fold in made.folds])
    assert len(set(tested)) == len(tested) > 300
    for fold in [*made.folds, last_fold(found, 1, gap=20)]:
        times = [found.time[part] for part in (fold.fit, fold.calibrate, fold.test)]
        assert times[0].max() < times[1].min() - 20
        if fold.test is not None and len(fold.test) < 1200:
            assert times[1].max() < times[2].min() - 20
        if asset:
            assert not set(found.asset[fold.fit]) & set(found.asset[fold.calibrate])


def test_without_asset_and_time_folds_are_stratified(data: Path) -> None:
    found = table(data)
    made = split(found, 1)
    assert every_row_once(made, 1200)
    events = [found.label[fold.test].sum() for fold in made.folds]
    assert max(events) - min(events) <= 1


def test_groups_and_times_are_both_kept_apart(data: Path) -> None:
    found = table(data, time="month", group="region")
    for fold in split(found, 1, group=found.group, words="region").folds:
        assert not set(found.group[fold.fit]) & set(found.group[fold.test])
        assert found.time[fold.fit].max() < found.time[fold.test].min()


def test_an_outcome_that_follows_from_nothing_is_predicted_at_its_base_rate(data: Path) -> None:
    frame = assets()
    label = np.random.default_rng(8).permutation(frame["failed"])
    frame.assign(failed=label).to_csv(data, index=False)
    found = table(data, asset="asset")
    held = held_out(found.features, found.label, split(found, 1), [crossval.ensemble(1), logistic])
    for values in held.probability.values():
        assert average_precision_score(held.label, values) == pytest.approx(label.mean(), abs=0.06)


def booster(objective: str = "binary:logistic", **given: object) -> tuple[xgb.Booster, np.ndarray]:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(400, 2))
    matrix = xgb.DMatrix(rows, rng.random(400) < expit(rows[:, 0]), **given)
    return xgb.train({"objective": objective, "max_depth": 2, "nthread": 1}, matrix, 12), rows


@pytest.mark.parametrize("form", ["json", "ubj"])
def test_somebody_s_own_booster_answers_under_our_names(tmp_path: Path, form: str) -> None:
    made, rows = booster(feature_names=["x1", "x2"])
    made.save_model(tmp_path / f"theirs.{form}")
    mapping = {"x1": "load", "x2": "age"}
    own = load_maintenance_model(tmp_path / f"theirs.{form}", mapping, FEATURES)
    assert own.name == "theirs"
    frame = pd.DataFrame({"age": rows[:, 1], "noise": 0.0, "load": rows[:, 0]})
    oracle = made.predict(xgb.DMatrix(rows, feature_names=["x1", "x2"]))
    np.testing.assert_allclose(own.probability(frame), oracle, atol=1e-7)
    assert own.probability(frame.assign(age=np.nan)).shape == (400,)
    with pytest.raises(ValueError, match="no column 'age'"):
        own.probability(frame[["load"]])
    with pytest.raises(ValueError, match="'age' is of type object"):
        own.probability(frame.assign(age="old"))


def test_log_odds_become_probabilities_and_nameless_features_are_numbered(tmp_path: Path) -> None:
    made, rows = booster("binary:logitraw")
    made.save_model(tmp_path / "theirs.ubj")
    own = load_maintenance_model(tmp_path / "theirs.ubj", {"f0": "load", "f1": "age"}, name="Theirs 2")
    found = own.probability(pd.DataFrame(rows, columns=["load", "age"]))
    np.testing.assert_allclose(logit(found), made.predict(xgb.DMatrix(rows)), atol=1e-5)
    assert own.name == "Theirs 2"


def test_a_booster_that_stopped_early_answers_with_its_best_rounds(tmp_path: Path) -> None:
    made, rows = booster()
    made.set_attr(best_iteration="4")
    made.save_model(tmp_path / "theirs.json")
    own = load_maintenance_model(tmp_path / "theirs.json", {"f0": "load", "f1": "age"})
    found = own.probability(pd.DataFrame(rows, columns=["load", "age"]))
    np.testing.assert_allclose(found, made.predict(xgb.DMatrix(rows), iteration_range=(0, 5)), atol=1e-7)


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"x1": "load"}, "its feature 'x2' isn't mapped"),
        ({"x1": "load", "x2": "age", "x3": "noise"}, "'x3' is mapped, but its features are x1, x2"),
        ({"x1": "load", "x2": "ages"}, "'ages' is mapped to"),
    ],
)
def test_features_that_don_t_fit_are_named(tmp_path: Path, mapping: dict[str, str], words: str) -> None:
    booster(feature_names=["x1", "x2"])[0].save_model(tmp_path / "theirs.json")
    with pytest.raises(ModelFileError, match=re.escape(words)):
        load_maintenance_model(tmp_path / "theirs.json", mapping, FEATURES)


def test_models_that_give_no_probability_or_read_codes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.json"
    booster("reg:squarederror")[0].save_model(path)
    with pytest.raises(ModelFileError, match="reg:squarederror"):
        load_maintenance_model(path, {"f0": "load", "f1": "age"})
    rows = np.tile([[0.0, 1.0], [1.0, 0.0]], (20, 1))
    matrix = xgb.DMatrix(rows, rows[:, 0], feature_types=["c", "q"], enable_categorical=True)
    xgb.train({"objective": "binary:logistic"}, matrix, 2).save_model(path)
    with pytest.raises(ModelFileError, match="categories"):
        load_maintenance_model(path, {"f0": "load", "f1": "age"})


def test_pickles_and_damaged_files_are_never_opened(tmp_path: Path) -> None:
    made, _ = booster()
    whole = bytes(made.save_raw("ubj"))
    check_ubjson(whole)
    contents = {"theirs.pkl": pickle.dumps(1), "theirs.ubj": pickle.dumps(1), "cut.ubj": whole[: len(whole) // 2]}
    for name, content in {**contents, "long.ubj": whole + b"x", "text.json": b'{"a":', "empty.json": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelFileError) as refused:
            load_maintenance_model(tmp_path / name, {"f0": "load", "f1": "age"})
        assert refused.value.file == tmp_path / name
    (tmp_path / "other.json").write_bytes(b'{"a": 1}')
    with pytest.raises(ModelFileError, match="XGBoost can't read it"):
        load_maintenance_model(tmp_path / "other.json", {})
    with pytest.raises(ModelFileError, match="can't be read"):
        load_maintenance_model(tmp_path / "none.json", {})


def test_ubjson_that_is_cut_off_anywhere_is_noticed() -> None:
    whole = bytes(booster()[0].save_raw("ubj"))
    for end in np.random.default_rng(1).integers(0, len(whole), 200):
        with pytest.raises(ValueError, match="byte"):
            check_ubjson(whole[:end])
