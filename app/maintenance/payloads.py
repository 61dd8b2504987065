"""Prognosis, schedule and model card as the plain data that the REST API answers with. Unknown values are None."""

import math
from datetime import timedelta
from typing import Any

from app.maintenance.drivers import DriversState
from app.maintenance.view import (
    YEAR_COLUMN,
    Maintained,
    class_of,
    crews_of,
    job_words,
    status_of,
    weeks_of,
    why_deferred,
    why_planned,
)
from app.maintenance.view_asset import drivers_of, signals_of, similar_to
from app.web.plain import number, stamp
from components.maintenance.risk_table import RateSource
from components.maintenance.words import conflict_words, fleet_step_words, maintenance_problem_words, why_not_words
from grid.network import FloatArray
from ml.maintenance.model.card import ModelCard, card_to
from ml.maintenance.model.causes import CAUSES
from ml.maintenance.model.prognosis import HORIZONS
from ml.maintenance.records import MobileSupply
from ml.maintenance.schedule.economics import ScheduleView
from ml.maintenance.schedule.problem import DEFERRED, Judgement
from ml.maintenance.schedule.terms import MaintenanceTerms
from ml.reporting.plain import plain

JSON = dict[str, Any]


def assets(now: Maintained) -> JSON:
    """Every asset, riskiest first; risk in EUR a year."""
    told = _Told(now)
    rows = [told.asset(branch) for branch in now.branches.tolist()]
    return {**_about(now), "assets": sorted(rows, key=lambda row: -(row["risk_eur_per_year"] or 0.0))}


class _Told:
    """What is the same for all assets of an answer, worked out once."""

    def __init__(self, now: Maintained) -> None:
        self._now, self._found = now, now.report.prognosis
        self._consequence = now.consequence_eur
        self._jobs = job_words(now.report.schedule)

    def asset(self, branch: int) -> JSON:
        """One asset in short; what only a prognosis knows is None before the first one."""
        found, network = self._found, self._now.snapshot.case.network
        consequence = float(self._consequence[branch])
        risk = math.nan if found is None else float(found.probability[branch, YEAR_COLUMN]) * consequence
        named = class_of(self._now, branch)
        return {
            "id": branch,
            "name": network.branch.name[branch],
            "type": network.branch.kind[branch].value,
            "failure_probability": _by_horizon(None if found is None else found.probability[branch]),
            "failure_probability_low": _by_horizon(None if found is None else found.low[branch]),
            "failure_probability_high": _by_horizon(None if found is None else found.high[branch]),
            "published_probability": _by_horizon(None if found is None else found.published[branch]),
            "failure_types": {} if found is None else _types(found.cause[branch]),
            "consequence_eur": number(consequence),
            "interrupted_kw": number(1000 * self._now.snapshot.assessed.risk.interrupted_mw[branch]),
            "risk_eur_per_year": number(risk),
            "risk_class": None if named is None else named.value.lower(),
            "novelty": None if found is None else number(found.novelty[branch]),
            "unusual": None if found is None else bool(found.is_novel[branch]),
            "source": None
            if found is None
            else (RateSource.MODEL if found.learned[branch] else RateSource.CNAIM).value,
            "why_not_model": None if found is None else why_not_words(found.why_not[branch]) or None,
            "next_job": self._jobs.get(branch),
        }


def _by_horizon(values: FloatArray | None) -> JSON:
    known = [math.nan] * len(HORIZONS) if values is None else values.tolist()
    return {str(days): number(value) for days, value in zip(HORIZONS, known, strict=True)}


def _types(shares: FloatArray) -> JSON:
    return {cause.value: number(share) for cause, share in zip(CAUSES, shares.tolist(), strict=True)}


