"""The prognosis of a day: means of its looks, how far they spread, and what makes it begin anew."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from grid.network import FloatArray
from ml.maintenance.daily import DailyMean, DailyPrognosis
from ml.maintenance.model.causes import CAUSES
from ml.maintenance.model.prognosis import HORIZONS, Prognosis
from ml.maintenance.records import WhyNot, WhyNotKind

START, COUNT = datetime(2026, 1, 15, 6, tzinfo=UTC), 3
SHAPE = (COUNT, len(HORIZONS))


def look(probability: float | FloatArray, published: float = 0.05, learned: bool = True) -> Prognosis:
    """A look at three assets that are alike."""
    chance = np.broadcast_to(probability, SHAPE).astype(float)
    why = None if learned else WhyNot(kind=WhyNotKind.STALE)
    return Prognosis(
        chance if learned else np.full(SHAPE, published), 0.8 * chance, 1.2 * chance, np.full(SHAPE, published),
        np.full((COUNT, len(CAUSES)), 1 / len(CAUSES)), np.zeros(COUNT), np.zeros(COUNT, dtype=bool),
        np.full(COUNT, learned), (why,) * COUNT,
    )  # fmt: skip


def chance(found: Prognosis) -> float:
    return float(found.probability[0, -1])


def test_the_first_look_is_told_as_it_is() -> None:
    made = look(0.23)
    found = DailyPrognosis().take(made, START, "m")
    for name in ("probability", "low", "high", "published", "cause"):
        np.testing.assert_allclose(getattr(found, name), getattr(made, name))


def test_no_jump_within_an_hour_however_looks_jump() -> None:
    """From 23 to 18 % in 45 minutes is a matter of the hour of day: it moves what is said by a twentieth of it."""
    daily = DailyPrognosis()
    told = [chance(daily.take(look(0.23 - 0.05 * (step > 0)), START + step * timedelta(minutes=5), "m"))
            for step in range(10)]  # fmt: skip
    assert max(np.abs(np.diff(told))) < 0.001
    assert told[0] - told[-1] < 0.05 / 20


def test_a_day_of_ups_and_downs_is_its_mean_with_its_spread() -> None:
    daily, rng = DailyPrognosis(), np.random.default_rng(1)
    found = look(0.2)
    for step in range(5 * 96):
        time = START + step * timedelta(minutes=15)
        found = daily.take(look(0.2 + 0.05 * np.sin(2 * np.pi * step / 96) + 0.01 * rng.standard_normal()), time, "m")
    assert chance(found) == pytest.approx(0.2, abs=0.015)
    low, high = float(found.low[0, -1]), float(found.high[0, -1])
    assert low <= 0.2 - 0.02
    assert high >= 0.2 + 0.02


def test_what_changes_for_good_is_told_within_days() -> None:
    daily = DailyPrognosis()
    daily.take(look(0.1), START, "m")
    told = [chance(daily.take(look(0.3), START + hour * timedelta(hours=1), "m")) for hour in range(1, 97)]
    assert told == sorted(told)
    assert told[23] == pytest.approx(0.1 + 0.2 * (1 - np.exp(-1)), abs=0.01)
    assert told[-1] == pytest.approx(0.3, abs=0.005)


def test_other_models_begin_anew() -> None:
    daily = DailyPrognosis()
    daily.take(look(0.1), START, "old")
    assert chance(daily.take(look(0.3), START + timedelta(minutes=5), "new")) == pytest.approx(0.3)
    daily.forget()
    assert chance(daily.take(look(0.2), START + timedelta(minutes=10), "new")) == pytest.approx(0.2)


def test_a_look_that_no_model_judged_is_the_published_hazard_and_changes_no_average() -> None:
    daily = DailyPrognosis()
    daily.take(look(0.2), START, "m")
    stale = daily.take(look(0.2, learned=False), START + timedelta(hours=6), "m")
    assert chance(stale) == pytest.approx(0.05)
    assert chance(daily.take(look(0.2), START + timedelta(hours=7), "m")) == pytest.approx(0.2)


def test_an_asset_that_no_model_had_judged_begins_with_its_first_look() -> None:
    daily = DailyPrognosis()
    daily.take(look(0.2, learned=False), START, "m")
    assert chance(daily.take(look(0.3), START + timedelta(minutes=5), "m")) == pytest.approx(0.3)
    made = replace(look(0.4), learned=np.array([True, False, True]))
    assert daily.take(made, START + timedelta(minutes=10), "m").published[1, -1] == pytest.approx(0.05)


def test_the_mean_of_a_day_forgets_by_one_over_e() -> None:
    mean, at = DailyMean(), datetime(2026, 1, 15, tzinfo=UTC)
    assert mean.take(np.array([2.0, 4.0]), at).tolist() == [2, 4]
    assert mean.take(np.array([0.0, 4.0]), at + timedelta(days=1)) == pytest.approx([2 / np.e, 4])
    mean.forget()
    assert mean.take(np.array([7.0]), at).tolist() == [7]
