"""Benchmarks measure what people run: they import only what the dashboard reaches."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.paths import ROOT

OURS = ("app", "components", "grid", "ml")
COMMANDS = {
    "ml.forecasting.__main__": "python -m ml.forecasting, which judges forecasts on people's own series",
    "ml.maintenance.__main__": "python -m ml.maintenance, which trains failure models on people's own data",
    "ml.optimisation.proof.__main__": "python -m ml.optimisation.proof, which proves a feeder's least losses",
}


def modules(folder: str) -> dict[str, Path]:
    """Files by module name."""
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / folder).rglob("*.py")}
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


OUR_MODULES = {name: path for folder in OURS for name, path in modules(folder).items()}


@cache
def imports(path: Path) -> frozenset[str]:
    """Our modules that a file imports, wherever in it; not the packages from which it takes modules alone."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if names <= OUR_MODULES.keys() else names | {node.module}
    return frozenset(found & OUR_MODULES.keys())


def reached(begin: set[str]) -> set[str]:
    """What some modules import, directly or not, and themselves."""
    found, left = set(begin), list(begin)
    while left:
        new = imports(OUR_MODULES[left.pop()]) - found
        found |= new
        left += new
    return found


def test_benchmarks_import_only_what_the_dashboard_or_a_command_reaches() -> None:
    allowed = reached({name for name in OUR_MODULES if name.split(".")[0] == "app"} | COMMANDS.keys())
    wrong = {
        f"{name}: {module}" for name, path in modules("tests/benchmarks").items() for module in imports(path) - allowed
    }
    assert not wrong


@pytest.mark.parametrize("name", COMMANDS)
def test_no_exception_is_left_over(name: str) -> None:
    of_app = reached({module for module in OUR_MODULES if module.split(".")[0] == "app"})
    of_benchmarks = {module for path in modules("tests/benchmarks").values() for module in imports(path)}
    assert (reached({name}) & of_benchmarks) - of_app
