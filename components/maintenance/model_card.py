"""The model card: what the models learned from, when, and how good they are, with a reliability plot."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from dash import html
from dash.development.base_component import Component

from components.common import text
from components.common.theme import PALETTES, Scheme
from components.common.trends import empty_figure
from components.maintenance.risk_figures import log_axis
from components.maintenance.risk_table import rounded
from components.optimisation.tables import table

SIMULATED = (
    "Trained on simulated data: fleets that fail by an assumed law. How well it predicts real failures is not known."
)
NO_CARD = "No model has been trained yet. Probabilities come from CNAIM's published rates until then."


@dataclass(frozen=True)
class Metric:
    """A figure of merit with its 95 % interval; NaN where there is none. digits after the point."""

    name: str
    value: float
    low: float
    high: float
    note: str = ""
    digits: int = 3


@dataclass(frozen=True)
class ReliabilityPoint:
    """One bin of predictions: their mean, the observed share of failures with its interval, from 0 to 1."""

    rows: int
    predicted: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True)
class ModelFacts:
    """A trained model. facts: label and words. reliability: for each horizon in days."""

    facts: tuple[tuple[str, str], ...]
    metrics: tuple[Metric, ...]
    reliability: dict[int, tuple[ReliabilityPoint, ...]]


def model_card(facts: ModelFacts | None) -> list[Component]:
    """First that the data are simulated, then facts, then figures with their intervals."""
    if facts is None:
        return [html.P(NO_CARD, className="quiet-line")]
    listed = html.Dl(
        [html.Div([html.Dt(label), html.Dd(words)]) for label, words in facts.facts], className="card-facts"
    )
    return [html.P(SIMULATED, className="simulated-note"), listed, metrics_table(facts.metrics)]


def metrics_table(metrics: Sequence[Metric]) -> Component:
    """Each figure with its interval and what to read it against."""
    if not metrics:
        return html.P("Its figures have not been measured yet.", className="quiet-line")
    rows = [
        (metric.name, text.number(metric.value, metric.digits), _interval(metric), metric.note) for metric in metrics
    ]
    columns = ("Figure", "Value", "95 % interval", "Read against")
    return table(columns, rows, "How good the model is, on simulated assets that it hasn't seen")


def _interval(metric: Metric) -> str:
    if not (math.isfinite(metric.low) and math.isfinite(metric.high)):
        return text.UNKNOWN
    return f"{text.number(metric.low, metric.digits)} to {text.number(metric.high, metric.digits)}"


def reliability_figure(reliability: dict[int, tuple[ReliabilityPoint, ...]], scheme: Scheme) -> go.Figure:
    """Observed share of failures against predicted probability; on the diagonal, both agree."""
    palette = PALETTES[scheme]
    points = [point for rows in reliability.values() for point in rows if point.predicted > 0 and point.observed > 0]
    figure = empty_figure(scheme, not points, "No reliability has been measured yet")
    if not points:
        return figure
    ends = [value for point in points for value in (point.predicted, point.observed)]
    span = [100 * min(ends) / 1.5, 100 * max(ends) * 1.5]
    figure.add_scatter(
        x=span,
        y=span,
        mode="lines",
        name="Perfect",
        line={"color": palette.muted, "dash": "dash", "width": 1},
        hoverinfo="skip",
    )
    looks = zip((palette.equipment, palette.text, palette.accent), ("square", "diamond", "circle"), strict=True)
    for (days, rows), (colour, symbol) in zip(sorted(reliability.items()), looks, strict=False):
        drawn = [row for row in rows if row.predicted > 0 and row.observed > 0]
        figure.add_scatter(
            mode="markers+lines",
            name=f"{days} days",
            marker={"symbol": symbol, "size": 8, "color": colour},
            line={"color": colour, "width": 1},
            x=[rounded(100 * row.predicted) for row in drawn],
            y=[rounded(100 * row.observed) for row in drawn],
            error_y={
                "type": "data",
                "symmetric": False,
                "width": 3,
                "thickness": 1,
                "color": colour,
                "array": [_bar(row.high - row.observed) for row in drawn],
                "arrayminus": [_bar(row.observed - row.low) for row in drawn],
            },
            text=[f"{row.rows:,} rows" for row in drawn],
            hovertemplate="%{x:.3g} % predicted, %{y:.3g} % observed, %{text}",
        )
    axis = log_axis(*(math.log10(end) for end in span)) | {"tickformat": "~g"}
    figure.update_xaxes(title_text="Predicted, %", **axis)
    figure.update_yaxes(title_text="Observed, %", range=[math.log10(end) for end in span], **axis)
    figure.update_layout(hovermode="closest", showlegend=True)
    return figure


def _bar(length: float) -> float:
    """Length of an error bar in percent; 0 where unknown. A bar must not reach 0 on a logarithmic axis."""
    return rounded(100 * max(0.0, length)) or 0.0 if math.isfinite(length) else 0.0
