"""The planner: first training and its cache, plans for the latest snapshot, another grid, requirements."""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Event, Thread

import numpy as np
import pytest

from app.engine.board import Point, Quantity
from app.learning.requests import Answer, LearningRequest
from app.optimisation.request_priority import QUIET_S
from app.optimisation.worker import PARETO_EVERY, PATIENCE_S, PlanWorker
from grid.telemetry import EventKind
from ml.optimisation.plans.plan import Constraint, Plan, Proposal, Requirements
from ml.optimisation.plans.status import PlanStatus, PlanStatusKind
from tests.app.learning_here import LearningHere
from tests.app.rig import Rig, make_rig, no_answer, wait_for

EPISODES = 3


@pytest.fixture
def city(tmp_path: Path) -> Rig:
    """city8 with a policy of few episodes and a cache of its own."""
    return make_rig(tmp_path, training_episodes=EPISODES)


def planner(rig: Rig) -> PlanWorker:
    return rig.services.planner


def plan(rig: Rig, wanted: Requirements | None = None) -> Plan | None:
    """What the planner's thread does with a new snapshot, and the plan that came of it."""
    planner(rig).plan_once(rig.board, wanted or planner(rig).requirements)
    return planner(rig).plan


def train(rig: Rig) -> None:
    """The whole first training, or what is kept of one."""
    planner(rig).train_once(rig.board, fresh=False)
    while planner(rig).latest.training.running:
        planner(rig).train_once(rig.board, fresh=False)


def test_before_the_first_look_there_is_nothing(city: Rig) -> None:
    latest = planner(city).latest
    assert latest.network is city.now.case.network
    assert (latest.proposal, latest.training.episodes, latest.pareto) == (None, 0, ())
    assert latest.status == PlanStatus(kind=PlanStatusKind.WAITING_FOR_GRID)
    assert planner(city).plan is None


def test_a_plan_is_there_before_anything_was_learned(city: Rig) -> None:
    found = plan(city)
    assert found is not None
    assert found.saved_kw > 0
    assert found.before.loss_kw == pytest.approx(1000 * city.now.assessed.metrics.loss_mw, rel=1e-3)
    latest = planner(city).latest
    assert latest.simulated_at == city.now.simulated_at
    assert (latest.training.episodes, latest.training.running) == (0, False)
    assert latest.status == PlanStatus(kind=PlanStatusKind.WAITING_FOR_LEARNING)


def test_the_first_training_ends_and_is_kept_for_the_next_start(city: Rig, tmp_path: Path) -> None:
    plan(city)
    train(city)
    training = planner(city).latest.training
    assert (training.episodes, training.running, len(training.curve)) == (EPISODES, False, EPISODES)
    assert training.seconds > 0
    assert [step.step for step in training.curve] == [1, 2, 3]
    plan(city)
    assert planner(city).latest.status == PlanStatus(kind=PlanStatusKind.READY, episodes=EPISODES, wanted=EPISODES)
    again = make_rig(tmp_path, training_episodes=EPISODES)
    plan(again)
    train(again)
    kept = planner(again).latest.training
    assert (kept.episodes, kept.running) == (EPISODES, False)
    assert kept.curve == training.curve
    assert kept.gaps == training.gaps
    assert [found.step for found in kept.gaps] == [0, EPISODES]
    other = make_rig(tmp_path, training_episodes=EPISODES + 1)
    plan(other)
    train(other)
    assert planner(other).latest.training.episodes == EPISODES + 1
    assert [step.step for step in planner(other).latest.training.curve] == [1, 2, 3, 4]
    assert planner(other).latest.training.curve[:EPISODES] != training.curve  # learned anew: the schedule is another


def test_after_its_training_it_learns_one_episode_a_snapshot(city: Rig) -> None:
    plan(city)
    train(city)
    for count in (1, 2):
        city.run()
        planner(city).train_once(city.board, fresh=True)
        planner(city).train_once(city.board, fresh=False)
        assert planner(city).latest.training.episodes == EPISODES + count


