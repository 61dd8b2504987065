"""The card of failure models: what they read, where they come from, and how good they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ml.maintenance.model.metrics import Figure, ReliabilityRow
from ml.maintenance.model.support import Support
from ml.maintenance.model.usual import UsualSignals
from ml.reporting.plain import library_versions


@dataclass(frozen=True)
class Feature:
    """A column that the models read: dtype "numeric" or "category", unit as text, empty where it has none."""

    name: str
    dtype: str = "numeric"
    unit: str = ""


@dataclass(frozen=True)
class ModelCard:
    """Where models come from and how good they are.

    features in the models' order; trained_at ISO 8601; data: a description; data_sha256 as table_sha256 gives it;
    metrics: nested, of plain numbers, None where there is none; reliability rows for each horizon in days. support:
    where the models have seen assets, usual: what those assets' sensors showed; None for models of a table.
    """

    features: tuple[Feature, ...]
    trained_at: str
    data: str
    data_sha256: str
    seed: int
    versions: dict[str, str] = field(default_factory=library_versions)
    metrics: dict[str, Any] = field(default_factory=dict)
    reliability: dict[int, tuple[ReliabilityRow, ...]] = field(default_factory=dict)
    support: Support | None = None
    usual: UsualSignals | None = None


def table_sha256(frame: pd.DataFrame) -> str:
    """SHA-256 of a table's column names and values, in order, whatever its index."""
    digest = hashlib.sha256(json.dumps([str(name) for name in frame.columns]).encode())
    digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def card_to(card: ModelCard) -> dict[str, Any]:
    """A card as JSON, once plain() has been through it."""
    reliability = {
        str(days): [{**vars(row), "observed": vars(row.observed)} for row in rows]
        for days, rows in card.reliability.items()
    }
    return {
        **vars(card),
        "features": [vars(feature) for feature in card.features],
        "reliability": reliability,
        "support": None if card.support is None else card.support.as_plain(),
        "usual": None if card.usual is None else card.usual.as_plain(),
    }


def card_from(entry: Mapping[str, Any]) -> ModelCard:
    """A card from JSON; KeyError, TypeError or ValueError where an entry is missing or unknown."""
    reliability = {
        int(days): tuple(
            ReliabilityRow(row["rows"], row["predicted"], Figure(**_numbers(row["observed"]))) for row in rows
        )
        for days, rows in entry["reliability"].items()
    }
    features = tuple(Feature(**feature) for feature in entry["features"])
    support = None if entry["support"] is None else Support.from_plain(entry["support"])
    usual = None if entry["usual"] is None else UsualSignals.from_plain(entry["usual"])
    read = {"features": features, "reliability": reliability, "support": support, "usual": usual}
    return ModelCard(**{**entry, **read})


def _numbers(entry: Mapping[str, float | None]) -> dict[str, float]:
    return {name: np.nan if value is None else value for name, value in entry.items()}
