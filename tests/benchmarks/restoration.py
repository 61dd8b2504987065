"""`make bench-restoration`: what restorations are worth beside a bound nobody can beat, in docs/benchmarks/restoration.md.

`python -m tests.benchmarks.restoration [PART ...] [--grid NAME ...]` measures some or all parts and writes the report of
all that has been measured by the present code of the optimiser: figures are kept under var/benchmarks/restoration, one
line a trouble, so that a run that was ended goes on where it was. Bounds hold for any optimiser and are kept apart.
"""

import argparse
import hashlib
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from ml.optimisation.plans.plan import OutcomeKind, Proposal, Requirements
from ml.optimisation.switching.candidates import (
    EXCHANGE,
    POLICY,
    POLISHED,
    PRIOR,
    SEQUENTIAL,
    SEQUENTIAL_EXCHANGED,
)
from tests.benchmarks import report
from tests.benchmarks.policies import FEEDERS, KEPT
from tests.benchmarks.restoration_cases import (
    NAMES,
    PAIRED,
    Mirror,
    Trouble,
    interrupted_kw,
    moment_of,
    network_of,
    optimizer_of,
    pairs_of_outages,
    single_troubles,
)
from tests.benchmarks.restoration_judge import Bound, Restoration, Way, judge, tolerance_kw
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
{TIME_LIMIT_S:.0f} s a trouble (tests/benchmarks/restoration_judge.py). What that leaves open is counted as not proven,
and its gap is to the upper bound. A supply within 0.01 % of what can be reached counts as equal. Gaps are counted over
troubles in which something can be restored.

Violations: limits of voltage, loading and source power that pandapower.runpp of the final state breaks and that of the
present state keeps, in a net read from the grid's own source. Interrupted: loads that lose supply in any state on the
way, by topology. Times are of the processor, of one thread, on a machine that others share. A method alone restores what
its best configuration restores where AC power flow allows it, else nothing.
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


# --- measuring -----------------------------------------------------------------------------------------------------


