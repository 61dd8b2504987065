"""The engine and those that work beside it, all in their threads."""

from collections.abc import Callable

import numpy as np
import pytest

from app.engine.worker import GridWorker
from tests.app.rig import Rig, wait_for

NewRig = Callable[..., Rig]
NO_CYCLE_S = 3600.0  # between cycles: none comes by itself while a test runs


def test_what_workers_find_makes_no_cycle_of_its_own(new_rig: NewRig) -> None:
    """Otherwise each finding brings a new snapshot, that brings new findings, and cycles follow without a pause."""
    rig = new_rig(cycle_seconds=NO_CYCLE_S)
    services = rig.services
    services.start()
    try:
        seen = (lambda: services.planner.latest.proposal, lambda: services.maintainer.latest.prognosis,
                lambda: services.forecast_worker.latest.ahead)  # fmt: skip
        assert wait_for(lambda: all(find() is not None for find in seen))
        began = rig.now.iteration
        assert not wait_for(lambda: rig.now.iteration > began, seconds=1.5)
    finally:
        services.stop()


def test_what_workers_find_counts_from_the_next_cycle_on(new_rig: NewRig) -> None:
    rig = new_rig(cycle_seconds=NO_CYCLE_S)
    network = rig.now.case.network
    rig.engine.start()
    try:
        rig.engine.set_failure_rates(network, np.full(network.n_branch, 0.5))
        rig.engine.pause()  # what a person wants comes at once
        assert wait_for(lambda: rig.now.control.paused)
        np.testing.assert_allclose(rig.now.assessed.risk.failure_probability, -np.expm1(-0.5))
    finally:
        rig.engine.stop()


def test_a_worker_is_found_by_its_kind(new_rig: NewRig) -> None:
    services = new_rig(cycle_seconds=NO_CYCLE_S).services
    assert all(services.worker(type(worker)) is worker for worker in services.workers)
    assert len({worker.name for worker in services.workers}) == len(services.workers)
    with pytest.raises(LookupError, match="no Unemployed works beside the engine"):
        services.worker(type("Unemployed", (GridWorker,), {}))
