"""One asset as a maintenance engineer reads it: its figures, its signals with limits, and assets like it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dash import html
from dash.development.base_component import Component

from components.common import text
from components.optimisation.tables import table

NOTHING_CHOSEN = "Choose an asset in the table or in the matrix."


class SignalState(StrEnum):
    """What is to be said of a signal's value."""

    OK = "ok"
    BEYOND = "beyond its limit"
    STALE = "stale"
    MISSING = "missing"
    NONE = "none on it"


MARKS = {
    SignalState.OK: "",
    SignalState.BEYOND: "▲ ",
    SignalState.NONE: "",
    SignalState.STALE: "◌ ",
    SignalState.MISSING: "◌ ",
}


@dataclass(frozen=True)
class SignalRow:
    """A condition signal. usual_low, usual_high: of other assets of its kind; they and limit are NaN where unknown."""

    name: str
    value: float
    unit: str
    usual_low: float
    usual_high: float
    limit: float
    state: SignalState


@dataclass(frozen=True)
class Similar:
    """An asset that is like the one shown, with its probability of failing within 365 days, from 0 to 1."""

    code: str
    name: str
    probability_365_days: float
    why: str


@dataclass(frozen=True)
class AssetHead:
    """What stands at the top. facts: label, value and note. fallback: why the model isn't used, empty where it is."""

    name: str
    kind: str
    facts: tuple[tuple[str, str, str], ...]
    fallback: str = ""
    unusual: bool | None = None


def asset_head(head: AssetHead | None) -> list[Component]:
    """Name, fallback, flags and facts; what to do where nothing is chosen."""
    if head is None:
        return [html.H2("Asset"), html.P(NOTHING_CHOSEN, className="quiet-line")]
    parts: list[Component] = [
        html.Div([html.H2(head.name), html.Span(head.kind, className="quiet")], className="panel-title")
    ]
    if head.fallback:
        parts.append(html.P([html.Strong("By CNAIM, not by the model: "), head.fallback], className="panel-fallback"))
    if head.unusual:
        parts.append(
            html.P("▲ Unlike healthy assets: look at it, whatever its probability.", className="panel-unusual")
        )
    facts = [
        html.Div([html.Dt(label), html.Dd([value, html.Span(note, className="note") if note else None])])
        for label, value, note in head.facts
    ]
    return [*parts, html.Dl(facts, className="panel-facts")]


def signals_table(signals: Sequence[SignalRow]) -> Component:
    """The signals beside what is usual for assets of the kind, and limits; missing ones say so."""
    if not signals:
        return html.P("This asset has no condition signals.", className="quiet-line")
    rows = [(row.name, _value(row), _range(row), _bound(row.limit, row.unit)) for row in signals]
    return table(("Signal", "Now", "Usual", "Limit"), rows, "Condition signals")


def _value(row: SignalRow) -> Component | str:
    mark = MARKS[row.state]
    if row.state is SignalState.NONE:
        return html.Span(row.state.value, className="quiet")
    if row.state is SignalState.MISSING or not math.isfinite(row.value):
        return html.Span(f"{MARKS[SignalState.MISSING]}missing", className="signal signal-missing")
    shown = text.small(row.value, row.unit) if row.unit else text.number(row.value, 0)
    if row.state is SignalState.OK:
        return shown
    words = "stale" if row.state is SignalState.STALE else row.state.value
    return html.Span(
        [mark, shown, html.Span(words, className="place")], className=f"signal signal-{row.state.name.lower()}"
    )


def _range(row: SignalRow) -> str:
    if not (math.isfinite(row.usual_low) and math.isfinite(row.usual_high)):
        return text.UNKNOWN
    return f"{text.small(row.usual_low, '', 2)} to {text.small(row.usual_high, row.unit, 2)}"


def _bound(limit: float, unit: str) -> str:
    return text.small(limit, unit) if math.isfinite(limit) else text.UNKNOWN


def similar_list(similar: Sequence[Similar]) -> Component:
    """Assets of the same kind, each with a button that shows it: the page's script hears the one with data-asset."""
    if not similar:
        return html.P("No other asset is like this one.", className="quiet-line")
    return html.Ul([_similar(one) for one in similar], className="similar-list")


def _similar(one: Similar) -> Component:
    chance = text.small(100 * one.probability_365_days, "%", 2)
    return html.Li(
        [
            html.Button(one.name, className="link-button", **{"data-asset": one.code}),
            html.Span(one.why, className="quiet"),
            html.Span(f"{chance} in 365 d"),
        ]
    )
