"""The table in which people move jobs: a week for each, and a pin that holds it there."""

from collections.abc import Sequence
from datetime import date

import dash_ag_grid as dag
from dash.development.base_component import Component

from components.common import gridlook
from components.maintenance.gantt import Job, week_words
from components.maintenance.risk_table import ComponentId, Row, rounded

DEFERRED = "deferred"
MOST_DIGITS = 3  # of a week: Python reads no more than 4,300


def week_choices(start: date, weeks: int) -> list[str]:
    """What the week of a job may be set to."""
    return [*(week_words(start, week) for week in range(weeks)), DEFERRED]


def week_of(choice: object, weeks: int) -> int | None:
    """The week of a choice, from 0, None for deferred. ValueError says what would be right."""
    if choice == DEFERRED:
        return None
    number = str(choice).partition(":")[0].strip()
    known = number.isascii() and number.isdecimal() and len(number) <= MOST_DIGITS
    if not (known and 1 <= int(number) <= weeks):
        raise ValueError(f"week: choose one from 1 to {weeks}, or {DEFERRED}")
    return int(number) - 1


def schedule_data(jobs: Sequence[Job], start: date) -> list[Row]:
    """What the grid takes, planned jobs first."""
    return [
        {
            "code": job.code,
            "asset": job.asset,
            "week": DEFERRED if job.week is None else week_words(start, job.week),
            "order": 10_000 if job.week is None else job.week,
            "pinned": job.pinned,
            "skill": job.skill,
            "when": job.when,
            "hours": rounded(job.hours),
            "cost_eur": rounded(job.cost_eur),
            "deferral_eur": rounded(job.deferral_eur),
            "share_percent": None if job.share is None else rounded(100 * job.share),
        }
        for job in sorted(jobs, key=lambda job: (job.week is None, job.week or 0, -job.deferral_eur))
    ]


def schedule_columns(choices: Sequence[str]) -> list[gridlook.JSON]:
    """The columns; week and pin are edited in place."""
    number, words = gridlook.number_column, gridlook.text_column
    return [
        words("asset", "Asset", pinned="left", width=150, tooltipField="asset"),
        words(
            "week",
            "Week",
            width=125,
            editable=True,
            cellEditor="agSelectCellEditor",
            cellEditorParams={"values": list(choices)},
            cellClass="editable-cell",
            singleClickEdit=True,
            comparator={"function": "nodeA.data.order - nodeB.data.order"},
            headerTooltip="Choose another week, or press Enter on it",
        ),
        words("when", "When", width=150, tooltipField="when"),
        {
            "field": "pinned",
            "headerName": "Pinned",
            "width": 84,
            "editable": True,
            "cellDataType": "boolean",
            "filter": False,
            "floatingFilter": False,
            "cellRenderer": "agCheckboxCellRenderer",
            "cellEditor": "agCheckboxCellEditor",
            "headerTooltip": "A pinned job stays when the rest is solved again",
        },
        words("skill", "Crew", width=110),
        number("hours", "Work, h", ",.3~r", width=90),
        number("cost_eur", "Work, EUR", ",.3~r", width=105),
        number("deferral_eur", "Risk if deferred, EUR", ",.3~r", width=125),
        number(
            "share_percent",
            "Planned in draws, %",
            ",.3~r",
            width=125,
            headerTooltip="Share of draws of the failure rates, within their uncertainty, in which the job is planned",
        ),
    ]


def schedule_grid(choices: Sequence[str], name: ComponentId) -> Component:
    """The grid of all jobs, to which its rows come later. choices: of weeks."""
    return dag.AgGrid(
        id=name,
        rowData=[],
        columnDefs=schedule_columns(choices),
        defaultColDef=gridlook.every_column(),
        getRowId="params.data.code",
        dashGridOptions=gridlook.options("There is no schedule yet.", stopEditingWhenCellsLoseFocus=True),
        className="schedule-grid",
        style={"height": None, "width": "100%"},
    )
