"""Intervals and bins of the look-ahead of restorations against scipy and by hand."""

import numpy as np
import pytest
from scipy.stats import binomtest

from tests.benchmarks.restoration_ahead_report import bins_table, by_hour, wilson


@pytest.mark.parametrize(("happened", "cases"), [(0, 12), (3, 40), (17, 17), (250, 1000)])
def test_intervals_are_wilsons(happened: int, cases: int) -> None:
    expected = binomtest(happened, cases).proportion_ci(0.95, method="wilson")
    assert wilson(happened, cases) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_chances_and_what_came_are_taken_at_full_hours() -> None:
    one = {"minutes": [0, 15, 60, 75, 360], "chances": [0.0, 0.1, 0.2, 0.3, 0.4], "broke": 90.0}
    said, came = by_hour([{"calm": one}, {"calm": {**one, "broke": None}}], "calm")
    assert said[0].tolist() == [0.2, 0.3, 0.3, 0.3, 0.3, 0.4]
    assert came.tolist() == [[False, True, True, True, True, True], [False] * 6]


def test_a_bin_outside_its_interval_is_marked() -> None:
    said, came = np.array([0.3] * 50 + [1.0] * 9), np.array([True] * 40 + [False] * 10 + [True] * 9)
    rows = bins_table("all", said, came).splitlines()
    assert rows[-2].startswith("| 20 to 40 % | 50 | 0.300 | 0.800 |")
    assert rows[-2].endswith("outside |")
    assert rows[-1].startswith("| 99.5 to 100 % | 9 | 1.000 | 1.000 |")
    assert "outside" not in rows[-1]
