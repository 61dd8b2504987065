"""The compiled net gives what the torch net gives, by weights of any kind, and doesn't follow its training."""

import numpy as np
import pytest
import torch

from ml.optimisation.policy import PolicyError
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.reinforce import weights_of
from ml.optimisation.switching.net import SwitchingNet
from ml.optimisation.switching.net_compiled import Forward
from ml.optimisation.switching.problem import SwitchingProblem, Variety
from ml.optimisation.switching.situation import Situation, prior_phi
from tests.cases import shared_case

VARIETIES = 12
SINGLE = 1e-4  # what torch itself rounds in single precision, of phi up to 12


def net_with_effect(seed: int, hidden: int = 24, layers: int = 3) -> SwitchingNet:
    """A net whose every weight counts: one that is new adds nothing to the prior, and its norms do nothing."""
    torch.manual_seed(seed)
    net = SwitchingNet(hidden, layers)
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


@pytest.mark.parametrize(("case", "seed", "hidden", "layers"), [
    ("case33bw", 1, 24, 3), ("city8", 2, 48, 4), ("cigre_mv", 3, 48, 4), ("case33bw", 4, 8, 1),
])  # fmt: skip
def test_it_gives_what_the_net_gives(case: str, seed: int, hidden: int, layers: int) -> None:
    """To 1e-6 what torch gives for the same weights in double precision, and in single to what torch itself rounds."""
    net = net_with_effect(seed, hidden, layers)
    forward, spread = Forward(weights_of(net)), 0.0
    for seen in situations(case):
        found = forward(seen)
        with torch.no_grad():
            np.testing.assert_allclose(found, net.float()(seen).numpy(), atol=SINGLE)
            expected = net.double()(seen).numpy()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
        spread = max(spread, float(expected.std()))
    assert spread > 0.5


def test_an_untrained_net_is_the_prior() -> None:
    for seen in situations("case33bw"):
        np.testing.assert_allclose(Forward(weights_of(SwitchingNet()))(seen), prior_phi(seen), atol=1e-12)


def test_later_training_does_not_change_it() -> None:
    net = net_with_effect(2)
    seen = situations("case33bw")[0]
    forward = Forward(weights_of(net))
    before = forward(seen)
    with torch.no_grad():
        for weight in net.parameters():
            weight += 1.0
    np.testing.assert_array_equal(forward(seen), before)
    assert not np.allclose(Forward(weights_of(net))(seen), before)


def test_other_weights_are_refused() -> None:
    weights = dict(weights_of(SwitchingNet()))
    with pytest.raises(PolicyError, match=r"no weights of a switching policy.*prior_weight"):
        Forward({name: weight for name, weight in weights.items() if name != "prior_weight"})
    with pytest.raises(PolicyError, match="no weights of a switching policy"):
        Forward({name: weight for name, weight in weights.items() if not name.startswith("bus_steps")})
    with pytest.raises(PolicyError, match=r"reads \(4, 8\) features"):
        Forward(weights | {"read_bus.weight": weights["read_bus.weight"][:, :4]})
