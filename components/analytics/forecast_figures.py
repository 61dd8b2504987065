"""Figures about forecasts: the fan of one series beside what came, and how good forecasts have been so far."""

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from components.common import text
from components.common.theme import PALETTES, Palette, Scheme, faded
from components.common.trends import empty_figure, rounded

FloatArray = NDArray[np.float64]

PERCENT = (5, 10, 25, 50, 75, 90, 95)
"""Of the actual values that should lie below each of the quantiles."""
BANDS = ((0, 6, 0.14), (1, 5, 0.2), (2, 4, 0.3))
"""Columns of the quantiles, and how dense what lies between them is drawn."""
MEDIAN, LOW_80, HIGH_80 = 3, 1, 5
TIME_TITLE = "Hour beginning, time of the data"
LEVEL_IN_SIGHT = 1.6  # of the highest value drawn: a level above that would press the curves flat
NO_FORECAST = "No forecast has been made yet"
NO_ACCURACY = "Not yet known: no forecast's hours have passed yet"


@dataclass(frozen=True, eq=False)
class Fan:
    """A forecast of one series, MW: time (h,) datetime64, quantiles_mw (h, 7) from 5 to 95 %; actual_mw (k,) beside.

    now: how far actual values can be known. limit_mw, installed_mw: NaN where there is none.
    """

    name: str
    issued_at: datetime
    now: datetime
    time: np.ndarray
    quantiles_mw: FloatArray
    actual_time: np.ndarray
    actual_mw: FloatArray
    limit_mw: float = math.nan
    installed_mw: float = math.nan


def series(values: FloatArray) -> list[float | None]:
    """Values as a figure takes them."""
    return [rounded(value) for value in values.tolist()]


def times(time: np.ndarray) -> list[str]:
    """Moments as a figure takes them."""
    return time.astype("datetime64[m]").astype(str).tolist()


def time_axis(figure: go.Figure, title: str = TIME_TITLE) -> None:
    """Simulated time along the figure: as many moments are named as there is room for."""
    figure.update_xaxes(title_text=title, tickangle=0)


def fan_figure(fan: Fan | None, scheme: Scheme) -> go.Figure:
    """Bands and median over what came, with the moment of issue, the grid's limit and the installed power."""
    palette = PALETTES[scheme]
    figure = empty_figure(scheme, fan is None, NO_FORECAST)
    if fan is None:
        return figure
    bands(figure, fan.time, fan.quantiles_mw, palette)
    figure.add_scatter(
        x=times(fan.time),
        y=series(fan.quantiles_mw[:, MEDIAN]),
        name="Median",
        mode="lines",
        line={"color": palette.accent, "width": 2},
        hovertemplate="%{y:.4g} MW",
    )
    figure.add_scatter(
        x=times(fan.actual_time),
        y=series(fan.actual_mw),
        name="Actual",
        mode="lines",
        line={"color": palette.text, "width": 2, "dash": "solid"},
        hovertemplate="%{y:.4g} MW",
    )
    top = float(np.nanmax(np.append(fan.actual_mw, fan.quantiles_mw[:, -1])))
    level(figure, fan.limit_mw, top, "Limit", palette.overload_text, "dash")
    level(figure, fan.installed_mw, top, "Installed", palette.muted, "dot")
    _moment(figure, fan.issued_at, "issued", palette)
    if (fan.now - fan.issued_at).total_seconds() > 3600:
        _moment(figure, fan.now, "now", palette)
    figure.update_yaxes(
        title_text=f"{fan.name}, MW", nticks=6, rangemode="tozero" if math.isfinite(fan.installed_mw) else "normal"
    )
    time_axis(figure)
    figure.update_layout(showlegend=True, margin={"l": 8, "r": 12, "t": 8, "b": 40})
    return figure


