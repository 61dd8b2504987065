"""Datasets of power-grid-model: the state is the one that it calculates itself."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from power_grid_model import PowerGridModel
from power_grid_model.utils import json_deserialize

from grid.errors import CaseError
from grid.files.fileimport import read_net
from grid.files.findings import What
from tests.grid.files.judged import angle_gap, refusal, solved

BOTH = {"from_status": 1, "to_status": 1}
LINE = {"r1": 0.4, "x1": 0.3, "c1": 4e-7, "tan1": 0.01, "r0": 1.0, "x0": 1.0, "c0": 1e-7, "tan0": 0.0, "i_n": 300.0}
TRANSFORMER = {
    "u1": 112_000.0, "u2": 10_600.0, "sn": 40e6, "uk": 0.12, "pk": 150e3, "i0": 0.004, "p0": 30e3, "winding_from": 1,
    "winding_to": 2, "clock": 5, "tap_side": 0, "tap_pos": 4, "tap_min": 11, "tap_max": 1, "tap_nom": 6,
    "tap_size": 2000.0,
}  # fmt: skip
GRID: dict[str, Any] = {
    "version": "1.0",
    "type": "input",
    "is_batch": False,
    "attributes": {"node": ["id", "u_rated"]},
    "data": {
        "node": [[1, 110e3], [2, 10.5e3], [30, 10.5e3], [4, 10.5e3], [5, 10.5e3], [6, 400.0]],
        "line": [
            {"id": 11, "from_node": 2, "to_node": 30, **BOTH, **LINE},
            {"id": 12, "from_node": 30, "to_node": 4, **BOTH, **LINE},
            {"id": 13, "from_node": 4, "to_node": 2, "from_status": 1, "to_status": 0, **LINE},
        ],
        "generic_branch": [
            {"id": 18, "from_node": 2, "to_node": 4, **BOTH, "r1": 0.5, "x1": 1.0, "g1": 1e-6, "b1": 2e-5,
             "k": 1.01, "theta": 0.01}
        ],
        "link": [{"id": 14, "from_node": 30, "to_node": 5, **BOTH}],
        "transformer": [
            {"id": 15, "from_node": 1, "to_node": 2, **BOTH, **TRANSFORMER},
            {"id": 16, "from_node": 5, "to_node": 6, **BOTH, **TRANSFORMER, "u1": 10.5e3, "u2": 420.0, "sn": 630e3,
             "uk": 0.04, "pk": 6e3, "p0": 900.0, "tap_side": 1, "tap_size": 5.0,
             "uk_min": 0.045, "uk_max": 0.038, "pk_max": 6.5e3},
        ],
        "sym_load": [
            {"id": 21, "node": 30, "status": 1, "type": 0, "p_specified": 2e6, "q_specified": 0.5e6},
            {"id": 22, "node": 4, "status": 1, "type": 1, "p_specified": 1e6, "q_specified": 0.3e6},
            {"id": 23, "node": 6, "status": 1, "type": 2, "p_specified": 2e5, "q_specified": 5e4},
            {"id": 24, "node": 6, "status": 0, "type": 0, "p_specified": 9e6, "q_specified": 5e4},
        ],
        "sym_gen": [{"id": 25, "node": 5, "status": 1, "type": 0, "p_specified": 5e5, "q_specified": 1e5}],
        "source": [{"id": 26, "node": 1, "status": 1, "u_ref": 1.03, "sk": 1e9, "rx_ratio": 0.2}],
        "shunt": [{"id": 27, "node": 2, "status": 1, "g1": 1e-5, "b1": 2e-3, "g0": 0.0, "b0": 0.0}],
    },
}  # fmt: skip


def write(folder: Path, content: object, name: str = "grid.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_state_is_the_one_that_it_calculates(tmp_path: Path) -> None:
    """Taps at either side, a vector group, a line open at one end, a link, loads of all kinds, a source's impedance."""
    path = write(tmp_path, GRID)
    model = PowerGridModel(json_deserialize(path.read_text()))
    result = model.calculate_power_flow(symmetric=True, error_tolerance=1e-10, max_iterations=50)
    net, found = solved(path)
    node, nodes = result["node"], len(GRID["data"]["node"])
    assert_allclose(net.res_bus.vm_pu[:nodes], node["u_pu"], atol=1e-6)
    assert angle_gap(net.res_bus.va_degree[:nodes].to_numpy(), np.rad2deg(node["u_angle"])) < 1e-4
    own_loss = net.res_line.pl_mw[net.line.name == "Source 26, impedance"].sum()
    assert net.res_ext_grid.p_mw.sum() - own_loss == pytest.approx(result["source"]["p"].sum() / 1e6, abs=1e-3)
    assert net.bus.name[:3].tolist() == ["Node 1", "Node 2", "Node 30"]
    assert What.ELEMENT_NOT_READ not in found
    assert found[What.BRANCH_SHUNT].elements[0] == "Line 11"


