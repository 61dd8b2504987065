"""Network files: good ones come through unchanged, broken ones are named, harmful ones are refused unread."""

import json
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pandapower
import pytest
from numpy.testing import assert_allclose
from pandapower.auxiliary import pandapowerNet
from pandapower.control import DiscreteTapControl
from pandapower.networks import case9, create_cigre_network_mv, example_multivoltage, example_simple

from grid.cases.cases import load_file
from grid.errors import CaseError
from grid.files.declared import MOST_VALUES
from grid.files.fileimport import read_net

Change = Callable[[pandapowerNet], object]


def save(folder: Path, net: pandapowerNet, name: str = "net.json") -> Path:
    """A net written as pandapower writes it."""
    path = folder / name
    pandapower.to_json(net, str(path))
    return path


def put(table: str, index: int, field: str, value: Any) -> Change:
    """A change that sets one entry of one table."""

    def change(net: pandapowerNet) -> None:
        net[table][field] = net[table][field].astype(object) if field in net[table] else None
        net[table].at[index, field] = value

    return change


def drop(table: str, field: str) -> Change:
    """A change that takes a column away."""
    return lambda net: net[table].drop(columns=field, inplace=True)


@pytest.mark.parametrize("make", [case9, create_cigre_network_mv, example_simple, example_multivoltage])
def test_json_round_trip(tmp_path: Path, make: Callable[[], pandapowerNet]) -> None:
    net = make()
    back = read_net(save(tmp_path, net), name="Mine")
    pandapower.runpp(net)
    pandapower.runpp(back)
    assert_allclose(back.res_bus.vm_pu, net.res_bus.vm_pu, atol=1e-12)
    assert back.res_line.pl_mw.sum() == pytest.approx(net.res_line.pl_mw.sum(), abs=1e-9)
    assert back.name == "Mine"


def test_controllers_pass_and_name_comes_from_the_file(tmp_path: Path) -> None:
    net = example_simple()
    DiscreteTapControl(net, 0, vm_lower_pu=0.98, vm_upper_pu=1.02)
    net.name = ""
    back = read_net(save(tmp_path, net, "my grid.JSON"))
    assert len(back.controller) == 1
    assert back.name == "my grid"


def test_series_capacitor_and_equivalent_are_accepted(tmp_path: Path) -> None:
    net = case9()
    net.line.loc[2, ["r_ohm_per_km", "x_ohm_per_km"]] = [0.0, -5.0]
    pandapower.create_impedance(net, 3, 5, rft_pu=-0.01, xft_pu=0.9, sn_mva=100)
    assert len(read_net(save(tmp_path, net)).impedance) == 1


def no_source(net: pandapowerNet) -> None:
    """Takes the source and the generators out of service."""
    net.ext_grid["in_service"] = net.gen["in_service"] = False


BROKEN: dict[str, tuple[Change, str, str]] = {
    "negative length": (put("line", 0, "length_km", -1.0), 'line 0 "Line 1"', "length_km = -1.0"),
    "negative rating": (put("line", 1, "max_i_ka", -0.3), 'line 1 "Line 2"', "max_i_ka = -0.3"),
    "empty reactance": (put("line", 1, "x_ohm_per_km", None), 'line 1 "Line 2"', "x_ohm_per_km = empty"),
    "word for a number": (put("line", 1, "x_ohm_per_km", "low"), 'line 1 "Line 2"', "x_ohm_per_km = 'low'"),
    "unknown bus of line": (put("line", 2, "to_bus", 99), 'line 2 "Line 3"', "to_bus = 99"),
    "unknown bus of load": (put("load", 0, "bus", 77), "load 0", "bus = 77"),
    "unknown bus of trafo": (put("trafo", 0, "lv_bus", 77), "trafo 0", "lv_bus = 77"),
    "no load power": (put("load", 0, "p_mw", None), "load 0", "p_mw = empty"),
    "bus voltage 0": (put("bus", 1, "vn_kv", 0.0), "bus 1", "vn_kv = 0.0"),
    "trafo rating 0": (put("trafo", 0, "sn_mva", 0.0), "trafo 0", "sn_mva = 0.0"),
    "trafo vk below vkr": (put("trafo", 0, "vk_percent", 0.1), "trafo 0", "vk_percent = 0.1"),
    "set point": (put("gen", 0, "vm_pu", -1.0), "gen 0", "vm_pu = -1.0"),
    "unknown switched line": (put("switch", 4, "element", 55), "switch 4", "element = 55"),
    "unknown switch kind": (put("switch", 4, "et", "x"), "switch 4", "et = x"),
    "service neither": (put("load", 0, "in_service", "maybe"), "load 0", "in_service = maybe"),
    "priority of 0": (
        put("load", 0, "priority", 0.0),
        "load 0",
        "priority = 0.0: a priority of supply is from 0.01 to 1000",
    ),
    "priority too high": (put("load", 0, "priority", 1e9), "load 0", "priority = 1000000000.0: a priority"),
    "priority in words": (put("load", 0, "priority", "high"), "load 0", "priority = 'high': this is not a number"),
    "customers below 0": (put("load", 0, "customers", -3.0), "load 0", "customers = -3.0"),
    "constant impedance below 0": (put("load", 0, "const_z_p_percent", -20.0), "load 0", "const_z_p_percent = -20.0"),
    "constant current over 100 %": (put("load", 0, "const_i_q_percent", 120.0), "load 0", "together at most 100 %"),
    "no source": (no_source, "ext_grid", "source"),
    "no such column": (drop("line", "length_km"), "line", "length_km"),
    "no buses": (lambda net: net.bus.drop(net.bus.index, inplace=True), "bus", "at least one bus"),
    "dc line without voltage": (
        lambda net: pandapower.create_dcline(net, 0, 1, 1, 0, 0, 0, 1),
        "dcline 0",
        "vm_from_pu = 0.0",
    ),
    "static compensator": (
        lambda net: pandapower.create_svc(net, 0, 1, -1, 1.0, 90),
        "svc 0",
        "not supported",
    ),
    "line to itself": (put("line", 0, "to_bus", 0), "line 0", "to_bus = 0"),
}


