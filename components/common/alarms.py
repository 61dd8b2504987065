"""Alarms as people see them: priority by shape and word, state, time, asset, and the button that acknowledges."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from components.common import text
from components.common.alarm_words import alarm_words
from grid.alarms.book import Alarm, AlarmState, Priority

LONGEST_LIST = 50
SHAPES = {Priority.HIGH: "■", Priority.MEDIUM: "▲", Priority.LOW: "●"}
STATES = {
    AlarmState.UNACKNOWLEDGED: "Active, unacknowledged",
    AlarmState.RETURNED_UNACKNOWLEDGED: "Returned, unacknowledged",
    AlarmState.ACKNOWLEDGED: "Active, acknowledged",
    AlarmState.NORMAL: "Normal",
}
OPEN_STATES = (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED_UNACKNOWLEDGED)


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


def banner(alarms: Sequence[Alarm], stale: bool = False) -> Component:
    """Counts of unacknowledged alarms by priority, and the message of the first of the highest. stale: nobody knows
    whether there are others by now."""
    waiting = [alarm for alarm in alarms if alarm.state in OPEN_STATES]
    if not waiting:
        acknowledged = f"{len(alarms)} acknowledged" if alarms else "None active"
        if stale:
            return html.Span([NOT_JUDGED, html.Span(f" · {acknowledged} before", className="quiet")])
        return html.Span(["No unacknowledged alarms", html.Span(f" · {acknowledged}", className="quiet")])
    counts = Counter(alarm.priority for alarm in waiting)
    marks = [
        html.Span([priority_mark(priority, words=False), html.Strong(str(counts[priority]))], className="banner-count")
        for priority in Priority
        if counts[priority]
    ]
    first = min(waiting, key=lambda alarm: tuple(Priority).index(alarm.priority))
    return html.Span([*marks, html.Span(alarm_words(first), className="banner-message")], className="banner-line")


def alarm_list(alarms: Sequence[Alarm], ids: AlarmIds, stale: bool = False) -> Component:
    """The list, in the order given; the longest part of it is shown. stale: as of the banner."""
    if not alarms:
        return dmc.Text(f"{NOT_JUDGED}." if stale else "No active alarms.", c="dimmed", size="sm", py="sm")
    rows: list[Component] = [_row(alarm, ids) for alarm in alarms[:LONGEST_LIST]]
    if len(alarms) > LONGEST_LIST:
        rows.append(html.Li(f"and {len(alarms) - LONGEST_LIST} more", className="alarm-more"))
    return html.Ul(rows, className="alarm-list")


def _row(alarm: Alarm, ids: AlarmIds) -> html.Li:
    who = f" by {alarm.acknowledged_by}" if alarm.acknowledged_by else ""
    head = html.Div(
        [
            priority_mark(alarm.priority),
            html.Span(f"{STATES[alarm.state]}{who}", className="alarm-state"),
            html.Time(text.clock(alarm.raised_at), dateTime=alarm.raised_at.isoformat(), className="alarm-time"),
        ],
        className="alarm-head",
    )
    waits = alarm.state in OPEN_STATES
    return html.Li(
        [head, html.Div(alarm_words(alarm), className="alarm-message"), _actions(alarm, ids, waits)],
        className=f"alarm alarm-{alarm.priority}{' alarm-open' if waits else ''}",
    )


def _actions(alarm: Alarm, ids: AlarmIds, waits: bool) -> html.Div:
    code, actions = ids.asset_code(alarm), []
    if code is not None:
        actions.append(
            dmc.Button(
                "Show",
                id=ids.show_asset(code, f"alarm-{alarm.id}"),
                size="compact-xs",
                variant="subtle",
                **{"aria-label": f"Show {alarm.asset_name}"},
            )
        )
    if waits:
        actions.append(
            dmc.Button(
                "Acknowledge",
                id=ids.acknowledge(alarm.id),
                size="compact-xs",
                variant="default",
                **{"aria-label": f"Acknowledge: {alarm_words(alarm)}"},
            )
        )
    return html.Div(actions, className="alarm-actions")


def fingerprint(alarms: Sequence[Alarm]) -> str:
    """Changes when the list has to be drawn again: with states, and with values by more than some per cent."""
    return format(hash(tuple((alarm.id, alarm.state, alarm.raised_at, f"{alarm.value:.3g}") for alarm in alarms)), "x")
