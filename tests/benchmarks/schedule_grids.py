"""`python -m tests.benchmarks.schedule_grids`: maintenance of ten grids, planned as the dashboard plans it.

Rates are CNAIM's, so that no training takes part; the schedule is what the dashboard makes of them at its first cycle.
Every planned job is tried at every moment (three hours apart) of its working time in its week: a power flow without the
asset, with the ties that the plan names or with any one tie, must supply all loads and break no limit further than the
grid without the outage. Where the plan has mobile supply, what the outage cuts off must not take more than its units
feed, and the rest must hold its limits. Deferred share: risk and residual of deferred jobs in the expected cost.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.engine.board import Snapshot
from app.maintenance.schedule import make_schedule
from grid.flow.powerflow import PowerFlow
from ml.maintenance.model.prognosis import prognose
from ml.maintenance.schedule.economics import ScheduleView, failure_cost_eur
from ml.maintenance.schedule.mobile_supply import holds_fed_at
from ml.maintenance.schedule.outage_windows import cut_loads_mw, is_tie, without_derived_ratings
from ml.maintenance.schedule.problem import DEFERRED, MW_TOLERANCE, Judgement
from ml.maintenance.schedule.terms import MaintenanceTerms
from ml.maintenance.schedule.work_times import TIMES, moments_of
from ml.maintenance.schedule.work_windows import holds_at
from tests.app.rig import make_rig
from tests.benchmarks.report import Figure, at_most, write

GRIDS = (
    "city8",
    "cigre_mv",
    "case14",
    "case30",
    "case33bw",
    "case57",
    "case118",
    "case300",
    "simbench:1-MV-urban--0-sw",
    "synthetic:400:6",
)
CITY_PERCENT = 30.0  # of the expected cost that may be deferred there
MOST_TRIED = 60  # planned jobs of a grid whose moments are tried, the first of them


@dataclass(frozen=True)
class Planned:
    """A grid's schedule: what it costs beside others, when it works, and what was tried of it."""

    grid: str
    made: ScheduleView
    seconds: float
    tried: int
    failed: int

    @property
    def judged(self) -> dict[str, Judgement]:
        """The schedule and those that it is compared with."""
        found = self.made.compared
        assert found is not None, self.grid
        return {
            "proposed": found.proposed,
            "greedy": found.greedy,
            "intervals": found.intervals,
            "nothing": found.nothing,
        }

    @property
    def deferred_percent(self) -> float:
        """Share of the expected cost."""
        one = self.judged["proposed"]
        return 100 * one.deferred_risk_eur / one.expected_cost_eur

    def row(self) -> str:
        """Of the table."""
        judged, made = self.judged, self.made
        works = [made.work_of(job, week) for job, week in enumerate(judged["proposed"].week.tolist())]
        times = [sum(one is not None and one.time is time for one in works) for time in TIMES]
        never = int((~made.problem.jobs.allowed.any(axis=1)).sum())
        cost = judged["proposed"].expected_cost_eur
        gains = (100 * (1 - cost / judged[name].expected_cost_eur) for name in ("greedy", "intervals", "nothing"))
        cells = [
            self.grid,
            f"{len(works)}",
            " / ".join(map(str, times)),
            f"{sum(one is not None and bool(one.ties) for one in works)}",
            f"{sum(one is not None and one.mobile is not None for one in works)}",
            f"{never}",
            f"{cost:,.0f}",
            f"{self.deferred_percent:.0f} %",
            *(f"{gain:.2f} %" for gain in gains),
            f"{self.tried - self.failed} of {self.tried}",
            f"{self.seconds:.1f}",
        ]
        return f"| {' | '.join(cells)} |"


def plan(grid: str) -> Planned:
    """A grid's schedule, and each planned job tried moment by moment."""
    with tempfile.TemporaryDirectory() as folder:
        now = make_rig(Path(folder), grid).now
    found = prognose(None, now.assessed.condition, now.case.is_asset, stale=False)
    began = time.perf_counter()
    terms = MaintenanceTerms()
    cost_eur = failure_cost_eur(now.case.network, now.case.register, now.assessed.risk.interrupted_mw, terms)
    made = make_schedule(now, found, cost_eur, {}, terms)
    seconds = time.perf_counter() - began
    tried = failed = 0
    assert made.schedule is not None, grid
    placed = np.flatnonzero(made.schedule.week != DEFERRED)[:MOST_TRIED]
    for job in placed.tolist():
        moments, wrong = _tried(now, made, job, int(made.schedule.week[job]))
        tried, failed = tried + moments, failed + wrong
    print(f"{grid}: {seconds:.1f} s, {tried} moments, {failed} failed", flush=True)
    return Planned(grid, made, seconds, tried, failed)


def _tried(now: Snapshot, made: ScheduleView, job: int, week: int) -> tuple[int, int]:
    """Moments of a job's time in its week, and in how many no tie or set of ties carries the load."""
    work, branch = made.work_of(job, week), int(made.branches[job])
    assert work is not None
    network, state = without_derived_ratings(now.case.network), now.solved.state
    injection, yearly = now.solved.injection, now.case.yearly_load_mw
    flow = PowerFlow(network)
    before = flow.solve(injection, state.closed)
    ties = np.flatnonzero(is_tie(network, state.closed, before.energised)).tolist()
    sets = [work.ties] if work.ties else [(), *((tie,) for tie in ties)]
    moments = moments_of(work.time, made.first_day, week, len(yearly) // 365)
    levels = yearly[moments] / float(injection.load_p_mw.sum())
    if work.mobile is not None:
        fed_mw = levels * cut_loads_mw(network, injection, state.closed)[branch]
        enough = fed_mw <= min(work.mobile.mw, made.terms.mobile_mw) + MW_TOLERANCE
        rest = [holds_fed_at(flow, injection, state.closed, branch, level) for level in levels.tolist()]
        return len(levels), len(levels) - sum(enough & rest)
    holds = [False] * len(levels)
    for one in sets:
        if holds_at(flow, injection, state.closed, branch, one, float(levels.max())):
            holds = [holds_at(flow, injection, state.closed, branch, one, level) for level in levels.tolist()]
            if all(holds):
                break
    return len(levels), len(levels) - sum(holds)


def main() -> None:
    """Plan all grids and write the table; of grids that are named, print their rows alone."""
    if sys.argv[1:]:
        print("\n".join(plan(grid).row() for grid in sys.argv[1:]))
        return
    found = [plan(grid) for grid in GRIDS]
    city = found[0]
    tried, failed = sum(one.tried for one in found), sum(one.failed for one in found)
    gain = [1 - one.judged["proposed"].expected_cost_eur / one.judged["greedy"].expected_cost_eur for one in found]
    figures = [
        at_most("city8: deferred share of the expected cost", city.deferred_percent, CITY_PERCENT, "%"),
        at_most(f"moments of planned work that break supply or a limit, of {tried}", float(failed), 0.0, ""),
        Figure(
            "grids on which the programme beats the greedy rule", f"{sum(one > 1e-9 for one in gain)} of {len(gain)}"
        ),
        Figure("largest gain over the greedy rule", f"{100 * max(gain):.2f} %"),
    ]
    head = (
        "grid", "jobs", "days / weekend / nights", "by several ties", "by mobile units", "never", "cost, EUR",
        "deferred", "over greedy", "over intervals", "over nothing", "moments that hold", "seconds",
    )  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(one.row() for one in found)]
    write("schedule_grids", "Maintenance of ten grids", "\n".join([*lines, "", f"Made by {__doc__}"]), figures)


if __name__ == "__main__":
    main()
