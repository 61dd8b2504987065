"""Signs of columns that know the outcome: each finds what it is for, and leaves honest columns alone."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score

from ml.maintenance.leakage.alone import codes, folds, rates, share_of_way
from ml.maintenance.leakage.detector import suspicious
from ml.maintenance.leakage.groups import group_candidates, named_groups

ROWS = 2000


def causes(seed: int, strength: float = 1.0) -> tuple[pd.DataFrame, np.ndarray, np.random.Generator]:
    """Two causes known before, and what follows from them in about one row of ten."""
    rng = np.random.default_rng(seed)
    load, age = rng.normal(size=ROWS), rng.uniform(0, 40, ROWS)
    odds = strength * load + 0.05 * (age - 20)
    failed = (rng.random(ROWS) < expit(odds - 2.6)).astype(float)
    return pd.DataFrame({"load": load, "age": age}), failed, rng


def named(frame: pd.DataFrame, failed: np.ndarray) -> dict[str, str]:
    return {one.column: one.reason for one in suspicious(frame, failed, 1)}


def test_the_share_of_the_way_is_that_of_average_precision() -> None:
    frame, failed, _ = causes(1)
    part = folds(failed, 1)
    code = codes(frame["load"].mask(frame["age"] < 2))
    oracle = average_precision_score(failed, rates(code, failed, part))
    rate = failed.mean()
    assert share_of_way(code, failed, part) == pytest.approx((oracle - rate) / (1 - rate))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rare_flags_whose_union_is_the_outcome_are_each_named(seed: int) -> None:
    """One in ten of what a flag marks is a mistake, so that none has failed rows alone."""
    frame, failed, rng = causes(seed)
    mode = rng.integers(0, 5, ROWS)
    stray = rng.random(ROWS) < 0.1 * failed.mean()
    flags = {f"m{i}": (((failed > 0) | stray) & (mode == i)).astype(int) for i in range(5)}
    found = named(frame.assign(**flags), failed)
    assert sorted(found) == sorted(flags)
    assert all("events" in reason for reason in found.values())


def test_flags_that_only_together_are_too_good_are_told_so() -> None:
    """Where one row in three fails, a flag with nine in ten may be a cause; three that mark all aren't."""
    rng = np.random.default_rng(4)
    failed, mode = (rng.random(ROWS) < 0.3).astype(float), rng.integers(0, 3, ROWS)
    stray = (rng.random(ROWS) < 0.07) & (failed == 0)
    flags = {f"m{i}": (((failed > 0) | stray) & (mode == i)).astype(int) for i in range(3)}
    found = named(pd.DataFrame({"x": rng.normal(size=ROWS), **flags}), failed)
    assert sorted(found) == ["m0", "m1", "m2"]
    assert all("with 2 others it marks 100 % of the events" in reason for reason in found.values())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_states_before_and_after_are_named_together(seed: int) -> None:
    frame, failed, rng = causes(seed)
    before = rng.integers(0, 4, ROWS)
    after = np.where(failed > 0, (before + rng.integers(1, 4, ROWS)) % 4, before)
    found = named(frame.assign(before=before, after=after), failed)
    assert sorted(found) == ["after", "before"]
    assert "together with 'before' almost decides the target" in found["after"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_cost_that_is_larger_after_failures_is_named(seed: int) -> None:
    frame, failed, rng = causes(seed, 1.5)
    cost = rng.lognormal(4, 1, ROWS) + failed * rng.lognormal(6, 0.7, ROWS)
    found = named(frame.assign(cost=cost), failed)
    assert list(found) == ["cost"]
    assert "by way of the outcome only" in found["cost"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_temperature_that_predicts_as_well_as_that_cost_is_not(seed: int) -> None:
    rng = np.random.default_rng(seed)
    load, hot = rng.normal(size=ROWS), rng.normal(size=ROWS)
    failed = (rng.random(ROWS) < expit(-5 + 4 * hot + 1.2 * load)).astype(float)
    frame = pd.DataFrame({"load": load, "temperature": hot, "pressure": hot + rng.normal(0, 0.3, ROWS)})
    part = folds(failed, 1)
    assert share_of_way(codes(frame["temperature"]), failed, part) > 0.4
    assert named(frame, failed) == {}


def test_readings_that_end_with_their_asset_are_named() -> None:
    frame, failed, rng = causes(1)
    gone = (failed > 0) & (rng.random(ROWS) < 0.6)
    found = named(frame.assign(oil=np.where(gone, np.nan, rng.normal(size=ROWS).round(1))), failed)
    assert list(found) == ["oil"]
    assert "is empty in" in found["oil"]


def test_a_reading_is_no_group_however_few_values_it_has() -> None:
    rng = np.random.default_rng(1)
    degrees = rng.integers(20, 60, ROWS).astype(float)
    reading = pd.DataFrame(
        {
            "celsius": degrees,
            "fahrenheit": degrees * 1.8 + 32,
            "hot": (degrees > 50).astype(float),
            "band": pd.Categorical(np.where(degrees > 40, "high", "low")),
            "pressure": rng.normal(size=ROWS).round(1),
        }
    )
    assert group_candidates(reading) == []
    place = rng.integers(0, 20, ROWS)
    known = reading.assign(place=place * 3.0, rain=rng.normal(size=20)[place])
    assert set(group_candidates(known)) == {"place", "rain"}
    assert named_groups(known) == ["place"]
    words = reading.assign(place=pd.Categorical([f"P{number}" for number in place]))
    assert group_candidates(words) == ["place"]
