"""Single files of failure models: XGBoost as UBJSON, forests through skops, the rest as plain numbers."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from skops import io as skops

from ml.maintenance.model.calibration import Calibration, Isotonic, Sigmoid
from ml.maintenance.model.columns import Columns
from ml.maintenance.model.ubjson import check_ubjson
from ml.maintenance.records import Member, ModelFileError

FEATURES = "features"
"""Attribute of a booster that holds its columns' names: XGBoost's own field refuses some characters."""
TREE = "sklearn.tree._tree.Tree"
TYPES = frozenset(
    {
        "builtins.dict",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
        "numpy.float64",
        "numpy.int64",
        "numpy.ndarray",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._forest.RandomForestRegressor",
        "sklearn.ensemble._iforest.IsolationForest",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._classes.DecisionTreeRegressor",
        "sklearn.tree._classes.ExtraTreeRegressor",
        TREE,
    }
)
"""All types that a forest's file may name, skops' own trust notwithstanding."""
READINGS = 4  # of a forest's file, before an error of CPython's own is passed on


def write_booster(booster: xgb.Booster, columns: Columns, path: Path) -> None:
    """Write a booster, with the names of its columns in it."""
    booster.set_attr(**{FEATURES: json.dumps(columns.names)})
    booster.save_model(path)


def read_booster(path: Path, content: bytes, columns: Columns) -> xgb.Booster:
    """The booster in a file's content; ModelFileError where it is none, or one of other columns."""
    booster = parse_booster(path, content)
    names = booster.attr(FEATURES)
    if names is None or tuple(json.loads(names)) != columns.names:
        raise ModelFileError(path, f"is a model of other columns: {names}")
    if booster.num_features() != len(columns.names):
        raise ModelFileError(path, f"reads {booster.num_features()} columns, the metadata names {len(columns.names)}")
    return booster


def parse_booster(path: Path, content: bytes) -> xgb.Booster:
    """A booster from JSON or UBJSON; ModelFileError for anything else, a pickle included."""
    if not content.startswith(b"{"):
        raise ModelFileError(path, "is not an XGBoost model in JSON or UBJSON; a pickle is never opened")
    try:
        # XGBoost may end the process over a file that is cut off, so only what is complete gets to it
        if content[1:].lstrip()[:1] == b'"':
            json.loads(content)
        else:
            check_ubjson(content)
    except ValueError as error:
        raise ModelFileError(path, f"is neither JSON nor UBJSON: {error}") from None
    booster = xgb.Booster()
    try:
        booster.load_model(bytearray(content))
    except xgb.core.XGBoostError as error:
        reason = str(error).partition("\n")[0]
        raise ModelFileError(path, f"XGBoost can't read it: {reason}") from None
    return booster


def write_forest(forest: Any, path: Path) -> None:
    """Write a forest of scikit-learn's."""
    path.write_bytes(skops.dumps(forest))


def read_forest(path: Path, content: bytes, kind: str, columns: Columns) -> Any:
    """The forest in a file's content, of the class called kind.

    Raises ModelFileError where it is no skops file, names a type that is not in TYPES, or is of other columns.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            schema = json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, KeyError, ValueError):
        raise ModelFileError(path, "is not a skops file; a pickle is never opened") from None
    foreign = sorted((_types(schema) | set(skops.get_untrusted_types(data=content)) - {TREE}) - TYPES)
    if foreign:
        raise ModelFileError(path, f"names the type {foreign[0]}, which a {kind} doesn't need")
    try:
        forest = _loaded(content)
        fits = type(forest).__name__ == kind and forest.n_features_in_ == len(columns.names)
    except (ValueError, TypeError, KeyError, AttributeError, OSError, zipfile.BadZipFile) as error:
        raise ModelFileError(path, f"skops can't read it: {error}") from None
    if not fits:
        raise ModelFileError(path, f"is another forest than a {kind} of {len(columns.names)} columns")
    return forest


def _loaded(content: bytes) -> Any:
    """What skops reads; where CPython loses count of its syntax trees' depth, it reads again.

    numpy parses the head of every array, and up to Python 3.12 threads that parse at the same moment share the count
    (python/cpython#106905): SystemError, of a few among thousands of parses, whatever the file.
    """
    for _ in range(READINGS - 1):
        with contextlib.suppress(SystemError):
            return skops.loads(content, trusted=[TREE])
    return skops.loads(content, trusted=[TREE])


def _types(node: Any) -> set[str]:
    """Names of all types in a skops schema."""
    if isinstance(node, list):
        return set().union(*map(_types, node))
    if not isinstance(node, dict):
        return set()
    own = {f"{node.get('__module__')}.{node['__class__']}"} if "__class__" in node else set()
    return own.union(*map(_types, node.values()))


def columns_to(columns: Columns) -> list[dict[str, Any]]:
    """Columns as JSON."""
    return [
        {"name": name, "categories": None if known is None else list(known)}
        for name, known in zip(columns.names, columns.categories, strict=True)
    ]


def columns_from(entries: list[dict[str, Any]]) -> Columns:
    """Columns from JSON."""
    categories = (entry["categories"] for entry in entries)
    return Columns(
        tuple(str(entry["name"]) for entry in entries),
        tuple(None if known is None else tuple(map(str, known)) for known in categories),
    )


def calibrations_to(calibrations: Mapping[Member, Calibration]) -> dict[str, dict[str, Any]]:
    """Calibrations as JSON."""
    found: dict[str, dict[str, Any]] = {}
    for member, fitted in calibrations.items():
        if isinstance(fitted, Sigmoid):
            found[member.value] = {"slope": fitted.slope, "intercept": fitted.intercept}
        else:
            found[member.value] = {"raw": fitted.raw.tolist(), "calibrated": fitted.calibrated.tolist()}
    return found


def calibrations_from(entries: Mapping[str, Mapping[str, Any]]) -> dict[Member, Calibration]:
    """Calibrations from JSON."""
    found: dict[Member, Calibration] = {}
    for name, entry in entries.items():
        if "slope" in entry:
            found[Member(name)] = Sigmoid(float(entry["slope"]), float(entry["intercept"]))
        else:
            raw, calibrated = (np.array(entry[key], dtype=float) for key in ("raw", "calibrated"))
            found[Member(name)] = Isotonic(raw, calibrated)
    return found
