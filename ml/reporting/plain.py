"""Results as JSON has them, and the libraries that they were made with."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import xgboost

LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "skops")


def library_versions() -> dict[str, str]:
    """Installed versions of what models and forecasts are made with."""
    return {name: version(name) for name in LIBRARIES} | {"xgboost": xgboost.__version__}


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
