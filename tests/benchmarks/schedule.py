"""`python -m tests.benchmarks.schedule`: schedules of 200 assets over 26 weeks, and the outage windows of case118."""

import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from grid.cases.cases import load_case
from grid.flow.powerflow import Injection
from grid.sources.demand import yearly_load_mw
from ml.maintenance.schedule.problem import DEFERRED, FloatArray, Jobs, ScheduleProblem, judge
from ml.maintenance.schedule.rules import fixed_intervals
from ml.maintenance.schedule.solve import Schedule, ScheduleComparison, compare, solve
from ml.maintenance.schedule.work_times import NEVER, work_levels
from ml.maintenance.schedule.work_windows import work_windows
from tests.benchmarks.report import Figure, at_least, at_most, write

SEEDS = (11, 12, 13, 14, 15)
ASSETS, WEEKS, ZONES = 200, 26, 20
SKILLS = ("lines", "cables", "substations")
CREW_HOURS = (40.0, 40.0, 40.0)  # a week; a tenth of the weeks have half
INTERVALS_YEARS = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
NOTES = """
Fleets: {assets} assets in {zones} zones, seeds {seeds}. Ages evenly from 0 to 50 years; failure rates
log-normal about 0.4 % a year times exp(age / 20 years), so that old assets fail more, but not all; consequences
log-normal about 150,000 EUR with a factor of four as standard deviation; 8 to 40 crew-hours; work at 90 EUR an hour and
up to 20,000 EUR of material; a job removes 30 to 90 % of the rate; a tenth of all weeks of an asset are closed (outage
windows), a fifth of the assets may start only after some weeks or must end before. Crews: 40 h a week of lines, of
cables and of substations, a tenth of the weeks at half strength. At most two outages a zone and week. Benefit of a job:
10 years.

All methods are judged by the same expected cost (ml.maintenance.schedule.problem) and keep the same rules. Fixed
intervals: for each fleet the best of {intervals} years; the shortest fill the crews, so that the comparison is one of
which assets are worked on, not of how many. It is hard on the practice all the same: these fleets' consequences lie far
apart, intervals don't look at them, and a job that isn't done in the half year counts as not done in the benefit's ten
years. Gains are shares of the other method's expected cost. Doing nothing costs {nothing} as much as the proposed
schedules. Seconds are of the wall clock, one thread, the median of {runs} runs.

| seed | cost, EUR | gap | seconds | over greedy | over fixed intervals | over nothing | jobs | intervals' jobs |
|---|---|---|---|---|---|---|---|---|
{table}
"""
RUNS = 3
ASKED_S, ASKED_GAP_PERCENT = 5.0, 1.0


@dataclass(frozen=True, eq=False)
class Measured:
    """One fleet."""

    seed: int
    schedule: Schedule
    comparison: ScheduleComparison
    seconds: float


