"""How switches are worked and branches repaired, after the settings."""

import numpy as np

from app.settings import Settings
from grid.network import BranchKind, Network
from ml.optimisation.plans.timeline import FieldWork

ALL = "all"  # `none` is no name of a switch


def field_work_of(settings: Settings, network: Network) -> FieldWork:
    """The field work of a network. Names of switches that it doesn't have are of another case's."""
    named = {name.strip() for name in settings.hand_switches.split(";")}
    by_hand = np.array([ALL in named or name in named for name in network.branch.name], dtype=bool)
    hours = {
        BranchKind.LINE: settings.repair_hours_line,
        BranchKind.CABLE: settings.repair_hours_cable,
        BranchKind.TRANSFORMER: settings.repair_hours_transformer,
        BranchKind.IMPEDANCE: settings.repair_hours_line,
    }
    return FieldWork(
        by_hand=by_hand if by_hand.any() else None,
        remote_minutes=settings.remote_minutes,
        hand_minutes=settings.hand_minutes,
        travel_km_per_h=settings.travel_km_per_h,
        travel_minutes=settings.travel_minutes,
        crews=settings.crews,
        repair_hours=hours,
    )
