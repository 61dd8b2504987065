"""The compiled net gives what the torch net gives, and doesn't follow its training."""

import numpy as np
import torch

from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.switching.net import Situation, SwitchingNet
from ml.optimisation.switching.net_compiled import Forward
from ml.optimisation.switching.problem import SwitchingProblem, Variety
from tests.cases import shared_case

VARIETIES = 12


def net_with_effect(seed: int) -> SwitchingNet:
    """A net whose every weight counts: one that is new adds nothing to the prior, and its norms do nothing."""
    torch.manual_seed(seed)
    net = SwitchingNet(hidden=24, layers=3)
    with torch.no_grad():
        for weight in net.parameters():
            weight += 0.3 * torch.randn_like(weight)
    return net


def situations(case: str) -> list[Situation]:
    """Situations of 5 loads each, some after outages, some with a risk weight."""
    grid = RadialGrid.of(shared_case(case).network)
    problem = SwitchingProblem(grid, np.full(len(grid.usable), 0.01), Variety(outage_share=0.5))
    rng = np.random.default_rng(7)
    return [problem.draw(5, rng).seen for _ in range(VARIETIES)]


def test_it_gives_what_the_net_gives() -> None:
    net = net_with_effect(1)
    forward = Forward(net)
    for seen in situations("case33bw"):
        with torch.no_grad():
            expected = net(seen)
        found = forward(seen)
        assert found.dtype == expected.dtype
        assert expected.std() > 0.5
        np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-4)


def test_later_training_does_not_change_it() -> None:
    net = net_with_effect(2)
    seen = situations("case33bw")[0]
    forward = Forward(net)
    before = forward(seen)
    with torch.no_grad():
        for weight in net.parameters():
            weight += 1.0
    assert torch.equal(forward(seen), before)
    assert not torch.allclose(Forward(net)(seen), before)
