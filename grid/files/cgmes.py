"""CGMES (CIM) models, versions 2.4.15 and 3.0, as a zip archive of their profiles, by pandapower's converter.

Equipment (EQ), steady state hypothesis (SSH) and topology (TP) are needed; the state variables (SV) are what the
solution is compared with, and name the node whose angle is the reference where no machine has a priority as one. Tap
changers stay where SSH has them. Of several at one winding, or of one transformer of three windings, the converter
takes one, which is told.
"""

import logging
import re
import tempfile
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandapower
import pandas as pd
from pandapower.auxiliary import pandapowerNet
from pandapower.topology import unsupplied_buses

from grid.errors import CaseError
from grid.files.archive import Archive
from grid.files.findings import Findings, What
from grid.files.matpower.format import shorten

SUFFIXES = (".xml", ".rdf")
DECLARATIONS = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
MARK = b"http://iec.ch/TC57/"  # of the namespaces of any CIM
THIRD_EDITION = b"CIM100#"  # of CGMES 3.0
NEEDED = ((b"EquipmentCore", b"CoreEquipment"), (b"SteadyStateHypothesis",))  # in profiles' headers
NOT_CONVERTED = ("PowerElectronicsConnection", "VsConverter", "CsConverter")
TAP_CHANGERS = (
    "RatioTapChanger",
    "PhaseTapChangerLinear",
    "PhaseTapChangerSymmetrical",
    "PhaseTapChangerAsymmetrical",
    "PhaseTapChangerTabular",
)
Profiles = Mapping[str, Mapping[str, pd.DataFrame]]


def is_cgmes(archive: Archive) -> bool:
    """Whether an archive holds profiles."""
    return bool(archive.names(*SUFFIXES))


def read_cgmes(archive: Archive, found: Findings) -> pandapowerNet:
    """The network in an archive's profiles.

    found: where what isn't read is noted. Raises CaseError for XML that declares entities, which no profile needs, and
    for what the converter can't read.
    """
    profiles = {name: _checked(archive, name) for name in archive.names(*SUFFIXES)}
    for names in NEEDED:
        if not any(name in content for content in profiles.values() for name in names):
            problem = "a model has profiles of equipment and steady state hypothesis, with their headers"
            raise CaseError(archive.file, problem, "profile", value=names[0].decode())
    version = "3.0" if any(THIRD_EDITION in content[:4096] for content in profiles.values()) else "2.4.15"
    others = [name for name in archive.names("") if name not in profiles]
    found.add(What.FIELD_NOT_READ, others)
    net, cim = _convert(archive.file, list(profiles.values()), version)
    for table in net:
        if isinstance(net[table], pd.DataFrame) and "name" in net[table] and not table.startswith(("res_", "_")):
            net[table]["name"] = net[table]["name"].map(lambda name: name.strip() if isinstance(name, str) else name)
    counts = Counter(
        {
            kind: sum(len(re.findall(rb"<cim:%s\s" % kind.encode(), text)) for text in profiles.values())
            for kind in NOT_CONVERTED
        }
    )
    left_out = [f"{kind} ({count})" for kind, count in counts.items() if count]
    found.add(What.ELEMENT_NOT_READ, [*left_out, *(f"tap changers of {name} but one" for name in _several_taps(cim))])
    _hold_angle_references(net, cim)
    _keep_solution(net, cim)
    return net


def _checked(archive: Archive, name: str) -> bytes:
    content = archive.read(name)
    element = f"member {name!r}"
    if b"\0" in content or DECLARATIONS.search(content):
        raise CaseError(
            archive.file, "a profile is XML in UTF-8 that declares no document type and no entities", element
        )
    if MARK not in content[:4096]:
        raise CaseError(archive.file, "this XML isn't a profile of CGMES: it names no namespace of CIM", element)
    return content


def _convert(file: str, profiles: list[bytes], version: str) -> tuple[pandapowerNet, Profiles]:
    """The net and the parsed profiles; whatever the converter stumbles over becomes a CaseError."""
    from pandapower.converter.cim.cim2pp.from_cim import from_cim_dict  # noqa: PLC0415
    from pandapower.converter.cim.cim_classes import CimParser  # noqa: PLC0415

    logger = logging.getLogger("cim")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # what matters of it is raised
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            paths = [Path(folder) / f"{number}.xml" for number in range(len(profiles))]
            for path, content in zip(paths, profiles, strict=True):
                path.write_bytes(content)
            parser = CimParser(cgmes_version=version)
            parser.parse_files([str(path) for path in paths], prepare_cim_net=True, set_data_types=True)
            net = from_cim_dict(parser, cim_version=version, ignore_errors=False, create_tap_controller=False)
            return net, parser.get_cim_dict()
    except Exception as exc:
        problem = f"pandapower {pandapower.__version__} can't read this as CGMES {version}"
        raise CaseError(file, f"{problem} ({type(exc).__name__}: {shorten(exc, 120)})") from exc
    finally:
        logger.setLevel(level)


def _several_taps(cim: Profiles) -> list[str]:
    """Transformers of which the converter takes one tap changer: with several at one winding, or of three windings."""
    ends = cim["eq"]["PowerTransformerEnd"]
    taps = pd.concat(
        [cim["eq"][kind][["TransformerEnd"]] for kind in TAP_CHANGERS if "TransformerEnd" in cim["eq"][kind]]
    )
    owner = ends.set_index("rdfId")["PowerTransformer"]
    per_end = taps["TransformerEnd"].value_counts()
    windings, changers = owner.value_counts(), taps["TransformerEnd"].map(owner).value_counts()
    crowded = set(owner.loc[per_end.index[per_end > 1].intersection(owner.index)])
    crowded |= {one for one, count in changers.items() if count > 1 and windings[one] > 2}
    names = cim["eq"]["PowerTransformer"].set_index("rdfId")["name"]
    return sorted(str(names.get(one, one)).strip() for one in crowded)


def _hold_angle_references(net: pandapowerNet, cim: Profiles) -> None:
    """Where no machine has a reference priority, one at the angle's reference node of SV's island is the source."""
    islands = cim["sv"].get("TopologicalIsland", pd.DataFrame())
    references = islands.get("AngleRefTopologicalNode", pd.Series(dtype=object)).dropna()
    at = set(net.bus.index[net.bus["cim_topnode"].isin(references)]) & unsupplied_buses(net)
    able = net.gen.index[net.gen["bus"].isin(at) & net.gen["in_service"].astype(bool)]
    net.gen.loc[able[~net.gen.loc[able, "bus"].duplicated()], "slack"] = True


def _keep_solution(net: pandapowerNet, cim: Profiles) -> None:
    """Puts the voltages of SV into res_bus, where there are any."""
    state = cim["sv"]["SvVoltage"]
    if state.empty:
        return
    kv = pd.to_numeric(state.set_index("TopologicalNode")["v"], errors="coerce")
    kv = kv[~kv.index.duplicated()]
    vm_pu = net.bus["cim_topnode"].map(kv).to_numpy(np.float64) / net.bus["vn_kv"].to_numpy(np.float64)
    net["res_bus"] = pd.DataFrame({"vm_pu": np.where(vm_pu > 0, vm_pu, np.nan)}, index=net.bus.index)
