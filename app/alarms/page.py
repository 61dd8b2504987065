"""The alarm list and its acknowledgement."""

import dash
import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Input, Output, State, dcc, html
from dash.development.base_component import Component

from app.alarms.view import alarm_ids
from app.map.context import PageServices
from app.web.callbacks import Clicked, Sent
from app.web.ids import Id, Many
from components.common.alarms import alarm_list


class AlarmButton(Sent):
    """The id of a button that acknowledges an alarm."""

    alarm: int


def panel(services: PageServices) -> Component:
    """The list; who acknowledges is kept in the browser."""
    operator = dmc.TextInput(
        id=Id.OPERATOR,
        placeholder="Your name",
        size="xs",
        persistence=True,
        persistence_type="local",
        className="operator",
        **{"aria-label": "Your name, for acknowledgements"},
    )
    shown: Component | None = None
    if services.boards.ready:
        snapshot = services.boards.latest.snapshot
        shown = alarm_list(
            snapshot.assessed.alarm_cards,
            alarm_ids(services.views.of(snapshot.case.network), "list"),
            snapshot.solved.stale,
            snapshot.case.standing,
        )
    return dmc.Paper(
        [
            html.Div([html.H2("Alarms"), operator], className="card-head"),
            html.Div(id=Id.ACKNOWLEDGE_RESULT, role="status", className="result"),
            html.Div(
                shown,
                id=Id.ALARM_LIST,
                className="alarm-scroll",
                tabIndex=0,
                role="region",
                **{"aria-label": "Alarm list"},
            ),
            dcc.Store(id=Id.ACKNOWLEDGE_REQUEST),
            dcc.Store(id=Id.ALARMS_SEEN),
        ],
        id=Id.ALARMS,
        className="card alarm-card",
    )


def register(app: dash.Dash, services: PageServices) -> None:
    """From a click on any alarm's button to the engine."""
    app.clientside_callback(
        ClientsideFunction("smartgrid", "clicked"),
        Output(Id.ACKNOWLEDGE_REQUEST, "data"),
        Input({"type": Many.ACKNOWLEDGE, "alarm": ALL, "place": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(Id.ACKNOWLEDGE_RESULT, "children"),
        Output(Id.OPERATOR, "error"),
        Input(Id.ACKNOWLEDGE_REQUEST, "data"),
        State(Id.OPERATOR, "value"),
        prevent_initial_call=True,
    )
    def acknowledge(request: Clicked[AlarmButton], person: str | None) -> tuple[str, str | None]:
        try:
            services.engine.acknowledge(request.id.alarm, person or "")
        except ValueError:
            return "Not acknowledged: type your name first, it goes into the alarm's record.", "Your name is needed"
        except KeyError:
            return "That alarm is no longer active.", None
        return "", None
