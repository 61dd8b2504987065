"""`python -m tests.benchmarks.conflicts`: requirements that nothing keeps, and what is named for it; conflicts.md.

Each set is asked as the dashboard asks, with its risk weight, and then again with exactly the named constraint given
up: then there must be a plan, or the present state must be permitted. What is reached then is checked here, by a power
flow of its own and by counting, not by the optimiser's verification. Where the answer says that one isn't enough, that
is judged as well: none of the named alone helps, and all of them together do. It takes a minute.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from app.settings import Settings
from grid.flow.contingency import n_minus_1
from grid.flow.powerflow import PowerFlow
from grid.network import Network
from ml.optimisation.optimizer import SmartGridOptimizer
from ml.optimisation.plans.conflicts import settled
from ml.optimisation.plans.plan import Constraint, Proposal, Requirements
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.radial.grid import operated_radially
from tests.benchmarks.report import Figure, write
from tests.benchmarks.restoration_cases import network_of
from tests.ml.operating_points import operating_point_at

RISK_WEIGHT = float(Settings.model_fields["optimiser_risk_weight"].default)
TOLERANCE_PU, TOLERANCE_PERCENT = 1e-5, 1e-2


@dataclass(frozen=True, kw_only=True)
class Infeasible:
    """A set of requirements that nothing keeps. out: branches out of service; named: constraints that may be blamed."""

    what: str
    grid: str
    wanted: Requirements
    named: frozenset[Constraint]
    level: float = 1.0
    out: tuple[int, ...] = ()

    @property
    def network(self) -> Network:
        """The grid."""
        return network_of(self.grid)

    @property
    def point(self) -> OperatingPoint:
        """The operating point."""
        return operating_point_at(self.network, level=self.level, out=self.out)


@dataclass(frozen=True, eq=False)
class _Sets:
    """Makes the sets of one grid."""

    name: str
    network: Network
    usual: Requirements = field(default_factory=lambda: Requirements(risk_weight=RISK_WEIGHT))

    @classmethod
    def named(cls, name: str) -> "_Sets":
        return cls(name, network_of(name))

    @property
    def ties(self) -> frozenset[int]:
        branch = self.network.branch
        return frozenset(np.flatnonzero(branch.in_service & ~branch.closed).tolist())

    @property
    def every(self) -> frozenset[int]:
        return frozenset(range(self.network.n_branch))

    @property
    def generators(self) -> frozenset[int]:
        return frozenset(range(len(self.network.generator)))

    def of(
        self, what: str, named: set[Constraint], level: float = 1.0, out: tuple[int, ...] = (), **asked: Any
    ) -> Infeasible:
        """One set: the field's values that Requirements are asked with."""
        wanted = replace(self.usual, **asked)
        return Infeasible(what=what, grid=self.name, wanted=wanted, named=frozenset(named), level=level, out=out)

    def limits(self) -> Iterator[Infeasible]:
        """Limits that no state of any of the grids keeps."""
        yield self.of("highest voltage 0.9 p.u.", {Constraint.HIGH_VOLTAGE}, max_vm_pu=0.9)
        yield self.of("lowest voltage 1.06 p.u.", {Constraint.LOW_VOLTAGE}, min_vm_pu=1.06)
        yield self.of("highest loading 10 %", {Constraint.LOADING}, max_loading_percent=10.0)
        yield self.of("N-1", {Constraint.N_MINUS_1}, n_minus_1=True)
        yield self.of(
            "highest voltage 0.9 p.u. and loading 10 %",
            {Constraint.HIGH_VOLTAGE, Constraint.LOADING},
            max_vm_pu=0.9,
            max_loading_percent=10.0,
        )

    def locks(self, out: int, level: float) -> Iterator[Infeasible]:
        """Locks of a grid that is operated radially. out: a branch whose outage leaves load dark at a load level."""
        locked = {Constraint.LOCKED}
        closed = self.every - self.ties
        yield self.of("all ties locked", locked, locked=self.ties)
        yield self.of("all closed branches locked", locked, locked=closed)
        yield self.of("a branch out, all branches locked", locked, level, (out,), locked=self.every)
        yield self.of("a branch out, all ties locked", locked, level, (out,), locked=self.ties)
        yield self.of("a branch out, highest voltage 0.9 p.u.", {Constraint.HIGH_VOLTAGE}, level, (out,), max_vm_pu=0.9)
        yield self.of("a branch out, highest loading 10 %", {Constraint.LOADING}, level, (out,), max_loading_percent=10)
        tie = min(self.ties)
        one = frozenset({tie})
        few = {Constraint.ACTIONS, Constraint.REQUIRED}
        two = frozenset(sorted(self.ties)[:2])
        yield self.of("two ties have to be used, one pair", few, required_closed=two, most_pairs=1)
        loop = {Constraint.REQUIRED, Constraint.LOCKED}
        yield self.of("a tie that has to be used is locked", loop, required_closed=one, locked=one)
        yield self.of("a tie has to be used, all closed branches locked", loop, required_closed=one, locked=closed)
        yield self.of("all branches have to be used", {Constraint.REQUIRED}, required_closed=self.every)
        yield self.of(
            "lowest voltage 1.06 p.u., all ties locked",
            {Constraint.LOCKED, Constraint.LOW_VOLTAGE},
            min_vm_pu=1.06,
            locked=self.ties,
        )
        yield self.of(
            "lowest voltage 1.06 p.u., N-1, one pair",
            {Constraint.LOW_VOLTAGE, Constraint.N_MINUS_1, Constraint.ACTIONS},
            min_vm_pu=1.06,
            n_minus_1=True,
            most_pairs=1,
        )

    def generator_locks(self, low_pu: float) -> Iterator[Infeasible]:
        """Locks of a meshed grid's generators. low_pu: a lowest voltage that some dispatch keeps, the present not."""
        yield self.of("all generators locked", {Constraint.LOCKED}, locked_generators=self.generators)
        yield self.of(
            f"lowest voltage {low_pu:g} p.u., all generators locked",
            {Constraint.LOCKED},
            min_vm_pu=low_pu,
            locked_generators=self.generators,
        )


