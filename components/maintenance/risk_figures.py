"""Figures about risk: the matrix of all assets, one asset's probability over time, and what drives it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from components.common import text
from components.common.theme import PALETTES, Palette, Scheme, faded
from components.common.trends import Curve, asset_figure, empty_figure
from components.maintenance.risk_table import RateSource, RiskRow, rounded
from ml.maintenance.records import CLASS_FROM_EUR, RiskClass

FloatArray = NDArray[np.float64]

MOST_POINTS = 1000  # of the matrix: a browser draws each as an element of its own
MANY_POINTS = 200
INSIDE = 1e-6  # decades: a label on the edge of the figure may count as outside and be left out
MOST_DRIVERS = 5
ROOM_FOR_WORDS = 0.2  # of the range of their bars
MOST_FINE_DECADES = 2.5
LEAST_LINE = 0.05  # of the matrix that is worth drawing, decades
DRIVERS_NOTE = "What each adds to the log of the failure rate, against an asset of its kind where it is as usual."
SYMBOLS = {  # a shape for each class, so that colour isn't alone
    RiskClass.LOW: "circle-open",
    RiskClass.MEDIUM: "circle",
    RiskClass.HIGH: "diamond",
    RiskClass.VERY_HIGH: "triangle-up",
}


def class_colour(name: RiskClass, palette: Palette) -> str:
    """Grey for what is usual, saturated for what isn't."""
    return {
        RiskClass.LOW: palette.quiet,
        RiskClass.MEDIUM: palette.equipment,
        RiskClass.HIGH: palette.high,
        RiskClass.VERY_HIGH: palette.overload,
    }[name]


def matrix_figure(rows: Sequence[RiskRow], scheme: Scheme, chosen: str | None = None) -> go.Figure:
    """Probability within a year against consequence, both logarithmic; classes are bands between lines of one risk.

    The riskiest MOST_POINTS are drawn. chosen: code of an asset to ring. A point's customdata is its asset's code.
    """
    palette = PALETTES[scheme]
    known = [row for row in rows if row.probability_365_days > 0 and row.consequence_eur > 0 and row.risk_class]
    shown = sorted(known, key=lambda row: -row.risk_eur_per_year)[:MOST_POINTS]
    figure = empty_figure(scheme, not shown, "No asset has both a probability and a consequence yet")
    if not shown:
        return figure
    x = _decades([row.consequence_eur for row in shown])
    y = _decades([100 * row.probability_365_days for row in shown])
    size = 9 if len(shown) < MANY_POINTS else 6
    _bands(figure, x, y, palette)
    for name in RiskClass:
        group = [row for row in shown if row.risk_class is name]
        figure.add_scatter(
            mode="markers",
            name=f"{name} ({len(group):,})",
            x=[rounded(row.consequence_eur) for row in group],
            y=[rounded(100 * row.probability_365_days) for row in group],
            customdata=[row.code for row in group],
            text=[_point_words(row) for row in group],
            hovertemplate="%{text}<extra></extra>",
            marker={
                "symbol": SYMBOLS[name],
                "color": class_colour(name, palette),
                "size": size,
                "line": {"width": 1, "color": palette.surface if "open" not in SYMBOLS[name] else palette.quiet},
            },
        )
    ring = {"symbol": "circle-open", "size": 18, "color": palette.selected, "line": {"width": 2}}
    figure.add_scatter(mode="markers", name="Chosen", hoverinfo="skip", marker=ring, **ring_of(shown, chosen))
    figure.update_xaxes(range=list(x), title_text="Consequence of a failure, EUR", tickformat=",~s", **log_axis(*x))
    figure.update_yaxes(range=list(y), title_text="Fails within 365 days, %", tickformat="~g", **log_axis(*y))
    figure.update_layout(hovermode="closest", clickmode="event")
    if len(shown) < len(known):
        figure.add_annotation(
            text=f"the riskiest {len(shown):,} of {len(known):,}",
            xref="paper",
            yref="paper",
            x=1,
            y=0,
            xanchor="right",
            yanchor="bottom",
            showarrow=False,
            font={"size": 11, "color": palette.muted},
        )
    return figure


