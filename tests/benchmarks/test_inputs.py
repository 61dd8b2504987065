"""Inputs that are drawn by chance: the same each time, and the judges' own words of what is right."""

from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.inputs import KINDS
from tests.benchmarks.inputs_columns import LEAKS, _possible
from tests.benchmarks.inputs_matpower import ISOLATED, drawn_case
from tests.benchmarks.inputs_outcome import Kind, Outcome, Rng, Verdict


def test_names_are_one_kind_each_with_fifty_inputs_at_least() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert min(kind.inputs for kind in KINDS) >= 50


@pytest.mark.parametrize("name", ["dates", "two-columns", "clocks", "leak-3"])
def test_an_input_is_the_same_each_time(name: str) -> None:
    kind = next(kind for kind in KINDS if kind.name == name)
    assert kind.outcome(3) == kind.outcome(3)
    assert kind.outcome(3).verdict is not Verdict.WRONG


@pytest.mark.parametrize("seed", range(5))
def test_what_a_drawn_case_feeds_in_is_what_it_takes_and_loses(seed: int) -> None:
    case = drawn_case(np.random.default_rng(seed))
    assert not (case.bus[:, 1] == ISOLATED).any()
    lost = case.gen[:, 1].sum() - case.bus[:, 2].sum() - (case.bus[:, 4] * np.abs(case.voltage) ** 2).sum()
    assert lost > 0
    assert all(0.8 < vm_pu < 1.2 for vm_pu in case.solved().vm_pu.values())


def test_which_orders_dates_may_have() -> None:
    words = ["04/03/2020 10:00", "07/12/2021 10:00"]
    assert _possible(words, ["d", "m", "y"])
    assert _possible(words, ["m", "d", "y"])
    assert not _possible(words, ["y", "m", "d"])
    assert not _possible([*words, "13/01/2021"], ["m", "d", "y"])
    assert _possible(["13/01/24"], ["y", "m", "d"])


@pytest.mark.parametrize("kind", LEAKS)
def test_what_knows_the_outcome_does(kind: str) -> None:
    rng = np.random.default_rng(1)
    failed = rng.random(4000) < 0.1
    for values in LEAKS[kind](rng, failed).values():
        known = np.nan_to_num(values.astype(float))
        assert known[failed].mean() > 3 * known[~failed].mean()


def test_a_crash_is_wrong() -> None:
    def crash(rng: Rng, folder: Path) -> Outcome:
        raise FloatingPointError(f"at {folder.name}, {rng.random()}")

    found = Kind(name="broken", words="", judge="", inputs=50, tried=crash).outcome(0)
    assert found.verdict is Verdict.WRONG
    assert found.said.startswith("FloatingPointError: at ")
