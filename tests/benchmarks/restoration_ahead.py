"""`python -m tests.benchmarks.restoration_ahead`: whether what is said of the hours after a restoration comes true.

Simulated outages, restored by the dashboard's own plans and followed for six hours: the chances that a limit breaks
beside how often one does, and what plans promise beside what is measured once they are carried out. Outages that are
done stand in var/benchmarks/restoration_ahead.jsonl, so that a run goes on where the last one ended.
"""

import argparse
import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from app.settings import Settings
from grid.cases.case import Case
from grid.cases.cases import load_case
from grid.estimation.dark_loads import DarkLoads
from grid.estimation.substitution import Estimator
from grid.flow.powerflow import GridState, Injection, PowerFlow
from grid.network import FloatArray
from grid.protection.cold_load import ColdLoadModel, PickUp
from grid.sources.demand import yearly_load_mw
from grid.sources.seams import SwitchOrder
from grid.sources.simulator import Simulator
from grid.telemetry import Event, EventKind
from ml.forecasting.live.live_forecasts import LiveForecasts
from ml.optimisation.optimizer import SmartGridOptimizer
from ml.optimisation.plans.ahead import FuturePlan, Restored, plan_ahead
from ml.optimisation.plans.limits import SHARE_TOLERANCE
from ml.optimisation.plans.plan import Excess, Plan, Requirements
from ml.optimisation.plans.timeline import FieldWork, timeline_of
from ml.optimisation.plans.verification import OperatingPoint
from tests.benchmarks.policies import FEEDERS
from tests.benchmarks.report import write
from tests.benchmarks.restoration_ahead_report import KEPT, told

CASES = ("city8", "case33bw", f"feeder:{FEEDERS / 'feeder70.json'}")
WINDOWS, WINDOW_DAYS, FIRST_HOUR = 4, 14, 26
OUTAGES = 84  # of each window
HOURS = 6
SETTINGS = Settings(_env_file=None)  # type: ignore[call-arg]
SPREAD = 0.3  # of the logarithms of the truth's cold-load parameters
CYCLE, HOUR, MINUTE = timedelta(minutes=5), timedelta(hours=1), timedelta(minutes=1)
MOST_DARK_MINUTES = 55
TRIES = 8  # outages at one moment until one has a plan


@dataclass(eq=False)
class Watched:
    """A simulated grid as the dashboard sees it: what is measured, what dark loads are expected to take."""

    simulator: Simulator
    estimator: Estimator
    dark: DarkLoads
    flow: PowerFlow

    @classmethod
    def begin(cls, case: Case, start: datetime, seed: int) -> "Watched":
        network = case.network
        simulator, dark = Simulator(case, start, seed), DarkLoads(network.load.p_mw, network.load.q_mvar)
        past = simulator.past.hours(48)
        dark.remember(past.start, past.load_p_mw)
        return cls(simulator, Estimator(network), dark, PowerFlow(network))

    def copied(self) -> "Watched":
        """Another one that goes on from here by the same noise; what never changes is shared."""
        case, flows = self.simulator.case, (self.flow, self.simulator._power_flow)
        shared = {id(one): one for one in (case, case.network, self.simulator.past, *flows)}
        return copy.deepcopy(self, shared)

    def measure(self) -> tuple[GridState, Injection]:
        """The state as it is estimated now, and the injection with what dark loads would take."""
        estimate = self.estimator.estimate(self.simulator.read())
        state = self.flow.solve(estimate.injection, estimate.closed)
        supplied = state.energised[self.simulator.case.network.load.bus]
        self.dark.step(estimate.frame.measured_at, supplied, state.load_p_mw, state.load_q_mvar)
        return state, replace(estimate.injection, load_p_mw=self.dark.p_mw, load_q_mvar=self.dark.q_mvar)

    def truth(self) -> tuple[GridState | None, Injection]:
        """What really is, without noise; no state where there is none."""
        found = self.simulator._truth(self.simulator._weather.at(self.simulator.time))
        return found.state, found.injection