def fleet(seed: int, n: int = ASSETS, n_week: int = WEEKS) -> tuple[ScheduleProblem, FloatArray]:
    """A random fleet and its ages (n,) in years; see NOTES."""
    rng = np.random.default_rng(seed)
    age_years = rng.uniform(0, 50, n)
    hours = np.rint(rng.uniform(8, 40, n))
    late = rng.random(n) < 0.1
    early = ~late & (rng.random(n) < 0.1)
    jobs = Jobs(
        name=tuple(f"asset {row + 1}" for row in range(n)),
        rate_per_year=0.004 * np.exp(age_years / 20) * rng.lognormal(0, 0.5, n),
        consequence_eur=150e3 * rng.lognormal(0, np.log(4), n),
        hours=hours,
        skill=tuple(rng.choice(SKILLS, n).tolist()),
        cost_eur=90 * hours + rng.uniform(0, 20e3, n),
        effect=rng.uniform(0.3, 0.9, n),
        zone=rng.integers(ZONES, size=n),
        earliest=np.where(late, rng.integers(n_week // 2, size=n), 0),
        latest=np.where(early, rng.integers(n_week // 2, n_week, n), n_week - 1),
        fixed=np.full(n, DEFERRED),
        allowed=rng.random((n, n_week)) < 0.9,
    )
    crew_hours = np.array(CREW_HOURS)[:, None] * np.where(rng.random((len(SKILLS), n_week)) < 0.1, 0.5, 1.0)
    return ScheduleProblem(jobs, SKILLS, crew_hours), age_years


def measure(seed: int) -> Measured:
    """Solve one fleet, and the practice at its best beside it."""
    problem, age_years = fleet(seed)
    seconds: list[float] = []
    for _ in range(RUNS):
        found = solve(problem)
        assert isinstance(found, Schedule)
        schedule = found
        seconds.append(schedule.seconds)
    best = min(
        INTERVALS_YEARS,
        key=lambda years: judge(problem, fixed_intervals(problem, age_years, years)).expected_cost_eur,
    )
    return Measured(seed, schedule, compare(problem, schedule, age_years, best), float(np.median(seconds)))


def table(fleets: list[Measured]) -> str:
    """A row for each fleet."""
    return "\n".join(
        f"| {one.seed} | {one.schedule.expected_cost_eur:,.0f} | {100 * one.schedule.gap:.2f} % | {one.seconds:.2f} | "
        + " | ".join(
            f"{_gain_percent(one, other):.2f} %" for other in ("greedy", "intervals", "nothing")
        )
        + f" | {np.count_nonzero(one.schedule.week != DEFERRED)}"
        + f" | {np.count_nonzero(one.comparison.intervals.week != DEFERRED)} |"
        for one in fleets
    )  # fmt: skip


def _gain_percent(one: Measured, other: str) -> float:
    cost = getattr(one.comparison, other).expected_cost_eur
    return 100 * (1 - one.schedule.expected_cost_eur / cost)


def windows() -> Figure:
    """Work windows of every branch of case118 for half a year."""
    case = load_case("case118", Path("var"))
    network, seconds = case.network, []
    yearly = yearly_load_mw(network.load, case.profiles)
    levels = work_levels(yearly, date(2026, 1, 5), WEEKS, float(network.load.p_mw.sum()))
    for _ in range(RUNS):
        began = time.perf_counter()
        every = np.arange(network.n_branch)
        found = work_windows(network, Injection.of_case(network), network.branch.closed, levels, every)
        seconds.append(time.perf_counter() - began)
    share = 100 * float((found.time != NEVER).mean())
    return at_most(
        f"case118: work windows of {len(found.time)} branches in {WEEKS} weeks, {share:.0f} % possible",
        float(np.median(seconds)), 1.0, "s",
    )  # fmt: skip


def main() -> None:
    """Measure and write the table."""
    fleets = [measure(seed) for seed in SEEDS]
    ratio = [one.comparison.nothing.expected_cost_eur / one.schedule.expected_cost_eur for one in fleets]
    figures = [
        at_most(f"{ASSETS} assets, {WEEKS} weeks: longest time", max(one.seconds for one in fleets), ASKED_S, "s"),
        at_most("worst gap", 100 * max(one.schedule.gap for one in fleets), ASKED_GAP_PERCENT, "%"),
        at_least("least gain over greedy", min(_gain_percent(one, "greedy") for one in fleets), 0.0, "%"),
        at_least("least gain over fixed intervals", min(_gain_percent(one, "intervals") for one in fleets), 0.0, "%"),
        windows(),
    ]
    notes = NOTES.format(
        assets=ASSETS, zones=ZONES, seeds=", ".join(map(str, SEEDS)), runs=RUNS, table=table(fleets),
        intervals=", ".join(f"{years:g}" for years in INTERVALS_YEARS),
        nothing=f"{min(ratio):.2f} to {max(ratio):.2f} times",
    )  # fmt: skip
    write("schedule", "Maintenance schedules", notes, figures)


if __name__ == "__main__":
    main()
