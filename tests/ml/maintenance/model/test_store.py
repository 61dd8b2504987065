import hashlib
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from skops import io as skops

from ml.maintenance.model import store as failure_store
from ml.maintenance.model.card import Feature, ModelCard, table_sha256
from ml.maintenance.model.metrics import Draws, Figure, reliability
from ml.maintenance.model.model import FailureEnsemble, NoveltyDetector
from ml.maintenance.model.store import VERSION, ModelBundle, load, save
from ml.maintenance.records import ModelFileError

FEATURES = (Feature("load [%]", unit="%"), Feature("gas", unit="ppm"), Feature("maker", "category"))
OPENED: list[str] = []


def table(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 2)), columns=["load [%]", "gas"])
    frame.loc[::9, "gas"] = np.nan
    return frame.assign(maker=pd.Categorical(rng.choice(["Ä", "B"], rows)))


def label(frame: pd.DataFrame) -> np.ndarray:
    return np.random.default_rng(1).random(len(frame)) < expit(2 * frame["load [%]"].to_numpy() - 1)


@pytest.fixture(scope="module")
def bundle() -> ModelBundle:
    frame, other, many = table(600, 1), table(600, 2), table(4000, 3)
    small = {"rounds": 8, "trees": 4, "leaves": 16}
    week = FailureEnsemble(seed=2, **small).fit(frame, label(frame)).calibrate(other, label(other))
    month = FailureEnsemble(seed=3, **small).fit(frame, label(frame)).calibrate(many, label(many))
    draws = Draws.of(np.arange(600), np.random.default_rng(1), 20)
    rows = reliability(label(other).astype(float), week.predict_proba(other)[:, 1], draws, 3)
    card = ModelCard(
        features=FEATURES,
        trained_at="2026-01-15T06:00:00+00:00",
        data="a table made for this",
        data_sha256=table_sha256(frame),
        seed=2,
        metrics={"7": {"pr_auc": Figure(0.5, 0.4, np.nan), "rows": np.int64(600)}},
        reliability={7: rows},
    )
    numbers = frame[["load [%]", "gas"]]
    return ModelBundle(
        {7: week, 30: month},
        {},
        NoveltyDetector(trees=8).fit(numbers),
        card,
    )


@pytest.fixture
def folder(bundle: ModelBundle, tmp_path: Path) -> Path:
    save(bundle, tmp_path / "models")
    return tmp_path / "models"


