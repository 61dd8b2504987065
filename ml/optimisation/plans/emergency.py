"""What a plan makes of emergency values: which buses and branches it brings beyond their normal limits, and how far."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ml.optimisation.plans.limits import SHARE_TOLERANCE, permitted
from ml.optimisation.plans.plan import Action, Constraint, EmergencyUse, Margin, Requirements, Verdict
from ml.optimisation.plans.verification import OperatingPoint, Verifier

LIMITED = (Constraint.LOADING, Constraint.LOW_VOLTAGE, Constraint.HIGH_VOLTAGE)  # by values that have emergency ones


def emergency_uses(
    verifier: Verifier,
    operating_point: OperatingPoint,
    wanted: Requirements,
    present: Verdict,
    actions: Sequence[Action],
    after: Verdict,
) -> tuple[EmergencyUse, ...]:
    """The elements that a plan brings beyond what is permitted without emergency values, the farthest first.

    actions: of the plan, from the present state to the one after it; every state on the way counts.
    """
    if not wanted.has_emergency:
        return ()
    closed, found = present.closed.copy(), [after]
    for action in actions:
        closed[action.branch] = action.close
        on_the_way = verifier.verdict(operating_point, closed, wanted, present.state.voltage)
        found += [] if on_the_way is None else [on_the_way]
    bounds, uses = verifier.bounds.at(wanted), list[tuple[float, EmergencyUse]]()
    for constraint in LIMITED:
        farthest = np.max([verdict.excess.of(constraint) for verdict in found], axis=0)
        room = present.excess.headroom[constraint]
        beyond = farthest > permitted(constraint, present.excess, wanted, in_between=True) + SHARE_TOLERANCE
        for element in np.flatnonzero(beyond).tolist():
            value, limit, emergency = (
                bounds.value_at(constraint, element, float(share)) for share in (farthest[element], 0.0, room[element])
            )
            use = EmergencyUse(constraint=constraint, element=element, value=value, limit=limit, emergency=emergency)
            uses.append((float(farthest[element]), use))
    return tuple(use for _, use in sorted(uses, key=lambda one: -one[0]))


def by_emergency(margin: Margin, wanted: Requirements) -> Margin:
    """A margin with the emergency value as its limit, where that is what a restoration has to keep."""
    low, high, loading = wanted.emergency_min_vm_pu, wanted.emergency_max_vm_pu, wanted.emergency_loading_percent
    if margin.constraint is Constraint.LOADING and loading is not None:
        return replace(margin, limit=max(margin.limit, loading))
    if margin.constraint is Constraint.LOW_VOLTAGE and low is not None:
        return replace(margin, limit=min(margin.limit, low))
    if margin.constraint is Constraint.HIGH_VOLTAGE and high is not None:
        return replace(margin, limit=max(margin.limit, high))
    return margin
