"""The maintenance schedule of a live grid, from a snapshot and a prognosis."""

from collections.abc import Callable, Mapping
from datetime import date

import numpy as np

from app.engine.board import Snapshot
from grid.capabilities import OUTAGE_WINDOWS
from grid.network import BoolArray, FloatArray, IntArray
from ml.maintenance.model.prognosis import Prognosis
from ml.maintenance.schedule.economics import (
    WEEKS,
    ScheduleView,
    branches_worth_a_job,
    failure_cost_eur,
    next_monday,
    schedule_problem,
    solved,
)
from ml.maintenance.schedule.outage_windows import outage_windows, weekly_peak_levels

RATE_HORIZON_DAYS = 365


def consequence_eur(snapshot: Snapshot) -> FloatArray:
    """(m,) what a failure now costs: emergency repair, and the load that it interrupts until supply is restored."""
    return failure_cost_eur(snapshot.case.network, snapshot.case.register, snapshot.assessed.risk.interrupted_mw)


def first_monday(snapshot: Snapshot) -> date:
    """The first day of the schedule: next Monday."""
    return next_monday(snapshot.simulated_at.date())


def make_schedule(
    snapshot: Snapshot, prognosis: Prognosis, pins: Mapping[int, int], step: Callable[[float], None] = lambda _: None
) -> ScheduleView:
    """Pose and solve. pins count weeks from first_monday; those for branches without a job are dropped.

    step: told what share of the outage windows is known, before the next ones are; what it raises ends the work.
    """
    network, register = snapshot.case.network, snapshot.case.register
    rate, consequence = prognosis.rate_per_year(RATE_HORIZON_DAYS), consequence_eur(snapshot)
    branches, first_day = branches_worth_a_job(snapshot.case.is_asset, rate, consequence), first_monday(snapshot)
    asked = network.n_bus <= OUTAGE_WINDOWS.most
    allowed = _windows(snapshot, branches, first_day, step) if asked else np.ones((len(branches), WEEKS), dtype=bool)
    problem = schedule_problem(network, register, branches, rate, consequence, allowed)
    step(1.0)
    age = snapshot.simulated_at.year - register.year_built[branches]
    return solved(problem, branches, age, pins, first_day, asked)


def _windows(snapshot: Snapshot, branches: IntArray, first_day: date, step: Callable[[float], None]) -> BoolArray:
    present_mw = float(snapshot.solved.injection.load_p_mw.sum())
    if present_mw <= 0:
        return np.ones((len(branches), WEEKS), dtype=bool)
    levels = weekly_peak_levels(snapshot.case.yearly_load_mw, first_day, WEEKS, present_mw)
    return outage_windows(
        snapshot.case.network, snapshot.solved.injection, snapshot.solved.state.closed, levels, branches, step
    )
