"""Dialog that brings in another case: a built-in one, one by its code, or a file."""

import base64
import binascii
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from app.map.context import PageServices
from app.web.ids import Id
from grid.errors import CaseError

EXTENSIONS = ".json,.m,.mat"


def dialog(services: PageServices) -> Component:
    """The dialog; it opens with the header's button."""
    name = dmc.Select(
        id=Id.CASE_NAME, label="Built-in case", data=list(services.cases.names()), searchable=True, clearable=True
    )
    spec = dmc.TextInput(
        id=Id.CASE_SPEC,
        label="or a code",
        description="simbench:CODE, for example simbench:1-MV-urban--0-sw; synthetic:NODES:GENERATORS[:SEED]",
    )
    upload = dcc.Upload(
        html.Div(
            ["Drop a network file here or choose one", html.Br(), html.Small("pandapower JSON, MATPOWER .m or .mat")]
        ),
        id=Id.CASE_UPLOAD,
        className="upload",
        accept=EXTENSIONS,
        max_size=-1,
    )
    result = dcc.Loading(html.Div(id=Id.CASE_RESULT, role="status"), type="dot")
    load = dmc.Button("Load", id=Id.CASE_LOAD)
    return dmc.Modal(
        dmc.Stack([name, spec, load, dmc.Divider(label="or a file"), upload, result], gap="sm"),
        id=Id.CASE_DIALOG,
        title="Load another case",
        closeButtonProps={"aria-label": "Close"},
        size="md",
    )


def outcome(message: str, failed: bool) -> Component:
    """What came of it, in full."""
    if failed:
        return dmc.Alert(message, title="Not loaded; the present case goes on", color="red", variant="light")
    return dmc.Alert(message, color="accent", variant="light")


def decoded(contents: str) -> bytes:
    """The bytes of an upload, which arrives as a data URL. ValueError where it isn't one."""
    try:
        return base64.b64decode(contents.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise ValueError("the upload didn't arrive whole; try again") from error


def register(app: dash.Dash, services: PageServices) -> None:
    """Opening the dialog and loading."""
    _register_dialog(app)

    @app.callback(
        Output(Id.CASE_RESULT, "children"),
        Output(Id.CASE_UPLOAD, "contents"),
        Input(Id.CASE_LOAD, "n_clicks"),
        Input(Id.CASE_UPLOAD, "contents"),
        State(Id.CASE_UPLOAD, "filename"),
        State(Id.CASE_NAME, "value"),
        State(Id.CASE_SPEC, "value"),
        running=[(Output(Id.CASE_LOAD, "loading"), True, False)],
        prevent_initial_call=True,
    )
    def load(
        _clicks: int, contents: str | None, file_name: str | None, name: str | None, spec: str | None
    ) -> tuple[Any, ...]:
        try:
            if ctx.triggered_id == Id.CASE_UPLOAD:
                if contents is None:
                    return no_update, no_update
                case = services.cases.load_upload(file_name or "upload", decoded(contents))
            else:
                wanted = (spec or "").strip() or name
                if not wanted:
                    return outcome("Choose a case or type a code first.", failed=True), no_update
                case = services.cases.load(wanted)
        except (CaseError, ValueError) as error:
            return outcome(str(error), failed=True), None
        return outcome(f"{case.network.title} is loaded.", failed=False), None


def _register_dialog(app: dash.Dash) -> None:
    @app.callback(
        Output(Id.CASE_DIALOG, "opened"),
        Output(Id.CASE_RESULT, "children", allow_duplicate=True),
        Input(Id.CASE_OPEN, "n_clicks"),
        prevent_initial_call=True,
    )
    def open_dialog(_clicks: int) -> tuple[bool, None]:
        return True, None

    app.clientside_callback(
        ClientsideFunction("smartgrid", "nameUpload"), Input(Id.CASE_DIALOG, "opened"), State(Id.CASE_UPLOAD, "id")
    )
