"""Failure models in a folder: written whole or not at all, and read without running anything that is in the files.

metadata.json holds the schema, the calibrations, the model card and the SHA-256 of every other file and of itself;
XGBoost is UBJSON, forests are skops files whose types must all be on a list. Nothing is ever unpickled. The hashes tell
damage, not malice: who can write the folder can write a valid model.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.maintenance.model.card import Feature, ModelCard, card_from, card_to, table_sha256
from ml.maintenance.model.causes import CAUSES
from ml.maintenance.model.competing import COLUMNS, CompetingRates
from ml.maintenance.model.files import (
    calibrations_from,
    calibrations_to,
    columns_from,
    columns_to,
    read_booster,
    read_forest,
    write_booster,
    write_forest,
)
from ml.maintenance.model.model import FailureEnsemble, NoveltyDetector
from ml.maintenance.model.rates import RateModel
from ml.maintenance.records import ModelFileError
from ml.reporting.plain import library_versions, plain

__all__ = ["Feature", "ModelBundle", "ModelCard", "ModelFileError", "library_versions", "load", "save", "table_sha256"]

VERSION = 4
"""Of the folder's layout; another one is refused."""
METADATA, NOVELTY = "metadata.json", "novelty.skops"


@dataclass(frozen=True, eq=False)
class ModelBundle:
    """Models that belong together: horizons by days, of any table; rates by days, of a fleet; novelty; their card."""

    horizons: dict[int, FailureEnsemble]
    rates: dict[int, RateModel]
    novelty: NoveltyDetector | None
    card: ModelCard


def save(bundle: ModelBundle, folder: Path) -> None:
    """Write models to a folder; what was there is replaced once the new files are complete.

    Raises ValueError where a horizon's columns are not the card's features.
    """
    asked = [feature.name for feature in bundle.card.features]
    columns = {days: model.columns_ for days, model in bundle.horizons.items()}
    columns |= {days: model.columns_ for days, model in bundle.rates.items()}
    for days, known in columns.items():
        if sorted(known.names) != sorted(asked):
            raise ValueError(f"horizon {days} days: its columns are not the card's features")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    try:
        _write(bundle, part)
        part.chmod(0o755)  # mkdtemp's are for one user only
        older = _older(folder)
        if folder.exists():
            shutil.rmtree(older, ignore_errors=True)
            folder.replace(older)
        part.replace(folder)
        shutil.rmtree(older, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def put_aside(folder: Path) -> Path:
    """Rename a folder or file whose models are refused, so that others can take its place. Raises OSError."""
    for number in range(1, 1000):
        aside = folder.with_name(f"{folder.name}.damaged-{number}")
        if not aside.exists():
            return folder.rename(aside)
    raise FileExistsError(f"{folder}: {number} damaged ones are kept beside it already")


def load(folder: Path, features: Sequence[Feature | str] | None = None) -> ModelBundle:
    """Read models from a folder.

    features: what the caller will give, in any order; names alone, or with dtype and unit where they are Feature.
    Raises ModelFileError(file, reason) where a file is missing, damaged, of other types or another version, or where
    the models' features are not those.
    """
    folder = folder if folder.exists() or not _older(folder).exists() else _older(folder)
    document = _metadata(folder / METADATA)
    try:
        card = card_from(document["card"])
        _check_features(folder / METADATA, card, features)
        contents = _checked_files(folder, document["files"])
        return _bundle(folder, document, contents, card)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(folder / METADATA, f"an entry is missing or of the wrong kind: {error!r}") from None


def _older(folder: Path) -> Path:
    """Where the models that are being replaced are, between two renames."""
    return folder.with_name(f".{folder.name}.older")


def _write(bundle: ModelBundle, folder: Path) -> None:
    horizons = []
    for days, model in sorted(bundle.horizons.items()):
        boosted, forest = f"horizon_{days}.ubj", f"horizon_{days}.skops"
        write_booster(model.booster_, model.columns_, folder / boosted)
        write_forest(model.forest_, folder / forest)
        horizons.append(
            {
                "days": days,
                "booster": boosted,
                "forest": forest,
                "parameters": model.get_params(),
                "columns": columns_to(model.columns_),
                "calibrations": calibrations_to(model.calibrations_),
            }
        )
    document = {
        "horizons": horizons,
        "rates": [_write_rates(days, model, folder) for days, model in sorted(bundle.rates.items())],
        "novelty": _write_novelty(bundle.novelty, folder),
        "card": plain(card_to(bundle.card)),
    }
    document["files"] = {path.name: _sha256(path.read_bytes()) for path in sorted(folder.iterdir())}
    (folder / METADATA).write_bytes(_sealed(document))


def _write_rates(days: int, model: RateModel, folder: Path) -> dict[str, Any]:
    boosted, forest = f"rates_{days}.ubj", f"rates_{days}.skops"
    write_booster(model.booster_, model.columns_, folder / boosted)
    write_forest(model.forest_, folder / forest)
    return {
        "days": days,
        "booster": boosted,
        "forest": forest,
        "parameters": model.get_params(),
        "columns": columns_to(model.columns_),
        "by_cause": model.competing_.coefficients.tolist(),
        "stacked": plain(model.stacked),
    }


def _write_novelty(novelty: NoveltyDetector | None, folder: Path) -> dict[str, Any] | None:
    if novelty is None:
        return None
    write_forest(novelty.forest_, folder / NOVELTY)
    return {
        "parameters": novelty.get_params(),
        "columns": columns_to(novelty.columns_),
        "threshold": novelty.threshold_,
    }


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1).encode()


