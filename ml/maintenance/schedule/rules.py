"""Schedules by rule: the greedy one, fixed intervals as is usual practice, and doing nothing."""

import numpy as np

from ml.maintenance.schedule.problem import (
    DEFERRED,
    HOURS_TOLERANCE,
    MW_TOLERANCE,
    WEEK_YEARS,
    FloatArray,
    IntArray,
    ScheduleProblem,
)


class _Board:
    """A schedule in the making: what crews and zones have left. Begins with the jobs that are settled."""

    def __init__(self, problem: ScheduleProblem) -> None:
        self._problem = problem
        self._hours = problem.crew_hours.copy()
        self._mobile_mw = np.full(problem.n_week, problem.mobile_mw)
        self._zone = np.unique(problem.jobs.zone, return_inverse=True)[1]
        self._outages = np.zeros((len(problem.jobs), problem.n_week), dtype=int)
        self.week = np.full(len(problem.jobs), DEFERRED)
        for job in np.flatnonzero(problem.jobs.fixed >= 0).tolist():
            self.place(job, int(problem.jobs.fixed[job]))

    def free(self, job: int) -> np.ndarray:
        """(W,) weeks that the job can still take."""
        problem = self._problem
        crew = problem.jobs.hours[job] <= self._hours[problem.crew[job]] + HOURS_TOLERANCE
        fed = problem.fed_mw[job] <= self._mobile_mw + MW_TOLERANCE
        return problem.possible[job] & crew & fed & (self._outages[self._zone[job]] < problem.zone_outages)

    def place(self, job: int, week: int) -> None:
        """Put the job into a week."""
        self._hours[self._problem.crew[job], week] -= self._problem.jobs.hours[job]
        self._mobile_mw[week] -= self._problem.fed_mw[job, week]
        self._outages[self._zone[job], week] += 1
        self.week[job] = week


def greedy(problem: ScheduleProblem) -> IntArray:
    """(n,) weeks: the job that gains most for an hour of its crew goes first, into the best week still free.

    Jobs that gain nothing, or find no free week, are deferred. Settled jobs stay, whether they fit or not.
    """
    board = _Board(problem)
    gain = problem.cost_eur[:, -1:] - problem.cost_eur[:, :-1]
    best = np.where(problem.possible, gain, 0.0).max(axis=1, initial=0.0)
    for job in np.argsort(-best / np.maximum(problem.jobs.hours, 1e-9), kind="stable").tolist():
        value = np.where(board.free(job), gain[job], 0.0)
        if board.week[job] == DEFERRED and value.max() > 0:
            board.place(job, int(value.argmax()))
    return board.week


def fixed_intervals(problem: ScheduleProblem, age_years: FloatArray, interval_years: FloatArray | float) -> IntArray:
    """(n,) weeks: each asset whenever its age is a multiple of the interval, whatever its risk; the usual practice.

    age_years: (n,) at the start of the horizon, NaN for never due. interval_years: one for all, or (n,). A job that is
    due goes into the first free week from then on, the oldest asset first; it is deferred where there is none.
    """
    board = _Board(problem)
    due_years = np.nan_to_num(np.mod(-age_years, interval_years), nan=np.inf)
    due = np.minimum(due_years / WEEK_YEARS, problem.n_week).astype(int)
    weeks = np.arange(problem.n_week)
    for job in np.lexsort((-np.nan_to_num(age_years), due)).tolist():
        free = board.free(job) & (weeks >= due[job])
        if board.week[job] == DEFERRED and free.any():
            board.place(job, int(free.argmax()))
    return board.week


def nothing(problem: ScheduleProblem) -> IntArray:
    """(n,) every job deferred, settled ones too."""
    return np.full(len(problem.jobs), DEFERRED)
