"""What the maintenance page says: from the maintainer's report and its snapshot to the records that components draw."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from app.engine.board import Board, History, Point, Quantity, Snapshot
from app.maintenance.worker import MaintenanceReport, MaintenanceWorker
from app.map.view_quality import because_words
from app.web.browser_view import Asset
from app.web.services import Services
from components.common import text
from components.common.ceiling import up_to
from components.common.quality import stale_words
from components.common.trends import Curve
from components.maintenance.fleet import Fleet, Status
from components.maintenance.gantt import Crew, GanttPlan, Job, Way, week_words
from components.maintenance.model_card import Metric, ModelFacts, ReliabilityPoint
from components.maintenance.risk_table import Novelty, RateSource, RiskRow
from components.maintenance.words import (
    conflict_words,
    fleet_step_words,
    hindrance_words,
    maintenance_problem_words,
    own_words,
    standing_words,
    why_not_words,
    work_words,
)
from grid.alarms.book import AssetKind
from grid.capabilities import HOURLY_FLEET
from grid.network import FloatArray, IntArray, Network
from ml.maintenance.model.card import ModelCard
from ml.maintenance.model.causes import CAUSES
from ml.maintenance.model.prognosis import HORIZONS, Prognosis
from ml.maintenance.model.support import Support
from ml.maintenance.records import RiskClass, WorkTime, class_at
from ml.maintenance.schedule.economics import ScheduleView, failure_cost_eur
from ml.maintenance.schedule.problem import DEFERRED, Judgement, ScheduleProblem

YEAR_COLUMN = HORIZONS.index(365)
FIGURES = {  # of a card: what it is called here, how many digits it is worth, and which value is a good one
    "PR-AUC": ("PR-AUC", 3, ""),
    "Brier skill": ("Brier skill", 3, "0 is worth nothing, 1 perfect"),
    "calibration error": ("Calibration error", 4, "0 is perfect"),
    "recall at capacity": ("Failures found by looking at 5 %", 2, "by chance 0.05"),
    "lead time, days": ("Lead time, days", 0, ""),
    "false alarms per asset-year": ("False alarms per asset and year", 2, ""),
    "type macro-F1": ("Type of failure, macro-F1", 2, "1 is perfect"),
}
RIVALS = {"CNAIM score": "CNAIM", "age only": "age alone", "ceiling: hazard now": "true hazard now"}


@dataclass(frozen=True, eq=False)
class Maintained:
    """A report with the snapshot and history of the same network."""

    snapshot: Snapshot
    history: History
    report: MaintenanceReport
    maintainer: MaintenanceWorker

    @property
    def branches(self) -> IntArray:
        """(k,) positions of the branches that are assets: lines, cables and transformers."""
        return np.flatnonzero(self.snapshot.case.is_asset)

    @property
    def consequence_eur(self) -> FloatArray:
        """(m,) of a failure, by the loads of the last week; by those of now before there is a prognosis."""
        if self.report.consequence_eur is not None:
            return self.report.consequence_eur
        case = self.snapshot.case
        return failure_cost_eur(
            case.network, case.register, self.snapshot.assessed.risk.interrupted_mw, self.maintainer.terms
        )


def maintained(services: Services) -> Maintained | None:
    """What the maintainer knows now; None before there is a snapshot."""
    return maintained_on(services.boards.latest, services) if services.boards.ready else None


def maintained_on(board: Board, services: Services) -> Maintained:
    """What the maintainer has told on a board."""
    return Maintained(board.snapshot, board.history, services.maintainer.report_on(board), services.maintainer)


def code_of(branch: int) -> str:
    """A branch's name in addresses and ids."""
    return Asset(AssetKind.BRANCH, branch).code


def status_of(now: Maintained) -> Status:
    """What the maintainer is doing, and what hinders."""
    report, training = now.report, now.report.training
    stale = stale_words(now.snapshot.simulated_at, because_words(now.snapshot)) if now.snapshot.solved.stale else ""
    hindrance = "; ".join(filter(None, [maintenance_problem_words(report.problems), stale]))
    if training.running:
        step = f"step {training.step + 1} of {training.steps}, " if training.steps else ""
        words = f"Models are being trained on simulated fleets: {step}{fleet_step_words(training.doing).lower()}"
        return Status("training", words, "CNAIM's published rates stand in until then")
    if report.prognosis is None:
        return Status("waiting", "Waiting for the first prognosis", hindrance)
    if report.card is None and not now.maintainer.begun:
        return Status("waiting", "By CNAIM's published rates until the models have been read", hindrance)
    if report.card is None:
        return Status("fallback", "By CNAIM's published rates: there are no trained models", hindrance)
    learned = int(report.prognosis.learned[now.branches].sum())
    judged = "" if report.simulated_at is None else f", {text.clock(report.simulated_at)}"
    words = f"{learned:,} of {text.count(len(now.branches), 'asset')} judged by the models{judged}"
    return Status("ready", words, hindrance)