def test_what_is_not_read_is_counted(tmp_path: Path) -> None:
    content = deepcopy(GRID)
    content["data"]["asym_load"] = [{"id": 50, "node": 2}]
    content["data"]["sym_voltage_sensor"] = [{"id": 51, "measured_object": 2}, {"id": 52, "measured_object": 2}]
    _, found = solved(write(tmp_path, content))
    assert found[What.ELEMENT_NOT_READ].elements == ("asym_load (1)",)
    assert found[What.FIELD_NOT_READ].elements == ("sym_voltage_sensor (2)",)


BROKEN: dict[str, tuple[str, int, str, Any, str]] = {
    "word": ("line", 0, "r1", "low", 'line 11, r1 = "low": this is not a number'),
    "nothing": ("line", 0, "x1", None, "line 11, x1 = null: this is not a number"),
    "unknown node": ("line", 1, "to_node", 77, "line 12, to_node = 77: there is no node of this id"),
    "loop": ("link", 0, "to_node", 30, "link 14, to_node = 30: from_node and to_node are the same"),
    "status 2": ("sym_load", 0, "status", 2, "sym_load 21, status = 2"),
    "type 3": ("sym_load", 0, "type", 3, "sym_load 21, type = 3"),
    "no power": ("transformer", 0, "sn", 0, "transformer 15, sn = 0"),
    "tap beyond": ("transformer", 0, "tap_pos", 100, "transformer 15, tap_pos = 100: at this tap"),
    "no voltage": ("source", 0, "u_ref", 0, "source 26, u_ref = 0"),
}


@pytest.mark.parametrize("wrong", BROKEN)
def test_broken_dataset_is_named(tmp_path: Path, wrong: str) -> None:
    kind, row, field, value, message = BROKEN[wrong]
    content = deepcopy(GRID)
    content["data"][kind][row][field] = value
    with pytest.raises(CaseError) as caught:
        read_net(write(tmp_path, content, "broken.json"))
    assert str(caught.value).startswith("broken.json: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"is_batch": True}, "one input"),
        ({"type": "update"}, "one input"),
        ({"data": []}, "one input"),
        ({"data": {}}, "at least one node"),
        ({"data": {"node": 3}}, "components are a list"),
        ({"data": {"node": [3]}}, "a component looks like"),
        ({"data": {"node": [[1, 2, 3]]}}, "each row has 2 values"),
        ({"data": {"node": [[1, 1e3], [1, 1e3]]}}, "each id must be unique"),
    ],
)
def test_dataset_of_another_shape(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    with pytest.raises(CaseError, match=problem):
        read_net(write(tmp_path, {**GRID, **change}))


@pytest.mark.long
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_attribute_may_hold_anything(tmp_path: Path, data: st.DataObject) -> None:
    content = deepcopy(GRID)
    kind = data.draw(st.sampled_from(sorted(set(GRID["data"]) - {"node"})))
    record = data.draw(st.sampled_from(content["data"][kind]))
    field = data.draw(st.sampled_from(sorted(record)))
    record[field] = data.draw(
        st.sampled_from([None, True, "", "x", [], {}, -1, 0, 1e400, float("nan"), 10**400, 1e300])
    )
    message = refusal(write(tmp_path, content, "odd.json"))
    assert message == "" or message.startswith("odd.json: ")
