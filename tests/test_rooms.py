"""What import contracts (pyproject.toml) can't say of rooms: records that components read, names, full folders."""

import ast
from collections import Counter, defaultdict
from pathlib import Path

import grimp
import networkx as nx
import pytest

from tests.paths import ROOT

LAYERS = ("app", "components", "grid", "ml")
MOST_FILES, MOST_WITHOUT_A_REASON = 20, 14
RECORDS = {
    "grid.alarms.book",
    "grid.alarms.cards",
    "grid.alarms.trouble",
    "grid.capabilities",
    "grid.network",
    "grid.protection.records",
    "grid.studies.hosting",
    "grid.studies.loadability",
    "grid.telemetry",
    "ml.forecasting.records",
    "ml.maintenance.records",
    "ml.maintenance.schedule.problem",
    "ml.maintenance.schedule.terms",
    "ml.optimisation.plans.plan",
    "ml.optimisation.plans.reasons",
    "ml.optimisation.plans.status",
}  # plain records and enumerations, which components may read


def sources(layer: str) -> list[Path]:
    return sorted((ROOT / layer).rglob("*.py"))


def imports(file: Path) -> set[str]:
    """Modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_components_read_plain_records_only() -> None:
    wrong = {
        f"{file.relative_to(ROOT)}: {module}"
        for file in sources("components")
        for module in imports(file)
        if module.split(".")[0] in LAYERS and module.split(".")[0] != "components" and module not in RECORDS
    }
    assert not wrong


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph(*LAYERS, exclude_type_checking_imports=True, cache_dir=None)
    arrows = nx.DiGraph(
        (name, other) for name in graph.modules for other in graph.find_modules_directly_imported_by(name)
    )
    assert [circle for circle in nx.strongly_connected_components(arrows) if len(circle) > 1] == []


def test_no_two_public_classes_have_one_name() -> None:
    places = defaultdict(list)
    for file in (file for layer in LAYERS for file in sources(layer)):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(file.relative_to(ROOT)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


@pytest.mark.parametrize("layer", LAYERS)
def test_no_folder_is_overfull(layer: str) -> None:
    counts = Counter(str(file.parent.relative_to(ROOT)) for file in sources(layer))
    assert {folder: count for folder, count in counts.items() if count > MOST_FILES} == {}
    reasons = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "docs" / "decisions").glob("*.md"))
    full = {folder for folder, count in counts.items() if count > MOST_WITHOUT_A_REASON}
    assert {folder for folder in full if f"`{folder}`" not in reasons} == set()
