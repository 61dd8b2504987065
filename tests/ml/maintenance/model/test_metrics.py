import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, confusion_matrix, f1_score

from ml.maintenance.model.alarms import alarm_figures
from ml.maintenance.model.metrics import (
    Draws,
    base_rate,
    brier_skill,
    calibration_error,
    confusion,
    macro_f1,
    pr_auc,
    pr_auc_difference,
    recall_at_capacity,
    reliability,
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def sample(rng: np.random.Generator, assets: int = 200, rows: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Assets, calibrated probabilities with many ties, and outcomes."""
    asset = np.repeat(np.arange(assets), rows)
    probability = np.round(rng.beta(1, 8, assets * rows), 2)
    return asset, probability, (rng.random(assets * rows) < probability).astype(float)


def single(count: int, rng: np.random.Generator) -> Draws:
    return Draws.of(np.arange(count), rng, 200)


def test_pr_auc_is_scikit_learn_s_with_ties_and_on_every_resample(rng: np.random.Generator) -> None:
    asset, probability, label = sample(rng)
    draws = Draws.of(asset, rng, 60)
    found = pr_auc(label, probability, draws)
    assert found.value == pytest.approx(average_precision_score(label, probability), abs=1e-12)
    oracle = [average_precision_score(label, probability, sample_weight=times[asset]) for times in draws.times]
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(oracle, (2.5, 97.5))), abs=1e-9)
    assert found.low < found.value < found.high


def test_a_model_that_knows_nothing_has_the_base_rate(rng: np.random.Generator) -> None:
    asset, _, label = sample(rng)
    draws = Draws.of(asset, rng)
    assert pr_auc(label, np.full(len(label), 0.1), draws) == base_rate(label, draws)
    assert base_rate(label, draws).value == label.mean()


def test_intervals_are_over_assets_not_over_rows(rng: np.random.Generator) -> None:
    label = np.repeat((rng.random(100) < 0.3).astype(float), 50)
    by_asset = base_rate(label, Draws.of(np.repeat(np.arange(100), 50), rng))
    by_row = base_rate(label, Draws.of(np.arange(5000), rng))
    width = 2 * 1.96 * np.sqrt(label.mean() * (1 - label.mean()) / 100)
    assert by_asset.high - by_asset.low == pytest.approx(width, rel=0.2)
    assert by_asset.high - by_asset.low > 5 * (by_row.high - by_row.low)


def test_two_models_are_compared_on_the_same_resamples(rng: np.random.Generator) -> None:
    asset, probability, label = sample(rng)
    draws = Draws.of(asset, rng)
    same = pr_auc_difference(label, probability, probability / 2, draws)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert pr_auc_difference(label, probability, -probability, draws).low > 0


def test_no_events_is_no_figure_rather_than_zero(rng: np.random.Generator) -> None:
    found = pr_auc(np.zeros(5), np.linspace(0, 1, 5), single(5, rng))
    assert np.isnan([found.value, found.low, found.high]).all()


def test_unknown_probabilities_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="row 1"):
        pr_auc(np.array([0.0, 1]), np.array([0.5, np.nan]), single(2, rng))


def test_brier_score_and_skill(rng: np.random.Generator) -> None:
    asset, probability, label = sample(rng)
    draws = Draws.of(asset, rng)
    oracle = brier_score_loss(label, probability)
    rate = label.mean()
    assert brier_skill(label, probability, draws).value == pytest.approx(1 - oracle / (rate * (1 - rate)))
    assert brier_skill(label, np.full(len(label), rate), draws).value == pytest.approx(0, abs=1e-12)
    assert brier_skill(label, label, draws).value == 1


def test_recall_at_capacity_by_hand(rng: np.random.Generator) -> None:
    label = np.array([1.0, 0, 1, 0, 1, 0])
    probability = np.array([0.9, 0.8, 0.7, 0.7, 0.1, 0.0])
    draws = single(6, rng)
    found = [recall_at_capacity(label, probability, capacity, draws).value for capacity in (0, 1, 2, 3, 4, 6)]
    # the third and fourth rows are tied: one inspection finds half an event there
    assert found == pytest.approx([0, 1 / 3, 1 / 3, 1 / 2, 2 / 3, 1])


def test_reliability_bins_hold_equally_many_rows_and_their_own_frequencies(rng: np.random.Generator) -> None:
    probability = rng.random(1000)
    label = (rng.random(1000) < probability).astype(float)
    rows = reliability(label, probability, single(1000, rng), bins=5)
    assert [row.rows for row in rows] == [200] * 5
    lowest = np.argsort(probability)[:200]
    assert rows[0].predicted == pytest.approx(probability[lowest].mean())
    assert rows[0].observed.value == pytest.approx(label[lowest].mean())
    error = sum(row.rows * abs(row.predicted - row.observed.value) for row in rows) / 1000
    assert calibration_error(label, probability, single(1000, rng), bins=5).value == pytest.approx(error)


def test_one_probability_is_one_bin_and_its_error_is_its_distance(rng: np.random.Generator) -> None:
    label = np.array([1.0, 0, 0, 0])
    draws = single(4, rng)
    (row,) = reliability(label, np.full(4, 0.75), draws)
    assert (row.rows, row.predicted, row.observed.value) == (4, 0.75, 0.25)
    assert calibration_error(label, np.full(4, 0.75), draws).value == pytest.approx(0.5)


def test_confusion_and_macro_f1_are_scikit_learn_s(rng: np.random.Generator) -> None:
    classes = ["bushing", "oil", "winding", "never"]
    actual, predicted = (rng.choice(classes[:3], 300) for _ in range(2))
    np.testing.assert_array_equal(
        confusion(actual, predicted, classes), confusion_matrix(actual, predicted, labels=classes)
    )
    found = macro_f1(actual, predicted, classes, single(300, rng))
    assert found.value == pytest.approx(f1_score(actual, predicted, average="macro"))
    assert found.low < found.value < found.high
    with pytest.raises(ValueError, match="'fire' is not one of"):
        confusion(["fire"], ["oil"], classes)


def test_lead_times_and_false_alarms_by_hand(rng: np.random.Generator) -> None:
    # asset 0 fails on day 50: an alarm from day 10 to 20 is too early, one from day 30 leads by 20 days
    # asset 1 never fails and has one alarm of two rows; asset 2 fails unseen on day 35
    day = np.tile(np.arange(0.0, 60, 10), 3)
    asset = np.repeat([0, 1, 2], 6)
    event = np.concatenate([np.full(6, 50.0), np.full(6, np.nan), np.full(4, 35.0), np.full(2, np.nan)])
    probability = np.array([0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0]) * 0.8
    shuffled = rng.permutation(18)
    draws = Draws.of(asset[shuffled], rng, 50)
    found = alarm_figures(day[shuffled], probability[shuffled], event[shuffled], 0.5, 30, draws)
    assert (found.events, found.alarms) == (2, 4)
    assert found.lead_days.value == 20
    assert found.detected.value == 0.5
    assert found.false_alarms_per_asset_year.value == pytest.approx(3 / (3 * 60 / 365.25))


def test_an_alarm_that_began_long_before_leads_by_no_more_than_the_window(rng: np.random.Generator) -> None:
    day = np.arange(0.0, 100, 10)
    found = alarm_figures(day, np.ones(10), np.full(10, 95.0), 0.5, 30, Draws.of(np.zeros(10), rng, 5))
    assert found.lead_days.value == 25
    assert found.alarms == 1
    assert found.false_alarms_per_asset_year.value == 0
    with pytest.raises(ValueError, match="row 9"):
        alarm_figures(day, np.ones(10), np.full(10, 85.0), 0.5, 30, Draws.of(np.zeros(10), rng, 5))
