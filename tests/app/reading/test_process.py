"""The process that reads files: what it reads, what it refuses, and that no file outgrows its limits."""

import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandapower
import pandapower.networks
import psutil
import pytest
from scipy.io import savemat

from app.engine.jobs import JobCancelledError
from app.reading.process import ReadingProcess
from grid.cases.cases import load_file
from grid.errors import CaseError
from tests.app.processes import gone
from tests.app.rig import wait_for
from tests.paths import DATA, ROOT

MEMORY_MB, MOST_S = 400.0, 60.0
NET = pandapower.to_json(pandapower.networks.case30())


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingProcess]:
    process = ReadingProcess(tmp_path_factory.mktemp("cache"), MEMORY_MB, MOST_S, "WARNING")
    process.prepare()
    yield process
    process.stop()


def mat(kind: int, body: bytes) -> bytes:
    """A MATLAB file of version 5 with one element."""
    return b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H2s2I", 0x0100, b"IM", kind, len(body)) + body


def wide_type() -> bytes:
    net = json.loads(NET)
    net["_object"]["load"]["dtype"]["name"] = "S2000000000"
    return json.dumps(net).encode()


def wide_array() -> bytes:
    net = json.loads(NET)
    net["_object"]["sn_mva"] = {"_module": "numpy", "_class": "array", "_object": ["x"], "dtype": "U500000000"}
    return json.dumps(net).encode()


def packed_zeros() -> bytes:
    """Of MATLAB: a compressed matrix of 720 MB in 0.7 MB."""
    pack, parts = zlib.compressobj(9), []
    head = struct.pack("<2I", 14, 8 * 90_000_000 + 48)
    parts.append(pack.compress(head + bytes(48)))
    parts.extend(pack.compress(bytes(8_000_000)) for _ in range(90))
    parts.append(pack.flush())
    return mat(15, b"".join(parts))


def sparse_columns() -> bytes:
    """Of MATLAB: a sparse matrix of 2e9 columns, which says so in 100 bytes."""
    flags = struct.pack("<4I", 6, 8, 5, 1)
    dims = struct.pack("<2I2i", 5, 8, 1, 2_000_000_000)
    name = struct.pack("<2I", 1, 3) + b"mpc".ljust(8, b"\0")
    rest = (
        struct.pack("<2I", 5, 4) + bytes(8) + struct.pack("<2I", 5, 4) + bytes(8) + struct.pack("<2I", 9, 8) + bytes(8)
    )
    return mat(14, flags + dims + name + rest)


def nested_texts() -> bytes:
    text = "[]"
    for _ in range(11):
        text = json.dumps([text, text])
    return text.encode()


def deep(opening: str, closing: str) -> bytes:
    return (opening * 200_000 + closing * 200_000).encode()


def many_rows() -> bytes:
    row = "\t1 1 0 0 0 0 1 1 0 1 1 1.1 0.9;\n"
    return ("function mpc = x\nmpc.version = '2';\nmpc.baseMVA = 100;\nmpc.bus = [\n" + row * 400_000 + "];\n").encode()


def struct_of_nothing() -> bytes:
    """Of MATLAB: a structure with 1e9 elements and no fields."""
    flags = struct.pack("<4I", 6, 8, 2, 0)
    dims = struct.pack("<2I2i", 5, 8, 1_000_000_000, 1)
    name = struct.pack("<2I", 1, 3) + b"mpc".ljust(8, b"\0")
    fields = struct.pack("<HHi", 5, 4, 32) + struct.pack("<2I", 1, 0)
    return mat(14, flags + dims + name + fields)


def mat_with(bus: object) -> bytes:
    out = io.BytesIO()
    savemat(out, {"mpc": {"version": "2", "baseMVA": 100.0, "bus": bus}}, do_compression=True)
    return out.getvalue()


def table_with(index: object) -> bytes:
    net = json.loads(NET)
    table = json.loads(net["_object"]["load"]["_object"])
    table["index"] = index
    net["_object"]["load"]["_object"] = json.dumps(table)
    return json.dumps(net).encode()


