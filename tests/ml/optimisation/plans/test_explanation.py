"""What each pair of a plan brings: shares against all orders of coming, their sum, symmetry, and how actions pair."""

import itertools

import numpy as np
import pandapower
import pytest

from grid.files.pandapower.convert import network_from_pandapower
from grid.network import BoolArray, FloatArray, Network
from ml.optimisation.plans.explanation import explained, paired, sampled_shapley, shapley
from ml.optimisation.plans.plan import Plan, Requirements
from ml.optimisation.plans.reasons import Explanation, Gain, ShareMethod
from ml.optimisation.plans.switching_order import safe_order
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.switching.optimizer import SwitchingOptimizer
from tests.ml.operating_points import network_of, operating_point_at, random_configurations

PARTS = ("supply_kw", "violation", "loss_kw", "expected_interrupted_kw")


def plan_to(network: Network, operating_point: OperatingPoint, target: BoolArray) -> Plan:
    """A plan to switch states, whether or not they are better."""
    verifier, wanted = Verifier(network), Requirements()
    before = verifier.verdict(operating_point, operating_point.closed, wanted)
    after = verifier.verdict(operating_point, target, wanted)
    assert before is not None
    assert after is not None
    actions = safe_order(verifier, operating_point, wanted, before, target)
    assert actions
    return Plan(wanted, actions, (), before, after, 0.0, 0.0, network)


def proposed(network: Network, operating_point: OperatingPoint) -> Plan:
    plan = SwitchingOptimizer(network, 1).propose(operating_point, Requirements()).plan
    assert plan is not None
    return plan


def by_all_orders(verifier: Verifier, operating_point: OperatingPoint, plan: Plan, found: Explanation) -> FloatArray:
    """(pairs, 4) what each pair adds, the mean over every order in which they could come, each state solved anew."""

    def worth(closed: BoolArray) -> FloatArray:
        verdict = verifier.verdict(operating_point, closed, plan.requirements, injection=plan.before.injection)
        assert verdict is not None
        unsupplied_kw = 1000 * float(verdict.injection.load_p_mw[~verdict.supplied_loads].sum())
        parts = unsupplied_kw, verdict.excess.total, verdict.loss_kw, verdict.expected_interrupted_kw
        return -np.array(parts)

    orders = list(itertools.permutations(range(len(found.pairs))))
    added = np.zeros((len(found.pairs), 4))
    for order in orders:
        closed = plan.before.closed.copy()
        for pair in order:
            before = worth(closed)
            for action in found.pairs[pair].actions:
                closed[action.branch] = action.close
            added[pair] += worth(closed) - before
    return added / len(orders)


def parts(gain: Gain) -> list[float]:
    return [getattr(gain, name) for name in PARTS]


def assert_adds_up(found: Explanation, plan: Plan) -> None:
    """To what the plan changes, by its own two states."""
    total = np.sum([parts(pair.share) for pair in found.pairs], axis=0)
    before, after = plan.before, plan.after
    whole = [
        before.weighted_unsupplied_kw - after.weighted_unsupplied_kw,
        before.excess.total - after.excess.total,
        before.loss_kw - after.loss_kw,
        before.expected_interrupted_kw - after.expected_interrupted_kw,
    ]
    np.testing.assert_allclose(total, whole, atol=1e-6)
    np.testing.assert_allclose(total, parts(found.whole), atol=1e-6)


@pytest.mark.parametrize("spec", ["city8", "case33bw"])
def test_shares_are_what_all_orders_of_coming_give_and_add_up(spec: str) -> None:
    network = network_of(spec)
    operating_point, verifier = operating_point_at(network), Verifier(network)
    plan = proposed(network, operating_point)
    found = explained(verifier, operating_point, plan)
    assert found.method is ShareMethod.EXACT
    assert found.states == 2 ** len(found.pairs)
    assert sorted(action.branch for pair in found.pairs for action in pair.actions) == sorted(
        action.branch for action in plan.actions
    )
    expected = by_all_orders(verifier, operating_point, plan, found)
    # each state solved from a flat start, to Newton's tolerance
    np.testing.assert_allclose([parts(pair.share) for pair in found.pairs], expected, atol=1e-4)
    assert_adds_up(found, plan)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_between_radial_states_every_pair_can_be_done_by_itself(seed: int) -> None:
    network = network_of("case33bw")
    start, target = random_configurations(network, 2, seed)
    operating_point, verifier = operating_point_at(network, start, 0.3), Verifier(network)
    plan = plan_to(network, operating_point, target)
    pairs = paired(verifier, operating_point, plan)
    assert all(len(pair) == 2 for pair in pairs)
    for pair in pairs:
        closed = start.copy()
        for action in pair:
            closed[action.branch] = action.close
        assert verifier.supplied(operating_point, closed).all()
    found = explained(verifier, operating_point, plan)
    assert [pair.share.supply_kw for pair in found.pairs] == pytest.approx([0.0] * len(pairs), abs=1e-6)
    assert_adds_up(found, plan)