def infeasible_sets() -> list[Infeasible]:
    """All that are judged."""
    city, baran = _Sets.named("city8"), _Sets.named("case33bw")
    few = {Constraint.LOW_VOLTAGE, Constraint.ACTIONS}
    return [
        *city.limits(),
        *city.locks(out=3, level=0.6),
        *baran.limits(),
        *baran.locks(out=9, level=0.6),
        baran.of("lowest voltage 0.935 p.u. with one pair", few, min_vm_pu=0.935, most_pairs=1),
        baran.of(
            "lowest voltage 0.935 p.u. with all ties locked", {Constraint.LOCKED}, min_vm_pu=0.935, locked=baran.ties
        ),
        baran.of("N-1 at light load, all ties locked", {Constraint.LOCKED}, 0.3, n_minus_1=True, locked=baran.ties),
        *(one for name in ("case14", "case30", "case118") for one in _Sets.named(name).limits()),
        *_Sets.named("case14").generator_locks(low_pu=1.02),
        *_Sets.named("case30").generator_locks(low_pu=0.97),
        *_Sets.named("case118").generator_locks(low_pu=0.95),
        _Sets.named("case14").of(
            "voltages between 1.04 and 1.045 p.u.",
            {Constraint.LOW_VOLTAGE, Constraint.HIGH_VOLTAGE},
            min_vm_pu=1.04,
            max_vm_pu=1.045,
        ),
    ]


