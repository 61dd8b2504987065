"""The pages: one Dash app on the given Flask server."""

import dash
from flask import Flask

from app.alarms import page as alarms
from app.analytics import page as analytics
from app.analytics import page_ahead as analyticsahead
from app.analytics import page_forecast as analyticsforecast
from app.analytics import page_losses as analyticslosses
from app.maintenance import page as maintenance
from app.maintenance import page_asset as maintasset
from app.maintenance import page_schedule as maintschedule
from app.map.context import PageServices
from app.map.network_view import NetworkViews
from app.optimisation import page as optimisation
from app.optimisation import page_form as planform
from app.optimisation import page_maps as planmaps
from app.overview import page as overview
from app.overview import page_drawer as drawer
from app.shell import controls_simulation as simulation
from app.shell import dialog_case as cases
from app.shell import dialog_events as events
from app.shell import frame as shell
from app.shell import poll
from app.web.services import Services
from components.common.theme import css_variables

TITLE = "Smart Grid Operations System"
REGISTERS = (
    poll, shell, simulation, cases, events, overview, alarms, drawer, optimisation, planmaps, planform, maintenance,
    maintasset, maintschedule, analytics, analyticsforecast, analyticsahead, analyticslosses,
)  # fmt: skip
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
    app = dash.Dash(
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
    for part in REGISTERS:
        part.register(app, page_services)
    return app
