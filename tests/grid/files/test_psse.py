"""RAW files of PSS/E: what is read has the state that another tool's reader and power flow find."""

from itertools import product
from pathlib import Path

import numpy as np
import pypowsybl.network as powsybl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from grid.errors import CaseError
from grid.files.fileimport import read_net
from grid.files.findings import What
from tests.grid.files.judged import angle_gap, loss_mw, refusal, solved
from tests.grid.files.powsybl_judge import judge
from tests.grid.files.psse_cases import Codes, raw_text

IEEE = {n: getattr(powsybl, f"create_ieee{n}") for n in (9, 14, 30, 57, 118, 300)}


def write(folder: Path, text: str, name: str = "grid.raw") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("n", IEEE)
def test_ieee_systems_written_by_pypowsybl(tmp_path: Path, n: int) -> None:
    path = tmp_path / "ieee.raw"
    IEEE[n]().save(str(path), format="PSS/E")
    vm_pu, va_degree, loss = judge(powsybl.load(str(path)))
    net, _ = solved(path)
    assert len(net.bus) == n
    assert_allclose(net.res_bus.vm_pu, vm_pu, atol=1e-6)
    assert angle_gap(net.res_bus.va_degree.to_numpy(), va_degree) < 1e-4
    assert loss_mw(net) == pytest.approx(loss, abs=1e-3)


@pytest.mark.parametrize(("cw", "cz", "cm"), list(product((1, 2, 3), (1, 2, 3), (1, 2))))
def test_codes_of_transformers(tmp_path: Path, cw: int, cz: int, cm: int) -> None:
    path = write(tmp_path, raw_text(33, Codes(cw, cz, cm)))
    vm_pu, va_degree, _ = judge(powsybl.load(str(path)))
    net, found = solved(path)
    assert_allclose(net.res_bus.vm_pu[:5], vm_pu, atol=1e-8)
    assert angle_gap(net.res_bus.va_degree[:5].to_numpy(), va_degree) < 1e-6
    assert found[What.STAR_POINT].elements == ("T124",)
    assert found[What.SHUNT_HELD].figure == pytest.approx(-6.0)


@pytest.mark.parametrize("revision", range(30, 36))
def test_revisions_of_one_grid_have_one_state(tmp_path: Path, revision: int) -> None:
    net, _ = solved(write(tmp_path, raw_text(revision)))
    first, _ = solved(write(tmp_path, raw_text(33)))
    assert_allclose(net.res_bus.vm_pu, first.res_bus.vm_pu, atol=1e-12)
    assert net.name == "TITLE OF TWO LINES"
    assert net.bus.name[:5].tolist() == ["NORTH", "SOUTH", "PLANT", "TOWN", "MILL"]
    assert len(net.trafo) == 5


@pytest.mark.parametrize("revision", [32, 33, 35])
def test_revisions_that_pypowsybl_reads(tmp_path: Path, revision: int) -> None:
    path = write(tmp_path, raw_text(revision))
    vm_pu, _, _ = judge(powsybl.load(str(path)))
    net, _ = solved(path)
    assert_allclose(net.res_bus.vm_pu[:5], vm_pu, atol=1e-8)


def test_loads_draw_by_their_shares(tmp_path: Path) -> None:
    """PL + IP v + YP v^2, and QL + IQ v - YQ v^2."""
    shares = "5, 'Z ', 1, 1, 1, 1.0, 0.5, 2.0, 1.0, 3.0, -1.5, 1"
    net, found = solved(write(tmp_path, raw_text(33, loads=(shares,))))
    v = float(net.res_bus.vm_pu[5])
    own_shunt = 0.3 * v**2  # the line's GJ; its BJ beyond the charging has 0.2 Mvar
    assert net.res_bus.p_mw[5] == pytest.approx(11 + 2 * v + 3 * v**2 + own_shunt, abs=1e-6)
    assert net.res_bus.q_mvar[5] == pytest.approx(2.5 + 1 * v + 1.5 * v**2 - 0.2 * v**2, abs=1e-6)
    assert found[What.VOLTAGE_DEPENDENT_LOAD].elements == ('load 4 "Load MILL Z, constant current"',)


