"""The endpoint that gives the present state as a file: pandapower JSON or a MATPOWER case."""

import re
from enum import StrEnum

import numpy as np
from flask import Blueprint, Response, request

from app.engine.board import Board, Snapshot
from app.engine.quality import ProblemCause
from app.map.view_quality import because_words, worth_of
from app.web.query import choice
from app.web.services import Services
from grid.files.export.matpower import matlab_name, matpower_text
from grid.files.export.pandapower_net import pandapower_text
from grid.files.export.present import PresentGrid


class ExportFormat(StrEnum):
    """What the state may be written as."""

    PANDAPOWER = "pandapower"
    MATPOWER = "matpower"


WRITERS = {ExportFormat.PANDAPOWER: pandapower_text, ExportFormat.MATPOWER: matpower_text}
MIMETYPE = {ExportFormat.PANDAPOWER: "application/json", ExportFormat.MATPOWER: "text/plain"}
LONGEST_CASE = 40  # letters; MATLAB takes 63 in all
SUFFIX = {ExportFormat.PANDAPOWER: "json", ExportFormat.MATPOWER: "m"}


def register_export(api: Blueprint, services: Services) -> None:
    """GET of the present state as a file to download."""

    @api.get("/api/case/export")
    def export() -> Response:
        kind = ExportFormat(choice(request.args, "format", tuple(ExportFormat)))
        board = services.boards.latest
        headers = {
            "Content-Disposition": f'attachment; filename="{file_name(board.snapshot, kind)}"',
            "Cache-Control": "no-store",
        }
        return Response(WRITERS[kind](present_of(board)), mimetype=MIMETYPE[kind], headers=headers)


def file_name(snapshot: Snapshot, kind: ExportFormat) -> str:
    """Case and time of the data, and whether the state is an earlier one, as file systems and MATLAB take them."""
    case = re.sub(r"[^A-Za-z0-9]+", "_", snapshot.case.network.name).strip("_")[:LONGEST_CASE]
    stale = "_stale" if snapshot.solved.stale else ""
    return f"{matlab_name(f'{case}_{snapshot.simulated_at:%Y%m%dT%H%M}{stale}')}.{SUFFIX[kind]}"


def present_of(board: Board) -> PresentGrid:
    """What a board shows. Customers and priorities are those that a file or a person gives, not derived ones."""
    snapshot = board.snapshot
    case, solved = snapshot.case, snapshot.solved
    return PresentGrid(
        network=case.network,
        injection=solved.injection,
        closed=solved.state.closed,
        state=solved.state,
        customers=np.where(case.customers.derived, np.nan, case.customers.count),
        priority=case.priorities.of_load if case.priorities.differ else None,
        at=snapshot.simulated_at,
        doubt=_doubt_words(board),
        report=case.report,
    )


def _doubt_words(board: Board) -> str:
    """Why the state isn't quite the present one; empty where it is."""
    if board.snapshot.solved.stale:
        return f"This isn't the present state but the last that could be solved: {because_words(board.snapshot)}"
    told = zip(board.quality.problems, worth_of(board).problems, strict=True)
    missing = [shown for problem, shown in told if problem.cause is ProblemCause.SENSORS_MISSING]
    return " ".join(f"{shown.words.rstrip('.')}: {shown.detail}" for shown in missing)
