"""Small models that are really trained, once a test run."""

from functools import cache

from ml.failure_store import ModelBundle
from ml.fleet_training import FleetPlan, train

PLAN = FleetPlan(seed=1, assets=600, fleets=(5, 3, 1), years=(2, 4, 6), every_weeks=8)


@cache
def tiny_models() -> ModelBundle:
    """Models of few small fleets: not good, but whole."""
    return train(PLAN, lambda _step, _words: None)
