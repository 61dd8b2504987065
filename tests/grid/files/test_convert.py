"""Base states that are hard to find: the right one is known from how the grids are drawn."""

import pytest

from tests.benchmarks.inputs_matpower import KINDS
from tests.benchmarks.inputs_outcome import Verdict

BY_NAME = {kind.name: kind for kind in KINDS}


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("vg", 11),  # pandapower ends in a state with 0.32 p.u., where there is one with 0.94
        ("x0-matpower", 16),  # no power flow ends anywhere but the one that load leads to as it grows
    ],
)
def test_the_state_that_operation_has_is_found(name: str, index: int) -> None:
    found = BY_NAME[name].outcome(index)
    assert found.verdict is Verdict.RIGHT, found.said
