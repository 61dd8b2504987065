"""The arrows between the folders point down only."""

import ast
from pathlib import Path

import pytest

from tests.paths import ROOT

OURS = ("app", "components", "grid", "ml", "tests")
SCREEN = {"dash", "dash_cytoscape", "dash_mantine_components", "dash_ag_grid", "plotly", "flask"}
FORBIDDEN = {
    "grid": SCREEN | {"torch", "app", "components", "ml", "tests"},
    "ml": SCREEN | {"app", "components", "tests"},
    "components": {"flask", "torch", "tests"},
    "app": {"tests"},
}
RECORDS = {
    "grid.alarms.book",
    "grid.alarms.trouble",
    "grid.network",
    "grid.studies.hosting",
    "grid.studies.loadability",
    "grid.telemetry",
    "ml.forecasting.records",
    "ml.maintenance.records",
    "ml.maintenance.schedule.problem",
    "ml.optimisation.plans.plan",
}  # plain records and enumerations, which components may read


def imports(file: Path) -> set[str]:
    """Modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_no_arrow_points_up(folder: str) -> None:
    files = sources(folder)
    assert files
    wrong = {
        f"{file.relative_to(ROOT)}: {module}"
        for file in files
        for module in imports(file)
        if module.split(".")[0] in FORBIDDEN[folder]
    }
    assert not wrong


def test_components_read_plain_records_only() -> None:
    wrong = {
        f"{file.relative_to(ROOT)}: {module}"
        for file in sources("components")
        for module in imports(file)
        if module.split(".")[0] in OURS and module.split(".")[0] != "components" and module not in RECORDS
    }
    assert not wrong


def test_no_file_has_grown_too_long_to_read() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for folder in ("app", "components", "grid", "ml")
        for file in sources(folder)
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > 350
    }
    assert not long
