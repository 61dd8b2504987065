"""Trained switching policies of the benchmark feeders: `python -m tests.benchmarks.policies [FEEDER ...]` trains them.

They are those of the product's SwitchingOptimizer, after a first training as the dashboard's. Each is trained once for
each seed and kept under var/benchmarks, resumable, so that figures can be made again without training. Situations that
the figures are measured on come from other seeds and are never trained on.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch

from grid.cases import load_case
from grid.network import Network
from ml.radialgrid import RadialGrid
from ml.reinforce import Hyperparameters, Trainer
from ml.switching_optimizer import SwitchingOptimizer
from ml.switching_problem import SwitchingProblem, SwitchingSituations, Variety

FEEDERS = Path(__file__).resolve().parents[3] / "shared" / "data" / "feeders"
KEPT = Path("var/benchmarks")
NAMES = ("feeder33", "feeder69", "feeder84", "feeder202")
SEEDS = tuple(range(1, 11))
STEPS = 1000
SAVE_EVERY = 100


def network_of(name: str) -> Network:
    """A benchmark feeder."""
    return load_case(f"feeder:{FEEDERS / name}.json", Path("var")).network


def radial_grid(name: str) -> RadialGrid:
    """A benchmark feeder as the policy knows it."""
    return RadialGrid.of(network_of(name))


def failure_probability(grid: RadialGrid) -> np.ndarray:
    """(m,) in proportion to a branch's resistance, 1 % on average."""
    resistance = grid.impedance_pu.real
    return np.clip(0.01 * resistance / resistance.mean(), 0.001, 0.1)


def problem(grid: RadialGrid) -> SwitchingProblem:
    """What policies are trained on."""
    return SwitchingProblem(grid, failure_probability(grid), Variety())


def trainer(name: str, seed: int, posed: SwitchingProblem) -> Trainer[SwitchingSituations]:
    """The product's trainer of one policy, as far as it is. posed: what the feeder's policies are trained on."""
    probability = failure_probability(posed.grid)
    found = SwitchingOptimizer(network_of(name), probability, Hyperparameters(steps=STEPS, seed=seed)).trainer
    if (KEPT / name / str(seed) / "metadata.json").exists():
        found.resume(KEPT / name / str(seed), about(name))
    return found


def about(name: str) -> dict[str, object]:
    """What a checkpoint must be of to fit."""
    return {"feeder": name}


def train(name: str, seed: int) -> None:
    """Train one policy to the end."""
    learner = trainer(name, seed, problem(radial_grid(name)))
    began = time.process_time()
    while not learner.finished:
        learner.step()
        if learner.steps_done % SAVE_EVERY == 0:
            learner.save(KEPT / name / str(seed), about(name))
    spent = time.process_time() - began
    print(f"{name} seed {seed}: {learner.steps_done} steps, {spent:.0f} s of processor", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for one_seed in SEEDS:
        for feeder in sys.argv[1:] or NAMES:
            train(feeder, one_seed)
