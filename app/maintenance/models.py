"""What the API answers of failure prognoses and schedules: one model an endpoint. Values that aren't known are null."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from app.web.models import Answer, Count, Place, Probability
from components.maintenance.asset_panel import SignalState
from components.maintenance.risk_table import RateSource
from grid.assets.register import Skill
from grid.network import BranchKind
from ml.maintenance.model.causes import Cause
from ml.maintenance.records import PlanChange, RateChange, WorkTime
from ml.maintenance.schedule.solve import ScheduleMethod

Euro = Annotated[float | None, Field(description="EUR")]
Hours = Annotated[float, Field(description="h")]
Week = Annotated[int | None, Field(description="from 1 on, null for deferred")]

Metric = float | str | None | dict[str, float | None] | list[str] | list[list[int]]


class OwnFailuresItem(Answer):
    """Failures that the grid's assets really had, those expected, and the factor of rates that follows, with 95 %."""

    since: AwareDatetime
    failures: Count
    expected: float
    factor: float
    low: float
    high: float
    change: RateChange | None


class AboutItem(Answer):
    """What the maintenance worker does, what hinders it, and of which moment it speaks.

    own_failures: null without a log of them.
    """

    status: str
    problem: str | None
    own_failures: OwnFailuresItem | None
    simulated_time: AwareDatetime | None


class HorizonItem(Answer):
    """Probabilities within 30, 90 and 365 days."""

    days_30: Probability = Field(alias="30")
    days_90: Probability = Field(alias="90")
    days_365: Probability = Field(alias="365")


class AssetItem(Answer):
    """An asset in short. failure_types: shares by cause. novelty: how unlike what the models have learned from.

    consequence_eur: by the loads of the last week; interrupted_kw: now.
    """

    id: Place
    name: str
    type: BranchKind
    failure_probability: HorizonItem
    failure_probability_low: HorizonItem
    failure_probability_high: HorizonItem
    published_probability: HorizonItem
    failure_types: dict[Cause, Probability]
    consequence_eur: Euro
    interrupted_kw: Annotated[float | None, Field(description="kW")]
    risk_eur_per_year: Euro
    risk_class: str | None
    novelty: float | None
    unusual: bool | None
    source: RateSource | None
    why_not_model: str | None
    next_job: str | None


class AssetsAnswer(AboutItem):
    """GET /api/maintenance/assets."""

    assets: tuple[AssetItem, ...]


class SignalItem(Answer):
    """What a sensor shows, in its unit."""

    name: str
    value: float | None
    unit: str
    usual_low: float | None
    usual_high: float | None
    limit: float | None
    state: SignalState


class TrendItem(Answer):
    """Failure within 365 days over simulated time, UTC."""

    time: tuple[str, ...]
    probability: tuple[Probability, ...]
    low: tuple[Probability, ...]
    high: tuple[Probability, ...]
    published: tuple[Probability, ...]


class DriverItem(Answer):
    """What a feature adds to the log of the failure rate within 365 days."""

    feature: str
    value: str
    log_rate: float | None


class SimilarItem(Answer):
    """An asset that is like another one."""

    id: Place
    name: str
    failure_probability_365: Probability


class AssetAnswer(AboutItem, AssetItem):
    """GET /api/maintenance/assets/{id}. why_no_drivers: null where they are known."""

    year_built: float | None
    measured_at: AwareDatetime
    stale: bool
    signals: tuple[SignalItem, ...]
    trend: TrendItem
    drivers: tuple[DriverItem, ...]
    why_no_drivers: str | None
    similar: tuple[SimilarItem, ...]


class MobileItem(Answer):
    """What mobile units feed while an asset is out: MW at the highest load of the work's hours, energy of all of it."""

    loads: tuple[str, ...]
    most_mw: float
    hours: Hours
    energy_mwh: float
    units: Count
    price_eur: Euro


class JobItem(Answer):
    """A job of the schedule. work_time and what follows from it are null where it is deferred.

    shifts: between which the asset is in service again. ties_closed: that carry its load, where more than one is
    needed. mobile_supply: null where no loads need it. surcharge_eur: what the time and mobile supply add to cost_eur.
    reason: why it is done in this week, and at this time. share_of_draws: of the failure rates within their
    uncertainty, in which the best plan has the job in some week.
    """

    id: Place
    name: str
    week: Week
    week_starts: date | None
    crew: str
    hours: Hours
    cost_eur: Euro
    expected_cost_eur: Euro
    deferral_cost_eur: Euro
    pinned: bool
    share_of_draws: Probability
    work_time: WorkTime | None
    shifts: Count | None
    surcharge_eur: Euro
    ties_closed: tuple[str, ...]
    mobile_supply: MobileItem | None
    reason: str | None
    why_deferred: str | None


