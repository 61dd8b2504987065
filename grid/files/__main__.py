"""Command line: `python -m grid.files check FILE ... [--json]` says how the reading of network files ends;
`python -m grid.files export FILE --to OUT.json` (or OUT.m) writes the state that a file describes as another.

Nothing is started or kept. Exit codes: 0 where every file is read with nothing to remark, 1 where there are remarks, 2
where a file is refused or can't be written.
"""

import argparse
import json
import logging
import sys
import tempfile
import warnings
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from grid.cases.cases import load_case
from grid.errors import CaseError
from grid.files.export.matpower import matpower_text
from grid.files.export.notes import notes_on_matpower, notes_on_pandapower
from grid.files.export.pandapower_net import pandapower_text
from grid.files.export.present import PresentGrid
from grid.files.findings import ImportReport
from grid.files.pandapower.convert import NoStateError
from grid.files.report import counted, plain_report, sentence
from grid.flow.powerflow import Injection, PowerFlow
from grid.network import Network

FORMATS = {".json": (pandapower_text, notes_on_pandapower), ".m": (matpower_text, notes_on_matpower)}
"""What writes a state by the ending of a file's name, and what that can't hold."""


class Exit(IntEnum):
    """What the command returns."""

    CLEAN = 0
    REMARKS = 1
    REFUSED = 2


@dataclass(frozen=True)
class Checked:
    """One file: its report, or why there is none."""

    file: str
    report: ImportReport | None
    refusal: CaseError | None

    @property
    def exit(self) -> Exit:
        """What the file alone would make the command return."""
        if self.report is None:
            return Exit.REFUSED
        return Exit.REMARKS if self.report.remarkable else Exit.CLEAN

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        if self.report is None:
            refusal = self.refusal
            fields = ("problem", "element", "field", "value")
            return {"file": self.file, "refused": {name: getattr(refusal, name) for name in fields}}
        return {**plain_report(self.report), "file": self.file}

    def words(self) -> str:
        """As a person reads it."""
        if self.report is None:
            return f"{self.refusal}\n"
        lines = [f"{self.file}: {counted(self.report.counts, self.report.out_of_service)}"]
        lines += [f"  {finding.bearing.replace('_', ' ')}: {sentence(finding)}" for finding in self.report.findings]
        return "\n".join(lines) + "\n"


def checked(spec: str) -> Checked:
    """One file or case read as the dashboard reads it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return Checked(spec, load_case(spec, Path(folder)).report, None)
        except CaseError as error:
            return Checked(spec, None, error)


def exported(spec: str, out: Path) -> Exit:
    """Write the state that a file or case describes, and print what the new file lacks; one without a solution, too."""
    if out.suffix.lower() not in FORMATS:
        print(f"{out}: write to a file that ends in .json, for pandapower, or in .m, for MATPOWER", file=sys.stderr)
        return Exit.REFUSED
    if out.resolve() == Path(spec).resolve():
        print(f"{out}: this is the file that is read; write to another one", file=sys.stderr)
        return Exit.REFUSED
    write, notes_on = FORMATS[out.suffix.lower()]
    with tempfile.TemporaryDirectory() as folder:
        try:
            case = load_case(spec, Path(folder))
            present, remarks = _described(case.network, case.report), bool(case.report.remarkable)
        except NoStateError as error:
            print(error, file=sys.stderr)
            present, remarks = _described(error.network, None), True
        except CaseError as error:
            print(error, file=sys.stderr)
            return Exit.REFUSED
    try:
        out.write_text(write(present), encoding="utf-8")
    except OSError as error:
        print(f"{out}: the file cannot be written ({error.strerror})", file=sys.stderr)
        return Exit.REFUSED
    print("\n  ".join([f"{out}: the state of {spec}", *notes_on(present)]))
    return Exit.REMARKS if remarks else Exit.CLEAN


def _described(network: Network, report: ImportReport | None) -> PresentGrid:
    """The state that a case describes. report: how its reading ended, None where it has no solution."""
    injection, closed = Injection.of_case(network), network.branch.closed
    state = None if report is None else PowerFlow(network).solve(injection, closed)
    load = network.load
    return PresentGrid(
        network=network,
        injection=injection,
        closed=closed,
        state=state,
        customers=load.customers,
        priority=load.priority,
        report=report,
    )


def main(arguments: list[str] | None = None) -> int:
    """Check files, or write one as another; prints what there is to say of it, and returns the exit code."""
    given = _parser().parse_args(arguments)
    warnings.simplefilter("ignore")  # pandapower's, of what it reads: what matters of them is in the findings
    logging.getLogger("pandapower").setLevel(logging.ERROR)
    if given.command == "export":
        return exported(given.file, given.to)
    found = [checked(spec) for spec in given.file]
    if given.json:
        print(json.dumps([one.plain() for one in found], indent=2))
    else:
        print("\n".join(one.words() for one in found), end="")
    return max(one.exit for one in found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m grid.files", description="Check and convert network files.")
    commands, file = parser.add_subparsers(dest="command", required=True), "feeder:PATH, or a case as --case names it"
    check = commands.add_parser("check", help="read files and say what was read, replaced, left out and is doubtful")
    check.add_argument("file", nargs="+", help=f"a network file, {file}")
    check.add_argument("--json", action="store_true", help="print JSON, a list with one object a file")
    export = commands.add_parser("export", help="write the state that a file describes, and say what isn't in it")
    export.add_argument("file", help=f"a network file, {file}")
    export.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="OUT",
        help="a .json for pandapower; a .m for MATPOWER, named as MATLAB names functions",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
