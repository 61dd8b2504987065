"""One asset of the maintenance page: its figures, signals, trends, drivers, and the assets that are like it."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from app.engine.board import Point, Quantity
from app.maintenance.drivers import DriversState
from app.maintenance.schedule import consequence_eur
from app.maintenance.view import (
    YEAR_COLUMN,
    Maintained,
    cause_words,
    class_of,
    code_of,
    job_words,
    novelty_of,
    risk_eur_per_year,
)
from app.map.view_quality import because_words
from components.common import text
from components.common.trends import Curve
from components.maintenance.asset_panel import AssetHead, SignalRow, SignalState, Similar
from components.maintenance.risk_figures import MOST_DRIVERS, Driver, ProbabilityCurve
from components.maintenance.risk_table import Novelty
from components.maintenance.words import why_not_words
from grid.assets.deterioration import Signal
from grid.network import BranchKind, FloatArray
from grid.thermal.transformer import ageing_rate
from ml.maintenance.model.features import UNITS, Observation, features_of
from ml.maintenance.model.prognosis import HORIZONS, Prognosis

MOST_SIMILAR = 4
FEWEST_OF_A_KIND = 5  # to say what is usual
USUAL_PERCENT = (5.0, 95.0)
SIGNAL_WORDS = {  # name, unit, and the factor from the signal's own unit
    Signal.TEMPERATURE: ("Temperature", "°C", 1.0),
    Signal.LOAD: ("Load", "MW", 1.0),
    Signal.VIBRATION: ("Vibration", "mm/s", 1.0),
    Signal.AGE: ("Age", "years", 1.0),
    Signal.CORROSION: ("Corrosion", "%", 100.0),
    Signal.DISTORTION: ("Harmonic distortion", "%", 1.0),
    Signal.OIL_QUALITY: ("Oil quality", "%", 100.0),
    Signal.TRIPS: ("Trips within a year", "", 1.0),
    Signal.AMBIENT: ("Ambient", "°C", 1.0),
    Signal.HUMIDITY: ("Humidity", "%", 1.0),
}
FEATURE_WORDS = {
    "kind": "Kind",
    "location": "Surroundings",
    "age_years": "Age",
    "loading_percent": "Loading",
    "peak_loading_percent": "Peak of 7 d",
    "hot_spot_margin_k": "Margin to limit",
    "temperature_residual_k": "Warmer than expected",
    "log_ageing_rate": "Ageing rate, log",
    "thermal_age_years": "Thermal age",
    "vibration_ratio": "Vibration / expected",
    "corrosion": "Corrosion",
    "thd_percent": "Distortion",
    "oil_quality": "Oil quality",
    "trips_last_year": "Trips in a year",
    "ambient_c": "Ambient",
    "log_published_rate": "CNAIM's rate, log",
}


NO_DRIVERS = {
    DriversState.KNOWN: "",
    DriversState.NO_MODEL: "No model judges it, so there are no drivers",
    DriversState.AWAITED: "Not known yet: what learns is busy,<br>and is asked again",
    DriversState.DOWN: "Not known: what learns is down,<br>and is asked again when it is up",
}


@dataclass(frozen=True, eq=False)
class Condition:
    """What the panel's figures draw of an asset. no_drivers: why there are none, empty where there are."""

    trend: ProbabilityCurve
    drivers: tuple[Driver, ...]
    no_drivers: str
    thermal: tuple[Curve, ...]
    similar: tuple[Similar, ...]


def condition_of(now: Maintained, branch: int) -> Condition:
    """What is drawn of an asset; its drivers are asked of the process that learns, and waited for a moment."""
    trend = now.maintainer.trend(now.snapshot.case.network, branch)
    kept = ProbabilityCurve(trend.time, trend.probability, trend.low, trend.high, trend.published)
    drivers, state = drivers_of(now, branch)
    return Condition(kept, drivers, NO_DRIVERS[state], thermal_of(now, branch), similar_to(now, branch))


def head_of(now: Maintained, branch: int) -> AssetHead:
    """Name, figures, why the model isn't used, and whether the asset is unusual."""
    network, found, seen = now.snapshot.case.network, now.report.prognosis, now.report.seen
    name, kind = network.branch.name[branch], network.branch.kind[branch].value.capitalize()
    if found is None or seen is None:
        return AssetHead(name, kind, (("Prognosis", text.UNKNOWN, "not made yet"),))
    facts = [*_chances(now, found, branch), *_money(now, found, branch), *_life(seen, branch)]
    built = now.snapshot.case.register.year_built[branch]
    drawn = "drawn, the case doesn't say" if now.snapshot.case.register.year_generated[branch] else ""
    facts += [("Built", text.UNKNOWN if math.isnan(built) else f"{built:.0f}", drawn), ("Data of", *_age(now))]
    return AssetHead(
        name, kind, tuple(facts), why_not_words(found.why_not[branch]), novelty_of(found, branch) is Novelty.UNUSUAL
    )


