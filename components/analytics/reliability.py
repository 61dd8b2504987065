"""The reliability of the running time as a card: the indices of IEEE 1366 with their units."""

from dataclasses import dataclass

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component


@dataclass(frozen=True, kw_only=True)
class ReliabilityFigures:
    """What the card shows; caidi_minutes is NaN without a sustained interruption. since, until: in words."""

    since: str
    until: str
    customers: float
    customers_derived: bool
    interrupted_now: float
    saifi: float
    saidi_minutes: float
    caidi_minutes: float
    maifi: float
    ens_mwh: float


def reliability_card(figures: ReliabilityFigures | None) -> Component:
    """The indices as a table; a sentence before the first cycle."""
    if figures is None:
        return html.P("No cycle has run yet.", className="note")
    table = dmc.Table(
        html.Tbody(
            [html.Tr([html.Th(name), html.Td(what), html.Td(value)]) for name, what, value in index_rows(figures)]
        ),
        className="reliability-table",
    )
    return html.Div([table, html.P(span_words(figures), className="note")])


def index_rows(figures: ReliabilityFigures) -> tuple[tuple[str, str, str], ...]:
    """Each index with what it is and its value."""
    caidi = "no interruption" if figures.caidi_minutes != figures.caidi_minutes else _minutes(figures.caidi_minutes)
    return (
        ("SAIDI", "minutes without supply of a mean customer", _minutes(figures.saidi_minutes)),
        ("SAIFI", "sustained interruptions of a mean customer", f"{figures.saifi:.3f}"),
        ("CAIDI", "length of a mean sustained interruption", caidi),
        ("MAIFI", "momentary interruptions of a mean customer, up to 5 min", f"{figures.maifi:.3f}"),
        ("ENS", "energy not supplied", f"{figures.ens_mwh:.2f} MWh"),
        ("Now", "customers without supply", f"{figures.interrupted_now:,.0f} of {figures.customers:,.0f}"),
    )


def span_words(figures: ReliabilityFigures) -> str:
    """Of which time the indices are, and where customers come from."""
    derived = " Customers are derived from kW by class." if figures.customers_derived else ""
    return f"IEEE 1366, simulated time from {figures.since} to {figures.until}.{derived}"


def _minutes(value: float) -> str:
    return f"{value:.1f} min"
