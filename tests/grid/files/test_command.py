"""`python -m grid.files check` and `export`: what they print, write and return, in words and as JSON."""

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


@pytest.mark.parametrize(("ending", "begins"), [(".m", "function mpc = clean_json"), (".json", "{")])
def test_a_file_is_written_as_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str, begins: str
) -> None:
    path, out = feeder(tmp_path / "clean.json"), tmp_path / f"out{ending}"
    assert main(["export", str(path), "--to", str(out)]) == 0
    told = capsys.readouterr().out
    assert told.startswith(
        f"{out}: the state of {path}\n  Not" if ending == ".json" else f"{out}: the state of {path}\n"
    )
    assert "Not in this file: costs of generators" in told
    assert out.read_text(encoding="utf-8").startswith(begins)
    assert main(["check", str(out)]) == 0


def test_a_built_in_case_is_written(tmp_path: Path) -> None:
    assert main(["export", "city8", "--to", str(tmp_path / "city8.m")]) == 0
    assert main(["check", str(tmp_path / "city8.m")]) == 0


def test_remarks_on_what_was_read_are_in_the_new_file(tmp_path: Path) -> None:
    out = tmp_path / "out.m"
    assert main(["export", str(feeder(tmp_path / "dc.json", dc_line=True)), "--to", str(out)]) == 1
    assert "% From the reading of the case: DC lines stand as two generators" in out.read_text(encoding="utf-8")


def test_a_file_without_a_state_is_written_with_a_flat_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.m"
    assert main(["export", str(feeder(tmp_path / "heavy.json", p_mw=4000.0)), "--to", str(out)]) == 1
    told = capsys.readouterr()
    assert "the base state has no solution" in told.err
    assert "the voltages are a flat start" in told.out
    assert "4000" in out.read_text(encoding="utf-8")


def test_what_cannot_be_written_is_refused_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = feeder(tmp_path / "clean.json")
    before = path.read_bytes()
    for file, out, words in (
        (path, tmp_path / "out.raw", "write to a file that ends in .json, for pandapower, or in .m, for MATPOWER"),
        (path, path, "this is the file that is read; write to another one"),
        (path, tmp_path / "no folder" / "out.m", "the file cannot be written (No such file or directory)"),
        (tmp_path / "gone.json", tmp_path / "out.m", "the file cannot be opened"),
        ("case0", tmp_path / "out.m", "no such case"),
    ):
        assert main(["export", str(file), "--to", str(out)]) == 2
        told = capsys.readouterr()
        assert words in told.err
        assert not told.out
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
