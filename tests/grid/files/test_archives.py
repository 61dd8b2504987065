"""Zip archives: CGMES models have pypowsybl's state, and what harms is refused before it is expanded."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandapower.networks
import pypowsybl.network as powsybl
import pytest
from numpy.testing import assert_allclose
from pandapower.auxiliary import pandapowerNet
from pandapower.converter.matpower import to_mpc
from scipy.io import savemat

from grid.cases.cases import load_file
from grid.errors import CaseError
from grid.files.fileimport import read_net
from grid.files.findings import What
from tests.grid.files.judged import loss_mw, solved
from tests.grid.files.powsybl_judge import judge
from tests.grid.files.psse_cases import raw_text

HEAD = (
    b'<rdf:RDF xmlns:cim="http://iec.ch/TC57/2013/CIM-schema-cim16#" '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    b'xmlns:md="http://iec.ch/TC57/61970-552/ModelDescription/1#">'
)


def case39(folder: Path) -> powsybl.Network:
    """The New England system by way of a MATPOWER file."""
    net = pandapower.networks.case39()
    pandapower.runpp(net)
    savemat(folder / "case39.mat", to_mpc(net, init="results"))
    return powsybl.load(str(folder / "case39.mat"))


GRIDS: dict[str, Callable[[Path], powsybl.Network]] = {
    "ieee9": lambda _: powsybl.create_ieee9(),
    "ieee57": lambda _: powsybl.create_ieee57(),
    "case39": case39,
}


@pytest.mark.parametrize("name", GRIDS)
def test_cgmes_written_by_pypowsybl_without_a_state(tmp_path: Path, name: str) -> None:
    network = GRIDS[name](tmp_path)
    network.remove_extensions("slackTerminal", network.get_extensions("slackTerminal").index.to_list())
    network.save(str(tmp_path / "model.zip"), format="CGMES")
    net, found = solved(tmp_path / "model.zip")
    (chosen,) = found[What.SOURCE_CHOSEN].elements
    assert "at bus" in chosen
    at = net.bus.origin_id[net.gen.bus[net.gen.slack.astype(bool)]].str.removeprefix("_").iloc[0]
    _, _, loss = judge(network, network.get_bus_breaker_view_buses().bus_id[at])
    assert_same_voltages(net, network)
    assert loss_mw(net) == pytest.approx(loss, abs=1e-3)


@pytest.mark.parametrize("name", GRIDS)
def test_cgmes_with_a_state_has_its_source_at_the_reference_of_its_angles(tmp_path: Path, name: str) -> None:
    """pypowsybl gives no machine a reference priority."""
    network = GRIDS[name](tmp_path)
    reference = network.get_generators().target_p.idxmin()  # not the one that we would choose
    judge(network, network.get_generators().bus_id[reference])
    network.save(str(tmp_path / "model.zip"), format="CGMES")
    net, found = solved(tmp_path / "model.zip")
    assert What.SOURCE_CHOSEN not in found
    assert net.gen.name[net.gen.slack.astype(bool)].tolist() == [reference]
    assert_same_voltages(net, network)


def assert_same_voltages(net: pandapowerNet, network: powsybl.Network) -> None:
    view = network.get_bus_breaker_view_buses()
    nominal = network.get_voltage_levels().nominal_v.loc[view.voltage_level_id].to_numpy()
    vm_pu = (view.v_mag / nominal).loc[net.bus.origin_id.str.removeprefix("_")]
    assert_allclose(net.res_bus.vm_pu, vm_pu, atol=1e-6)


def test_tap_changers_that_are_not_converted_are_told_and_the_stored_state_differs(tmp_path: Path) -> None:
    (tmp_path / "grid.raw").write_text(raw_text(33))
    network = powsybl.load(str(tmp_path / "grid.raw"))
    judge(network)
    network.save(str(tmp_path / "model.zip"), format="CGMES")
    case = load_file(tmp_path / "model.zip", tmp_path)
    found = {finding.what: finding for finding in case.report.findings}
    assert found[What.ELEMENT_NOT_READ].elements == ("tap changers of T124 but one",)
    assert found[What.STORED_RESULT_DIFFERS].figure > 0.01


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of these members."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as made:
        for name, text in members.items():
            made.writestr(name, text)
    return content.getvalue()


def many_members() -> bytes:
    return archive({f"{number}.xml": b"" for number in range(10_000)}, zipfile.ZIP_STORED)


def gigabyte() -> bytes:
    """Ten members of 100 MB of zeros, in a megabyte."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(10):
            with made.open(f"{number}.xml", "w") as member:
                for _ in range(100):
                    member.write(bytes(1_000_000))
    return content.getvalue()


