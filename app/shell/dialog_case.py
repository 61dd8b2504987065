"""Dialog that brings in another case: a built-in one, one by its code, or a file; and exports the present state."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from app.engine.commands import UnknownIdError
from app.engine.jobs import JobKind, JobState, TooManyJobsError
from app.map.context import PageServices
from app.web.callbacks import Clicks, Sent
from app.web.case_work import case_work
from app.web.errors import error_body
from app.web.ids import Id
from grid.errors import CaseError
from grid.files.fileimport import SUFFIXES
from grid.files.findings import EVERYDAY, What
from grid.files.report import counted, plain_report

EXPORT = "/api/case/export"
POLL_MS = 500


class JobAsked(Sent):
    """A case that is being loaded: its job, and what a person called it."""

    id: str
    wanted: str


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
            [
                "Drop a network file here or choose one",
                html.Br(),
                html.Small(
                    "pandapower or power-grid-model .json, MATPOWER .m or .mat, PSS/E .raw, UCTE .uct, CGMES .zip, "
                    "PyPSA .nc or .zip"
                ),
            ]
        ),
        id=Id.CASE_UPLOAD,
        className="upload",
        accept=",".join(SUFFIXES),
        max_size=-1,
    )
    result = html.Div(id=Id.CASE_RESULT, role="status")
    export = [
        html.A(title, href=f"{EXPORT}?format={kind}", download="", className="file-link")
        for title, kind in (("pandapower JSON", "pandapower"), ("MATPOWER .m", "matpower"))
    ]
    job = [dcc.Store(id=Id.CASE_JOB), dcc.Interval(id=Id.CASE_POLL, interval=POLL_MS, disabled=True)]
    load = dmc.Button("Load", id=Id.CASE_LOAD)
    modal = dmc.Modal(
        dmc.Stack(
            [
                name,
                spec,
                load,
                dmc.Divider(label="or a file"),
                upload,
                result,
                dmc.Divider(label="Export the present state"),
                dmc.Group(export),
            ],
            gap="sm",
        ),
        id=Id.CASE_DIALOG,
        title="Load another case",
        closeButtonProps={"aria-label": "Close"},
        size="md",
    )
    return html.Div([modal, *job])


def refused(message: str) -> Component:
    """Why there is no other case, in full."""
    return dmc.Alert(message, title="Not loaded; the present case goes on", color="red", variant="light")


def about(report: Mapping[str, Any], title: str, loaded: bool) -> Component:
    """How the reading of a case ended: what was read, and what is worth telling of it."""
    remarks = [finding["text"] for finding in report["findings"] if What(finding["what"]) not in EVERYDAY]
    words = f"{title}: {counted(report['counts'], report['out_of_service'])}."
    return dmc.Alert(
        [dmc.Text(words, size="sm"), *(dmc.Text(remark, size="sm", mt="xs") for remark in remarks)],
        title=_heading(len(remarks), loaded),
        color="gray",
        variant="light",
    )


def _heading(remarks: int, loaded: bool) -> str:
    told = "nothing to remark" if not remarks else "1 remark" if remarks == 1 else f"{remarks} remarks"
    return f"Loaded, with {told}" if loaded else f"The present case was read with {told}"


def underway(wanted: str, seconds: int) -> Component:
    """That a case is being loaded, and for how long."""
    return dmc.Alert(
        f"{wanted} is being loaded, {seconds} s. The present case goes on, and this dialog may be closed.",
        color="accent",
        variant="light",
    )


def decoded(contents: str) -> bytes:
    """The bytes of an upload, which arrives as a data URL. ValueError where it isn't one."""
    try:
        return base64.b64decode(contents.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise ValueError("the upload didn't arrive whole; try again") from error


def register(app: dash.Dash, services: PageServices) -> None:
    """Opening the dialog, and loading in a job: the dialog follows it and closes when the case is there."""
    _register_dialog(app, services)
    _register_job(app, services)

    @app.callback(
        Output(Id.CASE_RESULT, "children"),
        Output(Id.CASE_UPLOAD, "contents"),
        Output(Id.CASE_JOB, "data"),
        Output(Id.CASE_POLL, "disabled"),
        Output(Id.CASE_LOAD, "loading"),
        Input(Id.CASE_LOAD, "n_clicks"),
        Input(Id.CASE_UPLOAD, "contents"),
        State(Id.CASE_UPLOAD, "filename"),
        State(Id.CASE_NAME, "value"),
        State(Id.CASE_SPEC, "value"),
        prevent_initial_call=True,
    )
    def load(
        _clicks: Clicks, contents: str | None, file_name: str | None, name: str | None, spec: str | None
    ) -> tuple[Any, ...]:
        try:
            if ctx.triggered_id == Id.CASE_UPLOAD:
                if contents is None:
                    return (no_update,) * 5
                wanted = file_name or "upload"
                read = services.cases.uploaded(wanted, decoded(contents))
            else:
                wanted = name or (spec or "").strip()
                if not wanted:
                    return refused("Choose a case or type a code first."), *(no_update,) * 4
                read = services.cases.named(wanted)
            job = services.jobs.start(JobKind.CASE, case_work(services, read))
        except (CaseError, TooManyJobsError, ValueError) as error:
            return refused(str(error)), None, None, True, False
        return underway(wanted, 0), None, {"id": job.id, "wanted": wanted}, False, True


def _register_job(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        Output(Id.CASE_RESULT, "children", allow_duplicate=True),
        Output(Id.CASE_JOB, "data", allow_duplicate=True),
        Output(Id.CASE_POLL, "disabled", allow_duplicate=True),
        Output(Id.CASE_LOAD, "loading", allow_duplicate=True),
        Output(Id.CASE_DIALOG, "opened", allow_duplicate=True),
        Output(Id.CASE_NAME, "value", allow_duplicate=True),
        Output(Id.CASE_SPEC, "value", allow_duplicate=True),
        Input(Id.CASE_POLL, "n_intervals"),
        State(Id.CASE_JOB, "data"),
        prevent_initial_call=True,
    )
    def follow(_polls: int | None, asked: JobAsked | None) -> tuple[Any, ...]:
        over = None, True, False
        if asked is None:
            return no_update, *over, *(no_update,) * 3
        try:
            job = services.jobs.get(asked.id)
        except UnknownIdError:
            return refused("Nothing is known of it any more; load it again."), *over, *(no_update,) * 3
        if not job.ended:
            seconds = max(0.0, (datetime.now(UTC) - job.asked_at).total_seconds())
            return underway(asked.wanted, round(seconds)), *(no_update,) * 6
        if job.state is JobState.DONE:
            result: Any = job.result
            report, title = result["report"], result["title"]
            remarkable = any(What(finding["what"]) not in EVERYDAY for finding in report["findings"])
            return about(report, title, loaded=True), *over, remarkable, None, ""
        words = "It was cancelled." if job.failure is None else str(error_body(job.failure)["error"])
        return refused(words), *over, *(no_update,) * 3


def _register_dialog(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        Output(Id.CASE_DIALOG, "opened"),
        Output(Id.CASE_RESULT, "children", allow_duplicate=True),
        Input(Id.CASE_OPEN, "n_clicks"),
        State(Id.CASE_JOB, "data"),
        prevent_initial_call=True,
    )
    def open_dialog(_clicks: Clicks, job: object) -> tuple[bool, Any]:
        services.cases.prepare()
        if job is not None:
            return True, no_update
        case = services.boards.latest.snapshot.case
        return True, about(plain_report(case.report), case.network.title, loaded=False)

    app.clientside_callback(
        ClientsideFunction("smartgrid", "oneOfTwo"),
        Output(Id.CASE_NAME, "value"),
        Output(Id.CASE_SPEC, "value"),
        Input(Id.CASE_NAME, "value"),
        Input(Id.CASE_SPEC, "value"),
        prevent_initial_call=True,
    )

    app.clientside_callback(
        ClientsideFunction("smartgrid", "nameUpload"), Input(Id.CASE_DIALOG, "opened"), State(Id.CASE_UPLOAD, "id")
    )