def reseal(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change metadata.json as someone would who knows how its own hash is made."""
    document = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    rest = {name: value for name, value in document.items() if name not in ("version", "sha256")}
    change(rest)
    (folder / "metadata.json").write_bytes(failure_store._sealed(rest))


def replace(folder: Path, name: str, content: bytes) -> None:
    """Put another file in a place, with the hash that belongs to it."""
    (folder / name).write_bytes(content)
    reseal(folder, lambda document: document["files"].update({name: hashlib.sha256(content).hexdigest()}))


def test_what_is_read_answers_as_what_was_written(bundle: ModelBundle, folder: Path) -> None:
    found = load(folder, FEATURES)
    new = table(300, 9)
    for days, model in bundle.horizons.items():
        np.testing.assert_array_equal(found.horizons[days].predict_proba(new), model.predict_proba(new))
        np.testing.assert_array_equal(found.horizons[days].contributions(new), model.contributions(new))
        for name, values in model.member_probability(new).items():
            np.testing.assert_array_equal(found.horizons[days].member_probability(new)[name], values)
    assert bundle.novelty is not None
    assert found.novelty is not None
    residuals = new[["load [%]", "gas"]]
    np.testing.assert_array_equal(found.novelty.score(residuals), bundle.novelty.score(residuals))
    assert found.novelty.threshold_ == bundle.novelty.threshold_


def test_the_card_comes_back_and_says_what_it_was_made_with(bundle: ModelBundle, folder: Path) -> None:
    card = load(folder).card
    assert card.features == FEATURES
    assert card.reliability == bundle.card.reliability
    assert card.data_sha256 == table_sha256(table(600, 1)) != table_sha256(table(600, 2))
    assert card.metrics == {"7": {"pr_auc": {"value": 0.5, "low": 0.4, "high": None}, "rows": 600}}
    assert {"xgboost", "scikit-learn", "numpy"} <= set(card.versions)


def test_any_byte_changed_is_refused_by_the_file_s_name(folder: Path) -> None:
    rng = np.random.default_rng(1)
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        for position in [0, len(content) - 1, *rng.integers(0, len(content), 25)]:
            changed = bytearray(content)
            changed[position] ^= 1 << int(rng.integers(8))
            path.write_bytes(changed)
            with pytest.raises(ModelFileError) as refusal:
                load(folder)
            assert refusal.value.file == path
        path.write_bytes(content)
    load(folder)


def test_every_file_must_be_there(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert len(names) == 6
    for name in names:
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        with pytest.raises(ModelFileError, match="can't be read") as refusal:
            load(folder)
        assert refusal.value.file == folder / name
        (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["load [%]", "gases", "maker"], ["'gas', which is not given", "don't know 'gases'"]),
        (["load [%]", "gas"], ["'maker', which is not given"]),
        ([*FEATURES, "age"], ["don't know 'age'"]),
        ([FEATURES[0], Feature("gas", unit="%"), FEATURES[2]], ["unit='ppm'", "unit='%'"]),
        ([FEATURES[0], FEATURES[1], Feature("maker")], ["dtype='category'", "dtype='numeric'"]),
    ],
)
def test_another_schema_than_asked_is_refused(folder: Path, asked: list[Feature | str], words: list[str]) -> None:
    with pytest.raises(ModelFileError, match="other features") as refusal:
        load(folder, asked)
    assert all(word in refusal.value.reason for word in words)


def test_features_may_be_asked_in_any_order(folder: Path) -> None:
    assert set(load(folder, ["maker", "gas", "load [%]"]).horizons) == {7, 30}


def test_a_feature_renamed_in_the_metadata_doesn_t_fit_the_models(folder: Path) -> None:
    def rename(document: dict[str, Any]) -> None:
        document["card"]["features"][1]["name"] = "oil"
        for entry in document["horizons"]:
            entry["columns"][1]["name"] = "oil"

    reseal(folder, rename)
    with pytest.raises(ModelFileError, match="other columns"):
        load(folder)


class Trap:
    """What a pickle could do."""

    def __reduce__(self) -> tuple[Any, ...]:
        return OPENED.append, ("opened",)


@pytest.mark.parametrize("name", ["horizon_7.ubj", "horizon_30.skops", "novelty.skops"])
@pytest.mark.parametrize("content", [pickle.dumps(Trap()), b"", b"{", b"PK\x05\x06" + bytes(18)])
def test_a_pickle_or_nonsense_in_a_model_s_place_is_never_opened(folder: Path, name: str, content: bytes) -> None:
    replace(folder, name, content)
    with pytest.raises(ModelFileError) as refusal:
        load(folder)
    assert refusal.value.file == folder / name
    assert not OPENED


def test_types_that_are_not_listed_are_refused_though_skops_trusts_them(folder: Path) -> None:
    foreign = LogisticRegression().fit(np.arange(8.0).reshape(4, 2), [0, 1, 0, 1])
    content = skops.dumps(foreign)
    assert skops.get_untrusted_types(data=content) == []
    replace(folder, "horizon_7.skops", content)
    with pytest.raises(ModelFileError, match="LogisticRegression"):
        load(folder)


def test_a_function_hidden_deep_in_a_forest_is_refused(folder: Path) -> None:
    source = io.BytesIO((folder / "novelty.skops").read_bytes())
    target = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "schema.json":
                schema = json.loads(content)
                schema["content"]["content"]["hidden"] = {
                    "__class__": "system",
                    "__module__": "os",
                    "__loader__": "FunctionNode",
                    "__id__": 1,
                }
                content = json.dumps(schema).encode()
            new.writestr(name, content)
    replace(folder, "novelty.skops", target.getvalue())
    with pytest.raises(ModelFileError, match=r"os\.system"):
        load(folder)


def test_a_forest_of_another_kind_is_refused(folder: Path) -> None:
    replace(folder, "novelty.skops", (folder / "horizon_7.skops").read_bytes())
    with pytest.raises(ModelFileError, match="another forest than a IsolationForest"):
        load(folder)


def test_a_forest_is_read_though_another_thread_parses_at_the_same_moment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CPython may lose count of its syntax trees' depth then; it is an error of the moment, not of the file."""
    failures = [SystemError("AST constructor recursion depth mismatch (before=96, after=191)")] * 3
    reads = skops.loads

    def loads(*args: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return reads(*args, **options)

    monkeypatch.setattr(skops, "loads", loads)
    assert load(folder).horizons
    assert not failures


def test_a_file_outside_the_folder_is_refused(folder: Path) -> None:
    reseal(folder, lambda document: document["files"].update({"../secret": "0"}))
    with pytest.raises(ModelFileError, match="outside the folder"):
        load(folder)


def test_metadata_that_is_not_json_or_of_another_version(folder: Path) -> None:
    path = folder / "metadata.json"
    content = path.read_bytes()
    for changed, word in [
        (b"models", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "version None"),
        (content.replace(f'"version": {VERSION}'.encode(), b'"version": 99'), "version 99"),
    ]:
        path.write_bytes(changed)
        with pytest.raises(ModelFileError, match=word):
            load(folder)


def test_metadata_without_an_entry_is_refused(folder: Path) -> None:
    reseal(folder, lambda document: document.pop("horizons"))
    with pytest.raises(ModelFileError, match="horizons"):
        load(folder)


def test_the_older_models_stay_until_the_new_ones_are_complete(
    bundle: ModelBundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(failure_store, "_write_novelty", fail)
        with pytest.raises(OSError, match="disk full"):
            save(bundle, folder)
    assert set(load(folder).horizons) == {7, 30}
    assert [path.name for path in folder.parent.iterdir()] == ["models"]
    save(ModelBundle({7: bundle.horizons[7]}, {}, None, bundle.card), folder)
    assert set(load(folder).horizons) == {7}
    assert [path.name for path in folder.parent.iterdir()] == ["models"]


def test_models_are_found_though_the_process_ended_between_the_two_renames(folder: Path) -> None:
    folder.rename(folder.with_name(".models.older"))
    assert set(load(folder).horizons) == {7, 30}


def test_models_of_other_columns_than_the_card_s_are_not_written(bundle: ModelBundle, tmp_path: Path) -> None:
    card = ModelCard(FEATURES[:2], "", "", "", 1)
    with pytest.raises(ValueError, match="horizon 7 days"):
        save(ModelBundle(bundle.horizons, {}, None, card), tmp_path / "models")
    assert not list(tmp_path.iterdir())
