"""The legend of the map: shapes, line styles, abnormal colours, and the colours of marked supply paths."""

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from components.common.theme import PATH_COLOURS

LAYER_TEXTS = {
    "loading": ("80 % loading or more", "100 % or more"),
    "voltage": ("80 % loading or more", "100 % or more"),
    "temperature": ("within 10 K of the limit", "at the limit or above"),
    "risk": ("highest 8 % of risks", "highest 2 % of risks"),
}


def legend(layer: str, as_areas: bool) -> Component:
    """What symbols and colours mean in a layer."""
    high, over = LAYER_TEXTS[layer]
    if as_areas:
        entries = [("area", "area, size by load; tap to open"), ("line", "corridor, width by flow")]
    else:
        entries = [
            ("generator", "generator"),
            ("substation", "substation"),
            ("line", "line, width by flow, arrow with the flow"),
            ("open", "open tie"),
            ("dead", "without supply"),
        ]
    entries += [("high", high), ("overload", over), ("low-voltage", "▼ voltage below its limit")]
    entries += [("high-voltage", "▲ voltage above its limit")]
    return html.Ul([_entry(symbol, words) for symbol, words in entries], className="legend")


def path_legend(names: Sequence[str]) -> Component:
    """One colour a generator."""
    entries = [
        html.Li(
            [html.Span(className="legend-band", style={"backgroundColor": colour}, **{"aria-hidden": "true"}), name]
        )
        for name, colour in zip(names, PATH_COLOURS, strict=False)
    ]
    return html.Ul([html.Li("Supply paths from"), *entries], className="legend") if entries else html.Span()


def plan_legend(supply_paths: bool) -> Component:
    """What the marks of a plan mean; supply_paths: whether its changed supply paths are marked too."""
    entries = [
        html.Li([html.Span(mark, className="legend-mark", **{"aria-hidden": "true"}), words])
        for mark, words in (("●", "the plan closes"), ("○", "the plan opens"), ("■", "locked"), ("□", "note"))
    ]
    if supply_paths:
        entries.append(_entry("changed-path", "changed supply path"))
    return html.Ul(entries, className="legend")


def _entry(symbol: str, words: str) -> html.Li:
    return html.Li([html.Span(className=f"legend-symbol legend-{symbol}", **{"aria-hidden": "true"}), words])
