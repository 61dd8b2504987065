"""MATPOWER cases: what is read is what MATPOWER means, and what is not understood is said."""

import json
from pathlib import Path

import numpy as np
import pandapower
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from pandapower.auxiliary import pandapowerNet
from pandapower.converter.matpower import to_mpc
from pandapower.networks import case30
from scipy.io import savemat

from grid.errors import CaseError
from grid.files.fileimport import read_net
from grid.files.findings import Findings, What
from grid.files.matpower.expressions import MatpowerScope, StatementError, evaluate, number
from grid.files.matpower.format import Mpc
from grid.files.matpower.text import read_m, statements
from grid.files.pandapower.convert import network_from_pandapower
from grid.flow.powerflow import Injection, PowerFlow
from tests.paths import DATA, SHARED

FEEDER = (DATA / "feeder33.m").read_text(encoding="utf-8")
STATIONS = (DATA / "stations4.m").read_text(encoding="utf-8")
BASE_LOSS_KW = 202.6771  # of the 33-bus feeder with its ties open; Baran & Wu 1989 print 202.68


def read_text(folder: Path, text: str, name: str = "case.m") -> pandapowerNet:
    """The net of a case given as text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_net(path)


def loss_kw(net: pandapowerNet) -> float:
    """Series losses of a solved net."""
    return float(1e3 * (net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum()))


def admittance(mpc: Mpc) -> NDArray[np.complex128]:
    """Bus admittance matrix of a case, p.u., written from the branch equations of MATPOWER's manual (3.2)."""
    row = {int(number_): position for position, number_ in enumerate(mpc.bus[:, 0])}
    y = np.diag((mpc.bus[:, 4] + 1j * mpc.bus[:, 5]) / mpc.base_mva)
    for branch in mpc.branch[mpc.branch[:, 10] == 1]:
        f, t = row[int(branch[0])], row[int(branch[1])]
        ys, charging = 1 / (branch[2] + 1j * branch[3]), 0.5j * branch[4]
        tap = (branch[8] or 1.0) * np.exp(1j * np.deg2rad(branch[9]))
        y[f, f] += (ys + charging) / abs(tap) ** 2
        y[t, t] += ys + charging
        y[f, t] -= ys / tap.conjugate()
        y[t, f] -= ys / tap
    return y


def test_feeder_in_kw_and_ohm_has_its_published_loss() -> None:
    net = read_net(DATA / "feeder33.m")
    pandapower.runpp(net)
    assert loss_kw(net) == pytest.approx(BASE_LOSS_KW, abs=1e-3)
    assert (len(net.bus), len(net.line), int((~net.line.in_service).sum())) == (33, 37, 5)
    assert net.name == "feeder33"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[BR_R BR_X]", "[3 4]"),
        ("mpc.bus(:, [PD, QD]) / 1e3", "mpc.bus(:, [PD, QD]) * 1e-3"),
        ("mpc.bus(:, [PD, QD]) / 1e3", "mpc.bus(:, [PD, QD]) ./ 1e3"),
        ("[F_BUS, T_BUS, BR_R, BR_X] = idx_brch;", "define_constants;"),
        ("idx_bus;", "idx_bus();"),
        ("mpc.bus(1, BASE_KV) * 1e3", "12.66e3"),
        ("mpc", "grid"),
        ("\n", "\r\n"),
        ("\t0\t0\t0\t0\t0\t0\t1\t-360", ", 0, 0, 0, 0, 0, 0, 1, -360"),
    ],
)
def test_unit_statements_in_their_variants(tmp_path: Path, old: str, new: str) -> None:
    text = FEEDER.replace(old, new)
    net = read_text(tmp_path, text)
    pandapower.runpp(net)
    assert loss_kw(net) == pytest.approx(BASE_LOSS_KW, abs=1e-3)