@dataclass(frozen=True, eq=False, kw_only=True)
class Dark:
    """The grid with an outage, at the moment that a plan is asked for."""

    watched: Watched
    branch: int
    dark_minutes: int
    plan: Plan
    future: FuturePlan
    minutes: FloatArray  # when each action is done


def drawn_pick_up(rng: np.random.Generator) -> ColdLoadModel:
    """Cold load around the plan's: excess over one, holding and decay, each times a lognormal factor."""
    plan = ColdLoadModel()

    def around(one: PickUp) -> PickUp:
        excess, hold, decay = np.exp(SPREAD * rng.standard_normal(3)).tolist()
        return replace(
            one,
            factor=1 + excess * (one.factor - 1),
            hold_minutes=hold * one.hold_minutes,
            decay_minutes=decay * one.decay_minutes,
        )

    by_class = {name: around(one) for name, one in plan.by_class.items()}
    return replace(plan, by_class=by_class, others=around(plan.others))


def moment_of(watched: Watched, branch: int, state: GridState, injection: Injection) -> OperatingPoint:
    """What the optimiser is told while a branch is out."""
    network = watched.simulator.case.network
    available = network.branch.in_service.copy()
    available[branch] = False
    return OperatingPoint(
        injection=injection,
        closed=state.closed & available,
        available=available,
        failure_probability=np.full(network.n_branch, 0.01),
        loss_hours_per_year=3000.0,
        price_per_mwh=SETTINGS.price_per_mwh,
    )


def interrupted(watched: Watched, hour: datetime, at: datetime, dark_minutes: int, branch: int) -> tuple[Any, ...]:
    """Let a branch trip so many minutes before a moment; state and injection then, and means of the hour before."""
    simulator, trip = watched.simulator, at - dark_minutes * MINUTE
    means: list[tuple[FloatArray, ...]] = []
    while True:
        if simulator.time == trip:
            simulator.events = (Event(1, EventKind.LINE_OUTAGE, branch, "", 1.0, trip),)
        state, injection = watched.measure()
        if simulator.time < hour:
            means.append((injection.load_p_mw, injection.load_q_mvar, state.generator_p_mw))
        if simulator.time == at:
            return state, injection, [np.mean(values, axis=0) for values in zip(*means, strict=True)]
        stops = [one for one in (trip, hour, at) if one > simulator.time]
        simulator.advance(min(CYCLE, min(stops) - simulator.time))


def planned(
    before: Watched, hour: datetime, rng: np.random.Generator, optimizer: SmartGridOptimizer
) -> tuple[Dark | None, list[FloatArray], int]:
    """An outage with a plan in an hour, from the state of an hour before; the means of that hour; how many had none."""
    network = before.simulator.case.network
    at = hour + int(rng.integers(60)) * MINUTE
    dark_minutes = int(rng.integers(5, MOST_DARK_MINUTES + 1))
    running = np.flatnonzero(before.simulator.closed & network.branch.in_service)
    means: list[FloatArray] = []
    for tried, branch in enumerate(rng.permutation(running)[:TRIES].tolist()):
        watched = before.copied()
        state, injection, means = interrupted(watched, hour, at, dark_minutes, branch)
        if state.energised[network.load.bus].all():
            continue
        moment = moment_of(watched, branch, state, injection)
        plan = optimizer.propose(moment, Requirements(risk_weight=SETTINGS.optimiser_risk_weight)).plan
        if plan is None or plan.after.supplied_loads.sum() <= plan.before.supplied_loads.sum():
            continue
        timeline = timeline_of(
            network, moment.injection, moment.closed, plan.actions, np.ones(len(network.load)), FieldWork()
        )
        dark = np.where(state.energised[network.load.bus], 0.0, dark_minutes)
        done = np.array([step.minute for step in timeline.steps])
        restored = Restored.by(plan, dark, done.tolist())
        future = FuturePlan.of(plan, restored)
        found = Dark(watched=watched, branch=branch, dark_minutes=dark_minutes, plan=plan, future=future, minutes=done)
        return found, means, tried
    return None, means, TRIES


