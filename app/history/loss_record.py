"""The losses of recorded hours, added up as a page asks for them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from app.forecasting.report import LossRecord, moment64
from app.history.hourly import Hour
from grid.flow.loss_breakdown import BranchLevels, non_technical
from grid.network import Network


def loss_record(
    network: Network, recorded: Sequence[Hour], start: datetime, hours: int, price_per_mwh: float
) -> LossRecord | None:
    """Of the recorded hours within hours from start on; None where there is none."""
    end = start + timedelta(hours=hours)
    found = [hour for hour in recorded if start <= hour.start < end]
    if not found:
        return None
    shunt = np.array([hour.shunt_mw for hour in found])
    technical = np.array([hour.loss_mw for hour in found]) + shunt
    fed_in, delivered = (np.array([[one] for one in values]) for values in zip(
        *((hour.fed_in_mw, hour.delivered_mw) for hour in found), strict=True
    ))  # fmt: skip
    return LossRecord(
        time=np.array([moment64(hour.start) for hour in found]),
        levels=BranchLevels.of(network),
        level_mwh=np.stack([hour.level_mw for hour in found]),
        branch_mwh=np.sum([hour.branch_loss_mw for hour in found], axis=0, dtype=float),
        shunt_mwh=shunt,
        non_technical=non_technical(fed_in, delivered, technical),
        price_per_mwh=price_per_mwh,
    )