@pytest.mark.parametrize("branch", ["0.01 0 0 0 0 0 0 0 1", "0.01 0 0 0 0 0 0.98 0 1", "0.01 0 0.02 0 0 0 1.02 -30 1"])
def test_lines_and_transformers_of_no_reactance_solve_as_the_manual_says(tmp_path: Path, branch: str) -> None:
    text = (
        "function mpc = r\nmpc.version = '2';\nmpc.baseMVA = 10;\n"
        "mpc.bus = [1 3 0 0 0 0 1 1 0 10 1 1.1 0.9; 2 1 1 0.2 0 0 1 1 0 10 1 1.1 0.9];\n"
        "mpc.gen = [1 0 0 10 -10 1 10 1 10 0];\n"
        f"mpc.branch = [1 2 {branch} -360 360];\n"
    )
    path = tmp_path / "r.m"
    path.write_text(text, encoding="utf-8")
    found = Findings()
    network = network_from_pandapower(read_net(path, found), "r", found=found)
    voltage = PowerFlow(network).solve(Injection.of_case(network), network.branch.closed).voltage
    power = voltage * np.conj(admittance(read_m(text, "r.m")) @ voltage)
    assert_allclose([power[1].real, power[1].imag], [-0.1, -0.02], atol=1e-6)
    assert What.NO_REACTANCE in {finding.what for finding in found.found}


def test_power_factor_statements() -> None:
    tail = "pf = 0.85; mpc.bus(:, QD) = mpc.bus(:, PD) * sin(acos(pf)); mpc.bus(:, PD) = mpc.bus(:, PD) * pf;"
    mpc, plain = read_m(FEEDER + tail, "f.m"), read_m(FEEDER, "f.m")
    assert_allclose(mpc.bus[:, 2], 0.85 * plain.bus[:, 2])
    assert_allclose(np.hypot(mpc.bus[:, 2], mpc.bus[:, 3]), plain.bus[:, 2])


def test_feeder_agrees_with_shared_data() -> None:
    path = SHARED / "feeders" / "feeder33.json"
    if not path.exists():
        pytest.skip("the shared feeder data are not beside this project")
    data = json.loads(path.read_text(encoding="utf-8"))
    mpc = read_m(FEEDER, "feeder33.m")
    ohm = data["base_kv"] ** 2 / mpc.base_mva
    assert_allclose(1e3 * mpc.bus[:, 2:4], [[bus["p_kw"], bus["q_kvar"]] for bus in data["bus"]])
    branches = [list(branch.values()) for branch in data["branch"]]
    assert_allclose(np.c_[mpc.branch[:, :2], ohm * mpc.branch[:, 2:4], 1 - mpc.branch[:, 10]],
                    [branch[1:] for branch in branches])  # fmt: skip


def test_every_kind_of_branch_balances_in_matpowers_own_equations() -> None:
    """pandapower's voltages, put into MATPOWER's branch equations, give the case's loads and generation."""
    mpc, net = read_m(STATIONS, "stations4.m"), read_net(DATA / "stations4.m")
    pandapower.runpp(net, tolerance_mva=1e-9)
    order = mpc.bus[:, 0].astype(int)
    v = net.res_bus.vm_pu[order].to_numpy() * np.exp(1j * np.deg2rad(net.res_bus.va_degree[order].to_numpy()))
    injected = mpc.base_mva * v * (admittance(mpc) @ v).conj()
    expected = -(mpc.bus[:, 2] + 1j * mpc.bus[:, 3])
    expected[0] += net.res_ext_grid.p_mw.sum() + 1j * net.res_ext_grid.q_mvar.sum()
    expected[3] += net.res_gen.p_mw.sum() + 1j * net.res_gen.q_mvar.sum()
    assert_allclose(injected, expected, atol=1e-6)
    assert np.rad2deg(np.angle(v[0])) == pytest.approx(5.0)


def test_what_the_net_holds() -> None:
    net = read_net(DATA / "stations4.m", name="Four stations")
    assert net.name == "Four stations"
    assert net.bus.name.tolist() == ["North", "South", "It's 20 kV", "Plant", "Town", "End [1]"]
    assert net.bus.index.tolist() == [10, 20, 30, 40, 50, 60]
    assert (len(net.line), len(net.trafo), len(net.impedance)) == (3, 4, 0)
    assert (net.trafo.vn_hv_kv >= net.trafo.vn_lv_kv).all()
    assert net.ext_grid.in_service.any()


def test_round_trip_through_mat(tmp_path: Path) -> None:
    net = case30()
    pandapower.runpp(net)
    savemat(tmp_path / "case30.mat", to_mpc(net, init="results"))
    back = read_net(tmp_path / "case30.mat")
    pandapower.runpp(back)
    assert loss_kw(back) / 1e3 == pytest.approx(loss_kw(net) / 1e3, abs=1e-6)
    assert_allclose(np.sort(back.res_bus.vm_pu), np.sort(net.res_bus.vm_pu), atol=1e-9)


