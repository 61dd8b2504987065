"""No text of a CSV file is taken for a formula, and no number for a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.tables.spreadsheets import FORMULA, spreadsheet_cell


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("x")',
        "+1+1",
        "-1+1",
        "-",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "-1,5+x",
        "+cmd|' /C calc'!A0",
        "-1e",
        "--1",
    ],
)
def test_a_formula_becomes_text(text: str) -> None:
    assert spreadsheet_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["-1", "-1.5", "+3", "-1e-05", "-.5", "-1.", "1E+9", "0", "", "plain", "a=b", "Line 1-2", "—"]
)
def test_numbers_and_other_text_stay(text: str) -> None:
    assert spreadsheet_cell(text) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_stays_a_number(value: float) -> None:
    assert float(spreadsheet_cell(repr(value))) == value
    assert float(spreadsheet_cell(f"{value:.6g}")) == float(f"{value:.6g}")


@given(st.text())
def test_what_is_written_begins_with_no_sign_of_a_formula_or_is_a_number(text: str) -> None:
    written = spreadsheet_cell(text)
    if written.startswith(FORMULA):
        float(written)
