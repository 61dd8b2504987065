"""`python -m tests.benchmarks.lookahead_rare`: whether chances of rare overloads are true, and beat the usual hour.

Parts are cases, which can be named, as can seasons; the document tells of those alone. --simplest takes the simplest
honest sampler in place of the dashboard's forecasts, which is several times faster.
"""

import argparse
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from grid.cases.cases import load_case
from grid.flow.batch_flow import BatchFlow
from grid.flow.contingency import FULL_LOAD_PERCENT
from grid.flow.powerflow import Injection
from grid.network import FloatArray, Network
from grid.sources.simulator import Simulator
from grid.studies.lookahead import branch_loading, look_ahead
from ml.forecasting.live.chances import ChanceLedger, key_of
from tests.benchmarks.calibration import DAY, FEWEST_CASES, Course, ResidualDays, Sampler, reliability
from tests.benchmarks.forecaster_sampler import ForecasterSampler
from tests.benchmarks.report import Figure, add_parts, at_least, at_most, write

CASES = ("city8", "cigre_mv", "case118")
STARTS = {"summer": datetime(2026, 7, 28, tzinfo=UTC), "spring": datetime(2026, 4, 13, tzinfo=UTC)}
SHARES = (0.01, 0.03)  # of the earlier hours, in which every branch was overloaded
EARLIER_DAYS, RUNNING_DAYS, JUDGED_DAYS = 60, 28, 60
SEED = 1
LEAST_LOADING = 1e-3  # of the case's rating
ASKED_GAP, ASKED_SKILL = 0.05, 0.1
NOTES = """
Each case is the simulator's past (grid.sources.past: hourly means), seed {seed}, {judged} judged days from
{seasons}. {forecasts}
They are made at each midnight for 24 hours; then comes the look-ahead, then the ledger of chances
(ml.forecasting.live.chances), all with their defaults. As a dashboard that has run for four weeks, the ledger has seen
{running} days before the judged ones, and nothing else is taken from them. Every branch that carries a current has a
rating that it exceeded in 1 or 3 % of the hours of the {earlier} days before those; what then happens is solved from
what was taken. A case is one branch in one hour.

Gap: of the mean chance and the frequency in a bin of 10 %, the largest among bins of {fewest} cases or more.
Climatology: how often that branch exceeded its rating at that hour of the day, on all days from the {earlier} earlier
ones to the midnight. Brier skill is that of all judged cases over it. "As sampled" are the chances of the same looks
before the ledger corrects them. "Own hours" are the frequencies by hour of the judged days themselves, over all
branches: with the season overload becomes rarer or more frequent, which they know, nobody knew beforehand, and the
climatology doesn't. Cases of a day hang together: weather and habit are shared, so {judged} days are few where overload
is rare.

{tables}
"""


@dataclass(frozen=True)
class Forecasts:
    """By what courses are drawn. document: that tells of them. history_days: that they begin with."""

    document: str
    words: str
    history_days: int
    make: Callable[[Network, Injection, datetime], Sampler]


OWN = Forecasts(
    "lookahead_rare",
    "Forecasts are the dashboard's own, learned from the 400 days before and renewed as they are live.",
    400,
    ForecasterSampler,
)
SIMPLEST = Forecasts(
    "lookahead_rare_simplest",
    "Forecasts are the simplest honest ones (tests.benchmarks.calibration.ResidualDays), not the dashboard's.",
    ResidualDays().needs_days,
    lambda *_: ResidualDays(),
)


@dataclass
class _Kept:
    """What was said and what came of the judged days, each (24, m) a day."""

    said: list[FloatArray] = field(default_factory=list)
    sampled: list[FloatArray] = field(default_factory=list)
    usual: list[FloatArray] = field(default_factory=list)
    came: list[FloatArray] = field(default_factory=list)


def past_course(name: str, first: datetime, days: int) -> tuple[Network, Course]:
    """Days of a case from a midnight on, as the simulator's past has them."""
    case = load_case(name, Path("var"))
    end = first + timedelta(days=days)
    past = Simulator(case, end, SEED).past.hours(days * DAY)
    dates = [first + timedelta(days=day) for day in range(days + 1)]
    is_weekend = np.array([date.weekday() >= 5 for date in dates])
    values = (past.load_p_mw, past.load_q_mvar, past.generator_p_mw)
    load_p, load_q, generator_p = (value.astype(float) for value in values)
    return case.network, Course(load_p, load_q, generator_p, is_weekend)


def loadings(network: Network, course: Course) -> FloatArray:
    """(t, m) percent of ratings in all hours."""
    flow = BatchFlow(network, Injection.of_case(network), network.branch.closed)
    voltage = flow.solve(course.load_p_mw, course.load_q_mvar, course.generator_p_mw)
    return branch_loading(network, flow.topology, voltage)[0]


def rated(network: Network, earlier: FloatArray, share: float) -> tuple[Network, FloatArray]:
    """The network with ratings that branches exceeded in a share of earlier hours (t, m), and these by the case's (m,).

    What carries no current keeps its rating.
    """
    usual = np.quantile(earlier, 1 - share, axis=0) / FULL_LOAD_PERCENT
    factor = np.where(usual > LEAST_LOADING, usual, 1.0)
    branch = network.branch
    tight = replace(branch, rating_from_ka=branch.rating_from_ka * factor, rating_to_ka=branch.rating_to_ka * factor)
    return replace(network, branch=tight), factor


