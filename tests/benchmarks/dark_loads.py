"""`python -m tests.benchmarks.dark_loads`: what dark loads are expected to take beside what they would; dark_loads.md.

An outage of six hours at three times of day and year on four grids. The truth is what the same grid takes with the same
seed and no outage. It takes two minutes.
"""

import argparse
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from grid.network import Network
from grid.telemetry import EventKind
from tests.app.rig import make_rig
from tests.benchmarks.fault_location import FEEDERS
from tests.benchmarks.report import Figure, write

STARTS = (datetime(2026, 1, 15, 4), datetime(2026, 1, 15, 16), datetime(2026, 7, 10, 10))
STEPS, STEP = 36, timedelta(minutes=10)


def errors(spec: str, branch: str | None) -> tuple[list[float], list[float]]:
    """Relative errors of the dark loads' sum, each hour: as expected, and had the last value stayed."""
    expected, frozen = [], []
    for start in STARTS:
        rig, calm = (make_rig(Path(tempfile.mkdtemp()), spec, start=start) for _ in range(2))
        network = rig.now.case.network
        rig.run(4)
        calm.run(4)
        last_mw = rig.now.solved.injection.load_p_mw.copy()
        rig.engine.add_event(EventKind.LINE_OUTAGE, _place(network, branch), 1.0)
        for step in range(1, STEPS + 1):
            snapshot, undisturbed = rig.run(1, STEP), calm.run(1, STEP)
            if step % 6 == 0:
                dark = ~snapshot.solved.state.energised[network.load.bus]
                truth_mw = float(undisturbed.solved.state.load_p_mw[dark].sum())
                expected.append(abs(float(snapshot.solved.injection.load_p_mw[dark].sum()) / truth_mw - 1))
                frozen.append(abs(float(last_mw[dark].sum()) / truth_mw - 1))
    return expected, frozen


def _place(network: Network, branch: str | None) -> int:
    """A branch by its name, or a feeder's breaker."""
    if branch is not None:
        return network.branch.name.index(branch)
    return int(np.flatnonzero(network.branch.breaker & network.branch.closed)[3])


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeders", type=Path, default=FEEDERS, help="folder of the feeders' JSON files")
    folder = parser.parse_args().feeders
    cases = (
        ("city8", "city8", "Campus Line"),
        ("feeder 33", f"feeder:{folder / 'feeder33.json'}", "Branch 5"),
        ("feeder 84", f"feeder:{folder / 'feeder84.json'}", "Branch 1"),
        ("SimBench urban MV", "simbench", None),
    )
    figures = []
    for name, spec, branch in cases:
        expected, frozen = (100 * np.array(one) for one in errors(spec, branch))
        for what, found in (("expected demand", expected), ("last value", frozen)):
            told = f"mean {found.mean():.1f} %, worst {found.max():.1f} %"
            figures.append(Figure(f"{name}: error of the {what}", told))
    write("dark_loads", "What dark loads are expected to take", NOTES, figures)


NOTES = """
`python -m tests.benchmarks.dark_loads`. Outages of six hours from 04:20 and 16:20 in January and 10:20 in July, the sum
of the dark loads compared each hour with what the same grid takes with the same seed and no outage, instruments' noise
of 0.5 % included. 'Expected' is the load's day before, at the level of the moment of the trip
(grid/estimation/dark_loads.py); 'the last value' is what was expected before. SimBench's loads replay measured
profiles, whose days differ. Without pick-up: what comes back in the first hours is this times the factor of
grid/protection/cold_load.py.
"""


if __name__ == "__main__":
    main()
