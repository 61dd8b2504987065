"""Figures about the hours ahead: where trouble is likely and when, expected losses, and what renewables give."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from components.analytics.forecast_figures import series, time_axis, times
from components.common.doubts import Doubts, told
from components.common.theme import PALETTES, PATH_COLOURS, Palette, Scheme, faded
from components.common.trends import empty_figure
from components.maintenance.gantt import shortened

FloatArray = NDArray[np.float64]

MOST_ROWS = 25
LEAST_PERCENT = 1.0  # chances below count as none
ROW_PX, AXES_PX, LEAST_PX, EMPTY_PX = 19, 120, 200, 80
NOT_LOOKED = "Not looked ahead yet"
PATTERNS = ("", "/", "x", ".", "\\", "+", "-")


@dataclass(frozen=True, eq=False)
class Threat:
    """Chances of trouble by hour, percent (h, k) of k assets; NaN where unknown. what: such as overload."""

    what: str
    time: np.ndarray
    names: Sequence[str]
    percent: FloatArray

    @property
    def ranked(self) -> list[int]:
        """The assets that are threatened at all, the most threatened first, at most MOST_ROWS."""
        if not self.percent.size:
            return []
        highest = np.fmax.reduce(self.percent, axis=0)
        total = np.nansum(self.percent, axis=0)
        order = np.lexsort((-total, -np.nan_to_num(highest)))[:MOST_ROWS]
        return [int(asset) for asset in order if highest[asset] >= LEAST_PERCENT]


def threat_words(threat: Threat | None, doubts: Doubts) -> str:
    """What the heat map shows, or that nothing threatens."""
    if threat is None:
        return NOT_LOOKED
    threatened = int((np.nan_to_num(threat.percent) >= LEAST_PERCENT).any(axis=0).sum())
    hours = len(threat.time)
    if not threatened:
        below = f"every chance is below {LEAST_PERCENT:g} % in the next {hours} h"
        return f"{told(f'No {threat.what} threatens: {below}', f'Of {threat.what}: {below}', doubts)}."
    words = f"Chance of {threat.what} in each of the next {hours} h"
    if threatened > MOST_ROWS:
        return f"{words}: the {MOST_ROWS} most threatened of {threatened:,}."
    return f"{words}; it is below {LEAST_PERCENT:g} % for all others."


def threat_figure(threat: Threat | None, scheme: Scheme, doubts: Doubts) -> go.Figure:
    """Hours against assets, the most threatened on top; grey is little, orange likely."""
    palette = PALETTES[scheme]
    rows = [] if threat is None else threat.ranked
    figure = empty_figure(scheme, not rows, threat_words(threat, doubts).partition(":")[0])
    if threat is None or not rows:
        figure.update_layout(height=EMPTY_PX)
        return figure
    percent = threat.percent[:, rows].T
    figure.add_heatmap(
        name=f"Chance of {threat.what}, %",
        x=times(threat.time),
        y=list(range(len(rows))),
        z=[series(row) for row in percent],
        zmin=0,
        zmax=100,
        xgap=1,
        ygap=1,
        customdata=[[threat.names[asset]] * len(threat.time) for asset in rows],
        colorscale=_scale(palette),
        hoverongaps=False,
        hovertemplate="<b>%{customdata}</b><br>%{x|%a %H:%M}<br>%{z:.0f} % chance<extra></extra>",
        colorbar={
            "title": {"text": "Chance, %", "side": "top"},
            "orientation": "h",
            "thickness": 8,
            "len": 0.5,
            "y": 1.0,
            "yanchor": "bottom",
            "x": 1,
            "xanchor": "right",
            "tickvals": [0, 50, 100],
            "outlinewidth": 0,
            "tickfont": {"color": palette.muted, "size": 10},
        },
    )
    figure.update_yaxes(showgrid=False, tickfont={"size": 11}, **named_rows([threat.names[asset] for asset in rows]))
    figure.update_xaxes(showgrid=False)
    time_axis(figure)
    figure.update_layout(hovermode="closest", height=max(LEAST_PX, AXES_PX + ROW_PX * len(rows)))
    return figure


def named_rows(names: Sequence[str]) -> dict[str, object]:
    """An axis with a row for each asset from the top down; names may come twice."""
    rows = list(range(len(names)))
    return {"range": [len(names) - 0.5, -0.5], "tickvals": rows, "ticktext": [shortened(name) for name in names]}


def _scale(palette: Palette) -> list[list[object]]:
    return [[0.0, palette.raised], [0.35, palette.equipment_fill], [0.5, palette.high], [1.0, palette.overload]]


@dataclass(frozen=True, eq=False)
class ExpectedLoss:
    """Losses of the hours ahead, MW (h,): mean, and the ends of the 80 % interval."""

    time: np.ndarray
    mean_mw: FloatArray
    low_mw: FloatArray
    high_mw: FloatArray


def expected_loss_figure(loss: ExpectedLoss | None, scheme: Scheme) -> go.Figure:
    """Expected losses by hour within their 80 % interval."""
    palette = PALETTES[scheme]
    figure = empty_figure(scheme, loss is None or not np.isfinite(loss.mean_mw).any(), NOT_LOOKED)
    if loss is None:
        return figure
    at, edge = times(loss.time), {"width": 0, "color": palette.equipment}
    figure.add_scatter(
        x=at,
        y=series(loss.high_mw),
        mode="lines",
        line=edge,
        name="90 %",
        showlegend=False,
        hovertemplate="90 % below %{y:.3g} MW<extra></extra>",
    )
    figure.add_scatter(
        x=at,
        y=series(loss.low_mw),
        mode="lines",
        line=edge,
        name="80 % interval",
        fill="tonexty",
        fillcolor=faded(palette.equipment, 0.3),
        hovertemplate="10 % below %{y:.3g} MW<extra></extra>",
    )
    figure.add_scatter(
        x=at,
        y=series(loss.mean_mw),
        mode="lines",
        name="Expected",
        line={"color": palette.accent, "width": 2},
        hovertemplate="%{y:.3g} MW",
    )
    figure.update_yaxes(title_text="Losses, MW", rangemode="tozero", nticks=5)
    time_axis(figure)
    figure.update_layout(showlegend=True)
    return figure


@dataclass(frozen=True, eq=False)
class Stack:
    """Renewable power ahead by energy, power_mw (e, h); load_mw wanted and curtailed_mw (h,) of the median course.

    unsupplied_mw: (h,) of the load wanted, what stays without supply.
    """

    time: np.ndarray
    energies: tuple[str, ...]
    power_mw: FloatArray
    load_mw: FloatArray
    curtailed_mw: FloatArray
    unsupplied_mw: FloatArray


def stack_figure(stack: Stack | None, scheme: Scheme) -> go.Figure:
    """Renewables stacked beside the load; what must be cut is marked at the top of the stack."""
    palette = PALETTES[scheme]
    figure = empty_figure(scheme, stack is None, NOT_LOOKED)
    if stack is None:
        return figure
    at = times(stack.time)
    for place, (energy, power) in enumerate(zip(stack.energies, stack.power_mw, strict=True)):
        figure.add_bar(
            x=at, y=series(power), name=energy, marker=told_apart(place, palette), hovertemplate="%{y:.3g} MW"
        )
    if np.nanmax(stack.curtailed_mw, initial=0.0) > 0:
        left = stack.power_mw.sum(axis=0) - stack.curtailed_mw
        cut = {"color": palette.overload_text, "width": 2, "dash": "dash", "shape": "hvh"}
        figure.add_scatter(
            x=at, y=series(left), mode="lines", name="Left after the cut", line=cut, hovertemplate="%{y:.3g} MW"
        )
    figure.add_scatter(
        x=at,
        y=series(stack.load_mw),
        mode="lines",
        name="Load" if not stack.unsupplied_mw.any() else "Load wanted",
        line={"color": palette.text, "width": 2},
        hovertemplate="%{y:.4g} MW",
    )
    if stack.unsupplied_mw.any():
        lost = {"color": palette.overload_text, "width": 2, "dash": "dot"}
        figure.add_scatter(
            x=at,
            y=series(stack.unsupplied_mw),
            mode="lines",
            name="Without supply",
            line=lost,
            hovertemplate="%{y:.3g} MW",
        )
    figure.update_yaxes(title_text="MW", rangemode="tozero", nticks=5)
    time_axis(figure)
    figure.update_layout(barmode="stack", bargap=0.08, showlegend=True)
    return figure


def told_apart(place: int, palette: Palette) -> dict[str, object]:
    """The look of bars of one kind among others: a colour and a pattern of its own."""
    colour = PATH_COLOURS[place % len(PATH_COLOURS)]
    shape = PATTERNS[place % len(PATTERNS)]
    pattern = {"shape": shape, "bgcolor": colour, "fgcolor": palette.surface, "size": 6, "solidity": 0.2}
    return {"color": colour, "line": {"width": 0}, "pattern": pattern}


def curtailment_words(stack: Stack | None, doubts: Doubts, beyond: str = "") -> str:
    """How much must be cut in the hours ahead, in words. beyond: that the grid is too large to ask, else empty."""
    if stack is None:
        return NOT_LOOKED
    hours = len(stack.time)
    if not len(stack.energies):
        return "This grid has no renewable plants."
    if not np.isfinite(stack.curtailed_mw).any():
        return beyond or "Whether anything must be cut isn't known yet."
    total = float(np.nansum(stack.curtailed_mw))
    if total <= 0:
        course = f"in the next {hours} h on the median course"
        return f"{told(f'Nothing has to be cut {course}', f'No cut was found {course}', doubts)}."
    worst = int(np.nanargmax(stack.curtailed_mw))
    at = np.datetime_as_string(stack.time[worst], unit="m")[-5:]
    most = float(stack.curtailed_mw[worst])
    return f"{total:.3g} MWh must be cut in the next {hours} h on the median course, at most {most:.3g} MW at {at}."
