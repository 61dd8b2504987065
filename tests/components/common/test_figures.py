"""Trends, geometry, styles and legends."""

import numpy as np
import pytest

from components.common.theme import PATH_COLOURS, Scheme, css_variables
from components.common.trends import Curve, asset_figure, loss_figure, loss_trend
from components.map.geometry import places
from components.map.legend import path_legend
from components.map.style import stylesheet

TIME = np.datetime64("2026-01-15T06:00:00") + np.arange(30) * np.timedelta64(15, "m")


def test_best_so_far_never_rises_and_the_average_lies_between() -> None:
    loss = np.random.default_rng(3).uniform(1, 5, 30)
    trend = loss_trend(TIME, loss)
    assert (np.diff(trend.best_mw) <= 0).all()
    assert trend.average_mw[-1] == pytest.approx(loss[-12:].mean())
    assert trend.average_mw[4] == pytest.approx(loss[:5].mean())


def test_points_after_a_time_are_only_the_new_ones() -> None:
    trend = loss_trend(TIME, np.arange(30.0))
    assert [point[0] for point in trend.points(str(TIME[27]))] == [str(TIME[28]), str(TIME[29])]
    assert trend.points(str(TIME[29])) == []


@pytest.mark.parametrize("scheme", Scheme)
def test_figures_hold_no_nan(scheme: Scheme) -> None:
    values = np.array([1.0, np.nan, 3.0])
    figures = [
        loss_figure(loss_trend(TIME[:3], values), scheme),
        asset_figure([Curve("Voltage", "p.u.", TIME[:3], values, (0.9, 1.1))] * 2, scheme),
    ]
    for figure in figures:
        assert "NaN" not in figure.to_json()
        assert figure.layout.template.layout.paper_bgcolor == "rgba(0,0,0,0)"


def test_places_keep_their_distance_and_orientation() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=200), rng.normal(size=200)
    points = places(x, y, 40.0)
    gap = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)) + 1e9 * np.eye(200)
    assert gap.min() > 20.0
    assert np.corrcoef(points[:, 1], y)[0, 1] < -0.9
    assert (places(x, y, 40.0) == points).all()


def test_places_of_one_point_or_a_line_are_finite() -> None:
    assert np.isfinite(places(np.array([3.0]), np.array([5.0]))).all()
    assert np.isfinite(places(np.arange(5.0), np.zeros(5))).all()
    assert places(np.zeros(0), np.zeros(0)).shape == (0, 2)


def test_both_looks_style_the_same_things() -> None:
    light, dark = (stylesheet(scheme) for scheme in Scheme)
    assert [rule["selector"] for rule in light] == [rule["selector"] for rule in dark]
    assert light != dark
    assert css_variables().count("--sg-page") == 2


def test_path_legend_gives_each_generator_its_own_colour() -> None:
    shown = str(path_legend([f"G{i}" for i in range(8)]))
    assert all(colour in shown for colour in PATH_COLOURS)
    assert len(set(PATH_COLOURS)) == 8
