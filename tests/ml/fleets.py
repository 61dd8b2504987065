"""Small models that are really trained."""

from functools import cache

from ml.maintenance.fleet.training import FleetPlan, train
from ml.maintenance.model.store import ModelBundle

PLAN = FleetPlan(seed=1, assets=200, fleets=(3, 2, 1), years=(2, 4, 6), every_weeks=8)
SMALLEST = FleetPlan(seed=1, assets=120, fleets=(3, 1, 1), years=(2, 4, 6), every_weeks=8)


def tiny_models() -> ModelBundle:
    """Models of few small fleets: not good, but whole, and old assets are riskier by them. The fixture models_folder
    has them trained once for all tests."""
    return train(PLAN, lambda _step, _words: None)


@cache
def smallest_models() -> ModelBundle:
    """Models that only have to be there."""
    return train(SMALLEST, lambda _step, _words: None)