def test_mat_with_one_generator_and_names(tmp_path: Path) -> None:
    mpc = read_m(STATIONS, "stations4.m")
    fields = {"version": "2", "baseMVA": 100, "bus": mpc.bus, "gen": mpc.gen[1], "branch": mpc.branch}
    names = np.array([[name] for name in mpc.bus_name], dtype=object)
    savemat(tmp_path / "s.mat", {"mpc": {**fields, "bus_name": names}})
    net = read_net(tmp_path / "s.mat")
    assert net.bus.name.tolist() == list(mpc.bus_name)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 + 3 * 4", 14), ("-2^2", -4), ("2^-1", 0.5), ("2^3^2", 64), ("8 / 4 / 2", 1), ("1 - 2 - 3", -4),
        ("(1 + 2) * 3", 9), ("1.5e3", 1500), ("1d2", 100), (".5", 0.5), ("sqrt(16)", 4), ("cos(pi)", -1),
        ("2./4", 0.5), ("a(1)", None), ("1 2", None), ("acos(2)", None), ("(-8)^0.5", None),
        ("mpc.bus(1, 2, 3)", None), ("mpc.bus(0, 1)", None), ("mpc.bus(3, 1)", None), ("mpc.bus(2, 1)", 3),
        ("mpc.bus(:, [1 2]) * mpc.bus", None), ("1 / mpc.bus", None), ("mpc.bus'", None), ("2 +", None),
        ("mpc.gen", None), ("other.bus", None), ("", None), ("sin 1", None), ("(" * 5000, None),
        ("mpc.bus(1, 1.5)", None), ("mpc.bus + [1 2 3]", None), ("__import__", None),
    ],
)  # fmt: skip
def test_arithmetic(text: str, value: float | None) -> None:
    scope = MatpowerScope("mpc", {"bus": np.array([[1.0, 2.0], [3.0, 4.0]])}, {"b": number(2.0)})
    if value is None:
        with pytest.raises(StatementError):
            evaluate(text, scope)
    else:
        assert evaluate(text, scope).item() == pytest.approx(value)


def test_elementwise_and_lists() -> None:
    scope = MatpowerScope("mpc", {"bus": np.array([[1.0, 2.0], [3.0, 4.0]])}, {"PD": number(2.0)})
    assert evaluate("mpc.bus(:, [PD, 1]) .* mpc.bus(:, PD) - 1", scope).tolist() == [[3, 1], [15, 11]]


def test_statements_keep_their_line() -> None:
    found = list(statements("a = 1; b = 'x;%y'; % c = 2\nd = [1;\n2]\n%{\ne = 1\n%}\nf = ...\n 3", "f.m"))
    assert [(item.line, item.text) for item in found] == [
        (1, "a = 1"), (1, "b = 'x;%y'"), (2, "d = [1;\n2]"), (7, "f =   3"),
    ]  # fmt: skip


