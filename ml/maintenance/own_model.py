"""A user's own XGBoost model beside ours: given by its file and what its features are called here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb
from scipy.special import expit

from ml.maintenance.model.columns import FloatArray
from ml.maintenance.model.files import parse_booster
from ml.maintenance.records import ModelFileError

PICKLES = (".pkl", ".pickle", ".joblib")
OBJECTIVES = {"binary:logistic": False, "reg:logistic": False, "binary:logitraw": True}
"""What gives a probability, and whether it gives its log-odds instead."""


class OwnModel:
    """A booster of somebody else's, read by the names that our features have. Its calibration is its maker's."""

    def __init__(self, name: str, booster: xgb.Booster, columns: Sequence[str], log_odds: bool) -> None:
        self._name, self._booster, self._columns, self._log_odds = name, booster, tuple(columns), log_odds

    @property
    def name(self) -> str:
        """Name shown beside its figures."""
        return self._name

    def probability(self, frame: pd.DataFrame) -> FloatArray:
        """(n,) probability of failure; NaN stands for what isn't known.

        Raises ValueError naming a column that is missing or isn't numeric. Other columns of the table are left alone.
        """
        missing = [name for name in self._columns if name not in frame]
        if missing:
            raise ValueError(f"{self._name}: the table has no column '{missing[0]}', which the model reads")
        for name in self._columns:
            if not pd.api.types.is_numeric_dtype(frame[name].dtype):
                raise ValueError(f"{self._name}: column '{name}' is of type {frame[name].dtype}, it must be numeric")
        rows = np.ascontiguousarray(frame[list(self._columns)].to_numpy(dtype=np.float32, na_value=np.nan))
        found = self._booster.inplace_predict(rows, iteration_range=self._rounds(), validate_features=False)
        return np.asarray(expit(found) if self._log_odds else found, dtype=float)

    def _rounds(self) -> tuple[int, int]:
        """Rounds up to the best one where training stopped early, else all."""
        best = self._booster.attr("best_iteration")
        return (0, 0) if best is None else (0, int(best) + 1)


def load_maintenance_model(
    path: Path, mapping: Mapping[str, str], features: Sequence[str] | None = None, name: str | None = None
) -> OwnModel:
    """Plug in an XGBoost Booster saved as JSON or UBJSON.

    mapping: from each of the booster's feature names (f0, f1, ... where it has none) to the name that the feature has
    here; features: the names that exist here, if they shall be checked now. name: to show, else the file's.
    Raises ModelFileError(file, reason) for a pickle, a damaged file, a feature that isn't mapped or not known on either
    side, a model that gives no probability of two outcomes, and one with categories, whose codes can't be checked.
    """
    if path.suffix.lower() in PICKLES:
        raise ModelFileError(path, "is a pickle, which could run anything; save the Booster as .json or .ubj")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(path, f"can't be read: {error.strerror}") from None
    booster = parse_booster(path, content)
    booster.set_param({"nthread": 1})
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    if objective not in OBJECTIVES:
        raise ModelFileError(path, f"has the objective {objective}; a probability needs one of {', '.join(OBJECTIVES)}")
    if "c" in (booster.feature_types or ()):
        raise ModelFileError(path, "has features of categories, whose codes can't be checked; train it on numbers")
    own = booster.feature_names or [f"f{i}" for i in range(booster.num_features())]
    _check_mapping(path, own, mapping, features)
    return OwnModel(name or path.stem, booster, [mapping[feature] for feature in own], OBJECTIVES[objective])


def _check_mapping(path: Path, own: Sequence[str], mapping: Mapping[str, str], features: Sequence[str] | None) -> None:
    unmapped = [feature for feature in own if feature not in mapping]
    if unmapped:
        raise ModelFileError(path, f"its feature '{unmapped[0]}' isn't mapped; its features are {', '.join(own)}")
    foreign = [feature for feature in mapping if feature not in own]
    if foreign:
        raise ModelFileError(path, f"'{foreign[0]}' is mapped, but its features are {', '.join(own)}")
    unknown = [] if features is None else [feature for feature in mapping.values() if feature not in features]
    if unknown and features is not None:
        raise ModelFileError(path, f"'{unknown[0]}' is mapped to, but the features here are {', '.join(features)}")
