"""Figures 2, 3 and 5 of the optimiser: trained policies on situations they have never seen."""

from dataclasses import dataclass

import numpy as np
import torch

from grid.network import FloatArray, IntArray
from ml.optimisation.progress import Hyperparameters
from ml.optimisation.radial.trees import Loops
from ml.optimisation.reinforce import Trainer
from ml.optimisation.switching.candidates import SAMPLES
from ml.optimisation.switching.net import SwitchingNet
from ml.optimisation.switching.problem import SwitchingProblem, SwitchingSituations
from tests.benchmarks import optimiser_methods as methods
from tests.benchmarks import policies
from tests.benchmarks.optimiser_methods import Bench
from tests.benchmarks.policies import KEPT, Scope, problem, radial_grid
from tests.benchmarks.report import Figure, at_most
from tests.ml.exhaustive import exhaustive

HELD_OUT, TIMED = 200, 60
ASKED_PERCENT = {"feeder33": 0.1, "feeder69": 0.1, "feeder84": 0.15, "feeder202": 0.5}
ASKED_MS = {"feeder84": 5.0}
TRANSFER_TO = ("feeder33", "feeder69", "feeder70", "feeder84", "feeder202")
JOINT, JOINT_STEPS = ("feeder33", "feeder69", "feeder84"), 1500
PAIRS_SITUATIONS = 40


@dataclass(frozen=True, eq=False)
class Method:
    """What one method reaches: objectives (b,) for each seed, and its mean time a decision in ms, NaN where untimed."""

    name: str
    reached: list[FloatArray]
    spent_ms: float

    def line(self, bench: Bench) -> str:
        """Its line of the table. Not before all methods have run: the gap is to the best that any finds."""
        spent = "" if np.isnan(self.spent_ms) else f"{self.spent_ms:.2f}"
        return f"| {self.name} | {_spread(self.gaps(bench))} | {spent} |"

    def gaps(self, bench: Bench) -> list[float]:
        """Mean gap in percent of each seed."""
        return [bench.gap_percent(reached) for reached in self.reached]


def amortised(scope: Scope, name: str, risk: bool) -> tuple[list[Figure], str]:
    """Gap to the best that any method finds on a feeder, policies of all seeds; figures and a table as text."""
    bench = methods.held_out(problem(radial_grid(name)), HELD_OUT, risk)
    nets = [policies.net(name, seed) for seed in scope.seeds]
    decision_ms = methods.decision_ms(bench, nets[0], TIMED)
    run = _policy(bench, nets, decision_ms)
    if not risk:
        run += _dashboard(bench, name, scope)
    run += _untimed(bench)
    words = "losses and risk" if risk else "losses"
    what = f"{name}, {words}: policy + {SAMPLES} samples, mean gap over {len(nets)} seeds"
    gap = float(np.mean(run[0].gaps(bench)))
    figures = [Figure(what, f"{gap:.3g} %") if risk else at_most(what, gap, ASKED_PERCENT[name], "%")]
    if name in ASKED_MS and not risk:
        figures.append(at_most(f"{name}: one decision, median", float(np.median(decision_ms)), ASKED_MS[name], "ms"))
    table = _table([method.line(bench) for method in run])
    return figures, f"### {name}, {words}, {len(nets)} seeds\n\n{table}"


def _policy(bench: Bench, nets: list[SwitchingNet], decision_ms: FloatArray) -> list[Method]:
    """The policy without and with branch exchange, the prior in its place, and the judges in the policy's times."""
    found = [methods.sampled(bench, methods.learned_phi(bench, net), seed) for seed, net in enumerate(nets)]
    prior = methods.sampled(bench, methods.untrained_phi(bench), 1)
    spent, polished_ms = (
        float(decision_ms.mean()),
        float(methods.decision_ms(bench, nets[0], TIMED, polish=True).mean()),
    )
    prior_ms, prior_polished_ms = (
        float(methods.decision_ms(bench, None, TIMED, polish).mean()) for polish in (False, True)
    )
    return [
        Method(f"policy + {SAMPLES} samples", [best for _, best, _ in found], spent),
        *_judges(bench, spent),
        Method(f"untrained prior + {SAMPLES} samples", [prior[1]], prior_ms),
        Method("policy + samples + branch exchange", [methods.polished(bench, opened) for _, _, opened in found],
               polished_ms),
        *_judges(bench, polished_ms),
        Method("prior + samples + branch exchange", [methods.polished(bench, prior[2])], prior_polished_ms),
        Method("policy, mode alone", [mode for mode, _, _ in found], np.nan),
    ]  # fmt: skip


