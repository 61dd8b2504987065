"""`python -m tests.benchmarks.export_moments`: plans while a feeder exports, against the best known; export.md.

Photovoltaics of 150 % of a feeder's peak load stand at random load buses, and feed in more than the loads take. In each
moment the optimiser is asked as the dashboard asks it, and the best known state is searched for by other means: on 33
buses all radial configurations are ranked, on 84 many starts are exchanged and kicked for long. Both are judged by the
same verification. It takes some minutes of one core, and trains two policies first.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from pandapower import create_sgens

from grid.files.feeder_json import read_feeder
from grid.files.pandapower.convert import network_from_pandapower
from grid.flow.powerflow import Injection
from grid.network import IntArray, Network
from ml.optimisation.optimizer import SmartGridOptimizer
from ml.optimisation.plans.limits import Merit, broken
from ml.optimisation.plans.plan import Proposal, Requirements, Verdict
from ml.optimisation.plans.switching_order import safe_order
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.radial.local_search import SearchSpace, iterated_local_search, last, sequential_opening
from ml.optimisation.radial.trees import TreeDistribution
from ml.optimisation.switching.choice import Choice, Choices
from ml.optimisation.switching.optimizer import LEAST_SAVING
from tests.benchmarks.policies import EPISODES, FEEDERS, FIRST_SEED, in_training, train
from tests.benchmarks.report import Figure, at_most, write
from tests.ml.exhaustive import MOST_TREES, ranked, tree_count
from tests.ml.operating_points import HOURS, PRICE, PROBABILITY

NAMES = ("feeder33", "feeder84")
MOMENTS, SEED = 50, 1313
PV_OF_PEAK = 1.5
LEVELS = (0.3, 0.8)
OUTPUTS = (0.6, 1.0)  # of what photovoltaics can give: more than the highest level in each case
EQUIPPED = 0.4  # of the load buses
VERIFIED = 40  # of the best ranked
STARTS, ROUNDS = 12, 60  # random trees beside the present and sequential opening, and kicks of each
SAME_KW = 1e-3


@cache
def sunny_feeder(name: str) -> Network:
    """A feeder with photovoltaics at every load bus, which give nothing in the case's own state."""
    net = read_feeder(FEEDERS / f"{name}.json")
    create_sgens(net, net.load.bus.to_numpy(), p_mw=0.0)
    return network_from_pandapower(net, f"{name}pv", f"{net.name} with PV", state_is_secure=True)


@dataclass(frozen=True, eq=False, kw_only=True)
class ExportMoment:
    """A moment in which a feeder exports. level: of loads; output_mw: of all photovoltaics; load_mw: of all loads."""

    point: OperatingPoint
    level: float
    output_mw: float
    load_mw: float


def export_moments(network: Network, count: int, seed: int = SEED) -> Iterator[ExportMoment]:
    """Moments of a feeder by sunny_feeder: where photovoltaics stand, their sizes, their output and the load vary."""
    rng, own = np.random.default_rng(seed), Injection.of_case(network)
    peak, equipped = float(own.load_p_mw.sum()), network.generator.is_source.copy()
    panels = np.flatnonzero(~equipped)
    for _ in range(count):
        chosen = rng.choice(panels, max(1, round(EQUIPPED * len(panels))), replace=False)
        size = rng.uniform(0.2, 1.0, len(chosen))
        level, output = rng.uniform(*LEVELS), rng.uniform(*OUTPUTS)
        power = own.generator_p_mw.copy()
        power[chosen] = PV_OF_PEAK * peak * output * size / size.sum()
        injection = replace(
            own, load_p_mw=level * own.load_p_mw, load_q_mvar=level * own.load_q_mvar, generator_p_mw=power
        )
        point = OperatingPoint(
            injection=injection,
            closed=network.branch.closed & network.branch.in_service,
            available=network.branch.in_service.copy(),
            failure_probability=np.full(network.n_branch, PROBABILITY),
            loss_hours_per_year=HOURS,
            price_per_mwh=PRICE,
        )
        yield ExportMoment(point=point, level=level, output_mw=float(power[chosen].sum()), load_mw=level * peak)


@dataclass(frozen=True, eq=False, kw_only=True)
class Judged:
    """What the optimiser proposes, and the best known allowed state, the present one where none is better.

    ordered: whether that can be reached by an order of switching that is safe, as far as one was found.
    """

    moment: ExportMoment
    proposal: Proposal
    best: Verdict
    ordered: bool

    @property
    def better_known(self) -> bool:
        """Whether an allowed state that is worth switching is known."""
        present = self.proposal.present
        return Merit.of(self.best).improves_on(Merit.of(present), LEAST_SAVING * present.objective_kw)

    @property
    def missed(self) -> bool:
        """Whether there is no plan where a better state is known."""
        return self.better_known and self.proposal.plan is None

    @property
    def gap_percent(self) -> float:
        """By how much losses after the plan exceed the best known."""
        plan = self.proposal.plan
        reached = self.proposal.present if plan is None else plan.after
        return 100 * (reached.loss_kw / self.best.loss_kw - 1)


