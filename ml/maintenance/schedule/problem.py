"""The maintenance scheduling problem: which job in which week, what a schedule costs and what it breaks.

Expected cost of an asset with failure rate lambda a year and consequence c, whose job costs k and removes the share e
of the rate, over a horizon of T years (W weeks); the job takes effect in the middle of its week w, t = (w + 1/2) weeks:

    job in week w:  k + s + c (1 - exp(-lambda t - (1 - e) lambda (T - t)))
    deferred:           c (1 - exp(-lambda T)) + r
    r = c (exp(-(1 - e) lambda) - exp(-lambda)) max(0, benefit_years - T)

s is the surcharge of the hours at which the asset can be out in that week (ml.maintenance.schedule.work_times). The
first two are exact for a failure within the horizon (constant rates before and after, the first failure counts).
r, the residual value of the job, is what a deferred asset goes on risking after the horizon: the job's reduction of a
year's failure probability, for the rest of the job's stated life. Without it a job would have to pay within the
horizon, and deferring everything would seem best merely because the horizon ends.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

WEEK_YEARS = 7 / 365.25
DEFERRED = -1
BENEFIT_YEARS = 10.0
"""Assumption: years from now for which a job's reduction of the failure rate lasts."""
OUTAGES_PER_ZONE = 2
"""Rule: assets of one zone that may be out in the same week."""
HOURS_TOLERANCE = 1e-3
"""Crew-hours above a week's that are rounding, not a violation."""
MW_TOLERANCE = 1e-6
"""MW above those of the mobile units that are rounding."""


@dataclass(frozen=True, eq=False)
class Jobs:
    """One job for each of n assets, arrays of (n,).

    rate_per_year: failure rate without the job. consequence_eur of a failure. hours of its crew, all in one week.
    skill: the crew, one of the problem's. effect: share of the rate that the job removes, 0 to 1. zone: assets that
    should not be out together. earliest, latest: first and last week, from 0. fixed: week that is settled, -1 for none.
    allowed: (n, W), False where the asset can't be taken out (ml.maintenance.schedule.work_windows). surcharge_eur:
    (n, W), what the time of its work in a week adds to the cost, or one for all. mobile_mw: (n, W), of mobile units
    that feed what is dark meanwhile, or one for all.
    """

    name: tuple[str, ...]
    rate_per_year: FloatArray
    consequence_eur: FloatArray
    hours: FloatArray
    skill: tuple[str, ...]
    cost_eur: FloatArray
    effect: FloatArray
    zone: IntArray
    earliest: IntArray
    latest: IntArray
    fixed: IntArray
    allowed: BoolArray
    surcharge_eur: FloatArray | float = 0.0
    mobile_mw: FloatArray | float = 0.0

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, eq=False)
class ScheduleProblem:
    """Jobs and the crews for them: crew_hours (k, W), by skill and week. Raises ValueError naming a wrong job.

    mobile_mw: of mobile units that there are in a week.
    """

    jobs: Jobs
    skills: tuple[str, ...]
    crew_hours: FloatArray
    zone_outages: int = OUTAGES_PER_ZONE
    benefit_years: float = BENEFIT_YEARS
    mobile_mw: float = np.inf

    def __post_init__(self) -> None:
        wrong = next(_wrong(self), "")
        if wrong:
            raise ValueError(wrong)

    @property
    def n_week(self) -> int:
        """Weeks of the horizon, W."""
        return int(self.crew_hours.shape[1])

    @property
    def horizon_years(self) -> float:
        """Length of the horizon, T."""
        return self.n_week * WEEK_YEARS

    @cached_property
    def crew(self) -> IntArray:
        """(n,) position of each job's skill."""
        position = {skill: row for row, skill in enumerate(self.skills)}
        return np.array([position[skill] for skill in self.jobs.skill], dtype=np.int64)

    @cached_property
    def risk_eur(self) -> FloatArray:
        """(n, W + 1) expected consequence within the horizon, by week of the job; last the deferral."""
        jobs, horizon = self.jobs, self.horizon_years
        wait = np.append((np.arange(self.n_week) + 0.5) * WEEK_YEARS, horizon)
        rate = jobs.rate_per_year[:, None]
        failures = rate * wait + (1 - jobs.effect[:, None]) * rate * (horizon - wait)
        return jobs.consequence_eur[:, None] * -np.expm1(-failures)

    @cached_property
    def residual_eur(self) -> FloatArray:
        """(n,) what a deferral goes on risking after the horizon, r."""
        jobs = self.jobs
        avoided = np.exp(-(1 - jobs.effect) * jobs.rate_per_year) - np.exp(-jobs.rate_per_year)
        return jobs.consequence_eur * avoided * max(0.0, self.benefit_years - self.horizon_years)

    @cached_property
    def work_eur(self) -> FloatArray:
        """(n, W) cost of the work by week."""
        whole = np.broadcast_to(self.jobs.surcharge_eur, (len(self.jobs), self.n_week))
        return np.asarray(self.jobs.cost_eur[:, None] + whole)

    @cached_property
    def fed_mw(self) -> FloatArray:
        """(n, W) of mobile units that a job takes by week."""
        return np.broadcast_to(self.jobs.mobile_mw, (len(self.jobs), self.n_week))

    @cached_property
    def cost_eur(self) -> FloatArray:
        """(n, W + 1) expected cost by week of the job; last the deferral, so that DEFERRED indexes it."""
        cost = self.risk_eur.copy()
        cost[:, :-1] += self.work_eur
        cost[:, -1] += self.residual_eur
        return cost

    @cached_property
    def possible(self) -> BoolArray:
        """(n, W) weeks that a job may take when it is the only one."""
        jobs, weeks = self.jobs, np.arange(self.n_week)
        window = (weeks >= jobs.earliest[:, None]) & (weeks <= jobs.latest[:, None])
        settled = (jobs.fixed[:, None] < 0) | (weeks == jobs.fixed[:, None])
        fits = jobs.hours[:, None] <= self.crew_hours[self.crew] + HOURS_TOLERANCE
        fed = self.fed_mw <= self.mobile_mw + MW_TOLERANCE
        return jobs.allowed & window & settled & fits & fed & (self.zone_outages > 0)


