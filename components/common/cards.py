"""Parts that cards of all pages are made of."""

from dash import dcc, html
from dash.development.base_component import Component

from components.common.theme import Scheme
from components.common.trends import CONFIG, empty_figure


def graph(name: str, look: str) -> Component:
    """A figure that a callback fills."""
    return dcc.Graph(id=name, figure=empty_figure(Scheme.LIGHT, True, ""), config=CONFIG, className=look)


def scrolled(name: str, label: str, content: object = None) -> Component:
    """A part whose tables scroll inside it where they are too wide."""
    return html.Div(content, id=name, className="plan-scroll", tabIndex=0, role="region", **{"aria-label": label})
