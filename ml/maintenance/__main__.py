"""Command line of failure models of one's own data: `python -m ml.maintenance train --data FILE.csv --target COLUMN`.

Trains on any table of numbers and categories, says what the model is worth on assets and times that it has not seen,
and warns where a column seems to know the outcome.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

from ml.maintenance.assessment import Assessment, assess
from ml.maintenance.crossval import ENSEMBLE, last_fold
from ml.maintenance.forward import ForwardJudgement, forward
from ml.maintenance.model.card import Feature, ModelCard
from ml.maintenance.model.model import FailureEnsemble
from ml.maintenance.model.store import ModelBundle, save
from ml.maintenance.own_model import OwnModel, load_maintenance_model
from ml.maintenance.report import document, printed, write
from ml.tables.later_outcome import read_later
from ml.tables.times import add_time_options, notation_of, time_columns
from ml.tables.training_table import Roles, read_table

__all__ = ["OwnModel", "load_maintenance_model", "main", "train"]

OUT = Path("var/maintenance")
SEED = 1
HORIZON_DAYS = 365


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns 0, or 2 where the table can't be read or learned from."""
    given = _parser().parse_args(arguments)
    out = given.out or OUT / given.data.stem
    try:
        roles = _roles(given)
        with threadpool_limits(1):  # trees of one table are too small to share
            found, later = train(
                given.data, roles, out, given.seed, given.gap, tuple(given.keep), given.horizon, given.later
            )
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(printed(found, later))
    print(f"\nmodel: {out / 'model'}\nreport: {out / 'report.html'}, {out / 'report.json'}")
    return 0


def train(
    data: Path,
    roles: Roles,
    out: Path,
    seed: int = SEED,
    gap: float | None = None,
    keep: tuple[str, ...] = (),
    horizon_days: int = HORIZON_DAYS,
    later: Path | None = None,
) -> tuple[Assessment, ForwardJudgement | None]:
    """Read, assess, train and write out/model, out/report.json and out/report.html.

    gap in the time's unit (days for dates). Suspicious columns are not read by the model unless named in keep.
    horizon_days: within how many days of a row the target's event lies. later: a file of the rows' later outcomes, by
    which the model is judged forward. Raises TableError, or ValueError where the split leaves too little.
    """
    table = read_table(data, roles)
    outcome = None if later is None else read_later(later, data)
    unknown = [name for name in keep if name not in table.features]
    if unknown:
        raise ValueError(f"--keep: '{unknown[0]}' is not among the columns that are read")
    found = assess(table, seed, gap, roles.group, keep)
    ahead = None if outcome is None else forward(found, outcome, seed, gap)
    fold = last_fold(table, seed, gap)
    features, label = found.features, table.label
    model = FailureEnsemble(seed=seed).fit(features.iloc[fold.fit], label[fold.fit])
    model.calibrate(features.iloc[fold.calibrate], label[fold.calibrate])
    now = datetime.now(UTC).isoformat(timespec="seconds")
    report = document(found, ahead, now, seed)
    card = ModelCard(
        features=tuple(_feature(features[name]) for name in features),
        trained_at=now,
        data=f"{data.name}, target {table.target}, {table.rows} rows with {int(label.sum())} events",
        data_sha256=hashlib.sha256(data.read_bytes()).hexdigest(),
        seed=seed,
        metrics={str(horizon_days): next(row for row in report["models"] if row["name"] == ENSEMBLE)},
        reliability={horizon_days: found.reliability},
    )
    save(ModelBundle({horizon_days: model}, {}, None, card), out / "model")
    write(found, ahead, report, out)
    return found, ahead


def _roles(given: argparse.Namespace) -> Roles:
    time, time_of_day = time_columns(given.time) if given.time else (None, None)
    return Roles(
        target=given.target,
        time=time,
        asset=given.asset,
        group=given.group,
        drop=tuple(given.drop),
        time_of_day=time_of_day,
        notation=notation_of(given),
    )


def _feature(column: pd.Series) -> Feature:
    words = isinstance(column.dtype, pd.CategoricalDtype)
    return Feature(str(column.name), "category" if words else "numeric")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.maintenance", description=__doc__.partition("\n")[0])
    command = parser.add_subparsers(required=True).add_parser("train", help="train and assess a model of a CSV file")
    command.add_argument("--data", type=Path, required=True, help="CSV file, a header and one row an observation")
    command.add_argument("--target", required=True, help="column with 1 where the asset failed, else 0")
    command.add_argument(
        "--time",
        nargs="+",
        metavar="COLUMN",
        help="column with the row's time, or two, with dates and times of day: test rows lie after those learned from",
    )
    add_time_options(command)
    command.add_argument("--asset", help="column that names the asset: no asset is learned from and tested on")
    command.add_argument("--group", help="column to split by for a second figure: what is lost where a group is new")
    command.add_argument("--drop", nargs="+", default=[], metavar="COLUMN", help="columns not to be read")
    command.add_argument("--keep", nargs="+", default=[], metavar="COLUMN", help="columns to read though suspicious")
    command.add_argument(
        "--gap", type=float, help="left out before what is tested, days for dates (default 2 %% of all)"
    )
    command.add_argument(
        "--later",
        type=Path,
        metavar="FILE.csv",
        help="a later outcome of the same rows: a column that names them in both files, and one of 0 and 1",
    )
    command.add_argument("--horizon", type=int, default=HORIZON_DAYS, help="days that the target looks ahead (365)")
    command.add_argument("--out", type=Path, help="folder to write to (var/maintenance/NAME)")
    command.add_argument("--seed", type=int, default=SEED)
    return parser


if __name__ == "__main__":
    sys.exit(main())
