"""What maintenance jobs cost and are worth by the terms, and the problem that a live grid's schedule solves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from grid.assets.register import AssetRegister, Skill
from grid.capabilities import ALL_JOBS
from grid.network import BoolArray, FloatArray, IntArray, Network
from grid.studies.areas import partition
from ml.maintenance.records import MobileSupply, PlanStanding, Work
from ml.maintenance.schedule.problem import DEFERRED, Jobs, OutageHindrance, ScheduleProblem, Violation
from ml.maintenance.schedule.solve import Conflict, Schedule, ScheduleComparison, compare, solve_with
from ml.maintenance.schedule.terms import MaintenanceTerms
from ml.maintenance.schedule.work_times import NEVER, TIMES, shifts_of, surcharge_of
from ml.maintenance.schedule.work_windows import FedLoads, WorkWindows

WEEKS = 26
MOST_JOBS = ALL_JOBS.most


@dataclass(frozen=True, eq=False)
class ScheduleView:
    """A schedule for branches (n,), made of the problem by terms for weeks from first_day on; pins by branch.

    schedule: None where pins contradict the rules, conflict then says how. compared: under the same judge. windows:
    when in each week the work is done. hindrances: of the riskiest branches that may be out in no week, what stands
    against it in the nights of the lightest_week, which is that of the least load. closed: (m,) switch states that the
    windows are of. standing: since when, and why. broken: what the plan before it broke, where it had to be replaced.
    share_of_draws: (n,) of the rates, in which a job has a week (ml.maintenance.schedule.draws).
    """

    branches: IntArray
    problem: ScheduleProblem
    schedule: Schedule | None
    conflict: Conflict | None
    compared: ScheduleComparison | None
    pins: Mapping[int, int]
    first_day: date
    windows: WorkWindows
    terms: MaintenanceTerms
    hindrances: Mapping[int, OutageHindrance] = field(default_factory=dict)
    lightest_week: int = 0
    closed: BoolArray | None = None
    standing: PlanStanding | None = None
    broken: tuple[Violation, ...] = ()
    share_of_draws: FloatArray | None = None

    def work_of(self, job: int, week: int) -> Work | None:
        """When in a week a job is done; None for a deferred one, and in weeks in which its asset can't be out."""
        if week == DEFERRED or self.windows.time[job, week] == NEVER:
            return None
        time, jobs = TIMES[self.windows.time[job, week]], self.problem.jobs
        surcharge_eur = float(self.problem.work_eur[job, week] - jobs.cost_eur[job])
        ties = self.windows.transfers.get(int(self.branches[job]), ())
        mobile = self._mobile_of(job, week)
        return Work(time, shifts_of(float(jobs.hours[job]), time), surcharge_eur, ties, mobile)

    def _mobile_of(self, job: int, week: int) -> MobileSupply | None:
        fed, branch, hours = self.windows.fed, int(self.branches[job]), float(self.problem.jobs.hours[job])
        if fed is None or fed.most_mw[job, week] <= 0:
            return None
        most_mw, mwh = fed.most_mw[job, week], fed.mean_mw[job, week] * hours
        return MobileSupply(
            loads=fed.loads[branch],
            mw=float(most_mw),
            hours=hours,
            mwh=float(mwh),
            units=int(self.terms.mobile_units(most_mw)),
            eur=float(self.terms.mobile_eur(most_mw, mwh)),
        )

    def check_pins(self, pins: Mapping[int, int]) -> None:
        """ValueError names a pin for a branch that has no job, or for a week outside the schedule."""
        for branch, week in pins.items():
            if branch not in self.branches:
                raise ValueError(f"branch {branch}: it has no job in this schedule")
            if not -1 <= week < self.problem.n_week:
                last = self.problem.n_week - 1
                raise ValueError(f"branch {branch}: week {week} is not from 0 to {last}, or -1 for deferred")


def failure_cost_eur(
    network: Network, register: AssetRegister, interrupted_mw: FloatArray, terms: MaintenanceTerms
) -> FloatArray:
    """(m,) what a failure costs: emergency repair, and the load interrupted (m,) until supply is restored."""
    hours = np.array([terms.repair_hours.get(kind, np.nan) for kind in network.branch.kind])
    return register.failure_eur + interrupted_mw * hours * terms.lost_load_eur_per_mwh


