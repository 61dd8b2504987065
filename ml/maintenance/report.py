"""The assessment of a table as JSON, as text, and as one HTML file that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ml.maintenance.assessment import CAPACITY_SHARE, Assessment
from ml.maintenance.crossval import ENSEMBLE, LOGISTIC
from ml.maintenance.forward import ForwardJudgement
from ml.maintenance.lasting import Lasting
from ml.maintenance.model.metrics import Figure, ReliabilityRow
from ml.reporting.charts import Line, Plot, round_end
from ml.reporting.pages import ReportTable, render
from ml.reporting.plain import library_versions, plain
from ml.tables.csv_text import FloatArray

HEADERS = ("model", "PR-AUC", "Brier skill", "calibration error", f"recall at {100 * CAPACITY_SHARE:.0f} % of rows")
CURVE_POINTS = 200


def document(found: Assessment, later: ForwardJudgement | None, trained_at: str, seed: int) -> dict[str, Any]:
    """The whole assessment as plain numbers and texts, for JSON; later: None where no later outcome was given."""
    table = found.table
    return {
        "data": table.name,
        "target": table.target,
        "rows": table.rows,
        "events": int(table.label.sum()),
        "trained_at": trained_at,
        "seed": seed,
        "versions": library_versions(),
        "features": list(found.features.columns),
        "left_out": table.left_out,
        "notes": list(table.notes),
        "split": found.split,
        "rows_tested": len(found.held.label),
        "base_rate": plain(found.base_rate),
        "models": plain([vars(model) for model in found.models]),
        "suspicions": plain([vars(suspicion) for suspicion in found.suspicions]),
        "set_aside": found.set_aside,
        "with_and_without": plain([vars(choice) for choice in found.without]),
        "group": None if found.group is None else plain(vars(found.group)),
        "later": None if later is None else plain({**vars(later), "marks": later.marks}),
        "reliability": plain([{**vars(row), "observed": row.observed} for row in found.reliability]),
    }


def write(found: Assessment, later: ForwardJudgement | None, report: dict[str, Any], out: Path) -> None:
    """Write out/report.json and out/report.html."""
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False)
    (out / "report.json").write_text(text, encoding="utf-8")
    (out / "report.html").write_text(_page(found, later, report), encoding="utf-8")


def printed(found: Assessment, later: ForwardJudgement | None) -> str:
    """The assessment as text, with the table of models; what is told of a later outcome comes first."""
    rows = [HEADERS, *_rows(found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADERS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    warnings = [f"warning: {text}" for text in warned(found)]
    ahead = [] if later is None else told_later(found, later)
    return "\n".join([*facts(found), *ahead, "", *lines, "", *warnings, *told(found)]).rstrip()


def facts(found: Assessment) -> list[str]:
    """What was read and how it was split, in sentences."""
    table = found.table
    first = f"{table.name}: {table.rows:,} rows, {int(table.label.sum()):,} with {table.target}"
    lines = [first, f"split: {found.split}; {len(found.held.label):,} rows tested; intervals are 95 %"]
    lines += [f"note: {note}" for note in table.notes]
    return lines + [f"not read: {name} {why}" for name, why in table.left_out.items()]


def warned(found: Assessment) -> list[str]:
    """Suspicious columns: why, what they are worth, and whether the model reads them."""
    worth = {choice.columns: choice for choice in found.without}
    texts = []
    for suspicion in found.suspicions:
        choice = worth.get((suspicion.column,))
        figures = (
            ""
            if choice is None
            else (f" PR-AUC with it {choice.all_columns}, without it {choice.without}, difference {choice.lost}.")
        )
        use = (
            "The model reads it, as asked."
            if suspicion.column in found.kept
            else ("The model doesn't read it; if it was known before the outcome, name it with --keep.")
        )
        texts.append(f"'{suspicion.column}' may know the outcome: {suspicion.reason}.{figures} {use}")
    texts += [
        f"without all {len(choice.columns)} of them PR-AUC is {choice.without}, with all {choice.all_columns}"
        for choice in found.without
        if len(choice.columns) > 1
    ]
    return texts


def told(found: Assessment) -> list[str]:
    """What else matters: the loss where groups are new."""
    loss = found.group
    if loss is None:
        return ["no column looks like a group of assets (a place, a feeder, a maker); name one with --group"]
    chosen = "chosen because it looks most like a group; another with --group" if loss.automatic else "as asked"
    return [
        (
            f"groups not seen in training ({loss.groups} of '{loss.column}', {chosen}): PR-AUC {loss.unseen}, "
            f"by the usual split {loss.usual}, lost {loss.lost}"
        )
    ]


def told_later(found: Assessment, later: ForwardJudgement) -> list[str]:
    """What the held-out predictions are worth for a later outcome, and which columns are marks of replacement."""
    target, best = found.table.target, later.without_marks or later.model
    measured = (
        f"forward, to {later.target} of {later.name}: {later.rows:,} rows, {later.events:,} with it; "
        f"PR-AUC {best.pr_auc}, base rate {later.base_rate}; Brier skill {best.brier_skill}; "
        f"calibration error {best.calibration_error}; {later.expected:.4f} expected on average"
    )
    marks = f"this is without {_quoted(later.marks)}; with all columns PR-AUC is {later.model.pr_auc}"
    had = (
        f"of {later.had_event.rows:,} rows with {target}, {100 * later.had_event.expected:.1f} % are expected to have "
        f"{later.target}, {100 * later.had_event.observed:.1f} % have it (all columns)"
    )
    updated = (
        f"a tenth of the later outcomes says that they come {later.factor:.2f} times as often; on the others, so "
        f"corrected: Brier skill {later.updated.brier_skill}, calibration error {later.updated.calibration_error}"
    )
    lines = [measured, *([marks] if later.marks else []), had, updated]
    return lines + [_told_effect(effect, target, later.target) for effect in later.effects]


def _told_effect(effect: Lasting, target: str, later: str) -> str:
    words = (
        f"'{effect.column}': of its effect on {target}, {later} shows {effect.without_event} in rows without {target}, "
        f"{effect.with_event} in rows with it"
    )
    return f"{words}: a mark of what was put in the place of those that failed, no cause" if effect.vanished else words


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _rows(found: Assessment) -> list[tuple[str, ...]]:
    rate = ("base rate", str(found.base_rate), "0", "", f"{CAPACITY_SHARE:.3f}")
    rows = [
        (
            model.name.replace("_", " "),
            *map(str, (model.pr_auc, model.brier_skill, model.calibration_error, model.recall)),
        )
        for model in found.models
    ]
    return [rate, *rows]


def _page(found: Assessment, later: ForwardJudgement | None, report: dict[str, Any]) -> str:
    bins = [
        (f"{row.rows:,}", f"{row.predicted:.4f}", f"{row.observed.value:.4f} ({_range(row.observed, 4)})")
        for row in found.reliability
    ]
    content = {
        "title": f"Failure model of {found.table.name}",
        "facts": facts(found),
        "later": [] if later is None else told_later(found, later),
        "warnings": warned(found),
        "models": ReportTable(headers=HEADERS, rows=_rows(found)),
        "told": told(found),
        "plots": [_precision_recall(found), _reliability(found.reliability)],
        "reliability": ReportTable(headers=("rows", "mean probability", "share of events (95 %)"), rows=bins, words=0),
        "features": report["features"],
        "made_at": report["trained_at"],
        "seed": report["seed"],
        "versions": ", ".join(f"{name} {number}" for name, number in report["versions"].items()),
    }
    return render("assessment.html", content)


def _range(figure: Figure, digits: int) -> str:
    return f"{figure.low:.{digits}f} to {figure.high:.{digits}f}"


def _precision_recall(found: Assessment) -> Plot:
    held, rate = found.held, found.base_rate.value
    lines = [
        Line(name, *_curve(held.label, held.probability[name]), colour)
        for name, colour in ((ENSEMBLE, "accent"), (LOGISTIC, "second"))
    ]
    chance = Line(f"base rate {rate:.3f}", [0, 1], [rate, rate], "muted", dashed=True)
    return Plot("Precision over recall", "recall", "precision", [*lines, chance], 1.0, 1.0)


def _curve(label: FloatArray, probability: FloatArray) -> tuple[list[float], list[float]]:
    """Recall and precision at up to 200 thresholds, evenly over recall."""
    order = np.argsort(-probability, kind="stable")
    found = np.cumsum(label[order])
    last = np.flatnonzero(np.append(np.diff(probability[order]) != 0, True))
    last = last[np.unique(np.searchsorted(found[last], np.linspace(1, found[-1], CURVE_POINTS)))]
    return (found[last] / found[-1]).tolist(), (found[last] / (last + 1)).tolist()


def _reliability(rows: Sequence[ReliabilityRow]) -> Plot:
    most = round_end(max(max(row.predicted, row.observed.high) for row in rows))
    ranges = [(row.observed.low, row.observed.high) for row in rows]
    points = Line(ENSEMBLE, [row.predicted for row in rows], [row.observed.value for row in rows], "accent", ranges)
    diagonal = Line("as predicted", [0, most], [0, most], "muted", dashed=True)
    return Plot("Reliability", "mean probability", "share of events (95 %)", [points, diagonal], most, most)
