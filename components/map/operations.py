"""Operating by hand in the drawer: its buttons and tags, and what an operation would do, in words."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from components.common import text
from ml.optimisation.plans.plan import Constraint

MOST_LIMITS = 5
MOST_NAMES = 4
QUANTITIES = {
    Constraint.LOW_VOLTAGE: "Voltage",
    Constraint.HIGH_VOLTAGE: "Voltage",
    Constraint.LOADING: "Loading",
    Constraint.GENERATION: "Output",
}


@dataclass(frozen=True, kw_only=True)
class Affected:
    """Load that loses or gets supply: kW, customers, and the names of its buses. derived: customers, from kW."""

    kw: float
    customers: float
    names: tuple[str, ...]
    derived: bool


@dataclass(frozen=True, kw_only=True)
class LimitRow:
    """A limit that gets broken or worse. before: the value now, NaN without supply. derived: not the case's own."""

    constraint: Constraint
    element: str
    value: float
    limit: float
    before: float
    unit: str
    derived: bool


@dataclass(frozen=True, kw_only=True)
class Extremes:
    """Lowest and highest voltage of a state in p.u., and its highest loading in percent, NaN where none is known."""

    min_vm_pu: float
    max_vm_pu: float
    max_loading_percent: float


@dataclass(frozen=True, kw_only=True)
class PreviewCard:
    """What an operation would do. loss_kw, spans: now and then, None where nobody knows. refused: why it can't be done,
    or empty."""

    title: str
    dark: Affected
    restored: Affected
    loss_kw: tuple[float, float] | None
    spans: tuple[Extremes, Extremes] | None
    loop: tuple[str, ...]
    radial_grid: bool
    limits: tuple[LimitRow, ...]
    still_broken: int
    stale: bool
    refused: str


@dataclass(frozen=True, kw_only=True)
class TagRow:
    """A tag as the drawer lists it."""

    id: int
    words: str
    forbids: bool
    reason: str
    person: str
    time: str


@dataclass(frozen=True, kw_only=True)
class OperateCard:
    """What can be operated at an asset. switch: branch, its name and whether closing is offered, None without one.

    last: the last operation by hand, or empty. note: why the last thing asked for wasn't done, or empty.
    """

    switch: tuple[int, str, bool] | None
    tags: tuple[TagRow, ...]
    may_undo: bool
    last: str
    note: str


@dataclass(frozen=True)
class OperateIds:
    """How buttons are named: that switch a branch (branch, whether to close it), that undo, that take a tag off."""

    switch: Callable[[int, bool], dict[str, str | int]]
    undo: Callable[[], dict[str, str | int]]
    untag: Callable[[int], dict[str, str | int]]


def operate_part(card: OperateCard, ids: OperateIds) -> list[Component]:
    """Buttons and tags; they are drawn again with every tick."""
    buttons: list[Component] = []
    if card.switch is not None:
        branch, name, closes = card.switch
        words = f"{'Close' if closes else 'Open'} {name} …"
        buttons.append(dmc.Button(words, id=ids.switch(branch, closes), size="compact-sm", variant="default"))
    undo = dmc.Button("Undo last", id=ids.undo(), size="compact-sm", variant="default", disabled=not card.may_undo)
    parts: list[Component] = [html.Div([*buttons, undo], className="operate-buttons")]
    if card.last:
        parts.append(html.P(card.last, className="note operate-line"))
    if card.note:
        parts.append(html.P(card.note, className="operate-line operate-alarm"))
    if card.tags:
        parts.append(html.Ul([_tag(tag, ids) for tag in card.tags], className="tag-list"))
    return parts


def _tag(tag: TagRow, ids: OperateIds) -> html.Li:
    mark = html.Span("■" if tag.forbids else "□", **{"aria-hidden": "true"})
    remove = dmc.Button(
        "Take off",
        id=ids.untag(tag.id),
        size="compact-xs",
        variant="default",
        flex="none",
        **{"aria-label": f"Take off the tag: {tag.reason}"},
    )
    words = html.Div(
        [
            html.Strong([mark, " ", tag.words]),
            html.Div(tag.reason),
            html.Span(f"{tag.person}, {tag.time}", className="note"),
        ]
    )
    return html.Li([words, remove], className="tag")