def test_dc_line_draws_and_feeds_in(tmp_path: Path) -> None:
    """At the inverter arrives what the rectifier draws less R I^2, and both draw reactive power."""
    line = ("'LINK', 1, 8.0, 10.0, 50.0, 0.0, 0.0", "2, 2, 30.0, 10.0, 0.0, 1.0, 115.0, 0.2, 1.0",
            "4, 2, 30.0, 10.0, 0.0, 1.0, 34.5, 0.65, 1.0")  # fmt: skip
    net, found = solved(write(tmp_path, raw_text(33, dc_lines=line)))
    rectifier, inverter = net.sgen.itertuples()
    current = inverter.p_mw / 50.0
    assert rectifier.p_mw == pytest.approx(-10.0)
    assert -rectifier.p_mw - inverter.p_mw == pytest.approx(8.0 * current**2)
    no_load_kv = 2 * 3 * np.sqrt(2) / np.pi * 115.0 * 0.2
    start_kv = 50.0 + 8.0 * current
    assert rectifier.q_mvar == pytest.approx(-10.0 * np.tan(np.arccos(start_kv / no_load_kv)))
    assert inverter.q_mvar < 0
    assert found[What.DC_LINE].figure == pytest.approx(10.0)


def test_remote_control_and_fixed_reactive_power(tmp_path: Path) -> None:
    text = raw_text(33)
    plant = "3, '1 ', 35.0, 0.0, 100.0, -100.0, 1.01, 0,"
    net, found = solved(write(tmp_path, text.replace(plant, "3, '1 ', 35.0, 0.0, 100.0, -100.0, 0.98, 2,")))
    assert found[What.REMOTE_CONTROL].elements == ("PLANT 1",)
    assert net.gen.vm_pu.tolist() == [1.0]  # what the file's solution has at the plant's own bus
    net, _ = solved(write(tmp_path, text.replace(plant, "3, '1 ', 35.0, 0.0, 7.0, 7.0, 1.01, 0,")))
    assert net.gen.empty
    assert net.sgen.q_mvar.tolist() == [7.0]


def test_what_is_not_read_is_named(tmp_path: Path) -> None:
    text = raw_text(33).replace("33, 0, 0.0, 0.0", "33, 2, 0.0, 0.0", 1)
    lines = text.splitlines()
    ends = [at for at, line in enumerate(lines) if line == "0 / END"]
    lines.insert(ends[15], "'STATCON', 4, 0, 1, 0.0, 0.0, 1.0, 50.0")
    lines.insert(ends[9], "1, 0.9, 1.1, 1.0, 1.0, 1.1, 1.2")
    _, found = solved(write(tmp_path, "\n".join(lines)))
    assert found[What.ELEMENT_NOT_READ].elements == ("FACTS device STATCON", "impedance correction of T12")


def test_revision_in_the_comment_only(tmp_path: Path) -> None:
    text = raw_text(30).replace("0, 100.0, 30, 0, 0, 60.0 /", "0, 100.0 / PSS/E-30.3")
    net, _ = solved(write(tmp_path, text))
    assert len(net.bus) == 6


def test_solution_of_the_file_is_kept_to_compare(tmp_path: Path) -> None:
    net = read_net(write(tmp_path, raw_text(33).replace("1.0, 0.0, 1.1, 0.9", "1.03, -4.0, 1.1, 0.9", 1)))
    assert net.res_bus.vm_pu[:5].tolist() == [1.03, 1.0, 1.0, 1.0, 1.0]


