"""REINFORCE with a leave-one-out baseline (Williams 1992; Kool et al. 2019), readable from top to bottom.

In each step some situations are drawn, the policy samples several actions in each, the power flow says what each costs,
and the policy is moved towards those that cost less than the others' mean.
"""

import io
import json
import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from pickle import UnpicklingError
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from grid.network import FloatArray
from ml.optimisation.policy import LearnedPolicy, Weights
from ml.optimisation.progress import DecisionGap, Hyperparameters, Progress

Seen = TypeVar("Seen")
SeenBefore_contra = TypeVar("SeenBefore_contra", contravariant=True)
WORST_RATIO = 3.0  # an action without a solution counts as so many times the median cost
JUDGED_SITUATIONS, JUDGED_SEED = 16, 20_260_701  # that decisions are measured in while training goes on
ROUNDING = 1e-9  # of a cost: less is no difference
EVALUATED_EVERY = 20  # steps: so often are decisions on fixed situations judged


class Distribution(Protocol):
    """A policy's distributions over the actions of b situations."""

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(b, count, ...) actions."""
        ...

    def log_prob(self, actions: Tensor) -> Tensor:
        """(b, count) logarithms of the actions' probabilities, differentiable."""
        ...

    def entropy(self) -> Tensor:
        """(b,) nats, differentiable."""
        ...


class Problem(Protocol, Generic[Seen]):
    """What is trained on: situations, the policy's answer to them, and what actions cost."""

    def draw(self, count: int, rng: np.random.Generator) -> Seen:
        """Situations that training may see."""
        ...

    def distribution(self, net: nn.Module, seen: Seen) -> Distribution:
        """What the policy would do."""
        ...

    def cost(self, seen: Seen, actions: Tensor) -> FloatArray:
        """(b, count), positive; infinite for an action without a solution."""
        ...


class Memory(Protocol, Generic[SeenBefore_contra]):
    """Actions to learn from beside the sampled ones."""

    def recall(self, seen: SeenBefore_contra, actions: Tensor, cost: FloatArray) -> tuple[Tensor, FloatArray] | None:
        """One more action (b, 1, ...) for each situation and its cost (b, 1), after actions (b, k, ...) were judged."""
        ...

    def state(self) -> Tensor:
        """What a checkpoint keeps of it."""
        ...

    def restore(self, state: Tensor) -> None:
        """Go on from a checkpoint."""
        ...


class Yardstick(Protocol):
    """Decisions of a policy in s situations that stay the same, and the best that is known for each."""

    best_cost: FloatArray
    """(s,) infinite where nothing is known yet"""
    dark_cost: FloatArray
    """(r,) of the last r situations, restorations, what it costs to restore nothing; none where supply is no choice"""

    def evaluate(self, net: nn.Module) -> FloatArray:
        """(s,) costs of what the policy decides now, without exploring; best_cost improves where one is better."""
        ...


@dataclass(frozen=True)
class Evaluation:
    """What decisions on the fixed situations cost (s,) after so many steps."""

    step: int
    cost: tuple[float, ...]


