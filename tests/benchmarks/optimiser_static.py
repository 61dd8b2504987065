"""Figure 1 of the optimiser: the feeders with known optima, by the product's own first training and proposal."""

import json

import numpy as np

from grid.flow.powerflow import Injection
from grid.network import Network
from ml.optimisation.plans.plan import Requirements
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.radial.grid import RadialGrid
from tests.benchmarks.policies import EPISODES, FEEDERS, Scope, failure_probability, feeder, train
from tests.benchmarks.report import Figure

HEAD = "| feeder | best known, kW | proof | proposed: seeds at the optimum, mean kW |"
NAMES = ("feeder16", "feeder33", "feeder69", "feeder70", "feeder84", "feeder202")
TOLERANCE_KW = 0.01  # best_known.json is of series impedances alone; a proposal is verified by full AC power flow


def static(scope: Scope) -> tuple[list[Figure], str]:
    """One proposal for the nominal load by each seed's policy, trained where it isn't kept yet; figures and a table."""
    known = json.loads((FEEDERS / "best_known.json").read_text())
    figures, lines, seeds = [], [HEAD, "|---|---|---|---|"], scope.seeds
    for name in NAMES:
        network, best = feeder(name), known[name]["best_loss_kw"]
        losses = [_proposed_kw(network, seed) for seed in seeds]
        hits = sum(loss <= best + TOLERANCE_KW for loss in losses)
        lines.append(
            f"| {name} | {best:.4f} | {known[name]['proof']} | {hits} of {len(seeds)}, {np.mean(losses):.3f} |"
        )
        what = f"{name}, trained from nothing: seeds whose plan reaches {best:.2f} kW"
        figures.append(Figure(what, f"{hits} of {len(seeds)}", "all", hits == len(seeds)))
    words = f"Policies of {EPISODES} episodes, as of the dashboard's first start; the plan is for the nominal load."
    return figures, f"### Known optima\n\n{words}\n\n" + "\n".join(lines)


def _proposed_kw(network: Network, seed: int) -> float:
    """Losses in kW that are in force after the plan."""
    optimizer, branch = train(network, seed), network.branch
    probability = failure_probability(RadialGrid.of(network))
    operating_point = OperatingPoint(
        Injection.of_case(network), branch.closed, branch.in_service, probability, 8760.0, 0.0
    )
    proposal = optimizer.propose(operating_point, Requirements())
    return (proposal.present if proposal.plan is None else proposal.plan.after).loss_kw
