"""A table of measured figures beside what was asked for, with the machine and the versions they were measured on."""

import os
import platform
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.paths import ROOT

FOLDER = ROOT / "docs" / "benchmarks"
PACKAGES = ("pandapower", "lightsim2grid", "numba", "numpy", "scipy", "dash", "dash-cytoscape", "plotly")


@dataclass(frozen=True)
class Figure:
    """One line of the table. met is None where nothing was asked for."""

    what: str
    measured: str
    asked: str = ""
    met: bool | None = None


def add_parts(command: ArgumentParser, parts: Iterable[str]) -> None:
    """An argument "part": which parts of a benchmark are made, by default all.

    Names are checked one by one: as choices of argparse, Python 3.11 refuses that none is given.
    """
    known = tuple(parts)

    def part(name: str) -> str:
        if name not in known:
            raise ArgumentTypeError(f"there is no part {name!r}; there are {', '.join(known)}")
        return name

    command.add_argument("part", nargs="*", type=part, metavar="PART", help=f"{', '.join(known)}; all where none is")


def at_most(what: str, value: float, limit: float, unit: str) -> Figure:
    """A figure that should not exceed its limit."""
    return Figure(what, f"{value:.3g} {unit}", f"<= {limit:g} {unit}", value <= limit)


def at_least(what: str, value: float, limit: float, unit: str) -> Figure:
    """A figure that should reach its limit."""
    return Figure(what, f"{value:.3g} {unit}", f">= {limit:g} {unit}", value >= limit)


def write(name: str, title: str, notes: str, figures: list[Figure], folder: Path = FOLDER) -> None:
    """Print the table and write it to NAME.md, by default in docs/benchmarks."""
    rows = ["| figure | measured | asked | met |", "|---|---|---|---|"]
    words = {True: "yes", False: "**no**", None: ""}
    rows += [f"| {figure.what} | {figure.measured} | {figure.asked} | {words[figure.met]} |" for figure in figures]
    text = "\n".join([f"# {title}", "", _machine(), "", *rows, "", notes.strip(), ""])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)


def _machine() -> str:
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, "
        f"{platform.system()}, Python {platform.python_version()}; {packages}."
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()
