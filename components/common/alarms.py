"""Alarms as people see them: priority by shape and word, state, time, asset, and the button that acknowledges."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from components.common import text
from components.common.alarm_words import (
    alarm_words,
    card_words,
    count_words,
    effects_words,
    prospect_words,
    standing_words,
    waits,
)
from grid.alarms.book import Alarm, AlarmState, Priority
from grid.alarms.cards import AlarmCard, Prospect, ProspectKind, StandingLimit

LONGEST_LIST = 50
SHAPES = {Priority.HIGH: "■", Priority.MEDIUM: "▲", Priority.LOW: "●"}
STATES = {
    AlarmState.UNACKNOWLEDGED: "Active, unacknowledged",
    AlarmState.RETURNED_UNACKNOWLEDGED: "Returned, unacknowledged",
    AlarmState.ACKNOWLEDGED: "Active, acknowledged",
    AlarmState.NORMAL: "Normal",
}


@dataclass(frozen=True)
class AlarmIds:
    """How buttons are named: by alarm id; by the code of an asset and what stands beside the button."""

    acknowledge: Callable[[int], dict[str, str | int]]
    show_asset: Callable[[str, str], dict[str, str]]
    asset_code: Callable[[Alarm], str | None]


def priority_mark(priority: Priority, words: bool = True) -> html.Span:
    """The priority as a shape in its colour, with its name."""
    shape = html.Span(SHAPES[priority], **{"aria-hidden": "true"})
    label = priority.value.capitalize()
    name = html.Span(label) if words else dmc.VisuallyHidden(label)
    return html.Span([shape, " ", name], className=f"priority priority-{priority}")


NOT_JUDGED = "Alarms are not judged while the state is stale"


def banner(cards: Sequence[AlarmCard], stale: bool = False) -> Component:
    """Counts of unacknowledged alarms by priority, and the message of the first of the highest. stale: nobody knows
    whether there are others by now."""
    waiting = [card for card in cards if waits(card)]
    if not waiting:
        acknowledged = f"{len(cards)} acknowledged" if cards else "None active"
        if stale:
            return html.Span([NOT_JUDGED, html.Span(f" · {acknowledged} before", className="quiet")])
        return html.Span(["No unacknowledged alarms", html.Span(f" · {acknowledged}", className="quiet")])
    counts = Counter(card.alarm.priority for card in waiting)
    marks = [
        html.Span([priority_mark(priority, words=False), html.Strong(str(counts[priority]))], className="banner-count")
        for priority in Priority
        if counts[priority]
    ]
    first = min(waiting, key=lambda card: tuple(Priority).index(card.alarm.priority))
    return html.Span([*marks, html.Span(card_words(first), className="banner-message")], className="banner-line")


def alarm_list(
    cards: Sequence[AlarmCard], ids: AlarmIds, stale: bool = False, standing: Sequence[StandingLimit] = ()
) -> Component:
    """The list, in the order given; the longest part of it is shown. stale: as of the banner. standing: what stands in
    the case as published, one note at the end."""
    note = [html.P(standing_words(standing), className="alarm-standing")] if standing else []
    if not cards:
        none = dmc.Text(f"{NOT_JUDGED}." if stale else "No active alarms.", c="dimmed", size="sm", py="sm")
        return html.Div([none, *note]) if note else none
    rows: list[Component] = [_row(card, ids) for card in cards[:LONGEST_LIST]]
    if any(card.consequences for card in cards):
        rows.insert(0, html.Li(f"{count_words(cards)} active", className="alarm-more"))
    if len(cards) > LONGEST_LIST:
        rows.append(html.Li(f"and {len(cards) - LONGEST_LIST} more", className="alarm-more"))
    listed = html.Ul(rows, className="alarm-list")
    return html.Div([listed, *note]) if note else listed


def _row(card: AlarmCard, ids: AlarmIds) -> html.Li:
    alarm, is_open = card.alarm, waits(card)
    told = [_head(alarm), html.Div(card_words(card), className="alarm-message")]
    effects = effects_words(card.effects)
    if effects:
        told.append(html.Div(effects, className="alarm-effects"))
    told.append(html.Div(_if_nothing_is_done(card.prospect), className="alarm-prospect"))
    if card.root is not None:
        told.append(html.Div(f"Consequence of: {alarm_words(card.root)}", className="alarm-effects"))
    if card.consequences:
        told.append(_folded(card, ids))
    told.append(_actions(alarm, ids, is_open, card_words(card)))
    return html.Li(told, className=f"alarm alarm-{alarm.priority}{' alarm-open' if is_open else ''}")


def _if_nothing_is_done(prospect: Prospect) -> str:
    words = prospect_words(prospect)
    return words if prospect.kind is ProspectKind.OVER else f"If nothing is done: {words[0].lower()}{words[1:]}"


def _head(alarm: Alarm) -> html.Div:
    who = f" by {alarm.acknowledged_by}" if alarm.acknowledged_by else ""
    return html.Div(
        [
            priority_mark(alarm.priority),
            html.Span(f"{STATES[alarm.state]}{who}", className="alarm-state"),
            html.Time(text.clock(alarm.raised_at), dateTime=alarm.raised_at.isoformat(), className="alarm-time"),
        ],
        className="alarm-head",
    )


def _folded(card: AlarmCard, ids: AlarmIds) -> html.Details:
    """The consequences, which open on a click; acknowledging the root acknowledges them."""
    shown = card.consequences[:LONGEST_LIST]
    rows: list[Component] = [_consequence(one, ids) for one in shown]
    if len(card.consequences) > LONGEST_LIST:
        rows.append(html.Li(f"and {len(card.consequences) - LONGEST_LIST} more", className="alarm-more"))
    summary = html.Summary(text.count(len(card.consequences), "consequence"))
    return html.Details([summary, html.Ul(rows, className="alarm-consequences")], className="alarm-folded")


def _consequence(card: AlarmCard, ids: AlarmIds) -> html.Li:
    alarm = card.alarm
    told = html.Span([priority_mark(alarm.priority, words=False), " ", alarm_words(alarm)])
    prospect = html.Span(f" {prospect_words(card.prospect)}", className="quiet")
    return html.Li([told, prospect, *_show(alarm, ids)], className="alarm-consequence", title=STATES[alarm.state])


def _show(alarm: Alarm, ids: AlarmIds) -> list[Component]:
    """The button that leads to an alarm's asset, where the map has it."""
    code = ids.asset_code(alarm)
    if code is None:
        return []
    return [
        dmc.Button(
            "Show",
            id=ids.show_asset(code, f"alarm-{alarm.id}"),
            size="compact-xs",
            variant="subtle",
            **{"aria-label": f"Show {alarm.asset_name}"},
        )
    ]


def _actions(alarm: Alarm, ids: AlarmIds, is_open: bool, words: str) -> html.Div:
    actions = _show(alarm, ids)
    if is_open:
        actions.append(
            dmc.Button(
                "Acknowledge",
                id=ids.acknowledge(alarm.id),
                size="compact-xs",
                variant="default",
                **{"aria-label": f"Acknowledge: {words}"},
            )
        )
    return html.Div(actions, className="alarm-actions")


def fingerprint(cards: Sequence[AlarmCard]) -> str:
    """Changes when the list has to be drawn again: with states, and with values by more than some per cent."""
    told = [
        (card.alarm.id, alarm.id, alarm.state, alarm.raised_at, f"{alarm.value:.3g}")
        for card in cards
        for alarm in card.alarms
    ]
    done = [(f"{card.prospect.value:.2g}", card.effects and card.effects.dead_buses) for card in cards]
    return format(hash((tuple(told), tuple(done))), "x")
