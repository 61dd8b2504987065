"""Why a plan doesn't use a tie, against enumeration of all configurations; what limits cost, against other plans."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from grid.flow.powerflow import Injection
from grid.network import BoolArray, FloatArray, Network
from ml.optimisation.plans.alternatives import prices, reached, why_not
from ml.optimisation.plans.limits import Merit, broken
from ml.optimisation.plans.plan import Constraint, Proposal, Requirements, Verdict
from ml.optimisation.plans.reasons import TieUse, TieUseKind
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.radial.flow import RadialFlow
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.switching.optimizer import SwitchingOptimizer
from tests.cases import shared_case
from tests.ml.exhaustive import BATCH, ranked
from tests.ml.operating_points import network_of, operating_point_at
from tests.paths import ROOT

FEEDERS = ROOT.parent / "shared" / "data" / "feeders"


def shown(
    network: Network, operating_point: OperatingPoint, wanted: Requirements
) -> tuple[SwitchingOptimizer, Proposal]:
    optimizer = SwitchingOptimizer(network, 1)
    return optimizer, optimizer.propose(operating_point, wanted)


@dataclass(frozen=True, eq=False)
class Every:
    """All radial configurations, least losses first: switch states (k, m), lowest voltages (k,) of a radial flow."""

    closed: BoolArray
    lowest_pu: FloatArray


def by_losses(network: Network, operating_point: OperatingPoint) -> Every:
    grid = RadialGrid.of(network, operating_point.injection)
    grid = replace(grid, usable=grid.usable & operating_point.available)
    loops = grid.loops()
    flow = RadialFlow(loops, grid.impedance_pu, grid.source_vm_pu)
    opened, _ = ranked(lambda some: np.nan_to_num(flow.solve(some, grid.demand_pu).loss_pu, nan=np.inf), loops)
    parts = np.array_split(opened, 1 + len(opened) // BATCH)
    lowest = [flow.solve(part, grid.demand_pu).vm_pu.min(axis=1) for part in parts]
    return Every(loops.closed(opened), np.concatenate(lowest))


def best_with(
    verifier: Verifier, operating_point: OperatingPoint, wanted: Requirements, every: Every, branch: int
) -> Verdict | None:
    """The best of all configurations that use a branch and keep the limits, verified by AC power flow."""
    present = verifier.verdict(operating_point, operating_point.closed, wanted)
    assert present is not None
    low = 0.0 if wanted.min_vm_pu is None else wanted.min_vm_pu
    using = every.closed[every.closed[:, branch] & ~(every.lowest_pu < low - 1e-4)]
    kept: list[Verdict] = []
    for closed in using:
        verdict = verifier.verdict(operating_point, closed, wanted)
        if verdict is not None and not broken(verdict, present, wanted):
            kept.append(verdict)
        if len(kept) == 10:  # the ranking's losses are the power flow's to five digits
            break
    return min(kept, key=Merit.of) if kept else None


def assert_right(found: TieUse, best: Verdict | None, before: Verdict) -> None:
    """That an answer says what enumeration does."""
    if best is None:
        assert found.kind is TieUseKind.NOT_WITHIN_LIMITS
        assert found.binding is not None
        return
    assert found.kind is TieUseKind.POSSIBLE
    assert found.gain is not None
    assert found.plan is not None
    assert found.plan.after.closed[found.branch]
    assert found.gain.loss_kw == pytest.approx(before.loss_kw - best.loss_kw, abs=1e-3)
    assert found.gain.supply_kw == pytest.approx(0.0, abs=1e-6)


def asked() -> Iterator[tuple[str, float, Requirements]]:
    """A feeder, the level of its loads, and requirements, some of which forbid many configurations."""
    for spec, low in (("feeder16", 0.972), ("feeder33", 0.93)):
        for level in (0.5, 1.0, 1.2):
            yield spec, level, Requirements()
        yield spec, 1.0, Requirements(min_vm_pu=low)


@pytest.mark.skipif(not FEEDERS.is_dir(), reason=f"the published feeders are not in {FEEDERS}")
@pytest.mark.parametrize(("spec", "level", "wanted"), list(asked()))
def test_why_not_is_right_for_every_tie_of_published_feeders(spec: str, level: float, wanted: Requirements) -> None:
    network = shared_case(f"feeder:{FEEDERS}/{spec}.json").network
    operating_point, verifier = operating_point_at(network, level=level), Verifier(network)
    optimizer, proposal = shown(network, operating_point, wanted)
    every, before = by_losses(network, operating_point), reached(proposal)
    ties = np.flatnonzero(~before.closed)
    assert len(ties) >= 3
    for tie in ties.tolist():
        found = why_not(optimizer.propose, operating_point, proposal, tie)
        assert_right(found, best_with(verifier, operating_point, wanted, every, tie), before)


def test_why_not_is_right_for_every_tie_of_a_built_in_feeder() -> None:
    network, wanted = network_of("case33bw"), Requirements()
    operating_point, verifier = operating_point_at(network), Verifier(network)
    optimizer, proposal = shown(network, operating_point, wanted)
    every, before = by_losses(network, operating_point), reached(proposal)
    for tie in np.flatnonzero(~before.closed).tolist():
        found = why_not(optimizer.propose, operating_point, proposal, tie)
        assert_right(found, best_with(verifier, operating_point, wanted, every, tie), before)
        assert found.gain is not None
        assert found.gain.loss_kw < 0  # the plan is the optimum


def test_what_stands_against_a_branch_is_named() -> None:
    network = network_of("case33bw")
    operating_point = operating_point_at(network, out=(3,))
    optimizer, proposal = shown(network, operating_point, Requirements(locked=frozenset({35})))
    in_use = int(np.flatnonzero(reached(proposal).closed)[0])

    def kind(branch: int) -> TieUseKind:
        return why_not(optimizer.propose, operating_point, proposal, branch).kind

    assert kind(in_use) is TieUseKind.IN_USE
    assert kind(3) is TieUseKind.OUT_OF_SERVICE
    assert kind(35) is TieUseKind.LOCKED


def test_a_loop_of_branches_that_stay_closed_is_named() -> None:
    network = network_of("case33bw")
    operating_point = operating_point_at(network)
    tie = int(np.flatnonzero(~operating_point.closed)[0])
    locked = frozenset(np.flatnonzero(operating_point.closed).tolist())
    optimizer, proposal = shown(network, operating_point, Requirements(locked=locked))
    assert why_not(optimizer.propose, operating_point, proposal, tie).kind is TieUseKind.LOOP


def test_a_limit_that_forbids_a_tie_is_named_with_its_element() -> None:
    """Feeding the far end over one tie alone breaks a voltage that a person has set."""
    network = network_of("case33bw")
    operating_point, verifier = operating_point_at(network), Verifier(network)
    every = by_losses(network, operating_point)
    low = max(_lowest(verifier, operating_point, closed) for closed in every.closed[:20]) - 1e-6
    wanted, forbidden = Requirements(min_vm_pu=low), 0
    optimizer, proposal = shown(network, operating_point, wanted)
    before = reached(proposal)
    for tie in np.flatnonzero(~before.closed).tolist():
        found = why_not(optimizer.propose, operating_point, proposal, tie)
        assert_right(found, best_with(verifier, operating_point, wanted, every, tie), before)
        if found.binding is not None:
            forbidden += 1
            assert found.binding.constraint is Constraint.LOW_VOLTAGE
            assert found.binding.value < low
    assert forbidden


def test_a_tie_may_leave_more_without_supply_and_says_how_much() -> None:
    """What has no supply is asked for with the tie closed: the answer is in supply first."""
    network = network_of("case33bw")
    operating_point = operating_point_at(network, out=(5,))
    optimizer, proposal = shown(network, operating_point, Requirements())
    before = reached(proposal)
    for tie in np.flatnonzero(~before.closed & operating_point.available).tolist():
        found = why_not(optimizer.propose, operating_point, proposal, tie)
        if found.plan is not None and found.gain is not None:
            after = found.plan.after
            assert after.closed[tie]
            assert found.gain.supply_kw == pytest.approx(before.weighted_unsupplied_kw - after.weighted_unsupplied_kw)
            assert found.gain.supply_kw < 1e-3


def test_the_price_of_a_limit_is_what_a_plan_within_a_wider_one_saves() -> None:
    """Against enumeration: the best within the limit, and within one that is 1 % wider."""
    network = network_of("case33bw")
    operating_point, verifier = operating_point_at(network), Verifier(network)
    states = by_losses(network, operating_point).closed
    low = _lowest(verifier, operating_point, states[0]) + 1e-5  # what loses least is just forbidden
    wanted = Requirements(min_vm_pu=low)
    optimizer, proposal = shown(network, operating_point, wanted)
    (price,) = prices(optimizer.propose, network, operating_point, proposal)
    assert price.limit.constraint is Constraint.LOW_VOLTAGE
    assert price.by == pytest.approx(0.01 * low)
    within = _best(verifier, operating_point, states, low)
    wider = _best(verifier, operating_point, states, 0.99 * low)
    assert price.gain.loss_kw == pytest.approx(within - wider, abs=1e-3)
    assert price.gain.loss_kw > 0
    assert price.loss_kw_per_unit == pytest.approx((within - wider) / (0.01 * low), rel=1e-2)


def _lowest(verifier: Verifier, operating_point: OperatingPoint, closed: BoolArray) -> float:
    verdict = verifier.verdict(operating_point, closed, Requirements())
    assert verdict is not None
    return verdict.min_vm_pu


def _best(verifier: Verifier, operating_point: OperatingPoint, states: BoolArray, low: float) -> float:
    """Losses of the best configuration whose voltages stay above a limit."""
    for closed in states:
        verdict = verifier.verdict(operating_point, closed, Requirements())
        if verdict is not None and verdict.min_vm_pu >= low:
            return verdict.loss_kw
    raise AssertionError("none")


def test_locks_and_pairs_have_prices_and_what_does_not_bind_has_none() -> None:
    network = network_of("case33bw")
    operating_point, free = operating_point_at(network), Requirements()
    optimizer, best = shown(network, operating_point, free)
    assert not list(prices(optimizer.propose, network, operating_point, best))
    assert best.plan is not None
    tie = next(action.branch for action in best.plan.actions if action.close)
    unused = int(np.flatnonzero(~best.plan.after.closed & ~operating_point.closed)[0])
    locked = optimizer.propose(operating_point, Requirements(locked=frozenset({tie, unused})))
    (price,) = prices(optimizer.propose, network, operating_point, locked)
    assert (price.limit.constraint, price.limit.element) == (Constraint.LOCKED, network.branch.name[tie])
    assert price.gain.loss_kw == pytest.approx(reached(locked).loss_kw - best.plan.after.loss_kw, abs=1e-3)
    few = optimizer.propose(operating_point, Requirements(most_pairs=1))
    (price,) = prices(optimizer.propose, network, operating_point, few)
    two = optimizer.propose(operating_point, Requirements(most_pairs=2))
    assert price.limit.constraint is Constraint.ACTIONS
    assert price.gain.loss_kw == pytest.approx(reached(few).loss_kw - reached(two).loss_kw, abs=1e-3)


def test_a_required_branch_changes_nothing_of_other_answers() -> None:
    network = network_of("city8")
    operating_point = operating_point_at(network)
    optimizer, proposal = shown(network, operating_point, Requirements())
    tie = int(np.flatnonzero(~reached(proposal).closed)[0])
    why_not(optimizer.propose, operating_point, proposal, tie)
    again = optimizer.propose(operating_point, Requirements())
    assert proposal.plan is not None
    assert again.plan is not None
    assert again.plan.code == proposal.plan.code
    own = Injection.of_case(network)
    np.testing.assert_array_equal(operating_point.injection.load_p_mw, own.load_p_mw)
