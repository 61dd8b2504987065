"""Figures 2, 3 and 5 of the optimiser: trained policies on situations they have never seen."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from grid.network import FloatArray, IntArray
from ml.policy import SwitchingNet
from ml.reinforce import Hyperparameters, Trainer
from ml.switching import Loops
from ml.switching_problem import SwitchingProblem, SwitchingSituations
from tests.benchmarks import optimiser_methods as methods
from tests.benchmarks.optimiser_methods import Bench
from tests.benchmarks.policies import KEPT, NAMES, SEEDS, problem, radial_grid, trainer
from tests.benchmarks.report import Figure, at_most
from tests.ml.exhaustive import exhaustive

HELD_OUT, TIMED = 200, 60
ASKED_PERCENT = {"feeder33": 0.1, "feeder69": 0.1, "feeder84": 0.15, "feeder202": 0.5}
ASKED_MS = {"feeder84": 5.0}
TRANSFER_TO = ("feeder33", "feeder69", "feeder70", "feeder84", "feeder202")
JOINT, JOINT_STEPS = ("feeder33", "feeder69", "feeder84"), 1500
PAIRS_SITUATIONS = 40
SEARCHES = ("warm branch exchange", "iterated local search")


@dataclass(frozen=True)
class Row:
    """Mean gap in percent and time a decision in ms of one method."""

    method: str
    gap_percent: str
    time_ms: str


def amortised(risk: bool) -> tuple[list[Figure], str]:
    """Gap to the best that any method finds on each feeder, policies of all seeds; figures and tables as text."""
    figures, tables = [], []
    for name in NAMES:
        bench = methods.held_out(problem(radial_grid(name)), HELD_OUT, risk)
        rows, gaps, spent_ms = _rows(bench, name)
        words = "losses and risk" if risk else "losses"
        what = f"{name}, {words}: policy + 32 samples, mean gap over {len(gaps)} seeds"
        figures.append(at_most(what, float(np.mean(gaps)), ASKED_PERCENT[name], "%") if not risk else Figure(
            what, f"{np.mean(gaps):.3g} %"))  # fmt: skip
        if name in ASKED_MS and not risk:
            figures.append(at_most(f"{name}: one decision, median", spent_ms, ASKED_MS[name], "ms"))
        tables.append(f"### {name}, {words}\n\n{_table(rows)}")
    return figures, "\n\n".join(tables)


def _rows(bench: Bench, name: str) -> tuple[list[Row], list[float], float]:
    """One feeder's table; the gaps of the policy's seeds; time a decision."""
    nets = [net for _, net in trained(name)]
    found = {seed: methods.sampled(bench, methods.learned_phi(bench, net), seed) for seed, net in enumerate(nets)}
    prior = methods.sampled(bench, methods.untrained_phi(bench), 1)
    spent, polished_ms = (_median_ms(bench, nets[0], polish) for polish in (False, True))
    prior_ms, prior_polished_ms = (_median_ms(bench, None, polish) for polish in (False, True))
    in_turn = methods.sequential(bench)
    polished = [methods.polished(bench, opened) for _, _, opened in found.values()]
    prior_polished = methods.polished(bench, prior[2])
    searched = {ms: _at_equal_time(bench, ms) for ms in (spent, polished_ms)}  # all methods before the first gap
    gaps = [bench.gap_percent(best) for _, best, _ in found.values()]
    return [
        Row("policy + 32 samples", _spread(gaps), f"{spent:.2f}"),
        *_searches(bench, searched[spent], spent),
        Row("policy, mode alone", _spread([bench.gap_percent(mode) for mode, _, _ in found.values()]), ""),
        Row("untrained prior + 32 samples", f"{bench.gap_percent(prior[1]):.3f}", f"{prior_ms:.2f}"),
        Row("sequential opening", f"{bench.gap_percent(in_turn):.3f}", ""),
        Row("policy + samples + branch exchange", _spread([bench.gap_percent(cost) for cost in polished]),
            f"{polished_ms:.2f}"),
        *_searches(bench, searched[polished_ms], polished_ms),
        Row("prior + samples + branch exchange", f"{bench.gap_percent(prior_polished):.3f}",
            f"{prior_polished_ms:.2f}"),
    ], gaps, spent  # fmt: skip


def _median_ms(bench: Bench, net: SwitchingNet | None, polish: bool) -> float:
    return float(np.median(methods.decision_ms(bench, net, TIMED, polish)))


def _at_equal_time(bench: Bench, spent_ms: float) -> dict[str, FloatArray]:
    """(b,) what local searches reach in the time of a decision."""
    return {method: methods.at_equal_time(bench, spent_ms, method) for method in SEARCHES}


def _searches(bench: Bench, reached: dict[str, FloatArray], spent_ms: float) -> list[Row]:
    return [
        Row(f"{name}, equal time", f"{bench.gap_percent(cost):.3f}", f"{spent_ms:.2f}")
        for name, cost in reached.items()
    ]  # fmt: skip


def trained(name: str) -> Iterator[tuple[int, SwitchingNet]]:
    """The policies of a feeder that have been trained to the end, with their seeds."""
    posed = problem(radial_grid(name))
    for seed in SEEDS:
        learner = trainer(name, seed, posed)
        if not learner.finished:
            raise RuntimeError(f"{name} seed {seed} is trained for {learner.steps_done} steps only: "
                               f"python -m tests.benchmarks.policies {name}")  # fmt: skip
        yield seed, learner.net  # type: ignore[misc]


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _table(rows: list[Row]) -> str:
    lines = ["| method | mean gap, % | ms a decision |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {row.method} | {row.gap_percent} | {row.time_ms} |" for row in rows)])


class _Joint(SwitchingProblem):
    """Draws from several feeders in turn."""

    def __init__(self, members: list[SwitchingProblem]) -> None:
        self._members = members

    def draw(self, count: int, rng: np.random.Generator) -> SwitchingSituations:
        return self._members[int(rng.integers(len(self._members)))].draw(count, rng)


def transfer() -> tuple[list[Figure], str]:
    """One policy trained on three feeders, run on two that it has never seen."""
    torch.manual_seed(1)
    learner = Trainer(SwitchingNet(), _Joint([problem(radial_grid(name)) for name in JOINT]),
                      Hyperparameters(steps=JOINT_STEPS, seed=1))  # fmt: skip
    folder = KEPT / "joint" / "1"
    if (folder / "metadata.json").exists():
        learner.resume(folder, {"feeders": list(JOINT)})
    learner.train()
    learner.save(folder, {"feeders": list(JOINT)})
    figures, lines = [], ["| run on | trained on it | gap, % | gap of the prior, % |", "|---|---|---|---|"]
    for name in TRANSFER_TO:
        bench = methods.held_out(problem(radial_grid(name)), HELD_OUT // 2, risk=False)
        _, best, opened = methods.sampled(bench, methods.learned_phi(bench, learner.net), 1)
        _, prior, other = methods.sampled(bench, methods.untrained_phi(bench), 1)
        methods.polished(bench, opened), methods.polished(bench, other)
        gap, prior_gap = bench.gap_percent(best), bench.gap_percent(prior)
        lines.append(f"| {name} | {'yes' if name in JOINT else 'no'} | {gap:.3f} | {prior_gap:.3f} |")
        if name not in JOINT:
            figures.append(Figure(f"{name}, never trained on: gap, prior's gap", f"{gap:.3f} %, {prior_gap:.3f} %",
                                  "better than the prior", gap < prior_gap))  # fmt: skip
    words = f"One policy trained on {', '.join(JOINT)} for {JOINT_STEPS} steps, 100 held-out situations each."
    return figures, f"### Transfer\n\n{words}\n\n" + "\n".join(lines)


def few_pairs() -> tuple[list[Figure], str]:
    """Plans of at most 1, 2 and 3 pairs from the case's own switch states, against all trees of feeder33."""
    posed = problem(radial_grid("feeder33"))
    bench = methods.held_out(posed, PAIRS_SITUATIONS, risk=False)
    loops = bench.seen.objective.loops
    present = np.flatnonzero(np.isin(loops.branch, np.arange(32, 37)))
    near = _trees_near(loops, present, 3)
    away = (~np.isin(near, present)).sum(axis=1)
    gaps: dict[int, list[float]] = {1: [], 2: [], 3: []}
    phi = methods.learned_phi(bench, next(trained("feeder33"))[1])
    _, _, opened = methods.sampled(bench, phi, 1)
    for row in range(bench.count):
        costs = bench.seen.costs(near, row).total
        levels = bench.proposer(row).within_pairs(present, 3, opened[row : row + 1])
        for pairs, level in enumerate(levels, start=1):
            gaps[pairs].append(100 * (float(level.cost[0]) / costs[away <= pairs].min() - 1))
    figures = [
        Figure(f"feeder33, at most {pairs} pairs: mean gap to the exhaustive optimum, {bench.count} situations",
               f"{np.mean(values):.3f} % ({sum(value < 1e-4 for value in values)} optimal)")
        for pairs, values in gaps.items()
    ]  # fmt: skip
    return figures, ""


def _trees_near(loops: Loops, present: IntArray, pairs: int) -> IntArray:
    """(k, t) of all configurations, those that differ from present (t,) in at most so many branches."""
    kept = []

    def collect(trees: IntArray) -> FloatArray:
        kept.append(trees[(~np.isin(trees, present)).sum(axis=1) <= pairs])
        return np.zeros(len(trees))

    exhaustive(collect, loops)
    return np.concatenate(kept)
