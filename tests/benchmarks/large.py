"""`python -m tests.benchmarks.large`: a radial grid of 12,000 buses, from the file to the plan; large.md.

A dashboard is started on a MATPOWER case that nobody has opened before, as it comes from the disk, and is asked for
plans while it runs. Then branches trip that feed much and little, and the optimiser restores as the dashboard does.
It takes some minutes of one core that is otherwise idle.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, dijkstra
from scipy.spatial import Delaunay

from grid.cases.cases import load_file
from grid.network import FloatArray, IntArray, Network
from ml.optimisation.optimizer import SmartGridOptimizer
from ml.optimisation.plans.plan import OutcomeKind, Requirements
from ml.optimisation.radial.flow import RadialFlow
from ml.optimisation.radial.grid import RadialGrid
from tests.benchmarks.report import Figure, at_most, write
from tests.benchmarks.server import api_json, resident_mb, running
from tests.ml.operating_points import operating_point_at

BUSES, TIES, SEED = 12_000, 300, 1
KV, R_OHM_PER_KM, X_OHM_PER_KM = 66.0, 0.16, 0.3
RATINGS_MVA = (30.0, 60.0, 120.0, 240.0, 480.0, 960.0)  # the least that carries ROOM times what a line feeds
ROOM = 1.5
LARGEST_DROP_PU, SPACING_KM, SHORTEST_KM = 0.05, 0.3, 0.05
TRIPPED = (1, 3, 10, 30, 100, 300, 1000, 3000)  # in the order of what branches feed
ASKED = 5


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Places (n, 2) in km, and branches (m, 2) towards the source at bus 0, ties last."""

    place: FloatArray
    tree: IntArray
    ties: IntArray


def write_large(file: Path, buses: int = BUSES, ties: int = TIES, seed: int = SEED) -> None:
    """A MATPOWER case: loads scattered over a plane, fed radially from its middle, with open ties between neighbours.

    The largest voltage drop is about LARGEST_DROP_PU, loadings vary.
    """
    rng = np.random.default_rng(seed)
    drawn = _draw(buses, ties, rng)
    demand = rng.lognormal(0.0, 0.5, buses)
    demand[0] = 0.0
    demand *= _scale(drawn, demand)
    ratings = _ratings_mva(drawn, demand)
    base_ohm = KV**2 / 100
    rows = [
        f"{bus + 1} {3 if bus == 0 else 1} {mw:.6f} {0.3 * mw:.6f} 0 0 1 1 0 {KV:g} 1 1.1 0.9;"
        for bus, mw in enumerate(demand)
    ]
    lines = []
    for ends, status in ((drawn.tree, 1), (drawn.ties, 0)):
        for (one, other), km in zip(ends.tolist(), _km(drawn.place, ends), strict=True):
            rating = min(ratings[one], ratings[other])
            series = f"{R_OHM_PER_KM * km / base_ohm:.8f} {X_OHM_PER_KM * km / base_ohm:.8f}"
            lines.append(f"{one + 1} {other + 1} {series} 0 {rating:g} 0 0 0 0 {status} -360 360;")
    source = f"1 {demand.sum():.3f} 0 9999 -9999 1.03 100 1 {2 * demand.sum():.1f} 0;"
    parts = ("mpc.bus = [", *rows, "];", "mpc.gen = [", source, "];", "mpc.branch = [", *lines, "];")
    file.write_text("\n".join((f"function mpc = {file.stem}", "mpc.version = '2';", "mpc.baseMVA = 100;", *parts, "")))


def _draw(buses: int, ties: int, rng: np.random.Generator) -> _Drawn:
    side = SPACING_KM * np.sqrt(buses)
    place = rng.uniform(0.0, side, (buses, 2))
    place[0] = side / 2
    corners = Delaunay(place).simplices
    pairs = np.unique(np.sort(np.vstack([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]]), axis=1), axis=0)
    graph = coo_array((_km(place, pairs) ** 1.5, pairs.T), shape=(buses, buses)).tocsr()
    _, parent = dijkstra(graph, directed=False, indices=0, return_predecessors=True)
    child = np.flatnonzero(parent >= 0)
    tree = np.column_stack([child, parent[child]])
    used = {frozenset(pair) for pair in tree.tolist()}
    spare = np.array([pair for pair in pairs.tolist() if frozenset(pair) not in used and min(pair) > 0])
    return _Drawn(place, tree, spare[rng.choice(len(spare), ties, replace=False)])


def _km(place: FloatArray, ends: IntArray) -> FloatArray:
    return np.maximum(SHORTEST_KM, np.hypot(*(place[ends[:, 0]] - place[ends[:, 1]]).T))


