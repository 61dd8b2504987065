"""What a table can teach: figures of the models trained on it, beside simpler ones, with suspicions and losses told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.maintenance.crossval import ENSEMBLE, HeldOut, best_single, ensemble, held_out, logistic, split
from ml.maintenance.leakage.detector import suspicious
from ml.maintenance.leakage.groups import named_groups
from ml.maintenance.leakage.suspicion import Suspicion
from ml.maintenance.model.metrics import (
    Draws,
    Figure,
    ReliabilityRow,
    base_rate,
    brier_skill,
    calibration_error,
    pr_auc,
    pr_auc_difference,
    recall_at_capacity,
    reliability,
)
from ml.tables.csv_text import FloatArray
from ml.tables.training_table import TrainingTable

CAPACITY_SHARE = 0.1
"""Share of the rows that could be inspected, for the recall at capacity."""


@dataclass(frozen=True)
class ModelFigures:
    """One model's figures on held-out rows."""

    name: str
    pr_auc: Figure
    brier_skill: Figure
    calibration_error: Figure
    recall: Figure


@dataclass(frozen=True)
class Without:
    """What leaving columns out does: PR-AUC with all columns, without these, and the difference on the same rows."""

    columns: tuple[str, ...]
    all_columns: Figure
    without: Figure
    lost: Figure


@dataclass(frozen=True)
class GroupLoss:
    """PR-AUC for groups not seen in training, and by the usual split of the same rows; automatic: found, not named."""

    column: str
    automatic: bool
    groups: int
    usual: Figure
    unseen: Figure
    lost: Figure


@dataclass(frozen=True, eq=False)
class Assessment:
    """All that is told of a table; figures come from `held`, without the suspicious columns unless kept."""

    table: TrainingTable
    split: str
    base_rate: Figure
    models: tuple[ModelFigures, ...]
    suspicions: tuple[Suspicion, ...]
    without: tuple[Without, ...]
    kept: tuple[str, ...]
    group: GroupLoss | None
    reliability: tuple[ReliabilityRow, ...]
    held: HeldOut

    @property
    def features(self) -> pd.DataFrame:
        """The columns of the model to keep."""
        return self.table.features.drop(columns=self.set_aside)

    @property
    def set_aside(self) -> list[str]:
        """Suspicious columns that the model to keep doesn't read."""
        return [suspicion.column for suspicion in self.suspicions if suspicion.column not in self.kept]


def assess(
    table: TrainingTable, seed: int, gap: float | None = None, group: str | None = None, keep: tuple[str, ...] = ()
) -> Assessment:
    """Split, train, compare and look for leakage.

    group: the name of the column that table.group was read from. keep: columns that are read however suspicious.
    Raises ValueError where the split leaves too little, or nothing is left to learn from.
    """
    found = tuple(suspicious(table.features, table.label, seed))
    aside = [suspicion.column for suspicion in found if suspicion.column not in keep]
    features = table.features.drop(columns=aside)
    if not len(features.columns):
        raise ValueError("all columns seem to know the outcome; name those that don't with --keep")
    made = split(table, seed, gap)
    held = held_out(features, table.label, made, [ensemble(seed), logistic, best_single])
    draws = held.draws(seed)
    return Assessment(
        table,
        made.words,
        base_rate(held.label, draws),
        tuple(model_figures(name, held.label, held.probability[name], draws) for name in held.probability),
        found,
        tuple(_without(table, found, seed, gap)),
        tuple(name for name in keep if name in {suspicion.column for suspicion in found}),
        _group_loss(table, features, held, seed, gap, group),
        reliability(held.label, held.probability[ENSEMBLE], draws),
        held,
    )


def model_figures(name: str, label: FloatArray, probability: FloatArray, draws: Draws) -> ModelFigures:
    """Figures of (n,) probabilities for (n,) outcomes of rows that the model hasn't seen."""
    capacity = max(1, round(CAPACITY_SHARE * len(label)))
    return ModelFigures(
        name,
        pr_auc(label, probability, draws),
        brier_skill(label, probability, draws),
        calibration_error(label, probability, draws),
        recall_at_capacity(label, probability, capacity, draws),
    )


def _without(table: TrainingTable, found: tuple[Suspicion, ...], seed: int, gap: float | None) -> list[Without]:
    """Each suspicious column left out alone, and all of them where there are several."""
    names = [suspicion.column for suspicion in found]
    choices = [[name] for name in names] + ([names] if len(names) > 1 else [])
    if not choices:
        return []
    made = split(table, seed, gap)
    everything = held_out(table.features, table.label, made, [ensemble(seed)])
    draws, told = everything.draws(seed), []
    for columns in choices:
        rest = table.features.drop(columns=columns)
        if not len(rest.columns):
            continue
        fewer = held_out(rest, table.label, made, [ensemble(seed)])
        all_of_them, others = everything.probability[ENSEMBLE], fewer.probability[ENSEMBLE]
        told.append(
            Without(
                tuple(columns),
                pr_auc(everything.label, all_of_them, draws),
                pr_auc(everything.label, others, draws),
                pr_auc_difference(everything.label, all_of_them, others, draws),
            )
        )
    return told


def _group_loss(
    table: TrainingTable, features: pd.DataFrame, usual: HeldOut, seed: int, gap: float | None, named: str | None
) -> GroupLoss | None:
    """None where no group was named and no column looks like one, or where its split leaves too little."""
    automatic = named is None
    candidates = named_groups(features)
    if table.group is not None and named is not None:
        column, group = named, table.group
    elif candidates:
        column = candidates[0]
        group = features[column].astype(str).to_numpy(dtype=str)
    else:
        return None
    try:
        made = split(table, seed, gap, group, column)
    except ValueError:
        if automatic:
            return None
        raise
    unseen = held_out(features, table.label, made, [ensemble(seed)])
    label, one, other, units = _same_rows(usual, unseen)
    draws = Draws.of(units, np.random.default_rng(seed))
    figures = (pr_auc(label, one, draws), pr_auc(label, other, draws), pr_auc_difference(label, one, other, draws))
    return GroupLoss(column, automatic, len(np.unique(group)), *figures)


def _same_rows(usual: HeldOut, unseen: HeldOut) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.generic]]:
    """Label, both predictions and groups of the rows that both splits tested."""
    _, first, second = np.intersect1d(usual.rows, unseen.rows, return_indices=True)
    one, other = usual.probability[ENSEMBLE][first], unseen.probability[ENSEMBLE][second]
    return usual.label[first], one, other, unseen.unit[second]
