"""A backtest as text, as JSON, as a table of every forecast, and as one HTML file that needs nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.forecasting.backtest import Backtest, by_source, table_of
from ml.forecasting.model.hours import DAY, WEEK
from ml.forecasting.quality.metrics import MEDIAN, Scores, covered
from ml.forecasting.records import LEVELS
from ml.reporting.charts import Line, Plot, round_end
from ml.reporting.pages import ReportTable, render
from ml.reporting.plain import library_versions, plain

HEADERS = ("forecast", "MAPE", "MAE", "rMAE", "rCRPS", "in the 80 % band", "in the 90 % band", "bias", "hours")


@dataclass(frozen=True, eq=False)
class Assessed:
    """Backtests on the same hours and their scores, by name; main is the model's, rival what rMAE is relative to.

    notes: what was found in the series and how the test was made, in sentences.
    """

    data: str
    target: str
    backtests: dict[str, Backtest]
    scores: dict[str, Scores]
    main: str
    rival: str
    notes: tuple[str, ...]


def document(found: Assessed, made_at: str, seed: int) -> dict[str, Any]:
    """All figures as plain numbers and texts, for JSON."""
    main = found.backtests[found.main]
    times = main.hours.times(main.issues)
    entries = {
        name: {**vars(score), "sources": by_source(found.backtests[name]), "seconds": found.backtests[name].seconds}
        for name, score in found.scores.items()
    }
    return {
        "data": found.data,
        "target": found.target,
        "made_at": made_at,
        "seed": seed,
        "versions": library_versions(),
        "first_issue": times[0].isoformat(),
        "last_issue": times[-1].isoformat(),
        "horizon_hours": main.actual.shape[1],
        "levels": LEVELS.tolist(),
        "r_mae_relative_to": found.rival,
        "model": found.main,
        "forecasts": plain(entries),
        "notes": list(found.notes),
    }


def write(found: Assessed, report: dict[str, Any], out: Path) -> None:
    """Write report.json, report.html and forecasts.csv, the main model's forecasts with their issue times."""
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False)
    (out / "report.json").write_text(text, encoding="utf-8")
    (out / "report.html").write_text(_page(found, report), encoding="utf-8")
    table_of(found.backtests[found.main]).to_csv(out / "forecasts.csv", index=False, float_format="%.6g")


def printed(found: Assessed) -> str:
    """The figures as text."""
    rows = [HEADERS, *_rows(found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADERS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*_facts(found), "", *lines, "", *(f"note: {note}" for note in found.notes)])


def _facts(found: Assessed) -> list[str]:
    main = found.backtests[found.main]
    first, last = main.hours.times(main.issues[[0, -1]])
    made = ", ".join(f"{count} by {name}" for name, count in by_source(main).items())
    return [
        (
            f"{found.data}, {found.target}: {len(main.issues)} forecasts of {main.actual.shape[1]} h, "
            f"issued {first} to {last}"
        ),
        f"rMAE is relative to: {found.rival}; forecasts of '{found.main}': {made}; {main.seconds:.0f} s",
    ]


def _rows(found: Assessed) -> list[tuple[str, ...]]:
    return [
        (
            name,
            "not suited" if score.mape_percent is None else f"{score.mape_percent:.2f} %",
            f"{score.mae:.4g}",
            f"{score.r_mae:.3f}",
            f"{score.r_crps:.4f}",
            f"{score.coverage_80:.1f} %",
            f"{score.coverage_90:.1f} %",
            f"{score.bias:+.3g}",
            f"{score.hours:,}",
        )
        for name, score in found.scores.items()
    ]


def _page(found: Assessed, report: dict[str, Any]) -> str:
    content = {
        "title": f"Forecasts of {found.target}",
        "facts": _facts(found),
        "scores": ReportTable(headers=HEADERS, rows=_rows(found)),
        "plots": [_by_step(found), _reliability(found), *_last_week(found)],
        "notes": found.notes,
        "made_at": report["made_at"],
        "seed": report["seed"],
        "versions": ", ".join(f"{name} {number}" for name, number in report["versions"].items()),
    }
    return render("backtest.html", content)


def _by_step(found: Assessed) -> Plot:
    lines, most = [], 0.0
    for name, colour in ((found.main, "accent"), (found.rival, "second")):
        test = found.backtests[name]
        error = np.abs(test.quantiles[..., MEDIAN] - test.actual)
        known = np.isfinite(error).any(axis=0)
        means = np.nanmean(error[:, known], axis=0)
        steps = (np.flatnonzero(known) + 1).astype(float)
        lines.append(Line(name, steps.tolist(), means.tolist(), colour))
        most = max(most, float(means.max()))
    horizon = found.backtests[found.main].actual.shape[1]
    return Plot("Mean absolute error by hours ahead", "h", "MAE", lines, float(horizon), round_end(max(most, 1e-9)))


def _reliability(found: Assessed) -> Plot:
    test = found.backtests[found.main]
    known = np.isfinite(test.actual)
    below = [float((test.actual[known] <= test.quantiles[known][:, i]).mean()) for i in range(len(LEVELS))]
    line = Line(found.main, LEVELS.tolist(), below, "accent")
    return Plot(
        "Reliability",
        "level",
        "share of values below",
        [line, Line("as it should be", [0, 1], [0, 1], "muted", dashed=True)],
        1,
        1,
    )


def _last_week(found: Assessed) -> list[Plot]:
    """The last week's first days of forecasts, where nothing is negative."""
    test = found.backtests[found.main]
    days = WEEK // DAY
    step = min(DAY, test.actual.shape[1])
    actual, quantiles = test.actual[-days:, :step].ravel(), test.quantiles[-days:, :step].reshape(-1, len(LEVELS))
    known = np.isfinite(actual)
    if not known.any() or min(actual[known].min(), quantiles.min()) < 0:
        return []
    hours = np.arange(len(actual), dtype=float)
    lines = [
        Line("median", hours.tolist(), quantiles[:, MEDIAN].tolist(), "accent"),
        Line("5 and 95 %", hours.tolist(), quantiles[:, 0].tolist(), "muted", dashed=True),
        Line("", hours.tolist(), quantiles[:, -1].tolist(), "muted", dashed=True),
        Line("measured", hours[known].tolist(), actual[known].tolist(), "second"),
    ]
    inside = 100 * covered(actual[known], quantiles[known], (1, 5)).mean()
    title = f"Last {days} days, {inside:.0f} % in the 80 % band"
    most = round_end(max(float(actual[known].max()), float(quantiles.max()), 1e-9))
    return [Plot(title, "h", found.target, lines, float(len(hours)), most)]
