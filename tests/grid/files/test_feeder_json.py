"""Feeder files: published feeders have their published losses, wrong files are named, no path is read by name alone."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandapower
import pytest

from grid.cases.cases import load_case, load_file, load_named
from grid.errors import CaseError
from grid.files.feeder_json import read_feeder
from grid.flow.powerflow import Injection, PowerFlow
from grid.network import BusKind, Network, OpenEnd
from tests.cases import shared_case
from tests.paths import SHARED

FEEDERS = SHARED / "feeders"
published = pytest.mark.skipif(not FEEDERS.is_dir(), reason=f"the published feeders are not in {FEEDERS}")
SMALL: dict[str, Any] = {
    "name": "Mill Lane",
    "base_kv": 10.0,
    "source_bus": "station",
    "bus": [
        {"id": "station", "p_kw": 0, "q_kvar": 0},
        {"id": 1, "p_kw": 300, "q_kvar": 100},
        {"id": 2, "p_kw": 200.5, "q_kvar": -50},
    ],
    "branch": [
        {"id": 7, "from": "station", "to": 1, "r_ohm": 0.5, "x_ohm": 0.4, "is_tie": 0},
        {"id": 8, "from": 1, "to": 2, "r_ohm": 0.8, "x_ohm": 0.3, "is_tie": 0},
        {"id": "spare", "from": 2, "to": "station", "r_ohm": 1.0, "x_ohm": 0.9, "is_tie": 1},
    ],
}


def save(folder: Path, content: object, name: str = "lane.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def loss_kw(network: Network) -> float:
    state = PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)
    return 1000 * state.total_loss_mw


@published
@pytest.mark.parametrize("size", [16, 33, 69, 70, 84, 202])
def test_published_feeders_have_their_published_losses(size: int) -> None:
    network = shared_case(f"feeder:{FEEDERS}/feeder{size}.json").network
    expected = json.loads((FEEDERS / "best_known.json").read_text())[f"feeder{size}"]["base_loss_kw"]
    # 45 branches of feeder 202 are switches of 1e-7 ohm, which are given a little reactance
    assert loss_kw(network) == pytest.approx(expected, abs=1e-3 if size == 202 else 1e-4)
    assert network.title == f"Feeder {size}"
    assert network.branch.rating_derived.all()


@published
def test_feeder_33_is_pandapowers_own() -> None:
    ours = shared_case(f"feeder:{FEEDERS}/feeder33.json").network
    theirs = shared_case("case33bw").network
    for field in ("closed", "in_service", "open_end", "rating_derived"):
        np.testing.assert_array_equal(getattr(ours.branch, field), getattr(theirs.branch, field))
    np.testing.assert_allclose(ours.branch.r_ohm, theirs.branch.r_ohm, rtol=1e-6)
    np.testing.assert_allclose(ours.branch.x_ohm, theirs.branch.x_ohm, rtol=1e-6)
    assert loss_kw(ours) == pytest.approx(loss_kw(theirs), abs=1e-4)


def test_a_feeder_is_read_as_it_stands(tmp_path: Path) -> None:
    network = load_case(f"feeder:{save(tmp_path, SMALL, 'lane.feeder')}", tmp_path).network
    assert (network.name, network.title) == ("lane.feeder", "Mill Lane")
    assert network.bus.name == ("station", "Bus 1", "Bus 2")
    assert network.bus.kind == (BusKind.GENERATOR, BusKind.SUBSTATION, BusKind.SUBSTATION)
    assert network.branch.name == ("Branch 7", "Branch 8", "Branch spare")
    assert network.branch.closed.tolist() == [True, True, False]
    assert network.branch.in_service.all()
    assert set(network.branch.open_end) == {OpenEnd.BOTH}
    np.testing.assert_allclose(network.branch.r_ohm, [0.5, 0.8, 1.0])
    np.testing.assert_allclose(network.branch.yff + network.branch.yft, 0, atol=1e-12)
    np.testing.assert_allclose(network.load.p_mw, [0.3, 0.2005])
    np.testing.assert_allclose(network.load.q_mvar, [0.1, -0.05])
    assert network.source_buses.tolist() == [0]
    assert abs(network.base_voltage[0]) == pytest.approx(1.0)


@pytest.mark.parametrize(("name", "title"), [("feeder33", "Feeder 33"), ("Feeder_7", "Feeder 7"), (None, "lane")])
def test_titles_are_for_people(tmp_path: Path, name: str | None, title: str) -> None:
    assert load_file(save(tmp_path, {**SMALL, "name": name}), tmp_path).network.title == title


def test_coordinates_are_used_where_the_file_has_them(tmp_path: Path) -> None:
    triangle = {"station": [0, 0], "1": [3, 0], "2": [0, 4.5]}
    case = load_file(save(tmp_path, {**SMALL, "coords": triangle}), tmp_path)
    assert not list(tmp_path.rglob("*.npy"))  # where computed layouts are kept
    np.testing.assert_allclose(np.column_stack([case.network.bus.x, case.network.bus.y]), [[0, 0], [3, 0], [0, 4.5]])
    in_a_row = {"station": [0, 1], "1": [1, 2], "2": [2, 3]}
    for number, incomplete in enumerate((in_a_row, {"1": [3, 0]})):
        cache = tmp_path / str(number)
        load_file(save(tmp_path, {**SMALL, "coords": incomplete}), cache)
        assert len(list(cache.rglob("*.npy"))) == 1


def test_a_json_file_is_told_by_its_fields(tmp_path: Path) -> None:
    pandapower.to_json(read_feeder(save(tmp_path, SMALL)), str(tmp_path / "net.json"))
    as_net, as_feeder = (load_file(tmp_path / name, tmp_path).network for name in ("net.json", "lane.json"))
    assert loss_kw(as_net) == pytest.approx(loss_kw(as_feeder), rel=1e-9)
    with pytest.raises(CaseError, match="not a network saved with pandapower"):
        load_file(save(tmp_path, {"rows": 3}), tmp_path)


def test_a_name_never_opens_a_file(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no such case"):
        load_named(f"feeder:{save(tmp_path, SMALL)}", tmp_path)


def test_a_switch_of_no_impedance_costs_nothing(tmp_path: Path) -> None:
    content = copy.deepcopy(SMALL)
    content["branch"][0].update(r_ohm=1e-7, x_ohm=1e-8)
    switch = load_file(save(tmp_path, content), tmp_path).network
    content["branch"][0].update(r_ohm=1e-4, x_ohm=0)
    assert loss_kw(switch) == pytest.approx(loss_kw(load_file(save(tmp_path, content), tmp_path).network), abs=1e-3)


def put(table: str, row: int, **fields: object) -> Callable[[dict[str, Any]], None]:
    return lambda content: content[table][row].update(fields)


def top(**fields: object) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.update(fields)


def drop(field: str, table: str = "", row: int = 0) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        del (content[table][row] if table else content)[field]

    return change


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], None], str, str, str, str]] = {
    "load not a number": (put("bus", 1, p_kw="low"), "bus 1", "p_kw", '"low"', "not a number"),
    "load true": (put("bus", 1, q_kvar=True), "bus 1", "q_kvar", "true", "not a number"),
    "load empty": (put("bus", 1, q_kvar=None), "bus 1", "q_kvar", "null", "not a number"),
    "load NaN": (put("bus", 2, p_kw=float("nan")), "bus 2", "p_kw", "NaN", "in kW"),
    "load without end": (put("bus", 2, q_kvar=float("-inf")), "bus 2", "q_kvar", "-Infinity", "in kvar"),
    "load beyond floats": (put("bus", 2, p_kw=10**400), "bus 2", "p_kw", "1000", "in kW"),
    "no load": (drop("p_kw", "bus", 1), "bus 1", "p_kw", "", "needs this field"),
    "bus without id": (drop("id", "bus", 1), "bus at position 2", "id", "", "needs this field"),
    "bus id twice": (put("bus", 2, id=1), "bus 1", "id", "1", "occurs twice"),
    "bus id of parts": (put("bus", 2, id=[1]), "bus at position 3", "id", "[1]", "a whole number or a text"),
    "bus no record": (lambda content: content["bus"].append(5), "bus at position 4", "", "5", "a record looks like"),
    "no buses": (top(bus=[]), "feeder", "bus", "", "a list of records"),
    "branches no list": (top(branch={"id": 1}), "feeder", "branch", "", "a list of records"),
    "no branches": (drop("branch"), "feeder", "branch", "", "a list of records"),
    "branch id twice": (put("branch", 1, id=7), "branch 7", "id", "7", "occurs twice"),
    "reactance NaN": (put("branch", 1, x_ohm=float("nan")), "branch 8", "x_ohm", "NaN", "in ohm"),
    "unknown bus": (put("branch", 2, to=99), "branch spare", "to", "99", "no bus of this id"),
    "branch to itself": (put("branch", 1, to=1), "branch 8", "to", "1", "the same bus"),
    "tie unclear": (put("branch", 1, is_tie=2), "branch 8", "is_tie", "2", "normally open"),
    "no tie field": (drop("is_tie", "branch", 2), "branch spare", "is_tie", "", "needs this field"),
    "no source": (drop("source_bus"), "feeder", "source_bus", "", "needs this field"),
    "unknown source": (top(source_bus=4), "feeder", "source_bus", "4", "no bus of this id"),
    "no voltage": (drop("base_kv"), "feeder", "base_kv", "", "needs this field"),
    "voltage zero": (top(base_kv=0), "feeder", "base_kv", "0", "above zero"),
    "coordinates no object": (top(coords=[[0, 1]]), "feeder", "coords", "[[0, 1]]", "{bus id: [x, y]}"),
    "coordinates of words": (top(coords={"1": [0, "x"]}), "bus 1", "coords", '[0, "x"]', "two numbers"),
    "coordinates NaN": (top(coords={"1": [0, float("nan")]}), "bus 1", "coords", "[0, NaN]", "two numbers"),
    "disconnected": (
        lambda content: content["bus"].append({"id": 9, "p_kw": 1, "q_kvar": 0}),
        "bus 9", "id", "9", "connects this bus with the source",
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", BROKEN)
def test_a_wrong_feeder_is_named(tmp_path: Path, wrong: str) -> None:
    change, element, field, value, words = BROKEN[wrong]
    content = copy.deepcopy(SMALL)
    change(content)
    with pytest.raises(CaseError) as caught:
        load_file(save(tmp_path, content), tmp_path)
    error = caught.value
    assert (error.file, error.element, error.field) == ("lane.json", element, field)
    assert error.value.startswith(value)
    assert words in error.problem


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"base_kv": 10,', "not JSON, or it is cut off"),
        ('{"base_kv": ' + "1" * 6000 + "}", "can't be a feeder"),
        ("[" * 100_000, "can't be a feeder"),
        ("[1, 2]", "a JSON object"),
        (" ", "the file is empty"),
    ],
)
def test_a_file_that_is_no_feeder(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(CaseError, match=words):
        load_case(f"feeder:{save(tmp_path, content)}", tmp_path)


def test_a_feeder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"gone\.json: the file cannot be opened"):
        load_case(f"feeder:{tmp_path}/gone.json", tmp_path)
