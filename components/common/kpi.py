"""The cards at the top: what the grid does now, and how that differs from an hour ago.

While load is lost, less losses and a better efficiency are signs of a grid that does less: they aren't compared then.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import dash_mantine_components as dmc
from dash import html

from components.common import text

ComponentId = dict[str, str | int]


@dataclass(frozen=True)
class Totals:
    """The totals that the cards show; NaN where unknown. unsupplied_customers: where it is known who they are."""

    load_mw: float
    generation_mw: float
    renewable_percent: float
    loss_mw: float
    loss_percent: float
    efficiency_percent: float
    average_risk: float
    unsupplied_mw: float
    active_alarms: int
    unsupplied_customers: float = math.nan

    @property
    def load_lost(self) -> bool:
        """Whether anything is without supply that wants it."""
        return self.unsupplied_mw > 0 or self.unsupplied_customers > 0


class CardTone(StrEnum):
    """How a card looks; a class in the style sheet, empty for the calm one."""

    CALM = ""
    ALARM = "kpi-alarm"
    MUTED = "kpi-muted"  # its change is no news, good or bad


@dataclass(frozen=True)
class Kpi:
    """One card: its title, the value with its unit, a second line, and the change against an hour ago, or of when an
    old value is."""

    title: str
    value: str
    detail: str
    change: str
    tone: CardTone = CardTone.CALM


def kpis(now: Totals, earlier: Totals | None, as_of: datetime | None = None) -> tuple[Kpi, ...]:
    """The cards. earlier: the totals a simulated hour ago, None where that isn't known yet. as_of: when they were
    measured, where that isn't the present."""
    not_compared = _not_compared(now, earlier)
    muted = CardTone.MUTED if not_compared or as_of is not None else CardTone.CALM

    def told(change: str) -> str:
        return f"{change} in 1 h" if as_of is None else f"as of {text.clock(as_of)}: stale"

    def change(field: str, digits: int, unit: str) -> str:
        return told(text.change(getattr(now, field), getattr(earlier, field, None), digits, unit))

    def of_supply(field: str, digits: int, unit: str) -> str:
        return not_compared if not_compared and as_of is None else change(field, digits, unit)

    digits = 1 if not now.load_mw < 10 else 3
    loss_digits = 2 if not now.loss_mw < 1 else 4  # 0.0684 MW: a feeder's losses are a matter of kilowatts
    return (
        Kpi(
            "Load",
            text.number(now.load_mw, digits, "MW"),
            "taken by supplied loads",
            change("load_mw", digits, "MW"),
        ),
        _without_supply(now, digits, change("unsupplied_mw", digits, "MW")),
        Kpi(
            "Generation",
            text.number(now.generation_mw, digits, "MW"),
            f"{text.number(now.renewable_percent, 1, '%')} renewable",
            change("generation_mw", digits, "MW"),
        ),
        Kpi(
            "Losses",
            text.number(now.loss_mw, loss_digits, "MW"),
            f"{text.number(now.loss_percent, 2, '%')} of generation",
            of_supply("loss_mw", loss_digits, "MW"),
            muted,
        ),
        Kpi(
            "Efficiency",
            text.number(now.efficiency_percent, 2, "%"),
            "generation less losses",
            of_supply("efficiency_percent", 2, "%"),
            muted,
        ),
        Kpi(
            "Average asset risk",
            text.small(1000 * now.average_risk, "kW/yr"),
            "interruption expected a branch",
            told(_risk_change(now, earlier)),
        ),
        Kpi(
            "Active alarms",
            text.number(now.active_alarms, 0),
            "active or unacknowledged",
            change("active_alarms", 0, ""),
        ),
    )


def _without_supply(now: Totals, digits: int, change: str) -> Kpi:
    """The card of what is dark, in alarm colour with a sign while there is any."""
    if not now.load_lost:
        return Kpi("Without supply", text.number(now.unsupplied_mw, digits, "MW"), "of the load wanted", change)
    wanted_mw = now.load_mw + now.unsupplied_mw
    share = now.unsupplied_mw / wanted_mw if wanted_mw > 0 else math.nan
    who = (
        text.count(round(now.unsupplied_customers), "customer")
        if math.isfinite(now.unsupplied_customers)
        else "customers not known"
    )
    return Kpi(
        "Without supply",
        f"■ {text.small(now.unsupplied_mw, 'MW')}",
        f"{text.percent(share)} of the load, {who}",
        change,
        CardTone.ALARM,
    )


def _not_compared(now: Totals, earlier: Totals | None) -> str:
    """Why losses aren't compared with those of an hour ago; empty where they are."""
    if now.load_lost:
        return "not compared: load is lost"
    if earlier is not None and earlier.load_lost:
        return "not compared: load was lost 1 h ago"
    return ""


def _risk_change(now: Totals, earlier: Totals | None) -> str:
    if earlier is None:
        return text.UNKNOWN
    difference = 1000 * (now.average_risk - earlier.average_risk)
    shown = text.small(difference, "kW/yr", 2)
    return shown if difference < 0 or shown == text.UNKNOWN else f"+{shown}"


TITLES = ("Load", "Without supply", "Generation", "Losses", "Efficiency", "Average asset risk", "Active alarms")


def card_class(tone: CardTone) -> str:
    """The classes of a card of a tone."""
    return f"kpi card {tone}".rstrip()


def kpi_card(
    title: str,
    shown: Kpi | None,
    value_id: ComponentId,
    detail_id: ComponentId,
    change_id: ComponentId,
    card_id: ComponentId,
) -> dmc.Paper:
    """A card as it is now, without values where shown is None; ticks change the parts with ids."""
    value, detail, change = (shown.value, shown.detail, shown.change) if shown else (text.UNKNOWN,) * 3
    return dmc.Paper(
        [
            html.H2(title, className="kpi-title"),
            html.Div(value, id=value_id, className="kpi-value"),
            html.Div(detail, id=detail_id, className="kpi-detail"),
            html.Div(change, id=change_id, className="kpi-change"),
        ],
        id=card_id,
        className=card_class(shown.tone if shown else CardTone.CALM),
    )
