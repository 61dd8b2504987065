"""The ranked table of all assets: how likely each fails, why, what that costs, and where the figure comes from."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import dash_ag_grid as dag
from dash.development.base_component import Component

from components.common import gridlook
from components.common.text import UNKNOWN
from ml.maintenance.records import RiskClass

ComponentId = str | dict[str, str | int]
Row = dict[str, object]


class RateSource(StrEnum):
    """Where a probability comes from."""

    MODEL = "model"
    CNAIM = "CNAIM"


class Novelty(StrEnum):
    """Whether the residuals are unlike those of healthy assets."""

    USUAL = "usual"
    UNUSUAL = "▲ unusual"
    UNKNOWN = UNKNOWN


@dataclass(frozen=True)
class RiskRow:
    """One asset. Probabilities of a failure from 0 to 1 within so many days; NaN where unknown.

    code: its name in addresses and ids. cause: the likeliest type of failure. reason: why the source isn't the model,
    empty where it is. week: of its next job, empty without one. risk_class: None where the risk is unknown.
    """

    code: str
    asset: str
    kind: str
    probability_30_days: float
    probability_90_days: float
    probability_365_days: float
    cause: str
    consequence_eur: float
    interrupted_kw: float
    risk_eur_per_year: float
    novelty: Novelty
    source: RateSource
    reason: str
    week: str
    risk_class: RiskClass | None


def row_data(rows: Sequence[RiskRow]) -> list[Row]:
    """What the grid takes: probabilities in %, four significant digits, None where unknown."""
    return [_row(row) for row in rows]


def _row(row: RiskRow) -> Row:
    found: Row = asdict(row)
    for days in (30, 90, 365):
        found[f"probability_{days}_days"] = rounded(100 * getattr(row, f"probability_{days}_days"))
    for name in ("consequence_eur", "interrupted_kw", "risk_eur_per_year"):
        found[name] = rounded(getattr(row, name))
    shown = row.risk_class
    return found | {"risk_class": UNKNOWN if shown is None else shown.value, "cause": row.cause or UNKNOWN}


def rounded(value: float) -> float | None:
    """Four significant digits; None where unknown."""
    return float(f"{value:.4g}") if math.isfinite(value) else None


def columns() -> list[gridlook.JSON]:
    """The columns, riskiest assets first; units stand in the titles, so that exported files have them too."""
    number, words = gridlook.number_column, gridlook.text_column
    marks = {f"class-{name.value.lower().replace(' ', '-')}": f"params.value == '{name.value}'" for name in RiskClass}
    return [
        words("asset", "Asset", pinned="left", width=165, tooltipField="asset"),
        words("kind", "Kind", width=108),
        words("risk_class", "Class", width=114, cellClassRules=marks),
        number("risk_eur_per_year", "Risk, EUR/yr", ",.3~r", width=104, sort="desc"),
        number("probability_30_days", "Fails in 30 d, %", ",.2~r", width=88),
        number("probability_90_days", "Fails in 90 d, %", ",.2~r", width=88),
        number("probability_365_days", "Fails in 365 d, %", ",.2~r", width=92),
        words("cause", "Likely cause", width=185, tooltipField="cause"),
        number(
            "consequence_eur", "Consequence, EUR", ",.3~r", width=118, headerTooltip="By the loads of the last week"
        ),
        number("interrupted_kw", "Interrupts now, kW", ",.3~r", width=102),
        words("novelty", "Condition", width=102, headerTooltip="Compared with healthy assets"),
        words(
            "source",
            "Source",
            width=84,
            cellClassRules={"source-fallback": f"params.value == '{RateSource.CNAIM}'"},
        ),
        words("reason", "Why not the model", width=200, tooltipField="reason"),
        words("week", "Next job", width=110),
    ]


def risk_table(rows: Sequence[RiskRow], name: ComponentId) -> Component:
    """The grid of all assets."""
    return dag.AgGrid(
        id=name,
        rowData=row_data(rows),
        columnDefs=columns(),
        defaultColDef=gridlook.every_column(),
        getRowId="params.data.code",
        dashGridOptions=gridlook.options("No asset has been judged yet."),
        csvExportParams={
            "fileName": "assets-by-risk.csv",
            "processCellCallback": {"function": "spreadsheetCell(params)"},  # assets/export.js
        },
        className="risk-grid",
        style={"height": None, "width": "100%"},
    )