def bands(figure: go.Figure, time: np.ndarray, quantiles_mw: FloatArray, palette: Palette) -> None:
    """Each band between two unseen lines; the ends of the 80 % band are told at the pointer."""
    for low, high, density in BANDS:
        told = (low, high) == (LOW_80, HIGH_80)
        for column in (high, low):
            edge = {"width": 0, "color": palette.accent}
            figure.add_scatter(
                x=times(time),
                y=series(quantiles_mw[:, column]),
                mode="lines",
                line=edge,
                name=f"{PERCENT[high]} %" if column == high else f"{PERCENT[low]} to {PERCENT[high]} %",
                showlegend=column == low,
                fill="tonexty" if column == low else None,
                fillcolor=faded(palette.accent, density),
                hoverinfo=None if told else "skip",
                hovertemplate=f"{PERCENT[column]} % below %{{y:.4g}} MW<extra></extra>" if told else None,
            )


def level(figure: go.Figure, value_mw: float, top: float, name: str, colour: str, dash: str) -> None:
    """A horizontal line with its name and value, if it lies within sight of the curves."""
    if not math.isfinite(value_mw) or value_mw > LEVEL_IN_SIGHT * abs(top):
        return
    figure.add_shape(
        type="line",
        xref="paper",
        x0=0,
        x1=1,
        y0=value_mw,
        y1=value_mw,
        line={"color": colour, "dash": dash, "width": 2},
    )
    figure.add_annotation(
        xref="paper",
        x=1,
        xanchor="right",
        y=value_mw,
        yanchor="bottom",
        showarrow=False,
        text=f"{name} {text.small(value_mw, 'MW')}",
        font={"size": 11, "color": colour},
    )
    figure.add_scatter(  # unseen, so that the axis reaches the line
        x=figure.data[0].x[:1],
        y=[rounded(value_mw)],
        mode="markers",
        marker={"opacity": 0},
        name=name,
        showlegend=False,
        hoverinfo="skip",
    )


def _moment(figure: go.Figure, time: datetime, words: str, palette: Palette) -> None:
    at = time.replace(tzinfo=None).isoformat(timespec="minutes")
    figure.add_shape(
        type="line", yref="paper", y0=0, y1=1, x0=at, x1=at, line={"color": palette.muted, "width": 1, "dash": "dot"}
    )
    figure.add_annotation(
        x=at,
        yref="paper",
        y=0,
        xanchor="left",
        yanchor="bottom",
        xshift=2,
        showarrow=False,
        text=words,
        font={"size": 11, "color": palette.muted},
    )


def calibration_figure(nominal: FloatArray, frequency: FloatArray, scheme: Scheme) -> go.Figure:
    """How often what came lay below each quantile against how often it should; on the diagonal, both agree."""
    palette = PALETTES[scheme]
    figure = empty_figure(scheme, not np.isfinite(frequency).any(), NO_ACCURACY)
    ends = [0, 100]
    figure.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        name="Perfect",
        hoverinfo="skip",
        line={"color": palette.muted, "dash": "dash", "width": 1},
    )
    figure.add_scatter(
        x=series(100 * nominal),
        y=series(100 * frequency),
        mode="lines+markers",
        name="Observed",
        marker={"size": 8, "color": palette.accent},
        line={"color": palette.accent, "width": 1.5},
        hovertemplate="%{x:.0f} % nominal, %{y:.0f} % observed<extra></extra>",
    )
    figure.update_xaxes(title_text="Nominal level, %", range=ends, tickvals=[5, 25, 50, 75, 95])
    figure.update_yaxes(title_text="Actual values below, %", range=ends, nticks=6)
    figure.update_layout(hovermode="closest", showlegend=True)
    return figure


def error_figure(mae_mw: FloatArray, naive_mae_mw: FloatArray, scheme: Scheme) -> go.Figure:
    """Mean absolute error of the median by lead, beside that of the same hour a week before."""
    palette = PALETTES[scheme]
    figure = empty_figure(scheme, not np.isfinite(mae_mw).any(), NO_ACCURACY)
    lines = (
        ("This forecast", mae_mw, {"color": palette.accent, "width": 2}),
        ("Same hour a week before", naive_mae_mw, {"color": palette.equipment, "width": 1.5, "dash": "dash"}),
    )
    for name, values, line in lines:
        figure.add_scatter(
            x=_leads(values), y=series(values), mode="lines", name=name, line=line, hovertemplate="%{y:.3g} MW"
        )
    figure.update_xaxes(title_text="Lead, hours", nticks=8)
    figure.update_yaxes(title_text="Mean absolute error, MW", rangemode="tozero", nticks=5)
    figure.update_layout(showlegend=True)
    return figure


