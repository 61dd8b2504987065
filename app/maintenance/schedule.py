"""The maintenance schedule of a live grid, from a snapshot and a prognosis."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

import numpy as np

from app.engine.board import Snapshot
from app.settings import Settings
from grid.assets.register import Skill
from grid.capabilities import OUTAGE_WINDOWS
from grid.network import BranchKind, FloatArray
from ml.maintenance.model.prognosis import Prognosis
from ml.maintenance.schedule.draws import shares_of_draws, spread_of
from ml.maintenance.schedule.economics import (
    WEEKS,
    ScheduleView,
    branches_worth_a_job,
    jobs_cost_eur,
    jobs_hours,
    next_monday,
    schedule_problem,
    solved,
)
from ml.maintenance.schedule.hindrances import outage_hindrances
from ml.maintenance.schedule.mobile_supply import with_mobile_supply
from ml.maintenance.schedule.problem import OutageHindrance
from ml.maintenance.schedule.solve import with_pins
from ml.maintenance.schedule.terms import MaintenanceTerms
from ml.maintenance.schedule.work_times import NEVER, WorkLevels, cheapest_first, work_levels
from ml.maintenance.schedule.work_windows import NIGHTS, WorkWindows, work_windows

RATE_HORIZON_DAYS = 365
DRAWS_SEED = 1
MOST_EXPLAINED = 50  # outages that no week allows, the riskiest, of which it is said why
TIES_SHARE, WINDOWS_SHARE = 0.7, 0.8  # of the work, as far as progress is told


def terms_of(settings: Settings) -> MaintenanceTerms:
    """What maintenance costs and saves, and who does it, as the settings have it."""
    return MaintenanceTerms(
        lost_load_eur_per_mwh=settings.lost_load_eur_per_mwh,
        repair_hours={
            BranchKind.LINE: settings.repair_hours_line,
            BranchKind.CABLE: settings.repair_hours_cable,
            BranchKind.TRANSFORMER: settings.repair_hours_transformer,
        },
        crews={
            Skill.LINES: settings.job_crews_line,
            Skill.CABLES: settings.job_crews_cable,
            Skill.SUBSTATIONS: settings.job_crews_substation,
        },
        crew_hours_per_week=settings.crew_week_hours,
        job_hours={
            Skill.LINES: settings.job_hours_line,
            Skill.CABLES: settings.job_hours_cable,
            Skill.SUBSTATIONS: settings.job_hours_substation,
        },
        job_share=settings.job_share,
        least_job_eur=settings.job_least_eur,
        effect=settings.job_effect,
        benefit_years=settings.job_benefit_years,
        weekend_surcharge=settings.weekend_surcharge,
        night_surcharge=settings.night_surcharge,
        change_share=settings.schedule_change_share,
        mobile_mw=settings.mobile_mw,
        mobile_unit_mw=settings.mobile_unit_mw,
        mobile_unit_eur=settings.mobile_unit_eur,
        mobile_eur_per_mwh=settings.mobile_eur_per_mwh,
        zone_outages=settings.zone_outages,
    )


def first_monday(snapshot: Snapshot) -> date:
    """The first day of the schedule: next Monday."""
    return next_monday(snapshot.simulated_at.date())


def make_schedule(
    snapshot: Snapshot,
    prognosis: Prognosis,
    consequence_eur: FloatArray,
    pins: Mapping[int, int],
    terms: MaintenanceTerms,
    step: Callable[[float], None] = lambda _: None,
    known: ScheduleView | None = None,
) -> ScheduleView:
    """Pose and solve. pins count weeks from first_monday; those for branches without a job are dropped.

    consequence_eur (m,): of failures, by the loads of a week. known: of these weeks and this switch state,
    whose jobs and windows hold on; only rates and consequences are new then.
    step: told what share of the outage windows is known, and of what stands against the outages that have none, before
    the next ones are; what it raises ends the work.
    """
    network, register = snapshot.case.network, snapshot.case.register
    rate = prognosis.rate_per_year(RATE_HORIZON_DAYS)
    if known is not None:
        posed = schedule_problem(network, register, known.branches, rate, consequence_eur, known.windows, terms)
        years = snapshot.simulated_at.year - register.year_built[known.branches]
        again = solved(posed, known.branches, years, pins, known.first_day, known.windows, terms)
        told = replace(again, hindrances=known.hindrances, lightest_week=known.lightest_week, closed=known.closed)
        return _drawn(told, prognosis)
    branches, first_day = branches_worth_a_job(snapshot.case.is_asset, rate, consequence_eur), first_monday(snapshot)
    asked, levels = network.n_bus <= OUTAGE_WINDOWS.most, _levels(snapshot, first_day)
    windows = WorkWindows.unasked(len(branches), WEEKS)
    hindrances: dict[int, OutageHindrance] = {}
    if asked and levels is not None:
        injection, closed = snapshot.solved.injection, snapshot.solved.state.closed
        risk = (rate * consequence_eur)[branches]
        order = np.argsort(-risk, kind="stable")  # several ties are tried for the riskiest
        ranked = branches[order]
        by_ties = work_windows(
            network, injection, closed, levels, ranked, lambda done: step(TIES_SHARE * done), cheapest_first(terms)
        )
        windows = with_mobile_supply(
            network,
            injection,
            closed,
            levels,
            ranked,
            by_ties,
            jobs_cost_eur(register, ranked, terms),
            jobs_hours(register, ranked, terms),
            terms,
            lambda done: step(TIES_SHARE + (WINDOWS_SHARE - TIES_SHARE) * done),
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
    problem = schedule_problem(network, register, branches, rate, consequence_eur, windows, terms)
    step(1.0)
    age = snapshot.simulated_at.year - register.year_built[branches]
    made = solved(problem, branches, age, pins, first_day, windows, terms)
    lightest = 0 if levels is None else int(np.argmin([week.max() for week in levels[NIGHTS]]))
    return replace(
        _drawn(made, prognosis), hindrances=hindrances, lightest_week=lightest, closed=snapshot.solved.state.closed
    )


def _drawn(made: ScheduleView, prognosis: Prognosis) -> ScheduleView:
    """With how often each job is in the best plan when rates are drawn; one seed, so that only news changes it."""
    low, high = (replace(prognosis, probability=end) for end in (prognosis.low, prognosis.high))
    ends = (one.rate_per_year(RATE_HORIZON_DAYS)[made.branches] for one in (low, high))
    place = {branch: job for job, branch in enumerate(made.branches.tolist())}
    pinned = with_pins(made.problem, {place[branch]: week for branch, week in made.pins.items()})
    return replace(made, share_of_draws=shares_of_draws(pinned, spread_of(*ends), np.random.default_rng(DRAWS_SEED)))


def same_windows(snapshot: Snapshot, made: ScheduleView) -> bool:
    """Whether a schedule's windows are those of the snapshot's weeks and switch state."""
    return made.first_day == first_monday(snapshot) and np.array_equal(
        snapshot.solved.state.closed, () if made.closed is None else made.closed
    )


def _levels(snapshot: Snapshot, first_day: date) -> WorkLevels | None:
    """Loads of WEEKS over the present one; None where nothing is taken now."""
    present_mw = float(snapshot.solved.injection.load_p_mw.sum())
    if present_mw <= 0:
        return None
    return work_levels(snapshot.case.yearly_load_mw, first_day, WEEKS, present_mw)
