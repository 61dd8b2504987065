"""The maintenance schedule of a live grid, from a snapshot and a prognosis."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

import numpy as np

from app.engine.board import Snapshot
from grid.capabilities import OUTAGE_WINDOWS
from grid.network import FloatArray
from ml.maintenance.model.prognosis import Prognosis
from ml.maintenance.schedule.economics import (
    WEEKS,
    ScheduleView,
    branches_worth_a_job,
    next_monday,
    schedule_problem,
    solved,
)
from ml.maintenance.schedule.hindrances import outage_hindrances
from ml.maintenance.schedule.problem import OutageHindrance
from ml.maintenance.schedule.work_times import NEVER, WorkLevels, work_levels
from ml.maintenance.schedule.work_windows import NIGHTS, WorkWindows, work_windows

RATE_HORIZON_DAYS = 365
MOST_EXPLAINED = 50  # outages that no week allows, the riskiest, of which it is said why
WINDOWS_SHARE = 0.8  # of the work, as far as progress is told


def first_monday(snapshot: Snapshot) -> date:
    """The first day of the schedule: next Monday."""
    return next_monday(snapshot.simulated_at.date())


def make_schedule(
    snapshot: Snapshot,
    prognosis: Prognosis,
    consequence_eur: FloatArray,
    pins: Mapping[int, int],
    step: Callable[[float], None] = lambda _: None,
) -> ScheduleView:
    """Pose and solve. pins count weeks from first_monday; those for branches without a job are dropped.

    consequence_eur (m,): of failures, by the loads of a week.

    step: told what share of the outage windows is known, and of what stands against the outages that have none, before
    the next ones are; what it raises ends the work.
    """
    network, register = snapshot.case.network, snapshot.case.register
    rate = prognosis.rate_per_year(RATE_HORIZON_DAYS)
    branches, first_day = branches_worth_a_job(snapshot.case.is_asset, rate, consequence_eur), first_monday(snapshot)
    asked, levels = network.n_bus <= OUTAGE_WINDOWS.most, _levels(snapshot, first_day)
    windows = WorkWindows.unasked(len(branches), WEEKS)
    hindrances: dict[int, OutageHindrance] = {}
    if asked and levels is not None:
        injection, closed = snapshot.solved.injection, snapshot.solved.state.closed
        risk = (rate * consequence_eur)[branches]
        order = np.argsort(-risk, kind="stable")  # several ties are tried for the riskiest
        windows = work_windows(
            network, injection, closed, levels, branches[order], lambda done: step(WINDOWS_SHARE * done)
        ).of_rows(np.argsort(order))
        never = branches[order][(windows.time[order] == NEVER).all(axis=1)][:MOST_EXPLAINED]
        found = outage_hindrances(
            network,
            injection,
            closed,
            float(min(week.max() for week in levels[NIGHTS])),
            never,
            lambda done: step(WINDOWS_SHARE + (1 - WINDOWS_SHARE) * done),
        )
        hindrances = dict(zip(never.tolist(), found, strict=True))
    problem = schedule_problem(network, register, branches, rate, consequence_eur, windows)
    step(1.0)
    age = snapshot.simulated_at.year - register.year_built[branches]
    made = solved(problem, branches, age, pins, first_day, windows)
    lightest = 0 if levels is None else int(np.argmin([week.max() for week in levels[NIGHTS]]))
    return replace(made, hindrances=hindrances, lightest_week=lightest)


def _levels(snapshot: Snapshot, first_day: date) -> WorkLevels | None:
    """Loads of WEEKS over the present one; None where nothing is taken now."""
    present_mw = float(snapshot.solved.injection.load_p_mw.sum())
    if present_mw <= 0:
        return None
    return work_levels(snapshot.case.yearly_load_mw, first_day, WEEKS, present_mw)