def understated() -> bytes:
    """A member of 10 MB whose entries say 100 bytes."""
    content = archive({"EQ.xml": HEAD + bytes(b" " * 10_000_000)})
    size = struct.pack("<I", len(HEAD) + 10_000_000)
    return content.replace(size, struct.pack("<I", 100))


EQUIPMENT = b"<md:Model.profile>http://entsoe.eu/CIM/EquipmentCore/3/1</md:Model.profile>"
HYPOTHESIS = b"<md:Model.profile>http://entsoe.eu/CIM/SteadyStateHypothesis/1/1</md:Model.profile>"
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE lol [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    + HEAD
    + b"&b;</rdf:RDF>"
)
HARMFUL: dict[str, tuple[Callable[[], bytes], str]] = {
    "10,000 members": (many_members, "at most 300 members"),
    "1 GB": (gigabyte, "expands to at most 200 MB"),
    "understated size": (understated, "EQ.xml"),
    "folder above": (lambda: archive({"../EQ.xml": HEAD}), r"leads out of the archive"),
    "folder above, other slash": (lambda: archive({"a\\..\\..\\EQ.xml": HEAD}), "leads out of the archive"),
    "absolute": (lambda: archive({"/etc/EQ.xml": HEAD}), "leads out of the archive"),
    "drive": (lambda: archive({"C:/EQ.xml": HEAD}), "leads out of the archive"),
    "entities": (lambda: archive({"EQ.xml": BOMB}), "no document type and no entities"),
    "entities in UTF-16": (lambda: archive({"EQ.xml": BOMB.decode().encode("utf-16")}), "no entities"),
    "other XML": (lambda: archive({"page.xml": b"<html></html>"}), "no namespace of CIM"),
    "cut XML": (lambda: archive({"EQ.xml": HEAD + EQUIPMENT + HYPOTHESIS + b"<cim:Line"}), "XMLSyntaxError"),
    "empty profile": (lambda: archive({"EQ.xml": HEAD + b"</rdf:RDF>"}), "EquipmentCore"),
    "headers only": (
        lambda: archive({"EQ.xml": HEAD + EQUIPMENT + HYPOTHESIS + b"</rdf:RDF>"}), "can't read this as CGMES 2.4.15"
    ),
    "no profile": (lambda: archive({"readme.txt": b"hello"}), "buses.csv"),
    "no archive": (lambda: b"PK, but not really", "no zip archive"),
    "cut archive": (lambda: archive({"EQ.xml": HEAD})[:-30], "no zip archive, or it is cut off"),
    "broken directory": (lambda: archive({"EQ.xml": HEAD}).replace(b"PK\x01\x02", b"PK\x01\x09"), "can't be read"),
    "broken member": (lambda: archive({"EQ.xml": HEAD}, 0).replace(b"iec.ch", b"iec,ch"), "can't be expanded"),
    "no hypothesis": (lambda: archive({"EQ.xml": HEAD + EQUIPMENT + b"</rdf:RDF>"}), "SteadyStateHypothesis"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HARMFUL)
def test_harmful_or_broken_archive_is_refused(tmp_path: Path, kind: str) -> None:
    make, problem = HARMFUL[kind]
    path = tmp_path / "odd.zip"
    path.write_bytes(make())
    with pytest.raises(CaseError, match=problem) as caught:
        read_net(path)
    assert str(caught.value).startswith("odd.zip: ")
    assert not list(tmp_path.parent.glob("EQ.xml"))