def judged(name: str, first: datetime, forecasts: Forecasts) -> dict[float, _Kept]:
    """All shares of one case and season, with one course of forecasts."""
    history = forecasts.history_days
    start = first - timedelta(days=history + RUNNING_DAYS)
    network, course = past_course(name, start, history + RUNNING_DAYS + JUDGED_DAYS)
    base, closed = Injection.of_case(network), network.branch.closed
    loading = loadings(network, course)
    carries = loading.max(axis=0) > LEAST_LOADING * FULL_LOAD_PERCENT
    earlier = slice((history - EARLIER_DAYS) * DAY, history * DAY)
    grids, over = {}, {}
    for share in SHARES:
        grids[share], factor = rated(network, loading[earlier], share)
        over[share] = loading / factor > FULL_LOAD_PERCENT
    ledgers = {share: ChanceLedger(network.n_branch, key_of(grid, "")) for share, grid in grids.items()}
    found = {share: _Kept() for share in SHARES}
    sampler = forecasts.make(network, base, start.replace(tzinfo=None))
    for day in range(history, course.days):
        midnight = start + timedelta(days=day)
        samples = sampler(course.until(day))
        for share, ledger in ledgers.items():
            look = look_ahead(grids[share], base, closed, samples)
            said = ledger.tell(look, midnight, b"")
            happened = over[share][day * DAY : (day + 1) * DAY]
            if day >= history + RUNNING_DAYS:
                known = over[share][earlier.start : day * DAY].reshape(-1, DAY, network.n_branch)
                kept = found[share]
                kept.said.append(said.overload_probability[:, carries])
                kept.sampled.append(look.overload_probability[:, carries])
                kept.usual.append(known.mean(axis=0)[:, carries])
                kept.came.append(happened[:, carries])
            for hour in range(DAY):
                ledger.compare(midnight + timedelta(hours=hour), happened[hour], b"")
    return found


def skill(chance: FloatArray, usual: FloatArray, came: FloatArray) -> float:
    """Brier skill of chances over a usual frequency."""
    return float(1 - ((chance - came) ** 2).mean() / ((usual - came) ** 2).mean())


def figures_of(what: str, kept: _Kept) -> tuple[list[Figure], str]:
    """The lines of one case, season and share, and its table."""
    said, sampled, usual, came = (
        np.array(one, dtype=float) for one in (kept.said, kept.sampled, kept.usual, kept.came)
    )
    seen, before = reliability(said, came > 0), reliability(sampled, came > 0)
    hindsight = np.broadcast_to(came.mean(axis=(0, 2), keepdims=True), came.shape)
    figures = [
        at_most(f"{what}: largest gap of a bin", float(np.nanmax(seen.gap)), ASKED_GAP, ""),
        at_least(f"{what}: Brier skill over climatology", skill(said, usual, came), ASKED_SKILL, ""),
        Figure(f"{what}, as sampled: largest gap of a bin", f"{np.nanmax(before.gap):.3g}"),
        Figure(f"{what}, as sampled: Brier skill over climatology", f"{skill(sampled, usual, came):.3g}"),
        Figure(f"{what}: Brier skill over the judged days' own hours", f"{skill(said, hindsight, came):.3g}"),
    ]
    days = f"on {int(came.any(axis=(1, 2)).sum())} of {len(came)} days"
    rows = [
        f"**{what}**: {came.size:,} cases, {100 * came.mean():.2f} % of them overloaded, {days}",
        "",
        "| chance | cases | mean chance | frequency | gap |",
        "|---|---|---|---|---|",
    ]
    for place, cases in enumerate(seen.cases.tolist()):
        gap = "" if np.isnan(seen.gap[place]) else f"{seen.gap[place]:.3f}"
        values = f"{seen.forecast[place]:.3f} | {seen.frequency[place]:.3f}" if cases else " | "
        rows.append(f"| {10 * place} to {10 * place + 10} % | {cases:,} | {values} | {gap} |")
    return figures, "\n".join(rows)


def measure(cases: Iterable[str], seasons: tuple[str, ...], forecasts: Forecasts) -> None:
    """Measure cases in seasons; write the document anew after each."""
    figures: list[Figure] = []
    tables: list[str] = []
    for name in cases:
        for season in seasons:
            first = STARTS[season]
            begun = time.perf_counter()
            for share, kept in judged(name, first, forecasts).items():
                more, table = figures_of(f"{name}, {season}, {100 * share:g} % of earlier hours", kept)
                figures += more
                tables.append(table)
            print(f"{name}, {season}: {time.perf_counter() - begun:.0f} s", flush=True)
            notes = NOTES.format(
                seasons=" and ".join(f"{STARTS[one]:%-d %B} ({one})" for one in seasons),
                seed=SEED, judged=JUDGED_DAYS, forecasts=forecasts.words, running=RUNNING_DAYS, earlier=EARLIER_DAYS,
                fewest=FEWEST_CASES, tables="\n\n".join(tables),
            )  # fmt: skip
            write(forecasts.document, "Look-ahead: chances of rare overloads", notes, figures)


def main() -> None:
    """Measure the cases that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_parts(parser, CASES)
    parser.add_argument(
        "--simplest", action="store_true", help="with the simplest sampler, not the dashboard's forecasts"
    )
    parser.add_argument("--season", choices=tuple(STARTS), help="one of them alone")
    asked = parser.parse_args()
    seasons = (asked.season,) if asked.season else tuple(STARTS)
    measure(asked.part or CASES, seasons, SIMPLEST if asked.simplest else OWN)


if __name__ == "__main__":
    main()