def rows_of(now: Maintained) -> list[RiskRow]:
    """Every asset, in the network's order."""
    found, branch = now.report.prognosis, now.snapshot.case.network.branch
    if found is None:
        return []
    chance, interrupted_kw = found.probability, 1000 * now.snapshot.assessed.risk.interrupted_mw
    consequence = now.consequence_eur
    risk = risk_eur_per_year(found, consequence)
    weeks = job_words(now.report.schedule)
    return [
        RiskRow(
            code_of(i),
            branch.name[i],
            branch.kind[i].value.capitalize(),
            float(chance[i, 0]),
            float(chance[i, 1]),
            float(chance[i, 2]),
            cause_words(found, i),
            float(consequence[i]),
            float(interrupted_kw[i]),
            float(risk[i]),
            novelty_of(found, i),
            RateSource.MODEL if found.learned[i] else RateSource.CNAIM,
            why_not_words(found.why_not[i]),
            weeks.get(i, ""),
            class_of(now, i),
        )
        for i in now.branches.tolist()
    ]


def risk_eur_per_year(found: Prognosis, consequence: FloatArray) -> FloatArray:
    """(m,) probability of a failure within 365 days times what it costs, EUR."""
    return np.asarray(found.probability[:, YEAR_COLUMN] * consequence)


def class_of(now: Maintained, branch: int) -> RiskClass | None:
    """The class of an asset's risk, which holds on near a limit; None where the risk is unknown."""
    return None if now.report.classes is None else class_at(int(now.report.classes[branch]))


def cause_words(found: Prognosis, branch: int) -> str:
    """The likeliest type of failure; empty where nothing was learned of it."""
    shares = found.cause[branch]
    return CAUSES[int(np.nanargmax(shares))].value if np.isfinite(shares).any() else ""


def novelty_of(found: Prognosis, branch: int) -> Novelty:
    """Whether the asset is unlike healthy ones."""
    if not math.isfinite(found.novelty[branch]):
        return Novelty.UNKNOWN
    return Novelty.UNUSUAL if found.is_novel[branch] else Novelty.USUAL


def fleet_of(now: Maintained) -> Fleet | None:
    """Totals of all assets; None before the first prognosis."""
    found = now.report.prognosis
    if found is None:
        return None
    mine = now.branches
    chance = found.probability[mine, YEAR_COLUMN]
    risk = risk_eur_per_year(found, now.consequence_eur)[mine]
    classes = [class_of(now, i) for i in mine.tolist()]
    plan = plan_of(now)
    return Fleet(
        assets=len(mine),
        by_model=int(found.learned[mine].sum()),
        unjudged=int(np.isnan(chance).sum()),
        unusual=int(found.is_novel[mine].sum()),
        classes={name: classes.count(name) for name in RiskClass},
        failures_per_year=float(np.nansum(-np.log1p(-np.minimum(chance, 1 - 1e-9)))),
        own="" if now.report.own is None else own_words(now.report.own),
        risk_eur_per_year=float(np.nansum(risk)),
        planned=None if plan is None else len(plan.placed),
        weeks=0 if plan is None else plan.weeks,
        deferred=0 if plan is None else len(plan.deferred),
        deferred_risk_eur=0.0 if plan is None else sum(job.deferral_eur for job in plan.deferred),
    )


def degradation_of(now: Maintained) -> tuple[Curve, ...]:
    """Efficiency of the grid and mean risk of its branches over the cycles kept."""
    kept = (Quantity.EFFICIENCY_PERCENT, Quantity.AVERAGE_RISK)
    efficiency, risk = (now.history.range(Point(quantity)) for quantity in kept)
    return (
        Curve("Efficiency", "%", efficiency.time, efficiency.value),
        Curve("Mean risk", "kW/yr", risk.time, 1000 * risk.value),
    )


def card_of(now: Maintained) -> ModelFacts | None:
    """The card of the models behind the prognosis; None without models."""
    card = now.report.card
    return None if card is None else facts_of(card)