def breaks(future: FuturePlan, plan: Plan, state: GridState | None, injection: Injection) -> str:
    """The first kind of limit that a state breaks by what the plan was permitted; empty where it keeps all."""
    if state is None:
        return "no solution"
    excess = future.bounds.excess(plan.network, state, injection)
    for one in Excess.CONSTRAINTS:
        if (excess.of(one) > future.most[one] + SHARE_TOLERANCE).any():
            return one.value
    return ""


def carried_out(found: Dark, cold_load: ColdLoadModel) -> dict[str, Any]:
    """Carry out a plan in the simulated grid and follow what really is for six hours."""
    watched, plan = found.watched.copied(), found.plan
    simulator = watched.simulator
    simulator._protection.cold_load = cold_load
    begun = simulator.time
    for action, minute in zip(plan.actions, found.minutes.tolist(), strict=True):
        wait = begun + minute * MINUTE - simulator.time
        if wait > timedelta(0):
            simulator.advance(wait)
        simulator.execute(SwitchOrder(branch=action.branch, close=action.close))
        watched.truth()
    done, broke, what = simulator.time, None, ""
    at_first: dict[str, Any] = {"at_once": at_once(found, cold_load)}
    while simulator.time <= done + HOURS * HOUR:
        state, injection = watched.truth()
        if simulator.time == done and state is not None:
            at_first["done"] = measured(found, state)
        what = breaks(found.future, plan, state, injection)
        if what:
            broke = (simulator.time - done) / MINUTE
            break
        simulator.advance(CYCLE)
    return {"broke": broke, "what": what, **at_first}


def at_once(found: Dark, cold_load: ColdLoadModel) -> dict[str, Any]:
    """What a plan promised beside what is where all its switches are operated at the moment that it is made for."""
    watched = found.watched.copied()
    watched.simulator._protection.cold_load = cold_load
    for action in found.plan.actions:
        watched.simulator.execute(SwitchOrder(branch=action.branch, close=action.close))
    state, _ = watched.truth()
    return {} if state is None else measured(found, state)


def measured(found: Dark, state: GridState) -> dict[str, Any]:
    """What a plan promised beside what is once it is carried out: losses in kW, loadings in percent."""
    after = found.plan.after.state
    counted = np.isfinite(found.plan.network.branch.rating_from_ka)
    promised, true = (one.loading_percent[counted] for one in (after, state))
    back, lit = found.future.restored.load, found.plan.before.supplied_loads
    return {
        "back_kw": [1000 * float(one.load_p_mw[back].sum()) for one in (after, state)],
        "lit_kw": [1000 * float(one.load_p_mw[lit].sum()) for one in (after, state)],
        "promised_kw": 1000 * after.total_loss_mw,
        "measured_kw": 1000 * state.total_loss_mw,
        "promised_percent": float(promised.max()),
        "measured_percent": float(true.max()),
        "loading_gap_percent": float(np.abs(promised - true).max()),
    }


def record(found: Dark, live: LiveForecasts, hour: datetime, rng: np.random.Generator) -> dict[str, Any]:
    """Of one outage: what was said and what happened, without cold load and with it."""
    plan, watched = found.plan, found.watched
    network, now = plan.network, watched.simulator.time
    _, samples = live.courses(hour, plan.before.injection, held=False)
    minute = (now - hour) / MINUTE
    kept: dict[str, Any] = {
        "moment": now.isoformat(),
        "branch": network.branch.name[found.branch],
        "dark_minutes": found.dark_minutes,
        "pairs": plan.pairs,
        "restored_kw": plan.before.unsupplied_kw - plan.after.unsupplied_kw,
        "left_kw": plan.after.unsupplied_kw,
    }
    truths = {"calm": ColdLoadModel(scale=0.0), "cold": drawn_pick_up(rng)}
    for name, said in {"calm": truths["calm"], "cold": ColdLoadModel()}.items():
        ahead = plan_ahead(network, found.future, samples, minute, HOURS, said)
        worst = "" if ahead.worst is None else str(ahead.worst.constraint)
        kept[name] = {
            "minutes": ahead.minutes.tolist(),
            "chances": np.round(ahead.broken_by, 4).tolist(),
            "worst": worst,
            **carried_out(found, truths[name]),
        }
    return kept


