"""Figures over simulated time. A figure is sent once; afterwards only its new points are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from components.common.theme import PALETTES, Scheme, figure_template

FloatArray = NDArray[np.float64]

AVERAGED_CYCLES = 12
CONFIG = {"displaylogo": False, "showSendToCloud": False, "displayModeBar": False, "responsive": True}


@dataclass(frozen=True, eq=False)
class LossTrend:
    """k cycles: time datetime64, loss_mw, the lowest so far and the moving average, all (k,)."""

    time: np.ndarray
    loss_mw: FloatArray
    best_mw: FloatArray
    average_mw: FloatArray

    def points(self, after: str) -> list[list[object]]:
        """[time, loss, best, average] of the cycles after a time (ISO 8601), oldest first."""
        rows = np.flatnonzero(self.time > np.datetime64(after)) if after else np.arange(len(self.time))
        values = np.column_stack([self.loss_mw, self.best_mw, self.average_mw])[rows]
        return [[str(time), *map(rounded, row)] for time, row in zip(self.time[rows], values.tolist(), strict=True)]


def loss_trend(time: np.ndarray, loss_mw: FloatArray) -> LossTrend:
    """The trend of k cycles with its running minimum and the mean of the last AVERAGED_CYCLES."""
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(loss_mw))])
    end = np.arange(1, len(loss_mw) + 1)
    begin = np.maximum(0, end - AVERAGED_CYCLES)
    return LossTrend(time, loss_mw, np.fmin.accumulate(loss_mw), (total[end] - total[begin]) / (end - begin))


def rounded(value: float) -> float | None:
    """Five significant digits; None where unknown."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def loss_figure(trend: LossTrend, scheme: Scheme) -> go.Figure:
    """Losses of the last cycles, the lowest so far, and their moving average, MW."""
    palette = PALETTES[scheme]
    lines = (
        ("Losses", trend.loss_mw, {"color": palette.quiet, "width": 1.5}),
        ("Lowest so far", trend.best_mw, {"color": palette.accent, "width": 2, "dash": "dot"}),
        (f"Mean of {AVERAGED_CYCLES} cycles", trend.average_mw, {"color": palette.text, "width": 2}),
    )
    figure = go.Figure(layout={"template": figure_template(scheme), "showlegend": True})
    for name, values, line in lines:
        figure.add_scatter(
            x=trend.time.astype(str).tolist(),
            y=[rounded(value) for value in values.tolist()],
            name=name,
            line=line,
            mode="lines",
            hovertemplate="%{y:.4g} MW",
        )
    figure.update_yaxes(title_text="MW", rangemode="normal", nticks=5)
    figure.update_xaxes(nticks=6)
    return figure


@dataclass(frozen=True, eq=False)
class Curve:
    """One quantity of an asset over k cycles, with the limits to draw beside it."""

    name: str
    unit: str
    time: np.ndarray
    value: FloatArray
    limits: Sequence[float] = ()


def asset_figure(curves: Sequence[Curve], scheme: Scheme) -> go.Figure:
    """Curves on a common time axis, each on its own rows; dashed lines are limits."""
    palette = PALETTES[scheme]
    figure = go.Figure(layout={"template": figure_template(scheme), "showlegend": False, "height": 130 * len(curves)})
    gap = 0.12 if len(curves) > 1 else 0.0
    height = (1.0 - gap * (len(curves) - 1)) / len(curves)
    for row, curve in enumerate(curves):
        axis = "y" if row == 0 else f"y{row + 1}"
        figure.add_scatter(
            x=curve.time.astype(str).tolist(),
            y=[rounded(value) for value in curve.value.tolist()],
            name=curve.name,
            yaxis=axis,
            mode="lines",
            line={"color": palette.accent, "width": 2},
            hovertemplate=f"%{{y:.4g}} {curve.unit}",
        )
        bottom = 1.0 - (row + 1) * height - row * gap
        layout_axis = f"yaxis{'' if row == 0 else row + 1}"
        template = {} if row == 0 else figure.layout.template.layout.yaxis.to_plotly_json()
        title = {"text": f"{curve.name}, {curve.unit}"}
        figure.update_layout(
            {layout_axis: template | {"domain": [bottom, bottom + height], "title": title, "nticks": 4}}
        )
        for limit in curve.limits:
            figure.add_shape(
                type="line",
                xref="paper",
                x0=0,
                x1=1,
                yref=axis,
                y0=limit,
                y1=limit,
                line={"color": palette.muted, "dash": "dash", "width": 1},
            )
    figure.update_layout(xaxis={"anchor": "y" if len(curves) == 1 else f"y{len(curves)}", "nticks": 6})
    return figure


def empty_figure(scheme: Scheme, is_empty: bool, words: str) -> go.Figure:
    """A figure in the page's look, with a sentence in it while there is nothing to draw."""
    note = {"text": words, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
    layout = {
        "template": figure_template(scheme),
        "uirevision": "kept",
        "margin": {"l": 8, "r": 8, "t": 8, "b": 36},
        "annotations": [note] if is_empty else [],
        "xaxis": {"visible": not is_empty},
        "yaxis": {"visible": not is_empty},
    }
    return go.Figure(layout=layout)