class HindranceKind(StrEnum):
    """What stands against an outage in every week."""

    NO_STATE = "no_state"  # the load has no power flow solution, whatever is out
    SUPPLY = "supply"  # loads are dark, and no tie supplies them all
    NO_SOLUTION = "no_solution"
    LOADING = "loading"
    VOLTAGE = "voltage"


@dataclass(frozen=True, kw_only=True)
class OutageHindrance:
    """What stands against one outage at the least load. at: the branch above its rating, or the bus outside its band.

    value: its loading in percent, its voltage in p.u., or the MVA of loads that stay dark. tie: the one that comes
    nearest, -1 where none is needed or there is none. ties: how many were tried.
    """

    kind: HindranceKind
    at: int = -1
    value: float = np.nan
    tie: int = -1
    ties: int = 0


class ViolationKind(StrEnum):
    """What a schedule can break."""

    CREW = "crew"
    ZONE = "zone"
    WINDOW = "window"
    OUTAGE = "outage"
    FIXED = "fixed"
    MOBILE = "mobile"


@dataclass(frozen=True)
class Violation:
    """One broken rule: in which week, whose (a skill, a zone, an asset), by how much, and the jobs that take part.

    excess: crew-hours, assets out, MW of mobile units, or weeks too early or late; 0 where there is no amount.
    """

    kind: ViolationKind
    week: int
    whose: str
    excess: float
    jobs: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Judgement:
    """What a schedule costs in expectation, in EUR, and what it breaks.

    week: (n,) DEFERRED or from 0. expected_cost_eur = work + risk (within the horizon) + residual (of the deferred,
    after it). deferred_risk_eur: the part of risk and residual that deferred assets bear.
    """

    week: IntArray
    expected_cost_eur: float
    work_eur: float
    risk_eur: float
    residual_eur: float
    deferred_risk_eur: float
    violations: tuple[Violation, ...]

    @property
    def feasible(self) -> bool:
        """Whether every rule is kept."""
        return not self.violations


def judge(problem: ScheduleProblem, week: IntArray) -> Judgement:
    """Judge any schedule, hand-made ones too. week: (n,) DEFERRED or 0 to W - 1, else ValueError."""
    jobs = problem.jobs
    if week.shape != (len(jobs),) or not ((week >= DEFERRED) & (week < problem.n_week)).all():
        raise ValueError(f"a schedule has {len(jobs)} weeks from 0 to {problem.n_week - 1}, {DEFERRED} for deferred")
    rows, deferred = np.arange(len(jobs)), week == DEFERRED
    risk = problem.risk_eur[rows, week]
    work = float(problem.work_eur[rows, week][~deferred].sum())
    residual = float(problem.residual_eur[deferred].sum())
    load = np.zeros(problem.crew_hours.shape)
    np.add.at(load, (problem.crew[~deferred], week[~deferred]), jobs.hours[~deferred])
    return Judgement(
        week=week,
        expected_cost_eur=work + float(risk.sum()) + residual,
        work_eur=work,
        risk_eur=float(risk.sum()),
        residual_eur=residual,
        deferred_risk_eur=float(risk[deferred].sum()) + residual,
        violations=(*_shared_violations(problem, week, load), *_own_violations(problem, week)),
    )


