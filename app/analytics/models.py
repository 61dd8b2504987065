"""What the API answers of forecasts, losses and performance: one model an endpoint. What isn't known is null."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from app.web.models import Answer, Count, Megawatt, Percent, Place, Probability, Share
from grid.flow.loss_breakdown import LossCause
from grid.network import BranchKind, Energy
from ml.forecasting.live.ledger import Period
from ml.forecasting.records import SeriesKind

MegawattHour = Annotated[float | None, Field(description="MWh")]
KilowattHour = Annotated[float | None, Field(description="kWh")]
MeanKilowatt = Annotated[float | None, Field(description="kW, mean of an hour")]
Money = Annotated[float | None, Field(description="EUR")]


class ToldItem(Answer):
    """What the forecast worker does, what hinders it, and of which moment it speaks."""

    status: str
    problem: str | None
    simulated_time: AwareDatetime | None


class SeriesItem(Answer):
    """What is forecast. installed_mw: of plants."""

    code: str
    name: str
    kind: SeriesKind
    installed_mw: Megawatt


class DriftItem(Answer):
    """What was found over the last seven days."""

    found: bool
    reasons: tuple[str, ...]
    coverage_80_percent: Percent
    mae_mw: Megawatt
    naive_mae_mw: Megawatt


class ForecastHourItem(Answer):
    """Quantiles of an hour, by its beginning, and what was measured in it."""

    time: AwareDatetime
    q05_mw: Megawatt
    q10_mw: Megawatt
    q25_mw: Megawatt
    q50_mw: Megawatt
    q75_mw: Megawatt
    q90_mw: Megawatt
    q95_mw: Megawatt
    actual_mw: Megawatt


class ForecastItem(SeriesItem):
    """A forecast of a series. source: by what it was made. limit_mw: what the grid can take, and why in words."""

    issued_at: AwareDatetime | None
    source: str | None
    limit_mw: Megawatt
    limit_words: str | None
    learned: str | None
    drift: DriftItem | None
    hours: tuple[ForecastHourItem, ...]


class ForecastAnswer(ToldItem):
    """GET /api/forecast. levels: of the quantiles. issues: when kept forecasts of the series asked for were made."""

    levels: tuple[Share, ...]
    series: tuple[SeriesItem, ...]
    forecasts: tuple[ForecastItem, ...]
    issues: tuple[AwareDatetime, ...] | None


class MoneyItem(Answer):
    """Energy that is lost and what it costs."""

    loss_mwh: MegawattHour
    loss_eur: Money


class CauseItem(MoneyItem):
    """Of one cause."""

    cause: LossCause


class LevelItem(MoneyItem):
    """Of one voltage level, or of transformers between two."""

    level: str
    high_kv: float
    low_kv: float
    distribution: bool
    causes: tuple[CauseItem, ...]


class HourItem(MoneyItem):
    """Of one hour, by its beginning."""

    time: AwareDatetime
    shunt_mwh: MegawattHour


class LossyItem(MoneyItem):
    """Of one branch."""

    id: Place
    name: str
    type: BranchKind
    level: str
    share_percent: Percent


class NonTechnicalItem(Answer):
    """An estimate from meters."""

    hours_known: Count
    estimate: Literal[True]
    fed_in_mwh: MegawattHour
    metered_loss_mwh: MegawattHour
    technical_mwh: MegawattHour
    non_technical_mwh: MegawattHour
    percent_of_fed_in: Percent


class LossesAnswer(ToldItem):
    """GET /api/analytics/losses."""

    start: AwareDatetime
    end: AwareDatetime
    hours_recorded: Count
    price_eur_per_mwh: Money
    total: MoneyItem | None
    transmission: MoneyItem | None
    distribution: MoneyItem | None
    shunts: MoneyItem | None
    levels: tuple[LevelItem, ...]
    causes: tuple[CauseItem, ...]
    hours: tuple[HourItem, ...]
    assets: tuple[LossyItem, ...]
    non_technical: NonTechnicalItem | None


class EnergyItem(Answer):
    """Sums of some hours."""

    loss_kwh: KilowattHour
    load_kwh: KilowattHour
    generation_kwh: KilowattHour
    renewable_kwh: KilowattHour
    loss_percent: Percent


class TodayItem(EnergyItem):
    """Of today's hours."""

    hours: Count