def window_start(window: int, rng: np.random.Generator) -> datetime:
    """A day of the window's quarter."""
    return datetime(2026, 3 * window + 1, 1) + timedelta(days=int(rng.integers(75)))


def observe(live: LiveForecasts, end: datetime, hours: list[list[FloatArray]]) -> None:
    """Let forecasts take in the hours before a moment, together: that takes a fraction of the time."""
    for back, (load_p, load_q, _) in enumerate(reversed(hours), start=1):
        live.recent.put(end - back * HOUR, load_p, load_q)
    load_p, generator_p = (np.array([hour[place] for hour in hours]) for place in (0, 2))
    live.forecasters.observe(end - len(hours) * HOUR, live.series.values_mw(load_p, generator_p))


def outages_of(spec: str, window: int, count: int, done: int) -> Iterator[dict[str, Any]]:
    """The outages of a window of the year in one case, in order; so many are done and only gone through."""
    case = load_case(spec, Path("var"))
    network, seed = case.network, 1000 + window
    rng = np.random.default_rng([seed, len(network.load)])
    start = window_start(window, rng)
    watched = Watched.begin(case, start, seed)
    yearly = yearly_load_mw(network.load, case.profiles)
    simulator = watched.simulator
    live = LiveForecasts(
        network,
        simulator.time,
        yearly,
        simulator.past,
        SETTINGS.history_days,
        SETTINGS.seed,
        SETTINGS.cache_dir,
    )
    for code in live.forecasters.untrained:
        live.forecasters.train(code, simulator.time)
    optimizer = SmartGridOptimizer(network, SETTINGS.seed)
    first = start.replace(tzinfo=UTC)
    hours = np.sort(rng.choice(np.arange(FIRST_HOUR, 24 * WINDOW_DAYS, 2), count, replace=False))
    seeds, number = rng.integers(2**63, size=count), 0
    unseen: list[list[FloatArray]] = []
    for place in range(24 * WINDOW_DAYS):
        begins = first + place * HOUR
        has_outage = number < count and place + 1 == hours[number]
        at_begin = watched.copied() if has_outage else watched
        simulator.advance(HOUR / 2)
        state, injection = watched.measure()
        simulator.advance(HOUR / 2)
        means: list[FloatArray] = [injection.load_p_mw, injection.load_q_mvar, state.generator_p_mw]
        found, own = None, np.random.default_rng(seeds[min(number, count - 1)])
        if has_outage and number >= done:
            found, means, tried = planned(at_begin, begins + HOUR, own, optimizer)
        unseen.append(means)
        if has_outage:
            if number >= done:
                observe(live, begins + HOUR, unseen)
                unseen = []
                kept = {} if found is None else record(found, live, begins + HOUR, own)
                yield {"case": spec, "window": window, "number": number, "without_plan": tried, **kept}
            number += 1


def run(cases: tuple[str, ...], windows: int, count: int, kept: Path) -> None:
    """Go through all outages that aren't kept yet."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    for window in range(windows):
        for spec in cases:
            done = sum(one["case"] == spec and one["window"] == window for one in lines)
            if done >= count:
                continue
            for one in outages_of(spec, window, count, done):
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(one) + "\n")


def main() -> None:
    """Go through the outages and write docs/benchmarks/restoration_ahead.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", default=CASES)
    parser.add_argument("--windows", type=int, default=WINDOWS)
    parser.add_argument("--outages", type=int, default=OUTAGES, help="of each window in each case")
    parser.add_argument("--kept", type=Path, default=KEPT)
    parser.add_argument("--only-report", action="store_true", help="of what is kept")
    asked = parser.parse_args()
    if not asked.only_report:
        run(tuple(asked.cases), asked.windows, asked.outages, asked.kept)
    write("restoration_ahead", "Whether what is said of the hours after a restoration comes true", *told(asked.kept))


if __name__ == "__main__":
    main()
