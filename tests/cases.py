"""Built-in cases for tests, built once a process: to build one in pandapower takes longer than most tests do."""

import hashlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

import numpy as np

from grid.cases.case import Case
from grid.cases.cases import load_case

_digests: dict[str, str] = {}


@cache
def shared_case(spec: str) -> Case:
    """A case as load_case loads it, to be read only: other tests get the very same."""
    case = load_case(spec, Path("var"))
    _digests[spec] = _digest(case)
    return case


def changed_cases() -> list[str]:
    """Shared cases that a test has written to. Arrays that refuse it would do, but torch and Numba take them otherwise
    than those that the product gives them."""
    return [spec for spec, digest in _digests.items() if _digest(shared_case(spec)) != digest]


def _digest(case: Case) -> str:
    found = hashlib.sha256()
    for array in _arrays(case):
        found.update(array.tobytes())
    return found.hexdigest()


def _arrays(value: object) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _arrays(inner)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _arrays(getattr(value, field.name))
