import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from ml.maintenance.model.calibration import RANK_SHARE, Isotonic, Sigmoid, fit_isotonic, fit_sigmoid
from ml.maintenance.model.columns import BIAS
from ml.maintenance.model.model import FailureEnsemble, NoveltyDetector

SMALL = {"rounds": 30, "trees": 12, "leaves": 32}


def table(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """A table with gaps and categories, and labels of some 8 % that follow from it by a known log-odds."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 4)), columns=["load", "gas [ppm]", "age", "noise"])
    maker = rng.choice(["A", "B", "C"], rows)
    odds = -3.5 + frame["load"] + 0.8 * frame["age"] * frame["gas [ppm]"] + 1.5 * (maker == "C")
    frame["maker"] = pd.Categorical(maker)
    frame.loc[rng.random(rows) < 0.1, "gas [ppm]"] = np.nan
    return frame, (rng.random(rows) < expit(odds.to_numpy())).astype(int)


@pytest.fixture(scope="module")
def fitted() -> FailureEnsemble:
    model = FailureEnsemble(seed=3, **SMALL).fit(*table(4000, 1))
    return model.calibrate(*table(4000, 2))


def test_contributions_add_up_to_xgboost_s_log_odds(fitted: FailureEnsemble) -> None:
    rows, _ = table(200, 5)
    found = fitted.contributions(rows)
    assert list(found.columns) == [*rows.columns, BIAS]
    raw = fitted.booster_.inplace_predict(fitted.columns_.encode(rows))
    np.testing.assert_allclose(found.sum(axis=1), logit(raw), atol=1e-4)
    np.testing.assert_allclose(fitted.log_odds(rows), logit(raw), atol=1e-4)


def test_the_average_is_of_the_members_and_of_the_forest_s_own_probabilities() -> None:
    frame, label = table(1500, 1)
    model = FailureEnsemble(**SMALL).fit(frame, label)
    members = model.member_probability(frame)
    codes = model.columns_.encode(frame)
    np.testing.assert_allclose(members["random_forest"], model.forest_.predict_proba(codes)[:, 1], atol=1e-12)
    np.testing.assert_allclose(model.predict_proba(frame)[:, 1], sum(members.values()) / 2, atol=1e-12)


def test_calibrated_probabilities_are_the_frequencies_of_new_rows(fitted: FailureEnsemble) -> None:
    rows, label = table(20_000, 7)
    both = fitted.predict_proba(rows)
    np.testing.assert_allclose(both.sum(axis=1), 1)
    assert both[:, 1].mean() == pytest.approx(label.mean(), rel=0.1)
    likely = both[:, 1] >= np.quantile(both[:, 1], 0.9)
    assert both[likely, 1].mean() == pytest.approx(label[likely].mean(), rel=0.15)


def test_calibration_keeps_the_order_of_rows(fitted: FailureEnsemble) -> None:
    rows, _ = table(2000, 8)
    plain = FailureEnsemble(seed=3, **SMALL).fit(*table(4000, 1)).predict_proba(rows)[:, 1]
    order = np.argsort(plain)
    rising = np.diff(fitted.predict_proba(rows)[order, 1])
    assert np.all(rising[np.diff(plain[order]) > 1e-9] > 0)


def test_few_events_get_a_sigmoid_and_many_an_isotonic_calibration(fitted: FailureEnsemble) -> None:
    rows, label = table(16_000, 9)
    assert label.sum() > 1000 > table(4000, 2)[1].sum()
    assert all(isinstance(found, Sigmoid) for found in fitted.calibrations_.values())
    many = FailureEnsemble(**SMALL).fit(*table(1000, 1)).calibrate(rows, label)
    assert len(many.calibrations_) == 3
    assert all(isinstance(found, Isotonic) for found in many.calibrations_.values())


def test_the_sigmoid_is_the_logistic_regression_of_the_log_odds() -> None:
    rng = np.random.default_rng(1)
    raw = rng.uniform(0.01, 0.9, 50_000)
    label = (rng.random(len(raw)) < expit(0.7 * logit(raw) - 1)).astype(float)
    oracle = LogisticRegression(C=1e9).fit(logit(raw)[:, None], label)
    found = fit_sigmoid(raw, label)
    assert found.slope == pytest.approx(oracle.coef_[0, 0], rel=2e-3)
    assert found.intercept == pytest.approx(oracle.intercept_[0], rel=2e-3)


def test_a_sigmoid_never_turns_the_order_round() -> None:
    raw = np.linspace(0.1, 0.9, 50)
    found = fit_sigmoid(raw, (raw < 0.3).astype(float))
    assert found.slope == 0
    assert np.all(np.diff(found.apply(raw)) > 0)


def test_isotonic_is_scikit_learn_s_within_the_share_that_keeps_ranks() -> None:
    rng = np.random.default_rng(2)
    raw = rng.random(5000)
    label = (rng.random(5000) < raw**2).astype(float)
    oracle = IsotonicRegression(out_of_bounds="clip").fit(raw, label).predict(raw)
    found = fit_isotonic(raw, label).apply(raw)
    np.testing.assert_allclose(found, oracle, atol=1 / 5000 + RANK_SHARE)
    assert found.min() > 0
    assert found.max() < 1


def test_two_fits_with_one_seed_are_one() -> None:
    rows, label = table(800, 1)
    first, second = (FailureEnsemble(seed=4, **SMALL).fit(rows, label).predict_proba(rows) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = FailureEnsemble(seed=5, **SMALL).fit(rows, label).predict_proba(rows)
    assert not np.array_equal(first, other)


def test_scikit_learn_can_clone_it() -> None:
    assert clone(FailureEnsemble(seed=9, depth=2)).get_params()["depth"] == 2


def test_columns_count_by_name_not_by_place(fitted: FailureEnsemble) -> None:
    rows, _ = table(50, 3)
    turned = rows[rows.columns[::-1]]
    np.testing.assert_array_equal(fitted.predict_proba(rows), fitted.predict_proba(turned))


def test_categories_count_by_name_and_unknown_ones_as_missing(fitted: FailureEnsemble) -> None:
    rows, _ = table(50, 3)
    other = rows.assign(maker=rows["maker"].cat.set_categories(["Z", "C", "B", "A"]))
    np.testing.assert_array_equal(fitted.predict_proba(rows), fitted.predict_proba(other))
    unknown = rows.assign(maker=pd.Categorical(["Z"] * 50))
    missing = rows.assign(maker=pd.Categorical([None] * 50, categories=["A"]))
    np.testing.assert_array_equal(fitted.predict_proba(unknown), fitted.predict_proba(missing))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.drop(columns="age"), ["'age' is missing"]),
        (lambda rows: rows.assign(colour=1.0), ["'colour' was not in the fit"]),
        (lambda rows: rows.rename(columns={"load": "loads"}), ["'load' is missing (renamed to 'loads'?)", "'loads'"]),
        (lambda rows: rows.assign(maker=1.0), ["'maker' is numeric, in the fit it was categorical"]),
        (lambda rows: rows.assign(age="old"), ["'age' is of type object"]),
        (lambda rows: rows.assign(age=np.inf), ["'age', row 0", "infinite"]),
        (lambda rows: pd.concat([rows, rows[["age"]]], axis=1), ["twice"]),
    ],
)
def test_other_columns_are_refused_by_name(fitted: FailureEnsemble, change, words: list[str]) -> None:
    rows, _ = table(20, 3)
    with pytest.raises(ValueError, match="column") as refusal:
        fitted.predict_proba(change(rows))
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize("label", [np.zeros(100), np.full(100, 2), np.ones(3)])
def test_labels_that_teach_nothing_are_refused(label: np.ndarray) -> None:
    with pytest.raises(ValueError, match="label"):
        FailureEnsemble(**SMALL).fit(table(100, 1)[0], label)


def test_novelty_flags_the_unseen_rarely_the_healthy_and_never_the_unknown() -> None:
    rng = np.random.default_rng(1)
    healthy = pd.DataFrame(rng.normal(size=(2000, 3)), columns=["r1", "r2", "r3"])
    detector = NoveltyDetector(quantile=0.98).fit(healthy)
    assert (detector.score(healthy) > detector.threshold_).mean() == pytest.approx(0.02, abs=0.001)
    strange = pd.DataFrame([[6.0, -6.0, 6.0], [np.nan, 6.0, 6.0], [0.0, 0.0, 0.0]], columns=healthy.columns)
    assert np.isnan(detector.score(strange)[1])
    assert detector.score(strange)[0] > detector.threshold_ > detector.score(strange)[2]
    with pytest.raises(ValueError, match="3 of 3 rows"):
        NoveltyDetector().fit(healthy.iloc[:3])