def preview_part(card: PreviewCard) -> list[Component]:
    """What an operation would do, the gravest first."""
    lines = [html.H4(card.title)]
    if card.stale:
        lines.append(_line("By the last state that could be solved: what is so now may differ.", alarm=True))
    if card.refused:
        lines.append(_line(card.refused, alarm=True))
    lines.append(_line(_affected("loses supply", card.dark), alarm=card.dark.kw > 0))
    if card.restored.kw > 0:
        lines.append(_line(_affected("gets supply", card.restored)))
    if card.loop:
        words = f"Closes a loop of {len(card.loop)} branches: {_names(card.loop)}."
        extra = " This grid is operated radially." if card.radial_grid else ""
        lines.append(_line(words + extra, alarm=card.radial_grid))
    if card.loss_kw is not None:
        lines += _limits(card)
        lines += [] if card.spans is None else [_spans(*card.spans)]
        lines.append(_losses(card.loss_kw, card.dark.kw > 0))
    return [html.Div(lines, className="preview")]


def _line(words: str, alarm: bool = False) -> html.P:
    return html.P(words, className="operate-line operate-alarm" if alarm else "operate-line")


def _affected(what: str, load: Affected) -> str:
    """Who loses or gets supply."""
    if load.kw <= 0:
        return f"Nobody {what}."
    about = "about " if load.derived else ""
    who = f"{about}{text.count(round(load.customers), 'customer')}"
    return f"{text.small(load.kw, 'kW')} ({who}) {what}: {_names(load.names)}."


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _limits(card: PreviewCard) -> list[Component]:
    still = f" {card.still_broken} that are broken now get no worse." if card.still_broken else ""
    if not card.limits:
        return [_line(f"Breaks no further limit.{still}")]
    rows = [html.Li(_limit(row)) for row in card.limits[:MOST_LIMITS]]
    rest = len(card.limits) - MOST_LIMITS
    if rest > 0:
        rows.append(html.Li(f"and {rest} more"))
    words = f"Breaks {text.count(len(card.limits), 'limit')}, or worse than now:"
    return [
        _line(words, alarm=True),
        html.Ul(rows, className="preview-limits"),
        *([_line(still.strip())] if still else []),
    ]


def _limit(row: LimitRow) -> str:
    digits = 3 if row.unit == "p.u." else 1
    derived = ", derived" if row.derived else ""
    now = f"; now {text.number(row.before, digits)}" if math.isfinite(row.before) else ""
    value = text.number(row.value, digits, row.unit)
    limit = text.number(row.limit, digits)
    return f"{QUANTITIES[row.constraint]} of {row.element}: {value}, limit {limit}{derived}{now}"


def _spans(now: Extremes, then: Extremes) -> html.P:
    """Voltages and loadings, now and then."""
    voltages = [f"{text.number(one.min_vm_pu, 3)} to {text.number(one.max_vm_pu, 3)}" for one in (now, then)]
    loadings = [text.number(one.max_loading_percent, 1) for one in (now, then)]
    return _line(f"Voltages {voltages[0]} → {voltages[1]} p.u.; highest loading {loadings[0]} → {loadings[1]} %.")


def _losses(loss_kw: tuple[float, float], load_is_lost: bool) -> html.P:
    now, then = loss_kw
    sign = "+" if then >= now else "−"
    change = f"{sign}{text.small(abs(then - now), 'kW')}"
    words = f"Losses {text.small(now, significant=4)} → {text.small(then, 'kW', 4)} ({change})"
    why = "; less load is supplied" if load_is_lost else ""
    return html.P(f"{words}{why}.", className="operate-line note" if load_is_lost else "operate-line")
