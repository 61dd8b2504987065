"""`python -m tests.benchmarks.inputs`: files that once went wrong, and many more of their kinds; inputs.md.

The first table is of the files in shared/data/inputs, each read as the dashboard and the commands read it. The second
is of inputs of the same kinds, drawn by chance with a fixed seed in differing sizes, positions, units and formats; what
is right comes from a judge that isn't ours. Wrong is also what crashes, and what is refused without cause. Inputs are
named by kind and index: `python -m tests.benchmarks.inputs clocks --index 17` draws that one again and says what comes
of it. Where a state is compared, nets that pandapower finds none for are drawn anew. In MATPOWER's cases without
reactance, generators hold voltages only where some reactance leads to them. It takes ten minutes of one core.
"""

import argparse
import logging
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from grid.cases.case import Case
from grid.cases.cases import load_case
from grid.errors import CaseError
from grid.files.findings import What
from grid.files.report import sentence
from grid.network import BranchKind
from ml.maintenance.__main__ import train
from ml.maintenance.crossval import ENSEMBLE
from ml.tables.training_table import Roles
from tests.benchmarks import inputs_columns, inputs_grids, inputs_matpower
from tests.benchmarks.inputs_grids import base_state
from tests.benchmarks.inputs_outcome import SEED, Kind, Outcome, Verdict, judged, shorter, wrong
from tests.benchmarks.report import Figure, write
from tests.paths import SHARED

INPUTS = SHARED / "inputs"
KINDS = (*inputs_matpower.KINDS, *inputs_grids.KINDS, *inputs_columns.KINDS)
SAME_PU, SAME_KW = 1e-6, 1e-3  # what is right is given to so many places
SIXTY_DAYS = 60 * 24
HONEST = 0.13
SAME_PR_AUC = 0.02


@dataclass(frozen=True)
class Given:
    """A file as it was handed in, and what is right."""

    file: str
    right: str
    judged: Callable[[Path], Outcome]


def state(what: What | None, vm_pu: tuple[float, ...] = (), loss_kw: float | None = None) -> Callable[[Path], Outcome]:
    """A grid that loads with this state, where one is given, and tells this."""

    def outcome(path: Path) -> Outcome:
        with TemporaryDirectory() as folder:
            case = load_case(str(path), Path(folder))
        found = base_state(case)
        gaps = np.abs(found.vm_pu[: len(vm_pu)] - np.array(vm_pu))
        right = bool((gaps <= SAME_PU).all()) and (what is None or what in {one.what for one in case.report.findings})
        if loss_kw is not None:
            right &= abs(1e3 * _lines_loss_mw(case) - loss_kw) <= SAME_KW
        return judged(right, _described(case, what))

    return outcome


def _described(case: Case, what: What | None) -> str:
    found = base_state(case)
    volts = ", ".join(f"{value:.6f}" for value in found.vm_pu[: case.network.n_bus])
    told = [sentence(finding) for finding in case.report.findings if finding.what is what]
    return f"V = {volts} p.u.; loss {1e3 * _lines_loss_mw(case):.3f} kW. {' '.join(told)}"


def _lines_loss_mw(case: Case) -> float:
    """Without what the inside of an extended ward loses."""
    is_line = np.array([kind in (BranchKind.LINE, BranchKind.CABLE) for kind in case.network.branch.kind])
    return float(base_state(case).loss_mw[is_line].sum())


def no_state(path: Path) -> Outcome:
    """A refusal that says how much of the load solves."""
    try:
        with TemporaryDirectory() as folder:
            case = load_case(str(path), Path(folder))
    except CaseError as error:
        return judged("% of load and generation solves" in str(error), str(error))
    return wrong(_described(case, None))


def hours(order: str, *time: str) -> Callable[[Path], Outcome]:
    """Sixty days of hours, read with --time."""

    def outcome(path: Path) -> Outcome:
        found = inputs_columns.read_named(path, "load", *time)
        known = int(found.frame["target"].notna().sum())
        begins = str(found.frame.index[0])[:10]
        right = known == SIXTY_DAYS and begins == "2024-01-01" and f"the {order} first" in found.notes[0]
        return judged(right, f"{known} hours from {begins}: {found.notes[0]}")

    return outcome


def flags(path: Path) -> Outcome:
    """Three suspicions, and what is left without them."""
    with TemporaryDirectory() as folder:
        found, _ = train(path, Roles("failed"), Path(folder))
    named = [suspicion.column for suspicion in found.suspicions]
    honest = next(model for model in found.models if model.name == ENSEMBLE).pr_auc
    right = named == ["mode_a", "mode_b", "mode_c"] and abs(honest.value - HONEST) <= SAME_PR_AUC
    return judged(right, f"{', '.join(named)} may know the outcome: {found.suspicions[0].reason}. PR-AUC {honest}")


