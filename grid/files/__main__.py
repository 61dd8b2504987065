"""Command line: `python -m grid.files check FILE ... [--json]`: how the reading of network files ends.

Nothing is started or kept. Exit codes: 0 where every file is read with nothing to remark, 1 where there are remarks, 2
where a file is refused.
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
from grid.files.findings import ImportReport
from grid.files.report import counted, plain_report, sentence


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


def main(arguments: list[str] | None = None) -> int:
    """Check files and print how their reading ends; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m grid.files", description="Check network files.")
    command = parser.add_subparsers(dest="command", required=True).add_parser(
        "check", help="read files and say what was read, replaced, left out and is doubtful"
    )
    command.add_argument("file", nargs="+", help="a network file, feeder:PATH, or a case as --case names it")
    command.add_argument("--json", action="store_true", help="print JSON, a list with one object a file")
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # pandapower's, of what it reads: what matters of them is in the findings
    logging.getLogger("pandapower").setLevel(logging.ERROR)
    found = [checked(spec) for spec in given.file]
    if given.json:
        print(json.dumps([one.plain() for one in found], indent=2))
    else:
        print("\n".join(one.words() for one in found), end="")
    return max(one.exit for one in found)


if __name__ == "__main__":
    sys.exit(main())
