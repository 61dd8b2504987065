"""The pages of the dashboard, in the order of the navigation. A new one is a line here and a folder of its own."""

from app.analytics.page import ANALYTICS
from app.maintenance.page import MAINTENANCE
from app.map.page import Page
from app.optimisation.page import OPTIMISATION
from app.overview.page import OVERVIEW

PAGES = (OVERVIEW, OPTIMISATION, MAINTENANCE, ANALYTICS)


def page_at(path: str | None) -> Page:
    """The page of an address; the first one for any other."""
    return next((page for page in PAGES if page.path == path), PAGES[0])


def page_named(name: str) -> Page:
    """The page of a name in a browser's view; the first one for any other."""
    return next((page for page in PAGES if page.name == name), PAGES[0])
