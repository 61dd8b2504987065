"""`python -m ml.precompile`: compile what the optimiser's first decision would otherwise wait for, after installing.

Numba keeps the result beside the modules, or where NUMBA_CACHE_DIR says. Without it the first start takes longer.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from grid.cases.cases import load_case
from grid.flow.powerflow import Injection
from ml.optimisation.optimizer import SmartGridOptimizer, parameters_for
from ml.optimisation.plans.plan import Requirements
from ml.optimisation.plans.verification import OperatingPoint


def main() -> None:
    """One episode and one plan for the smallest radial case."""
    with TemporaryDirectory() as cache:
        network = load_case("city8", Path(cache)).network
    branch, probability = network.branch, np.full(network.n_branch, 0.01)
    optimizer = SmartGridOptimizer(network, probability, parameters_for(network, 1, 1, 1))
    optimizer.train_episode()
    optimizer.take_over()
    operating_point = OperatingPoint(
        Injection.of_case(network), branch.closed, branch.in_service, probability, 1.0, 1.0
    )
    optimizer.propose(operating_point, Requirements(risk_weight=1.0))


if __name__ == "__main__":
    main()