def _sealed(document: Mapping[str, Any]) -> bytes:
    """The bytes of metadata.json: version, the hash of the rest, the rest."""
    return _bytes({"version": VERSION, "sha256": _sha256(_bytes(document)), **document})


def _metadata(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(path, f"can't be read: {error.strerror}") from None
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ModelFileError(path, f"is not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("version") != VERSION:
        found = document.get("version") if isinstance(document, dict) else None
        raise ModelFileError(path, f"is of version {found}, version {VERSION} is read; train again")
    rest = {name: value for name, value in document.items() if name not in ("version", "sha256")}
    try:
        intact = _sealed(rest) == content
    except ValueError:
        intact = False
    if not intact:
        raise ModelFileError(path, "its SHA-256 is another than when it was written: it was damaged or changed")
    return rest


def _checked_files(folder: Path, hashes: Mapping[str, str]) -> dict[str, bytes]:
    """Content of each file, read once so that what was checked is what is used."""
    contents = {}
    for name, expected in hashes.items():
        path = folder / name
        if Path(name).name != name:
            raise ModelFileError(path, "lies outside the folder")
        try:
            contents[name] = path.read_bytes()
        except OSError as error:
            raise ModelFileError(path, f"can't be read: {error.strerror}") from None
        if _sha256(contents[name]) != expected:
            raise ModelFileError(path, "its SHA-256 is another than when it was written: it was damaged or changed")
    return contents


def _check_features(path: Path, card: ModelCard, asked: Sequence[Feature | str] | None) -> None:
    if asked is None:
        return
    known = {feature.name: feature for feature in card.features}
    names = [feature.name if isinstance(feature, Feature) else feature for feature in asked]
    missing, extra = [name for name in known if name not in names], [name for name in names if name not in known]
    if missing or extra:
        words = [f"the models read '{name}', which is not given" for name in missing]
        words += [f"the models don't know '{name}'" for name in extra]
        raise ModelFileError(path, "other features: " + "; ".join(words))
    for feature in asked:
        if isinstance(feature, Feature) and known[feature.name] != feature:
            raise ModelFileError(path, f"other features: the models read {known[feature.name]}, given is {feature}")


def _bundle(folder: Path, document: Mapping[str, Any], contents: Mapping[str, bytes], card: ModelCard) -> ModelBundle:
    names = sorted(feature.name for feature in card.features)
    horizons = {}
    for entry in document["horizons"]:
        columns = columns_from(entry["columns"])
        if sorted(columns.names) != names:
            raise ModelFileError(folder / METADATA, f"horizon {entry['days']} days has other columns than the card")
        boosted, grown = entry["booster"], entry["forest"]
        booster = read_booster(folder / boosted, contents[boosted], columns)
        forest = read_forest(folder / grown, contents[grown], "RandomForestClassifier", columns)
        horizons[int(entry["days"])] = FailureEnsemble.restored(
            entry["parameters"], columns, booster, forest, calibrations_from(entry["calibrations"])
        )
    novelty = document["novelty"]
    return ModelBundle(
        horizons,
        {int(entry["days"]): _rates(folder, entry, contents, names) for entry in document["rates"]},
        None if novelty is None else _novelty(folder / NOVELTY, novelty, contents),
        card,
    )


def _rates(folder: Path, entry: Mapping[str, Any], contents: Mapping[str, bytes], names: list[str]) -> RateModel:
    columns = columns_from(entry["columns"])
    if sorted(columns.names) != names:
        raise ModelFileError(folder / METADATA, f"rates of {entry['days']} days have other columns than the card")
    boosted, grown = entry["booster"], entry["forest"]
    coefficients = np.array(entry["by_cause"], dtype=float)
    if coefficients.shape != (len(CAUSES), COLUMNS) or not np.isfinite(coefficients).all():
        raise ModelFileError(
            folder / METADATA, f"by_cause: {coefficients.shape} numbers, {(len(CAUSES), COLUMNS)} are read"
        )
    return RateModel.restored(
        entry["parameters"],
        columns,
        CompetingRates(coefficients),
        read_booster(folder / boosted, contents[boosted], columns),
        read_forest(folder / grown, contents[grown], "RandomForestRegressor", columns),
        entry["stacked"],
    )


def _novelty(path: Path, entry: Mapping[str, Any], contents: Mapping[str, bytes]) -> NoveltyDetector:
    columns = columns_from(entry["columns"])
    forest = read_forest(path, contents[path.name], "IsolationForest", columns)
    return NoveltyDetector.restored(entry["parameters"], columns, forest, float(entry["threshold"]))