def _point_words(row: RiskRow) -> str:
    risk, chance = text.rough(row.risk_eur_per_year, "EUR/yr"), text.small(100 * row.probability_365_days, "%", 2)
    fallback = "" if row.source is RateSource.MODEL else f" ({row.source})"
    return f"<b>{row.asset}</b><br>{chance} in 365 d{fallback}<br>{text.rough(row.consequence_eur, 'EUR')}<br>{risk}"


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """Ends of a logarithmic axis, with a little room around the values; at least one decade."""
    low, high = math.log10(min(values)), math.log10(max(values))
    room = 0.08 * (high - low) + 0.15
    middle, half = (low + high) / 2, max(0.5, (high - low) / 2 + room)
    return middle - half, middle + half


def log_axis(low: float, high: float) -> dict[str, object]:
    """A logarithmic axis from one power of ten to another: 1, 2 and 5 are named while there is room, then decades."""
    steps = (1, 2, 5) if high - low < MOST_FINE_DECADES else (1,)
    decades = range(math.floor(low), math.ceil(high) + 1)
    return {"type": "log", "tickvals": [step * 10.0**decade for decade in decades for step in steps]}


def _bands(figure: go.Figure, x: tuple[float, float], y: tuple[float, float], palette: Palette) -> None:
    """Lines of one risk, named where they enter the figure: consequence x probability = the class's lower limit."""
    for name, limit in CLASS_FROM_EUR.items():
        if not limit:
            continue
        offset = math.log10(100 * limit)  # EUR times percent along the line
        left, right = max(x[0], offset - y[1]), min(x[1], offset - y[0])
        if right - left < LEAST_LINE:
            continue
        (x0, y0), (x1, y1) = (left, offset - left), (right, offset - right)
        figure.add_scatter(
            mode="lines",
            x=[10**x0, 10**x1],
            y=[10**y0, 10**y1],
            showlegend=False,
            hoverinfo="skip",
            line={"color": palette.muted, "width": 1, "dash": "dash"},
        )
        figure.add_annotation(
            x=max(x0, x[0] + INSIDE),
            y=min(y0, y[1] - INSIDE),
            showarrow=False,
            xanchor="left",
            text=f"{name.value} from {limit:,.0f} EUR/yr",
            yanchor="top" if left > x[0] else "bottom",
            xshift=30 if left > x[0] else 2,
            font={"size": 10, "color": palette.muted},
        )


def ring_of(rows: Sequence[RiskRow], chosen: str | None) -> dict[str, object]:
    """What the matrix's last trace, the ring around the chosen asset, is made of; empty where nothing is chosen."""
    found = [row for row in rows if row.code == chosen and row.risk_class is not None]
    return {
        "x": [rounded(row.consequence_eur) for row in found],
        "y": [rounded(100 * row.probability_365_days) for row in found],
        "showlegend": bool(found),
    }


@dataclass(frozen=True, eq=False)
class ProbabilityCurve:
    """An asset's probability of failing within 365 days, k moments: time datetime64, the others (k,) from 0 to 1.

    low and high: of the single models, whose disagreement is all that is known of the probability's uncertainty.
    published: by CNAIM alone.
    """

    time: np.ndarray
    probability: FloatArray
    low: FloatArray
    high: FloatArray
    published: FloatArray


