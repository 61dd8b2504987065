"""Reads a network that a person hands in, in any of the formats that are read."""

from pathlib import Path

import numpy as np
from pandapower.auxiliary import pandapowerNet

from grid.errors import CaseError
from grid.files.archive import Archive
from grid.files.cgmes import is_cgmes, read_cgmes
from grid.files.declared import require_modest
from grid.files.findings import Findings
from grid.files.matpower.case import read_mat, to_net
from grid.files.matpower.text import read_m
from grid.files.pandapower.json import read_json
from grid.files.power_grid_model.data import is_power_grid_model
from grid.files.power_grid_model.net import read_power_grid_model
from grid.files.psse.net import read_psse
from grid.files.pypsa.net import read_pypsa
from grid.files.pypsa.tables import is_csv_folder, read_csv_folder, read_netcdf
from grid.files.ucte import read_ucte

SUFFIXES = (".json", ".m", ".mat", ".nc", ".raw", ".uct", ".zip")
"""Kinds of file that are read, by the ending of their name, in capitals or not."""

REFUSED = {
    ".dss": "an OpenDSS script is a program: it reads and writes files as it runs, and its unbalanced grids have no "
    "counterpart here; run pandapower's from_opendss where it is trusted, and save the net as JSON"
}
"""Kinds of file that are known and not read, with why."""

IN_LATIN = (".m", ".raw", ".uct")
"""Kinds whose comments and names older programs write in Latin-1."""


def read_net(path: Path, found: Findings | None = None, name: str | None = None) -> pandapowerNet:
    """The network in a file, as it is: to be checked (grid.files.check) before anything is computed with it.

    Arguments: path of the file; found, where what was replaced or not read is noted; name of the net, by default the
    one it states, or the file's without ending.
    Result: a pandapower net, units as its columns say; nothing has been solved.
    Raises CaseError naming the file, the element, the field and the value that is wrong.
    """
    found = Findings() if found is None else found
    file, suffix = path.name, path.suffix.lower()
    if suffix in REFUSED:
        raise CaseError(file, REFUSED[suffix], field="ending", value=suffix)
    if suffix not in SUFFIXES:
        problem = f"a network file ends in {', '.join(SUFFIXES)}"
        raise CaseError(file, problem, field="ending", value=suffix or "none")
    with np.errstate(all="ignore"):  # what overflows isn't finite, which the check of the net says
        net = _read(path, suffix, found)
    net.name = name or net.name or path.stem
    return net


def _read(path: Path, suffix: str, found: Findings) -> pandapowerNet:
    file = path.name
    if suffix == ".json":
        text = read_text(path)
        return read_power_grid_model(text, file, found) if is_power_grid_model(text) else read_json(text, file)
    if suffix == ".m":
        return to_net(read_m(read_text(path), file), found)
    if suffix == ".zip":
        return _from_archive(Archive(_content(path), file), found)
    if suffix == ".nc":
        return read_pypsa(read_netcdf(_content(path), file), file, found)
    if suffix == ".uct":
        return read_ucte(read_text(path), file, found)
    if suffix == ".raw":
        return read_psse(read_text(path), file, found)
    _content(path)  # says that a file is missing or empty
    return to_net(read_mat(path, file), found)


def _from_archive(archive: Archive, found: Findings) -> pandapowerNet:
    if is_cgmes(archive):
        return read_cgmes(archive, found)
    if is_csv_folder(archive):
        return read_pypsa(read_csv_folder(archive), archive.file, found)
    raise CaseError(
        archive.file, "an archive holds the profiles of a CGMES model (.xml) or PyPSA's CSV files (buses.csv)"
    )


def read_text(path: Path) -> str:
    """The text of a file. CaseError where it can't be opened, is empty, is binary or in another code than UTF-8."""
    return _text(_content(path), path.name)


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise CaseError(path.name, f"the file cannot be opened ({exc.strerror})") from exc
    if not content.strip():
        raise CaseError(path.name, "the file is empty")
    require_modest(content, path.name)
    return content


def _text(content: bytes, file: str) -> str:
    """The text of a file in UTF-8, or, as older programs write it, in Latin-1."""
    if b"\0" in content:
        raise CaseError(file, "this is a binary file, not a text", field="byte", value=str(content.index(b"\0")))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        if file.lower().endswith(IN_LATIN):
            return content.decode("latin-1")
        raise CaseError(file, "this is not text in UTF-8", field="byte", value=str(exc.start)) from exc
