"""Tables about a plan: before and after, room to the limits, plans with fewer switches, set-points, methods."""

from collections.abc import Sequence
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from components.common import text
from components.optimisation.plan import sentence

Cells = Sequence[Component | str]
UNJUDGED = "Nothing has been judged yet."
STALE = "Not judged: the state is stale."


@dataclass(frozen=True)
class ComparedQuantity:
    """A quantity now and under the plan, after is None without one. where: the asset, now and then, if it matters."""

    label: str
    unit: str
    before: float
    after: float | None
    where: tuple[str, str] = ("", "")
    digits: int | None = None  # None: as many as the size asks for


@dataclass(frozen=True)
class Room:
    """How far the plan stays from a limit; room is negative where it is missed."""

    label: str
    value: float
    limit: float
    room: float
    unit: str
    element: str


@dataclass(frozen=True)
class Limited:
    """The best plan with so many pairs of switches. restored_kw: of load that has no supply without it."""

    pairs: int
    actions: tuple[tuple[bool, str], ...]
    saved_kw: float
    restored_kw: float = 0.0


@dataclass(frozen=True)
class SetPointRow:
    """A generator's change; NaN where it doesn't hold the voltage."""

    name: str
    p_mw_before: float
    p_mw: float
    vm_pu_before: float
    vm_pu: float


@dataclass(frozen=True)
class MethodRow:
    """What one method found; NaN where it found nothing feasible. is_policy: the trained one."""

    name: str
    loss_kw: float
    interrupted_kw: float
    objective_kw: float
    evaluated: int
    time_ms: float
    is_policy: bool


def table(columns: Sequence[str], rows: Sequence[Cells], caption: str, look: str = "plan-table") -> html.Table:
    """A plain table; the first cell of each row names it."""
    parts: list[Component] = [html.Caption(caption, className="visually-hidden")]
    parts.append(html.Thead(html.Tr([html.Th(column, scope="col") for column in columns])))
    body = [html.Tr([html.Th(row[0], scope="row"), *(html.Td(cell) for cell in row[1:])]) for row in rows]
    return html.Table([*parts, html.Tbody(body)], className=look)


def _nothing(words: str) -> Component:
    return html.P(words, className="quiet-line")


def not_judged(why: str = STALE) -> Component:
    """In place of a table that isn't made."""
    return _nothing(why)


def comparison_table(rows: Sequence[ComparedQuantity]) -> Component:
    """Before and after with the change."""
    if not rows:
        return _nothing(UNJUDGED)
    return table(("", "Present", "Proposed", "Change"), [_compared(row) for row in rows], "Present and proposed")


def _compared(row: ComparedQuantity) -> Cells:
    after = row.after
    before = _with_place(_sized(row.before, row), row.where[0])
    if after is None:
        return row.label, before, text.UNKNOWN, text.UNKNOWN
    return row.label, before, _with_place(_sized(after, row), row.where[1]), _signed(after - row.before, row)


def _sized(value: float, row: ComparedQuantity) -> str:
    return text.small(value, row.unit, 4) if row.digits is None else text.number(value, row.digits, row.unit)


def _signed(difference: float, row: ComparedQuantity) -> str:
    shown = text.small(difference, row.unit, 3) if row.digits is None else text.number(difference, row.digits, row.unit)
    return shown if difference <= 0 or shown == text.UNKNOWN else f"+{shown}"


def _with_place(value: str, place: str) -> Component | str:
    return html.Span([value, html.Span(place, className="place")]) if place and value != text.UNKNOWN else value


def room_table(whose: str, rows: Sequence[Room]) -> Component:
    """The constraints with their margins. whose: the state's name."""
    if not rows:
        return _nothing(UNJUDGED)
    return table((whose, "Value", "Limit", "Room"), [_room(row) for row in rows], "Limits and the room to them")


def _room(row: Room) -> Cells:
    kept = not row.room < 0
    words = f"{'✓' if kept else '▲ missed by'} {_limit(abs(row.room), row.unit)}"
    room = html.Span(words, className="check" if kept else "check check-missed")
    return row.label, _with_place(_limit(row.value, row.unit), row.element), _limit(row.limit, row.unit), room


def _limit(value: float, unit: str) -> str:
    digits = {"p.u.": 4, "%": 1}.get(unit)
    return text.small(value, unit) if digits is None else text.number(value, digits, unit)


def limited_table(rows: Sequence[Limited] | None) -> Component:
    """The best plans with at most one, two and three pairs; None where nothing has been judged."""
    if not rows:
        return _nothing(
            UNJUDGED if rows is None else "No switching of one to three pairs is better than the present state."
        )
    restoring = any(row.restored_kw > 0 for row in rows)  # then losses say nothing: what is supplied again has some
    gained = [row.restored_kw if restoring else row.saved_kw for row in rows]
    cells = [
        (text.count(row.pairs, "pair"), sentence(row.actions), text.small(kw, "kW"))
        for row, kw in zip(rows, gained, strict=True)
    ]
    columns = ("Switches", "Steps", "Restores" if restoring else "Saves")
    return table(columns, cells, "Plans with fewer switches", "plan-table words-second")


def set_point_table(rows: Sequence[SetPointRow]) -> Component:
    """The generators that change."""
    columns = ("Generator", "Output now", "Proposed", "Change", "Voltage now", "Proposed")
    cells = [
        (
            row.name,
            text.number(row.p_mw_before, 1, "MW"),
            text.number(row.p_mw, 1, "MW"),
            text.change(row.p_mw, row.p_mw_before, 1, "MW"),
            text.number(row.vm_pu_before, 4, "p.u."),
            text.number(row.vm_pu, 4, "p.u."),
        )
        for row in rows
    ]
    return table(columns, cells, "Set-points of generators")


def methods_table(rows: Sequence[MethodRow]) -> Component:
    """What the chart shows, in numbers, for those who don't see it."""
    if not rows:
        return _nothing("No method has run yet.")
    columns = ("Method", "Losses", "Expected interruption", "Objective", "States tried", "Time")
    cells = [
        (
            html.Strong(row.name) if row.is_policy else row.name,
            text.small(row.loss_kw, "kW", 5) if row.loss_kw == row.loss_kw else "nothing feasible",
            text.small(row.interrupted_kw, "kW/yr"),
            text.small(row.objective_kw, "kW", 5),
            f"{row.evaluated:,}",
            text.small(row.time_ms, "ms"),
        )
        for row in rows
    ]
    return table(columns, cells, "Methods in the present situation")