def coverage_figure(coverage_80_percent: FloatArray, coverage_90_percent: FloatArray, scheme: Scheme) -> go.Figure:
    """Share of actual values inside the 80 and 90 % bands by lead, beside what it should be."""
    palette = PALETTES[scheme]
    known = np.isfinite(coverage_80_percent).any() or np.isfinite(coverage_90_percent).any()
    figure = empty_figure(scheme, not known, NO_ACCURACY)
    lines = ((80, coverage_80_percent, palette.accent, "circle"), (90, coverage_90_percent, palette.text, "diamond"))
    for nominal, values, colour, symbol in lines:
        figure.add_scatter(
            x=_leads(values),
            y=series(values),
            mode="lines+markers",
            name=f"In the {nominal} % band",
            line={"color": colour, "width": 1.5},
            marker={"size": 5, "symbol": symbol},
            hovertemplate="%{y:.0f} %",
        )
        figure.add_shape(
            type="line",
            xref="paper",
            x0=0,
            x1=1,
            y0=nominal,
            y1=nominal,
            line={"color": colour, "dash": "dash", "width": 1},
        )
    figure.update_xaxes(title_text="Lead, hours", nticks=8)
    figure.update_yaxes(title_text="Actual values inside, %", range=[0, 104], tickvals=[0, 20, 40, 60, 80, 90, 100])
    figure.update_layout(showlegend=True)
    return figure


def _leads(values: FloatArray) -> list[int]:
    return list(range(1, len(values) + 1))


@dataclass(frozen=True, eq=False)
class NextDay:
    """The next hours in one look, arrays (h,) in MW: the load with its 80 % band, and what renewables give."""

    time: np.ndarray
    load_low_mw: FloatArray
    load_mw: FloatArray
    load_high_mw: FloatArray
    renewable_mw: FloatArray
    limit_mw: float


def next_day_figure(day: NextDay | None, scheme: Scheme) -> go.Figure:
    """A small figure: load with its band, renewables, and the limit."""
    palette = PALETTES[scheme]
    figure = empty_figure(scheme, day is None, "Not forecast yet")
    if day is None:
        return figure
    at, fill = times(day.time), {"width": 0, "color": palette.accent}
    figure.add_scatter(
        x=at,
        y=series(day.load_high_mw),
        mode="lines",
        line=fill,
        name="90 %",
        showlegend=False,
        hovertemplate="90 % below %{y:.4g} MW<extra></extra>",
    )
    figure.add_scatter(
        x=at,
        y=series(day.load_low_mw),
        mode="lines",
        line=fill,
        name="80 % band",
        fill="tonexty",
        fillcolor=faded(palette.accent, 0.25),
        hovertemplate="10 % below %{y:.4g} MW<extra></extra>",
    )
    figure.add_scatter(
        x=at,
        y=series(day.load_mw),
        mode="lines",
        line={"color": palette.accent, "width": 2},
        name="Load",
        hovertemplate="%{y:.4g} MW",
    )
    if np.nanmax(day.renewable_mw, initial=0.0) > 0:
        figure.add_scatter(
            x=at,
            y=series(day.renewable_mw),
            mode="lines",
            name="Renewables",
            line={"color": palette.equipment, "width": 1.5, "dash": "dash"},
            hovertemplate="%{y:.4g} MW",
        )
    level(figure, day.limit_mw, float(np.nanmax(day.load_high_mw, initial=0.0)), "Limit", palette.overload_text, "dash")
    figure.update_yaxes(title_text="MW", nticks=4)
    figure.update_xaxes(nticks=5, tickformat="%H:%M")
    figure.update_layout(showlegend=True, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    return figure