class ComparisonItem(Answer):
    """Today against an earlier day, by the hours that both have."""

    period: Period
    hours: Count
    today: EnergyItem
    then: EnergyItem
    loss_change_percent: Percent


class AvoidableItem(Answer):
    """What plans would have saved: an estimate."""

    hours: Count
    estimate: Literal[True]
    loss_kwh: KilowattHour
    plan_loss_kwh: KilowattHour
    avoidable_kwh: KilowattHour


class MixedItem(Answer):
    """A kind of energy's part of the generation."""

    energy: Energy
    generation_mw: Megawatt
    percent: Percent


class MixItem(Answer):
    """The generation now."""

    generation_mw: Megawatt
    renewable_percent: Percent
    energies: tuple[MixedItem, ...]


class PerformanceAnswer(ToldItem):
    """GET /api/analytics/performance."""

    today: TodayItem | None
    comparisons: tuple[ComparisonItem, ...]
    avoidable: AvoidableItem | None
    mix: MixItem | None
    start: AwareDatetime
    hours: Count
    time: tuple[AwareDatetime, ...]
    loss_kw: tuple[MeanKilowatt, ...]
    load_kw: tuple[MeanKilowatt, ...]
    generation_kw: tuple[MeanKilowatt, ...]
    renewable_kw: tuple[MeanKilowatt, ...]


class AheadHourItem(Answer):
    """What is expected of an hour; losses with an 80 % interval. renewable_mw: by the name of the energy."""

    time: AwareDatetime
    loss_mw: Megawatt
    loss_low_mw: Megawatt
    loss_high_mw: Megawatt
    unsolved_share: Probability
    load_mw: Megawatt
    renewable_mw: dict[str, Megawatt]
    curtailed_mw: Megawatt
    unsupplied_mw: Megawatt


class AheadBranchItem(Answer):
    """A branch's hours ahead."""

    id: Place
    name: str
    type: BranchKind
    chance_percent: Percent
    overload_probability: tuple[Probability, ...]
    overload_probability_of_solved: tuple[Probability, ...]
    loading_median_percent: tuple[Percent, ...]
    loading_high_percent: tuple[Percent, ...]


class AheadBusItem(Answer):
    """A bus's hours ahead."""

    id: Place
    name: str
    chance_percent: Percent
    violation_probability: tuple[Probability, ...]
    low_probability_of_solved: tuple[Probability, ...]
    high_probability_of_solved: tuple[Probability, ...]
    vm_low_pu: tuple[float | None, ...]
    vm_high_pu: tuple[float | None, ...]


class AlertItem(Answer):
    """A predictive alert."""

    kind: str
    asset_id: int
    asset_name: str
    begins_at: AwareDatetime
    ends_at: AwareDatetime
    chance_percent: Percent
    peak: float | None
    text: str


class WorstItem(Answer):
    """The worst coming moment."""

    time: AwareDatetime
    words: str


class ChanceBinItem(Answer):
    """Chances of overload between low and high: how many were said, their mean, and the share in which it came."""

    low: Share
    high: Share
    cases: Count
    said: Probability
    came: Probability


class ChanceLeadItem(Answer):
    """Hours first to last ahead: log-odds of their chances are stretched by slope and shifted.

    known: whether these hours themselves have told enough for it.
    """

    first: Count
    last: Count
    shift: float
    slope: float
    known: bool


class ChanceRecordItem(Answer):
    """Chances of overload against what came in hours that are over. brier_skill: over the frequency by hour of the day.

    A case is one branch in one hour of one look ahead.
    """

    hours: Count
    days: Count
    brier: float | None
    brier_skill: float | None
    scored: Count
    bins: tuple[ChanceBinItem, ...]
    leads: tuple[ChanceLeadItem, ...]


class LookAheadAnswer(ToldItem):
    """GET /api/forecast/lookahead. chances: what came of those said; null while models they rest on are learned."""

    start: AwareDatetime | None
    samples: Count | None
    hours: tuple[AheadHourItem, ...]
    branches: tuple[AheadBranchItem, ...]
    buses: tuple[AheadBusItem, ...]
    alerts: tuple[AlertItem, ...]
    worst: WorstItem | None
    chances: ChanceRecordItem | None
