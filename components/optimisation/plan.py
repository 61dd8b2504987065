"""A plan as an operator reads it: what it does, what it brings, whether it is verified, and its steps in order."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dash import html
from dash.development.base_component import Component

from components.common import text

NAMES_SHOWN = 4
ADVICE_ONLY = "Advice only: this source takes no orders."
CLOSE_MARK, OPEN_MARK = "●", "○"  # a closed contact and an open one, as on the map


class Tone(StrEnum):
    """What kind of answer there is; a class in the style sheet, a word in front of the sentence."""

    PLAN = "plan"
    BEST = "best"
    DARK = "dark"
    CONFLICT = "conflict"
    WAITING = "waiting"
    RUNNING = "running"
    STALE = "stale"


TONES = {
    Tone.PLAN: "Proposed",
    Tone.BEST: "Nothing to do",
    Tone.DARK: "Without supply",
    Tone.CONFLICT: "No plan: limits conflict",
    Tone.WAITING: "No proposal",
    Tone.RUNNING: "Being applied",
    Tone.STALE: "No plan: stale",
}


class StepState(StrEnum):
    """How far a switching step is."""

    DONE = "done"
    PENDING = "pending"
    PLANNED = "planned"


STATE_MARKS = {StepState.DONE: "✓ done", StepState.PENDING: "… waiting", StepState.PLANNED: ""}


@dataclass(frozen=True)
class Step:
    """One switching action and the state that it leads to; NaN where unknown. crew: from 0 on, None where remote."""

    close: bool
    name: str
    loss_kw: float
    min_vm_pu: float
    max_loading_percent: float
    state: StepState = StepState.PLANNED
    minute: float = math.nan
    crew: int | None = None


@dataclass(frozen=True)
class Saving:
    """What a plan brings: losses in kW and percent of the present ones, a year's energy and money, and risk."""

    loss_kw: float
    loss_percent: float
    mwh_per_year: float
    money_per_year: float
    interrupted_before_kw: float
    interrupted_after_kw: float


@dataclass(frozen=True)
class Headline:
    """The answer in short. checks: what was verified, with a mark for kept or not. note: what hinders, if anything.

    title: what the answer comes to, of a plan its purpose; steps: what the plan does. emergency: which emergency limits
    it uses.
    """

    tone: Tone
    title: str
    saving: Saving | None = None
    checks: tuple[tuple[bool, str], ...] = ()
    note: str = ""
    steps: str = ""
    emergency: str = ""


def sentence(actions: Sequence[tuple[bool, str]], set_points: int = 0) -> str:
    """What is done, e.g. 'Close Hill Tie, open Central North Line'; actions as (close, name) in their order."""
    words = [f"{'close' if close else 'open'} {name}" for close, name in actions[:NAMES_SHOWN]]
    if len(actions) > NAMES_SHOWN:
        words.append(text.count(len(actions) - NAMES_SHOWN, "more step"))
    if set_points:
        words.append(f"set {text.count(set_points, 'generator')}")
    whole = ", ".join(words)
    return whole[:1].upper() + whole[1:]


def headline(shown: Headline) -> list[Component]:
    """Title, savings and checks."""
    parts: list[Component] = [
        html.Div(
            [html.Span(TONES[shown.tone], className=f"tone tone-{shown.tone}"), html.H2(shown.title)],
            className="plan-title",
        )
    ]
    if shown.steps:
        parts.append(html.P(shown.steps, className="plan-summary"))
    if shown.emergency:
        parts.append(html.P(shown.emergency, className="plan-note check-missed"))
    if shown.saving is not None:
        parts.append(_saving(shown.saving))
    if shown.note:
        parts.append(html.P(shown.note, className="plan-note"))
    if shown.checks:
        parts.append(html.Div([_check(kept, words) for kept, words in shown.checks], className="plan-checks"))
    return parts


def _check(kept: bool, words: str) -> html.Span:
    mark = html.Span("✓ " if kept else "▲ ", **{"aria-hidden": "true"})
    return html.Span([mark, words], className="check" if kept else "check check-missed")


def _saving(saving: Saving) -> html.Dl:
    before, after = saving.interrupted_before_kw, saving.interrupted_after_kw
    risk = f"{text.small(before)} → {text.small(after, 'kW/yr')}"
    share = f"{text.number(abs(saving.loss_percent), 1, '%')} {'more' if saving.loss_kw < 0 else 'of'} losses"
    facts = (
        (_verb(saving), text.small(abs(saving.loss_kw), "kW"), share),
        ("Energy", text.rough(abs(saving.mwh_per_year), "MWh"), _yearly(saving)),
        ("Money", text.rough(abs(saving.money_per_year), "EUR"), _yearly(saving)),
        ("Expected interruption", risk, risk_words(before, after)),
    )
    return html.Dl(
        [
            html.Div([html.Dt(label), html.Dd([html.Strong(value), html.Span(note, className="note")])])
            for label, value, note in facts
        ],
        className="plan-saving",
    )


def risk_words(before: float, after: float) -> str:
    """Whether a plan costs anything in risk."""
    shown = text.small(abs(after - before), "kW/yr", 2)
    if shown == text.UNKNOWN:
        return "risk unknown"
    if abs(after - before) < 0.005 * max(abs(before), abs(after)):
        return "risk as before"
    return f"{shown} more risk" if after > before else f"{shown} less risk"


def saving_words(saving: Saving) -> str:
    """The saving in one line; a plan for less risk may cost losses."""
    kw, share = text.small(abs(saving.loss_kw), "kW"), text.number(abs(saving.loss_percent), 1, "%")
    return f"{_verb(saving)} {kw} ({share}), {text.rough(abs(saving.mwh_per_year), 'MWh')} {_yearly(saving)}"


def _verb(saving: Saving) -> str:
    return "Costs" if saving.loss_kw < 0 else "Saves"


def _yearly(saving: Saving) -> str:
    return "more a year" if saving.mwh_per_year < 0 else "a year"


def step_table(steps: Sequence[Step]) -> Component:
    """Steps in the order of switching, each with the state that it leads to."""
    if not steps:
        return html.P("No switching.", className="quiet-line")
    head = html.Thead(html.Tr([html.Th(title, scope="col") for title in STEP_COLUMNS]))
    body = html.Tbody([_step_row(number, step) for number, step in enumerate(steps, start=1)])
    return html.Table([head, body], className="plan-table words-second")


STEP_COLUMNS = ("Step", "Switch", "Minute", "Losses", "Lowest voltage", "Highest loading", "")


def _minute(step: Step) -> Component | str:
    """When the step is done, and which crew goes there, where one has to."""
    shown = text.number(step.minute, 0)
    if step.crew is None or shown == text.UNKNOWN:
        return shown
    return html.Span([shown, html.Span(f"crew {step.crew + 1}", className="place")])


def _step_row(number: int, step: Step) -> html.Tr:
    mark = CLOSE_MARK if step.close else OPEN_MARK
    what = [
        html.Span(mark, className="step-mark", **{"aria-hidden": "true"}),
        html.Strong("Close " if step.close else "Open "),
        step.name,
    ]
    return html.Tr(
        [
            html.Td(number),
            html.Td(what),
            html.Td(_minute(step)),
            html.Td(text.small(step.loss_kw, "kW", 4)),
            html.Td(text.number(step.min_vm_pu, 4, "p.u.")),
            html.Td(text.number(step.max_loading_percent, 1, "%")),
            html.Td(STATE_MARKS[step.state], className="step-state"),
        ],
        className=f"step-{step.state}",
    )
