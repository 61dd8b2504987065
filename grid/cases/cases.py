"""Cases: built-in grids by name, SimBench grids by code, synthetic ones by size, feeders and network files."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandapower
import pandapower.networks
import pandas as pd

from grid.cases.case import Case, Profiles
from grid.cases.city8 import city8
from grid.cases.ieee import ieee57, ieee118, ieee300
from grid.cases.layout import with_layout
from grid.cases.ratings import with_day_ratings
from grid.cases.synthetic import synthetic
from grid.errors import CaseError
from grid.files.feeder_json import is_feeder, read_feeder
from grid.files.fileimport import REFUSED, SUFFIXES, read_net
from grid.files.findings import Findings, ImportReport
from grid.files.pandapower.convert import network_from_pandapower
from grid.network import FloatArray

FEEDER = "feeder:"
DEFAULT_SIMBENCH = "1-MV-urban--0-sw"
BUILT_IN: dict[str, tuple[str, Callable[[], pandapower.pandapowerNet]]] = {
    "city8": ("City, 66 kV", city8),
    "case14": ("IEEE 14", pandapower.networks.case14),
    "case30": ("Alsac & Stott 30, modified", pandapower.networks.case30),
    "case57": ("IEEE 57", ieee57),
    "case118": ("IEEE 118", ieee118),
    "case300": ("IEEE 300", ieee300),
    "case1354pegase": ("PEGASE 1354", pandapower.networks.case1354pegase),
    "case2869pegase": ("PEGASE 2869", pandapower.networks.case2869pegase),
    "case9241pegase": ("PEGASE 9241", pandapower.networks.case9241pegase),
    "case33bw": ("Baran & Wu 33-bus feeder", pandapower.networks.case33bw),
    "cigre_mv": ("CIGRE medium voltage", pandapower.networks.create_cigre_network_mv),
}
MATPOWER_CASES = frozenset(
    name for name in BUILT_IN if name.startswith("case")
)  # some ratings there contradict the state
SYNTHETIC = re.compile(r"synthetic:(\d{1,4}):(\d{1,4})(?::(\d{1,9}))?")


def load_case(spec: str, cache_dir: Path) -> Case:
    """Load `city8`, `case118` and the like, `simbench[:CODE]`, `synthetic:NODES:GENERATORS[:SEED]` or a file.

    A file is given by its path; `feeder:PATH` is a feeder's JSON (grid.files.feeder_json), whatever the path ends in.

    cache_dir: where computed layouts are kept. Raises CaseError for an unknown name, a wrong file or a case without a
    solution.
    """
    spec = spec.strip()
    if spec.startswith(FEEDER):
        return load_feeder(Path(spec.removeprefix(FEEDER)), cache_dir)
    if Path(spec).suffix.lower() in (*SUFFIXES, *REFUSED):
        return load_file(Path(spec), cache_dir)
    return load_named(spec, cache_dir)


def load_named(spec: str, cache_dir: Path) -> Case:
    """Load a case as load_case does, but never from a path."""
    spec = spec.strip()
    if spec in BUILT_IN:
        title, build = BUILT_IN[spec]
        return _case(spec, title, build(), cache_dir)
    if spec == "simbench" or spec.startswith("simbench:"):
        return _simbench(spec, cache_dir)
    if spec.startswith("synthetic"):
        return _synthetic(spec, cache_dir)
    names = ", ".join([*BUILT_IN, "simbench:CODE", "synthetic:NODES:GENERATORS"])
    raise CaseError(spec or "case", f"no such case; there are {names}, feeder:PATH and files ({', '.join(SUFFIXES)})")


def load_file(path: Path, cache_dir: Path) -> Case:
    """Load a network file of any kind that is read (grid.files.fileimport). CaseError names what is wrong with it."""
    if path.suffix.lower() == ".json" and is_feeder(path):
        return load_feeder(path, cache_dir)
    found = Findings()
    return _case(path.name, path.stem, read_net(path, found), cache_dir, found=found)


def load_feeder(path: Path, cache_dir: Path) -> Case:
    """Load a feeder's JSON (grid.files.feeder_json). CaseError names what is wrong with it."""
    found = Findings()
    net = read_feeder(path, found)
    return _case(path.name, net.name, net, cache_dir, found=found)


def _case(
    spec: str,
    title: str,
    net: pandapower.pandapowerNet,
    cache_dir: Path,
    profiles: Profiles | None = None,
    found: Findings | None = None,
) -> Case:
    found = Findings() if found is None else found
    network = network_from_pandapower(net, spec, title, spec in MATPOWER_CASES, found)
    laid_out = with_layout(with_day_ratings(network), cache_dir)
    year_built = np.full(network.n_branch, np.nan)
    if "year_built" in net.line.columns:
        year_built[: len(net.line)] = pd.to_numeric(net.line["year_built"], errors="coerce")
    report = ImportReport(
        file=spec, counts=found.counts, out_of_service=found.out_of_service, findings=tuple(found.found)
    )
    return Case(spec, laid_out, year_built, profiles, report)


def _synthetic(spec: str, cache_dir: Path) -> Case:
    match = SYNTHETIC.fullmatch(spec)
    if match is None:
        raise CaseError(spec, "write synthetic:NODES:GENERATORS or synthetic:NODES:GENERATORS:SEED, up to 1,000 nodes")
    nodes, generators, seed = int(match[1]), int(match[2]), int(match[3] or 1)
    try:
        net = synthetic(nodes, generators, seed)
    except ValueError as error:
        raise CaseError(spec, str(error)) from None
    return _case(spec, f"Synthetic, {nodes} nodes", net, cache_dir)


def _simbench(spec: str, cache_dir: Path) -> Case:
    import simbench  # reading its tables takes seconds: only when asked for

    code = spec.partition(":")[2] or DEFAULT_SIMBENCH
    if code not in simbench.collect_all_simbench_codes():
        raise CaseError(spec, f"SimBench has no grid {code!r}; a code looks like {DEFAULT_SIMBENCH}")
    net = simbench.get_simbench_net(code)
    _name_taps(net.trafo)
    return _case(f"simbench:{code}", f"SimBench {code}", net, cache_dir, _simbench_profiles(net))


def _name_taps(trafo: pd.DataFrame) -> None:
    """Say of SimBench's tap changers what simbench leaves out: their type. Without it pandapower takes them to stand at
    neutral, whatever their position says, and so they do here, too: the state is the one that it solves."""
    unnamed = trafo["tap_changer_type"].isna() & trafo["tap_side"].notna() & (trafo["tap_step_degree"] == 0)
    trafo.loc[unnamed, "tap_changer_type"] = "Ratio"
    trafo.loc[unnamed, "tap_pos"] = trafo.loc[unnamed, "tap_neutral"]


def _simbench_profiles(net: pandapower.pandapowerNet) -> Profiles:
    def columns(table: str, suffix: str) -> dict[str, FloatArray]:
        frame = net.profiles[table].drop(columns="time", errors="ignore")
        return {
            name.removesuffix(suffix): frame[name].to_numpy(dtype=np.float32)
            for name in frame.columns
            if name.endswith(suffix)
        }

    return Profiles(
        step_minutes=15,
        load_p=columns("load", "_pload"),
        load_q=columns("load", "_qload"),
        generation={**columns("renewables", ""), **columns("powerplants", "")},
    )
