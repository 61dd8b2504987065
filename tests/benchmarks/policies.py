"""Trained switching policies of the benchmark feeders: `python -m tests.benchmarks.policies [FEEDER ...] [--seeds N]`.

They are trained by the dashboard's own code, for as many episodes as its first training has, once for each seed, and
kept under var/benchmarks, resumable, so that figures can be made again without training. Situations that the figures
are measured on come from other seeds and are never trained on.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from app.settings import Settings
from grid.cases.cases import load_case
from grid.network import Network
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.reinforce import Trainer
from ml.optimisation.switching.memory import TreeMemory
from ml.optimisation.switching.net import SwitchingNet
from ml.optimisation.switching.problem import SwitchingProblem, Variety
from ml.optimisation.training import LearningOptimizer, parameters_for
from tests.paths import SHARED

FEEDERS = SHARED / "feeders"
KEPT = Path("var/benchmarks")
NAMES = ("feeder33", "feeder69", "feeder84", "feeder202")
FIRST_SEED, MOST_SEEDS = 101, 50
EPISODES = int(Settings.model_fields["training_episodes"].default)
SAVE_EVERY = 100


@dataclass(frozen=True, kw_only=True)
class Scope:
    """With the policies of which seeds feeders are measured: all from the first on, none chosen."""

    count: int = MOST_SEEDS

    @property
    def seeds(self) -> range:
        """The seeds."""
        return range(FIRST_SEED, FIRST_SEED + self.count)


@cache
def feeder(name: str) -> Network:
    """A benchmark feeder."""
    return load_case(f"feeder:{FEEDERS / name}.json", Path("var")).network


def radial_grid(name: str) -> RadialGrid:
    """A benchmark feeder as policies know it."""
    return RadialGrid.of(feeder(name))


def failure_probability(grid: RadialGrid) -> np.ndarray:
    """(m,) in proportion to a branch's resistance, 1 % on average."""
    resistance = grid.impedance_pu.real
    return np.clip(0.01 * resistance / resistance.mean(), 0.001, 0.1)


def problem(grid: RadialGrid) -> SwitchingProblem:
    """What policies are trained on."""
    return SwitchingProblem(grid, failure_probability(grid), Variety())


def in_training(network: Network, seed: int) -> LearningOptimizer:
    """What the dashboard's first training begins with, or goes on with where something is kept."""
    parameters = parameters_for(network, EPISODES, EPISODES, seed)
    found = LearningOptimizer(network, failure_probability(RadialGrid.of(network)), parameters)
    found.resume(_folder(seed))
    return found


def trained(name: str, seed: int) -> LearningOptimizer:
    """The optimiser with the policy of one seed. RuntimeError where it hasn't been trained to the end."""
    found = in_training(feeder(name), seed)
    if found.episodes < EPISODES:
        raise RuntimeError(f"{name} seed {seed} is trained for {found.episodes} of {EPISODES} episodes: "
                           f"python -m tests.benchmarks.policies {name}")  # fmt: skip
    return found


def net(name: str, seed: int) -> SwitchingNet:
    """The policy alone, as trained(name, seed) has it."""
    optimizer, found = trained(name, seed), SwitchingNet()
    posed = problem(radial_grid(name))
    learner = Trainer(found, posed, optimizer.parameters, TreeMemory(posed))
    learner.resume(optimizer.folder(_folder(seed)), optimizer.about)
    return found


def train(network: Network, seed: int) -> LearningOptimizer:
    """Train one policy to the end."""
    optimizer, began = in_training(network, seed), time.process_time()
    while optimizer.episodes < EPISODES:
        optimizer.train_episode()
        if optimizer.episodes % SAVE_EVERY == 0 or optimizer.episodes == EPISODES:
            optimizer.save(_folder(seed))
    optimizer.take_over()
    spent = time.process_time() - began
    print(f"{network.name} seed {seed}: {optimizer.episodes} episodes, {spent:.0f} s of processor", flush=True)
    return optimizer


def _folder(seed: int) -> Path:
    return KEPT / f"seed{seed}"


def parser(description: str) -> argparse.ArgumentParser:
    """Of a command that can do with fewer seeds."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--seeds", type=int, default=MOST_SEEDS, help=f"how many, from {FIRST_SEED} on")
    return made


def main() -> int:
    """Train the policies of some feeders, by default all; returns the exit code."""
    command = parser("Train the policies that the optimiser's benchmark measures.")
    command.add_argument("feeder", nargs="*", metavar="FEEDER", help=", ".join(NAMES))
    given = command.parse_args()
    if not FEEDERS.exists():
        print(f"skipped: there are no benchmark feeders at {FEEDERS}")
        return 0
    torch.set_num_threads(1)
    for seed in Scope(count=given.seeds).seeds:
        for name in given.feeder or NAMES:
            train(feeder(name), seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
