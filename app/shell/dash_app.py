"""One Dash app with the frame and all pages, on the given Flask server."""

from base64 import b64encode
from hashlib import sha256

import dash
from flask import Flask

from app.map.context import PageServices
from app.map.network_view import NetworkViews
from app.shell import controls_simulation as simulation
from app.shell import dialog_case as cases
from app.shell import dialog_events as events
from app.shell import frame as shell
from app.shell import poll
from app.shell.pages import PAGES
from app.web.callbacks import Pages
from app.web.services import Services
from components.common.theme import css_variables

TITLE = "Smart Grid Operations System"
FRAME = (poll, shell, simulation, cases, events)
# Mantine keeps the chosen look under this key; it is applied before anything is drawn, so that nothing flashes.
FIRST_LOOK = """
(() => {
  const chosen = localStorage.getItem("mantine-color-scheme-value") || "auto";
  const dark = chosen === "dark" || (chosen === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
"""
INDEX = f"""<!DOCTYPE html>
<html lang="en">
  <head>
    {{%metas%}}
    <title>{{%title%}}</title>
    {{%favicon%}}
    <style>{css_variables()}</style>
    <script>{FIRST_LOOK}</script>
    {{%css%}}
  </head>
  <body>
    {{%app_entry%}}
    <footer>{{%config%}}{{%scripts%}}{{%renderer%}}</footer>
  </body>
</html>"""


def build(server: Flask, services: Services) -> dash.Dash:
    """Make the Dash app on a server; it answers on /."""
    app = Pages(
        "smartgrid.pages",
        server=server,
        title=TITLE,
        update_title="",
        serve_locally=True,
        index_string=INDEX,
        assets_folder=str(shell.ASSETS),
        suppress_callback_exceptions=True,  # pages come and go in the shell
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    page_services = PageServices(**vars(services), views=NetworkViews())
    app.layout = lambda: shell.layout(page_services)
    registers = [part.register for part in FRAME]
    for register in (*registers, *(register for page in PAGES for register in page.registers)):
        register(app, page_services)
    return app


def inline_scripts(app: dash.Dash) -> list[str]:
    """Hashes of the page's own scripts, as Content-Security-Policy has them; call it when all callbacks are there."""
    first = b64encode(sha256(FIRST_LOOK.encode()).digest()).decode()
    return [f"'sha256-{first}'", *app.csp_hashes()]
