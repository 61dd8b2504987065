"""Built-in cases for tests, built once a process: to build one in pandapower takes longer than most tests do."""

from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

import numpy as np

from grid.cases import Case, load_case


@cache
def shared_case(spec: str) -> Case:
    """A case as load_case loads it. Tests share it, so its arrays can't be written to."""
    case = load_case(spec, Path("var"))
    _freeze(case)
    return case


def _freeze(value: object) -> None:
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    elif isinstance(value, dict):
        for inner in value.values():
            _freeze(inner)
    elif is_dataclass(value):
        for field in fields(value):
            _freeze(getattr(value, field.name))