class CrewItem(Answer):
    """A crew's work by the week."""

    crew: str
    load_hours: tuple[Hours, ...]
    capacity_hours: tuple[Hours, ...]


class PinItem(Answer):
    """A job that is settled by hand."""

    id: Place
    week: Week


class CostItem(Answer):
    """What a schedule costs."""

    expected_cost_eur: Euro
    work_eur: Euro
    risk_eur: Euro
    residual_eur: Euro
    deferred_risk_eur: Euro


class TermsItem(Answer):
    """What the schedule is made by, from the settings. crews: null for one for every 100 jobs of the skill.

    job_share_of_replacement, least_job_eur: the larger one is what a job costs on working days, where the file of
    assets doesn't say. effect_share_of_rate: of its failure rate that a job removes, for benefit_years. Surcharges:
    shares of a job's cost. mobile_mw: of mobile units that there are in a week. usual_interval_years: of the fixed
    intervals that the schedule is compared with.
    """

    lost_load_eur_per_mwh: float
    repair_hours: dict[BranchKind, Hours]
    crews: dict[Skill, Count | None]
    crew_hours_per_week: Hours
    job_hours: dict[Skill, Hours]
    job_share_of_replacement: float
    least_job_eur: Euro
    effect_share_of_rate: float
    benefit_years: float
    weekend_surcharge_share: float
    night_surcharge_share: float
    mobile_mw: float
    mobile_unit_mw: float
    mobile_unit_eur: Euro
    mobile_eur_per_mwh: float
    zone_outages_per_week: Count
    change_share_of_cost: float
    usual_interval_years: float


class PlanStandingItem(Answer):
    """Since when the schedule stands (simulated) and why. checked_at: when it was last compared with one made anew.

    fresh_saves_eur: what that one would save; it stands until this is more than terms.change_share_of_cost of its
    expected cost. broken_before: what the schedule before it broke, where it had to be replaced.
    """

    since: AwareDatetime
    change: PlanChange
    broken_before: str | None
    checked_at: AwareDatetime
    fresh_saves_eur: Euro


class ScheduleAnswer(Answer):
    """GET /api/maintenance/schedule. gap: from the best that is possible, 0 to 1."""

    scheduling: bool
    first_day: date | None
    weeks: Count
    jobs: tuple[JobItem, ...]
    crews: tuple[CrewItem, ...]
    pins: tuple[PinItem, ...]
    conflict: str | None
    method: ScheduleMethod | None
    gap: float | None
    costs: dict[str, CostItem]
    standing: PlanStandingItem | None
    terms: TermsItem


class PinsAnswer(Answer):
    """POST /api/maintenance/schedule. job: the id of the job that tells how it goes."""

    success: Literal[True]
    pins: tuple[PinItem, ...]
    job: str


class SolvedItem(Answer):
    """What came of a schedule that was asked for; GET /api/maintenance/schedule has all of it."""

    first_day: date
    weeks: Count
    conflict: str | None
    method: ScheduleMethod | None
    gap: float | None
    expected_cost_eur: Euro


class FeatureItem(Answer):
    """A column that the models read."""

    name: str
    dtype: Literal["numeric", "category"]
    unit: str


class FigureItem(Answer):
    """A figure with its 95 % interval."""

    value: float | None
    low: float | None
    high: float | None


class ReliabilityItem(Answer):
    """Of some rows: the mean of what was predicted, and how often it came."""

    rows: Count
    predicted: float | None
    observed: FigureItem


class SupportItem(Answer):
    """Ranges of traits that training had for a kind of asset; outside of them the published rate stands in."""

    lowest: dict[str, float]
    highest: dict[str, float]


class CardItem(Answer):
    """Where models come from and how good they are. metrics: by horizon in days and name; reliability: by horizon.

    A metric is a number, a figure, numbers by rival, or of the types of failure their names and how often each (row)
    was taken for each (column).
    """

    features: tuple[FeatureItem, ...]
    trained_at: str
    data: str
    data_sha256: str
    seed: int
    versions: dict[str, str]
    metrics: dict[str, dict[str, Metric]]
    reliability: dict[str, tuple[ReliabilityItem, ...]]
    support: dict[str, SupportItem] | None


class TrainingItem(Answer):
    """A training: whether it runs, the step it is at of how many, and what it does."""

    running: bool
    step: Count
    steps: Count
    words: str


class ModelAnswer(AboutItem):
    """GET /api/maintenance/model. card: null where no models are there."""

    trained: bool
    simulated_data: Literal[True]
    horizons_days: tuple[int, ...]
    card: CardItem | None
    training: TrainingItem


class ReloadAnswer(Answer):
    """POST /api/maintenance/model."""

    success: Literal[True]
    trained: Literal[True]
