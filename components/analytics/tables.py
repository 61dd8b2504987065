"""The analytics page's words and tables: what is ahead in figures, alerts, who generates, and room for more."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from components.analytics.performance import energy
from components.common import text
from components.common.doubts import Doubts, told
from components.maintenance.fleet import Tile
from components.optimisation.tables import table

MOST_ALERTS = 30
MOST_PLANTS, MOST_BUSES = 20, 100
TITLES = (
    "Highest load ahead",
    "Renewable share now",
    "Losses expected",
    "Losses today",
    "To be curtailed",
    "Alerts ahead",
)
NOT_YET = "not yet known"
NO_MARGIN = "Not known: the state has no solution, or nothing can be fed in anywhere."
NO_ALERTS = (
    "Nothing threatens: no asset is likely to be in trouble in the hours ahead",
    "No further trouble is forecast as likely",
)
NO_ALERTS_THEN = "No alert then. What threatens now isn't known: the state is stale."


@dataclass(frozen=True)
class Summary:
    """The page's figures; NaN where unknown. hours: looked ahead, 0 while nothing was; today_hours: whole ones.

    peak_at: when the highest load comes, in words. change_percent: of today's losses against yesterday's.
    """

    hours: int
    peak_mw: float
    peak_at: str
    renewable_percent: float
    expected_mwh: float
    expected_words: str
    today_kwh: float
    today_hours: int
    change_percent: float
    curtailed_mwh: float
    alerts: int
    curtailment_beyond: str = ""  # why it isn't asked in a grid of this size
    not_compared: str = ""  # why today's losses aren't, with those of other days


def tiles(found: Summary | None) -> tuple[Tile, ...]:
    """Six figures; dashes where nothing is known yet."""
    if found is None:
        return tuple(Tile(title, text.UNKNOWN, NOT_YET) for title in TITLES)
    ahead = f"in the next {found.hours} h" if found.hours else "not looked ahead yet"
    share = "of all generation" if math.isfinite(found.renewable_percent) else "not known what generates"
    values = (
        (text.small(found.peak_mw, "MW", 4), f"median, {found.peak_at}" if found.peak_at else ahead),
        (text.number(found.renewable_percent, 1, "%"), share),
        (text.small(found.expected_mwh, "MWh"), found.expected_words or ahead),
        (energy(found.today_kwh), _today(found)),
        (text.small(found.curtailed_mwh, "MWh"), found.curtailment_beyond or f"of renewables, {ahead}"),
        (f"{found.alerts:,}" if found.hours else text.UNKNOWN, ahead),
    )
    return tuple(Tile(title, *value) for title, value in zip(TITLES, values, strict=True))


def _today(found: Summary) -> str:
    if not found.today_hours:
        return "no whole hour of today yet"
    if found.not_compared:
        return f"{text.count(found.today_hours, 'hour')}; not compared: {found.not_compared}"
    if not math.isfinite(found.change_percent):
        return f"{text.count(found.today_hours, 'hour')}; yesterday's aren't recorded"
    change = text.number(found.change_percent, 1, "%")
    return f"{text.count(found.today_hours, 'hour')}; {'+' if found.change_percent > 0 else ''}{change} to yesterday"


def facts(rows: Sequence[tuple[str, str]]) -> Component:
    """Labels with what is known of each."""
    return html.Dl([html.Div([html.Dt(label), html.Dd(words)]) for label, words in rows], className="card-facts")


def alert_list(texts: Sequence[str] | None, doubts: Doubts) -> Component:
    """What is likely to go wrong, the gravest first; None while nobody has looked ahead."""
    if texts is None:
        return html.P("Not looked ahead yet.", className="quiet-line")
    if not texts:
        return html.P(NO_ALERTS_THEN if doubts.stale else f"{told(*NO_ALERTS, doubts)}.", className="quiet-line")
    items = [html.Li([html.Span("▲ ", className="alert-mark"), words]) for words in texts[:MOST_ALERTS]]
    left_out = len(texts) - len(items)
    more = html.P(f"and {left_out:,} more", className="quiet-line") if left_out else None
    return html.Div([html.Ul(items, className="ahead-alerts"), more])


@dataclass(frozen=True)
class Share:
    """What a plant or a kind of energy feeds in now, MW, and percent of all."""

    name: str
    kind: str
    power_mw: float
    percent: float


def share_table(shares: Sequence[Share], what: str) -> Component:
    """The largest first, each with a bar; the smallest of many are added up."""
    shown = sorted((one for one in shares if one.power_mw > 0), key=lambda one: -one.power_mw)
    if not shown:
        return html.P("Nothing is fed in.", className="quiet-line")
    rows = [
        (one.name, one.kind, _power(one.power_mw), bar(one.percent), text.number(one.percent, 1, "%"))
        for one in shown[:MOST_PLANTS]
    ]
    left = shown[MOST_PLANTS:]
    if left:
        power, percent = sum(one.power_mw for one in left), sum(one.percent for one in left)
        rows.append((f"{len(left):,} smaller", "", _power(power), bar(percent), text.number(percent, 1, "%")))
    return table(
        (what, "Kind", "Power", "", "Share"), rows, f"Generation now by {what.lower()}", "plan-table words-second"
    )


def bar(percent: float) -> Component | str:
    """A bar whose length is a share; nothing where it isn't known."""
    if not math.isfinite(percent):
        return ""
    return html.Span(html.Span(style={"width": f"{min(100.0, max(0.0, percent)):.1f}%"}), className="bar")


@dataclass(frozen=True)
class HostingRow:
    """How much more power a bus can take now, MW, and what limits it."""

    bus: str
    margin_mw: float
    limit: str


def hosting_table(rows: Sequence[HostingRow], was_asked: bool, beyond: str = "") -> Component:
    """The buses with the least room first. was_asked: whether the grid has been looked at. beyond: that it is too large
    for that, empty where it isn't."""
    known = sorted((row for row in rows if math.isfinite(row.margin_mw)), key=lambda row: row.margin_mw)
    if not known:
        return html.P(beyond or (NO_MARGIN if was_asked else "Not looked at yet."), className="quiet-line")
    most = max(row.margin_mw for row in known)
    cells = [
        (row.bus, row.limit, bar(100 * row.margin_mw / most if most > 0 else 0.0), _power(row.margin_mw))
        for row in known[:MOST_BUSES]
    ]
    unasked = len(rows) - len(known)
    notes = [
        f"{len(known) - len(cells):,} more have more room" if len(known) > len(cells) else "",
        f"{unasked:,} not asked or without supply" if unasked else "",
    ]
    found = table(("Bus", "Limited by", "", "Room"), cells, "Hosting margin by bus", "plan-table words-second")
    return html.Div([found, html.P("; ".join(filter(None, notes)), className="quiet-line")])


def _power(power_mw: float) -> str:
    return text.small(power_mw, "MW") if power_mw >= 1 else text.small(1000 * power_mw, "kW")


def non_technical_words(hours: int, mwh: float, percent_of_fed_in: float) -> str:
    """What meters miss beyond technical losses, as an estimate of so many hours."""
    if not hours:
        return "Non-technical losses: not yet known, there is no hour in which all meters and states are known."
    words = (
        f"Non-technical losses, an estimate from {text.count(hours, 'hour')} in which everything is known: "
        f"{text.small(mwh, 'MWh')}, {text.number(percent_of_fed_in, 2, '%')} of what was fed in."
    )
    return f"{words} Below zero: less than what the meters are off by." if mwh < 0 else words
