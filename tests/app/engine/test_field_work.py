"""How switches are worked, by the settings."""

import numpy as np
import pytest

from app.engine.field_work import field_work_of
from app.settings import Settings
from grid.network import BranchKind
from tests.cases import shared_case


def test_all_switches_are_remote_by_default() -> None:
    assert field_work_of(Settings(), shared_case("city8").network).by_hand is None


@pytest.mark.parametrize(
    ("named", "expected"), [("all", None), ("Hill Tie; Campus Line ;No such", {"Hill Tie", "Campus Line"})]
)
def test_switches_worked_by_hand_are_named(named: str, expected: set[str] | None) -> None:
    network = shared_case("city8").network
    names = set(network.branch.name) if expected is None else {n for n in network.branch.name if n in expected}
    found = field_work_of(Settings(hand_switches=named), network).by_hand
    assert found is not None
    assert {network.branch.name[branch] for branch in np.flatnonzero(found)} == names


def test_times_are_the_settings() -> None:
    network = shared_case("city8").network
    work = field_work_of(Settings(crews=3, hand_minutes=7, travel_minutes=8, repair_hours_cable=5), network)
    assert (work.crews, work.hand_minutes, work.travel_minutes) == (3, 7.0, 8.0)
    assert work.repair_hours[BranchKind.CABLE] == 5.0
