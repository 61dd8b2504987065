"""How probabilities are judged: by cases whose truth is known, and without a look into the future."""

from dataclasses import replace

import numpy as np
import pytest

from grid.flow.powerflow import Injection
from grid.studies.lookahead import Samples
from tests.benchmarks.calibration import DAY, Course, ResidualDays, judge_sampler, reliability
from tests.cases import shared_case

DAYS = 100


def course(loads: np.ndarray, generators: int) -> Course:
    """Days of the case's loads times a daily course, with noise that all loads share for a day."""
    rng = np.random.default_rng(4)
    weekend = np.arange(DAYS) % 7 >= 5
    level = 0.8 + 0.3 * np.sin(2 * np.pi * np.arange(DAY) / DAY) - 0.2 * weekend[:, None]
    level = (level * (1 + 0.1 * rng.standard_normal((DAYS, 1)))).ravel()[:, None]
    own = 1 + 0.03 * rng.standard_normal((DAYS * DAY, len(loads)))
    still = np.zeros((DAYS * DAY, generators))
    return Course(loads * level * own, 0.2 * loads * level * own, still, weekend)


def test_true_probabilities_are_found_true_and_false_ones_false() -> None:
    rng = np.random.default_rng(1)
    chance = rng.uniform(0, 1, 50_000)
    happened = rng.uniform(0, 1, 50_000) < chance
    honest = reliability(chance, happened)
    assert honest.cases.sum() == 50_000
    assert np.nanmax(honest.gap) < 0.03
    overconfident = reliability(np.clip(2 * chance - 0.5, 0, 1), happened)
    assert np.nanmax(overconfident.gap) > 0.1


def test_bins_are_counted_by_hand() -> None:
    seen = reliability(np.array([0.0, 0.1, 0.3, 0.3, 1.0]), np.array([False, True, True, False, True]))
    assert seen.cases.tolist() == [1, 1, 0, 2, 0, 0, 0, 0, 0, 1]
    assert seen.frequency[[0, 1, 3, 9]].tolist() == [0, 1, 0.5, 1]
    assert np.isnan(seen.gap).all()  # none has 100 cases


def test_residual_days_know_only_the_past_and_draw_whole_days() -> None:
    known = course(np.array([10.0, 20.0, 5.0]), 1)
    sampler = ResidualDays()
    assert sampler.needs_days < 90
    samples = sampler(known.until(90))
    later = replace(known, load_p_mw=known.load_p_mw.copy())
    later.load_p_mw[90 * DAY :] *= 100
    np.testing.assert_array_equal(samples.load_p_mw, sampler(later.until(90)).load_p_mw)
    assert samples.load_p_mw.shape == (60, DAY, 3)
    together = np.corrcoef(samples.load_p_mw[:, 12].T)[0, 1]
    assert together > 0.8  # loads that rise and fall together do so in the samples
    kept = known.load_p_mw.reshape(DAYS, DAY, 3)
    like_days = [day for day in range(76, 90) if known.is_weekend[day] == known.is_weekend[90]]
    assert samples.load_p_mw.mean() == pytest.approx(kept[like_days].mean(), rel=0.03)


def test_an_oracle_is_certain_and_right_and_a_pessimist_is_told_apart() -> None:
    network = shared_case("city8").network
    base, closed = Injection.of_case(network), network.branch.closed
    truth = course(network.load.p_mw * 1.4, len(network.generator))

    def oracle(known: Course) -> Samples:
        ahead = slice(known.days * DAY, (known.days + 1) * DAY)
        return Samples(truth.load_p_mw[ahead][None], truth.load_q_mvar[ahead][None], truth.generator_p_mw[ahead][None])

    def pessimist(known: Course) -> Samples:
        right = oracle(known)
        return Samples(right.load_p_mw * 1.5, right.load_q_mvar * 1.5, right.generator_p_mw)

    days = range(80, 84)
    judged = judge_sampler(network, base, closed, truth, oracle, days)
    assert judged.happened.any()
    assert judged.unsolved_share == 0
    np.testing.assert_array_equal(judged.probability == 1, judged.happened)
    false_alarms = judge_sampler(network, base, closed, truth, pessimist, days)
    np.testing.assert_array_equal(false_alarms.happened, judged.happened)
    assert (false_alarms.probability >= judged.probability).all()
    assert false_alarms.probability.sum() > judged.probability.sum()
