"""`python -m tests.benchmarks.maintenance_shifts`: 30 unseen fleets, and five in each of eleven other worlds.

Models as in tests.benchmarks.maintenance, and judged as the page does it: outside their support CNAIM's rate stands in.
Each fleet is kept in var/benchmarks when it is done, and a new run goes on from there.
"""

import json
import multiprocessing
import statistics
from argparse import ArgumentParser
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ml.maintenance.fleet.evaluation import MAIN_HORIZON
from ml.maintenance.fleet.training import FleetPlan
from tests.benchmarks.fleet_judge import PoissonRival, judge
from tests.benchmarks.fleet_shifts import SHIFTS
from tests.benchmarks.maintenance import models
from tests.benchmarks.report import Figure, at_least, at_most, write

KEPT = Path("var/benchmarks/maintenance_shifts.jsonl")
SEEDS, SHIFTED_SEEDS = tuple(range(701, 731)), tuple(range(701, 706))  # no seed of training, none chosen
ROLE = 4  # no role of training, and none of tests.benchmarks.maintenance
LEAST_SHARE, LEAST_SHIFTED_SHARE, MOST_ERROR = 95, 85, 0.012
WORKERS = 2
STABLE = "none"


def main() -> None:
    """Judge what isn't kept yet and write docs/benchmarks/maintenance_shifts.md."""
    command = ArgumentParser(prog="python -m tests.benchmarks.maintenance_shifts")
    command.add_argument("--report", action="store_true", help="write the table of what is kept, and judge nothing")
    if not command.parse_args().report:
        _judge_rest()
    found = _kept()
    write("maintenance_shifts", "Failure models in other worlds", _notes(found), _figures(found[STABLE]))


def _judge_rest() -> None:
    kept = _kept()
    wanted = [
        (place, seed)
        for place, shift in enumerate(SHIFTS)
        for seed in (SEEDS if shift.name == STABLE else SHIFTED_SEEDS)
        if seed not in {one["seed"] for one in kept.get(shift.name, [])}
    ]
    models()  # trained before there are several who would
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool, KEPT.open("a") as file:
        for done in as_completed([pool.submit(_judged, *one) for one in wanted]):
            print(json.dumps(done.result()), file=file, flush=True)


@cache
def _rival() -> PoissonRival:
    return PoissonRival.fit(FleetPlan(), MAIN_HORIZON)


def _judged(place: int, seed: int) -> dict[str, Any]:
    shift = SHIFTS[place]
    return {"shift": shift.name, **judge(models(), _rival(), shift, seed, ROLE, MAIN_HORIZON)}


def _kept() -> dict[str, list[dict[str, Any]]]:
    """Figures of the fleets by shift, in the order of the seeds."""
    found: dict[str, list[dict[str, Any]]] = {shift.name: [] for shift in SHIFTS}
    for line in KEPT.read_text().splitlines() if KEPT.exists() else ():
        one = json.loads(line)
        found[one["shift"]].append(one)
    return {name: sorted(fleets, key=lambda one: one["seed"]) for name, fleets in found.items()}


def _figures(fleets: list[dict[str, Any]]) -> list[Figure]:
    shares = [100 * one["PR-AUC"]["shown"] / one["PR-AUC"]["ceiling"] for one in fleets]
    errors = [one["calibration error"]["shown"] for one in fleets]
    chance = [one["calibration error"]["ceiling"] for one in fleets]
    count = f"of {len(fleets)} fleets"
    figures = [
        at_least("share of the ceiling's PR-AUC, mean", statistics.mean(shares), LEAST_SHARE, "%"),
        Figure("its 95 % interval over fleets; the lowest and the highest fleet", _interval(shares, "%")),
        at_most("calibration error, mean", statistics.mean(errors), MOST_ERROR, ""),
        Figure("its 95 % interval; lowest and highest", _interval(errors)),
        Figure("calibration error of the true hazard on the same rows: chance alone", _interval(chance)),
    ]
    for rival in ("CNAIM", "Poisson"):
        over = [one["over"][rival] for one in fleets]
        below = sum(high < 0 for _, _, high in over)
        figures += [
            at_most(f"PR-AUC below {rival} beyond noise", below, 0, count),
            Figure(
                f"PR-AUC over {rival}: mean, its interval; lowest and highest", _interval([one for one, _, _ in over])
            ),
            Figure(f"PR-AUC better than {rival}", f"{sum(one > 0 for one, _, _ in over)} {count}"),
        ]
    return figures


