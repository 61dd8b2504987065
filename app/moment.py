"""The moment that the optimiser is told of, from a snapshot."""

import numpy as np

from app.snapshot import Snapshot
from grid.telemetry import EventKind
from ml.verification import Moment


def moment_of(snapshot: Snapshot, price_per_mwh: float) -> Moment:
    """Switch states, loads and failure probabilities of a snapshot; branches with an outage can't be closed."""
    available = snapshot.network.branch.in_service.copy()
    out = [event.target for event in snapshot.events if event.kind is EventKind.LINE_OUTAGE]
    available[np.array(out, dtype=np.int64)] = False
    return Moment(
        injection=snapshot.injection,
        closed=snapshot.frame.branch_closed & available,
        available=available,
        failure_probability=snapshot.risk.failure_probability,
        loss_hours_per_year=snapshot.loss_hours_per_year,
        price_per_mwh=price_per_mwh,
    )