BROKEN = {
    "version 1 header": (FEEDER, "function mpc = feeder33", "function [b, c] = f", "line 1", "version 1"),
    "no version": (FEEDER, "mpc.version = '2';", "", "mpc.version", "version = '2'"),
    "no base": (FEEDER, "mpc.baseMVA = 10;", "mpc.base = 10;", "line 98", "baseMVA"),
    "base power 0": (STATIONS, "100.0", "0", "mpc.baseMVA", "above zero"),
    "call of code": (FEEDER, "%% kW and kvar", "mpc = reserve(mpc);\n%%", "line 101", "reserve"),
    "condition": (FEEDER, "%% kW and kvar", "if mpc.baseMVA > 5\n%%", "line 101", "not an assignment"),
    "unknown function": (FEEDER, "/ 1e3", "/ thousand(1)", "line 102", "thousand"),
    "column range": (FEEDER, "= mpc.bus(:, [PD, QD])", "= mpc.bus(:, 3:4)", "line 102", "':'"),
    "column outside": (FEEDER, "[BR_R BR_X]", "[3 44]", "line 99", "44"),
    "ragged row": (FEEDER, "\t4\t1\t120\t80\t0", "\t4\t1\t120\t80", "mpc.bus row 4", "12"),
    "word in a row": (FEEDER, "\t4\t1\t120\t80", "\t4\t1\tmuch\t80", "mpc.bus row 4", "PD = 'much'"),
    "empty entry": (STATIONS, "10, 3,  0,", "10, 3,,", "mpc.bus row 1", "PD"),
    "ambiguous minus": (STATIONS, "1e1, 3", "1 - 1, 3", "mpc.bus row 5", "'-'"),
    "underscore": (STATIONS, "1e1, 3", "1_0, 3", "mpc.bus row 5", "'1_0'"),
    "few columns": (STATIONS, "40 40 0  50  -50 1.01   0 1  80 0;", "40 1;", "mpc.gen row 3", "columns"),
    "no gen matrix": (STATIONS, "mpc.gen = [", "mpc.generators = [", "mpc.gen", "no mpc.gen"),
    "open bracket": (FEEDER, "];\n\n%% gen", "\n\n%% gen", "line 11", "not closed"),
    "same bus number": (STATIONS, "  20, 1, 60", "  10, 1, 60", "mpc.bus row 2", "BUS_I = 10"),
    "bus number 1.5": (STATIONS, "  20, 1, 60", "  1.5, 1, 60", "mpc.bus row 2", "BUS_I = 1.5"),
    "bus type": (STATIONS, "  20, 1, 60", "  20, 7, 60", "mpc.bus row 2", "BUS_TYPE = 7"),
    "NaN load": (STATIONS, "  20, 1, 60", "  20, 1, NaN", "mpc.bus row 2", "PD = nan"),
    "version 3": (FEEDER, "'2'", "'3'", "mpc.version", "version = 3"),
    "no voltage": (STATIONS, "110, 1, 1.1", "-1, 1, 1.1", "mpc.bus row 6", "BASE_KV = -1"),
    "no set point": (STATIONS, "50  -50 1.01", "50  -50 0", "mpc.gen row 3", "VG = 0"),
    "short dc line": (STATIONS, "mpc.gencost = [", "mpc.dcline = [1 2 1];\nmpc.c = [", "mpc.dcline", "columns = 3"),
    "dc grid": (STATIONS, "mpc.gencost = [", "mpc.busdc = [1 2 1];\nmpc.c = [", "mpc.busdc", "DC grid"),
    "unknown end": (STATIONS, "20 50 0.002", "20 55 0.002", "mpc.branch row 5", "T_BUS = 55"),
    "unknown gen bus": (STATIONS, "  40 40 0", "  41 40 0", "mpc.gen row 3", "GEN_BUS = 41"),
    "negative rating": (STATIONS, "0.12 200", "0.12 -20", "mpc.branch row 1", "RATE_A = -20"),
    "status 2": (STATIONS, "5 1 -360", "5 2 -360", "mpc.branch row 4", "BR_STATUS = 2"),
    "self loop": (STATIONS, "10 20 0.010", "10 10 0.010", "mpc.branch row 1", "T_BUS = 10"),
    "few names": (STATIONS, "'North'; ", "", "mpc.bus_name", "6 buses"),
    "after the end": (STATIONS, "end\n", "end\na = 1;\n", "line 36", "end of the function"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", BROKEN)
def test_broken_case_is_named(tmp_path: Path, wrong: str) -> None:
    """Each message names the file, the element and the field or value."""
    text, old, new, element, detail = BROKEN[wrong]
    assert old in text
    with pytest.raises(CaseError) as caught:
        read_text(tmp_path, text.replace(old, new), "broken.m")
    message = str(caught.value)
    assert message.startswith("broken.m: ")
    assert caught.value.file == "broken.m"
    assert caught.value.element == element
    assert detail in message


def test_mat_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "text.mat").write_text("no matrices here" * 20, encoding="utf-8")
    with pytest.raises(CaseError, match=r"text\.mat"):
        read_net(tmp_path / "text.mat")
    savemat(tmp_path / "other.mat", {"bus": np.eye(3)})
    with pytest.raises(CaseError, match="struct called mpc; it holds bus"):
        read_net(tmp_path / "other.mat")
    savemat(tmp_path / "words.mat", {"mpc": {"version": "2", "baseMVA": 1.0, "bus": "many"}})
    with pytest.raises(CaseError, match=r"mpc\.bus"):
        read_net(tmp_path / "words.mat")
