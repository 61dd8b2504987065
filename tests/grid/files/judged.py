"""What tests of the formats share: a file read and solved as the dashboard does it, up to its own network record."""

from pathlib import Path

import numpy as np
import pandapower
from pandapower.auxiliary import pandapowerNet

from grid.errors import CaseError
from grid.files.check import validate
from grid.files.equivalents import replace_equivalents
from grid.files.fileimport import read_net
from grid.files.findings import Finding, Findings, What


def solved(path: Path) -> tuple[pandapowerNet, dict[What, Finding]]:
    """The net in a file with its state, and what was found while it was read."""
    found = Findings()
    net = read_net(path, found)
    validate(net, path.name, found)
    replace_equivalents(net, path.name, found)
    pandapower.runpp(net, tolerance_mva=1e-8, init="dc", numba=False, calculate_voltage_angles=True)
    return net, {finding.what: finding for finding in found.found}


def loss_mw(net: pandapowerNet) -> float:
    """Of lines, transformers and impedances."""
    return float(sum(net[f"res_{table}"].pl_mw.sum() for table in ("line", "trafo", "impedance")))


def angle_gap(first: np.ndarray, second: np.ndarray) -> float:
    """The largest difference of two sets of angles in degrees, whole turns and the reference's own left aside."""
    turn = np.exp(1j * np.deg2rad(first - second))
    return float(np.rad2deg(np.abs(np.angle(turn / turn[0]))).max())


def refusal(path: Path) -> str:
    """Why a file isn't read, empty where it is; anything but a CaseError goes on."""
    found = Findings()
    try:
        validate(read_net(path, found), path.name, found)
    except CaseError as error:
        return str(error)
    return ""
