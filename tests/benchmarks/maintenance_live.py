"""`python -m tests.benchmarks.maintenance_live`: how probabilities and classes move on a live grid, for a month.

The dashboard's own cycle, 15 simulated minutes long, and the maintainer's look after each, with the models of
tests.benchmarks.maintenance. Nothing happens to the assets but that they are used; then, with the same chances, one
asset of each kind wears by a step.
"""

import tempfile
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from app.maintenance.worker import YEAR_COLUMN
from grid.assets.deterioration import KINDS
from grid.cases.cases import DEFAULT_SIMBENCH
from grid.network import FloatArray, IntArray
from ml.maintenance.condition import ConditionMonitor
from tests.app.rig import Rig, make_rig
from tests.benchmarks.maintenance import FOLDER, models
from tests.benchmarks.report import Figure, at_most, write

CASES = ("city8", "case118", f"simbench:{DEFAULT_SIMBENCH}")
CYCLE = timedelta(minutes=15)
CYCLES_A_DAY, DAYS, FIRST_DAYS = 96, 30, 2
STEP_DAY, WORN = 9, 1.0  # of wear, which is 1 after 40 years of average use
MOST_SPREAD, MOST_CHANGES, MOST_DAYS = 0.03, 1.0, 7.0


@dataclass(frozen=True, eq=False)
class Month:
    """Of n assets in c cycles: log_probability (c, n) of a failure within 365 days, place of the class (c, n)."""

    log_probability: FloatArray
    place: IntArray


def main() -> None:
    """Watch each grid for two months, one with a step, and write docs/benchmarks/maintenance_live.md."""
    command = ArgumentParser(prog="python -m tests.benchmarks.maintenance_live")
    command.add_argument("cases", nargs="*", default=CASES, help=f"by default {', '.join(CASES)}")
    cases: Sequence[str] = command.parse_args().cases
    models()
    figures = [figure for case in cases for figure in _watched(case)]
    left = [case for case in CASES if case not in cases]
    said = f"\n**Not watched in this run:** {', '.join(left)}.\n" if left else ""
    write("maintenance_live", "Probabilities on live grids", NOTES + said, figures)


def _watched(case: str) -> list[Figure]:
    calm = _month(case, ())
    with tempfile.TemporaryDirectory() as folder:
        stepped = _first_of_each_kind(_rig(case, Path(folder)))
    worn = _month(case, stepped)
    return [*_calm(case, calm), *_seen(case, calm, worn, stepped)]


def _rig(case: str, folder: Path) -> Rig:
    rig = make_rig(folder, case=case, models_dir=FOLDER, seed=1)
    rig.services.maintainer.load_or_train()
    return rig


def _first_of_each_kind(rig: Rig) -> tuple[int, ...]:
    kind = rig.now.assessed.condition.traits.kind[rig.now.case.is_asset]
    places = np.flatnonzero(rig.now.case.is_asset)
    return tuple(int(places[kind == of_kind][0]) for of_kind in range(len(KINDS)) if (kind == of_kind).any())


def _month(case: str, stepped: Sequence[int]) -> Month:
    """A month of cycles and looks; on STEP_DAY some branches wear by a step."""
    chances, places = [], []
    with tempfile.TemporaryDirectory() as folder:
        rig = _rig(case, Path(folder))
        maintainer = rig.services.maintainer
        for cycle in range(DAYS * CYCLES_A_DAY):
            if cycle == STEP_DAY * CYCLES_A_DAY:
                _wear(rig.engine._pipeline.condition, stepped)  # who breaks an asset reaches into the simulated world
            maintainer.look(rig.board)
            report = maintainer.latest
            assert report.prognosis is not None
            assert report.classes is not None
            chances.append(np.log(report.prognosis.probability[:, YEAR_COLUMN]))
            places.append(report.classes)
            rig.run(elapsed=CYCLE)
        mine = rig.now.case.is_asset
    log_probability = np.array(chances)
    log_probability[:, ~mine] = np.nan
    return Month(log_probability, np.array(places))


def _wear(monitor: ConditionMonitor, branches: Sequence[int]) -> None:
    wear = monitor._hidden.wear.copy()
    wear[list(branches)] += WORN
    monitor._hidden = replace(monitor._hidden, wear=wear)


def _calm(case: str, month: Month) -> list[Figure]:
    known = ~np.isnan(month.log_probability[0])
    days = month.log_probability[:, known].reshape(DAYS, CYCLES_A_DAY, -1)
    spread = days.std(axis=1)  # (days, assets)
    changes = (np.diff(month.place[:, known], axis=0) != 0).sum(axis=0)
    first = spread[:FIRST_DAYS]
    return [
        Figure(f"{case}: assets", f"{known.sum()}"),
        at_most(
            f"{case}: spread of log probability in a day, first two days, worst",
            first.max(),
            MOST_SPREAD,
            "",
        ),
        Figure(
            f"{case}: the same, median and 95th percentile; over {DAYS} days",
            f"{np.median(first):.4f}, {np.percentile(first, 95):.4f}; "
            f"{np.median(spread):.4f}, {np.percentile(spread, 95):.4f}, worst {spread.max():.4f}",
        ),
        at_most(f"{case}: changes of class in {DAYS} days, worst asset", float(changes.max()), MOST_CHANGES, ""),
        Figure(f"{case}: changes of class in {DAYS} days, all assets", f"{changes.sum()}"),
    ]


def _seen(case: str, calm: Month, worn: Month, stepped: Sequence[int]) -> list[Figure]:
    """Days until half of what a step comes to at the month's end is in the probability."""
    figures = []
    for branch in stepped:
        moved = (worn.log_probability - calm.log_probability)[:, branch]
        final = moved[-CYCLES_A_DAY:].mean()
        after = moved[STEP_DAY * CYCLES_A_DAY :]
        days = float(np.argmax(after >= final / 2)) / CYCLES_A_DAY if final > 0 else np.inf
        worse = f"branch {branch} wears by a step ({np.exp(final):.2f} x at the month's end)"
        what = f"{case}: {worse}, days until half is seen"
        figures.append(at_most(what, days, MOST_DAYS, "d"))
    return figures


NOTES = f"""
{DAYS} simulated days of the dashboard's cycles of 15 minutes from its usual start, seed 1, a look of the maintainer
after each. Standard deviation: of the log of the probability within 365 days, in a calendar day of cycles, asset by
asset. The step: an asset's wear rises by {WORN:g} (what 40 years of average use do) on day {STEP_DAY + 1}, with all
other chances the same; seen is measured against the same month without it.
"""

if __name__ == "__main__":
    main()
