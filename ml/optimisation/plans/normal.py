"""The return to normal after a repair: which switch states that means, and the verified way back to them.

Normal are the switch states that held before a disturbance. A restoration leaves others; they stay the present ones
after the repair, until somebody goes back, or switches otherwise and thereby chooses another normal state.
"""

from dataclasses import dataclass

import numpy as np

from grid.network import BoolArray
from ml.optimisation.plans.limits import broken
from ml.optimisation.plans.plan import Constraint, Plan, Requirements
from ml.optimisation.plans.switching_order import safe_order
from ml.optimisation.plans.verification import OperatingPoint, Verifier, plan_between


class NormalSwitching:
    """Knows which switch states are normal, from one cycle to the next."""

    def __init__(self) -> None:
        self._normal: BoolArray | None = None  # None before the first cycle without a disturbance
        self._left: BoolArray | None = None  # the states that a disturbance has left
        self._disturbed = False

    def observe(self, closed: BoolArray, faulty: bool, dark: bool, switching: bool) -> BoolArray | None:
        """The switch states (m,) to go back to; None while the present ones, closed (m,), are normal.

        faulty: whether something is out or not repaired yet: nobody goes back before. dark: whether load has no supply,
        which isn't normal either. switching: whether orders are under way.
        """
        if faulty:
            self._disturbed, self._left = True, None
            return None
        if dark and self._normal is None:
            return None
        self._disturbed |= dark
        if self._disturbed and self._normal is not None:
            self._left = closed if self._left is None else self._left
            back = bool((closed == self._normal).all())
            chosen = not (switching or dark) and bool((closed != self._left).any())
            if not back and not chosen:
                return self._normal
        self._normal, self._disturbed, self._left = closed.copy(), False, None
        return None


@dataclass(frozen=True, eq=False, kw_only=True)
class WayBack:
    """The return to normal switch states. plan: None where there is no safe one.

    broken: limits that the normal state itself would break now, so that it isn't gone back to. barred: branches (b,)
    that it needs closed and nobody may close.
    """

    plan: Plan | None = None
    broken: tuple[Constraint, ...] = ()
    barred: tuple[int, ...] = ()


def way_back(verifier: Verifier, operating_point: OperatingPoint, wanted: Requirements, normal: BoolArray) -> WayBack:
    """The way from the present switch states to normal (m,), whatever that saves. ValueError where the present has no
    solution.
    """
    present = verifier.verdict(operating_point, operating_point.closed, wanted)
    if present is None:
        raise ValueError("the present state has no power flow solution")
    fixed = np.zeros(len(normal), dtype=bool)
    fixed[list(wanted.locked)] = True
    barred = (normal & ~operating_point.available) | (fixed & (normal != operating_point.closed))
    if barred.any():
        return WayBack(barred=tuple(int(branch) for branch in np.flatnonzero(barred)))
    after = verifier.verdict(operating_point, normal, wanted, present.state.voltage)
    if after is None:
        return WayBack()
    missed = broken(after, present, wanted)
    if missed:
        return WayBack(broken=missed)
    actions = safe_order(verifier, operating_point, wanted, present, normal)
    if not actions:
        return WayBack()
    return WayBack(plan=plan_between(verifier.network, operating_point, wanted, present, after, actions, returns=True))
