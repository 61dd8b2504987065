"""The N-1 list: a line that says what is worst, which opens to the table; each row leads to its branch on the map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from components.common import text

RADIAL_COLUMNS = (
    "Outage of",
    "Loses",
    "Stays dark",
    "Customers",
    "For",
    "Comes back",
    "Not supplied",
    "What stands against it",
)
MESHED_COLUMNS = ("Outage of", "Cut off", "Customers", "For", "Not supplied", "What it breaks")


@dataclass(frozen=True, kw_only=True)
class OutageLine:
    """One outage as shown; NaN where unknown. button: the id that leads to its branch."""

    name: str
    button: Mapping[str, str]
    lost_mw: float
    dark_mw: float
    dark_customers: float
    restored: str
    dark_for: str
    unsupplied_mwh: float
    because: str


@dataclass(frozen=True, kw_only=True)
class OutageTable:
    """The list as shown. more: rows that are left out. harmless: outages that take nothing and break nothing."""

    headline: str
    progress: str
    radial: bool
    lines: Sequence[OutageLine]
    more: int
    harmless: int


def outage_list(shown: OutageTable) -> list[Component]:
    """What stands inside the card: its line, and the table where there are rows."""
    return [_table(shown), _foot(shown)] if shown.lines else [_foot(shown)]


def outage_headline(shown: OutageTable) -> list[Component]:
    """The line that is always seen."""
    return [html.Span(shown.headline), html.Span(shown.progress, className="quiet")]


def _table(shown: OutageTable) -> Component:
    columns = RADIAL_COLUMNS if shown.radial else MESHED_COLUMNS
    head = html.Thead(html.Tr([html.Th(column, scope="col") for column in columns]))
    caption = html.Caption("Single outages, the worst first", className="visually-hidden")
    body = html.Tbody([_row(line, shown.radial) for line in shown.lines])
    return html.Table([caption, head, body], className="plan-table outage-table")


def _row(line: OutageLine, radial: bool) -> html.Tr:
    show = dmc.Button(
        line.name,
        id=dict(line.button),
        size="compact-xs",
        variant="subtle",
        **{"aria-label": f"Show {line.name} on the map"},
    )
    cells = [
        *([text.small(line.lost_mw, "MW")] if radial else []),
        text.small(line.dark_mw, "MW"),
        text.number(line.dark_customers, 0),
        line.dark_for,
        *([line.restored] if radial else []),
        text.small(line.unsupplied_mwh, "MWh"),
        line.because,
    ]
    return html.Tr([html.Th(show, scope="row"), *(html.Td(cell) for cell in cells)])


def _foot(shown: OutageTable) -> Component:
    words = []
    if shown.more:
        words.append(f"{text.count(shown.more, 'more outage')} with less")
    if shown.harmless:
        words.append(f"{shown.harmless:,} that nobody loses supply by and that break no limit")
    return html.P(". ".join(words), className="quiet-line")
