"""The maintenance page's head: what the whole fleet is worth in risk, and where its figures come from."""

from collections.abc import Sequence
from dataclasses import dataclass

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from components.common import text
from ml.maintenance.records import RiskClass

MILLIONS_FROM = 1e6


@dataclass(frozen=True)
class Fleet:
    """Totals of all assets; NaN where unknown.

    by_model: assets whose probability the model gives, all others by CNAIM. unjudged: those without any probability.
    classes: assets of each class. planned and deferred: jobs; deferred_risk_eur: expected within the schedule's
    horizon and after it, of those deferred. planned is None without a schedule. own: what the grid's own failures
    say, empty without a log of them.
    """

    assets: int
    by_model: int
    unjudged: int
    unusual: int
    classes: dict[RiskClass, int]
    failures_per_year: float
    own: str
    risk_eur_per_year: float
    planned: int | None
    weeks: int
    deferred: int
    deferred_risk_eur: float


@dataclass(frozen=True)
class Tile:
    """A figure with its title and what stands under it."""

    title: str
    value: str
    detail: str


@dataclass(frozen=True)
class Status:
    """What the maintenance service is doing. kind: a word for the style sheet; note: what hinders, if anything."""

    kind: str
    words: str
    note: str = ""


def tiles(fleet: Fleet | None) -> tuple[Tile, ...]:
    """The fleet in six figures; dashes before there are any."""
    if fleet is None:
        return tuple(Tile(title, text.UNKNOWN, "not judged yet") for title in TITLES)
    worst, second = fleet.classes.get(RiskClass.VERY_HIGH, 0), fleet.classes.get(RiskClass.HIGH, 0)
    values = (
        (f"{fleet.assets:,}", _sources(fleet)),
        (text.small(fleet.failures_per_year), fleet.own or "in a year, all assets together"),
        (money(fleet.risk_eur_per_year, "EUR/yr"), "expected consequence of failures"),
        (f"{worst:,}", f"{second:,} high, from {1e4:,.0f} EUR/yr"),
        (f"{fleet.unusual:,}", "unlike healthy assets"),
        _schedule(fleet),
    )
    return tuple(Tile(title, *value) for title, value in zip(TITLES, values, strict=True))


TITLES = ("Assets", "Failures expected", "Risk", "Very high risk", "Unusual condition", "Jobs planned")


def _sources(fleet: Fleet) -> str:
    judged = fleet.assets - fleet.unjudged
    words = f"{fleet.by_model:,} by the model, {judged - fleet.by_model:,} by CNAIM"
    return f"{words}, {fleet.unjudged:,} unknown" if fleet.unjudged else words


def _schedule(fleet: Fleet) -> tuple[str, str]:
    if fleet.planned is None:
        return text.UNKNOWN, "no schedule yet"
    risk = money(fleet.deferred_risk_eur, "EUR")
    return f"{fleet.planned:,}", f"in {text.count(fleet.weeks, 'week')}; {fleet.deferred:,} deferred, {risk} at risk"


def money(value: float, unit: str) -> str:
    """An amount that fits a tile: millions from one on."""
    return text.rough(value / 1e6, f"M {unit}") if abs(value) >= MILLIONS_FROM else text.rough(value, unit)


def tile_cards(shown: Sequence[Tile]) -> list[Component]:
    """The tiles as cards."""
    return [
        dmc.Paper(
            [
                html.H2(tile.title, className="kpi-title"),
                html.Div(tile.value, className="kpi-value"),
                html.Div(tile.detail, className="kpi-detail"),
            ],
            className="kpi card",
        )
        for tile in shown
    ]


def status_line(status: Status) -> list[Component]:
    """The status as a mark, a sentence, and what hinders."""
    parts: list[Component] = [
        html.Span(status.words, className=f"maintenance-state maintenance-{status.kind}"),
    ]
    if status.note:
        parts.append(html.Span(["▲ ", status.note], className="maintenance-note"))
    return parts
