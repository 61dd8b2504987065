"""UCTE files: pypowsybl's state of the same file, and rows that can't be true by line and field."""

from pathlib import Path

import pypowsybl.network as powsybl
import pytest
from numpy.testing import assert_allclose

from grid.errors import CaseError
from grid.files.fileimport import read_net
from grid.files.findings import What
from tests.grid.files.judged import angle_gap, loss_mw, refusal, solved
from tests.grid.files.powsybl_judge import judge
from tests.paths import DATA

GRID = DATA / "two_levels.uct"
TEXT = GRID.read_text(encoding="utf-8")


def test_state_is_pypowsybls() -> None:
    """With a ratio and a phase changed, a coupler open and loads of two levels."""
    vm_pu, va_degree, loss = judge(powsybl.load(str(GRID)))
    net, _ = solved(GRID)
    kv = net.res_bus.vm_pu * net.bus.vn_kv
    nominal = [380.0, 380.0, 220.0, 380.0, 220.0]  # in pypowsybl's order: north, south, town, plant, mill
    order = [0, 1, 3, 2, 4]
    assert_allclose(kv.to_numpy()[order] / nominal, vm_pu, atol=1e-4)
    assert angle_gap(net.res_bus.va_degree.to_numpy()[order], va_degree) < 1e-3
    assert loss_mw(net) == pytest.approx(loss, abs=1e-3)


def test_slack_is_the_files_or_the_most_able_generator(tmp_path: Path) -> None:
    _, found = solved(GRID)
    assert What.SOURCE_CHOSEN not in found
    path = tmp_path / "none.uct"
    path.write_text(TEXT.replace("NORTH        0 3", "NORTH        0 2"))
    _, found = solved(path)
    assert found[What.SOURCE_CHOSEN].elements == ('gen 0 "FNORTH11" at bus 0 "NORTH"',)


def test_what_is_not_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "exchange.uct"
    path.write_text(TEXT + "##E\nFR DE   100.0\n")
    _, found = solved(path)
    assert found[What.FIELD_NOT_READ].elements == ("exchange powers (##E)",)


BROKEN = {
    "no nodes": ("##N", "##C", "##N", "none"),
    "word for a load": ("200.0    50.0", "much     50.0", "line 6 (##N)", "P load = much: this is not a number"),
    "NaN": ("200.0    50.0", "nan      50.0", "line 6 (##N)", "P load = nan"),
    "no reactance": ("  2.000 20.000", "  2.000       ", "line 11 (##L)", "X = empty"),
    "short row": ("FTOWNA21 FSOUTH11 1 0 231.0 400.0", "FTOWNA21 FSOUTH11 1", "line 17 (##T)", "X = 0 0.0"),
    "unknown node": ("FSOUTH11 FPLANT11 1", "FSOUTH11 FOTHER11 1", "line 12 (##L)", "node 2 = FOTHER11"),
    "node twice": ("FSOUTH11 SOUTH", "FNORTH11 SOUTH", "line 11 (##L)", "FSOUTH11"),
}


@pytest.mark.parametrize("wrong", BROKEN)
def test_broken_file_is_named(tmp_path: Path, wrong: str) -> None:
    old, new, element, detail = BROKEN[wrong]
    assert old in TEXT
    path = tmp_path / "broken.uct"
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(CaseError) as caught:
        read_net(path)
    assert str(caught.value).startswith("broken.uct: ")
    assert element in caught.value.element
    assert detail in str(caught.value)


@pytest.mark.long
def test_cut_anywhere_no_other_exception(tmp_path: Path) -> None:
    """A UCTE file has no end to miss: cut off it is another network, or refused by name."""
    path = tmp_path / "cut.uct"
    for length in range(1, len(TEXT), 97):
        path.write_text(TEXT[:length])
        assert refusal(path) == "" or refusal(path).startswith("cut.uct: ")
