"""Pages: what a capability says of its page, once. The shell goes through them and knows none by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import dash
from dash.development.base_component import Component

from app.engine.board import Board
from app.map.context import PageServices
from app.map.network_view import NetworkView
from app.map.tick import JSON, Seen
from app.web.browser_view import View

Register = Callable[[dash.Dash, PageServices], None]


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """What a browser asks of its page, at one moment.

    shown: the present network's view, which all browsers share. seen: the tick that the browser shows. parts: what the
    stores of the page's `Page.seen` hold, by name, from the browser and unchecked; None where the page isn't open.
    """

    services: PageServices
    board: Board
    shown: NetworkView
    view: View
    seen: Seen
    parts: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class PagePart:
    """A page's own part of a tick.

    keys: what a browser's stores should hold; another one there is news. data: makes the fields that the tick has for
    this page, asked for only where there is news. marks: makes what its map marks, in fields of the map's values.
    """

    data: Callable[[], JSON]
    keys: Mapping[str, object] = field(default_factory=dict)
    marks: Callable[[], JSON] = dict


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of the dashboard.

    name: in a browser's view. path: its address. title: in the navigation. layout: the page as it is now. registers:
    its callbacks. tick: its part of a tick. seen: stores by name that say which parts a browser shows; each is there
    only while the page is. has_map: whether ticks bring the map's values.
    """

    name: str
    path: str
    title: str
    layout: Callable[[PageServices], Component]
    registers: tuple[Register, ...]
    tick: Callable[[PageRequest], PagePart]
    seen: Mapping[str, str] = field(default_factory=dict)
    has_map: bool = False