def _fed(drawn: _Drawn, demand: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """The order of a walk from the source, each bus's parent (n,), and what is fed at and below each bus (n,)."""
    n = len(demand)
    order, parent = breadth_first_order(coo_array((np.ones(n - 1), drawn.tree.T), shape=(n, n)).tocsr(), 0, False)
    carried = demand.copy()
    for bus in order[:0:-1]:
        carried[parent[bus]] += carried[bus]
    return order, parent, carried


def _scale(drawn: _Drawn, demand: FloatArray) -> float:
    """MW per unit of demand at which the linearised voltage drop is LARGEST_DROP_PU."""
    order, parent, carried = _fed(drawn, demand)
    km, drop = np.zeros(len(demand)), np.zeros(len(demand))
    km[drawn.tree[:, 0]] = _km(drawn.place, drawn.tree)
    for bus in order[1:]:
        drop[bus] = drop[parent[bus]] + carried[bus] * km[bus] * (R_OHM_PER_KM + 0.3 * X_OHM_PER_KM) / KV**2
    return float(LARGEST_DROP_PU / drop.max())


def _ratings_mva(drawn: _Drawn, demand_mw: FloatArray) -> FloatArray:
    """(n,) of the line towards the source; of a tie, the lesser of its ends'."""
    classes = np.array(RATINGS_MVA)
    _, _, carried = _fed(drawn, demand_mw)
    found: FloatArray = classes[np.searchsorted(classes, ROOM * carried).clip(max=len(classes) - 1)]
    found[0] = classes[-1]
    return found


def main() -> None:
    """Make the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "radial12000.m"
        write_large(file)
        figures = _served(file, Path(folder))
        figures += _restored(load_file(file, Path(folder) / "cache").network)
    notes = f"""
A radial grid of {BUSES:,} buses, {BUSES - 1:,} lines and {TIES} open ties at {KV:g} kV, made by
`tests/benchmarks/large.py` (seed {SEED}). "Load" is from the start of `python -m app --case FILE`, libraries and
layout included, to the first answer of `GET /api/grid/state`; plans are `POST /api/grid/optimize` with requirements
that nobody has asked for before, while the dashboard plans for itself. Restorations: branches
{", ".join(str(rank) for rank in TRIPPED)} in the order of what they feed trip, one at a time; what no
branch reaches can't be restored. What isn't done at this size stands in docs/models.md.
"""
    write("large", "A radial grid of 12,000 buses", notes, figures)


def _served(file: Path, folder: Path) -> list[Figure]:
    began, plan_s, saved = time.perf_counter(), [], []
    command = [sys.executable, "-m", "app", "--case", str(file)]
    with running(command, folder / "served", SMARTGRID_TRAINING_FLEETS="0") as (port, process, _):
        api_json(port, "/api/grid/state")
        load_s = time.perf_counter() - began
        for step in range(ASKED):
            asked = time.perf_counter()
            answer = api_json(port, "/api/grid/optimize", {"risk_weight": 0.01 * step, "keep": False})
            plan_s.append(time.perf_counter() - asked)
            saved.append(100 * (1 - answer["plan"]["after"]["loss_kw"] / answer["present"]["loss_kw"]))
        cycle, memory_mb = api_json(port, "/api/health")["cycle"], resident_mb(process.pid)
    return [
        at_most(f"load {BUSES:,} buses, from start to state", load_s, 12.0, "s"),
        at_most(f"a plan, worst of {ASKED}", max(plan_s), 15.0, "s"),
        Figure("losses that it saves, least and most", f"{min(saved):.2f} to {max(saved):.2f} %"),
        Figure("a cycle meanwhile, p95", f"{cycle['p95_ms']:.0f} ms"),
        at_most("missed cycles", cycle["missed"], 0, ""),
        Figure("resident memory of the process that answers", f"{memory_mb:.0f} MB"),
    ]


def _restored(network: Network) -> list[Figure]:
    grid = RadialGrid.of(network)
    loops = grid.loops()
    fed = np.abs(
        RadialFlow(loops, grid.impedance_pu).tree_flow(loops.opened(network.branch.closed)[None], grid.load_pu[None])[0]
    )
    ranked, optimizer = np.argsort(-fed), SmartGridOptimizer(network)
    seconds, dark_mw, back_mw, wrong = [], 0.0, 0.0, 0
    for rank in TRIPPED:
        point = operating_point_at(network, out=(int(ranked[rank]),))
        began = time.perf_counter()
        answer = optimizer.propose(point, Requirements())
        seconds.append(time.perf_counter() - began)
        outcome = answer.outcome
        dark_mw += (answer.present.unsupplied_kw - outcome.out_of_reach_kw) / 1000
        back_mw += outcome.restored_kw / 1000
        less = outcome.restored_kw < answer.present.unsupplied_kw - outcome.out_of_reach_kw - 1
        wrong += less and (outcome.kind is OutcomeKind.ALL_RESTORED or not (outcome.binding or outcome.hindrance))
    return [
        at_most(f"a restoration, worst of {len(TRIPPED)}", max(seconds), 15.0, "s"),
        Figure("restored of what ties reach, all together", f"{back_mw:.1f} of {dark_mw:.1f} MW"),
        at_most("less than all without what forbids it", wrong, 0, ""),
    ]


if __name__ == "__main__":
    main()