BOMBS: dict[str, Callable[[], bytes]] = {
    "dtype.json": wide_type,
    "array.json": wide_array,
    "lists.json": lambda: b"[" + b"[]," * 15_000_000 + b"[]]",
    "objects.json": lambda: b"[" + b"{}," * 6_000_000 + b"{}]",
    "numbers.json": lambda: b"[" + b"0," * 20_000_000 + b"0]",
    "deep.json": lambda: deep("[", "]"),
    "deepobjects.json": lambda: deep('{"a":', "}"),
    "texts.json": nested_texts,
    "digits.json": lambda: b'{"bus": ' + b"9" * 5_000_000 + b"}",
    "exponent.json": lambda: NET.replace("100.0", "1e999").encode(),
    "text.json": lambda: b'{"bus": "' + b"x" * 40_000_000 + b'"}',
    "escapes.json": lambda: b'{"bus": "' + b"\\u0041" * 6_000_000 + b'"}',
    "index.json": lambda: table_with(list(range(0, 2**40, 2**36))),
    "packed.mat": packed_zeros,
    "sparse.mat": sparse_columns,
    "struct.mat": struct_of_nothing,
    "zeros.mat": lambda: mat_with(np.zeros((1_000_000, 13))),
    "rows.m": many_rows,
    "brackets.m": lambda: b"mpc.bus = " + b"[" * 3_000_000,
    "sums.m": lambda: b"function mpc = x\nmpc.baseMVA = 1" + b"+1" * 3_000_000 + b";\n",
    "powers.m": lambda: b"function mpc = x\nmpc.baseMVA = " + b"2^" * 500_000 + b"2;\n",
    "statements.m": lambda: b"function mpc = x\n" + b"a = 1;\n" * 1_000_000,
}


SAMPLE = frozenset({"dtype.json", "lists.json", "digits.json", "texts.json", "packed.mat", "struct.mat", "sums.m"})


def test_a_file_is_read_as_it_is_read_here(reader: ReadingProcess, tmp_path: Path) -> None:
    path = DATA / "feeder33.m"
    here, there = load_file(path, tmp_path), reader.read(path)
    assert np.array_equal(here.network.base_voltage, there.network.base_voltage)
    assert here.report == there.report


def test_a_refusal_names_what_is_wrong(reader: ReadingProcess, tmp_path: Path) -> None:
    path = tmp_path / "wrong.m"
    path.write_bytes((DATA / "feeder33.m").read_bytes().replace(b"mpc.baseMVA = 10;", b"mpc.baseMVA = 0;"))
    with pytest.raises(CaseError) as here:
        load_file(path, tmp_path)
    with pytest.raises(CaseError) as there:
        reader.read(path)
    assert there.value.args == here.value.args
    assert there.value.file == "wrong.m"


def test_what_takes_too_long_is_given_up_and_the_next_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "grid.m"
    path.write_bytes((DATA / "feeder33.m").read_bytes())
    process = ReadingProcess(tmp_path / "cache", MEMORY_MB, 1e-3, "WARNING")
    try:
        with pytest.raises(CaseError, match=r"grid\.m: reading it takes more than 0\.001 s"):
            process.read(path)
        assert not process.running
    finally:
        process.stop()


def test_who_stops_waiting_ends_the_reading(reader: ReadingProcess) -> None:
    def cancelled() -> None:
        raise JobCancelledError("7")

    with pytest.raises(JobCancelledError):
        reader.read(DATA / "feeder33.m", cancelled)
    assert reader.read(DATA / "feeder33.m").network.n_bus == 33


def test_a_process_that_dies_is_told_of_and_started_anew(reader: ReadingProcess, tmp_path: Path) -> None:
    path = tmp_path / "rows.m"
    path.write_bytes(many_rows())  # seconds of work

    def kill() -> None:
        if reader.pid is not None:
            psutil.Process(reader.pid).kill()

    with pytest.raises(CaseError, match=r"rows\.m: reading it ended the process that reads files \(exit code -9\)"):
        reader.read(path, kill)
    assert reader.read(DATA / "feeder33.m").network.n_bus == 33


def test_it_leaves_when_nobody_asks_any_more(tmp_path: Path) -> None:
    process = ReadingProcess(tmp_path, MEMORY_MB, MOST_S, "WARNING", idle_s=0.2)
    process.prepare()
    assert process.running
    assert wait_for(lambda: not process.running)


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    words = (
        "import sys; from pathlib import Path; from app.reading.process import ReadingProcess;"
        "process = ReadingProcess(Path(sys.argv[1]), 400, 60, 'WARNING'); process.prepare();"
        "print(process.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", words, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert not gone(child)
        parent.kill()
    assert wait_for(lambda: gone(child))


@pytest.mark.parametrize(
    "name", [name if name in SAMPLE else pytest.param(name, marks=pytest.mark.long) for name in BOMBS]
)
def test_no_bomb_outgrows_the_limits(reader: ReadingProcess, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BOMBS[name]())
    before = psutil.Process().memory_info().rss
    with pytest.raises(CaseError, match=name):
        reader.read(path)
    assert psutil.Process().memory_info().rss - before < 30e6
    assert reader.read(DATA / "feeder33.m").network.n_bus == 33
