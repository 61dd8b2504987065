"""Training of the failure models in a process of its own, so that it takes no time from cycles and answers."""

import json
import logging
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from app.settings import Settings

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
NICENESS = 10
LAST_WORDS = 400  # characters of an error that are kept
STOP_S = 5.0


class FleetTraining:
    """`python -m ml.maintenance.fleet.training` under way. Owned by one thread; stop may be called from any."""

    def __init__(self, settings: Settings) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix="smartgrid-models-"))
        self.folder = self._scratch / "models"  # where the trained models are, apart from where they are kept
        self.step, self.steps, self.words, self.failure = 0, 0, "Starting", ""
        self.running = True
        self._lines: queue.Queue[str | None] = queue.Queue()
        command = [
            sys.executable,
            "-m",
            "ml.maintenance.fleet.training",
            str(self.folder),
            "--seed",
            str(settings.seed),
            "--fleets",
            str(settings.training_fleets),
            "--assets",
            str(settings.training_assets),
        ]
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(  # noqa: S603 our own module and settings
            command, cwd=ROOT, env=os.environ | threads, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, NICENESS)
        self._reader = threading.Thread(target=self._read, name="training", daemon=True)
        self._reader.start()
        log.info("training of failure models begins")

    def news(self) -> bool:
        """Take in what the process has said since; whether there was anything."""
        heard = False
        while self.running and not self._lines.empty():
            line, heard = self._lines.get(), True
            if line is None:
                self._finish()
            else:
                self._hear(line)
        return heard

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join(STOP_S)
        self.clean_up()

    def clean_up(self) -> None:
        """Remove the files; nothing is left of a training that is over."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 it is a pipe
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._process.wait()
        self._lines.put(None)

    def _hear(self, line: str) -> None:
        try:
            said = json.loads(line)
            self.step, self.steps, self.words = said["step"], said["steps"], said["words"]
        except (ValueError, KeyError, TypeError):  # a warning or an error of the process
            self.failure = (self.failure + line)[-LAST_WORDS:]

    def _finish(self) -> None:
        self.running = False
        if self._process.returncode == 0:
            self.failure = ""
            log.info("training of failure models is done")
        else:
            self.failure = self.failure.strip() or f"exit code {self._process.returncode}"
            log.warning("training of failure models failed: %s", self.failure)
