"""Networks of PyPSA: the state is the one of its own power flow, from netCDF and from CSV files alike."""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pypsa
import pytest
from numpy.testing import assert_allclose

from grid.errors import CaseError
from grid.files.fileimport import read_net
from grid.files.findings import What
from tests.grid.files.judged import angle_gap, loss_mw, solved

pytestmark = pytest.mark.filterwarnings("ignore")  # PyPSA's own, of the libraries below it


def network(with_link: bool = False) -> pypsa.Network:
    """Two levels, two transformers of either model with ratios at either side, units of all controls, two snapshots."""
    n = pypsa.Network(snapshots=["2026-01-01", "2026-01-02"])
    for name, kv in (("A", 110.0), ("B", 110.0), ("C", 20.0), ("D", 20.0)):
        n.add("Bus", name, v_nom=kv, v_mag_pu_set=1.02 if name == "A" else 1.0)
    n.add("Line", "typed", bus0="A", bus1="B", type="243-AL1/39-ST1A 110.0", length=20)
    n.add("Line", "cable", bus0="C", bus1="D", r=1.0, x=2.0, b=1e-5, g=1e-6, s_nom=20)
    n.add("Line", "spare", bus0="C", bus1="D", r=1.0, x=2.0, s_nom=20, active=False)
    n.add("Transformer", "star", bus0="B", bus1="C", r=0.01, x=0.1, g=0.001, b=-0.01, s_nom=40, tap_ratio=0.98)
    n.add("Transformer", "delta", bus0="A", bus1="C", r=0.005, x=0.12, g=0.001, b=-0.002, s_nom=40, tap_ratio=1.02,
          tap_side=1, phase_shift=3, model="pi")  # fmt: skip
    n.add("Load", "town", bus="C", p_set=[10, 11], q_set=2)
    n.add("Load", "mill", bus="D", p_set=5, q_set=1)
    n.add("Generator", "main", bus="A", control="Slack", p_nom=100)
    n.add("Generator", "sun", bus="D", p_set=[3, 4], q_set=0.5, p_nom=5)
    n.add("Generator", "plant", bus="B", p_set=[3, 4], control="PV", p_nom=5)
    n.add("StorageUnit", "battery", bus="D", p_set=1.0, p_nom=2)
    n.add("ShuntImpedance", "coil", bus="D", b=-1e-3, g=1e-4)
    if with_link:
        n.add("Bus", "heat", carrier="heat")
        n.add("Generator", "boiler", bus="heat", control="Slack")
        n.add("Link", "pump", bus0="D", bus1="heat")
        n.add("Store", "tank", bus="heat")
    n.calculate_dependent_values()
    return n


def write(n: pypsa.Network, folder: Path, suffix: str) -> Path:
    """A network as PyPSA exports it."""
    path = folder / f"grid{suffix}"
    if suffix == ".nc":
        n.export_to_netcdf(path)
        return path
    n.export_to_csv_folder(folder / "csv")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((folder / "csv").iterdir()):
            archive.write(file, f"my grid/{file.name}")
    return path


@pytest.mark.parametrize("suffix", [".nc", ".zip"])
def test_state_is_pypsas(tmp_path: Path, suffix: str) -> None:
    n = network()
    net, found = solved(write(n, tmp_path, suffix))
    n.pf(x_tol=1e-10)
    first = n.snapshots[0]
    assert net.bus.name.tolist() == list(n.buses.index)
    assert_allclose(net.res_bus.vm_pu, n.buses_t.v_mag_pu.loc[first], atol=1e-9)
    assert angle_gap(net.res_bus.va_degree.to_numpy(), np.rad2deg(n.buses_t.v_ang.loc[first].to_numpy())) < 1e-6
    flows = [table.p0.loc[first].sum() + table.p1.loc[first].sum() for table in (n.lines_t, n.transformers_t)]
    of_shunts = net.res_shunt.p_mw[net.shunt.name.str.endswith(", shunt")].sum()
    assert loss_mw(net) + of_shunts == pytest.approx(sum(flows), abs=1e-6)
    assert What.ELEMENT_NOT_READ not in found
    assert found[What.BRANCH_SHUNT].elements == ("cable", "star", "delta")
    assert int((~net.line.in_service).sum()) == 1


@pytest.mark.parametrize("suffix", [".nc", ".zip"])
def test_what_is_not_read_is_named(tmp_path: Path, suffix: str) -> None:
    _, found = solved(write(network(with_link=True), tmp_path, suffix))
    assert found[What.ELEMENT_NOT_READ].elements == ("link pump", "store tank")
    assert found[What.FIELD_NOT_READ].elements == ("bus heat", "generator boiler")


