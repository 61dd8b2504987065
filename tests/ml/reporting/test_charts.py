"""Charts of reports: what isn't known stays a gap, axes hold their values, names are text."""

import re
from datetime import UTC, datetime

import numpy as np
import pytest

from ml.reporting.charts import Band, Course, HourChart, Line, Plot, bar, round_end, svg, unit_of

MIDNIGHT = datetime(2026, 1, 15, tzinfo=UTC)


def test_gaps_stay_gaps_and_single_hours_are_drawn() -> None:
    value = np.full(24, np.nan)
    value[[3, 7, 8]] = 5.0, 1.0, 2.0
    drawn = svg(HourChart("Power", "MW", MIDNIGHT, [Course("power", value, "text")]))
    (path,) = re.findall(r'class="course" stroke="var\(--text\)" d="(M[^"]+)"/>', drawn.partition("legend")[0])
    assert path.count("M") == 2
    corners = [[float(number) for number in corner.split()] for corner in re.split("[ML]", path)[1:]]
    assert len(corners) == 6
    assert corners[0][0] < corners[1][0]  # an hour has a width


@pytest.mark.parametrize(
    ("least", "most"),
    [(0.0, 0.0), (1e-9, 1e-9), (-5.0, 5.0), (-3.0, -1.0), (1e9, 2e9), (99.0, 100.0), (0.0, 1e-4), (-1e-12, 7.0)],
)
def test_axes_hold_their_values(least: float, most: float) -> None:
    value = np.linspace(least, most, 24)
    drawn = svg(HourChart("Power", "MW", MIDNIGHT, [Course("power", value, "text")], Band("80", value, value, "text")))
    places = [float(y) for _, y in re.findall(r"[ML]([\d.]+) (-?[\d.]+)", drawn.partition("legend")[0])]
    assert min(places) >= 9.9
    assert max(places) <= 185
    labels = re.findall(r'class="end">([^<]+)<', drawn)
    assert len(set(labels)) == len(labels)
    assert 2 <= len(labels) <= 8


@pytest.mark.parametrize("end", [1.0, 24.0, 168.0, 0.003, 5e6])
def test_ticks_of_a_plot_are_round_numbers_in_its_range(end: float) -> None:
    drawn = svg(Plot("Error", "h", "MAE", [Line("model", [0, end], [0, end], "accent")], end, end))
    labels = re.findall(r'class="end">([\d.,]+)<', drawn.partition("MAE")[0])
    values = sorted({float(label.replace(",", "")) for label in labels})
    assert values[0] == 0
    assert values[-1] <= end
    assert 3 <= len(values) <= 6
    np.testing.assert_allclose(np.diff(values), values[1])


def test_points_with_ranges_are_marked_and_lines_without_a_name_have_no_key() -> None:
    lines = [Line("model", [0, 1], [0.2, 0.9], "accent", [(0.1, 0.3), (0.8, 1)]), Line("", [0, 1], [0, 1], "muted")]
    drawn, _, legend = svg(Plot("Reliability", "level", "share", lines, 1, 1)).partition("legend")
    assert drawn.count("<circle") == 2
    assert drawn.count('class="course') == 2
    assert legend.count('class="key') == 1
    low, high = (float(y) for y in re.search(r'<path stroke="[^"]+" d="M[\d.]+ ([\d.]+)V([\d.]+)"', drawn).groups())
    (y,) = re.findall(r'cy="([\d.]+)"', drawn)[:1]
    assert high < float(y) < low


def test_names_are_text() -> None:
    evil = '"><script>'
    charts = [
        HourChart(
            evil, evil, MIDNIGHT, [Course(evil, np.ones(24), "text")], Band(evil, np.ones(24), np.ones(24), "text")
        ),
        Plot(evil, evil, evil, [Line(evil, [0, 1], [0, 1], "text")], 1, 1),
    ]
    for chart in charts:
        assert "<script" not in svg(chart)
        assert "&lt;script&gt;" in svg(chart)


@pytest.mark.parametrize(("share", "width"), [(0.5, "50.0"), (-1, "0.0"), (7, "100.0"), (np.nan, "0.0")])
def test_a_bar_is_as_long_as_its_share(share: float, width: str) -> None:
    assert f'width="{width}"' in bar(share)


def test_powers_are_drawn_in_the_unit_that_suits_them() -> None:
    assert unit_of(np.array([np.nan, -20_000.0])) == ("MW", 1e-3)
    assert unit_of(np.array([10.0])) == ("kW", 1.0)
    assert unit_of(np.array([np.nan])) == ("kW", 1.0)


@pytest.mark.parametrize(("value", "end"), [(1.0, 1.0), (0.31, 0.4), (17.0, 20.0), (99.9, 100.0)])
def test_ends_of_axes_are_round(value: float, end: float) -> None:
    assert round_end(value) == pytest.approx(end)