@dataclass(frozen=True, eq=False, kw_only=True)
class Judged:
    """An answer, and what becomes of the question without what it names.

    freed: without exactly the named constraint. alone: whether that is enough, as the answer says. together: without
    all that it names. wrong: what speaks against the answer, empty where nothing does.
    """

    case: Infeasible
    answer: Proposal
    freed: Proposal | None
    alone: bool
    wrong: tuple[str, ...]

    @property
    def asset(self) -> str:
        """What is named beside the constraint."""
        network, reason = self.case.network, self.answer.reason
        if reason is None:
            return ""
        parts = []
        if reason.outage >= 0:
            parts.append(f"outage of {network.branch.name[reason.outage]} ({reason.outages} such)")
        margin = reason.margin
        if margin is not None and np.isfinite(margin.value):
            where = f" at {margin.element}" if margin.element else ""
            parts.append(f"{margin.value:.4g} {margin.unit}{where}, {margin.limit:.4g} asked")
        names = [network.branch.name[branch] for branch in reason.branches]
        names += [network.generator.name[generator] for generator in reason.generators]
        if names:
            parts.append(", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else ""))
        return "; ".join(parts)


def judged(case: Infeasible, optimizer: SmartGridOptimizer) -> Judged:
    """What the optimiser says of one set, and whether that is so."""
    answer = optimizer.propose(case.point, case.wanted)
    conflict, reason, wrong = answer.conflict, answer.reason, []
    if answer.plan is not None or conflict is None or reason is None:
        return Judged(case=case, answer=answer, freed=None, alone=False, wrong=("no conflict is named",))
    if conflict not in case.named:
        wrong.append(f"{conflict} is blamed")
    freed = optimizer.propose(case.point, case.wanted.without(conflict))
    together = optimizer.propose(case.point, case.wanted.without(conflict, *reason.also))
    alone = settled(freed)
    if alone == bool(reason.also):
        wrong.append("giving up the named is enough" if alone else "giving up the named isn't enough")
    wrong += [
        f"giving up {other} is enough" for other in reason.also
        if settled(optimizer.propose(case.point, case.wanted.without(other)))
    ]  # fmt: skip
    wrong += [
        f"giving up {other} instead isn't enough" for other in reason.instead
        if not settled(optimizer.propose(case.point, case.wanted.without(other)))
    ]  # fmt: skip
    wrong += missed_of(case, together)
    found = Judged(case=case, answer=answer, freed=freed, alone=alone, wrong=())
    if not found.asset:
        wrong.append("no asset is named")
    return replace(found, wrong=tuple(wrong))


def missed_of(case: Infeasible, answer: Proposal) -> Iterator[str]:
    """What the state that an answer comes to misses of what it was asked for, by a power flow of its own."""
    network, wanted = case.network, answer.requirements
    if not settled(answer):
        yield "giving up all that is named leaves no answer"
        return
    verdict = answer.present if answer.plan is None else answer.plan.after
    state = PowerFlow(network).solve(verdict.injection, verdict.closed)
    live = state.energised
    if wanted.min_vm_pu is not None and state.vm_pu[live].min() < wanted.min_vm_pu - TOLERANCE_PU:
        yield "the lowest voltage isn't kept"
    if wanted.max_vm_pu is not None and state.vm_pu[live].max() > wanted.max_vm_pu + TOLERANCE_PU:
        yield "the highest voltage isn't kept"
    if wanted.loading_is_set and np.nanmax(state.loading_percent) > wanted.max_loading_percent + TOLERANCE_PERCENT:
        yield "the highest loading isn't kept"
    changed = set(np.flatnonzero(verdict.closed != case.point.closed).tolist())
    if changed & wanted.locked:
        yield "a locked switch changes"
    if wanted.most_pairs is not None and (len(changed) + 1) // 2 > wanted.most_pairs:
        yield "too many switches change"
    if not verdict.closed[list(wanted.required_closed)].all():
        yield "a branch that has to be used isn't"
    locked = list(wanted.locked_generators)
    before, after = case.point.injection, verdict.injection
    moved = (before.generator_p_mw != after.generator_p_mw) | (before.generator_vm_pu != after.generator_vm_pu)
    if moved[locked].any():
        yield "a locked generator changes"
    if wanted.n_minus_1 and not operated_radially(network) and not n_minus_1(network, after, verdict.closed).secure:
        yield "N-1 isn't kept"


def main() -> None:
    """Measure and write the table."""
    optimizers: dict[str, SmartGridOptimizer] = {}
    figures, right, alone = [], 0, 0
    cases = infeasible_sets()
    for case in cases:
        optimizer = optimizers.setdefault(case.grid, SmartGridOptimizer(case.network))
        found = judged(case, optimizer)
        conflict, reason = found.answer.conflict, found.answer.reason
        also = "".join(f" and {other}" for other in reason.also) if reason is not None else ""
        also += "".join(f" or {other}" for other in reason.instead) if reason is not None else ""
        freed = found.freed
        after = (
            "nothing" if freed is None or not settled(freed) else "present state" if freed.plan is None else "a plan"
        )
        what = f"{case.grid}: {case.what}"
        said = f"{conflict}{also} ({found.asset}); without {conflict} alone: {after}"
        figures.append(Figure(what, said + "".join(f"; {words}" for words in found.wrong), "", not found.wrong))
        right, alone = right + (not found.wrong), alone + found.alone
        print(figures[-1], flush=True)
    head = [
        Figure("sets of requirements that nothing keeps", str(len(cases)), ">= 20", len(cases) >= 20),
        Figure("named rightly, with the asset", str(right), str(len(cases)), right == len(cases)),
        Figure("of these, giving up exactly the named one is enough", str(alone)),
        Figure("of these, it isn't, and the answer says what else", str(len(cases) - alone)),
    ]
    write("conflicts", "What requirements conflict with", NOTES, [*head, *figures])


NOTES = f"""
`python -m tests.benchmarks.conflicts`. Each set is asked with the dashboard's risk weight of {RISK_WEIGHT:g}, of the
untrained prior, then again without exactly the named constraint: it is named rightly where there is a plan then, or the
present state is permitted, and where the state reached keeps all the rest by a power flow of its own. Where two
things are impossible each by itself, giving up one isn't enough; the answer names both then, and both are judged:
neither alone is enough, together they are. 'Impossible' is what the optimiser finds: it verifies the best it knows,
which is no proof where the search isn't exhaustive.
"""


if __name__ == "__main__":
    main()