def _dashboard(bench: Bench, name: str, scope: Scope) -> list[Method]:
    """What the dashboard proposes, verification and order of switching included, and the judges in its time."""
    network = policies.feeder(name)
    answers = [methods.proposed(bench, network, policies.trained(name, seed)) for seed in scope.seeds]
    spent = float(np.mean([spent_ms for _, spent_ms in answers]))
    return [Method("the dashboard's proposal", [cost for cost, _ in answers], spent), *_judges(bench, spent)]


def _judges(bench: Bench, spent_ms: float) -> list[Method]:
    """What local searches reach in the time of a decision."""
    return [
        Method(f"{name}, equal time", [methods.at_equal_time(bench, spent_ms, judge)], spent_ms)
        for name, judge in methods.JUDGES.items()
    ]


def _untimed(bench: Bench) -> list[Method]:
    return [
        Method("sequential opening", [methods.sequential(bench)], np.nan),
        Method("present configuration", [methods.staying(bench)], np.nan),
    ]


def _spread(values: list[float]) -> str:
    return f"{values[0]:.3f}" if len(values) == 1 else f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _table(lines: list[str]) -> str:
    return "\n".join(["| method | mean gap, % | ms a decision |", "|---|---|---|", *lines])


class _Joint(SwitchingProblem):
    """Draws from several feeders in turn."""

    def __init__(self, members: list[SwitchingProblem]) -> None:
        self._members = members

    def draw(self, count: int, rng: np.random.Generator) -> SwitchingSituations:
        return self._members[int(rng.integers(len(self._members)))].draw(count, rng)


def transfer() -> tuple[list[Figure], str]:
    """One policy trained on three feeders, run on two that it has never seen."""
    torch.manual_seed(1)
    net = SwitchingNet()
    joint = _Joint([problem(radial_grid(name)) for name in JOINT])
    learner = Trainer(net, joint, Hyperparameters(steps=JOINT_STEPS, seed=1))
    folder = KEPT / "joint" / "1"
    if (folder / "metadata.json").exists():
        learner.resume(folder, {"feeders": list(JOINT)})
    learner.train()
    learner.save(folder, {"feeders": list(JOINT)})
    figures, lines = [], ["| run on | trained on it | gap, % | gap of the prior, % |", "|---|---|---|---|"]
    for name in TRANSFER_TO:
        bench = methods.held_out(problem(radial_grid(name)), HELD_OUT // 2, risk=False)
        _, best, opened = methods.sampled(bench, methods.learned_phi(bench, net), 1)
        _, prior, other = methods.sampled(bench, methods.untrained_phi(bench), 1)
        methods.polished(bench, opened), methods.polished(bench, other)
        gap, prior_gap = bench.gap_percent(best), bench.gap_percent(prior)
        lines.append(f"| {name} | {'yes' if name in JOINT else 'no'} | {gap:.3f} | {prior_gap:.3f} |")
        if name not in JOINT:
            figures.append(Figure(f"{name}, never trained on: gap, prior's gap", f"{gap:.3f} %, {prior_gap:.3f} %",
                                  "better than the prior", gap < prior_gap))  # fmt: skip
    words = f"One policy trained on {', '.join(JOINT)} for {JOINT_STEPS} steps, 100 held-out situations each."
    return figures, f"### Transfer\n\n{words}\n\n" + "\n".join(lines)


def few_pairs(scope: Scope) -> tuple[list[Figure], str]:
    """Plans of at most 1, 2 and 3 pairs from the case's own switch states, against all trees of feeder33."""
    posed = problem(radial_grid("feeder33"))
    bench = methods.held_out(posed, PAIRS_SITUATIONS, risk=False)
    loops = bench.seen.objective.loops
    present = np.flatnonzero(np.isin(loops.branch, np.arange(32, 37)))
    near = _trees_near(loops, present, 3)
    away = (~np.isin(near, present)).sum(axis=1)
    gaps: dict[int, list[float]] = {1: [], 2: [], 3: []}
    phi = methods.learned_phi(bench, policies.net("feeder33", scope.seeds[0]))
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

    def collect(opened: IntArray) -> FloatArray:
        kept.append(opened[(~np.isin(opened, present)).sum(axis=1) <= pairs])
        return np.zeros(len(opened))

    exhaustive(collect, loops)
    return np.concatenate(kept)
