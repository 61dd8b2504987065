"""FleetTraining: the training of failure models, in a process that gives all its memory back when it is over."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from ml.maintenance.fleet.training import FITTED, FleetPlan
from ml.maintenance.records import FleetStep, FleetStepKind

ROOT = Path(__file__).resolve().parents[2]
LAST_WORDS = 400  # characters of an error that are kept


class FleetTraining:
    """`python -m ml.maintenance.fleet.training`, which ends with us. Owned by one thread; stop is for any."""

    def __init__(self, plan: FleetPlan) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix="smartgrid-models-"))
        self.folder = self._scratch / "models"  # where the trained models are, apart from where they are kept
        fleets = str(plan.fleets[FITTED])
        asked = ["--seed", str(plan.seed), "--fleets", fleets, "--assets", str(plan.assets), "--until-end-of-input"]
        self._process = subprocess.Popen(  # noqa: S603 our own module and settings
            [sys.executable, "-m", "ml.maintenance.fleet.training", str(self.folder), *asked],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, progress: Callable[[int, FleetStep], None]) -> None:
        """Until it is over. progress hears of each step and what it does. Raises RuntimeError with its last words."""
        assert self._process.stdout is not None  # noqa: S101 it is a pipe
        words = ""
        with self._process.stdout as lines:
            for line in lines:
                try:
                    said = json.loads(line)
                    doing = FleetStep(kind=FleetStepKind(said["kind"]), number=said["number"], of=said["of"])
                    progress(said["step"], doing)
                except (ValueError, KeyError, TypeError):  # a warning or an error of the process
                    words = (words + line)[-LAST_WORDS:]
        if self._process.wait():
            raise RuntimeError(words.strip() or f"exit code {self._process.returncode}")

    def stop(self) -> None:
        """End it, and remove its files."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        shutil.rmtree(self._scratch, ignore_errors=True)
