"""Forecasts against their own parts on series of many kinds: `python -m tests.benchmarks.forecast_judge [SERIES ...]`.

Writes docs/benchmarks/forecast_series.md, anew after each series; with names only these are measured. The code is what
the dashboard and the command line call (backtest), with its defaults, 48 h ahead.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from ml.forecasting.backtest import Backtest, backtest, naive_backtest
from ml.forecasting.forecaster import Forecaster
from ml.forecasting.model.hours import DAY, BoolArray, FloatArray
from ml.forecasting.model.parts import Part
from ml.forecasting.quality.metrics import BAND_80, BAND_90, MEDIAN, covered, pinball, range_of
from tests.benchmarks import report
from tests.benchmarks.forecast_series import REPORTED, Judged, Source
from tests.benchmarks.report import Figure

MOST_WORSE = 1.01
MOST_POINTS = 1.0
CERTAIN_SHARE = 0.01
"""Of the mean width of the 90 % band: hours with a narrower one, nights of photovoltaics, count in no coverage."""


def measured(judged: Judged) -> Backtest:
    """What forecasts issued each midnight for two days were worth."""
    profile = judged.ahead[0] if judged.ahead else None
    forecaster = Forecaster(
        zone=judged.zone, country=judged.country, issue_hours=(0,), ahead=judged.ahead, profile=profile
    )
    return backtest(forecaster, judged.frame, judged.start, judged.end, judged.name, months=judged.months)


def figures_of(judged: Judged) -> Iterator[Figure]:
    """Lines of one series: of each day of lead its loss beside its parts', and its coverage."""
    found = measured(judged)
    spread = range_of(found.hours.target)
    counted = np.isfinite(found.actual)
    rivals = {name: quantiles for name, quantiles in found.parts.items() if name not in (Part.DAY, Part.WEEK)}
    for days in (1, 7):
        naive = naive_backtest(found.hours, found.issues, 2 * DAY, days)
        rivals[naive.name] = naive.quantiles
    for lead in (0, 1):
        hours = slice(DAY * lead, DAY * (lead + 1))
        actual, known, quantiles = found.actual[:, hours], counted[:, hours], found.quantiles[:, hours]
        losses = {name: loss(actual, rival[:, hours], known) for name, rival in rivals.items()}
        best = min(losses, key=losses.__getitem__)
        mine = loss(actual, quantiles, known)
        yield Figure(
            f"{judged.name}, day {lead + 1}: pinball loss over the best part's",
            f"{mine / losses[best]:.3f} ({best}); rCRPS {2 * mine / spread:.4f}; the others "
            + ", ".join(f"{name} {value / losses[best]:.3f}" for name, value in losses.items() if name != best),
            f"<= {MOST_WORSE}",
            mine <= MOST_WORSE * losses[best],
        )
        yield _coverage(f"{judged.name}, day {lead + 1}", actual, quantiles, known)
    yield Figure(
        f"{judged.name}: issues, MAE of the median, seconds",
        f"{len(found.issues)}, {np.nanmean(np.abs(found.quantiles[..., MEDIAN] - found.actual)):.4g}, "
        f"{found.cpu_seconds:.1f} s of one core",
    )


def loss(actual: FloatArray, quantiles: FloatArray, known: BoolArray) -> float:
    """Mean pinball loss over the hours that are known; infinite for who has no forecast of one of them."""
    losses = pinball(actual, quantiles).mean(axis=-1)[known]
    return float(losses.mean()) if np.isfinite(losses).all() else np.inf


def _coverage(name: str, actual: FloatArray, quantiles: FloatArray, known: BoolArray) -> Figure:
    width = quantiles[..., BAND_90[1]] - quantiles[..., BAND_90[0]]
    told = known & (width > CERTAIN_SHARE * width.mean())
    share = [float(100 * covered(actual, quantiles, band)[told].mean()) for band in (BAND_80, BAND_90)]
    return Figure(
        f"{name}: coverage of the 80 % and the 90 % band, mean width of the 90 % band",
        f"{share[0]:.1f} %, {share[1]:.1f} %, {width[told].mean():.4g}",
        f"within {MOST_POINTS:g} point",
        abs(share[0] - 80) <= MOST_POINTS and abs(share[1] - 90) <= MOST_POINTS,
    )


NOTES = """
**What is measured.** Forecasts issued at local midnight for 48 h, models fitted anew every three months to what lay
before, as `python -m ml.forecasting backtest` does. The parts are what the forecast is put together from: the model
(ridge and XGBoost), its ridge, the mean of like days, and the same hour a day and a week before, each with conformal
quantiles of its own as it would be issued alone; naive quantiles are those of the eight weeks before. Pinball loss:
mean over the quantiles 5, 10, 25, 50, 75, 90, 95 %; rCRPS: twice that over P99 - P1 of the series. Coverage: over hours
whose band is wider than a hundredth of the mean one.

**What was chosen on what.** The weights' reach of 6 h, the forgetting of 2 % an issue, the weights before anything is
known and the gain of the widths were chosen on other series (`DEVELOPMENT` in tests/benchmarks/forecast_series.py:
other years, profiles and buildings, and made series of another seed). The series here were chosen before any of them
was forecast, but for Victoria 2014 and four of SimBench's, which an older benchmark had; none of those was looked at
for these choices, and none was left out for its figures.
"""


def main() -> int:
    """Measure and write the report; returns the exit code."""
    command = ArgumentParser(prog="python -m tests.benchmarks.forecast_judge", description=__doc__.partition("\n")[0])
    command.add_argument("series", nargs="*", metavar="SERIES", help="; ".join(source.name for source in REPORTED))
    wanted = command.parse_args().series
    chosen = [source for source in REPORTED if not wanted or source.name in wanted]
    left = [source.name for source in REPORTED if source not in chosen]
    figures: list[Figure] = []
    for place, source in enumerate(chosen):
        with threadpool_limits(1):
            figures += _of(source)
        waiting = left + [later.name for later in chosen[place + 1 :]]
        said = f"\n**Not measured in this run:** {', '.join(waiting)}.\n" if waiting else ""
        report.write("forecast_series", "Forecasts of many kinds of series", NOTES + said, figures)
    return 0


def _of(source: Source) -> list[Figure]:
    if source.absent is not None:
        return [Figure(source.name, f"skipped: {source.absent} is absent")]
    return list(figures_of(source.read()))


if __name__ == "__main__":
    sys.exit(main())