def _interval(values: list[float], unit: str = "") -> str:
    """Mean with its interval by resampling, and the range."""
    draws = np.random.default_rng(0).choice(values, (4000, len(values))).mean(axis=1)
    low, high = np.percentile(draws, (2.5, 97.5))
    mean = f"{statistics.mean(values):.4g} ({low:.4g} to {high:.4g})"
    return f"{mean}; {min(values):.3g} to {max(values):.3g} {unit}".strip()


def _notes(found: dict[str, list[dict[str, Any]]]) -> str:
    head = (
        "world",
        "fleets",
        "inside, %",
        "failures",
        "PR-AUC of ceiling, shown, CNAIM, Poisson",
        "share of ceiling, %",
        "share inside, %",
        f">= {LEAST_SHIFTED_SHARE}",
        "expected / observed",
        "calibration error",
        "unlike healthy, %",
    )
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    rows += [_row(name, fleets) for name, fleets in found.items() if fleets]
    return f"""
Models: {models().card.data}; the dashboard's own, within {MAIN_HORIZON} days.
Fleets: {FleetPlan().assets} assets each, seeds {SEEDS[0]} to {SEEDS[-1]} as they are and {SHIFTED_SEEDS[0]} to
{SHIFTED_SEEDS[-1]} in other worlds, chosen before looking. Shown is what the page shows: the models' probability within
their support, CNAIM's outside. The Poisson rival: a regression on nine terms of condition, with CNAIM's rate as its
offset, fitted to the models' own fleets. Beyond noise: the 95 % interval of the difference, by resampling assets, lies
below 0; of 30 fleets of equals 0.75 would.

{chr(10).join(rows)}

Mean over fleets. Share inside: of the ceiling's PR-AUC on the rows that the models judge.{_waiting(found)}
"""


def _waiting(found: dict[str, list[dict[str, Any]]]) -> str:
    """Which fleets haven't been judged."""
    asked = {name: len(SEEDS if name == STABLE else SHIFTED_SEEDS) for name in found}
    left = [f"{name} ({count - len(found[name])})" for name, count in asked.items() if len(found[name]) < count]
    return f" **Not judged yet**, fleets of: {', '.join(left)}." if left else ""


def _row(name: str, fleets: list[dict[str, Any]]) -> str:
    def mean(values: list[float]) -> float:
        return statistics.mean(values)

    def share(area: str) -> float:
        return 100 * mean([one[area]["shown"] / one[area]["ceiling"] for one in fleets if one[area]])

    areas = ", ".join(
        f"{mean([one['PR-AUC'][by] for one in fleets]):.3f}" for by in ("ceiling", "shown", "CNAIM", "Poisson")
    )
    inside = share("PR-AUC inside") if any(one["PR-AUC inside"] for one in fleets) else float("nan")
    cells = (
        name,
        str(len(fleets)),
        f"{100 * mean([one['inside'] for one in fleets]):.1f}",
        str(sum(one["events"] for one in fleets)),
        areas,
        f"{share('PR-AUC'):.1f}",
        f"{inside:.1f}",
        "yes" if inside >= LEAST_SHIFTED_SHARE else "**no**",
        f"{mean([one['expected over observed'] for one in fleets]):.2f}",
        f"{mean([one['calibration error']['shown'] for one in fleets]):.4f}",
        f"{100 * mean([one['novel'] for one in fleets]):.1f}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
