"""Causes of failure: neutral in usual condition, each answers to its own signals, repairs mend what failed."""

from dataclasses import replace

import numpy as np
import pytest

from grid.assets.deterioration import AssetTraits, Deterioration
from ml.maintenance.model.causes import (
    CAUSES,
    SHARE,
    USUAL_CORROSION,
    USUAL_MARGIN_K,
    USUAL_OIL,
    USUAL_THD_PERCENT,
    USUAL_WEAR,
    Cause,
    cause_factors,
    cause_rates,
    repaired,
)
from tests.grid.assets.test_deterioration import state_of, traits_of

LIMIT = np.full(4, 120.0)
PEAK = LIMIT - USUAL_MARGIN_K


@pytest.fixture
def traits() -> AssetTraits:
    return traits_of(4)


@pytest.fixture
def usual(traits: AssetTraits) -> Deterioration:
    every = np.ones(4)
    return replace(
        state_of(traits), wear=USUAL_WEAR * every, corrosion=USUAL_CORROSION * every, moisture=USUAL_OIL * every,
        weakness=0 * every, thd_percent=USUAL_THD_PERCENT * every, thermal_age_years=0 * every, frailty=every,
    )  # fmt: skip


def test_in_usual_condition_the_published_rate_is_split_and_nothing_else(
    traits: AssetTraits, usual: Deterioration
) -> None:
    rates = cause_rates(traits, usual, PEAK, LIMIT, np.full(4, 0.02))
    assert rates.sum(axis=1) == pytest.approx(0.02)
    assert rates[0] == pytest.approx(0.02 * SHARE[2])
    assert SHARE.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"peak": 15.0}, Cause.THERMAL),
        ({"wear": 2.0}, Cause.MECHANICAL),
        ({"weakness": 1.0}, Cause.ELECTRICAL),
        ({"thd_percent": 5.0}, Cause.ELECTRICAL),
        ({"corrosion": 0.8}, Cause.DEGRADATION),
        ({"moisture": 0.3}, Cause.DEGRADATION),
    ],
)
def test_each_signal_raises_its_own_cause_and_no_other(
    change: dict[str, float], cause: Cause, traits: AssetTraits, usual: Deterioration
) -> None:
    peak = PEAK + change.get("peak", 0.0)
    worse = replace(usual, **{name: np.full(4, value) for name, value in change.items() if name != "peak"})
    factors = cause_factors(traits, worse, peak, LIMIT)[0]
    for position, one in enumerate(CAUSES):
        assert factors[position] > 1.5 if one is cause else factors[position] == pytest.approx(1.0)


def test_frailty_raises_every_cause_alike(traits: AssetTraits, usual: Deterioration) -> None:
    frail = replace(usual, frailty=np.full(4, 2.0))
    both = [cause_rates(traits, state, PEAK, LIMIT, np.full(4, 0.02)) for state in (usual, frail)]
    assert both[1] == pytest.approx(2 * both[0])


def test_a_repair_mends_what_failed_and_leaves_the_rest(traits: AssetTraits) -> None:
    old = state_of(traits, age=40.0)
    failed = np.array([True, True, True, False])
    cause = np.array([CAUSES.index(one) for one in (Cause.MECHANICAL, Cause.DEGRADATION, Cause.THERMAL, Cause.THERMAL)])
    new = repaired(old, failed, cause)
    assert new.wear == pytest.approx([0.0, *old.wear[1:]])
    assert new.corrosion == pytest.approx([old.corrosion[0], 0.0, *old.corrosion[2:]])
    assert new.thermal_age_years == pytest.approx([*old.thermal_age_years[:2], 0.0, old.thermal_age_years[3]])
    assert np.array_equal(new.age_years, old.age_years)
    assert np.array_equal(new.frailty, old.frailty)
