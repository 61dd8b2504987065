"""What ranks configurations where something is dark: limits are shifted by what the present state shows, no more."""

import numpy as np
import pandapower
import pytest

from grid.files.pandapower.convert import network_from_pandapower
from grid.network import Network
from ml.optimisation.plans.plan import Requirements
from ml.optimisation.plans.verification import Verifier
from ml.optimisation.radial.objective import FORBIDDEN_KW
from ml.optimisation.switching.choice import Choice, Choices
from tests.ml.operating_points import operating_point_at


def one_way_back(length_km: float) -> Network:
    """A source, two feeders of one load each, and a tie between their ends that is the only way back."""
    net = pandapower.create_empty_network(sn_mva=1.0)
    source, one, other = (pandapower.create_bus(net, 20.0, min_vm_pu=0.95, max_vm_pu=1.05) for _ in range(3))
    pandapower.create_ext_grid(net, source, vm_pu=1.0)
    for tail, head, km in ((source, one, 2.0), (source, other, 2.0), (one, other, length_km)):
        pandapower.create_line_from_parameters(
            net, tail, head, length_km=km, r_ohm_per_km=0.5, x_ohm_per_km=0.35, c_nf_per_km=0.0, max_i_ka=1.0
        )
    pandapower.create_switch(net, 0, 0, et="l", closed=True)
    pandapower.create_switch(net, one, 2, et="l", closed=False)
    for bus in (one, other):
        pandapower.create_load(net, bus, 4.0, 1.0)
    return network_from_pandapower(net, "one way back", "two feeders and a tie", state_is_secure=True)


@pytest.mark.parametrize("sheds", [False, True])
@pytest.mark.parametrize("length_km", [0.5, 2.0, 6.0])
def test_limits_that_the_ranking_sees_exactly_are_not_shifted(sheds: bool, length_km: float) -> None:
    """Where one tie is the only way back, the nearest configuration isn't the present state: nothing is read off it."""
    network = one_way_back(length_km)
    operating_point, wanted, verifier = operating_point_at(network, out=(1,)), Requirements(), Verifier(network)
    present = verifier.verdict(operating_point, operating_point.closed, wanted)
    assert present is not None
    choice: Choice = Choices(network, verifier.bounds).at(operating_point, wanted, present, sheds=sheds)
    np.testing.assert_allclose(choice.objective.limits.min_vm_pu, 0.95, atol=1e-6)
    restored = np.array([True, False, True])
    opened, verdict = choice.opened(restored), verifier.verdict(operating_point, restored, wanted)
    assert opened is not None
    assert verdict is not None
    assert (choice.cost(opened[None])[0] >= FORBIDDEN_KW) == bool(verdict.violation)
