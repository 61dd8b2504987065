"""Figures about the optimiser. A figure is sent once for a look; afterwards only the data of its traces are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from components.common.labels import label_places, with_margins
from components.common.theme import PALETTES, Scheme, figure_template
from components.common.trends import rounded
from components.optimisation.tables import MethodRow

Trace = dict[str, object]
CURVE_POINTS = 100
SHORTEST_MS = 1e-3
AFTERWARDS = 1.25  # of a plan's minutes, that its figure shows


@dataclass(frozen=True)
class FrontPoint:
    """Losses and expected interruption of the best plan at one risk weight; kW and kW a year."""

    risk_weight: float
    loss_kw: float
    interrupted_kw: float


@dataclass(frozen=True)
class Front:
    """The best compromises of one moment, the present state then, and the risk weight that decides among them."""

    points: tuple[FrontPoint, ...]
    present: FrontPoint | None
    risk_weight: float

    @property
    def chosen(self) -> FrontPoint | None:
        """The compromise that the risk weight chooses."""
        weight = self.risk_weight
        return min(self.points, key=lambda p: p.loss_kw + weight * p.interrupted_kw, default=None)


@dataclass(frozen=True)
class GapPoint:
    """How much more than the best known the policy's decisions cost after so many steps: mean of fixed situations.

    dark_percent: what they leave without supply beyond the best known in so many fixed restorations, NaN without any.
    """

    step: int
    gap_percent: float
    situations: int
    dark_percent: float = math.nan
    restorations: int = 0


@dataclass(frozen=True)
class EntropyPoint:
    """How undecided the policy is at a step, nats."""

    step: int
    entropy: float


@dataclass(frozen=True)
class Learning:
    """How training goes: decisions now and then, entropy at every step."""

    gaps: tuple[GapPoint, ...]
    entropy: tuple[EntropyPoint, ...]


@dataclass(frozen=True)
class SupplyCourse:
    """What has supply from each minute on, the first of them 0."""

    minutes: tuple[float, ...] = ()
    supplied_mw: tuple[float, ...] = ()
    customers: tuple[float, ...] = ()


def course_traces(course: SupplyCourse) -> list[Trace]:
    """MW and customers with supply against minutes; the last values go on for a while."""
    if len(course.minutes) < 2:
        return [{"x": [], "y": []}, {"x": [], "y": []}]
    minutes = [rounded(minute) for minute in (*course.minutes, AFTERWARDS * course.minutes[-1])]
    return [
        {"x": minutes, "y": [rounded(value) for value in (*values, values[-1])]}
        for values in (course.supplied_mw, course.customers)
    ]


def course_figure(course: SupplyCourse, scheme: Scheme) -> go.Figure:
    """How supply comes back step by step."""
    palette = PALETTES[scheme]
    traces = course_traces(course)
    figure = _figure(scheme, traces)
    looks = (
        ("Supplied, MW", "y", palette.accent, "solid", "%{y:.4g} MW from minute %{x:.3g} on<extra></extra>"),
        ("Customers", "y2", palette.equipment, "dot", "%{y:,.0f} customers from minute %{x:.3g} on<extra></extra>"),
    )
    for (name, axis, colour, dash, hover), trace in zip(looks, traces, strict=True):
        figure.add_scatter(
            mode="lines",
            name=name,
            yaxis=axis,
            line={"color": colour, "width": 2, "dash": dash, "shape": "hv"},
            hovertemplate=hover,
            **trace,
        )
    right = {"title": {"text": "Customers with supply"}, "overlaying": "y", "side": "right", "showgrid": False}
    figure.update_layout(
        yaxis={"title": {"text": "Supplied, MW"}, "rangemode": "tozero", "nticks": 4},
        yaxis2=figure.layout.template.layout.yaxis.to_plotly_json()
        | {**right, "rangemode": "tozero", "nticks": 4, "tickmode": "auto"},
    )
    figure.update_xaxes(title_text="Minutes from the first order", nticks=5, rangemode="tozero")
    return figure


def method_traces(methods: Sequence[MethodRow]) -> list[Trace]:
    """Objective against time of the other methods and of the policy; those without a result are left out."""
    found = sorted((m for m in methods if math.isfinite(m.objective_kw)), key=lambda method: method.time_ms)
    times, results = [math.log10(max(m.time_ms, SHORTEST_MS)) for m in found], [m.objective_kw for m in found]
    names = [method.name for method in found]
    place = dict(zip(names, label_places(times, results, names), strict=True))
    traces: list[Trace] = [
        {
            "x": [rounded(max(method.time_ms, SHORTEST_MS)) for method in group],
            "y": [rounded(method.objective_kw) for method in group],
            "text": [method.name for method in group],
            "textposition": [place[method.name] for method in group],
        }
        for group in ([m for m in found if not m.is_policy], [m for m in found if m.is_policy])
    ]
    return [*traces, _room(times, results)]


def _room(times: Sequence[float], results: Sequence[float]) -> Trace:
    """An unseen trace at the ends of the axes, so that labels have room. times: decimal logarithms."""
    if not times:
        return {"x": [], "y": []}
    x = [rounded(10**end) for end in with_margins(times)]
    return {"x": x, "y": [rounded(end) for end in with_margins(results)]}


def methods_figure(methods: Sequence[MethodRow], scheme: Scheme) -> go.Figure:
    """What each method found against the time that it took."""
    palette = PALETTES[scheme]
    traces = method_traces(methods)
    figure = _figure(scheme, traces)
    looks: tuple[tuple[str, dict[str, object]], ...] = (
        ("Other methods", {"color": palette.equipment, "size": 9, "symbol": "circle-open", "line": {"width": 2}}),
        ("Policy", {"color": palette.accent, "size": 13, "symbol": "diamond"}),
        ("", {"opacity": 0}),
    )
    for (name, marker), trace in zip(looks, traces, strict=True):
        figure.add_scatter(
            mode="markers+text",
            name=name,
            showlegend=bool(name),
            marker=marker,
            textfont={"size": 11},
            cliponaxis=False,
            hovertemplate="%{text}: %{y:.5g} kW in %{x:.3g} ms<extra></extra>",
            **trace,
        )
    figure.update_xaxes(type="log", title_text="Time, ms", nticks=5, dtick=1)
    figure.update_yaxes(title_text="Objective, kW", nticks=5, tickformat=",~g")
    return figure


def front_traces(front: Front) -> list[Trace]:
    """The front from the least to the largest interruption, the present state, and the chosen compromise."""
    ordered = sorted(front.points, key=lambda point: point.interrupted_kw)
    groups = (ordered, [front.present] if front.present else [], [front.chosen] if front.chosen else [])
    return [
        {
            "x": [rounded(point.interrupted_kw) for point in group],
            "y": [rounded(point.loss_kw) for point in group],
            "text": [f"risk weight {point.risk_weight:.3g}" for point in group],
        }
        for group in groups
    ]


def front_figure(front: Front, scheme: Scheme) -> go.Figure:
    """Losses against expected interruption."""
    palette = PALETTES[scheme]
    traces = front_traces(front)
    figure = _figure(scheme, traces)
    line = {"color": palette.equipment, "width": 1.5, "shape": "vh"}
    looks: tuple[tuple[str, str, dict[str, object], str], ...] = (
        ("Compromises", "lines+markers", {"color": palette.equipment, "size": 7}, "%{text}<br>"),
        ("Present", "markers", {"color": palette.text, "size": 12, "symbol": "x"}, ""),
        ("Chosen", "markers", {"color": palette.accent, "size": 13, "symbol": "diamond"}, ""),
    )
    for (name, mode, marker, first), trace in zip(looks, traces, strict=True):
        figure.add_scatter(
            mode=mode,
            name=name,
            marker=marker,
            line=line,
            hovertemplate=first + "%{y:.5g} kW losses, %{x:.4g} kW/yr interrupted",
            **trace,
        )
    figure.update_xaxes(title_text="Expected interruption, kW/yr", nticks=5, tickformat=",~g")
    figure.update_yaxes(title_text="Losses, kW", nticks=5, tickformat=",~g")
    figure.update_layout(hovermode="closest")
    return figure


def learning_traces(learning: Learning) -> list[Trace]:
    """Gap of decisions where it was judged, of restorations apart, and entropy, against steps."""
    gaps, points = learning.gaps[:: max(1, math.ceil(len(learning.gaps) / CURVE_POINTS))], learning.entropy
    size = max(1, math.ceil(len(points) / CURVE_POINTS))
    bins = [points[start : start + size] for start in range(0, len(points), size)]
    return [
        {
            "x": [point.step for point in gaps],
            "y": [rounded(point.gap_percent) for point in gaps],
            "text": [f"{point.situations} fixed situations" for point in gaps],
        },
        {
            "x": [point.step for point in gaps if point.restorations],
            "y": [rounded(point.dark_percent) for point in gaps if point.restorations],
            "text": [f"{point.restorations} fixed restorations" for point in gaps if point.restorations],
        },
        {
            "x": [group[-1].step for group in bins],
            "y": [rounded(sum(point.entropy for point in group) / len(group)) for group in bins],
        },
    ]


def learning_figure(learning: Learning, scheme: Scheme) -> go.Figure:
    """How much more than the best known the policy's decisions cost, without exploring, and how undecided it is."""
    palette = PALETTES[scheme]
    traces = learning_traces(learning)
    figure = _figure(scheme, traces)
    told = "decisions: %{y:.3g} % over best known,<br>mean of %{text}<extra></extra>"
    left = "left without supply: %{y:.3g} % of it over best known,<br>mean of %{text}<extra></extra>"
    looks = (
        ("Gap of decisions, %", "lines+markers", "y", palette.accent, "solid", told),
        ("Left dark, %", "lines+markers", "y", palette.overload, "dash", left),
        ("Entropy, nats", "lines", "y2", palette.equipment, "dot", "entropy: %{y:.3g} nats<extra></extra>"),
    )
    for (name, mode, axis, colour, dash, hover), trace in zip(looks, traces, strict=True):
        figure.add_scatter(
            mode=mode,
            name=name,
            yaxis=axis,
            line={"color": colour, "width": 2, "dash": dash},
            marker={"size": 5},
            hovertemplate=hover,
            **trace,
        )
    axis = figure.layout.template.layout.yaxis.to_plotly_json()
    figure.update_layout(
        yaxis={"title": {"text": "Decisions over best known, %"}, "rangemode": "tozero", "nticks": 4},
        yaxis2=axis
        | {
            "title": {"text": "Entropy, nats"},
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
            "rangemode": "tozero",
            "nticks": 4,
            "tickmode": "auto",
        },
    )
    figure.update_xaxes(title_text="Steps of training", nticks=5)
    return figure


def _figure(scheme: Scheme, traces: Sequence[Trace]) -> go.Figure:
    """An empty figure; its annotation says so while no trace has a point."""
    margin = {"l": 8, "r": 8, "t": 8, "b": 36}
    empty = {
        "text": "Nothing yet",
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0.5,
        "showarrow": False,
        "visible": not any(trace["x"] for trace in traces),
    }
    layout = {"template": figure_template(scheme), "showlegend": True, "uirevision": "kept", "margin": margin}
    return go.Figure(layout=layout | {"annotations": [empty]})
