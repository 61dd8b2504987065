"""The cards at the top: what the grid does now, and how that differs from an hour ago."""

from dataclasses import dataclass
from datetime import datetime

import dash_mantine_components as dmc
from dash import html

from components.common import text

ComponentId = dict[str, str | int]


@dataclass(frozen=True)
class Totals:
    """The totals that the cards show; NaN where unknown."""

    load_mw: float
    generation_mw: float
    renewable_percent: float
    loss_mw: float
    loss_percent: float
    efficiency_percent: float
    average_risk: float
    unsupplied_mw: float
    active_alarms: int


@dataclass(frozen=True)
class Kpi:
    """One card: its title, the value with its unit, a second line, and the change against an hour ago, or of when an
    old value is."""

    title: str
    value: str
    detail: str
    change: str


def kpis(now: Totals, earlier: Totals | None, as_of: datetime | None = None) -> tuple[Kpi, ...]:
    """The six cards. earlier: the totals a simulated hour ago, None where that isn't known yet. as_of: when they were
    measured, where that isn't the present."""

    def told(change: str) -> str:
        return f"{change} in 1 h" if as_of is None else f"as of {text.clock(as_of)}"

    def change(field: str, digits: int, unit: str) -> str:
        return told(text.change(getattr(now, field), getattr(earlier, field, None), digits, unit))

    unsupplied = f"{text.number(now.unsupplied_mw, 1, 'MW')} without supply"
    digits = 1 if not now.load_mw < 10 else 3
    loss_digits = 2 if not now.loss_mw < 1 else 4  # 0.0684 MW: a feeder's losses are a matter of kilowatts
    return (
        Kpi("Load", text.number(now.load_mw, digits, "MW"), unsupplied, change("load_mw", digits, "MW")),
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
            change("loss_mw", loss_digits, "MW"),
        ),
        Kpi(
            "Efficiency",
            text.number(now.efficiency_percent, 2, "%"),
            "generation less losses",
            change("efficiency_percent", 2, "%"),
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


def _risk_change(now: Totals, earlier: Totals | None) -> str:
    if earlier is None:
        return text.UNKNOWN
    difference = 1000 * (now.average_risk - earlier.average_risk)
    shown = text.small(difference, "kW/yr", 2)
    return shown if difference < 0 or shown == text.UNKNOWN else f"+{shown}"


TITLES = ("Load", "Generation", "Losses", "Efficiency", "Average asset risk", "Active alarms")


def kpi_card(
    title: str, shown: Kpi | None, value_id: ComponentId, detail_id: ComponentId, change_id: ComponentId
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
        className="kpi card",
    )