class SlowToLearn(LearningHere):
    """The grid goes on while it is at work."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def ask(
        self, request: LearningRequest[Answer], waiting: Callable[[], None] = lambda: None, most_s: float = math.inf
    ) -> Answer:
        self.meanwhile()
        waiting()
        return super().ask(request, waiting, most_s)


def test_plans_are_of_the_present_state_while_what_learns_is_at_work(tmp_path: Path) -> None:
    learning = SlowToLearn()
    rig = make_rig(tmp_path, learning=learning, training_episodes=EPISODES)
    plan(rig)
    out = rig.now.case.network.branch.name.index("Campus Line")

    def trip() -> None:
        learning.meanwhile = lambda: None
        rig.services.engine.add_event(EventKind.LINE_OUTAGE, out, 1.0)
        rig.run()

    learning.meanwhile = trip
    planner(rig).train_once(rig.board, fresh=False)
    found = planner(rig).latest.proposal
    assert found is not None
    assert found.present.unsupplied_kw > 1000
    assert planner(rig).latest.simulated_at == rig.now.simulated_at


def test_damaged_policies_do_not_stop_it(city: Rig, tmp_path: Path) -> None:
    plan(city)
    train(city)
    files = list((tmp_path / "policies").rglob("*.*"))
    assert len(files) >= 2
    for file in files:
        file.write_bytes(b"damaged")
    again = make_rig(tmp_path, training_episodes=EPISODES)
    assert plan(again) is not None
    train(again)
    assert planner(again).latest.training.curve == planner(city).latest.training.curve  # learned anew


def test_versions_rise_and_pareto_points_come_with_a_trained_policy(city: Rig) -> None:
    plan(city)
    first = planner(city).latest.version
    train(city)
    for _ in range(11):
        city.run()
        plan(city)
    latest = planner(city).latest
    assert latest.version > first
    assert latest.pareto
    assert latest.present is not None
    losses = [point.loss_kw for point in latest.pareto]
    assert losses == sorted(losses)


def test_another_grid_is_taken_up_and_the_old_plan_is_gone(city: Rig) -> None:
    assert plan(city) is not None
    city.post("/api/case", {"case": "case33bw"}, 202)
    city.run()
    assert planner(city).plan is None
    assert planner(city).latest.proposal is None
    found = plan(city)
    assert found is not None
    assert len(found.after.closed) == 37
    assert planner(city).latest.network.name == "case33bw"
    assert planner(city).latest.training.episodes == 0
    train(city)
    assert planner(city).latest.training.episodes == EPISODES


def test_training_of_the_old_grid_is_not_shown_for_the_new_one(city: Rig) -> None:
    plan(city)
    old = city.board
    city.post("/api/case", {"case": "case33bw"}, 202)
    city.run()
    planner(city).train_once(old, fresh=True)
    assert planner(city).latest.training.episodes == 0
    assert planner(city).latest.network is city.now.case.network


def test_another_grid_forgets_locks_and_limits_but_keeps_the_risk_weight(city: Rig) -> None:
    planner(city).amend(
        city.board, lambda _: Requirements(risk_weight=0.2, locked=frozenset({13}), most_pairs=1, min_vm_pu=0.96)
    )
    city.run()
    assert city.now.control.requirements.locked == {13}
    city.post("/api/case", {"case": "case33bw"}, 202)
    city.run()
    plan(city)
    assert planner(city).requirements == Requirements(risk_weight=0.2)
    city.run()
    assert city.now.control.requirements == Requirements(risk_weight=0.2)


def test_requirements_are_checked_and_then_kept_to(city: Rig) -> None:
    first = plan(city)
    assert first is not None
    locked = frozenset({first.actions[0].branch})
    planner(city).amend(city.board, lambda _: Requirements(locked=locked))
    second = plan(city)
    assert second is None or not locked & {action.branch for action in second.actions}
    for wrong, word in (
        (Requirements(risk_weight=-1), "risk_weight"),
        (Requirements(min_vm_pu=1.1, max_vm_pu=1.0), "min_vm_pu"),
        (Requirements(max_loading_percent=5), "max_loading_percent"),
        (Requirements(most_pairs=4), "most_pairs"),
        (Requirements(locked=frozenset({14})), "locked"),
    ):
        with pytest.raises(ValueError, match=f"^{word}: "):
            planner(city).amend(city.board, lambda _, wrong=wrong: wrong)
        with pytest.raises(ValueError, match=f"^{word}: "):
            planner(city).propose(city.board, wrong)
    assert planner(city).requirements.locked == locked


def test_proposing_for_oneself_changes_no_plan_of_others(city: Rig) -> None:
    usual = plan(city)
    asked = planner(city).propose(city.board, Requirements(min_vm_pu=1.02))
    assert (asked.plan, asked.conflict) == (None, Constraint.LOW_VOLTAGE)
    assert planner(city).plan is usual
    assert planner(city).requirements == Requirements(risk_weight=0.05)


def test_the_very_same_is_not_proposed_twice(city: Rig) -> None:
    wanted, together = planner(city).requirements, Barrier(4)

    def ask() -> Proposal:
        together.wait()
        return planner(city).propose(city.board, wanted)

    with ThreadPoolExecutor(4) as pool:
        answers = [future.result() for future in [pool.submit(ask) for _ in range(4)]]
    assert len({id(answer) for answer in answers}) == 1
    plan(city)
    assert planner(city).latest.proposal is answers[0]
    city.run()
    plan(city)
    assert not any(planner(city).latest.proposal is answer for answer in answers)


def test_what_has_been_proposed_for_a_snapshot_is_its_answer_until_the_next_one(city: Rig) -> None:
    usual, other = Requirements(), Requirements(risk_weight=2.0)
    first, second = planner(city).propose(city.board, usual), planner(city).propose(city.board, other)
    assert first is not second
    assert planner(city).propose(city.board, usual) is first
    assert planner(city).propose(city.board, other) is second
    city.run()
    assert planner(city).propose(city.board, usual) is not first


def test_pareto_points_wait_for_a_quiet_moment(city: Rig) -> None:
    plan(city)
    train(city)
    plan(city)
    first = planner(city).latest.present
    assert first is not None
    for _ in range(PARETO_EVERY + 1):
        city.run()
        planner(city).propose(city.board, Requirements())
        plan(city)
    assert planner(city).latest.present is first
    time.sleep(1.1 * QUIET_S)
    city.run()
    plan(city)
    assert planner(city).latest.present is not first


def test_a_plan_in_the_making_lets_a_request_go_first(city: Rig) -> None:
    worker, made = planner(city), Event()

    def make() -> None:
        plan(city)
        made.set()

    with worker._priority.asking():
        making = Thread(target=make)
        making.start()
        assert not made.wait(PATIENCE_S / 10)  # a plan of city8 takes a tenth of that
    making.join()
    assert worker.plan is not None


def test_it_proposes_before_its_thread_has_looked_at_the_grid(city: Rig) -> None:
    proposal = planner(city).propose(city.board, Requirements())
    assert proposal.plan is not None
    assert planner(city).latest.proposal is None


def test_plans_follow_outages(city: Rig) -> None:
    city.engine.add_event(EventKind.LINE_OUTAGE, city.branch("Mall Line"), 1.0)
    city.run(2)
    found = plan(city)
    assert found is not None
    assert found.before.unsupplied_kw > 1000
    assert found.after.unsupplied_kw == 0
    assert city.branch("Mall Line") not in {action.branch for action in found.actions}


def test_a_plan_that_a_page_still_shows_is_known_until_what_is_asked_changes(city: Rig) -> None:
    first = plan(city)
    assert first is not None
    assert planner(city).plan_seen(first.code) is first
    assert planner(city).plan_seen("c99") is None
    locked = replace(planner(city).requirements, locked=frozenset({first.actions[0].branch}))
    planner(city).amend(city.board, lambda _: locked)
    assert planner(city).plan_seen(first.code) is None
    planner(city).amend(city.board, lambda _: replace(locked, locked=frozenset()))
    again = plan(city)
    assert again is not None
    assert planner(city).plan_seen(first.code) is again


def test_its_thread_plans_trains_and_skips_stale_snapshots(city: Rig) -> None:
    """A stale snapshot shows an old state: a plan for it could be wrong now."""
    stale = replace(
        city.now, version=99, solved=replace(city.now.solved, stale=True, stale_because=no_answer("no answer"))
    )
    city.services.boards.replace(replace(city.board, snapshot=stale))
    planner(city).start()
    try:
        assert not wait_for(lambda: planner(city).latest.proposal is not None, seconds=0.6)
        city.run()
        assert wait_for(lambda: planner(city).latest.training.episodes >= EPISODES)
        assert wait_for(lambda: planner(city).plan is not None)
    finally:
        planner(city).stop(30)


def test_a_snapshot_of_each_cycle_has_the_rewards_risk_weight(city: Rig) -> None:
    planner(city).amend(city.board, lambda _: Requirements(risk_weight=2.0))
    now = city.run()
    expected = -(1000 * now.assessed.metrics.loss_mw + 2.0 * 1000 * float(np.sum(now.assessed.risk.risk_mw)))
    history = city.board.history
    assert history.range(Point(Quantity.REWARD_KW)).value[-1] == pytest.approx(expected)


def test_changes_made_at_once_are_not_lost_to_one_another(city: Rig) -> None:
    planner(city).amend(city.board, lambda _: Requirements())

    def lock(branch: int) -> None:
        planner(city).amend(city.board, lambda present: replace(present, locked=present.locked | {branch}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lock, range(14)))
    assert planner(city).requirements.locked == frozenset(range(14))