class ExportJudge:
    """Searches the best known state of a feeder's moments."""

    def __init__(self, network: Network) -> None:
        self._network, self._verifier = network, Verifier(network)
        self._choices = Choices(network, self._verifier.bounds)

    def judged(self, optimizer: SmartGridOptimizer, moment: ExportMoment, rounds: int = ROUNDS) -> Judged:
        """One moment. ValueError where it has no solution."""
        wanted, proposal = Requirements(), optimizer.propose(moment.point, Requirements())
        present = self._verifier.verdict(moment.point, moment.point.closed, wanted)
        if present is None:
            raise ValueError("the present state has no power flow solution")
        choice = self._choices.at(moment.point, wanted, present)
        known = [present] if proposal.plan is None else [present, proposal.plan.after]
        for opened in self._ranked(choice, rounds)[:VERIFIED]:
            verdict = self._verifier.verdict(moment.point, choice.closed(opened), wanted, present.state.voltage)
            if verdict is not None and not broken(verdict, present, wanted):
                known.append(verdict)
        best = min(known, key=Merit.of)
        ordered = safe_order(self._verifier, moment.point, wanted, present, best.closed) is not None
        return Judged(moment=moment, proposal=proposal, best=best, ordered=ordered)

    def _ranked(self, choice: Choice, rounds: int) -> IntArray:
        """(k, t) configurations worth verifying, the best first."""
        if tree_count(choice.loops) <= MOST_TREES:
            return ranked(choice.cost, choice.loops)[0]
        space = SearchSpace(loops=choice.loops, costs=choice.cost, predicted=choice.predicted)
        rng = np.random.default_rng(SEED)
        uniform = TreeDistribution(choice.loops, np.zeros((1, len(choice.loops.branch))))
        starts = [sequential_opening(choice.loops, choice.grid.closed_resistance_pu, choice.grid.demand_pu)]
        starts += [*uniform.sample(STARTS, rng)[0]] + ([] if choice.start is None else [choice.start])
        found = np.array([last(iterated_local_search(space, start, rounds, rng)).opened for start in starts])
        found = np.unique(np.sort(found, axis=1), axis=0)
        ends: IntArray = found[np.argsort(choice.cost(found), kind="stable")]
        return ends


def _figures(name: str, rows: list[Judged]) -> list[Figure]:
    """The table of one feeder."""
    plans, known = sum(one.proposal.plan is not None for one in rows), sum(one.better_known for one in rows)
    gaps = np.array([one.gap_percent for one in rows])
    exported = [one.moment.output_mw - one.moment.load_mw for one in rows]
    upward = sum(max(one.proposal.present.state.vm_pu) > one.proposal.present.state.vm_pu[0] for one in rows)
    violating = sum(one.proposal.present.excess.total > 0 for one in rows)
    unordered = sum(one.better_known and not one.ordered for one in rows)
    return [
        Figure(f"{name}: moments", f"{len(rows)}, exporting {min(exported):.2f} to {max(exported):.2f} MW less losses"),
        Figure("the same, with a voltage above the source's, with a limit broken now", f"{upward}, {violating}"),
        Figure("the same, with a better state that is allowed, as far as is known", str(known)),
        Figure("of these, without a known safe order", str(unordered)),
        Figure("the same, with a plan", str(plans)),
        at_most(
            "the same, without a plan where a better state is known", sum(one.missed for one in rows), 0, "moments"
        ),
        Figure("the same, losses above the best known, mean and worst", f"{gaps.mean():.4f} %, {gaps.max():.4f} %"),
        Figure("the same, with the best known losses", f"{(gaps < 1e-3).sum()} of {len(rows)}"),
    ]


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=MOMENTS, help="of each feeder")
    count = parser.parse_args().moments
    figures: list[Figure] = []
    for name in NAMES:
        network = sunny_feeder(name)
        optimizer = in_training(network, FIRST_SEED)
        if optimizer.episodes < EPISODES:
            optimizer = train(network, FIRST_SEED)
        judge, rows = ExportJudge(network), []
        for place, moment in enumerate(export_moments(network, count)):
            one = judge.judged(optimizer, moment)
            rows.append(one)
            plan = one.proposal.plan
            print(
                f"{name} {place}: level {moment.level:.2f}, PV {moment.output_mw:.2f} MW, "
                f"{one.proposal.present.loss_kw:.2f} kW now, best {one.best.loss_kw:.3f}, plan "
                f"{'none' if plan is None else f'{plan.after.loss_kw:.3f}'}, {one.proposal.reason}",
                flush=True,
            )
        figures += _figures(name, rows)
    write("export", "Plans while a feeder exports", NOTES, figures)


NOTES = f"""
`python -m tests.benchmarks.export_moments`. {MOMENTS} moments a feeder, by a fixed seed: photovoltaics of
{100 * PV_OF_PEAK:.0f} % of the peak load at {100 * EQUIPPED:.0f} % of the load buses, drawn anew with their sizes for
each moment, giving {100 * OUTPUTS[0]:.0f} to {100 * OUTPUTS[1]:.0f} % of that, while loads take
{100 * LEVELS[0]:.0f} to {100 * LEVELS[1]:.0f} % of their peak.
The optimiser answers with requirements that nobody has set, by the policy of the dashboard's first training. The best
known state of the feeder of 33 buses comes from all its radial configurations, ranked, the {VERIFIED} best verified by
AC power flow; of that of 84 buses from {STARTS + 2} starts (the present state, sequential opening, uniformly drawn
trees), each exchanged and kicked {ROUNDS} times. A better state is one that breaks no limit that the present one keeps,
and stands better by more than {100 * LEAST_SAVING:g} % of the losses: what brings less isn't proposed.
"""


if __name__ == "__main__":
    main()
