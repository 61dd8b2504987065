"""The endpoint that gives the present state as a file: pandapower JSON or a MATPOWER case."""

import re
from enum import StrEnum

import numpy as np
from flask import Blueprint, Response, request

from app.engine.board import Snapshot
from app.map.view_quality import because_words
from app.web.query import choice
from app.web.services import Services
from grid.files.export.matpower import matpower_text
from grid.files.export.pandapower_net import pandapower_text
from grid.files.export.present import PresentGrid


class ExportFormat(StrEnum):
    """What the state may be written as."""

    PANDAPOWER = "pandapower"
    MATPOWER = "matpower"


WRITERS = {ExportFormat.PANDAPOWER: pandapower_text, ExportFormat.MATPOWER: matpower_text}
MIMETYPE = {ExportFormat.PANDAPOWER: "application/json", ExportFormat.MATPOWER: "text/plain"}
SUFFIX = {ExportFormat.PANDAPOWER: "json", ExportFormat.MATPOWER: "m"}


def register_export(api: Blueprint, services: Services) -> None:
    """GET of the present state as a file to download."""

    @api.get("/api/case/export")
    def export() -> Response:
        kind = ExportFormat(choice(request.args, "format", tuple(ExportFormat)))
        snapshot = services.boards.latest.snapshot
        headers = {
            "Content-Disposition": f'attachment; filename="{file_name(snapshot, kind)}"',
            "Cache-Control": "no-store",
        }
        return Response(WRITERS[kind](present_of(snapshot)), mimetype=MIMETYPE[kind], headers=headers)


def file_name(snapshot: Snapshot, kind: ExportFormat) -> str:
    """Case and time of the data, and whether the state is an earlier one; letters that file systems take."""
    case = re.sub(r"[^A-Za-z0-9.-]+", "_", snapshot.case.network.name).strip("_.")
    stale = "-stale" if snapshot.solved.stale else ""
    return f"{case or 'case'}-{snapshot.simulated_at:%Y-%m-%dT%H-%M}{stale}.{SUFFIX[kind]}"


def present_of(snapshot: Snapshot) -> PresentGrid:
    """What a snapshot shows. Customers and priorities are those that a file or a person gives, not derived ones."""
    case, solved = snapshot.case, snapshot.solved
    doubt = ""
    if solved.stale:
        doubt = f"This isn't the present state but the last that could be solved: {because_words(snapshot)}"
    return PresentGrid(
        network=case.network,
        injection=solved.injection,
        closed=solved.state.closed,
        state=solved.state,
        customers=np.where(case.customers.derived, np.nan, case.customers.count),
        priority=case.priorities.of_load if case.priorities.differ else None,
        at=snapshot.simulated_at,
        doubt=doubt,
        report=case.report,
    )
