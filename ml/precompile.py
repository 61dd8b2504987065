"""`python -m ml.precompile`: compile what the optimiser's first decision would otherwise wait for, after installing.

Numba keeps the result beside the modules, or where NUMBA_CACHE_DIR says. Without it the first start takes longer.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from grid.cases.cases import load_case
from grid.flow.powerflow import Injection
from ml.optimisation.optimizer import SmartGridOptimizer
from ml.optimisation.plans.plan import Requirements
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.training import LearningOptimizer, parameters_for


def main() -> None:
    """One episode for the smallest radial case, and one plan by the policy that it keeps."""
    with TemporaryDirectory() as folder:
        cache = Path(folder)
        network = load_case("city8", cache).network
        branch, probability = network.branch, np.full(network.n_branch, 0.01)
        learning = LearningOptimizer(network, probability, parameters_for(network, 1, 1, 1))
        learning.train_episode()
        learning.save(cache)
        optimizer = SmartGridOptimizer(network)
        optimizer.use_kept(cache)
    operating_point = OperatingPoint(
        Injection.of_case(network), branch.closed, branch.in_service, probability, 1.0, 1.0
    )
    optimizer.propose(operating_point, Requirements(risk_weight=1.0))


if __name__ == "__main__":
    main()
