"""Tap positions of transformers: what is known of them, and the grid at other ones.

A network never changes, so other positions make another one that shares everything else with it. The changer is an
ideal transformer at the terminal of its winding (MATPOWER's User's Manual, section 3.2, where it is at the from end):
pandapower has the same model, which tests compare.
"""

from dataclasses import dataclass, replace

import numpy as np

from grid.network import BranchKind, FloatArray, Network


@dataclass(frozen=True, kw_only=True)
class Tap:
    """The tap changer of one branch; see TapChangers of grid.network. bus: at whose end it sits."""

    position: float
    lowest: int
    neutral: float
    highest: int
    step_pu: float
    bus: int


def tap_of(network: Network, branch: int) -> Tap | None:
    """What is known of a branch's tap changer; None where the case gives none with all of its range."""
    branches = network.branch
    tap = branches.tap
    if tap is None or np.isnan(tap.position[branch]):
        return None
    return Tap(
        position=float(tap.position[branch]),
        lowest=int(tap.lowest[branch]),
        neutral=float(tap.neutral[branch]),
        highest=int(tap.highest[branch]),
        step_pu=float(tap.step_pu[branch]),
        bus=int((branches.to_bus if tap.at_to[branch] else branches.from_bus)[branch]),
    )


def checked_position(network: Network, branch: int, position: float) -> int:
    """A position that a branch's tap changer has. ValueError names the field, the branch and what is wrong."""
    name, kind, tap = network.branch.name[branch], network.branch.kind[branch], tap_of(network, branch)
    if tap is None:
        why = "only transformers have taps"
        if kind is BranchKind.TRANSFORMER:
            why = "no tap changer with a step and a lowest and highest position is known of it"
        raise ValueError(f"tap_pos: {name} can't be set to {position:g}; {why}")
    if not (tap.lowest <= position <= tap.highest and float(position).is_integer()):
        raise ValueError(f"tap_pos: {name} has whole positions from {tap.lowest} to {tap.highest}, not {position:g}")
    return int(position)


def positions_of(network: Network) -> FloatArray:
    """(m,) present positions, NaN where no tap changer is known."""
    tap = network.branch.tap
    return np.full(network.n_branch, np.nan) if tap is None else tap.position


def with_taps(network: Network, position: FloatArray) -> Network:
    """The network with its taps at other positions (m,); itself where none moves.

    Taps stay where a position is NaN, or none of theirs.
    """
    branch = network.branch
    tap = branch.tap
    if tap is None:
        return network
    moves = (position >= tap.lowest) & (position <= tap.highest) & (position != tap.position)
    if not moves.any():
        return network
    moved = np.where(moves, position, tap.position)
    winding_pu, before_pu = (1 + tap.step_pu * (at - tap.neutral) for at in (moved, tap.position))
    factor = np.where(moves, winding_pu / before_pu, 1.0)
    at_from, at_to = np.where(tap.at_to, 1.0, factor), np.where(tap.at_to, factor, 1.0)
    at_positions = replace(
        branch,
        yff=branch.yff / at_from**2,
        yft=branch.yft / factor,
        ytf=branch.ytf / factor,
        ytt=branch.ytt / at_to**2,
        r_pu=branch.r_pu * at_to**2,
        r_ohm=branch.r_ohm * at_to**2,
        x_ohm=branch.x_ohm * at_to**2,
        tap=replace(tap, position=moved),
    )
    return replace(network, branch=at_positions)