def one_asset(now: Maintained, branch: int) -> JSON:
    """One asset with its signals, trend, drivers and the assets that are like it."""
    trend = now.maintainer.trend(now.snapshot.case.network, branch)
    drivers, state = drivers_of(now, branch)
    return {
        **_about(now),
        **_Told(now).asset(branch),
        "year_built": number(now.snapshot.case.register.year_built[branch]),
        "measured_at": stamp(now.snapshot.measured.frame.measured_at),
        "stale": now.snapshot.solved.stale,
        "signals": [
            {
                "name": row.name,
                "value": number(row.value),
                "unit": row.unit,
                "usual_low": number(row.usual_low),
                "usual_high": number(row.usual_high),
                "limit": number(row.limit),
                "state": row.state.value,
            }
            for row in signals_of(now, branch)
        ],
        "trend": {
            "time": [str(moment) for moment in trend.time],
            **{
                name: [number(value) for value in getattr(trend, name).tolist()]
                for name in ("probability", "low", "high", "published")
            },
        },
        "drivers": [
            {"feature": driver.feature, "value": driver.value, "log_rate": number(driver.log_rate)}
            for driver in drivers
        ],
        "why_no_drivers": None if state is DriversState.KNOWN else state,
        "similar": [
            {
                "id": int(other.code.rpartition("-")[2]),
                "name": other.name,
                "failure_probability_365": number(other.probability_365_days),
            }
            for other in similar_to(now, branch)
        ],
    }


def _about(now: Maintained) -> JSON:
    report = now.report
    return {
        "status": status_of(now).words,
        "problem": maintenance_problem_words(report.problems) or None,
        "own_failures": None if report.own is None else {**vars(report.own), "since": stamp(report.own.since)},
        "simulated_time": None if report.simulated_at is None else stamp(report.simulated_at),
    }


def schedule(now: Maintained) -> JSON:
    """The schedule: weeks counted from 1, None for deferred; money in EUR, work in hours."""
    made = now.report.schedule
    jobs: list[JSON] = []
    answer: JSON = {
        "scheduling": now.report.scheduling,
        "first_day": None,
        "weeks": 0,
        "jobs": jobs,
        "crews": [],
        "pins": [],
        "conflict": None,
        "method": None,
        "gap": None,
        "costs": {},
        "standing": None,
        "terms": _terms(now.maintainer.terms),
    }
    if made is None:
        return answer
    problem, weeks = made.problem, weeks_of(made)
    for position, (branch, week) in enumerate(zip(made.branches.tolist(), weeks.tolist(), strict=True)):
        jobs.append(_job(now, position, branch, week))
    compared = made.compared
    judged = (
        {}
        if compared is None
        else {
            "proposed": compared.proposed,
            "greedy": compared.greedy,
            "fixed_intervals": compared.intervals,
            "nothing": compared.nothing,
        }
    )
    return answer | {
        "first_day": made.first_day.isoformat(),
        "weeks": problem.n_week,
        "crews": [
            {"crew": crew.skill, "load_hours": list(crew.load_hours), "capacity_hours": list(crew.capacity_hours)}
            for crew in crews_of(problem, weeks)
        ],
        "pins": [{"id": branch, "week": _week(week)} for branch, week in sorted(made.pins.items())],
        "standing": _standing(made),
        "conflict": None if made.conflict is None else conflict_words(made.conflict.violations),
        "method": None if made.schedule is None else made.schedule.method.value,
        "gap": None if made.schedule is None else number(made.schedule.gap),
        "costs": {name: _costs(found) for name, found in judged.items()},
    }


def _standing(made: ScheduleView) -> JSON | None:
    """Since when the schedule stands, and what one made anew would save."""
    standing = made.standing
    if standing is None or made.schedule is None:
        return None
    return {
        "since": stamp(standing.since),
        "change": standing.change.value,
        "broken_before": conflict_words(made.broken) or None,
        "checked_at": stamp(standing.checked_at),
        "fresh_saves_eur": standing.fresh_saves_eur,
    }


def _terms(terms: MaintenanceTerms) -> JSON:
    """What the schedule was made by, in the units that names end with."""
    return {
        "lost_load_eur_per_mwh": terms.lost_load_eur_per_mwh,
        "repair_hours": {kind.value: hours for kind, hours in terms.repair_hours.items()},
        "crews": {skill.value: number or None for skill, number in terms.crews.items()},
        "crew_hours_per_week": terms.crew_hours_per_week,
        "job_hours": {skill.value: hours for skill, hours in terms.job_hours.items()},
        "job_share_of_replacement": terms.job_share,
        "least_job_eur": terms.least_job_eur,
        "effect_share_of_rate": terms.effect,
        "benefit_years": terms.benefit_years,
        "weekend_surcharge_share": terms.weekend_surcharge,
        "night_surcharge_share": terms.night_surcharge,
        "mobile_mw": terms.mobile_mw,
        "mobile_unit_mw": terms.mobile_unit_mw,
        "mobile_unit_eur": terms.mobile_unit_eur,
        "mobile_eur_per_mwh": terms.mobile_eur_per_mwh,
        "zone_outages_per_week": terms.zone_outages,
        "change_share_of_cost": terms.change_share,
        "usual_interval_years": terms.interval_years,
    }


