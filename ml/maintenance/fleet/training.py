"""Training on simulated fleets: `python -m ml.maintenance.fleet.training FOLDER` writes the dashboard's models.

Models are fitted to some fleets, calibrated on others at later times, and judged on yet another at later times still;
labels of the first end before the rows of the second begin. The dashboard runs it as a process of its own, because
it takes a gigabyte; it tells on standard output how far it is, a line of JSON a step.
"""

import argparse
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from grid.network import FloatArray, IntArray
from ml.maintenance.fleet.evaluation import HORIZONS, MAIN_HORIZON, card_figures
from ml.maintenance.fleet.fleet import DAYS_PER_YEAR, FleetData, simulate
from ml.maintenance.fleet.parent import leave_with_input
from ml.maintenance.model.card import Feature, ModelCard, table_sha256
from ml.maintenance.model.features import FEATURES, UNITS
from ml.maintenance.model.metrics import Draws, reliability
from ml.maintenance.model.model import NoveltyDetector
from ml.maintenance.model.rates import RateModel
from ml.maintenance.model.store import ModelBundle, save
from ml.maintenance.model.support import Support
from ml.maintenance.model.usual import UsualSignals
from ml.maintenance.records import FleetStep, FleetStepKind

CATEGORY = ("kind", "location")
DATA = "Simulated fleets: hourly load, weather and temperatures; failures drawn from CNAIM v2.1's hazard and condition"
FITTED, CALIBRATED, JUDGED = range(3)  # roles of fleets: part of their seeds, so that none has two
Progress = Callable[[int, FleetStep], None]


@dataclass(frozen=True)
class FleetPlan:
    """How many fleets of how many assets, watched for how many years, for each of the three roles."""

    seed: int = 1
    assets: int = 1000
    fleets: tuple[int, int, int] = (12, 6, 1)
    years: tuple[int, int, int] = (3, 6, 9)
    every_weeks: int = 4

    @classmethod
    def of(cls, seed: int, fleets: int, assets: int) -> "FleetPlan":
        """The usual plan with so many fleets to fit to, of so many assets each."""
        return cls(seed, assets, (fleets, *cls.fleets[1:]))

    def first_day(self, role: int) -> float:
        """Day from which a role's rows count: when all labels of the role before have ended."""
        return 0.0 if role == FITTED else DAYS_PER_YEAR * self.years[role - 1]

    @property
    def steps(self) -> int:
        """Steps that training takes."""
        return sum(self.fleets) + len(HORIZONS) + 1


@dataclass
class _Rows:
    """Rows of several fleets with how long each was watched; assets of different fleets are different."""

    features: list[pd.DataFrame] = field(default_factory=list)
    residuals: list[pd.DataFrame] = field(default_factory=list)
    day: list[FloatArray] = field(default_factory=list)
    watched: dict[int, list[tuple[FloatArray, IntArray]]] = field(default_factory=dict)

    def add(self, fleet: FleetData) -> None:
        self.features.append(fleet.features)
        self.residuals.append(fleet.residuals)
        self.day.append(fleet.day)
        for days in HORIZONS:
            self.watched.setdefault(days, []).append(fleet.watched(days))

    def select(self, first_day: float, horizon_days: int) -> tuple[pd.DataFrame, FloatArray, IntArray]:
        """Rows (r,) from a day on: features, years watched within the horizon, and the cause of the failure or -1."""
        years, cause = (np.concatenate(part) for part in zip(*self.watched[horizon_days], strict=True))
        chosen = (np.concatenate(self.day) >= first_day) & (years > 0)
        frame = pd.concat(self.features, ignore_index=True)[chosen].reset_index(drop=True)
        return frame, years[chosen], cause[chosen]

    def healthy(self) -> pd.DataFrame:
        """Residuals of rows whose assets didn't fail within a year."""
        years, cause = (np.concatenate(part) for part in zip(*self.watched[MAIN_HORIZON], strict=True))
        return pd.concat(self.residuals, ignore_index=True)[(cause < 0) & (years > 0)]


