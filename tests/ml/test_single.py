"""REINFORCE on a single situation, against the proven optimum of the 33-bus feeder."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from grid.cases import load_case
from ml.radialflow import exchange_neighbours, is_radial_batch
from ml.radialgrid import RadialGrid
from ml.single import SINGLE_PARAMETERS, solve_single
from ml.switching_problem import SwitchingProblem, SwitchingSituations
from tests.ml.varieties import LOADS_ONLY

torch.set_num_threads(1)


@cache
def feeder33() -> tuple[SwitchingProblem, SwitchingSituations]:
    grid = RadialGrid.of(load_case("case33bw", Path("var")).network)
    problem = SwitchingProblem(grid, np.full(len(grid.usable), 0.01), LOADS_ONLY, risk_weight=0.0)
    return problem, problem.situations(grid.demand_pu[None], grid.load_pu[None])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_optimum_is_found_from_scratch(seed: int) -> None:
    problem, seen = feeder33()
    torch.manual_seed(seed)
    found = solve_single(problem, seen, replace(SINGLE_PARAMETERS, seed=seed))
    assert found.polished_kw == pytest.approx(139.5513, abs=0.001)  # proven: exhaustive search of 50,751 trees
    assert found.polished_kw <= found.sampled_kw
    assert is_radial_batch(seen.objective.loops, found.opened[None]).all()


def test_what_is_returned_costs_what_is_said_and_no_exchange_improves_it() -> None:
    problem, seen = feeder33()
    found = solve_single(problem, seen, replace(SINGLE_PARAMETERS, steps=2))
    assert seen.costs(found.opened[None], 0).total[0] == pytest.approx(found.polished_kw, rel=1e-8)
    neighbours = exchange_neighbours(seen.objective.loops, found.opened)
    assert seen.costs(neighbours, 0).total.min() >= found.polished_kw * (1 - 1e-8)
