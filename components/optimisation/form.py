"""The list of locked switches, each with the button that unlocks it."""

from collections.abc import Callable, Sequence

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component


def locked_list(
    locked: Sequence[tuple[int, str]],
    unlock_id: Callable[[int], dict[str, str | int]],
    tagged: Sequence[tuple[str, str]] = (),
) -> Component:
    """Locked switches as (branch, name). tagged: name and reason of what do-not-operate tags lock; these are taken off
    where they hang."""
    if not locked and not tagged:
        return html.P("No switch is locked. Tap a line on a map to lock it.", className="quiet-line")
    tags = [
        html.Li(html.Span(["■ ", name, html.Span(f" tagged: {reason}", className="note")])) for name, reason in tagged
    ]
    return html.Ul([*(_row(branch, name, unlock_id) for branch, name in locked), *tags], className="locked-list")


def _row(branch: int, name: str, unlock_id: Callable[[int], dict[str, str | int]]) -> html.Li:
    unlock = dmc.Button(
        "Unlock", id=unlock_id(branch), size="compact-xs", variant="default", **{"aria-label": f"Unlock {name}"}
    )
    return html.Li([html.Span(["■ ", name]), unlock])
