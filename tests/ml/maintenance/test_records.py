"""Classes of risk: where they begin, and that they hold on near a limit."""

import math

import numpy as np
import pytest

from ml.maintenance.records import CLASS_FROM_EUR, HYSTERESIS, NO_CLASS, RiskClass, class_at, class_places


@pytest.mark.parametrize("name", RiskClass)
def test_a_class_begins_at_its_limit(name: RiskClass) -> None:
    limit = CLASS_FROM_EUR[name]
    at, below, unknown = (class_at(int(place)) for place in class_places(np.array([limit, 0.999 * limit, math.nan])))
    assert at is name
    assert limit == 0 or below is not name
    assert unknown is None


def test_a_class_holds_on_until_its_limit_is_well_passed() -> None:
    """Up and down over 10,000 EUR a year by less than the hysteresis nothing changes; by more it does, once."""
    high, medium = list(RiskClass).index(RiskClass.HIGH), list(RiskClass).index(RiskClass.MEDIUM)
    place, seen = np.array([medium, high]), []
    for share in (0.99, 1.01, 1 + 0.9 * HYSTERESIS, 1 - 0.9 * HYSTERESIS, 1.01):
        place = class_places(np.full(2, 1e4 * share), place)
        seen.append(tuple(place.tolist()))
    assert set(seen) == {(medium, high)}
    assert class_places(np.full(2, 1.3e4), place).tolist() == [high, high]
    assert class_places(np.full(2, 0.75e4), place).tolist() == [medium, medium]


def test_a_class_may_jump_and_be_unknown() -> None:
    before = np.array([0, 3, NO_CLASS, 2])
    assert class_places(np.array([5e5, 1.0, 5e4, math.nan]), before).tolist() == [3, 0, 2, NO_CLASS]