def _chances(now: Maintained, found: Prognosis, branch: int) -> list[tuple[str, str, str]]:
    own = now.report.own
    facts = []
    published_by = "by CNAIM" if own is None else f"by CNAIM, × {text.small(own.factor, '', 2)} for own failures"
    for column, days in enumerate(HORIZONS):
        low, high = (text.small(100 * one[branch, column], "", 2) for one in (found.low, found.high))
        note = f"{low} to {high} % (models, last day)" if found.learned[branch] else published_by
        facts.append((f"Fails in {days} d", text.small(100 * float(found.probability[branch, column]), "%", 2), note))
    if found.learned[branch]:
        published = text.small(100 * float(found.published[branch, YEAR_COLUMN]), "%", 2)
        facts.append(("By CNAIM, 365 d", published, "age and use alone"))
    cause = cause_words(found, branch)
    share = f"{text.percent(float(np.nanmax(found.cause[branch])), 0)} of its failures" if cause else "not learned"
    facts.append(("Likely type", cause or text.UNKNOWN, share))
    unusual = {Novelty.USUAL: "as healthy assets", Novelty.UNUSUAL: "▲ unusual"}.get(novelty_of(found, branch))
    facts.append(("Condition", unusual or text.UNKNOWN, f"score {text.number(float(found.novelty[branch]), 2)}"))
    return facts


def _money(now: Maintained, found: Prognosis, branch: int) -> list[tuple[str, str, str]]:
    consequence = consequence_eur(now.snapshot, now.maintainer.terms)
    risk = float(risk_eur_per_year(found, consequence)[branch])
    interrupted = text.rough(1000 * float(now.snapshot.assessed.risk.interrupted_mw[branch]), "kW")
    named = class_of(now, branch)
    job = job_words(now.report.schedule).get(branch, "none planned")
    return [
        ("If it fails", text.rough(float(consequence[branch]), "EUR"), f"interrupts {interrupted} now"),
        ("Risk", text.rough(risk, "EUR/yr"), "" if named is None else f"class: {named.value.lower()}"),
        ("Next job", job if job[:1].isalpha() else f"week {job}", ""),
    ]


def _life(seen: Observation, branch: int) -> list[tuple[str, str, str]]:
    """Loss of life of a transformer's paper: IEC 60076-7's V, 1 at a hot spot of 98 °C."""
    if not seen.traits.is_transformer[branch]:
        return []
    rate, spent = float(seen.ageing_rate[branch]), float(seen.thermal_age_years[branch])
    return [
        ("Loss of life", text.small(24 * rate, "h/day", 2), "mean of 7 days, of paper"),
        ("Thermal age", text.small(spent, "years", 2), "at a hot spot of 98 °C"),
    ]


def _age(now: Maintained) -> tuple[str, str]:
    """The moment that signals and probabilities are of, and how old they are; later while a schedule is being made."""
    snapshot, judged = now.snapshot, now.report.simulated_at
    if judged is None:
        return text.UNKNOWN, ""
    if snapshot.solved.stale:
        return text.clock(judged), f"stale: {because_words(snapshot)}"
    minutes = round((snapshot.simulated_at - judged).total_seconds() / 60)
    return text.clock(judged), f"{text.count(minutes, 'minute')} old" if minutes else "as of the latest cycle"


def signals_of(now: Maintained, branch: int) -> tuple[SignalRow, ...]:
    """The ten signals, each beside what is usual for this grid's assets of the kind, and its limit if it has one."""
    seen = now.report.seen
    if seen is None:
        return ()
    alike = np.flatnonzero(now.snapshot.case.is_asset & (seen.traits.kind == seen.traits.kind[branch]))
    limits = {Signal.TEMPERATURE: float(seen.limit_c[branch]), Signal.LOAD: float(seen.rated_mw[branch])}
    rows = []
    for signal, (name, unit, factor) in SIGNAL_WORDS.items():
        values = factor * seen.signal(signal)
        value, limit = float(values[branch]), limits.get(signal, math.nan)
        state = _state(seen, branch, signal, value, limit, now.snapshot.solved.stale)
        rows.append(SignalRow(name, value, unit, *_usual(values[alike]), limit, state))
    return tuple(rows)


