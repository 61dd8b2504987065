"""The present state as a file over the API: whoever reads it has the state that is shown."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandapower
import pytest
from numpy.testing import assert_allclose

from app.export.api import ExportFormat, file_name
from grid.cases.cases import load_file
from grid.files.export.pandapower_net import OWN_FIELD
from grid.flow.powerflow import GridState, Injection, PowerFlow
from grid.telemetry import EventKind
from tests.app.rig import Rig

EXPORT = "/api/case/export"
SUFFIX = {"pandapower": "json", "matpower": "m"}


def solved(rig: Rig, kind: str, folder: Path) -> GridState:
    """The state that our own reader finds in what is answered."""
    path = folder / f"answer.{SUFFIX[kind]}"
    path.write_bytes(rig.client.get(f"{EXPORT}?format={kind}").data)
    network = load_file(path, folder).network
    return PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)


def notes(rig: Rig) -> list[str]:
    net: Any = pandapower.from_json_string(rig.client.get(EXPORT).text)
    return list(net[OWN_FIELD]["notes"])


@pytest.mark.parametrize("kind", SUFFIX)
def test_a_file_is_a_download_that_names_case_and_time(rig: Rig, kind: str) -> None:
    response = rig.client.get(f"{EXPORT}?format={kind}")
    assert response.mimetype == {"pandapower": "application/json", "matpower": "text/plain"}[kind]
    told = rig.now.simulated_at
    assert response.headers["Content-Disposition"] == (
        f'attachment; filename="city8_{told:%Y%m%dT%H%M}.{SUFFIX[kind]}"'
    )
    assert response.headers["Cache-Control"] == "no-store"
    assert f"State of {told:%Y-%m-%dT%H:%M}" in response.text


def test_pandapower_is_what_is_given_unasked(rig: Rig) -> None:
    assert json.loads(rig.client.get(EXPORT).data)["_class"] == "pandapowerNet"


def test_another_format_is_refused_with_those_that_there_are(rig: Rig) -> None:
    refused = rig.get(f"{EXPORT}?format=psse", 422)
    assert refused == {
        "error": "format: must be one of pandapower, matpower, not 'psse'",
        "field": "format",
        "status": 422,
    }


@pytest.mark.parametrize("kind", SUFFIX)
def test_the_file_has_what_is_switched_set_and_drawn_now(
    new_rig: Callable[..., Rig], tmp_path: Path, kind: str
) -> None:
    rig = new_rig("cigre_mv")
    network = rig.now.case.network
    out = int(np.flatnonzero(network.branch.closed & (network.branch.length_km > 0))[3])
    rig.engine.add_event(EventKind.LINE_OUTAGE, out, 1.0)
    rig.engine.add_event(EventKind.LOAD_SURGE, None, 1.2)
    rig.run(3)
    shown, back = rig.now.solved.state, solved(rig, kind, tmp_path)
    assert not shown.closed[out]
    assert back.energised.sum() == shown.energised.sum()
    assert_allclose(np.sort(back.vm_pu), np.sort(shown.vm_pu), atol=2e-8)
    assert back.load_p_mw.sum() == pytest.approx(shown.load_p_mw.sum(), rel=1e-9)


@pytest.mark.parametrize("kind", SUFFIX)
def test_a_tap_that_was_moved_is_in_the_file(new_rig: Callable[..., Rig], tmp_path: Path, kind: str) -> None:
    rig = new_rig("simbench")
    tap = rig.now.case.network.branch.tap
    assert tap is not None
    branch = int(np.flatnonzero(np.isfinite(tap.position))[0])
    position = int(tap.position[branch]) + 2
    moved = {"kind": "branch", "target": branch, "tap_pos": position, "person": "Ann"}
    rig.post("/api/operations", moved, 202)
    rig.run(2)
    now = rig.now.case.network.branch.tap
    assert now is not None
    assert now.position[branch] == position
    back = solved(rig, kind, tmp_path)
    assert_allclose(np.sort(back.vm_pu), np.sort(rig.now.solved.state.vm_pu), atol=2e-8)


def test_a_stale_state_says_so_in_name_and_text(rig: Rig) -> None:
    rig.run(2)
    rig.engine.add_event(EventKind.LOAD_SURGE, None, 10.0)
    rig.run(2)
    assert rig.now.solved.stale
    assert file_name(rig.now, ExportFormat.MATPOWER).endswith("_stale.m")
    told = "This isn't the present state but the last that could be solved: What is measured has no power flow solution"
    assert told in rig.client.get(f"{EXPORT}?format=matpower").text
    assert any(told in note for note in notes(rig))


@pytest.mark.parametrize("kind", SUFFIX)
def test_a_grid_without_a_source_is_exported_as_it_is(rig: Rig, kind: str) -> None:
    for station in range(len(rig.now.case.network.generator)):
        rig.engine.add_event(EventKind.GENERATOR_TRIP, station, 1.0)
    rig.run(2)
    assert not rig.now.solved.state.energised.any()
    text = rig.client.get(f"{EXPORT}?format={kind}").text
    assert "8 buses without supply" in text
    assert "out of operation" in text


def test_priorities_that_people_give_are_in_the_file(rig: Rig) -> None:
    bus = int(rig.now.case.network.load.bus[0])
    rig.post("/api/priorities", {"target": bus, "priority": 5, "person": "Ann"}, 202)
    rig.run()
    net: Any = pandapower.from_json_string(rig.client.get(EXPORT).text)
    assert (net.load.priority[net.load.bus == bus] == 5).all()
    assert "customers" not in net.load  # nobody gave any
    assert "Priorities of supply aren't in the file." in rig.client.get(f"{EXPORT}?format=matpower").text


def test_file_names_are_what_file_systems_and_matlab_take(new_rig: Callable[..., Rig]) -> None:
    """MATPOWER loads a case by calling a function of the file's name."""
    rig = new_rig("simbench:1-LV-rural1--0-sw")
    assert file_name(rig.now, ExportFormat.MATPOWER).startswith("simbench_1_LV_rural1_0_sw_20260115T")
    network = replace(rig.now.case.network, name=f"../9 {'é' * 90}.m")
    odd = replace(rig.now, case=replace(rig.now.case, network=network))
    assert re.fullmatch(r"[A-Za-z]\w{0,62}\.m", file_name(odd, ExportFormat.MATPOWER), re.ASCII)


def test_readings_that_are_missing_are_told(rig: Rig) -> None:
    rig.engine.add_event(EventKind.SENSOR_GONE, rig.bus("Residential Hub"), 1.0)
    rig.run(2)
    assert not rig.now.solved.stale
    assert any("Readings are missing or can't be right: " in note for note in notes(rig))
