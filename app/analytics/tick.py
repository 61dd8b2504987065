"""The analytics page's part of a tick: the key of what there is, and the forecast worker's status.

A report comes about once a simulated hour. A browser fetches the parts of the page when the key is another one.
"""

from app.analytics.view import Looked, looked_on, status_of
from app.map.network_view import NetworkView
from app.map.page import PagePart, PageRequest
from app.map.tick import JSON
from components.maintenance.fleet import status_line


def forecast_tick(request: PageRequest) -> PagePart:
    """The page's part for a browser."""
    now, shown = looked_on(request.board, request.services), request.shown
    return PagePart(keys={"analytics": report_key(now, shown)}, data=lambda: {"analytics": analytics_tick(now, shown)})


def analytics_tick(now: Looked, shown: NetworkView) -> JSON:
    """The part of a tick for the page."""
    return {"key": report_key(now, shown), "status": status_line(status_of(now))}


def report_key(now: Looked, shown: NetworkView) -> str:
    """Changes with the network, with every report of it, and with what forbids reassuring sentences."""
    doubts = now.doubts
    told = (("/stale", doubts.stale), ("/lost", doubts.load_lost), ("/alarms", doubts.alarms))
    return f"{shown.key}/{now.report.version}{''.join(word for word, holds in told if holds)}"
