"""Pins of jobs as the page's table and the API write them, and as the maintainer takes them: branch to week from 0."""

from collections.abc import Iterable, Mapping, Sequence

from app.maintenance.schedule import ScheduleView
from app.maintenance.view import code_of
from components.maintenance.schedule_grid import week_of
from ml.maintenance.schedule.problem import DEFERRED


def pins_of_rows(rows: object, made: ScheduleView) -> dict[int, int]:
    """The pinned rows of the table. ValueError says what is wrong."""
    if not isinstance(rows, Sequence):
        raise ValueError("the table sent no rows")
    branches = {code_of(branch): branch for branch in made.branches.tolist()}
    pins = {}
    for row in rows:
        if isinstance(row, Mapping) and row.get("pinned") is True:
            code = row.get("code")
            if code not in branches:
                raise ValueError(f"{code}: it has no job in this schedule")
            week = week_of(row.get("week"), made.problem.n_week)
            pins[branches[code]] = DEFERRED if week is None else week
    return pins


def pins_of_weeks(weeks: Iterable[tuple[int, int | None]], made: ScheduleView) -> dict[int, int]:
    """From (branch, week) with weeks counted from 1, None for deferred. ValueError says what is wrong."""
    pins: dict[int, int] = {}
    for branch, week in weeks:
        if branch not in made.branches:
            raise ValueError(f"pins: branch {branch} has no job in this schedule")
        if week is not None and not 1 <= week <= made.problem.n_week:
            raise ValueError(f"pins: week {week} of branch {branch} is not from 1 to {made.problem.n_week}, or null")
        if branch in pins:
            raise ValueError(f"pins: branch {branch} is pinned twice")
        pins[branch] = DEFERRED if week is None else week - 1
    return pins
