"""Controls of simulated time: pause, resume, step and speed."""

import dash
import dash_mantine_components as dmc
from dash import Input, Output, State, html, no_update
from dash.development.base_component import Component

from app.map.context import PageServices
from app.web.callbacks import Clicks
from app.web.ids import Id

SPEEDS = (0.5, 1.0, 5.0, 15.0, 60.0)
PAUSE = "Pause"  # the button says Resume while time stands still, see assets/page.js


def controls(services: PageServices) -> list[Component]:
    """Buttons and the choice of a speed; not to be seen where time isn't simulated: ticks still need their places."""
    offered = not services.boards.ready or services.boards.latest.snapshot.control.offers.clock
    speeds = sorted({*SPEEDS, services.settings.speed_minutes_per_s})
    options = [{"value": f"{speed:g}", "label": f"{speed:g} min/s"} for speed in speeds]
    return [
        html.Div(
            [
                dmc.Button(PAUSE, id=Id.SIMULATION_TOGGLE, variant="default", size="compact-sm", w=74),
                dmc.Button("Step", id=Id.SIMULATION_STEP, variant="default", size="compact-sm"),
                dmc.Select(
                    id=Id.SIMULATION_SPEED,
                    data=options,
                    value=f"{services.settings.speed_minutes_per_s:g}",
                    size="xs",
                    w=98,
                    allowDeselect=False,
                    **{"aria-label": "Simulated minutes a second"},
                ),
            ],
            className="simulation",
            role="group",
            **{"aria-label": "Simulation"},
            style={} if offered else {"display": "none"},
        )
    ]


def register(app: dash.Dash, services: PageServices) -> None:
    """Commands to the engine; the next tick shows their effect."""
    engine = services.engine

    @app.callback(
        Input(Id.SIMULATION_TOGGLE, "n_clicks"), State(Id.SIMULATION_TOGGLE, "children"), prevent_initial_call=True
    )
    def pause_or_resume(_clicks: Clicks, label: str) -> None:
        if label == PAUSE:
            engine.pause()
        else:
            engine.resume()

    @app.callback(Input(Id.SIMULATION_STEP, "n_clicks"), prevent_initial_call=True)
    def step(_clicks: Clicks) -> None:
        engine.step()

    @app.callback(Output(Id.SIMULATION_SPEED, "error"), Input(Id.SIMULATION_SPEED, "value"), prevent_initial_call=True)
    def set_speed(value: str | None) -> object:
        if value is None or (
            services.boards.ready and f"{services.boards.latest.snapshot.control.speed_minutes_per_s:g}" == value
        ):
            return no_update
        try:
            engine.set_speed(float(value))
        except ValueError as error:
            return str(error)
        return None