def probability_figure(trend: ProbabilityCurve, scheme: Scheme) -> go.Figure:
    """The probability over time between the lowest and the highest of the single models, beside the published one."""
    palette = PALETTES[scheme]
    figure = empty_figure(scheme, not np.isfinite(trend.probability).any(), "No probability has been kept yet")
    time = trend.time.astype(str).tolist()

    def percent(values: FloatArray) -> list[float | None]:
        return [rounded(100 * value) for value in values.tolist()]

    edge = {"color": palette.quiet, "width": 1, "dash": "dot"}
    figure.add_scatter(
        x=time,
        y=percent(trend.high),
        mode="lines",
        line=edge,
        name="Highest",
        showlegend=False,
        hovertemplate="at most %{y:.3g} %<extra></extra>",
    )
    figure.add_scatter(
        x=time,
        y=percent(trend.low),
        mode="lines",
        line=edge,
        name="Range of the single models",
        fill="tonexty",
        fillcolor=faded(palette.equipment, 0.2),
        hovertemplate="at least %{y:.3g} %<extra></extra>",
    )
    figure.add_scatter(
        x=time,
        y=percent(trend.probability),
        mode="lines+markers" if len(time) < 3 else "lines",
        name="Model",
        line={"color": palette.accent, "width": 2},
        hovertemplate="%{y:.3g} %",
    )
    figure.add_scatter(
        x=time,
        y=percent(trend.published),
        mode="lines",
        name="CNAIM",
        line={"color": palette.text, "width": 1.5, "dash": "dash"},
        hovertemplate="%{y:.3g} %",
    )
    figure.update_yaxes(title_text="Fails in 365 d, %", nticks=5, rangemode="tozero")
    figure.update_xaxes(nticks=5)
    if len(time) == 1:
        hour = np.timedelta64(1, "h")
        figure.update_xaxes(range=[str(trend.time[0] - hour), str(trend.time[0] + hour)])
    return figure


@dataclass(frozen=True)
class Driver:
    """What one feature adds to the log of the failure rate. value: the feature as people read it, with its unit."""

    feature: str
    value: str
    log_rate: float


def drivers_figure(drivers: Sequence[Driver], scheme: Scheme, empty: str) -> go.Figure:
    """The largest contributions as bars, raising risk to the right, with the values that cause them.

    empty: what to say where there are none.
    """
    palette = PALETTES[scheme]
    found = sorted((d for d in drivers if math.isfinite(d.log_rate)), key=lambda d: -abs(d.log_rate))[:MOST_DRIVERS]
    figure = empty_figure(scheme, not found, empty)
    figure.add_bar(
        orientation="h",
        y=[f"{driver.feature}<br>{driver.value}" for driver in found],
        x=[rounded(driver.log_rate) for driver in found],
        text=[f"{'+' if driver.log_rate > 0 else ''}{text.number(driver.log_rate, 2)}" for driver in found],
        textposition="auto",
        cliponaxis=False,
        marker={
            "color": [palette.accent if driver.log_rate > 0 else palette.equipment_fill for driver in found],
            "line": {"color": palette.equipment, "width": 1},
            "pattern": {"shape": ["" if driver.log_rate > 0 else "/" for driver in found]},
        },
        hovertemplate="%{y}: %{x:.2f}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", ticklabelposition="outside")
    figure.update_xaxes(
        title_text="← lowers   log of the rate   raises →", nticks=5, zeroline=True, zerolinecolor=palette.muted
    )
    least, most = (limit([0.0, *(driver.log_rate for driver in found)]) for limit in (min, max))
    if least < 0:  # what stands beside a short bar to the left would be on the names
        figure.update_xaxes(range=[least - ROOM_FOR_WORDS * (most - least), most + 0.05 * (most - least)])
    figure.update_layout(showlegend=False, hovermode="closest", bargap=0.35)
    return figure


def curves_figure(curves: Sequence[Curve], scheme: Scheme, empty: str) -> go.Figure:
    """Quantities over a common time, each on rows of its own. empty: what to say where nothing is known."""
    known = [curve for curve in curves if np.isfinite(curve.value).any()]
    return asset_figure(known, scheme) if known else empty_figure(scheme, True, empty)
