"""Cases that people bring: read at once, refused in full, and never at the cost of the running one."""

import json
from pathlib import Path

import pandapower
import pandapower.networks
import pytest

from grid.errors import CaseError
from tests.app.rig import Rig
from tests.paths import DATA

FEEDER = (DATA / "feeder33.m").read_bytes()


def case30_json() -> bytes:
    return pandapower.to_json(pandapower.networks.case30()).encode()


def test_a_good_file_is_watched_from_the_next_cycle_on(rig: Rig) -> None:
    rig.services.cases.bring_in(rig.services.cases.uploaded("my grid.json", case30_json()))
    assert rig.run().case.network.name == "my grid.json"
    assert rig.now.case.network.n_bus == 30
    rig.services.cases.bring_in(rig.services.cases.uploaded("feeder33.m", FEEDER))
    assert rig.run().case.network.n_bus == 33


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.json", b"", "empty.json"),
        ("list.json", b"[1, 2]", "list.json"),
        ("cut.json", case30_json()[:5000], "cut.json"),
        ("picture.m", b"\x89PNG\r\n\x1a\n\x00\x00", "picture.m"),
        ("words.mat", b"no MATLAB file", "words.mat"),
        ("script.py", b"print(1)", "script.py"),
        ("", b"x", "upload"),
        ("x" * 5000 + ".m", b"x", "xxx"),
        ("feeder.m", FEEDER.replace(b"mpc.baseMVA = 10;", b"mpc.baseMVA = 0;"), "baseMVA"),
    ],
)
def test_wrong_files_are_refused_by_name_and_the_case_stays(rig: Rig, name: str, content: bytes, words: str) -> None:
    with pytest.raises(CaseError, match=words):
        rig.services.cases.bring_in(rig.services.cases.uploaded(name, content))
    assert rig.run().case.network.name == "city8"
    assert not rig.now.solved.stale


@pytest.mark.parametrize("name", ["../../etc/grid.json", "/etc/grid.json", "C:\\grids\\grid.json", "..\\grid.json"])
def test_folders_in_a_name_lead_nowhere(rig: Rig, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rig.services.cases.bring_in(rig.services.cases.uploaded(name, case30_json()))
    assert rig.run().case.network.n_bus == 30
    assert not list(tmp_path.rglob("*.json"))


def test_a_file_over_the_limit_is_refused(new_rig: object) -> None:
    rig: Rig = new_rig(upload_mb=0.01)  # type: ignore[operator]
    with pytest.raises(CaseError, match=r"the limit is 0\.01 MB"):
        rig.services.cases.bring_in(rig.services.cases.uploaded("big.json", case30_json()))


def test_paths_of_the_server_are_not_opened(rig: Rig, tmp_path: Path) -> None:
    file = tmp_path / "secret.json"
    file.write_bytes(case30_json())
    with pytest.raises(CaseError):
        rig.services.cases.load(str(file))
    answer = rig.post("/api/case", {"case": str(file)}, 422)
    assert "error" in answer


def test_an_unknown_name_is_answered_with_the_known_ones(rig: Rig) -> None:
    answer = rig.post("/api/case", {"case": "atlantis"}, 422)
    assert "city8" in answer["error"]
    assert json.dumps(answer)


def test_every_offered_name_can_be_asked_for(rig: Rig) -> None:
    offered = rig.get("/api/case")["cases"]
    assert "city8" in offered
    rig.post("/api/case", {"case": "case14"}, 202)
    assert rig.run().case.network.name == "case14"
    assert rig.get("/api/grid/state")["case"] == "case14"
