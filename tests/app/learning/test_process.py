"""The process that learns: it answers, is started again, and ends with whoever started it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.engine.quality import ProblemCause
from app.learning.process import LearningDownError, LearningProcess
from app.learning.requests import AskModels, BeginModels, BeginPolicy, ReloadModels, TrainPolicy
from app.wire import Asked, Wire, survives_the_wire
from grid.flow.powerflow import Injection
from ml.maintenance.records import ModelFileError
from ml.optimisation.plans.verification import OperatingPoint
from tests.app.processes import gone
from tests.app.rig import wait_for
from tests.cases import shared_case
from tests.paths import ROOT


@pytest.fixture
def process() -> Iterator[LearningProcess]:
    found = LearningProcess(niceness=0)  # other tests keep the cores busy
    found.start()
    assert wait_for(lambda: found.generation == 1)
    yield found
    found.stop()


def begin_policy(folder: Path) -> BeginPolicy:
    network = shared_case("city8").network
    probability = np.full(network.n_branch, 0.01)
    return BeginPolicy(
        network=network,
        failure_probability=probability,
        switching_episodes=2,
        dispatch_episodes=2,
        seed=1,
        cache_dir=folder,
    )


def operating_point() -> OperatingPoint:
    network = shared_case("city8").network
    return OperatingPoint(
        injection=Injection.of_case(network),
        closed=network.branch.closed,
        available=network.branch.in_service,
        failure_probability=np.full(network.n_branch, 0.01),
        loss_hours_per_year=4000.0,
        price_per_mwh=80.0,
    )


def begin_models(folder: Path, fleets: int = 0) -> BeginModels:
    return BeginModels(folder=folder, seed=1, fleets=fleets, assets=20)


def test_a_policy_learns_there_and_is_kept(process: LearningProcess, tmp_path: Path) -> None:
    begun = process.ask(begin_policy(tmp_path))
    assert (begun.episodes, begun.wanted) == (0, 2)
    now = operating_point()
    news = process.ask(TrainPolicy(most_s=60, operating_point=now, risk_weight=0.05))
    assert (news.episodes, news.not_kept) == (2, "")
    assert any(not np.array_equal(weight, begun.policy.weights[name]) for name, weight in news.policy.weights.items())
    assert list(tmp_path.rglob("policy.npz"))
    later = process.ask(TrainPolicy(most_s=60, operating_point=now, risk_weight=0.05))
    assert later.episodes == 3


def test_what_a_learner_raises_arrives_as_it_is(process: LearningProcess, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError) as refused:
        process.ask(ReloadModels(folder=tmp_path / "nothing"))
    assert refused.value.file == tmp_path / "nothing" / "metadata.json"
    with pytest.raises(LookupError, match="no network"):
        process.ask(TrainPolicy(most_s=1, operating_point=None, risk_weight=0.0))  # type: ignore[arg-type]
    assert process.ask(AskModels()).card is None  # and it goes on


def test_killed_it_says_so_and_comes_back_by_itself(process: LearningProcess, tmp_path: Path) -> None:
    first = process.pid
    assert first is not None
    process.ask(begin_models(tmp_path))
    os.kill(first, signal.SIGKILL)
    assert wait_for(lambda: process.generation == 0 and bool(process.health.problems))
    (problem,) = process.health.problems
    assert (problem.cause, problem.number, problem.detail) == (ProblemCause.LEARNING_DOWN, -9, "")
    assert process.health.last_failure == "exit code -9"
    with pytest.raises(LearningDownError):
        process.ask(AskModels())
    assert wait_for(lambda: process.generation == 2)
    assert process.health.problems == ()
    assert process.pid != first
    assert process.ask(AskModels()).card is None


def test_who_waits_for_an_answer_is_told_when_there_will_be_none(process: LearningProcess, tmp_path: Path) -> None:
    process.ask(begin_policy(tmp_path))
    heard: list[BaseException] = []
    asked = threading.Event()

    def ask() -> None:
        asked.set()
        try:
            while True:  # episodes after the first training come one at a time
                process.ask(TrainPolicy(most_s=60, operating_point=operating_point(), risk_weight=0.0))
        except LearningDownError as error:
            heard.append(error)

    waiting = threading.Thread(target=ask, daemon=True)
    waiting.start()
    asked.wait()
    process.stop()
    waiting.join(30)
    assert len(heard) == 1
    assert process.pid is not None
    assert gone(process.pid)


def test_who_asks_while_it_is_being_ended_is_told_so(process: LearningProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    send = Wire.send

    def just_before(wire: Wire, message: Asked) -> None:
        process.stop()
        send(wire, message)

    monkeypatch.setattr(Wire, "send", just_before)
    with pytest.raises(LearningDownError, match="is gone"):
        process.ask(AskModels())


def test_who_can_wait_for_so_long_only_goes_on_without_an_answer(process: LearningProcess) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(LearningDownError, match="hasn't answered"):
            process.ask(AskModels(), most_s=0.2)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    assert process.ask(AskModels()).card is None


PARENT = """
import sys, time
from app.learning.process import LearningProcess
process = LearningProcess(niceness=0)
process.start()
while not process.generation:
    time.sleep(0.05)
print(process.pid, flush=True)
time.sleep(600)
"""


def test_it_ends_with_a_parent_that_was_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as said:
        child = int(said.readline())
    assert not gone(child)
    parent.kill()
    parent.wait()
    assert wait_for(lambda: gone(child))


def test_it_ends_with_its_parent_while_it_still_loads_libraries() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "app.learning", "0", "INFO"]
    ended = subprocess.run(command, cwd=ROOT, input=b"", capture_output=True, check=False)  # its input has ended
    loaded = {line.rpartition("|")[2].strip() for line in ended.stderr.decode().splitlines()}
    assert (ended.returncode, ended.stdout) == (0, b"")
    assert "app.wire" in loaded
    assert "app.learning.learners" not in loaded


def test_it_gives_way_to_everybody_else() -> None:
    process = LearningProcess()
    process.start()

    def gives_way() -> bool:
        if process.pid is None:
            return False
        return os.getpriority(os.PRIO_PROCESS, process.pid) >= os.getpriority(os.PRIO_PROCESS, 0) + 10

    try:
        assert wait_for(gives_way)  # before it loads what takes time
    finally:
        process.stop()


def test_an_error_that_cannot_travel_keeps_its_words() -> None:
    class OnlyHereError(Exception):
        pass

    arrived = survives_the_wire(OnlyHereError("a lock is held"))
    assert str(arrived) == "OnlyHereError: a lock is held"
    same = survives_the_wire(ModelFileError(Path("models"), "is damaged"))
    assert (type(same), str(same)) == (ModelFileError, "models: is damaged")


def test_a_process_that_cannot_start_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/nowhere/python")
        process = LearningProcess(niceness=0)
        process.start()
        assert wait_for(lambda: bool(process.health.problems))
        (problem,) = process.health.problems
        assert "/nowhere/python" in problem.detail
        assert np.isnan(problem.number)
    try:
        assert wait_for(lambda: process.generation > 0)
        assert process.health.problems == ()
    finally:
        process.stop()


HEAVY = "torch skops sklearn xgboost pvlib holidays"
IMPORTS = f"""
import sys
import app.shell.server
found = [name for name in "{HEAVY}".split() if name in sys.modules]
sys.exit(f"loaded: {{found}}" if found else 0)
"""


@pytest.mark.long
def test_the_process_that_answers_loads_nothing_that_learns() -> None:
    found = subprocess.run([sys.executable, "-c", IMPORTS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