@cache
def _code() -> str:
    """Names the code of the optimiser: figures of another one are not these."""
    found = hashlib.sha256()
    for path in sorted((ROOT / "ml" / "optimisation").rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


def measure(name: str, troubles: list[Trouble], part: str) -> None:
    """Ask and judge each trouble of a grid that isn't kept yet."""
    path, network = FOLDER / _code() / f"{part}-{name}.jsonl", network_of(name)
    known, bounds = {row.key for row in _rows(path)}, _bounds(name)
    waiting = [trouble for trouble in troubles if trouble.key not in known]
    if not waiting:
        return
    optimizer, mirror = optimizer_of(name), Mirror(name)
    for trouble in waiting[:WARM_UP]:
        optimizer.propose(moment_of(network, trouble), WANTED)
    for trouble in waiting:
        moment = moment_of(network, trouble)
        began = time.thread_time()
        proposal = optimizer.propose(moment, WANTED)
        spent_ms = 1000 * (time.thread_time() - began)
        plan, case = proposal.plan, Restoration(network, moment, WANTED)
        before = proposal.present
        restored = 0.0 if plan is None else before.weighted_unsupplied_kw - plan.after.weighted_unsupplied_kw
        row = Row(
            key=trouble.key,
            level=trouble.level,
            kind=trouble.kind,
            outcome=proposal.outcome.kind,
            dark_kw=before.weighted_unsupplied_kw,
            reachable_kw=case.reachable_kw,
            restored_kw=restored,
            time_ms=spent_ms,
            violations=0 if plan is None else mirror.violations(moment, plan.after.closed),
            interrupted_kw=0.0 if plan is None else interrupted_kw(network, moment, plan),
            methods=_alone(proposal),
        )
        bound = bounds.get(trouble.key)
        if bound is None or not (bound.proven or bound.seconds >= TIME_LIMIT_S):
            bound = judge(case, () if plan is None else (plan.after.closed,), TIME_LIMIT_S)
            _append(FOLDER / f"bounds-{name}.jsonl", {"key": trouble.key, **asdict(bound)})
        _append(path, asdict(row))
        if restored < bound.upper_kw - tolerance_kw(bound.reachable_kw):
            print(f"{name}: {trouble.key}: {restored:.1f} of {bound.lower_kw:.1f} to {bound.upper_kw:.1f} kW, "
                  f"{row.outcome}, {bound.way}", flush=True)  # fmt: skip
    print(f"{name}: {len(waiting)} troubles of part {part}", flush=True)


def _alone(proposal: Proposal) -> dict[str, float]:
    """What each method alone restores in kW, not weighted; nothing where it finds nothing that is allowed."""
    before = proposal.present.unsupplied_kw
    found = {method: 0.0 for method in METHODS}
    for result in proposal.methods:
        if result.name in found and np.isfinite(result.unsupplied_kw):
            found[result.name] = before - result.unsupplied_kw
    return found


def _append(path: Path, values: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")


def _lines(path: Path) -> Iterator[dict[str, object]]:
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def _rows(path: Path) -> list[Row]:
    return [Row(**values) for values in _lines(path)]


def _bounds(name: str) -> dict[str, Bound]:
    """The bounds of a grid's troubles, those last found."""
    found = {}
    for values in _lines(FOLDER / f"bounds-{name}.jsonl"):
        key = str(values.pop("key"))
        found[key] = Bound(**{**values, "way": Way(str(values["way"]))})
    return found


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
        plans = sum(answer[0] for process in answers[:1] for answers_of in process for answer in answers_of[:1])
        _append(path, {"name": name, "different": different, "plans": int(plans)})


def _asked_again(name: str, process: int) -> list[list[tuple[bool, str, float]]]:
    """For each moment, what its calls in one process are answered."""
    torch.set_num_threads(1)
    threadpool_limits(1)
    network, optimizer = network_of(name), optimizer_of(name)
    moments = [moment_of(network, trouble) for trouble in _hard_troubles(name)]
    answers: list[list[tuple[bool, str, float]]] = [[] for _ in moments]
    rng = np.random.default_rng(process)
    for _ in range(CALLS):
        for which in rng.permutation(len(moments)):
            plan = optimizer.propose(moments[which], WANTED).plan
            answers[which].append((plan is not None, plan.code, plan.after.objective_kw) if plan else (False, "", 0.0))
    return answers


def _hard_troubles(name: str) -> list[Trouble]:
    """Some of a grid's troubles at its own loads, those with a partial restoration first as far as they are known."""
    rows = {row.key: row for row in _rows(FOLDER / _code() / f"single-{name}.jsonl")}
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
        bounds = _bounds(name)
        rows = [row for row in _rows(FOLDER / _code() / f"{part}-{name}.jsonl") if row.key in bounds]
        return cls(rows, [bounds[row.key] for row in rows])

    @property
    def restorable(self) -> np.ndarray:
        """Where something can be restored, or may be."""
        return np.array([bound.upper_kw > tolerance_kw(bound.reachable_kw) for bound in self.bounds], dtype=bool)

    def gap_percent(self, restored: list[float], upper: bool) -> np.ndarray:
        """By how much less is restored than can be, or may be where upper."""
        kept = np.flatnonzero(self.restorable)
        best = np.array([self._best(k, upper) for k in kept])
        gap = best - np.array([restored[k] for k in kept])
        gap[gap <= [tolerance_kw(self.bounds[k].reachable_kw) for k in kept]] = 0.0
        return 100 * gap / np.maximum(best, 1e-9)

    def _best(self, k: int, upper: bool) -> float:
        bound = self.bounds[k]
        return bound.upper_kw if upper else max(bound.lower_kw, self.rows[k].restored_kw)


def _single_figures(name: str) -> list[report.Figure]:
    judged = _Judged.of(name, "single")
    if not judged.rows:
        return [report.Figure(f"{name}: single outages and faults", "not measured yet")]
    rows, bounds = judged.rows, judged.bounds
    partial = sum(bound.way is not Way.ALL for bound in bounds)
    proven = sum(bound.proven for bound in bounds)
    gap = judged.gap_percent([row.restored_kw for row in rows], upper=True)
    times = np.array([row.time_ms for row in rows])
    p95, most = float(np.percentile(times, 95)), FIRST_MS if name == "feeder84" else ALL_MS
    methods = "; ".join(
        f"{method} {np.mean(judged.gap_percent([row.methods[method] for row in rows], upper=True)):.3g} %"
        for method in METHODS
    )
    violations, lost = sum(row.violations for row in rows), sum(row.interrupted_kw for row in rows)
    return [
        report.Figure(
            f"{name}: troubles; with something to restore; of all, where not everything in reach can be",
            f"{len(rows)}; {int(judged.restorable.sum())}; {partial}",
        ),
        report.Figure(
            f"{name}: optimum proven", f"{proven} of {len(rows)}", f"{len(rows)}", proven == len(rows)
        ),
        report.at_most(f"{name}: restored less than the bound, mean", float(gap.mean()), MEAN_GAP, "%"),
        report.at_most(f"{name}: restored less than the bound, worst", float(gap.max()), WORST_GAP, "%"),
        report.Figure(f"{name}: each method alone, mean", methods),
        report.Figure(f"{name}: time of a proposal, median", f"{np.median(times):.3g} ms"),
        report.at_most(f"{name}: time of a proposal, p95", p95, most, "ms"),
        report.Figure(f"{name}: violations by pandapower", f"{violations}", "0", violations == 0),
        report.Figure(f"{name}: load interrupted on the way", f"{lost:.3g} kW", "0 kW", lost == 0),
    ]


def _pair_figures(name: str) -> list[report.Figure]:
    judged = _Judged.of(name, "pairs")
    if not judged.rows:
        return [report.Figure(f"{name}: two branches out", "not measured yet")]
    rows, bounds = judged.rows, judged.bounds
    gap = judged.gap_percent([row.restored_kw for row in rows], upper=True)
    wrong = sum(
        row.outcome in {OutcomeKind.NONE_BETTER, OutcomeKind.NOTHING_RESTORABLE, OutcomeKind.BETTER_PLAN}
        and bound.upper_kw > row.restored_kw + tolerance_kw(bound.reachable_kw)
        for row, bound in zip(rows, bounds, strict=True)
    )
    proven, partial = sum(bound.proven for bound in bounds), sum(bound.way is not Way.ALL for bound in bounds)
    broken = sum(row.violations for row in rows)
    lost = sum(row.interrupted_kw for row in rows)
    what = f"{name}, two branches out"
    return [
        report.Figure(
            f"{what}: troubles; not everything in reach can be restored; proven",
            f"{len(rows)}; {partial}; {proven}",
            f"{len(rows)} proven",
            proven == len(rows),
        ),
        report.Figure(f"{what}: said to be the best, or that nothing is restorable, where more is", f"{wrong}", "0",
                      wrong == 0),
        report.Figure(f"{what}: restored less than the bound, mean; worst", f"{gap.mean():.3g} %; {gap.max():.3g} %"),
        report.Figure(f"{what}: violations by pandapower; load interrupted on the way", f"{broken}; {lost:.3g} kW",
                      "0; 0 kW", not broken and lost == 0),
    ]  # fmt: skip


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
    report.write("restoration", "Restoration of supply", NOTES, [*figures, *_same_figures()])


PARTS: dict[str, Callable[[tuple[str, ...]], None]] = {
    "single": lambda names: [measure(name, single_troubles(network_of(name)), "single") for name in names] and None,
    "pairs": lambda names: [
        measure(name, pairs_of_outages(network_of(name)), "pairs") for name in names if name in PAIRED
    ]
    and None,
    "same": same_plans,
}


def main() -> int:
    """Measure some parts, by default all, and write the report; returns the exit code."""
    command = argparse.ArgumentParser(description="Measure restorations.")
    command.add_argument("part", nargs="*", choices=[*PARTS, "report"], metavar="PART", help=", ".join(PARTS))
    command.add_argument("--grid", action="append", choices=NAMES, help="only this one; may be given again")
    given = command.parse_args()
    if not FEEDERS.exists():
        print(f"skipped: there are no benchmark feeders at {FEEDERS}")
        return 0
    torch.set_num_threads(1)
    threadpool_limits(1)
    for part in given.part or PARTS:
        if part in PARTS:
            PARTS[part](tuple(given.grid or NAMES))
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
