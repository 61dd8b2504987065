"""Results as JSON has them, and the libraries that they were made with."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "skops")


def library_versions() -> dict[str, str]:
    """Installed versions of what models and forecasts are made with."""
    return {name: version(name) for name in LIBRARIES} | {"xgboost": _xgboost_version()}


def _xgboost_version() -> str:
    """Of the package without CUDA's libraries, or of the usual one; to load it for that would take a second."""
    try:
        return version("xgboost-cpu")
    except PackageNotFoundError:
        return version("xgboost")


def plain(value: Any) -> Any:
    """Numbers, texts, lists, dicts and records as JSON has them; what is not finite becomes None."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(inner) for inner in value]
    if is_dataclass(value):
        return plain(vars(value))
    if isinstance(value, np.generic):
        return plain(value.item())
    return None if isinstance(value, float) and not np.isfinite(value) else value