GIVEN = (
    Given("x_zero_line.m", "V2 = 0.998999, loss 1.042 kW", state(What.NO_REACTANCE, (1, 0.998999), 1.042)),
    Given(
        "x_zero_line.json",
        "by pandapower from a flat start: V2 = 0.999194, loss 0.828 kW",
        state(What.NO_REACTANCE, (1, 0.999194), 0.828),
    ),
    Given(
        "base_kv_zero.m",
        "V = 1, 0.997180, 0.995773; loss 5.238 kW",
        state(What.NO_NOMINAL_VOLTAGE, (1, 0.997180, 0.995773), 5.238),
    ),
    Given("pq_gen_vg_zero.m", "V = 1, 0.997585, 0.996581; loss 4.004 kW", state(None, (1, 0.997585, 0.996581), 4.004)),
    Given("xward.json", "V2 = 0.999646, loss of the line 2.048 kW", state(What.EXTENDED_WARD, (1, 0.999646), 2.048)),
    Given("line_joins_two_voltages.json", 'refused, or line "L" told', state(What.TWO_VOLTAGES)),
    Given("zip_load.json", "V2 = 0.999098", state(What.VOLTAGE_DEPENDENT_LOAD, (1, 0.999098))),
    Given("diverges_overload.json", "refused; says how much of the load solves", no_state),
    Given("month_first.csv", "read month first", hours("month", "time")),
    Given("date_and_time_columns.csv", "read with --time Date Time", hours("day", "Date", "Time")),
    Given("failure_mode_flags.csv", "all three flags told; honest PR-AUC about 0.13", flags),
)


def given_table() -> tuple[list[str], list[str]]:
    """Rows of the first table, and the files that aren't right."""
    rows, not_right = ["| file | what is right | what comes | right |", "|---|---|---|---|"], []
    for one in GIVEN:
        try:
            found = one.judged(INPUTS / one.file)
        except Exception as error:  # noqa: BLE001 - a crash is what comes
            found = wrong(f"{type(error).__name__}: {error}")
        right = found.verdict is Verdict.RIGHT
        not_right += [] if right else [one.file]
        rows.append(f"| {one.file} | {one.right} | {shorter(found.said)} | {'yes' if right else '**no**'} |")
        print(rows[-1], flush=True)
    return rows, not_right


def drawn_table() -> tuple[list[str], list[str], Counter[Verdict]]:
    """Rows of the second table, a line for each wrong input, and counts."""
    rows = ["| kind | inputs | read and right | refused rightly | wrong | largest gap | judge |"]
    rows += ["|---|---|---|---|---|---|---|"]
    listed: list[str] = []
    total: Counter[Verdict] = Counter()
    for kind in KINDS:
        found = [kind.outcome(index) for index in range(kind.inputs)]
        counts = Counter(one.verdict for one in found)
        total += counts
        cells = " | ".join(str(counts[verdict]) for verdict in Verdict)
        rows.append(f"| {kind.words} | {kind.inputs} | {cells} | {_largest(kind, found)} | {kind.judge} |")
        print(rows[-1], flush=True)
        listed += [
            f"| {kind.name} | {index} | {one.said} |" for index, one in enumerate(found) if one.verdict is Verdict.WRONG
        ]
    return rows, listed, total


def _largest(kind: Kind, found: list[Outcome]) -> str:
    """Over the inputs that are right; those that are wrong are told one by one."""
    gaps = np.array([one.gaps for one in found if one.verdict is Verdict.RIGHT and one.gaps])
    return (
        ", ".join(f"{gap:.1e} {unit}" for gap, unit in zip(gaps.max(axis=0), kind.units, strict=True))
        if len(gaps)
        else ""
    )


def main() -> int:
    """Make both tables, or draw one input again; returns the exit code."""
    names = {kind.name: kind for kind in KINDS}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", nargs="?", choices=[[], *names], default=[], help="with --index: one input alone")
    parser.add_argument("--index", type=int)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.getLogger("pandapower").setLevel(logging.ERROR)
    if arguments.kind and arguments.index is not None:
        print(names[arguments.kind].outcome(arguments.index))
        return 0
    if not INPUTS.exists():
        print("the inputs that once went wrong lie beside the project, and aren't there", file=sys.stderr)
        return 2
    given, not_right = given_table()
    rows, listed, total = drawn_table()
    figures = [
        Figure(
            "files that once went wrong", f"{len(GIVEN) - len(not_right)} of {len(GIVEN)} right", "all", not not_right
        ),
        Figure("inputs drawn", str(sum(total.values())), "50 a kind", min(kind.inputs for kind in KINDS) >= 50),
        Figure("of these wrong", str(total[Verdict.WRONG]), "none", not total[Verdict.WRONG]),
    ]
    notes = [*given, "", f"Drawn with the seed {SEED}:", "", *rows, ""]
    if listed:
        notes += ["Wrong, each with its index:", "", "| kind | index | what came |", "|---|---|---|", *listed, ""]
    write("inputs", "Inputs that once went wrong", "\n".join([*notes, str(__doc__).partition("\n\n")[2]]), figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
