"""What a model of one outcome is worth for a later one, which is what people want to know of it.

Every row is predicted by models fitted to the earlier outcome of other rows; nothing of the later one is known to them.
How often it comes can't be known either: beside stands what a tenth of the later outcomes would tell of that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.maintenance.assessment import Assessment, ModelFigures, model_figures
from ml.maintenance.crossval import ENSEMBLE, ensemble, held_out, split
from ml.maintenance.lasting import Lasting, lasting
from ml.maintenance.model.metrics import Draws, Figure, base_rate
from ml.tables.csv_text import FloatArray
from ml.tables.later_outcome import LaterOutcome

TOLD_SHARE = 0.1
"""Of the rows, whose later outcome tells of the base rate: drawn by chance, and not tested on."""
RATE_SHAPE = 11.0
"""Shape of the gamma prior of the factor by which the rate of events changes, mean 1: 30 % from time to time, ours."""


@dataclass(frozen=True)
class HadEvent:
    """Of rows with the earlier event: how many, what share is expected to have the later one, and what share has."""

    rows: int
    expected: float
    observed: float


@dataclass(frozen=True, eq=False)
class ForwardJudgement:
    """Figures for a later outcome of rows that were held out. without_marks: without columns whose effect vanished for
    those that had the event, None where there are none; the model with the base rate of a tenth: on the other rows."""

    name: str
    target: str
    rows: int
    events: int
    base_rate: Figure
    expected: float
    model: ModelFigures
    without_marks: ModelFigures | None
    factor: float
    updated: ModelFigures
    had_event: HadEvent
    effects: tuple[Lasting, ...]

    @property
    def marks(self) -> tuple[str, ...]:
        """Columns whose effect vanished for those that had the event."""
        return tuple(effect.column for effect in self.effects if effect.vanished)


def forward(found: Assessment, later: LaterOutcome, seed: int, gap: float | None = None) -> ForwardJudgement:
    """Judge an assessment's held-out predictions by a later outcome, with and without marks of replacement.

    Raises ValueError where the split leaves too little, or no column without the marks.
    """
    table = found.table
    known = ~np.isnan(later.label)
    effects = lasting(found.features[known], table.label[known], later.label[known], seed)
    marks = [effect.column for effect in effects if effect.vanished]
    held, without = found.held, None
    if marks:
        fewer = found.features.drop(columns=marks)
        if not len(fewer.columns):
            raise ValueError("all columns are marks of what was done after the event: nothing is left to learn from")
        without = held_out(fewer, table.label, split(table, seed, gap), [ensemble(seed)])
    tested = np.flatnonzero(known[held.rows])
    label, unit = later.label[held.rows[tested]], held.unit[tested]
    draws = Draws.of(unit, np.random.default_rng(seed))
    probability = held.probability[ENSEMBLE][tested]
    best = probability if without is None else without.probability[ENSEMBLE][tested]
    told = np.random.default_rng(seed).random(len(label)) < TOLD_SHARE
    factor = rate_factor(best[told], label[told])
    return ForwardJudgement(
        later.name,
        later.target,
        len(label),
        int(label.sum()),
        base_rate(label, draws),
        float(best.mean()),
        model_figures(ENSEMBLE, label, probability, draws),
        None if without is None else model_figures(ENSEMBLE, label, best, draws),
        factor,
        model_figures(
            ENSEMBLE,
            label[~told],
            at_rate(best[~told], factor),
            Draws.of(unit[~told], np.random.default_rng(seed)),
        ),
        _had_event(table.label[held.rows[tested]] > 0, probability, label),
        effects,
    )


def _had_event(had: NDArray[np.bool_], probability: FloatArray, label: FloatArray) -> HadEvent:
    return HadEvent(int(had.sum()), float(probability[had].mean()), float(label[had].mean()))


def rate_factor(probability: FloatArray, label: FloatArray) -> float:
    """How many times as often events come as (n,) probabilities expect, by (n,) outcomes: gamma-Poisson mean."""
    return float((RATE_SHAPE + label.sum()) / (RATE_SHAPE - np.log1p(-probability).sum()))


def at_rate(probability: FloatArray, factor: float) -> FloatArray:
    """(n,) probabilities where the rate of events, constant within the horizon, is so many times as high."""
    return -np.expm1(factor * np.log1p(-probability))