def solved(made: ScheduleView) -> JSON:
    """What came of a schedule that was asked for, in short."""
    found = made.schedule
    return {
        "first_day": made.first_day.isoformat(),
        "weeks": made.problem.n_week,
        "conflict": None if made.conflict is None else conflict_words(made.conflict.violations),
        "method": None if found is None else found.method.value,
        "gap": None if found is None else number(found.gap),
        "expected_cost_eur": None if found is None else found.expected_cost_eur,
    }


def _job(now: Maintained, position: int, branch: int, week: int) -> JSON:
    made = now.report.schedule
    assert made is not None  # noqa: S101 callers have looked
    problem, jobs = made.problem, made.problem.jobs
    starts = None if week == DEFERRED else (made.first_day + timedelta(weeks=week)).isoformat()
    return {
        "id": branch,
        "name": jobs.name[position],
        "week": _week(week),
        "week_starts": starts,
        "crew": jobs.skill[position],
        "hours": float(jobs.hours[position]),
        "cost_eur": float(jobs.cost_eur[position]),
        "expected_cost_eur": float(problem.cost_eur[position, week]),
        "deferral_cost_eur": float(problem.cost_eur[position, -1]),
        "pinned": branch in made.pins,
        "share_of_draws": None if made.share_of_draws is None else float(made.share_of_draws[position]),
        **_work(now, made, position, week),
        "why_deferred": _why(now, made, position) if week == DEFERRED else None,
    }


def _work(now: Maintained, made: ScheduleView, position: int, week: int) -> JSON:
    """When in its week a job is done, and why then; None where it is deferred."""
    done = made.work_of(position, week)
    ties = () if done is None else done.ties
    names = now.snapshot.case.network.branch.name
    return {
        "work_time": None if done is None else done.time.value,
        "shifts": None if done is None else done.shifts,
        "surcharge_eur": None if done is None else done.surcharge_eur,
        "ties_closed": [names[tie] for tie in ties],
        "mobile_supply": None if done is None or done.mobile is None else _mobile(now, done.mobile),
        "reason": None if done is None else why_planned(now.snapshot.case.network, made, position, week),
    }


def _mobile(now: Maintained, mobile: MobileSupply) -> JSON:
    """What mobile units feed while an asset is out."""
    names = now.snapshot.case.network.load.name
    return {
        "loads": [names[load] for load in mobile.loads],
        "most_mw": mobile.mw,
        "hours": mobile.hours,
        "energy_mwh": mobile.mwh,
        "units": mobile.units,
        "price_eur": mobile.eur,
    }


def _why(now: Maintained, made: ScheduleView, position: int) -> str | None:
    """Why a job is deferred; None where a person settled it so."""
    pinned = int(made.branches[position]) in made.pins
    return None if pinned else why_deferred(now.snapshot.case.network, made, position)


def _week(week: int) -> int | None:
    return None if week == DEFERRED else week + 1


def _costs(found: Judgement) -> JSON:
    return {
        "expected_cost_eur": found.expected_cost_eur,
        "work_eur": found.work_eur,
        "risk_eur": found.risk_eur,
        "residual_eur": found.residual_eur,
        "deferred_risk_eur": found.deferred_risk_eur,
    }


def _told(card: ModelCard) -> JSON:
    """A card but for the coefficients of what sensors usually show."""
    return {name: value for name, value in card_to(card).items() if name != "usual"}


def _support(card: ModelCard) -> JSON | None:
    """The ranges of traits by kind; the single assets that stand for training stay in the models' folder."""
    if card.support is None:
        return None
    ends = ("lowest", "highest")
    return {kind: {end: one[end] for end in ends} for kind, one in card.support.as_plain().items()}


def model(now: Maintained) -> JSON:
    """The model card: trained on simulated data, with what, when, and how good."""
    known, training = now.report.card, now.report.training
    card = None if known is None else plain({**_told(known), "support": _support(known)})
    return {
        **_about(now),
        "trained": known is not None,
        "simulated_data": True,
        "horizons_days": list(HORIZONS),
        "card": card,
        "training": {
            "running": training.running,
            "step": training.step,
            "steps": training.steps,
            "words": fleet_step_words(training.doing),
        },
    }
