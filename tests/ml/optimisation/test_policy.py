"""A policy's file: all or nothing, read back bit by bit, refused where one byte is amiss; deciding imports no torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ml.optimisation.optimizer import SmartGridOptimizer
from ml.optimisation.plans.plan import Requirements
from ml.optimisation.policy import FILE, RECORD, LearnedPolicy, PolicyError
from ml.optimisation.training import LearningOptimizer, parameters_for
from tests.ml.operating_points import network_of, operating_point_at
from tests.paths import ROOT

ABOUT: dict[str, object] = {"case": "city8", "grid": "1a2b"}


def policy() -> LearnedPolicy:
    rng = np.random.default_rng(1)
    weights = {"a.weight": rng.standard_normal((3, 4)).astype(np.float32).T, "b": np.array(2.5)}
    return LearnedPolicy(weights=weights, about=ABOUT, parameters={"steps": 7, "learning_rate": 1e-3}, episodes=5)


def test_what_is_read_is_what_was_saved(tmp_path: Path) -> None:
    saved = policy()
    saved.save(tmp_path / "new")
    assert [file.name for file in (tmp_path / "new").iterdir()] == [FILE]
    found = LearnedPolicy.read(tmp_path / "new", ABOUT)
    assert (found.about, found.parameters, found.episodes) == (ABOUT, saved.parameters, 5)
    assert set(found.weights) == set(saved.weights)
    for name, weight in saved.weights.items():
        assert found.weights[name].dtype == weight.dtype
        np.testing.assert_array_equal(found.weights[name], weight)


def test_none_and_one_of_something_else_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LearnedPolicy.read(tmp_path, ABOUT)
    policy().save(tmp_path)
    with pytest.raises(PolicyError, match=r"the policy is of .*1a2b.*, not .*9z"):
        LearnedPolicy.read(tmp_path, ABOUT | {"grid": "9z"})


def test_no_damage_goes_unseen(tmp_path: Path) -> None:
    """Any byte changed, or any rest missing: refused, or what is read is the same (a byte that archives don't use)."""
    policy().save(tmp_path)
    whole, rng = (tmp_path / FILE).read_bytes(), np.random.default_rng(2)
    refused = 0
    for place in rng.integers(len(whole), size=300).tolist():
        content = bytearray(whole)
        content[place] ^= int(rng.integers(1, 256))
        (tmp_path / FILE).write_bytes(bytes(content))
        try:
            found = LearnedPolicy.read(tmp_path, ABOUT)
        except PolicyError as error:
            refused += str(tmp_path) in str(error)
        else:
            assert found.episodes == 5
            for name, weight in policy().weights.items():
                np.testing.assert_array_equal(found.weights[name], weight)
    assert refused > 150
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        (tmp_path / FILE).write_bytes(whole[:length])
        with pytest.raises(PolicyError, match="damaged"):
            LearnedPolicy.read(tmp_path, ABOUT)


def test_a_record_or_weights_of_another_file_and_a_pickle_are_refused(tmp_path: Path) -> None:
    policy().save(tmp_path)
    with np.load(tmp_path / FILE) as arrays:
        kept = {name: arrays[name] for name in arrays.files}
    for changed in (
        kept | {"b": np.array(2.6)},
        kept | {"c": np.array(1.0)},
        {name: array for name, array in kept.items() if name != "b"},
        {name: array for name, array in kept.items() if name != RECORD},
        kept | {RECORD: _amended(kept[RECORD], episodes=6)},
        kept | {"b": np.array([{"a": 1}], dtype=object)},
    ):
        np.savez(tmp_path / FILE, allow_pickle=True, **changed)  # type: ignore[arg-type]
        with pytest.raises(PolicyError, match="damaged"):
            LearnedPolicy.read(tmp_path, ABOUT)


def _amended(record: np.ndarray, **changes: object) -> np.ndarray:
    return np.frombuffer(json.dumps(json.loads(record.tobytes()) | changes).encode(), dtype=np.uint8)


@pytest.mark.parametrize("case", ["city8", "case14"])
def test_what_decides_reads_what_training_keeps(case: str, tmp_path: Path) -> None:
    network = network_of(case)
    learning = LearningOptimizer(network, np.full(network.n_branch, 0.01), parameters_for(network, 9, 9, 1))
    for _ in range(2):
        learning.train_episode()
    learning.take_over()
    learning.save(tmp_path)
    deciding = SmartGridOptimizer(network)
    deciding.use_kept(tmp_path)
    operating_point = operating_point_at(network, level=0.9)
    one, other = (each.propose(operating_point, Requirements(risk_weight=0.0)) for each in (learning, deciding))
    assert "2 episodes" in other.policy
    assert one.policy == other.policy
    assert (one.plan is None) == (other.plan is None)
    if one.plan is not None and other.plan is not None:
        assert one.plan.code == other.plan.code
    other_grid = SmartGridOptimizer(network_of("case33bw" if case == "city8" else "case30"))
    with pytest.raises(FileNotFoundError):
        other_grid.use_kept(tmp_path)
    with pytest.raises(PolicyError):
        SmartGridOptimizer(network_of("case30" if case == "city8" else "city8")).use(
            LearnedPolicy.read(learning.folder(tmp_path), learning.about)
        )


@pytest.mark.long
def test_what_decides_imports_neither_torch_nor_skops() -> None:
    """A process of its own proposes for a radial and a meshed grid."""
    code = """
import sys
from pathlib import Path
import numpy as np
import ml.optimisation.optimizer as door
from grid.cases.cases import load_case
from grid.flow.powerflow import Injection
from ml.optimisation.plans.plan import Requirements
from ml.optimisation.plans.verification import OperatingPoint
for name in ("city8", "case14"):
    network = load_case(name, Path("var")).network
    branch = network.branch
    now = OperatingPoint(Injection.of_case(network), branch.closed, branch.in_service, np.full(len(branch), 0.01), 1, 1)
    assert door.SmartGridOptimizer(network).propose(now, Requirements()).methods
assert not {"torch", "skops"} & set(sys.modules), sorted({"torch", "skops"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