def facts_of(card: ModelCard) -> ModelFacts:
    """What the page shows of a card."""
    return ModelFacts(
        facts=(
            ("Trained", trained_words(card.trained_at)),
            ("Learned from", card.data),
            ("Features", f"{len(card.features)}, physics and condition signals"),
            ("Judges", _support_words(card.support)),
            ("Seed", f"{card.seed}"),
            ("Data, SHA-256", f"{card.data_sha256[:12]}…"),
            ("Made with", ", ".join(f"{name} {version}" for name, version in sorted(card.versions.items()))),
        ),
        metrics=tuple(
            metric
            for days, figures in sorted(card.metrics.items(), key=lambda item: int(item[0]))
            for metric in _metrics(days, figures)
        ),
        reliability={
            days: tuple(
                ReliabilityPoint(row.rows, row.predicted, row.observed.value, row.observed.low, row.observed.high)
                for row in rows
            )
            for days, rows in card.reliability.items()
        },
    )


def _support_words(support: Support | None) -> str:
    """Which assets the models judge; the published rate stands in for others."""
    if support is None:
        return "whatever is asked"
    ranges = (
        f"{kind}s of {one['lowest']['age_years']:.0f} to {one['highest']['age_years']:.0f} years"
        for kind, one in support.as_plain().items()
    )
    return f"{', '.join(ranges)}, like those of its training; for others the published rate stands"


def trained_words(stamp: str) -> str:
    """An ISO 8601 time as people read it; as it is where it isn't one."""
    try:
        return f"{text.moment(datetime.fromisoformat(stamp))} UTC"
    except ValueError:
        return stamp


def _metrics(days: str, figures: Mapping[str, Any]) -> list[Metric]:
    """A horizon's figures that the card has, each with what to read it against."""
    found = []
    for key, (name, digits, note) in FIGURES.items():
        figure = figures.get(key)
        if isinstance(figure, Mapping):
            value, low, high = (_number(figure.get(part)) for part in ("value", "low", "high"))
            shown = _beside(figures) if key == "PR-AUC" else note
            found.append(Metric(f"{name}, {days} d", value, low, high, shown, digits))
    return found


def _beside(figures: Mapping[str, Any]) -> str:
    """Base rate and the PR-AUC of simpler methods and of who knew everything."""
    base = figures.get("base rate")
    parts = [f"chance {text.number(_number(base.get('value')), 3)}"] if isinstance(base, Mapping) else []
    rivals = figures.get("PR-AUC of rivals")
    if isinstance(rivals, Mapping):
        parts += [f"{name} {text.number(_number(rivals[key]), 3)}" for key, name in RIVALS.items() if key in rivals]
    return ", ".join(parts)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def weeks_of(made: ScheduleView) -> IntArray:
    """(n,) week of each job, DEFERRED for none; where pins contradict the rules, those that are pinned alone."""
    if made.schedule is not None:
        return made.schedule.week
    return np.array([made.pins.get(branch, DEFERRED) for branch in made.branches.tolist()], dtype=np.int64)


def job_words(made: ScheduleView | None) -> Mapping[int, str]:
    """The week of each branch that has a job, in words."""
    if made is None:
        return {}
    weeks = zip(made.branches.tolist(), weeks_of(made).tolist(), strict=True)
    return {branch: "deferred" if week == DEFERRED else week_words(made.first_day, week) for branch, week in weeks}


def plan_of(now: Maintained) -> GanttPlan | None:
    """The schedule as it is drawn; None before the first one."""
    made = now.report.schedule
    if made is None:
        return None
    problem, jobs, weeks = made.problem, made.problem.jobs, weeks_of(made)
    deferral = problem.risk_eur[:, -1] + problem.residual_eur
    drawn = tuple(
        Job(
            code_of(branch),
            jobs.name[i],
            jobs.skill[i],
            None if weeks[i] == DEFERRED else int(weeks[i]),
            float(jobs.hours[i]),
            float(jobs.cost_eur[i] if weeks[i] == DEFERRED else problem.work_eur[i, weeks[i]]),
            float(deferral[i]),
            branch in made.pins,
            int(jobs.allowed[i].sum()),
            why_deferred(now.snapshot.case.network, made, i) if weeks[i] == DEFERRED else "",
            work_words(now.snapshot.case.network, made.work_of(i, int(weeks[i]))),
            None if made.share_of_draws is None else float(made.share_of_draws[i]),
        )
        for i, branch in enumerate(made.branches.tolist())
    )
    return GanttPlan(made.first_day, problem.n_week, drawn, crews_of(problem, weeks), ways_of(made))