@cache
def simple_net() -> pandapowerNet:
    """Built once: to be copied, not changed."""
    return example_simple()


@pytest.mark.parametrize("wrong", BROKEN)
def test_broken_net_is_named(tmp_path: Path, wrong: str) -> None:
    """Each message names the file, the element, the field and the value."""
    change, element, detail = BROKEN[wrong]
    net = deepcopy(simple_net())
    change(net)
    with pytest.raises(CaseError) as caught:
        load_file(save(tmp_path, net, "broken.json"), tmp_path)
    message = str(caught.value)
    assert message.startswith("broken.json: ")
    assert caught.value.file == "broken.json"
    assert element in caught.value.element
    assert detail in message


def test_bus_number_twice(tmp_path: Path) -> None:
    path = save(tmp_path, case9())
    path.write_text(path.read_text().replace('\\"index\\":[0,1,2,3,4,5,6,7,8]', '\\"index\\":[0,1,2,3,4,5,6,7,7]'))
    with pytest.raises(CaseError, match=r"bus 7.*twice"):
        load_file(path, tmp_path)


@pytest.mark.filterwarnings("ignore:This net is saved in older format:DeprecationWarning")
@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("empty.json", b" \n", "empty"),
        ("cut.json", b'{"_module": "pandapower.auxiliary", "_obj', "cut off"),
        ("list.json", b"[1, 2]", "not a network"),
        ("other.json", b'{"rows": 3}', "not a network"),
        ("named.json", b'{"bus": 3}', "network"),
        ("binary.json", b"\x93NUMPY\x01\x00v\x00", "binary"),
        ("latin.json", b'{"name": "\xe9"}', "UTF-8"),
        ("deep.json", b"[" * 100_000, "nested"),
        ("binary.m", b"MATLAB\x00\x01", "binary"),
        ("prose.m", b"A feeder of 33 buses\n", "not an assignment"),
        ("comment.m", b"% nothing here\n", "version"),
        ("net.xlsx", b"PK", "ends in .json, .m, .mat, .nc, .raw, .uct, .zip"),
        ("feeder.dss", b"Clear", "an OpenDSS script is a program"),
        ("many.json", b'{"bus": [' + b"0," * MOST_VALUES + b"0]}", "has over 4,000,000 values"),
        ("year.json", b'{"profiles": [' + b"0," * MOST_VALUES + b"0]}", r"net.profiles\) can be left out"),
    ],
)
def test_file_that_is_no_network(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CaseError, match=problem) as caught:
        load_file(tmp_path / name, tmp_path)
    assert str(caught.value).startswith(f"{name}: ")


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"gone\.json: the file cannot be opened"):
        read_net(tmp_path / "gone.json")


def harmful(module: str, kind: str, content: object) -> dict[str, object]:
    """An object that asks pandapower's decoder for a class of a module."""
    return {"_module": module, "_class": kind, "_object": content}


@cache
def nine_buses() -> str:
    """case9 as pandapower writes it."""
    return pandapower.to_json(case9())


@pytest.mark.parametrize(
    "item",
    [
        harmful("os", "system", "echo harm"),
        harmful("subprocess", "Popen", ["echo", "harm"]),
        harmful("builtins", "eval", "1 + 1"),
        harmful("planted", "Thing", "{}"),
        harmful("planted", "function", "run"),
        harmful("pandapower.toolbox", "function", "drop_buses"),
        harmful("pandapower.control", "function", "run_control"),
        harmful("pandas.core.frame", "DataFrame", "/etc/secret.json"),
        harmful("pandas.core.frame", "DataFrame", 5),
        {**harmful("pandas", "DataFrame", '{"columns":[],"index":[],"data":[]}'), "compression": "zip"},
        harmful("pandas.core.frame", "DataFrame",
                json.dumps({"columns": ["a"], "index": [0], "data": [[harmful("planted", "Thing", "{}")]]})),
        [json.dumps([json.dumps(harmful("planted", "Thing", "{}"))])],
        {"\u005fmodule": "planted", "_class": "Thing"},
    ],
)  # fmt: skip
def test_harmful_json_is_refused_before_anything_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, item: object
) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "net.json"
    data = json.loads(nine_buses())
    data["_object"]["extra"] = item
    path.write_text(json.dumps(data))
    with pytest.raises(CaseError) as caught:
        read_net(path)
    assert caught.value.file == "net.json"
    assert "name nothing else" in caught.value.problem or "table" in caught.value.problem


def test_key_given_twice_does_not_hide_a_module(tmp_path: Path) -> None:
    path = tmp_path / "twice.json"
    path.write_text('{"bus": {"_module": "planted", "_module": "numpy", "_class": "array", "_object": []}}')
    with pytest.raises(CaseError, match="name nothing else"):
        read_net(path)
