"""Today's losses and energy beside earlier days, and beside what the optimiser's plans would have had."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from components.common import text
from components.optimisation.tables import table

COLUMNS = ("Today beside", "Hours", "Losses then", "Today", "Change", "Then, of generation", "Today, of generation")


@dataclass(frozen=True)
class Beside:
    """Today's hours beside the same hours of another day: losses in kWh and percent of generation; hours may be 0."""

    name: str
    hours: int
    today_kwh: float
    then_kwh: float
    today_percent: float
    then_percent: float
    missing: str  # what is said where there is nothing to compare with


@dataclass(frozen=True)
class Saved:
    """Today's losses in the hours that had a plan, and what the plans would have lost, kWh; an estimate."""

    hours: int
    loss_kwh: float
    plan_kwh: float


def beside_table(rows: Sequence[Beside]) -> Component:
    """Each earlier day with the change; what isn't known says what it needs."""
    if not rows:
        return html.P("Nothing has been recorded yet.", className="quiet-line")
    return table(COLUMNS, [_cells(row) for row in rows], "Today's losses beside those of earlier days")


def _cells(row: Beside) -> tuple[str, ...]:
    if not row.hours:
        return row.name, row.missing, *(text.UNKNOWN,) * (len(COLUMNS) - 2)
    ratio = row.today_kwh / row.then_kwh - 1 if row.then_kwh > 0 else math.nan
    signed = text.percent(ratio)
    return (
        row.name,
        f"{row.hours}",
        energy(row.then_kwh),
        energy(row.today_kwh),
        signed if ratio <= 0 or signed == text.UNKNOWN else f"+{signed}",
        text.number(row.then_percent, 2, "%"),
        text.number(row.today_percent, 2, "%"),
    )


def saved_words(saved: Saved | None) -> str:
    """What the optimiser's plans would have had, as an estimate."""
    if saved is None or not saved.hours:
        return "The optimiser's plans: not yet known, no hour of today had a plan."
    hours = text.count(saved.hours, "hour")
    difference = saved.loss_kwh - saved.plan_kwh
    share = text.percent(difference / saved.loss_kwh if saved.loss_kwh > 0 else None)
    outcome = f"{energy(difference)} ({share}) less" if difference >= 0 else f"{energy(-difference)} more"
    return (
        f"With the optimiser's plans in force, {energy(saved.plan_kwh)} instead of {energy(saved.loss_kwh)} would have "
        f"been lost in the {hours} of today that had one: {outcome} (an estimate)."
    )


def energy(kwh: float) -> str:
    """An amount of energy in the unit that suits its size."""
    return text.small(kwh / 1000, "MWh") if abs(kwh) >= 1_000 else text.small(kwh, "kWh")