def twins() -> Network:
    """A source with two sides that are alike: each end is fed over a long line, and has a short tie to the source."""
    net = pandapower.create_empty_network(sn_mva=1.0)
    source = pandapower.create_bus(net, 10.0, min_vm_pu=0.9, max_vm_pu=1.1, name="source")
    pandapower.create_ext_grid(net, source)
    for side in "AB":
        near, far = (pandapower.create_bus(net, 10.0, min_vm_pu=0.9, max_vm_pu=1.1, name=f"{side}{i}") for i in (1, 2))
        for first, second, ohm, name in (
            (source, near, 0.5, "head"),
            (near, far, 4.0, "long"),
            (source, far, 0.5, "tie"),
        ):
            pandapower.create_line_from_parameters(
                net, first, second, 1.0, ohm, 0.4, 0.0, 1.0, in_service=name != "tie", name=f"{name} {side}"
            )
        pandapower.create_load(net, near, 0.4, 0.1)
        pandapower.create_load(net, far, 0.5, 0.1)
    line = net.line.index[net.line.name.str.startswith("tie")]
    net.line.loc[line, "in_service"] = True
    for tie in line:
        pandapower.create_switch(net, net.line.from_bus[tie], tie, "l", closed=False)
    return network_from_pandapower(net, "twins", "two sides alike", state_is_secure=True)


def test_pairs_that_are_alike_have_equal_shares() -> None:
    network = twins()
    operating_point = operating_point_at(network)
    plan = proposed(network, operating_point)
    found = explained(Verifier(network), operating_point, plan)
    names = [{network.branch.name[action.branch] for action in pair.actions} for pair in found.pairs]
    assert sorted(map(sorted, names)) == [["long A", "tie A"], ["long B", "tie B"]]
    one, other = (pair.share for pair in found.pairs)
    assert parts(one) == pytest.approx(parts(other), abs=1e-6)
    assert one.loss_kw > 1
    assert_adds_up(found, plan)


def test_a_closing_that_brings_supply_back_stands_alone_with_all_of_it() -> None:
    network = network_of("case33bw")
    out = 4
    operating_point, verifier = operating_point_at(network, level=0.4, out=(out,)), Verifier(network)
    present = verifier.verdict(operating_point, operating_point.closed, Requirements())
    assert present is not None
    assert present.unsupplied_kw > 0
    ties = np.flatnonzero(~operating_point.closed & operating_point.available)
    lively = [
        int(tie)
        for tie in ties
        if verifier.supplied(operating_point, operating_point.closed | (np.arange(network.n_branch) == tie)).all()
    ]
    target = operating_point.closed.copy()
    target[lively[0]] = True
    plan = plan_to(network, operating_point, target)
    (pair,) = explained(verifier, operating_point, plan).pairs
    assert [(action.branch, action.close) for action in pair.actions] == [(lively[0], True)]
    assert pair.share.supply_kw == pytest.approx(present.unsupplied_kw)
    assert pair.share.loss_kw < 0  # what is supplied again has losses


def test_restorations_have_players_that_add_up() -> None:
    network = network_of("case33bw")
    for out in (2, 5, 20, 26):
        operating_point = operating_point_at(network, level=0.6, out=(out,))
        plan = proposed(network, operating_point)
        found = explained(Verifier(network), operating_point, plan)
        assert found.whole.supply_kw > 1
        assert_adds_up(found, plan)


def test_sampled_shares_add_up_and_lie_within_their_errors() -> None:
    rng = np.random.default_rng(4)
    table = rng.normal(size=(2**7, 2))

    def value(subset: frozenset[int]) -> FloatArray:
        return table[sum(2**player for player in subset)]

    exact = shapley(7, value)
    shares, errors = sampled_shapley(7, value, 400, np.random.default_rng(1))
    whole = value(frozenset(range(7))) - value(frozenset())
    np.testing.assert_allclose(exact.sum(axis=0), whole)
    np.testing.assert_allclose(shares.sum(axis=0), whole)
    deviation = (shares - exact) / errors
    assert np.abs(deviation).max() < 4.0
    assert 0.5 < deviation.std() < 1.5


def test_a_plan_of_more_than_five_pairs_is_sampled_with_its_error() -> None:
    network = network_of("simbench")
    operating_point = operating_point_at(network)
    plan = plan_to(network, operating_point, many_pairs(network, operating_point))
    found = explained(Verifier(network), operating_point, plan)
    again = explained(Verifier(network), operating_point, plan)
    assert len(found.pairs) > 5
    assert found.method is ShareMethod.SAMPLED
    assert [pair.share for pair in found.pairs] == [pair.share for pair in again.pairs]
    assert any(pair.error.loss_kw > 0 for pair in found.pairs)
    assert_adds_up(found, plan)


def many_pairs(network: Network, operating_point: OperatingPoint) -> BoolArray:
    """Switch states that differ from the present in six pairs, each a single exchange that keeps supply."""
    verifier, closed, kept = Verifier(network), operating_point.closed.copy(), 0
    branch = network.branch
    for tie in np.flatnonzero(~operating_point.closed & operating_point.available):
        ends = branch.from_bus[tie], branch.to_bus[tie]
        beside = np.isin(branch.from_bus, ends) | np.isin(branch.to_bus, ends)
        for other in np.flatnonzero(closed & operating_point.closed & beside):
            states = closed.copy()
            states[tie], states[other] = True, False
            if verifier.supplied(operating_point, states).all():
                closed, kept = states, kept + 1
                break
        if kept == 6:
            return closed
    raise AssertionError(f"only {kept} pairs")


def test_a_plan_without_switching_has_no_pairs() -> None:
    network = network_of("case33bw")
    operating_point, verifier = operating_point_at(network), Verifier(network)
    before = verifier.verdict(operating_point, operating_point.closed, Requirements())
    assert before is not None
    found = explained(verifier, operating_point, Plan(Requirements(), (), (), before, before, 0.0, 0.0, network))
    assert found.pairs == ()
    assert parts(found.whole) == [0.0] * 4
