"""What forecasts and studies of the hours ahead found, in words."""

from datetime import datetime, timedelta

from components.common import text
from components.common.doubts import Doubts, told
from grid.alarms.trouble import TroubleKind, WorstTrouble
from grid.network import Network
from grid.studies.hosting import HostingLimit
from grid.studies.loadability import MOST_TIMES, Loadability, LoadabilityFinding, LoadLimit
from ml.forecasting.records import (
    CONTEST_DAYS,
    DRIFT_DAYS,
    FLAT_HOURS,
    LEAST_DAYS,
    Contest,
    ContestVerdict,
    Drift,
    DriftKind,
    ForecastHindrance,
    ForecastHindranceKind,
    ForecastStatus,
    ForecastStatusKind,
    Learned,
    LearnedKind,
    SeriesKind,
    SeriesReport,
)


def forecasting_words(status: ForecastStatus) -> str:
    """What forecasting does or waits for, without a full stop."""
    match status.kind:
        case ForecastStatusKind.WAITING_FOR_GRID:
            return "Waiting for the grid"
        case ForecastStatusKind.WAITING_FOR_LEARNING:
            return "Waiting for what learns to start"
        case ForecastStatusKind.LEARNING:
            return f"Learning: {status.learned} of {status.series} series have a model"
        case ForecastStatusKind.RENEWED if status.contest is not None:
            return f"{status.renewed}: {contest_words(status.contest)}"
        case ForecastStatusKind.RENEWED | ForecastStatusKind.FORECASTING:
            return f"Forecasts of {status.series} series, anew each hour"


def forecast_hindrance_words(hindrance: ForecastHindrance | None) -> str:
    """Why forecasts stand as they were; empty where nothing hinders."""
    if hindrance is None:
        return ""
    match hindrance.kind:
        case ForecastHindranceKind.FAILED:
            return f"Forecasts failed: {hindrance.failure}"
        case ForecastHindranceKind.LEARNING_DOWN:
            return "Forecasts stand as they were: what learns is down and starts again by itself."


def worst_words(network: Network, start: datetime, worst: WorstTrouble, doubts: Doubts) -> str:
    """When, where and what the worst of the hours from start on is; before it, what is without supply."""
    found = _worst(network, start, worst, doubts)
    if worst.unsupplied_mw <= 0:
        return found
    when = f"{start + timedelta(hours=worst.unsupplied_hour):%a %H:%M}"
    lost = text.small(worst.unsupplied_mw, "MW")
    return f"up to {lost} without supply, {when}, if nothing is restored or repaired; {found}"


def _worst(network: Network, start: datetime, worst: WorstTrouble, doubts: Doubts) -> str:
    when = f"{start + timedelta(hours=worst.hour):%a %H:%M}"
    percent = text.number(worst.percent, 0, "%")
    match worst.kind:
        case TroubleKind.NO_SOLUTION:
            return f"{when}: no power flow solution, {percent} chance"
        case TroubleKind.OVERLOAD:
            return f"{when}: {network.branch.name[worst.asset]}, {percent} chance of overload"
        case TroubleKind.VOLTAGE:
            return f"{when}: {network.bus.name[worst.asset]}, {percent} chance of voltage limits missed"
        case TroubleKind.HIGHEST_LOADING:
            name = network.branch.name[worst.asset]
            bare = f"{when}: {name}, at most {percent} loaded"
            if worst.unsupplied_mw > 0:
                return bare
            return told(f"{bare}; no limit in danger", bare, doubts)
        case TroubleKind.NOTHING:
            return "no branch carries anything"


def limit_words(network: Network, series: SeriesReport, doubts: Doubts) -> str:
    """What a series of loads meets first as it grows; empty for plants."""
    if series.limit is None:
        return "not asked" if series.info.kind in (SeriesKind.LOAD, SeriesKind.GROUP) else ""
    return loadability_words(network, series.limit, doubts)


def loadability_words(network: Network, found: Loadability, doubts: Doubts) -> str:
    """What growing demand meets first."""
    match found.finding:
        case LoadabilityFinding.NO_DEMAND:
            return "takes nothing at present"
        case LoadabilityFinding.NO_LIMIT:
            most = f"up to {MOST_TIMES:g} times the present demand"
            return told(f"no limit {most}", f"none found {most}", doubts)
        case LoadabilityFinding.NOT_THEIRS:
            return f"a limit is exceeded already, and also without it: {_load_limit(network, found)}"
        case LoadabilityFinding.FOUND:
            return _load_limit(network, found)


def _load_limit(network: Network, found: Loadability) -> str:
    if found.limit is LoadLimit.LOADING:
        return f"{network.branch.name[found.at]} at full load"
    if found.limit is LoadLimit.VOLTAGE:
        return f"{network.bus.name[found.at]}: low voltage"
    return "no power flow solution beyond"


def hosting_words(network: Network, limit: HostingLimit, at: int, doubts: Doubts) -> str:
    """What more power at a bus meets first. at: the branch or bus that meets it."""
    match limit:
        case HostingLimit.LOADING:
            return f"{network.branch.name[at]} at full load"
        case HostingLimit.VOLTAGE:
            return f"{network.bus.name[at]}: high voltage"
        case HostingLimit.NO_SOLUTION:
            return "no power flow solution beyond"
        case HostingLimit.NONE:
            most = "up to the most that was asked"
            return told(f"nothing {most}", f"none found {most}", doubts)


def learned_words(learned: Learned) -> str:
    """From what the model of a series has learned."""
    match learned.kind:
        case LearnedKind.TOO_FEW_DAYS:
            return f"nothing yet: less than {LEAST_DAYS} days are known"
        case LearnedKind.FAILED:
            return "nothing: the training failed, and is tried again in a week"
        case LearnedKind.DAYS:
            return f"{learned.days} days until {learned.until:%d %b %Y}"


def drift_words(drift: Drift) -> tuple[str, ...]:
    """What is wrong with the forecasts of the last week, one phrase for each."""
    return tuple(_drift(drift, kind) for kind in drift.kinds)


def _drift(drift: Drift, kind: DriftKind) -> str:
    match kind:
        case DriftKind.FLAT:
            return f"the last {FLAT_HOURS} hours all are {drift.flat_value:g}"
        case DriftKind.COVERAGE:
            return f"{drift.coverage_80:.0f} % of the last {DRIFT_DAYS} days lie in the 80 % band"
        case DriftKind.ERROR:
            return f"the error, {drift.mae:.4g}, is above that of the naive forecast, {drift.naive_mae:.4g}"


def contest_words(contest: Contest) -> str:
    """Whether a new model is taken, and why."""
    losses = f"loss {contest.candidate_loss:.4g} against {contest.current_loss:.4g} over {contest.days} days"
    match contest.verdict:
        case ContestVerdict.NO_WORSE:
            return f"{losses}, no worse: taken"
        case ContestVerdict.WORSE:
            return f"{losses}, worse: the model in use stays"
        case ContestVerdict.TOO_FEW_HOURS:
            return (
                f"{contest.hours} hours can be compared, half of {CONTEST_DAYS} days are needed: the model in use stays"
            )
        case ContestVerdict.NOT_COMPARABLE:
            return f"the model in use has learned from the last {CONTEST_DAYS} days: it stays until it can be compared"
        case ContestVerdict.NONE_IN_USE:
            return "no model was in use: the new one is taken"