def train(plan: FleetPlan, progress: Progress) -> ModelBundle:
    """Simulate, fit, calibrate and judge. progress hears of each step of plan.steps before it is taken."""
    step = 0

    def tell(doing: FleetStep) -> None:
        nonlocal step
        progress(step, doing)
        step += 1

    fitted, calibrated = _simulated(plan, FITTED, tell), _simulated(plan, CALIBRATED, tell)
    rates = {}
    for days in HORIZONS:
        tell(FleetStep(kind=FleetStepKind.FITTING, number=days))
        model = RateModel(seed=plan.seed).fit(*fitted.select(plan.first_day(FITTED), days))
        rates[days] = model.calibrate(*calibrated.select(plan.first_day(CALIBRATED), days))
    tell(FleetStep(kind=FleetStepKind.FITTING_NOVELTY))
    novelty = NoveltyDetector(seed=plan.seed).fit(fitted.healthy())
    seen, _, _ = fitted.select(plan.first_day(FITTED), MAIN_HORIZON)
    others, _, _ = calibrated.select(plan.first_day(CALIBRATED), MAIN_HORIZON)
    card = ModelCard(
        features=tuple(Feature(name, "category" if name in CATEGORY else "numeric", UNITS[name]) for name in FEATURES),
        trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
        data=f"{DATA}; {plan.fleets[FITTED]} fleets of {plan.assets} assets over {plan.years[FITTED]} years",
        data_sha256=table_sha256(seen),
        seed=plan.seed,
        support=Support.of(seen, others, plan.seed),
        usual=UsualSignals.of(seen),
    )
    return _judged(plan, ModelBundle({}, rates, novelty, card), tell)


def _simulated(plan: FleetPlan, role: int, tell: Callable[[FleetStep], None]) -> _Rows:
    rows = _Rows()
    for index in range(plan.fleets[role]):
        number = sum(plan.fleets[:role]) + index + 1
        tell(FleetStep(kind=FleetStepKind.SIMULATING, number=number, of=sum(plan.fleets)))
        rows.add(_fleet(plan, role, index))
    return rows


def _fleet(plan: FleetPlan, role: int, index: int) -> FleetData:
    rng = np.random.default_rng([plan.seed, role, index])
    return simulate(plan.assets, plan.years[role], rng, plan.every_weeks)


def _judged(plan: FleetPlan, bundle: ModelBundle, tell: Callable[[FleetStep], None]) -> ModelBundle:
    """The bundle with the figures of a fleet that it has never seen on its card."""
    tell(FleetStep(kind=FleetStepKind.JUDGING, number=sum(plan.fleets), of=sum(plan.fleets)))
    fleet = _fleet(plan, JUDGED, 0)
    figures, tables = {}, {}
    for days, model in bundle.rates.items():
        rows = fleet.known(days) & (fleet.day >= plan.first_day(JUDGED))
        draws = Draws.of(fleet.asset[rows], np.random.default_rng(plan.seed))
        figures[str(days)] = card_figures(bundle, fleet, rows, days, draws)
        label = (fleet.next_event()[0] <= days)[rows].astype(float)
        tables[days] = reliability(label, model.probability(fleet.features[rows], days), draws)
    card = ModelCard(**{**vars(bundle.card), "metrics": figures, "reliability": tables})
    return replace(bundle, card=card)


def main(arguments: list[str]) -> int:
    """Train and save; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m ml.maintenance.fleet.training", description=str(__doc__).splitlines()[0]
    )
    parser.add_argument("folder", type=Path, help="where the models are written")
    parser.add_argument("--seed", type=int, default=FleetPlan.seed, help="of fleets and models")
    parser.add_argument("--assets", type=int, default=FleetPlan.assets, help="of each fleet")
    parser.add_argument("--fleets", type=int, default=FleetPlan.fleets[FITTED], help="that models are fitted to")
    parser.add_argument("--until-end-of-input", action="store_true", help="leave when standard input ends")
    given = parser.parse_args(arguments)
    if given.until_end_of_input:
        threading.Thread(target=leave_with_input, daemon=True).start()
    plan = FleetPlan.of(given.seed, given.fleets, given.assets)

    def tell(step: int, doing: FleetStep) -> None:
        print(json.dumps({"step": step, "steps": plan.steps, **asdict(doing)}), flush=True)

    save(train(plan, tell), given.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
