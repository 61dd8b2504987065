"""`make bench-restoration`: what restorations are worth beside a bound nobody can beat: docs/benchmarks/restoration.md.

`python -m tests.benchmarks.restoration [PART ...] [--grid NAME ...]` measures some or all parts and writes the report
of all that has been measured by the present code of the optimiser: single outages and faults, pairs, the same moments
again and again, and the bounds of what was measured. Figures are kept under var/benchmarks/restoration, one line a
trouble, so that a run that was ended goes on where it was. Bounds hold for any optimiser and are kept apart.
"""

import argparse
import hashlib
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from grid.network import Network
from ml.optimisation.plans.plan import OutcomeKind, Proposal, Requirements
from ml.optimisation.switching.candidates import (
    EXCHANGE,
    POLICY,
    POLISHED,
    PRIOR,
    SEQUENTIAL,
    SEQUENTIAL_EXCHANGED,
)
from ml.optimisation.training import LearningOptimizer
from tests.benchmarks import report
from tests.benchmarks.policies import FEEDERS, KEPT
from tests.benchmarks.restoration_cases import (
    NAMES,
    PAIRED,
    PAIRS,
    Kind,
    Mirror,
    Trouble,
    interrupted_kw,
    moment_of,
    network_of,
    optimizer_of,
    pairs_of_outages,
    single_troubles,
)
from tests.benchmarks.restoration_judge import ROUNDING, Bound, Restoration, Way, judge, tolerance_kw
from tests.paths import ROOT

FOLDER = KEPT / "restoration"
TIME_LIMIT_S = 60.0
WARM_UP = 5
METHODS = (POLICY, PRIOR, EXCHANGE, SEQUENTIAL, SEQUENTIAL_EXCHANGED, POLISHED)
WANTED = Requirements()
SAME_MOMENTS, PROCESSES, CALLS = 6, 4, 5  # determinism: moments a grid, processes, calls in each
MEAN_GAP, WORST_GAP, FIRST_MS, ALL_MS = 0.1, 1.0, 300.0, 1000.0  # asked: percent and ms

NOTES = f"""
Trouble: every outage of one closed branch, and every fault of a bus (all branches there are out, and the bus stays
dark), at 0.5, 0.75 and 1.0 of the case's own loads; the present state is the case's own switch states without what is
out. Loads have equal priorities but with two branches out, where each drew 1, 2 or 5; kW are weighted by them there.
Feeders have no ratings of their own, so voltages limit them; city8 and the SimBench grid have both.

Asked is SmartGridOptimizer.propose, what the dashboard asks, with the policy of its first training (the first benchmark
seed). The optimum: all that usable branches reach is restored; or every radial forest, by AC power flow, from the one
that restores most (city8); or, for feeders, a mixed-integer cone programme with supply as a choice, at most
{TIME_LIMIT_S:.0f} s a trouble (tests/benchmarks/restoration_judge.py). What that leaves open, or what has no bound yet,
is counted as not proven: its upper bound may be all in reach. The SimBench grid has taps, charging and photovoltaics,
which the programme doesn't know: where not all is restored there, nothing is proven, and the most that is known is what
a method alone restores, or supply that grows bus by bus from what has it. A supply within 0.01 % of what can be reached
counts as equal. Gaps are counted over troubles in which something can be restored.

Violations: limits of voltage, loading and source power that pandapower.runpp of the final state breaks and that of the
present state keeps, in a net read from the grid's own source. Interrupted: loads that lose supply in any state on the
way, by topology. Times are of the processor, of one thread, on a machine that others share. A method alone restores
what its best configuration restores where AC power flow allows it, else nothing.
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one trouble came to. Supply in kW, weighted by priority; methods: what each alone restores."""

    key: str
    level: float
    kind: str
    outcome: str
    dark_kw: float
    reachable_kw: float
    restored_kw: float
    time_ms: float
    violations: int
    interrupted_kw: float
    methods: dict[str, float]
    closed: list[int]  # branches after the plan


# --- measuring -----------------------------------------------------------------------------------------------------