def why_deferred(network: Network, made: ScheduleView, job: int) -> str:
    """Why a job has no week: what it would break and when that is nearest to possible, or the first week that is."""
    problem, branch = made.problem, int(made.branches[job])
    possible = np.flatnonzero(problem.possible[job])
    if len(possible):
        cost = problem.cost_eur[job]
        worth = cost[possible].min() < cost[-1]
        why = "crews or its area have no room" if worth else "costs more than it saves"
        return f"{why}; possible from week {week_words(made.first_day, int(possible[0]))}"
    if problem.jobs.allowed[job].any():
        return "its crew has too few hours in a week"
    found = made.hindrances.get(branch)
    if found is None:
        return "an outage would break supply or limits in every week"
    nearest = week_words(made.first_day, made.lightest_week)
    return f"{hindrance_words(network, found)}; in every week, nearest to possible at night in week {nearest}"


def why_planned(network: Network, made: ScheduleView, job: int, week: int) -> str:
    """Why a job is done in its week and at its time, and what it saves."""
    problem = made.problem
    cost = problem.cost_eur[job]
    if int(made.branches[job]) in made.pins:
        why = "settled by a person"
    else:
        saved = text.rough(float(cost[-1] - cost[week]), "EUR")
        weeks = np.flatnonzero(problem.possible[job])
        best = int(weeks[np.argmin(cost[weeks])]) if len(weeks) else week
        place = "the best of its weeks" if week == best else "crews or its area have no room in its best week"
        why = f"saves {saved} over deferring, {place}"
    done = made.work_of(job, week)
    if done is not None and done.mobile is not None:
        return f"{why}; {work_words(network, done)}, as ties alone carry its load at no time"
    if done is None or done.time is WorkTime.DAYS:
        return why
    return f"{why}; {work_words(network, done)}, as the outage would break supply or limits on working days"


def crews_of(problem: ScheduleProblem, weeks: IntArray) -> tuple[Crew, ...]:
    """Each crew's hours by week beside its capacity."""
    load: FloatArray = np.zeros(problem.crew_hours.shape)
    placed = weeks != DEFERRED
    np.add.at(load, (problem.crew[placed], weeks[placed]), problem.jobs.hours[placed])
    return tuple(
        Crew(skill, tuple(load[crew].tolist()), tuple(problem.crew_hours[crew].tolist()))
        for crew, skill in enumerate(problem.skills)
    )


def ways_of(made: ScheduleView) -> tuple[Way, ...]:
    """The schedule beside the greedy one, fixed intervals, and doing nothing."""
    compared = made.compared
    if compared is None:
        return ()
    return (
        _way("This schedule", compared.proposed),
        _way("Greedy", compared.greedy),
        _way("Fixed intervals", compared.intervals),
        _way("Nothing", compared.nothing),
    )


def _way(name: str, found: Judgement) -> Way:
    jobs = int((found.week != DEFERRED).sum())
    return Way(name, found.expected_cost_eur, found.work_eur, found.risk_eur, found.residual_eur, jobs, found.feasible)


def tables_as_of(now: Maintained) -> str:
    """Of when the fleet's tables are, and in a large one how rarely they are made anew."""
    as_of = f"as of {text.clock(now.snapshot.simulated_at)}"
    if len(now.branches) <= HOURLY_FLEET.most:
        return as_of
    return f"{as_of}; every 6 h with more than {up_to(HOURLY_FLEET)}"


def schedule_state(now: Maintained) -> tuple[str, str]:
    """What is to be said above the schedule: how it was made, and what contradicts."""
    made = now.report.schedule
    if now.report.scheduling:
        return "Solving …", ""
    if made is None:
        return "Waiting for the first schedule", ""
    if made.conflict is not None:
        return (
            "No schedule: pins contradict one another",
            f"{conflict_words(made.conflict.violations)}. Move or remove a pin, then solve again.",
        )
    if made.schedule is None:
        return "No schedule", ""
    cost = text.rough(made.schedule.expected_cost_eur, "EUR")
    words = (
        f"Expected cost {cost} in {text.count(made.problem.n_week, 'week')} from {made.first_day.day} "
        f"{made.first_day:%b %Y}, found by {made.schedule.method}; a better one could save "
        f"{text.percent(made.schedule.gap)} at most"
    )
    return words, ""


def standing_note(now: Maintained) -> str:
    """Since when the schedule stands; empty where there is none, or another is being made."""
    made = now.report.schedule
    if made is None or made.schedule is None or made.standing is None or now.report.scheduling:
        return ""
    return standing_words(made.standing, made.broken, made.schedule.expected_cost_eur, made.terms.change_share)
