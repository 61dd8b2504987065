"""The model card of the page: from the card that models carry with them to the facts and figures that are shown."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from components.common import text
from components.maintenance.model_card import Metric, ModelFacts, ReliabilityPoint
from ml.maintenance.model.card import ModelCard

FIGURES = {  # of a card: what it is called here, how many digits it is worth, and which value is a good one
    "PR-AUC": ("PR-AUC", 3, ""),
    "Brier skill": ("Brier skill", 3, "0 is worth nothing, 1 perfect"),
    "calibration error": ("Calibration error", 4, "0 is perfect"),
    "recall at capacity": ("Failures found by looking at 5 %", 2, "by chance 0.05"),
    "lead time, days": ("Lead time, days", 0, ""),
    "false alarms per asset-year": ("False alarms per asset and year", 2, ""),
    "type macro-F1": ("Type of failure, macro-F1", 2, "1 is perfect"),
}
RIVALS = {"CNAIM score": "CNAIM", "age only": "age alone", "ceiling: hazard now": "best possible"}


def facts_of(card: ModelCard) -> ModelFacts:
    """What the page shows of a card."""
    return ModelFacts(
        facts=(
            ("Trained", trained_words(card.trained_at)),
            ("Learned from", card.data),
            ("Features", f"{len(card.features)}, physics and condition signals"),
            ("Seed", f"{card.seed}"),
            ("Data, SHA-256", f"{card.data_sha256[:12]}…"),
            ("Made with", ", ".join(f"{name} {version}" for name, version in sorted(card.versions.items()))),
        ),
        metrics=tuple(
            metric
            for days, figures in sorted(card.metrics.items(), key=lambda item: int(item[0]))
            for metric in _metrics(days, figures)
        ),
        reliability={
            days: tuple(
                ReliabilityPoint(row.rows, row.predicted, row.observed.value, row.observed.low, row.observed.high)
                for row in rows
            )
            for days, rows in card.reliability.items()
        },
    )


def trained_words(stamp: str) -> str:
    """An ISO 8601 time as people read it; as it is where it isn't one."""
    try:
        return f"{text.moment(datetime.fromisoformat(stamp))} UTC"
    except ValueError:
        return stamp


def _metrics(days: str, figures: Mapping[str, Any]) -> list[Metric]:
    """A horizon's figures that the card has, each with what to read it against."""
    found = []
    for key, (name, digits, note) in FIGURES.items():
        figure = figures.get(key)
        if isinstance(figure, Mapping):
            value, low, high = (_number(figure.get(part)) for part in ("value", "low", "high"))
            shown = _beside(figures) if key == "PR-AUC" else note
            found.append(Metric(f"{name}, {days} d", value, low, high, shown, digits))
    return found


def _beside(figures: Mapping[str, Any]) -> str:
    """Base rate and the PR-AUC of simpler methods and of who knew everything."""
    base = figures.get("base rate")
    parts = [f"chance {text.number(_number(base.get('value')), 3)}"] if isinstance(base, Mapping) else []
    rivals = figures.get("PR-AUC of rivals")
    if isinstance(rivals, Mapping):
        parts += [f"{name} {text.number(_number(rivals[key]), 3)}" for key, name in RIVALS.items() if key in rivals]
    return ", ".join(parts)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
