"""`python -m tests.benchmarks.lookahead`: how fast the next hours are solved, and whether their chances are true.

Two parts, each with a report of its own, that can be named: simplest and forecaster.
"""

import argparse
import itertools
import resource
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import lightsim2grid.lightsim2grid_cpp as lightsim
import numpy as np
import pandapower
from lightsim2grid.network import init_from_pandapower

from grid.cases.cases import BUILT_IN, load_case
from grid.flow.batch_flow import BatchFlow
from grid.flow.fixed_flow import FixedFlow, bus_power_pu, topology_of
from grid.flow.powerflow import MAX_ITERATIONS, TOLERANCE_PU, Injection, PowerFlow
from grid.network import Network
from grid.sources.simulator import Simulator
from grid.studies.lookahead import Samples, look_ahead
from tests.benchmarks.calibration import (
    DAY,
    FEWEST_CASES,
    Course,
    Reliability,
    ResidualDays,
    Sampler,
    judge_sampler,
    reliability,
)
from tests.benchmarks.forecaster_sampler import ForecasterSampler
from tests.benchmarks.report import Figure, add_parts, at_most, write

HOURS, SAMPLES, RUNS, FEW_RUNS = 24, 100, 5, 2
LARGEST, FEW_SAMPLES = "case9241pegase", 20
JUDGED, JUDGED_DAYS, SEEDS = ("city8", "cigre_mv", "case118"), 60, (1, 2)
OVERLOADED_SHARE = 0.15  # of the hours before the judged days, by the ratings that branches are given
STARTS = {"summer": datetime(2026, 7, 28), "spring": datetime(2026, 4, 13)}  # of the judged days
MakeSampler = Callable[[Network, Injection, datetime], Sampler]
ASKED_S, ASKED_GAP = 2.0, 0.1
NOTES = """
Speed: one core, the median of {runs} runs (of {few} on case1354pegase), wall clock. Samples scatter by 5 % shared and
5 % own noise around a daily course. A look-ahead is the AC states of all samples and hours and all that is counted on
them. The batches below it solve the same states only. Ours (grid.flow.batch_flow) makes one Jacobian for all samples of
an hour. "Newton, one after the other" begins each at the one before, on our matrix (grid.flow.fixed_flow).
lightsim2grid's batches run on its own grid model, which knows neither several sources folded into one nor lines open at
one end. Ours is taken because it agrees with PowerFlow on every case; on case118 none of the others was clearly faster,
on case1354pegase TimeSeriesCPP was. The machine was shared while this was measured: runs differ by half. Memory is the
largest that the process ever had, imports, cases and {courses} of samples included.

Calibration: {days} days of the simulator, each forecast at its midnight for 24 hours by the simplest honest sampler
(mean of like days in four weeks plus one of the errors of the last 60 days, whole:
tests.benchmarks.calibration.ResidualDays), seeds {seeds}. Every branch that carries a current gets a rating that
{share:.0f} % of the hours before the judged days exceed. A case is one branch in one hour. What happened is the AC
state of what was measured; sources hold the case's voltages, in forecast and event, since samples hold none.
Asked for is a gap of at most {gap} in every bin with {fewest} cases or more. Cases of a day are not independent of each
other: weather and habit are shared.

The sampler knows no season and no weather forecast. Where demand drifts its means lag; spring is told beside summer to
show by how much: on the small grids chances above 50 % come out too high there. That is the sampler's error and not the
look-ahead's, which counts what it is given; a forecaster that follows season and temperature takes its place.

{tables}
"""
FORECASTER_NOTES = """
The dashboard's own forecasts (ml.forecasting.live.series_forecasters and scenarios beside it) as the sampler, judged as
docs/benchmarks/lookahead.md says: {days} days of the simulator, each forecast at its midnight for 24 hours, seeds
{seeds}; models fitted once to the {history} days before and renewed as they are live. Every branch gets a rating that
{share:.0f} % of the hours before the judged days exceed; a bin counts from {fewest} cases on. How forecasts are shrunk,
calibrated and drawn was chosen on city8 with seeds 11 and 12, 60 days from 10 February, 1 June and 20 September. By
`python -m tests.benchmarks.lookahead forecaster`.

{tables}
"""
HISTORY_DAYS = 400  # that forecasters learn from