def _usual(values: FloatArray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if len(known) < FEWEST_OF_A_KIND:
        return math.nan, math.nan
    low, high = np.percentile(known, USUAL_PERCENT)
    return float(low), float(high)


def _state(seen: Observation, branch: int, signal: Signal, value: float, limit: float, stale: bool) -> SignalState:
    if signal is Signal.OIL_QUALITY and not seen.traits.is_transformer[branch]:
        return SignalState.NONE
    if not math.isfinite(value):
        return SignalState.MISSING
    if stale:
        return SignalState.STALE
    return SignalState.BEYOND if value > limit else SignalState.OK


def drivers_of(now: Maintained, branch: int) -> tuple[tuple[Driver, ...], DriversState]:
    """The largest contributions to the log of the failure rate with the features' values; whether they are known."""
    found, seen = now.maintainer.drivers(now.report, branch), now.report.seen
    if found.state is not DriversState.KNOWN or seen is None:
        return (), found.state
    largest = sorted(found.adds, key=lambda name: -abs(found.adds[name]))[:MOST_DRIVERS]
    values = features_of(_one(seen, branch)).iloc[0]
    drivers = (Driver(FEATURE_WORDS[name], feature_value(name, values[name]), found.adds[name]) for name in largest)
    return tuple(drivers), found.state


def feature_value(name: str, value: object) -> str:
    """A feature's value as people read it."""
    if isinstance(value, str):
        return value
    return text.small(float(value), UNITS[name]) if pd.notna(value) else "missing"  # type: ignore[arg-type]


def _one(seen: Observation, branch: int) -> Observation:
    """The observation of one asset alone."""
    only = slice(branch, branch + 1)
    traits = type(seen.traits)(**{name: value[only] for name, value in vars(seen.traits).items()})
    week = type(seen.week)(**{name: value[only] for name, value in vars(seen.week).items()})
    values = {name: value[only] for name, value in vars(seen).items() if name not in ("traits", "week")}
    return Observation(traits=traits, week=week, **values)


def thermal_of(now: Maintained, branch: int) -> tuple[Curve, ...]:
    """Temperature over the cycles kept with its limit; of a transformer also the life that its paper lost since."""
    trend = now.history.range(Point(Quantity.BRANCH_TEMPERATURE_C, branch))
    limit = float(now.snapshot.case.temperature_limit_c[branch])
    transformer = now.snapshot.case.network.branch.kind[branch] is BranchKind.TRANSFORMER
    value = trend.value.astype(float)
    name = "Hot spot" if transformer else "Conductor"
    curves = [Curve(name, "°C", trend.time, value, (limit,) if math.isfinite(limit) else ())]
    if transformer:
        curves.append(Curve("Loss of life", "h", trend.time, lost_life_h(trend.time, value)))
    return tuple(curves)


def lost_life_h(time: np.ndarray, hot_spot_c: FloatArray) -> FloatArray:
    """(k,) hours of life that plain paper lost since the first of k moments (datetime64), IEC 60076-7 clause 6.3."""
    rate = np.nan_to_num(ageing_rate(hot_spot_c, np.zeros(1, dtype=bool)))
    hours = np.diff(time, prepend=time[:1]) / np.timedelta64(1, "h")
    return np.asarray(np.cumsum(rate * hours))


def similar_to(now: Maintained, branch: int) -> tuple[Similar, ...]:
    """Assets of the same kind that are nearest in voltage, age, size, surroundings and load, nearest first."""
    seen, found = now.report.seen, now.report.prognosis
    if seen is None or found is None:
        return ()
    traits, age = seen.traits, seen.signal(Signal.AGE)
    others = np.flatnonzero(now.snapshot.case.is_asset & (traits.kind == traits.kind[branch]))
    others = others[others != branch]
    size = np.where(traits.is_transformer, traits.rating_mva, traits.length_km) + 0.01
    away = (
        np.abs(np.log(traits.vn_kv[others] / traits.vn_kv[branch])) / 0.5
        + np.abs(age[others] - age[branch]) / 10
        + np.abs(np.log(size[others] / size[branch])) / 0.7
        + 0.5 * (traits.location[others] != traits.location[branch])
        + np.abs(seen.peak_load_pu[others] - seen.peak_load_pu[branch]) / 0.3
    )
    nearest = others[np.argsort(np.nan_to_num(away, nan=np.inf), kind="stable")[:MOST_SIMILAR]]
    names = now.snapshot.case.network.branch.name
    return tuple(
        Similar(
            code_of(other),
            names[other],
            float(found.probability[other, YEAR_COLUMN]),
            f"{text.small(float(traits.vn_kv[other]), 'kV')}, {text.number(float(age[other]), 0, 'years')}",
        )
        for other in nearest.tolist()
    )