def test_slack_is_chosen_where_no_unit_has_it(tmp_path: Path) -> None:
    n = network()
    n.generators.loc["main", "control"] = "PV"
    _, found = solved(write(n, tmp_path, ".nc"))
    assert found[What.SOURCE_CHOSEN].elements == ('gen 0 "main" at bus 1 "A"',)


BROKEN = {
    "unknown bus": ("loads.csv", "mill,D", "mill,E", "loads 'mill'", "bus = E: there is no bus of this name"),
    "load in words": ("loads.csv", "mill,D,5.0", "mill,D,five", "loads 'mill'", "p_set = five: this is not a number"),
    "kV of 0": ("buses.csv", "A,110.0", "A,0", "buses 'A'", "v_nom = 0"),
    "NaN power": ("loads.csv", "mill,D,5.0", "mill,D,inf", "loads 'mill'", "p_set = inf"),
    "control": ("generators.csv", "main,A,Slack", "main,A,Boss", "generators 'main'", "control = Boss"),
    "bus twice": ("buses.csv", "B,110.0", "A,110.0", "buses 'A'", "this name occurs before"),
    "short row": ("loads.csv", "mill,D,5.0,1.0", "mill,D,5.0", "loads.csv", "each row has 4 values"),
}


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The network's CSV files."""
    with zipfile.ZipFile(write(network(), tmp_path_factory.mktemp("grid"), ".zip")) as archive:
        return {name.rpartition("/")[2]: archive.read(name).decode() for name in archive.namelist()}


def archive_of(members: dict[str, str], path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize("wrong", BROKEN)
def test_broken_table_is_named(tmp_path: Path, members: dict[str, str], wrong: str) -> None:
    member, old, new, element, detail = BROKEN[wrong]
    assert old in members[member]
    path = archive_of({**members, member: members[member].replace(old, new, 1)}, tmp_path / "broken.zip")
    with pytest.raises(CaseError) as caught:
        read_net(path)
    assert str(caught.value).startswith("broken.zip: ")
    assert element in caught.value.element
    assert detail in str(caught.value)


def test_type_that_is_not_resolved(tmp_path: Path) -> None:
    n = pypsa.Network()
    n.add("Bus", ["A", "B"], v_nom=110.0)
    n.add("Generator", "main", bus="A", control="Slack")
    n.add("Line", "typed", bus0="A", bus1="B", type="243-AL1/39-ST1A 110.0", length=20)
    with pytest.raises(CaseError, match=r"lines 'typed', type = .*calculate_dependent_values"):
        read_net(write(n, tmp_path, ".nc"))


def stored(**sets: object) -> bytes:
    """An HDF5 file of data sets."""
    content = io.BytesIO()
    with h5py.File(content, "w") as store:
        for name, value in sets.items():
            store[name] = value
    return content.getvalue()


def huge() -> bytes:
    """A hundred million buses' voltages, compressed to nothing."""
    content = io.BytesIO()
    with h5py.File(content, "w") as store:
        store["buses_i"] = np.array(["A"], dtype=h5py.string_dtype())
        store.create_dataset(
            "buses_v_nom", shape=(100_000_000,), chunks=(1_000_000,), dtype="f8", compression="gzip", fillvalue=1.0
        )
    return content.getvalue()


def outside() -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as store:
        store["buses_i"] = np.array(["A"], dtype=h5py.string_dtype())
        store["buses_v_nom"] = h5py.ExternalLink("/etc/secret.h5", "/v_nom")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"CDF\x01 an older netCDF", "no netCDF-4"),
        (b"\x89HDF\r\n\x1a\n and nothing more", "can't be read as netCDF"),
        (stored(lines_i=[1, 2]), "at least one bus"),
        (stored(buses_i=[1, 2], buses_v_nom=[110.0]), "a value for each of the 2 components"),
        (huge(), "at most 4,000,000 values"),
        (outside(), "of the file's own"),
    ],
)
def test_file_that_is_no_network(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "odd.nc").write_bytes(content)
    with pytest.raises(CaseError, match=problem) as caught:
        read_net(tmp_path / "odd.nc")
    assert str(caught.value).startswith("odd.nc: ")


def test_netcdf_cut_off(tmp_path: Path) -> None:
    content = write(network(), tmp_path, ".nc").read_bytes()
    for share in (0.1, 0.5, 0.9, 0.99):
        (tmp_path / "cut.nc").write_bytes(content[: int(share * len(content))])
        with pytest.raises(CaseError, match=r"cut\.nc: "):
            read_net(tmp_path / "cut.nc")