class Trainer(Generic[Seen]):
    """Trains a policy on a problem; can be stopped after any step and resumed from a checkpoint."""

    def __init__(
        self, net: nn.Module, problem: Problem[Seen], parameters: Hyperparameters, memory: Memory[Seen] | None = None
    ) -> None:
        self.net, self.problem, self.parameters, self._memory = net, problem, parameters, memory
        self.curve: list[Progress] = []
        self.yardstick: Yardstick | None = None
        self.evaluations: list[Evaluation] = []
        self._optimiser = torch.optim.Adam(net.parameters(), parameters.learning_rate)
        self._rng = np.random.default_rng(parameters.seed)
        self._generator = torch.Generator().manual_seed(parameters.seed)

    @property
    def steps_done(self) -> int:
        """Gradient steps so far."""
        return self.curve[-1].step if self.curve else 0

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or none of the last ones was an improvement."""
        patience = self.parameters.patience
        rewards = [progress.reward for progress in self.curve]
        stalled = 0 < patience < len(rewards) and max(rewards[-patience:]) <= max(rewards[:-patience])
        return stalled or self.steps_done >= self.parameters.steps

    def train(self, report: Callable[[Progress], None] | None = None) -> None:
        """Step until finished; report is called after each step."""
        while not self.finished:
            progress = self.step()
            if report is not None:
                report(progress)

    def step(self) -> Progress:
        """Draw, sample, judge, improve; now and then judge decisions by the yardstick, before the first step too."""
        if not self.evaluations:
            self._evaluate()
        seen = self.problem.draw(self.parameters.situations, self._rng)
        policy = self.problem.distribution(self.net, seen)
        actions = policy.sample(self.parameters.rollouts, self._generator)
        sampled = cost = bounded(self.problem.cost(seen, actions))
        recalled = None if self._memory is None else self._memory.recall(seen, actions, cost)
        if recalled is not None:
            actions, cost = torch.cat([actions, recalled[0]], dim=1), np.concatenate([cost, recalled[1]], axis=1)
        advantage = torch.as_tensor(advantages(-np.log(cost), self.parameters.risk_seeking))
        entropy = policy.entropy().mean()
        loss = -(advantage * policy.log_prob(actions)).mean() - self._entropy_weight() * entropy
        for group in self._optimiser.param_groups:
            group["lr"] = self._learning_rate()
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), self.parameters.largest_gradient)
        self._optimiser.step()
        reward = -float(np.log(sampled).mean())
        progress = Progress(self.steps_done + 1, reward, float(entropy.detach()), float(loss.detach()))
        self.curve.append(progress)
        if progress.step % EVALUATED_EVERY == 0 or progress.step == self.parameters.steps:
            self._evaluate()
        return progress

    @property
    def decision_gaps(self) -> tuple[DecisionGap, ...]:
        """How far decisions have been from the best that is known by now, without exploration."""
        best = None if self.yardstick is None else self.yardstick.best_cost
        if best is None or not np.isfinite(best).any():
            return ()
        dark_cost = np.empty(0) if self.yardstick is None else self.yardstick.dark_cost
        usual = len(best) - len(dark_cost)
        known = np.isfinite(best[:usual])
        found = []
        for item in self.evaluations:
            cost = np.array(item.cost)
            gap = _gap_percent(cost[:usual][known], best[:usual][known])
            dark = _dark_percent(cost[usual:], best[usual:], dark_cost)
            found.append(DecisionGap(item.step, gap, int(known.sum()), dark, len(dark_cost)))
        return tuple(found)

    def _evaluate(self) -> None:
        if self.yardstick is not None:
            self.evaluations.append(Evaluation(self.steps_done, tuple(self.yardstick.evaluate(self.net).tolist())))

    def _share_done(self) -> float:
        return min(1.0, self.steps_done / self.parameters.steps)

    def _entropy_weight(self) -> float:
        start, end = self.parameters.entropy_start, self.parameters.entropy_end
        return start + (end - start) * self._share_done()

    def _learning_rate(self) -> float:
        warm = min(1.0, (self.steps_done + 1) / max(self.parameters.warm_up_steps, 1))
        return self.parameters.learning_rate * warm * max(1 - self._share_done(), 0.01)

    def policy(self, about: dict[str, object]) -> LearnedPolicy:
        """The policy as it is now; later steps don't change it."""
        return LearnedPolicy(
            weights=weights_of(self.net), about=about, parameters=asdict(self.parameters), episodes=self.steps_done
        )

    def save(self, folder: Path, about: dict[str, object]) -> None:
        """Write weights and state (weights.pt) and what they are (metadata.json: about, parameters, the curve).

        Beside them stands what decides by them needs, see LearnedPolicy. Raises OSError.
        """
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "net": self.net.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator.get_state(),
            **({} if self._memory is None else {"memory": self._memory.state()}),
        }
        content = io.BytesIO()
        torch.save(state, content)  # into memory: torch hides what the file system says
        (folder / "weights.pt.part").write_bytes(content.getvalue())
        (folder / "weights.pt.part").replace(folder / "weights.pt")
        metadata = {
            "about": about,
            "parameters": asdict(self.parameters),
            "rng": self._rng.bit_generator.state,
            "curve": [asdict(progress) for progress in self.curve],
            "evaluations": [asdict(item) for item in self.evaluations],
            "best_cost": [] if self.yardstick is None else self.yardstick.best_cost.tolist(),
        }
        (folder / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
        self.policy(about).save(folder)

    def resume(self, folder: Path, about: dict[str, object]) -> None:
        """Go on from a checkpoint. One from before decisions were evaluated begins to evaluate with its next step.

        ValueError where it is of something else or damaged, FileNotFoundError where there is none.
        """
        try:
            self._resume(folder, about)
        except (KeyError, TypeError, RuntimeError, EOFError, UnpicklingError) as error:
            raise ValueError(f"{folder}: the checkpoint can't be read: {error!r}") from None

    def _resume(self, folder: Path, about: dict[str, object]) -> None:
        metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
        for name, expected in (("about", about), ("parameters", asdict(self.parameters))):
            if metadata[name] != expected:
                raise ValueError(f"{folder}: the checkpoint's {name} is {metadata[name]}, not {expected}")
        names = {field.name for field in fields(Progress)}
        curve = [Progress(**{name: row[name] for name in names}) for row in metadata["curve"]]
        evaluations = [Evaluation(row["step"], tuple(row["cost"])) for row in metadata.get("evaluations", [])]
        best_cost = np.array(metadata.get("best_cost", []), dtype=float)
        measured = self.yardstick is not None and bool(evaluations)
        if self.yardstick is not None and measured and best_cost.shape != self.yardstick.best_cost.shape:
            raise ValueError(f"{folder}: the checkpoint's decisions are of {len(best_cost)} other situations")
        state = torch.load(folder / "weights.pt", weights_only=True)
        deepcopy(self.net).load_state_dict(state["net"])  # what doesn't fit must leave the net as it was
        remembered: Tensor = torch.empty(0) if self._memory is None else state["memory"]
        self.net.load_state_dict(state["net"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._generator.set_state(state["generator"])
        self._rng.bit_generator.state = metadata["rng"]
        if self._memory is not None:
            self._memory.restore(remembered)
        self.curve = curve
        if self.yardstick is not None and measured:
            self.evaluations, self.yardstick.best_cost = evaluations, best_cost


def weights_of(net: nn.Module) -> Weights:
    """Copies of all weights and constants of a net, by name."""
    return {name: value.detach().numpy().copy() for name, value in net.state_dict().items()}


def _gap_percent(cost: FloatArray, best: FloatArray) -> float:
    """Mean over situations of how much costs (s,) exceed the best (s,); one without a solution counts as 200 %."""
    excess = np.fmin(cost / best, WORST_RATIO) - 1
    return 100 * float(np.where(np.abs(excess) < ROUNDING, 0.0, excess).mean())


def _dark_percent(cost: FloatArray, best: FloatArray, dark_cost: FloatArray) -> float:
    """Mean over restorations of what costs (r,) exceed the best (r,) by, as a share of restoring nothing (r,)."""
    known = np.isfinite(best)
    if not known.any():
        return math.nan
    beyond = np.fmin(cost[known], np.finfo(float).max) - best[known]
    return 100 * float(np.clip(beyond / (dark_cost[known]), 0.0, 1.0).mean())


def bounded(cost: FloatArray) -> FloatArray:
    """(b, k) costs with those of no solution, and other extremes, at three times the situation's median."""
    finite = np.where(np.isfinite(cost), cost, np.nan)
    solvable = np.isfinite(finite).any(axis=1, keepdims=True)
    worst = WORST_RATIO * np.nanmedian(np.where(solvable, finite, 1.0), axis=1, keepdims=True)
    return np.fmin(np.where(np.isnan(finite), worst, finite), worst)


def advantages(reward: FloatArray, risk_seeking: float) -> FloatArray:
    """(b, k) each reward less the mean of the others in its situation, over their spread.

    Rewards below the quantile risk_seeking count as that quantile, so that the policy is moved by its best actions
    (Petersen et al. 2021, "Deep symbolic regression"): several are sampled for a decision, and the best one is taken.
    """
    kept = np.maximum(reward, np.quantile(reward, risk_seeking, axis=1, keepdims=True))
    others = (kept.sum(axis=1, keepdims=True) - kept) / (kept.shape[1] - 1)
    advantage = kept - others
    return advantage / (advantage.std(axis=1, keepdims=True) + 1e-8)
