"""Effects that a later outcome shows too, and those that are gone for whom it has already befallen."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from ml.maintenance.forward import at_rate, rate_factor
from ml.maintenance.lasting import lasting

ROWS = 12_000


def years(seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """A lasting cause, and a kind that is likelier to fail, and is what most failed ones were replaced by."""
    rng = np.random.default_rng(seed)
    exposure, kind = rng.normal(size=ROWS), (rng.random(ROWS) < 0.08).astype(float)
    first = (rng.random(ROWS) < expit(-3.2 + 0.8 * exposure)).astype(float)
    kind = np.where((first > 0) & (rng.random(ROWS) < 0.5), 1.0, kind)
    effect = np.where(first > 0, 0, 2.5 * kind)
    second = (rng.random(ROWS) < expit(-3.2 + 0.8 * exposure + effect)).astype(float)
    return pd.DataFrame({"exposure": exposure, "kind": kind, "other": rng.normal(size=ROWS)}), first, second


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_replaced_failed_ones_is_a_mark_and_a_lasting_cause_is_none(seed: int) -> None:
    frame, first, second = years(seed)
    found = {effect.column: effect for effect in lasting(frame, first, second, 1)}
    assert sorted(found) == ["exposure", "kind"]
    assert found["kind"].vanished
    assert not found["exposure"].vanished
    assert found["exposure"].without_event.value == pytest.approx(1, abs=0.25)
    assert found["kind"].with_event.high < found["kind"].without_event.low


def test_a_rate_that_changes_is_found_and_followed() -> None:
    rng = np.random.default_rng(1)
    probability = expit(rng.normal(-3, 1, 20_000))
    label = (rng.random(20_000) < at_rate(probability, 0.5)).astype(float)
    assert rate_factor(probability, label) == pytest.approx(0.5, abs=0.06)
    assert at_rate(probability, 0.5).sum() == pytest.approx(label.sum(), rel=0.1)
    assert at_rate(probability, 1.0) == pytest.approx(probability)
    assert rate_factor(probability[:2], np.zeros(2)) == pytest.approx(1, abs=0.05)