def scenarios(network: Network, samples: int, hours: int) -> Samples:
    """Samples around a daily course."""
    rng, base = np.random.default_rng(0), Injection.of_case(network)
    level = 0.8 + 0.2 * np.sin(2 * np.pi * np.arange(hours) / DAY)
    shared = level[None, :, None] * (1 + 0.05 * rng.standard_normal((samples, 1, 1)))
    factor = shared * (1 + 0.05 * rng.standard_normal((samples, hours, len(network.load))))
    return Samples(base.load_p_mw * factor, base.load_q_mvar * factor, base.generator_p_mw * shared)


def seconds(work: Callable[[], object], runs: int) -> float:
    """The median over some runs, after one that is not counted."""
    taken = []
    for _ in range(runs + 1):
        before = time.perf_counter()
        work()
        taken.append(time.perf_counter() - before)
    return float(np.median(taken[1:]))


def speed(name: str, runs: int, asked_s: float | None = None) -> list[Figure]:
    """The look-ahead of a case, and the batches that it could have been built on."""
    network = load_case(name, Path("var")).network
    base, closed, samples = Injection.of_case(network), network.branch.closed, scenarios(network, SAMPLES, HOURS)
    flow = BatchFlow(network, base, closed)

    def hour_of(hour: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return samples.load_p_mw[:, hour], samples.load_q_mvar[:, hour], samples.generator_p_mw[:, hour]

    solved = np.array([flow.solve(*hour_of(hour)) for hour in range(HOURS)])
    injections = [
        [
            replace(base, load_p_mw=p, load_q_mvar=q, generator_p_mw=g)
            for p, q, g in zip(*hour_of(hour), strict=True)
        ]
        for hour in range(HOURS)
    ]  # fmt: skip
    single = PowerFlow(network)
    gap = max(
        float(np.abs(single.solve(one, closed).voltage - voltage).max())
        for hour, voltages in zip(injections, solved, strict=True)
        for one, voltage in zip(hour, voltages, strict=True)
    )
    fixed = FixedFlow(network, topology_of(network, base, closed))
    power = np.array([bus_power_pu(network, one) for hour in injections for one in hour])
    held = np.tile(np.abs(network.base_voltage[fixed.held]), (len(power), 1))
    what = f"{name}, {HOURS} h x {SAMPLES} samples"
    whole = seconds(lambda: look_ahead(network, base, closed, samples), runs)
    ours = seconds(lambda: [flow.solve(*hour_of(hour)) for hour in range(HOURS)], runs)
    newton = seconds(lambda: fixed.solve(power, held, network.base_voltage), runs)
    return [
        Figure(f"{what}: look-ahead", f"{whole:.2f} s")
        if asked_s is None
        else at_most(f"{what}: look-ahead", whole, asked_s, "s"),
        Figure(f"{what}: the states alone, ours (fixed Jacobian)", f"{ours:.3f} s"),
        Figure(f"{what}: Newton, one after the other", f"{newton:.3f} s"),
        *(
            Figure(f"{what}: lightsim2grid {kind}", f"{taken:.3f} s")
            for kind, taken in lightsim_batches(name, samples, runs)
        ),
        at_most(f"{what}: largest difference to PowerFlow", gap, 1e-6, "p.u."),
    ]


def lightsim_batches(case: str, samples: Samples, runs: int) -> list[tuple[str, float]]:
    """Seconds of lightsim2grid's own batches on its own model of a case."""
    net = BUILT_IN[case][1]()
    pandapower.runpp(net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tap positions that the case doesn't have
        model = init_from_pandapower(net)
    rows = samples.load_p_mw.shape[0] * samples.hours
    load_p, load_q = (
        np.ascontiguousarray(values.transpose(1, 0, 2).reshape(rows, -1))
        for values in (samples.load_p_mw, samples.load_q_mvar)
    )
    target = np.array([generator.target_p_mw for generator in model.get_generators()])
    level = load_p.sum(axis=1, keepdims=True) / sum(load.target_p_mw for load in model.get_loads())
    generator_p = target * level
    static = np.tile([float(plant.target_p_mw) for plant in model.get_static_generators()], (rows, 1))
    solved = net.res_bus.vm_pu.to_numpy() * np.exp(1j * np.deg2rad(net.res_bus.va_degree.to_numpy()))
    start = model.ac_pf(solved, MAX_ITERATIONS, TOLERANCE_PU)
    taken = []
    for name in ("TimeSeriesCPP", "InjectionSweepCPP", "ScenarioSweepCPP"):
        batch = getattr(lightsim, name)(model)
        run = partial(_run, batch, generator_p, static, load_p, load_q, start)
        taken.append((name, seconds(run, runs)))
        if not (np.abs(batch.get_voltages()) > 0).all():
            raise RuntimeError(f"{name} left rows unsolved")
    return taken


def _run(
    batch: Any,
    generator_p: np.ndarray,
    static: np.ndarray,
    load_p: np.ndarray,
    load_q: np.ndarray,
    start: np.ndarray,
) -> None:
    if isinstance(batch, lightsim.ScenarioSweepCPP):
        batch.modify_gen_p(generator_p)
        batch.modify_load_p(load_p)
        batch.modify_load_q(load_q)
        batch.compute(start, MAX_ITERATIONS, TOLERANCE_PU)
    else:
        batch.compute_Vs(generator_p, static, load_p, load_q, start, MAX_ITERATIONS, TOLERANCE_PU)


def largest() -> list[Figure]:
    """The largest grid with fewer samples."""
    network = load_case(LARGEST, Path("var")).network
    samples, taken = scenarios(network, FEW_SAMPLES, HOURS), 0.0
    before = time.perf_counter()
    seen = look_ahead(network, Injection.of_case(network), network.branch.closed, samples)
    taken = time.perf_counter() - before
    memory_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    what = f"{LARGEST}, {HOURS} h x {FEW_SAMPLES} samples"
    return [
        Figure(f"{what}: look-ahead", f"{taken:.1f} s"),
        Figure(f"{what}: samples without a solution", f"{100 * seen.unsolved_share.mean():.1f} %"),
        Figure(f"{what}: memory of the process", f"{memory_gib:.2f} GiB"),
    ]


def simulated(name: str, start: datetime, seed: int, days: int) -> tuple[Network, Course]:
    """Days of the simulator by its instruments, from the first midnight on."""
    case = load_case(name, Path("var"))
    simulator = Simulator(case, start, seed)
    frames = []
    for _ in range(days * DAY):
        frames.append(simulator.read())
        simulator.advance(timedelta(hours=1))
    dates = [start + timedelta(days=day) for day in range(days + 1)]
    load_p, load_q, generator_p = (
        np.array([points(frame).value for frame in frames])
        for points in (attrgetter("load.p_mw"), attrgetter("load.q_mvar"), attrgetter("generator.p_mw"))
    )
    return case.network, Course(load_p, load_q, generator_p, np.array([date.weekday() >= 5 for date in dates]))


def sometimes_overloaded(network: Network, course: Course, days: int) -> Network:
    """The network with ratings that branches exceed in a share of the hours of the first days."""
    base, flow = Injection.of_case(network), PowerFlow(network)
    loading = np.array(
        [flow.solve(course.injection(base, hour), network.branch.closed).loading_percent for hour in range(days * DAY)]
    )
    usual = np.quantile(loading, 1 - OVERLOADED_SHARE, axis=0) / 100
    factor = np.where(usual > 1e-3, usual, 1.0)
    branch = network.branch
    tight = replace(branch, rating_from_ka=branch.rating_from_ka * factor, rating_to_ka=branch.rating_to_ka * factor)
    return replace(network, branch=tight)


def calibrated(name: str, first: datetime, needs_days: int, make: MakeSampler) -> tuple[Reliability, float]:
    """One case over all seeds, judged from a day on; and the share of cases that were overloaded."""
    chances, events = [], []
    start = first - timedelta(days=needs_days)
    for seed in SEEDS:
        network, course = simulated(name, start, seed, needs_days + JUDGED_DAYS)
        tight = sometimes_overloaded(network, course, needs_days)
        days, base = range(needs_days, course.days), Injection.of_case(tight)
        judged = judge_sampler(tight, base, tight.branch.closed, course, make(tight, base, start), days)
        carries = judged.happened.any(axis=(0, 1)) | judged.probability.any(axis=(0, 1))
        chances.append(judged.probability[..., carries])
        events.append(judged.happened[..., carries])
    chance, event = np.concatenate(chances, axis=None), np.concatenate(events, axis=None)
    return reliability(chance, event), float(event.mean())


def table(name: str, seen: Reliability, share: float) -> str:
    """Forecast and frequency by bin."""
    rows = [
        f"**{name}**: {seen.cases.sum():,} cases, {100 * share:.1f} % of them overloaded", "",
        "| forecast | cases | mean forecast | frequency | gap |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for place in range(len(seen.cases)):
        low, high = (round(100 * (place + side) / len(seen.cases)) for side in (0, 1))
        gap = "" if np.isnan(seen.gap[place]) else f"{seen.gap[place]:.3f}"
        known = seen.cases[place] > 0
        values = f"{seen.forecast[place]:.3f} | {seen.frequency[place]:.3f}" if known else " | "
        rows.append(f"| {low} to {high} % | {seen.cases[place]:,} | {values} | {gap} |")
    return "\n".join(rows)


def calibration(needs_days: int, make: MakeSampler) -> tuple[list[Figure], dict[str, object]]:
    """Figures of all cases and seasons with one sampler, and what its notes tell."""
    figures, tables = [], []
    for (season, first), name in itertools.product(STARTS.items(), JUDGED):
        seen, share = calibrated(name, first, needs_days, make)
        what = f"{name}, {len(SEEDS)} x {JUDGED_DAYS} days of {season}: largest gap of a bin"
        figures.append(at_most(what, float(np.nanmax(seen.gap)), ASKED_GAP, ""))
        tables.append(table(f"{name}, {season}", seen, share))
    told = {
        "days": JUDGED_DAYS, "seeds": " and ".join(map(str, SEEDS)), "share": 100 * OVERLOADED_SHARE, "gap": ASKED_GAP,
        "fewest": FEWEST_CASES, "tables": "\n\n".join(tables),
    }  # fmt: skip
    return figures, told


def simplest() -> None:
    """Measure the speed, and the calibration with the simplest sampler; write docs/benchmarks/lookahead.md."""
    figures = [*speed("case118", RUNS, ASKED_S), *speed("case1354pegase", FEW_RUNS), *largest()]
    judged, told = calibration(ResidualDays().needs_days, lambda *_: ResidualDays())
    notes = NOTES.format(runs=RUNS, few=FEW_RUNS, scenarios=f"{HOURS} h x {FEW_SAMPLES}", **told)
    write("lookahead", "Look-ahead: speed and calibration", notes, [*figures, *judged])


def forecaster() -> None:
    """Measure the calibration with the dashboard's forecasts; write docs/benchmarks/lookahead_forecaster.md."""
    figures, told = calibration(HISTORY_DAYS, ForecasterSampler)
    notes = FORECASTER_NOTES.format(history=HISTORY_DAYS, **told)
    write("lookahead_forecaster", "Look-ahead: calibration with the dashboard's forecasts", notes, figures)


def main() -> None:
    """Run the parts that are named, or both."""
    parts = {"simplest": simplest, "forecaster": forecaster}
    parser = argparse.ArgumentParser(description=__doc__)
    add_parts(parser, parts)
    for name in parser.parse_args().part or parts:
        parts[name]()


if __name__ == "__main__":
    main()
