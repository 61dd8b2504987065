"""Taps at other positions, against pandapower's power flow with the same positions."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandapower
import pandapower.networks
import pytest

from grid.cases.cases import load_file
from grid.files.pandapower.convert import network_from_pandapower
from grid.fingerprint import fingerprint
from grid.flow.loss_breakdown import no_load_mw
from grid.flow.powerflow import Injection, PowerFlow
from grid.network import Network
from grid.taps import checked_position, positions_of, tap_of, with_taps
from tests.cases import shared_case

pytestmark = pytest.mark.filterwarnings("ignore:tap_dependency_table:DeprecationWarning")
SIMBENCH = "simbench:1-MV-urban--0-sw"


def station(**tap: Any) -> pandapower.pandapowerNet:
    """Two transformers in series with a load behind each: the first with its changer as pandapower has it."""
    net = pandapower.create_empty_network(sn_mva=10.0)
    upper, middle, far, lower = (pandapower.create_bus(net, kv) for kv in (110.0, 20.0, 20.0, 0.4))
    pandapower.create_ext_grid(net, upper, vm_pu=1.02)
    pandapower.create_transformer(net, upper, middle, "25 MVA 110/20 kV", name="T1", parallel=2)
    pandapower.create_line(net, middle, far, 4.0, "NA2XS2Y 1x185 RM/25 12/20 kV")
    pandapower.create_transformer(net, far, lower, "0.63 MVA 20/0.4 kV", name="T2")
    pandapower.create_load(net, middle, 18.0, 5.0)
    pandapower.create_load(net, lower, 0.4, 0.1)
    for column, value in tap.items():
        net.trafo.loc[0, column] = value
    return net


def compared(net: pandapower.pandapowerNet, network: Network, trafo: int, branch: int, position: int) -> None:
    """Voltages, loadings and losses with a tap moved are those of pandapower.runpp."""
    moved = positions_of(network).copy()
    moved[branch] = position
    net.trafo.loc[trafo, "tap_pos"] = position
    pandapower.runpp(net, numba=False, tolerance_mva=1e-10, init="results" if position else "auto")
    at_position = with_taps(network, moved)
    state = PowerFlow(at_position).solve(Injection.of_case(network), network.branch.closed)
    first = len(net.line)
    own = slice(first, first + len(net.trafo))
    assert np.abs(state.voltage[: len(net.bus)]) == pytest.approx(net.res_bus.vm_pu.to_numpy(), abs=1e-8)
    assert state.loss_mw[own] == pytest.approx(net.res_trafo.pl_mw.to_numpy(), abs=1e-8)
    assert state.loss_mw[:first] == pytest.approx(net.res_line.pl_mw.to_numpy(), abs=1e-8)
    assert state.loading_percent[own] == pytest.approx(net.res_trafo.loading_percent.to_numpy(), abs=1e-5)
    assert state.loading_percent[:first] == pytest.approx(net.res_line.loading_percent.to_numpy(), abs=1e-5)
    read = network_from_pandapower(net, "read again")  # what the file would give with this position
    for field in ("yff", "yft", "ytf", "ytt", "r_pu", "r_ohm", "x_ohm"):
        assert getattr(at_position.branch, field) == pytest.approx(getattr(read.branch, field), rel=1e-12), field
    assert no_load_mw(at_position, state) == pytest.approx(no_load_mw(read, state), abs=1e-10)


@pytest.mark.parametrize(
    "tap",
    [
        {},
        {"tap_pos": 4},
        {"tap_side": "lv"},
        {"tap_side": "lv", "tap_pos": -3, "shift_degree": 0.0},
        {"tap_neutral": 2, "tap_step_percent": 0.625, "tap_min": -7.0, "tap_max": 11.0},
        {"tap_step_percent": -1.25},
    ],
)
@pytest.mark.parametrize("model", ["t", "pi"])
def test_a_moved_tap_gives_pandapowers_state(tap: dict[str, Any], model: str) -> None:
    net = station(**tap)
    pandapower.set_user_pf_options(net, trafo_model=model)
    network = network_from_pandapower(net, "station")
    for position in (-7, 0, 1, 9):
        compared(net, network, 0, 1, position)


def test_a_second_changer_beside_the_first_stays_where_it_is() -> None:
    net = station()
    for column, value in {
        "tap2_side": "lv", "tap2_neutral": 0, "tap2_min": -3, "tap2_max": 3, "tap2_step_percent": 2.0,
        "tap2_step_degree": 0.0, "tap2_pos": 2, "tap2_changer_type": "Ratio",
    }.items():  # fmt: skip
        net.trafo[column] = value if isinstance(value, str) else float(value)
    network = network_from_pandapower(net, "station")
    for position in (-5, 6):
        compared(net, network, 0, 1, position)


def test_simbench_starts_as_pandapower_solves_it_and_moves() -> None:
    import simbench

    network = shared_case(SIMBENCH).network
    net = simbench.get_simbench_net(SIMBENCH.partition(":")[2])
    pandapower.runpp(net, numba=False)
    tap = tap_of(network, network.n_branch - len(net.trafo))
    assert tap is not None
    assert (tap.position, tap.lowest, tap.highest, tap.step_pu) == (0, -9, 9, 0.015)
    net.trafo["tap_changer_type"], net.trafo["tap_pos"] = "Ratio", 0.0
    moved = positions_of(network).copy()
    moved[-len(net.trafo) :] = net.trafo["tap_pos"] = -2.0
    pandapower.runpp(net, numba=False, tolerance_mva=1e-10)
    state = PowerFlow(with_taps(network, moved)).solve(Injection.of_case(network), network.branch.closed)
    assert state.total_loss_mw == pytest.approx(net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum(), abs=1e-8)
    assert state.vm_pu.max() == pytest.approx(net.res_bus.vm_pu.max(), abs=1e-8)


def test_back_and_forth_is_the_same_grid() -> None:
    network = network_from_pandapower(station(tap_pos=3), "station")
    own, there = positions_of(network), positions_of(network).copy()
    there[1] = -4
    moved = with_taps(network, there)
    back = with_taps(moved, own)
    assert moved is not network
    assert moved.is_same_grid(network)
    assert fingerprint(network) == fingerprint(moved) == fingerprint(back)
    assert back.branch.yff == pytest.approx(network.branch.yff, rel=1e-14)
    assert positions_of(network)[1] == 3  # what others hold doesn't change
    assert with_taps(network, own) is network
    assert with_taps(network, np.full(network.n_branch, np.nan)) is network
    beyond = own.copy()
    beyond[1] = 40
    assert with_taps(network, beyond) is network


@pytest.mark.parametrize(
    "tap",
    [
        {"tap_changer_type": "Ideal", "tap_step_percent": np.nan, "tap_step_degree": 2.0},
        {"tap_changer_type": "Symmetrical"},
        {"tap_changer_type": None},
        {"tap_step_degree": 30.0},
        {"tap_min": np.nan},
        {"tap_max": np.nan},
        {"tap_min": 4.0, "tap_max": 4.0},
        {"tap_side": None},
        {"tap_step_percent": 0.0},
        {"tap_step_percent": 20.0},
    ],
)
def test_what_is_no_ratio_changer_with_a_range_is_not_moved(tap: dict[str, Any]) -> None:
    network = network_from_pandapower(station(**tap), "station")
    assert tap_of(network, 1) is None
    with pytest.raises(ValueError, match=r"^tap_pos: T1 can't be set to 2; no tap changer with a step and a lowest"):
        checked_position(network, 1, 2)
    assert tap_of(network, 2) is not None  # the other transformer's is known


def test_a_matpower_ratio_has_no_range() -> None:
    network = shared_case("case118").network
    assert network.branch.tap is None
    transformer = network.branch.kind.index(next(kind for kind in network.branch.kind if kind == "transformer"))
    with pytest.raises(ValueError, match=f"^tap_pos: {network.branch.name[transformer]} can't be set to 0; no tap"):
        checked_position(network, transformer, 0)


@pytest.mark.parametrize(("branch", "position"), [(1, 10), (1, -10), (1, 2.5), (2, 3), (1, np.nan), (1, np.inf)])
def test_a_position_that_the_changer_has_not_is_named(branch: int, position: float) -> None:
    network = network_from_pandapower(station(), "station")
    limits = {1: "-9 to 9", 2: "-2 to 2"}[branch]
    with pytest.raises(ValueError, match=f"^tap_pos: T{branch} has whole positions from {limits}, not {position:g}$"):
        checked_position(network, branch, position)


def test_a_line_has_no_tap() -> None:
    network = network_from_pandapower(station(), "station")
    with pytest.raises(ValueError, match=r"only transformers have taps$"):
        checked_position(network, 0, 1)


def test_a_file_gives_the_range(tmp_path: Path) -> None:
    file = tmp_path / "station.json"
    file.write_text(json.dumps(json.loads(pandapower.to_json(station(tap_pos=-2)))))
    tap = tap_of(load_file(file, tmp_path).network, 1)
    assert tap is not None
    assert (tap.position, tap.lowest, tap.neutral, tap.highest, tap.step_pu) == (-2, -9, 0, 9, 0.015)
    assert tap.bus == 0
