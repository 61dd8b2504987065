"""Pages of reports: nothing from outside, names as text, light and dark, light on paper."""

import re

import jinja2
import pytest

from ml.reporting.charts import Line, Plot
from ml.reporting.pages import COMMANDS_LOOK, Look, ReportTable, render

EVIL = "\"><script>alert(1)</script>&amp;'</style>{{ 7 * 7 }}"
PLOT = Plot("Error", "h", "MAE", [Line("model", [0, 1], [0, 1], "accent")], 1, 1)
CONTENT = {
    "title": EVIL,
    "facts": [EVIL, ""],
    "scores": ReportTable(headers=("forecast", EVIL, ""), rows=[(EVIL, "1", 0.25)], caption=EVIL),
    "plots": [PLOT],
    "notes": [EVIL],
    "made_at": EVIL,
    "seed": 1,
    "versions": EVIL,
}


def test_what_is_put_into_a_page_is_text() -> None:
    html = render("backtest.html", CONTENT)
    assert "<script" not in html
    assert html.count("</style>") == 1
    assert html.count("&lt;script&gt;") == 9  # the title twice
    assert "{{ 7 * 7 }}" in html


def test_a_page_asks_for_nothing_from_outside_and_has_both_looks() -> None:
    html = render("backtest.html", {**CONTENT, "title": "Forecasts"})
    assert not re.search(r"(?:src|href|url)\s*[=(]|https?:|@import|<script|<link|<img", html)
    for colours in (COMMANDS_LOOK.light, COMMANDS_LOOK.dark):
        assert f"--text: {colours['text']};" in html
    before, dark = html.split("@media screen and (prefers-color-scheme: dark)", 1)  # paper isn't a screen: light
    assert COMMANDS_LOOK.dark["raised"] not in before
    assert COMMANDS_LOOK.dark["raised"] in dark
    assert "size: A4" in html


def test_the_first_columns_are_words_and_a_number_is_a_bar() -> None:
    html = render("backtest.html", CONTENT)
    assert re.findall(r"<td([^>]*)>", html) == [' class="words"', "", ""]
    assert '<td><svg class="bar"' in html
    assert 'width="25.0"' in html


def test_a_table_without_rows_and_an_empty_word_leave_nothing() -> None:
    html = render("backtest.html", {**CONTENT, "scores": ReportTable(headers=("forecast",), rows=[]), "notes": []})
    for tag in ("<table", "<ul", "<p></p>"):
        assert tag not in html


def test_what_a_template_names_must_be_given() -> None:
    with pytest.raises(jinja2.UndefinedError, match="versions"):
        render("backtest.html", {name: value for name, value in CONTENT.items() if name != "versions"})


def test_every_colour_that_the_style_names_is_in_the_look() -> None:
    html = render("backtest.html", CONTENT)
    named = set(re.findall(r"var\(--([\w-]+)\)", html))
    assert named <= set(COMMANDS_LOOK.light)
    assert set(COMMANDS_LOOK.light) == set(COMMANDS_LOOK.dark)


def test_a_font_is_written_as_it_is() -> None:
    look = Look(light=COMMANDS_LOOK.light, dark=COMMANDS_LOOK.dark, font='"Segoe UI", sans-serif')
    assert 'font-family: "Segoe UI", sans-serif;' in render("backtest.html", CONTENT, look)
