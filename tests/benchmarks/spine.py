"""`make bench`: the spine's speed against pandapower, its cycle, its page and its server."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandapower
import pandapower.networks

from app.settings import Settings
from app.web.services import Services
from grid.cases.cases import load_case
from grid.files.pandapower.convert import network_from_pandapower
from grid.flow.contingency import n_minus_1
from grid.flow.powerflow import Injection, PowerFlow
from tests.benchmarks import page, server
from tests.benchmarks.report import Figure, at_least, at_most, write

CYCLE_LIMIT_MS = {"city8": 6, "case118": 6, "case1354pegase": 16, "case9241pegase": 105}
LARGE_MS = 100  # a cycle that takes longer is measured fewer times
NOTES = """
Solver: both solve the same loads, drawn within 2 % of the case's, in turns of ten in one process. pandapower.runpp as a
user calls it (numba, compiled before), results included; ours starts from the base state, as a cycle does from the last
one, and yields voltages, flows at both ends, currents, loadings and losses of all branches. "From its results" lets
runpp start from its last state too (init="results").

Cycle: everything from the simulator's power flow to the published Snapshot, at the default simulated step.

Server: `python -m app`, as hosts start it, with its 16 threads; each dashboard asks for the page's own tick at the
page's own interval, from a second process on the same two cores. "Beside first learning" starts with empty folders:
policy, forecasters and failure models are all learned
meanwhile, by other processes on the same two cores.
"""


def main() -> None:
    """Measure everything and write the table."""
    figures = [*solver("case118", 100, 6), *solver("case9241pegase", 5, 2), *cycles(), contingencies(), *page.figures()]
    write("spine", "The spine", NOTES, [*figures, *server.figures()])


def solver(name: str, times_faster: float, rounds: int) -> list[Figure]:
    """Our solve with results against pandapower's: medians over slightly different loads, in turns of ten."""
    net = getattr(pandapower.networks, name)()
    network = network_from_pandapower(net, name)
    flow, injection = PowerFlow(network), Injection.of_case(network)
    state = flow.solve(injection, network.branch.closed)
    rng = np.random.default_rng(1)
    base = net.load.p_mw.to_numpy().copy()
    ours, theirs, warm = [], [], []
    for _ in range(rounds):
        factors = 1 + 0.02 * rng.uniform(-1, 1, (10, len(base)))
        for factor in factors:
            net.load["p_mw"] = base * factor
            theirs.append(_seconds(lambda: pandapower.runpp(net, numba=True)))
            warm.append(_seconds(lambda: pandapower.runpp(net, numba=True, init="results")))
        for factor in factors:
            loads = np.concatenate([base * factor, injection.load_p_mw[len(base) :]])
            changed = replace(injection, load_p_mw=loads)
            ours.append(_seconds(lambda: flow.solve(changed, network.branch.closed, state.voltage)))  # noqa: B023
    mine, other, from_results = np.median(ours), np.median(theirs), np.median(warm)
    return [
        Figure(f"{name}: our solve and results", f"{1000 * mine:.3g} ms"),
        Figure(f"{name}: pandapower.runpp", f"{1000 * other:.3g} ms"),
        at_least(f"{name}: times faster", other / mine, times_faster, "x"),
        Figure(f"{name}: times faster than runpp from its results", f"{from_results / mine:.3g} x"),
    ]


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def cycles() -> list[Figure]:
    """95th percentile of the engine's cycle."""
    figures = []
    for name, limit in CYCLE_LIMIT_MS.items():
        engine = Services.around(Settings(case=name), load_case(name, Path("var"))).engine
        engine.run_cycle()
        rounds = 200 if limit < LARGE_MS else 60
        durations = [_seconds(lambda: engine.run_cycle(timedelta(minutes=15))) for _ in range(rounds)]  # noqa: B023
        figures.append(at_most(f"{name}: cycle p95", 1000 * float(np.percentile(durations, 95)), limit, "ms"))
    return figures


def contingencies() -> Figure:
    """The median of case118's N-1, the state before the outage included."""
    network = load_case("case118", Path("var")).network
    injection = Injection.of_case(network)
    took = [_seconds(lambda: n_minus_1(network, injection, network.branch.closed)) for _ in range(30)]
    return at_most("case118: N-1 of all branches", 1000 * float(np.median(took)), 25, "ms")


if __name__ == "__main__":
    main()