def _shared_violations(problem: ScheduleProblem, week: IntArray, load: FloatArray) -> Iterator[Violation]:
    over = load - problem.crew_hours
    for crew, at in np.argwhere(over > HOURS_TOLERANCE).tolist():
        mine = tuple(np.flatnonzero((problem.crew == crew) & (week == at)).tolist())
        yield Violation(ViolationKind.CREW, at, problem.skills[crew], float(over[crew, at]), mine)
    placed = np.flatnonzero(week != DEFERRED)
    fed = np.bincount(week[placed], problem.fed_mw[placed, week[placed]], problem.n_week)
    for at in np.flatnonzero(fed > problem.mobile_mw + MW_TOLERANCE).tolist():
        mine = tuple(placed[(week[placed] == at) & (problem.fed_mw[placed, at] > 0)].tolist())
        yield Violation(ViolationKind.MOBILE, at, "mobile units", float(fed[at] - problem.mobile_mw), mine)
    pairs = np.stack([problem.jobs.zone, week], axis=1)[week != DEFERRED]
    for (zone, at), count in zip(*np.unique(pairs, axis=0, return_counts=True), strict=True):
        if count > problem.zone_outages:
            mine = tuple(np.flatnonzero((problem.jobs.zone == zone) & (week == at)).tolist())
            yield Violation(ViolationKind.ZONE, int(at), str(zone), float(count - problem.zone_outages), mine)


def _own_violations(problem: ScheduleProblem, week: IntArray) -> Iterator[Violation]:
    jobs, placed = problem.jobs, week != DEFERRED
    outside = np.where(placed, np.maximum(jobs.earliest - week, week - jobs.latest), 0)
    for i in np.flatnonzero(outside > 0).tolist():
        yield Violation(ViolationKind.WINDOW, int(week[i]), jobs.name[i], float(outside[i]), (i,))
    for i in np.flatnonzero(placed & ~jobs.allowed[np.arange(len(jobs)), week]).tolist():
        yield Violation(ViolationKind.OUTAGE, int(week[i]), jobs.name[i], 0.0, (i,))
    for i in np.flatnonzero((jobs.fixed >= 0) & (week != jobs.fixed)).tolist():
        yield Violation(ViolationKind.FIXED, int(jobs.fixed[i]), jobs.name[i], 0.0, (i,))


def _wrong(problem: ScheduleProblem) -> Iterator[str]:
    """What is wrong with a problem's figures."""
    jobs, n = problem.jobs, len(problem.jobs)
    if problem.crew_hours.ndim != 2 or len(problem.crew_hours) != len(problem.skills) or problem.n_week < 1:
        yield f"crew_hours has shape {problem.crew_hours.shape}, it must be ({len(problem.skills)}, weeks)"
    if jobs.allowed.shape != (n, problem.n_week):
        yield f"allowed has shape {jobs.allowed.shape}, it must be ({n}, {problem.n_week})"
    surcharge = np.asarray(jobs.surcharge_eur)
    if surcharge.ndim and surcharge.shape != (n, problem.n_week):
        yield f"surcharge_eur has shape {surcharge.shape}, it must be ({n}, {problem.n_week})"
    if not (np.isfinite(surcharge) & (surcharge >= 0)).all():
        yield "surcharge_eur must be finite and not negative"
    fed = np.asarray(jobs.mobile_mw)
    if fed.ndim and fed.shape != (n, problem.n_week):
        yield f"mobile_mw has shape {fed.shape}, it must be ({n}, {problem.n_week})"
    if not (np.isfinite(fed) & (fed >= 0)).all() or not problem.mobile_mw >= 0:
        yield "mobile_mw must be finite and not negative"
    if not (np.isfinite(problem.crew_hours) & (problem.crew_hours >= 0)).all():
        yield "crew_hours must be finite and not negative"
    limits = {"rate_per_year": np.inf, "consequence_eur": np.inf, "hours": np.inf, "cost_eur": np.inf, "effect": 1.0}
    for field, most in limits.items():
        values: FloatArray = getattr(jobs, field)
        yield from _outside(
            jobs, field, values, np.isfinite(values) & (values >= 0) & (values <= most), "a number from 0"
        )
    yield from _outside(jobs, "fixed", jobs.fixed, (jobs.fixed >= -1) & (jobs.fixed < problem.n_week), "-1 or a week")
    for skill, name in zip(jobs.skill, jobs.name, strict=True):
        if skill not in problem.skills:
            yield f"{name}: there is no crew {skill!r}, only {', '.join(problem.skills)}"


def _outside(jobs: Jobs, field: str, values: NDArray[np.generic], right: BoolArray, words: str) -> Iterator[str]:
    if values.shape != (len(jobs),):
        yield f"{field} has shape {values.shape}, it must be ({len(jobs)},)"
    for i in np.flatnonzero(~right)[:1].tolist():
        yield f"{jobs.name[i]}: {field} is {values[i]}, it must be {words}{' to 1' if field == 'effect' else ''}"
