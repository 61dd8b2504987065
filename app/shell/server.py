"""Puts the process together: case, engine, API and pages on one Flask server."""

import atexit
import logging

from flask import Flask
from flask_compress import Compress
from threadpoolctl import threadpool_limits

from app.log_limit import RepeatLimit
from app.settings import Settings
from app.shell.api import api_blueprint
from app.shell.dash_app import build as build_pages
from app.shell.dash_app import inline_scripts
from app.shell.endpoints import bodies_taken
from app.web.guard import Guard
from app.web.services import Services
from grid.cases.cases import load_case


def build(settings: Settings) -> Flask:
    """Load the case, start the engine and return the server with everything on it."""
    threadpool_limits(1)  # on small matrices, threads only wait for one another
    lines = logging.StreamHandler()
    lines.addFilter(RepeatLimit())
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=settings.log_level, format=form, handlers=[lines])
    services = Services.around(settings, load_case(settings.case, settings.cache_dir))
    server = Flask("smartgrid")
    server.config["MAX_CONTENT_LENGTH"] = int(4e6 * settings.upload_mb)  # far over: refused before it is read
    server.config["COMPRESS_MIMETYPES"] = [
        "application/json",
        "text/html",
        "text/css",
        "text/javascript",
        "application/javascript",
        "image/svg+xml",
    ]
    guard = Guard(settings, bodies_taken())
    guard.install(server)
    Compress(server)
    server.register_blueprint(api_blueprint(services))
    guard.allow_scripts(inline_scripts(build_pages(server, services)))
    services.start()
    atexit.register(services.stop)
    server.extensions["smartgrid"] = services
    return server
