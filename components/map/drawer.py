"""What the drawer tells of one asset, from plain records to components."""

from collections.abc import Sequence
from dataclasses import dataclass

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from components.common import text
from components.common.alarms import AlarmIds, alarm_list
from grid.alarms.cards import AlarmCard

MOST_SHARES = 6
MOST_VIA = 12


@dataclass(frozen=True)
class Fact:
    """One line: what, how much with its unit, and where it comes from if that matters."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Via:
    """A branch on a supply path: its name and the code that shows it."""

    name: str
    code: str


@dataclass(frozen=True)
class SupplyCard:
    """facts and via: the cheapest path. shares: name and fraction of each generator by tracing, largest first."""

    title: str
    facts: tuple[Fact, ...]
    via: tuple[Via, ...]
    shares: tuple[tuple[str, float], ...]
    loss: Fact


@dataclass(frozen=True)
class AssetCard:
    """Everything the drawer shows of a bus or a branch."""

    name: str
    kind: str
    state: str
    live: tuple[Fact, ...]
    limits: tuple[Fact, ...]
    risk: tuple[Fact, ...]
    supply: SupplyCard | None
    alarms: tuple[AlarmCard, ...]
    stale: bool  # all of it is of an earlier state


def tap_range(lowest: float, neutral: float, highest: float) -> str:
    """The positions that a tap changer has."""
    return f"{text.number(lowest, 0)} to {text.number(highest, 0)}, {text.number(neutral, 0)} is neutral"


def drawer_content(card: AssetCard, ids: AlarmIds) -> list[Component]:
    """The sections under the trend; they are drawn again with every tick."""
    sections = [
        _section("Alarms", [alarm_list(card.alarms, ids, card.stale)]),
        _section("Limits", [_facts(card.limits)]),
    ]
    if card.supply is not None:
        sections.append(_supply(card.supply, ids))
    sections.append(_section("Risk", [_facts(card.risk)]))
    return sections


def drawer_head(card: AssetCard) -> list[Component]:
    """Name, kind, state and the live values."""
    return [
        html.Div([html.Span(card.kind), html.Strong(card.state)], className="asset-head"),
        _facts(card.live),
    ]


def _section(title: str, children: list[Component]) -> html.Section:
    return html.Section([html.H3(title), *children], className="asset-section")


def _facts(facts: Sequence[Fact]) -> html.Dl:
    return html.Dl([part for fact in facts for part in (html.Dt(fact.label), _value(fact))], className="facts")


def _value(fact: Fact) -> html.Dd:
    return html.Dd([fact.value, html.Span(fact.note, className="note")] if fact.note else fact.value)


def _supply(supply: SupplyCard, ids: AlarmIds) -> html.Section:
    shown = supply.via[:MOST_VIA]
    more = f" and {len(supply.via) - len(shown)} more" if len(supply.via) > len(shown) else ""
    via = [
        dmc.Button(branch.name, id=ids.show_asset(branch.code, "via"), size="compact-xs", variant="subtle")
        for branch in shown
    ]
    path = [
        html.H4("Best path: resistance and risk"),
        _facts(supply.facts),
        html.Div([html.Span("via", className="note"), *via, more] if via else "at a generator", className="via"),
    ]
    physics = [
        html.H4("What flows: traced shares"),
        _shares(supply.shares),
        _facts((supply.loss,)),
    ]
    return _section(supply.title, [*path, *physics])


def _shares(shares: Sequence[tuple[str, float]]) -> Component:
    if not shares:
        return dmc.Text("Not supplied.", size="sm", c="dimmed")
    rows = list(shares[:MOST_SHARES])
    rest = sum(share for _, share in shares[MOST_SHARES:])
    if rest > 0:
        rows.append((f"{len(shares) - MOST_SHARES} others", rest))
    return html.Dl(
        [part for name, share in rows for part in (html.Dt(name), html.Dd([_bar(share), text.percent(share)]))],
        className="facts shares",
    )


def _bar(share: float) -> html.Span:
    return html.Span(
        html.Span(style={"width": f"{100 * min(share, 1.0):.1f}%"}), className="bar", **{"aria-hidden": "true"}
    )
