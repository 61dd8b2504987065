"""`python -m tests.benchmarks.leakage`: columns that know the outcome, found and wrongly accused; leakage.md.

Every table is written as a CSV file, read and looked at as `python -m ml.maintenance train` does. Thresholds were
chosen on tables drawn with the seed {choosing} (`--choosing` draws those), the figures are of tables drawn with the
seed {reported}, which nothing was chosen on. An accused column is any that is named and doesn't know the outcome.
"""

import argparse
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import numpy as np

from ml.maintenance.leakage.detector import suspicious
from ml.tables.training_table import FEWEST_EVENTS, Roles, read_table
from tests.benchmarks.leakage_tables import HONEST, KNOWING, TableKind, frame
from tests.benchmarks.report import Figure, write

CHOOSING, REPORTED = 15, 115
HONEST_TABLES, KNOWING_TABLES = 25, 20  # of each kind: 200 and 200
SEED = 1

NOTES = """
## Tables without a column that knows

| kind | tables | with a wrongly accused column | which |
|---|---|---|---|
{honest}

## Tables with columns that know

| kind | tables | all found | some found | columns found | tables with a wrongly accused column | which |
|---|---|---|---|---|---|---|
{knowing}

{doc}

**What can't be told.** A fault that has begun before the row, that all who have it fail of and nobody else, shows in a
strong sensor just as what is written after the failure: only the order of times tells them apart, and the table has
none. Such a column is named if the others know something of the outcome, too; `--keep` has it read. So it may be with
failures counted before the row, where places differ much: such counts follow the rates of places as a rate that counts
the outcome in does (on the tables that thresholds were chosen on, some were named). A number that
failed rows have more of is not found where the other columns know too little of the outcome to be compared with, or
where they follow it by other ways. Flags of 1 to 10 failures are too few to be told from chance. In the real AI4I 2020,
18 of the 19 rows of random failures count as none: that flag knows nothing there, and isn't named.
"""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What was named in one table: of the columns that know the outcome, and of the others."""

    knowing: frozenset[str]
    found: frozenset[str]
    accused: dict[str, str]


def looked(kind: TableKind, seed: int, index: int) -> Looked:
    """The table of this index: the same each time."""
    rng = np.random.default_rng([seed, crc32(kind.words.encode()), index])
    table = kind.drawn(rng)
    while table.failed.sum() < FEWEST_EVENTS:  # which the product refuses
        table = kind.drawn(rng)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "drawn.csv"
        frame(table, rng).to_csv(path, index=False)
        read = read_table(path, Roles("failed"))
    reasons = {one.column: one.reason for one in suspicious(read.features, read.label, SEED)}
    accused = {name: why for name, why in reasons.items() if name not in table.knowing}
    return Looked(knowing=table.knowing, found=table.knowing & reasons.keys(), accused=accused)


def main() -> int:
    """Draw, look and write; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--choosing", action="store_true", help="the other seed's tables, and no document")
    parser.add_argument("--tables", type=int, help="so many of each kind (25 without columns that know, 20 with them)")
    given = parser.parse_args()
    warnings.simplefilter("error")
    seed = CHOOSING if given.choosing else REPORTED
    honest = [_all_of(kind, seed, given.tables or HONEST_TABLES) for kind in HONEST]
    knowing = [_all_of(kind, seed, given.tables or KNOWING_TABLES) for kind in KNOWING]
    if not given.choosing:
        write("leakage", "Columns that know the outcome", _notes(honest, knowing), _figures(honest, knowing))
    return 0


def _all_of(kind: TableKind, seed: int, count: int) -> list[Looked]:
    found = [looked(kind, seed, index) for index in range(count)]
    wrong = [f"{index} {one.accused}" for index, one in enumerate(found) if one.accused]
    missed = [
        f"{index} {sorted(one.knowing - one.found)}" for index, one in enumerate(found) if one.knowing - one.found
    ]
    print(f"{kind.words}: {count} tables; accused {wrong}; missed {missed}", flush=True)
    return found


def _figures(honest: list[list[Looked]], knowing: list[list[Looked]]) -> list[Figure]:
    clean = [one for kind in honest for one in kind]
    leaking = [one for kind in knowing for one in kind]
    whole = [one.found == one.knowing for one in leaking]
    machines = [one.found == one.knowing for one in knowing[0]]
    own = [one.found == one.knowing for kind in knowing[-3:] for one in kind]
    wrong, beside = sum(bool(one.accused) for one in clean), sum(bool(one.accused) for one in leaking)
    return [
        Figure("tables without a column that knows", str(len(clean)), "200", len(clean) >= 200),
        Figure("of these with a wrongly accused column", f"{wrong} ({_percent(wrong, len(clean))})", "few"),
        Figure("tables with columns that know", str(len(leaking)), "200", len(leaking) >= 200),
        Figure("of these all such columns named", f"{sum(whole)} ({_percent(sum(whole), len(whole))})", "most"),
        Figure("of these with a wrongly accused column", f"{beside} ({_percent(beside, len(leaking))})", "few"),
        Figure("AI4I-like, all five flags named", f"{sum(machines)} of {len(machines)}", "all", all(machines)),
        Figure("three shapes of our own, all named", f"{sum(own)} of {len(own)}", "all", all(own)),
    ]


def _notes(honest: list[list[Looked]], knowing: list[list[Looked]]) -> str:
    clean, leaking = [], []
    for kind, tables in zip(HONEST, honest, strict=True):
        wrong = sum(bool(one.accused) for one in tables)
        clean.append(f"| {kind.words} | {len(tables)} | {wrong} | {_names(tables)} |")
    for kind, tables in zip(KNOWING, knowing, strict=True):
        whole = sum(one.found == one.knowing for one in tables)
        some = sum(bool(one.found) for one in tables) - whole
        columns = f"{sum(len(one.found) for one in tables)} of {sum(len(one.knowing) for one in tables)}"
        wrong = sum(bool(one.accused) for one in tables)
        leaking.append(f"| {kind.words} | {len(tables)} | {whole} | {some} | {columns} | {wrong} | {_names(tables)} |")
    words = str(__doc__).partition("\n\n")[2].format(choosing=CHOOSING, reported=REPORTED)
    return NOTES.format(honest="\n".join(clean), knowing="\n".join(leaking), doc=words.strip())


def _names(tables: list[Looked]) -> str:
    return ", ".join(sorted({name for one in tables for name in one.accused}))


def _percent(part: int, whole: int) -> str:
    """With its 95 % interval (Wilson 1927)."""
    share, z = part / whole, 1.96
    middle, spread = share + z**2 / (2 * whole), z * np.sqrt(share * (1 - share) / whole + z**2 / (4 * whole**2))
    low, high = ((middle + sign * spread) / (1 + z**2 / whole) for sign in (-1, 1))
    return f"{100 * share:.1f} %, {100 * low:.1f} to {100 * high:.1f}"


if __name__ == "__main__":
    sys.exit(main())