@cache
def _code() -> str:
    """Names the code of the optimiser: figures of another one are not these."""
    found = hashlib.sha256()
    for path in sorted((ROOT / "ml" / "optimisation").rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


def measure(names: tuple[str, ...], part: str) -> None:
    """Ask the optimiser in each trouble of some grids that isn't kept yet."""
    for name in names:
        path, network = _path(part, name), network_of(name)
        known = {row.key for row in _rows(path)}
        waiting = [trouble for trouble in TROUBLES[part](network) if trouble.key not in known]
        if waiting:
            optimizer, mirror = optimizer_of(name), Mirror(name)
            for trouble in waiting[:WARM_UP]:
                optimizer.propose(moment_of(network, trouble), WANTED)
            for trouble in waiting:
                _append(path, asdict(_asked(network, trouble, optimizer, mirror)))
            print(f"{name}: {len(waiting)} troubles of part {part}", flush=True)


def _asked(network: Network, trouble: Trouble, optimizer: LearningOptimizer, mirror: Mirror) -> Row:
    """What the optimiser answers in one trouble, checked by other means than its own."""
    moment = moment_of(network, trouble)
    began = time.thread_time()
    proposal = optimizer.propose(moment, WANTED)
    spent_ms = 1000 * (time.thread_time() - began)
    plan, before = proposal.plan, proposal.present
    restored = 0.0 if plan is None else before.weighted_unsupplied_kw - plan.after.weighted_unsupplied_kw
    return Row(
        key=trouble.key,
        level=trouble.level,
        kind=trouble.kind,
        outcome=proposal.outcome.kind,
        dark_kw=before.weighted_unsupplied_kw,
        reachable_kw=Restoration(network, moment, WANTED).reachable_kw,
        restored_kw=restored,
        time_ms=spent_ms,
        violations=0 if plan is None else mirror.violations(moment, plan.after.closed),
        interrupted_kw=0.0 if plan is None else interrupted_kw(network, moment, plan),
        methods=_alone(proposal),
        closed=np.flatnonzero(moment.closed if plan is None else plan.after.closed).tolist(),
    )


def bound(names: tuple[str, ...], seconds: float) -> None:
    """Judge each trouble that was asked and has no proven bound yet, those first that got nothing."""
    for part, name in [(part, name) for part in TROUBLES for name in names]:
        network, known = network_of(name), _bounds(name)
        troubles = {trouble.key: trouble for trouble in TROUBLES[part](network)}
        rows = [row for row in _rows(_path(part, name)) if not _is_whole(row) and not _settled(row, known, seconds)]
        for row in sorted(rows, key=lambda row: row.restored_kw > 0):
            closed = np.zeros(network.n_branch, dtype=bool)
            closed[row.closed] = True
            found = judge(Restoration(network, moment_of(network, troubles[row.key]), WANTED), (closed,), seconds)
            _append(FOLDER / f"bounds-{name}.jsonl", {"key": row.key, **asdict(found)})
            if found.upper_kw - row.restored_kw > tolerance_kw(row.reachable_kw) * ROUNDING:
                print(f"{name}: {row.key}: {row.restored_kw:.1f} of {found.lower_kw:.1f} to {found.upper_kw:.1f} kW, "
                      f"{row.outcome}, {found.way}, {found.seconds:.0f} s", flush=True)  # fmt: skip


def _is_whole(row: Row) -> bool:
    """Whether all in reach is restored: nobody restores more."""
    return row.reachable_kw - row.restored_kw <= tolerance_kw(row.reachable_kw) * ROUNDING


def _settled(row: Row, known: dict[str, Bound], seconds: float) -> bool:
    found = known.get(row.key)
    return found is not None and (found.proven or found.seconds >= seconds)


def _alone(proposal: Proposal) -> dict[str, float]:
    """What each method alone restores in kW, not weighted; nothing where it finds nothing that is allowed."""
    before = proposal.present.unsupplied_kw
    found = dict.fromkeys(METHODS, 0.0)
    for result in proposal.methods:
        if result.name in found and np.isfinite(result.unsupplied_kw):
            found[result.name] = before - result.unsupplied_kw
    return found


def _append(path: Path, values: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def _path(part: str, name: str) -> Path:
    return FOLDER / _code() / f"{part}-{name}.jsonl"


def _rows(path: Path) -> list[Row]:
    return [Row(**values) for values in _lines(path)]


def _bounds(name: str) -> dict[str, Bound]:
    """The bounds of a grid's troubles, those last found."""
    found = {}
    for values in _lines(FOLDER / f"bounds-{name}.jsonl"):
        key = str(values.pop("key"))
        found[key] = Bound(**{**values, "way": Way(values["way"])})
    return found


def _bound_of(row: Row, known: dict[str, Bound]) -> Bound:
    """The bound of one trouble; without one, the most that is restored and what can be reached.

    What a method alone restores is verified by AC power flow, too.
    """
    found, upper = known.get(row.key), row.reachable_kw
    alone = max(row.methods.values()) if row.kind != Kind.PAIR else 0.0
    lower = max(row.restored_kw, alone)
    if _is_whole(row):
        return Bound(lower_kw=upper, upper_kw=upper, reachable_kw=upper, way=Way.ALL, seconds=0.0)
    if found is None:
        return Bound(lower_kw=lower, upper_kw=upper, reachable_kw=upper, way=Way.NONE, seconds=0.0)
    return replace(found, lower_kw=max(found.lower_kw, lower))


# --- determinism ---------------------------------------------------------------------------------------------------


def same_plans(names: tuple[str, ...]) -> None:
    """Ask the same moments in several processes, each in an order of its own, and keep how many answers there are."""
    path = FOLDER / _code() / "same.jsonl"
    known = {values["name"] for values in _lines(path)}
    for name in names:
        if name in known:
            continue
        optimizer_of(name)
        context = multiprocessing.get_context("spawn")
        with context.Pool(PROCESSES) as pool:
            answers = pool.starmap(_asked_again, [(name, process) for process in range(PROCESSES)])
        different = [len({answer for process in answers for answer in process[k]}) for k in range(SAME_MOMENTS)]
        _append(path, {"name": name, "different": different})


def _asked_again(name: str, process: int) -> list[list[tuple[str, float]]]:
    """For each moment, what its calls in one process are answered."""
    torch.set_num_threads(1)
    threadpool_limits(1)
    network, optimizer = network_of(name), optimizer_of(name)
    moments = [moment_of(network, trouble) for trouble in _hard_troubles(name)]
    answers: list[list[tuple[str, float]]] = [[] for _ in moments]
    rng = np.random.default_rng(process)
    for _ in range(CALLS):
        for which in rng.permutation(len(moments)):
            plan = optimizer.propose(moments[which], WANTED).plan
            answers[which].append(("", 0.0) if plan is None else (plan.code, plan.after.objective_kw))
    return answers


def _hard_troubles(name: str) -> list[Trouble]:
    """Some of a grid's troubles at its own loads, those with a partial restoration first as far as they are known."""
    rows = {row.key: row for row in _rows(_path("single", name))}
    troubles = [trouble for trouble in single_troubles(network_of(name)) if trouble.level == 1.0]

    def easy(trouble: Trouble) -> bool:
        row = rows.get(trouble.key)
        return row is None or row.outcome != OutcomeKind.PART_RESTORED

    return sorted(troubles, key=easy)[:SAME_MOMENTS]


# --- report --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Judged:
    """The rows of one table and their bounds."""

    rows: list[Row]
    bounds: list[Bound]

    @classmethod
    def of(cls, name: str, part: str) -> "_Judged":
        known, rows = _bounds(name), _rows(_path(part, name))
        return cls(rows, [_bound_of(row, known) for row in rows])

    @property
    def restorable(self) -> np.ndarray:
        """Where something can be restored, or may be."""
        return np.array([bound.upper_kw > tolerance_kw(bound.reachable_kw) for bound in self.bounds], dtype=bool)

    def gap_percent(self, restored: list[float], upper: bool) -> np.ndarray:
        """By how much less is restored than can be, or may be where upper."""
        kept = np.flatnonzero(self.restorable)
        best = np.array([self.bounds[k].upper_kw if upper else self.bounds[k].lower_kw for k in kept])
        gap = best - np.array([restored[k] for k in kept])
        gap[gap <= [ROUNDING * tolerance_kw(self.bounds[k].reachable_kw) for k in kept]] = 0.0
        return 100 * gap / np.maximum(best, 1e-9)


def _single_figures(name: str) -> list[report.Figure]:
    judged = _Judged.of(name, "single")
    if not judged.rows:
        return [report.Figure(f"{name}: single outages and faults", "not measured yet")]
    rows, bounds = judged.rows, judged.bounds
    partial = sum(bound.way is not Way.ALL for bound in bounds)
    proven = sum(bound.proven for bound in bounds)
    restored = [row.restored_kw for row in rows]
    gap, missed = judged.gap_percent(restored, upper=True), judged.gap_percent(restored, upper=False)
    sure = gap[[bound.proven for bound, counts in zip(bounds, judged.restorable, strict=True) if counts]]
    silent = _silent(rows, bounds)
    times = np.array([row.time_ms for row in rows])
    p95, most = float(np.percentile(times, 95)), FIRST_MS if name == "feeder84" else ALL_MS
    methods = "; ".join(
        f"{method} {np.mean(judged.gap_percent([row.methods[method] for row in rows], upper=False)):.3g} %"
        for method in METHODS
    )
    violations, lost = sum(row.violations for row in rows), sum(row.interrupted_kw for row in rows)
    every = len(single_troubles(network_of(name)))
    hard = sum(bound.proven and bound.way is not Way.ALL for bound in bounds)
    of_those = f"where it is proven, as in {hard} of {partial} where not everything in reach is restored,"
    whole = proven == every
    return [
        report.Figure(f"{name}: troubles measured", f"{len(rows)} of {every}", f"{every}", len(rows) == every),
        report.Figure(
            f"{name}: with something to restore; where not everything in reach is restored",
            f"{int(judged.restorable.sum())}; {partial}",
        ),
        report.Figure(f"{name}: optimum proven", f"{proven} of {len(rows)}", f"{len(rows)}", proven == len(rows)),
        _gap_figure(f"{name}: {of_those} restored less than the optimum, mean", float(sure.mean()), MEAN_GAP, whole),
        _gap_figure(f"{name}: {of_those} restored less than the optimum, worst", float(sure.max()), WORST_GAP, whole),
        report.Figure(
            f"{name}: restored less than the upper bound, what isn't proven included, mean; worst",
            f"{gap.mean():.3g} %; {gap.max():.3g} %",
        ),
        report.Figure(
            f"{name}: restored less than the most that is known, mean; worst",
            f"{missed.mean():.3g} %; {missed.max():.3g} %",
        ),
        report.Figure(f"{name}: each method alone, less than the most that is known, mean", methods),
        report.Figure(f"{name}: no plan, though something is known to be restorable", f"{silent}", "0", silent == 0),
        report.Figure(f"{name}: time of a proposal, median", f"{np.median(times):.3g} ms"),
        report.at_most(f"{name}: time of a proposal, p95", p95, most, "ms"),
        report.Figure(f"{name}: violations by pandapower", f"{violations}", "0", violations == 0),
        report.Figure(f"{name}: load interrupted on the way", f"{lost:.3g} kW", "0 kW", lost == 0),
    ]


def _gap_figure(what: str, gap_percent: float, most: float, whole: bool) -> report.Figure:
    """A gap to what is asked; that it is met is said where every trouble was measured and proven, not before."""
    figure = report.at_most(what, gap_percent, most, "%")
    return figure if whole or not figure.met else replace(figure, met=None)


def _silent(rows: list[Row], bounds: list[Bound]) -> int:
    """How many answers say that nothing can be restored, or that the present state is best, where more is known."""
    return sum(
        row.outcome in {OutcomeKind.NONE_BETTER, OutcomeKind.NOTHING_RESTORABLE, OutcomeKind.BETTER_PLAN}
        and bound.lower_kw > row.restored_kw + ROUNDING * tolerance_kw(bound.reachable_kw)
        for row, bound in zip(rows, bounds, strict=True)
    )


def _pair_figures(name: str) -> list[report.Figure]:
    judged = _Judged.of(name, "pairs")
    if not judged.rows:
        return [report.Figure(f"{name}: two branches out", "not measured yet")]
    rows, bounds = judged.rows, judged.bounds
    restored = [row.restored_kw for row in rows]
    gap, missed = judged.gap_percent(restored, upper=True), judged.gap_percent(restored, upper=False)
    silent = _silent(rows, bounds)
    doubtful = sum(row.restored_kw <= 0 and not bound.proven for row, bound in zip(rows, bounds, strict=True))
    proven, partial = sum(bound.proven for bound in bounds), sum(bound.way is not Way.ALL for bound in bounds)
    violations, lost = sum(row.violations for row in rows), sum(row.interrupted_kw for row in rows)
    what = f"{name}, two branches out"
    return [
        report.Figure(f"{what}: troubles measured", f"{len(rows)} of {PAIRS}", f"{PAIRS}", len(rows) == PAIRS),
        report.Figure(
            f"{what}: where not everything in reach is restored; optimum proven",
            f"{partial}; {proven} of {len(rows)}",
            f"{len(rows)} proven",
            proven == len(rows),
        ),
        report.Figure(
            f"{what}: nothing restored, though something is known to be restorable; not proven yet",
            f"{silent}; {doubtful}",
            "0; 0",
            not silent and not doubtful,
        ),
        report.Figure(
            f"{what}: restored less than the upper bound, mean; worst", f"{gap.mean():.3g} %; {gap.max():.3g} %"
        ),
        report.Figure(
            f"{what}: restored less than the most that is known, mean; worst",
            f"{missed.mean():.3g} %; {missed.max():.3g} %",
        ),
        report.Figure(f"{what}: violations by pandapower", f"{violations}", "0", violations == 0),
        report.Figure(f"{what}: load interrupted on the way", f"{lost:.3g} kW", "0 kW", lost == 0),
    ]


def _same_figures() -> list[report.Figure]:
    found = list(_lines(FOLDER / _code() / "same.jsonl"))
    if not found:
        return [report.Figure("determinism", "not measured yet")]
    counts = [(str(values["name"]), np.array(values["different"])) for values in found]
    most = max(int(different.max()) for _, different in counts)
    moments = sum(len(different) for _, different in counts)
    return [
        report.Figure(
            f"{moments} moments of {', '.join(name for name, _ in counts)}, {PROCESSES * CALLS} calls each from "
            f"{PROCESSES} processes: different plans of a moment, at most",
            f"{most}",
            "1",
            most == 1,
        )
    ]


def write() -> None:
    """The report of all that the present code has been measured by."""
    figures = [figure for name in NAMES for figure in _single_figures(name)]
    figures += [figure for name in PAIRED for figure in _pair_figures(name)]
    notes = f"{NOTES}\nThe code of the optimiser that was measured (ml/optimisation) is {_code()}, by its digest."
    report.write("restoration", "Restoration of supply", notes, [*figures, *_same_figures()])


TROUBLES: dict[str, Callable[[Network], list[Trouble]]] = {"single": single_troubles, "pairs": pairs_of_outages}
PARTS = ("single", "pairs", "same", "bounds", "report")


def main() -> int:
    """Measure some parts, by default all, and write the report; returns the exit code."""
    command = argparse.ArgumentParser(description="Measure restorations.")
    report.add_parts(command, PARTS)
    command.add_argument("--grid", action="append", choices=NAMES, help="only this one; may be given again")
    command.add_argument("--seconds", type=float, default=TIME_LIMIT_S, help="for the bound of one trouble")
    given = command.parse_args()
    if not FEEDERS.exists():
        print(f"skipped: there are no benchmark feeders at {FEEDERS}")
        return 0
    torch.set_num_threads(1)
    threadpool_limits(1)
    names, parts = tuple(given.grid or NAMES), given.part or PARTS
    if "single" in parts:
        measure(names, "single")
    if "pairs" in parts:
        measure(tuple(name for name in names if name in PAIRED), "pairs")
    if "same" in parts:
        same_plans(names)
    if "bounds" in parts:
        bound(names, given.seconds)
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