BROKEN = {
    "no revision": ("0, 100.0, 33", "0, 100.0,", "line 1", "REV"),
    "revision 29": ("0, 100.0, 33", "0, 100.0, 29", "line 1", "30 to 35"),
    "changes": ("0, 100.0, 33", "1, 100.0, 33", "line 1", "changes"),
    "base power 0": ("0, 100.0, 33", "0, 0.0, 33", "line 1", "SBASE"),
    "bus twice": ("2, 'SOUTH", "1, 'SOUTH", "line 5 (bus)", "I = 1"),
    "bus type 7": ("34.5, 1, 1, 1", "34.5, 7, 1, 1", "line 7 (bus)", "IDE = 7"),
    "kV below 0": ("13.8, 2", "-13.8, 2", "line 6 (bus)", "BASKV = -13.8"),
    "word": ("40.0, 10.0", "much, 10.0", "line 10 (load)", "PL = much: this is not a number"),
    "NaN": ("40.0, 10.0", "nan, 10.0", "line 10 (load)", "PL = nan"),
    "unknown bus": ("5, '1 ', 1, 1, 1, 10.0", "9, '1 ', 1, 1, 1, 10.0", "line 12 (load)", "no bus of this number"),
    "bus by name": ("5, '1 ', 1, 1, 1, 10.0", "'MILL', '1 ', 1, 1, 1, 10.0", "line 12 (load)", "I = MILL"),
    "status 2": ("5, '1 ', 1, 1, 1, 10.0", "5, '1 ', 2, 1, 1, 10.0", "line 12 (load)", "STATUS = 2"),
    "no reactance": ("0.05, 0.1, 0.01", "0.05, , 0.01", "line 19 (branch)", "X = empty"),
    "loop": ("4, 5, '1 ', 0.05", "4, 4, '1 ', 0.05", "line 19 (branch)", "J = 4: I and J are the same bus"),
    "set point": ("100.0, -100.0, 1.02", "100.0, -100.0, 0", "line 16 (generator)", "VS = 0"),
    "CW 4": ("'1 ', 1, 1, 1, 0.001", "'1 ', 4, 1, 1, 0.001", "line 21 (transformer)", "CW = 4"),
    "ratio 0": ("1.010000000, 225.0", "0, 225.0", "line 23 (transformer)", "WINDV = 0"),
    "no end": ("Q\n", "", "", ""),
}


@pytest.mark.parametrize("wrong", BROKEN)
def test_broken_file_is_named(tmp_path: Path, wrong: str) -> None:
    """Each message names the file, the line and the field with its value."""
    old, new, element, detail = BROKEN[wrong]
    text = raw_text(33)
    assert old in text
    path = write(tmp_path, text.replace(old, new, 1), "broken.raw")
    if wrong == "no end":  # all sections are there: what is missing isn't missed
        assert len(read_net(path).bus) == 6
        return
    with pytest.raises(CaseError) as caught:
        read_net(path)
    message = str(caught.value)
    assert message.startswith("broken.raw: ")
    assert element in caught.value.element
    assert detail in message


@pytest.mark.parametrize("revision", [30, 33, 35])
def test_file_cut_off_anywhere_is_refused(tmp_path: Path, revision: int) -> None:
    lines = raw_text(revision).splitlines()
    needed = max(at for at, line in enumerate(lines) if line.startswith("4,"))  # the switched shunt
    for length in range(1, needed + 1):
        with pytest.raises(CaseError, match=r"cut\.raw: "):
            read_net(write(tmp_path, "\n".join(lines[:length]), "cut.raw"))


@pytest.mark.long
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_field_may_hold_anything(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever one field is replaced by, there is a net or a CaseError of this file."""
    lines = raw_text(data.draw(st.sampled_from([30, 33, 35]))).splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    fields = lines[at].split(",")
    place = data.draw(st.integers(0, len(fields) - 1))
    put = data.draw(
        st.sampled_from(["", "nan", "inf", "-1", "0", "1e400", "9" * 400, "word", "'", "1 2 3", "/", "\x1a"])
    )
    lines[at] = ",".join([*fields[:place], put, *fields[place + 1 :]])
    path = write(tmp_path, "\n".join(lines), "odd.raw")
    assert refusal(path) == "" or refusal(path).startswith("odd.raw: ")
