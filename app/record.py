"""`python -m app record --out FILE.csv [--hours 24] [--minutes 15] [--case NAME]`: a simulated day, to be replayed."""

import argparse
import math
import sys
from datetime import timedelta
from pathlib import Path

from app.settings import Settings
from grid.cases.cases import load_case
from grid.errors import CaseError
from grid.sources.replay import write_recording
from grid.sources.simulator import Simulator


def main(arguments: list[str]) -> int:
    """Simulate a case from the settings' start on and write what its instruments show; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m app record", description="Write a recording for --source replay")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv", help="file to write")
    parser.add_argument("--hours", type=_positive, default=24.0, help="simulated hours (%(default)g)")
    parser.add_argument("--minutes", type=_positive, default=15.0, help="simulated minutes between rows (%(default)g)")
    parser.add_argument("--case", help="as without record")
    given = parser.parse_args(arguments)
    settings = Settings() if given.case is None else Settings(case=given.case)
    try:
        simulator = Simulator(load_case(settings.case, settings.cache_dir), settings.start, settings.seed)
    except CaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    frames = [simulator.read()]
    for _ in range(round(60 * given.hours / given.minutes)):
        simulator.advance(timedelta(minutes=given.minutes))
        frames.append(simulator.read())
    try:
        write_recording(given.out, frames)
    except OSError as error:
        print(f"error: can't write {given.out}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{len(frames)} rows of {settings.case}: {given.out}")
    return 0


def _positive(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and 0 < value <= 1e5):
        raise argparse.ArgumentTypeError(f"above 0 and up to 100,000, not {text}")
    return value
