"""`python -m grid.files check`: what it prints and returns, in words and as JSON."""

import json
from pathlib import Path

import pandapower
import pytest

from grid.files.__main__ import main


def feeder(path: Path, p_mw: float = 1.0, dc_line: bool = False) -> Path:
    """A network file: three buses in a row."""
    net = pandapower.create_empty_network()
    buses = pandapower.create_buses(net, 3, 20.0, min_vm_pu=0.9, max_vm_pu=1.1)
    pandapower.create_ext_grid(net, buses[0])
    for start, end in ((0, 1), (1, 2)):
        pandapower.create_line_from_parameters(net, buses[start], buses[end], 3.0, 0.3, 0.2, 10.0, 0.4)
    pandapower.create_load(net, buses[2], p_mw)
    if dc_line:
        pandapower.create_dcline(net, 1, 2, 0.5, 1.0, 0.01, 1.0, 1.0, name="link")
    pandapower.to_json(net, str(path))
    return path


def test_a_clean_file_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = feeder(tmp_path / "clean.json")
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: 3 buses, 2 lines, 1 load, 1 external grid\n"


def test_remarks_are_told_and_returned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = feeder(tmp_path / "dc.json", dc_line=True)
    assert main(["check", str(path)]) == 1
    told = capsys.readouterr().out
    assert 'replaced: DC lines stand as two generators each, 0.5 MW as scheduled: dcline 0 "link"' in told


def test_json_of_several_files_one_of_them_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean, heavy = feeder(tmp_path / "clean.json"), feeder(tmp_path / "heavy.json", p_mw=4000.0)
    assert main(["check", "--json", str(clean), str(heavy), str(tmp_path / "gone.json")]) == 2
    first, second, third = json.loads(capsys.readouterr().out)
    assert first["counts"] == {"bus": 3, "line": 2, "load": 1, "ext_grid": 1}
    assert first["findings"] == []
    assert "% of load and generation solves" in second["refused"]["problem"]
    assert third["refused"]["problem"].startswith("the file cannot be opened")
