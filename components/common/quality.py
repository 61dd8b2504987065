"""What everything shown is worth, as the header says it: a word with its shape and colour, and a list of problems."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dash import html
from dash.development.base_component import Component

from components.common import text


class Standing(StrEnum):
    """How good it is; a class in the style sheet."""

    FRESH = "fresh"
    DEGRADED = "degraded"
    STALE = "stale"


SHAPES = {Standing.FRESH: "●", Standing.DEGRADED: "▲", Standing.STALE: "■"}  # never colour alone (ISA-101)


@dataclass(frozen=True, kw_only=True)
class ShownProblem:
    """One problem. words: what is wrong, a sentence. detail: what it says itself, may be empty. since: UTC."""

    words: str
    detail: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Worth:
    """A judgement. since: UTC, None while fresh. shown_of: the simulated moment of the state shown."""

    standing: Standing
    since: datetime | None
    shown_of: datetime
    problems: tuple[ShownProblem, ...]


def summary(worth: Worth) -> list[Component | str]:
    """The word with its shape, e.g. `■ Stale since 12:03 UTC`."""
    words = worth.standing.value.capitalize()
    if worth.since is not None:
        words = f"{words} since {worth.since:%H:%M} UTC"
    mark = html.Span(SHAPES[worth.standing], className="quality-mark", **{"aria-hidden": "true"})
    return [mark, html.Span(words)]


def explanation(worth: Worth) -> list[Component]:
    """What the word means for what is on the screen, and each problem: what, in its own words, since when."""
    parts: list[Component] = [html.P(_meaning(worth))]
    if worth.problems:
        parts.append(html.Ul([_row(one) for one in worth.problems], className="quality-list"))
    return parts


def _meaning(worth: Worth) -> str:
    if worth.standing is Standing.STALE:
        shown_of = text.moment(worth.shown_of)
        return f"Everything shown is of {shown_of}, the last good state. Nothing is known of what came after."
    if worth.standing is Standing.DEGRADED:
        return "The grid's state is fresh. What stands beside it is worth less than it could be:"
    return "The grid's state is fresh, and nothing that works beside it reports a problem."


def _row(problem: ShownProblem) -> html.Li:
    since = html.Time(text.wall_clock(problem.since), dateTime=problem.since.isoformat())
    detail = [html.Div(problem.detail, className="quality-detail")] if problem.detail else []
    return html.Li([html.Strong(problem.words), *detail, html.Div(["since ", since], className="quality-since")])


def stale_words(shown_of: datetime, reason: str) -> str:
    """What a page says of its figures while the state is stale."""
    return f"stale: figures are of {text.clock(shown_of)}; {reason}"
