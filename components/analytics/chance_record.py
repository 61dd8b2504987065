"""Chances of overload that were said against what came, as a card: in words, and bin by bin."""

import math

from dash import html
from dash.development.base_component import Component

from components.common import text
from components.optimisation.tables import table
from ml.forecasting.records import CORRECTED_FROM_DAYS, CORRECTED_FROM_OVERLOADS, ChanceLead, ChanceRecord

LEARNING = "Nothing is compared while the forecasts that chances rest on are being learned."
NOTHING_YET = "Not known yet how true chances are: no hour is over of which a chance was said."


def chance_record(record: ChanceRecord | None) -> Component:
    """What is known of chances: sentences, and a table of the bins that have cases."""
    if record is None or not record.hours:
        return html.P(LEARNING if record is None else NOTHING_YET, className="quiet-line")
    rows = [
        (f"{_percent(one.low)} to {_percent(one.high)}", f"{one.cases:,}", _percent(one.said), _percent(one.came))
        for one in record.bins
        if one.cases
    ]
    heads = ("Chance", "Cases", "Mean said", "Came")
    sentences = [html.P(words, className="quiet-line") for words in record_words(record)]
    return html.Div([*sentences, table(heads, rows, "Chances of overload against what came")])


def record_words(record: ChanceRecord) -> tuple[str, ...]:
    """On how many hours it rests, the skill, and what is done about it; it is said what isn't known yet."""
    rests = f"Rests on {text.count(record.hours, 'hour')} of {text.count(record.days, 'day')}"
    return (
        f"{rests}; a case is one branch in one hour of one look ahead.",
        _skill_words(record),
        _recalibration_words(record.leads),
    )


def _skill_words(record: ChanceRecord) -> str:
    if not record.scored:
        return "Brier skill not known yet: it needs a week to know how often each hour of the day is overloaded."
    if not math.isfinite(record.skill):
        return "Brier skill not known yet: nothing has been overloaded, nor was before."
    words = f"Brier skill over the frequency by hour of the day: {text.number(record.skill, 2)}"
    return f"{words}, of {text.count(record.scored, 'case')}; above 0 is better than that frequency."


def _recalibration_words(leads: tuple[ChanceLead, ...]) -> str:
    known = [one for one in leads if one.is_known]
    if not known:
        needs = f"{CORRECTED_FROM_DAYS} days and {CORRECTED_FROM_OVERLOADS} overloads, expected and come"
        return f"Chances are said as the scenarios give them: to correct them by what came takes {needs}."
    found = [
        f"{one.first} to {one.last} h ahead times {text.number(one.slope, 2)}, {_signed(one.shift)}" for one in known
    ]
    return f"Chances are corrected by what came, in log-odds: {'; '.join(found)}."


def _signed(value: float) -> str:
    number = text.number(value, 2)
    return number if number.startswith(text.MINUS) else f"+{number}"


def _percent(share: float) -> str:
    return text.small(100 * share, "%", 2)
