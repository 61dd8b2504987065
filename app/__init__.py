"""The process: what starts, what ticks, what answers."""

from typing import TYPE_CHECKING

from app.memory import keep_few_arenas
from app.settings import Settings

if TYPE_CHECKING:
    from flask import Flask


def create_app(settings: Settings | None = None) -> "Flask":
    """Start the engine and return the WSGI app, as `python -m app` serves it.

    settings: by default read from SMARTGRID_* variables. Raises CaseError where the case can't be loaded.
    """
    keep_few_arenas()
    from app.shell.server import build  # heavy imports wait until an app is wanted

    return build(settings or Settings())