def jobs_cost_eur(register: AssetRegister, branches: IntArray, terms: MaintenanceTerms) -> FloatArray:
    """(n,) what the jobs of branches cost on working days: what the register gives, else by the terms."""
    given = register.job_eur[branches]
    usual = np.maximum(terms.least_job_eur, terms.job_share * register.replacement_eur[branches])
    return np.where(np.isfinite(given), given, usual)


def jobs_hours(register: AssetRegister, branches: IntArray, terms: MaintenanceTerms) -> FloatArray:
    """(n,) how long the jobs of branches take: what the register gives, else by the terms."""
    given = register.job_hours[branches]
    return np.where(np.isfinite(given), given, [terms.job_hours[register.skill[branch]] for branch in branches])


def next_monday(today: date) -> date:
    """The first day of a schedule that is made today."""
    return today + timedelta(days=7 - today.weekday())


def moved_pins(pins: Mapping[int, int], before: date, after: date) -> dict[int, int]:
    """Pins that count weeks from one first day, counted from another; weeks that have passed are dropped."""
    passed = (after - before).days // 7
    moved = {branch: week if week == DEFERRED else week - passed for branch, week in pins.items()}
    return {branch: week for branch, week in moved.items() if week >= 0 or pins[branch] == DEFERRED}


def branches_worth_a_job(is_asset: BoolArray, rate_per_year: FloatArray, consequence_eur: FloatArray) -> IntArray:
    """The assets that risk most in money, at most MOST_JOBS of them, ascending. All arguments are (m,)."""
    worth = np.where(is_asset, np.nan_to_num(rate_per_year * consequence_eur), 0.0)
    ranked = np.argsort(-worth, kind="stable")[:MOST_JOBS]
    return np.sort(ranked[worth[ranked] > 0])


def schedule_problem(
    network: Network,
    register: AssetRegister,
    branches: IntArray,
    rate_per_year: FloatArray,
    consequence_eur: FloatArray,
    windows: WorkWindows,
    terms: MaintenanceTerms,
) -> ScheduleProblem:
    """One job for each of branches (n,) within WEEKS. Rates and consequences are (m,); windows: of branches."""
    skill = tuple(register.skill[branch].value for branch in branches)
    skills = tuple(sorted(set(skill)))
    crew_hours = [terms.crew_hours_per_week * terms.crews_of(Skill(one), skill.count(one)) for one in skills]
    count = len(branches)
    cost_eur, hours = jobs_cost_eur(register, branches, terms), jobs_hours(register, branches, terms)
    fed = windows.fed or FedLoads.nothing(windows.time.shape)
    mobile_eur = terms.mobile_eur(fed.most_mw, fed.mean_mw * hours[:, None])
    jobs = Jobs(
        name=tuple(network.branch.name[branch] for branch in branches),
        rate_per_year=rate_per_year[branches],
        consequence_eur=consequence_eur[branches],
        hours=hours,
        skill=skill,
        cost_eur=cost_eur,
        effect=np.full(count, terms.effect),
        zone=partition(network).area[network.branch.from_bus[branches]].astype(np.int64),
        earliest=np.zeros(count, dtype=np.int64),
        latest=np.full(count, WEEKS - 1),
        fixed=np.full(count, -1),
        allowed=windows.time != NEVER,
        surcharge_eur=cost_eur[:, None] * surcharge_of(windows.time, terms) + mobile_eur,
        mobile_mw=fed.most_mw,
    )
    return ScheduleProblem(
        jobs,
        skills,
        np.repeat(np.array(crew_hours)[:, None], WEEKS, axis=1),
        zone_outages=terms.zone_outages,
        benefit_years=terms.benefit_years,
        mobile_mw=terms.mobile_mw,
    )


def solved(
    problem: ScheduleProblem,
    branches: IntArray,
    age_years: FloatArray,
    pins: Mapping[int, int],
    first_day: date,
    windows: WorkWindows,
    terms: MaintenanceTerms,
) -> ScheduleView:
    """Solve for branches (n,) of an age (n,). pins of other branches, or of weeks beyond the last, are dropped."""
    known = {branch: week for branch, week in pins.items() if branch in branches and week < WEEKS}
    place = {branch: position for position, branch in enumerate(branches.tolist())}
    found = solve_with(problem, {place[branch]: week for branch, week in known.items()})
    schedule = found if isinstance(found, Schedule) else None
    return ScheduleView(
        branches,
        problem,
        schedule,
        found if isinstance(found, Conflict) else None,
        None if schedule is None else compare(problem, schedule, age_years, terms.interval_years),
        known,
        first_day,
        windows,
        terms,
    )
