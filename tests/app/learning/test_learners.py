"""Learners are loaded one after the other, whoever asks them at the same time."""

import subprocess
import sys
import threading
from pathlib import Path

from app.learning.failure_models import FailureModelLearner
from app.learning.requests import AskModels, BeginModels
from tests.paths import ROOT

AT_ONCE = """
import threading
from app.learning.learners import Learners
from app.learning.requests import AskModels, TrainSeries, TrainPolicy
from datetime import datetime
together, learners, failures = threading.Barrier(3), Learners(), []
def ask(request):
    together.wait()
    try:
        learners.answer(request)
    except LookupError:  # nothing has been begun with: the learner is there
        pass
    except BaseException as error:
        failures.append(repr(error))
asked = AskModels(), TrainSeries(now=datetime(2026, 1, 1)), TrainPolicy(most_s=1, operating_point=None, risk_weight=0)
threads = [threading.Thread(target=ask, args=(one,)) for one in asked]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(failures)
"""


def test_learners_that_are_first_asked_at_once_are_all_whole() -> None:
    found = subprocess.run([sys.executable, "-c", AT_ONCE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_training_that_begins_while_all_ends_does_not_go_on(tmp_path: Path) -> None:
    learner = FailureModelLearner()
    learner.stop()
    learner.answer(BeginModels(folder=tmp_path / "models", seed=1, fleets=1, assets=20))
    for thread in [one for one in threading.enumerate() if one.name == "fleets"]:
        thread.join(60.0)
        assert not thread.is_alive()
    assert learner.answer(AskModels()).card is None
    assert not (tmp_path / "models").exists()
