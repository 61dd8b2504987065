"""Numbers as people read them."""

import math

import pytest

from components.common import text


@pytest.mark.parametrize(
    ("value", "digits", "unit", "expected"),
    [
        (1234.56, 1, "MW", "1,234.6\u202fMW"),
        (-0.04, 1, "", "0.0"),
        (-3.25, 2, "kV", "−3.25\u202fkV"),
        (math.nan, 1, "MW", "—"),
        (math.inf, 1, "MW", "—"),
        (None, 1, "MW", "—"),
    ],
)
def test_number(value: float | None, digits: int, unit: str, expected: str) -> None:
    assert text.number(value, digits, unit) == expected


def test_change_has_a_sign_and_is_unknown_without_an_earlier_value() -> None:
    assert text.change(3.0, 1.0) == "+2.0"
    assert text.change(1.0, 3.0) == "−2.0"
    assert text.change(1.0, None) == text.change(math.nan, 1.0) == "—"


def test_small_values_keep_significant_digits() -> None:
    assert text.small(0.01234, "MW") == "0.0123\u202fMW"
    assert text.small(1234.5) == "1,234"
    assert text.small(0.0) == "0"
