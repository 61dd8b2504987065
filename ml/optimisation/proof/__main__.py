"""Command line of the proof: `python -m ml.optimisation.proof CASE [--gap 1e-4] [--time-limit 300]`."""

import argparse
import math
import sys
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from grid.cases.cases import load_case
from grid.flow.powerflow import Injection, PowerFlow
from grid.network import BoolArray, Network
from ml.optimisation.proof.proof import Proof, ProofError, Round, prove
from ml.optimisation.radial.grid import RadialGrid, operated_radially

CACHE_DIR = Path("var")
SEED = 1
SAME = 1e-9  # admittances are equal within this share


def main(arguments: list[str] | None = None) -> int:
    """Prove a case's radial configuration of least losses and print how.

    Returns 0 where it is proven, 1 where the time limit came first, 2 where the case can't be proven or read.
    """
    given = _parser().parse_args(arguments)
    try:
        network = load_case(given.case, CACHE_DIR).network
        notes, grid = left_out(network), RadialGrid.of(network)
        loops = grid.loops()
        print(f"{network.title}: {network.n_bus} buses, {network.n_branch} branches, {loops.ties} to be open")
        for note in notes:
            print(f"note: {note}")
        print(f"{'step':>14} {'lower kW':>12} {'upper kW':>12} {'gap %':>9} {'tangents':>9} {'seconds':>8}")
        with threadpool_limits(1):  # on small matrices, threads only wait for one another
            start, rng = loops.opened(network.branch.closed), np.random.default_rng(SEED)
            proof = prove(grid, start, rng, given.gap, given.time_limit, report=_print_round)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    _print_result(network, proof, given.time_limit)
    return 0 if proof.proven else 1


def left_out(network: Network) -> list[str]:
    """What the series-impedance model leaves out of a network, in words.

    Raises ProofError where a proof in that model would say nothing about the network: it isn't operated radially, has
    sources of different voltages or generators that hold voltage, or taps and phase shifts that aren't nominal.
    """
    branch, generator = network.branch, network.generator
    if not operated_radially(network):
        raise ProofError(f"{network.name} is not operated radially, or has no open branch that could be closed")
    source = generator.is_source
    if np.ptp(generator.vm_pu[source]) > SAME or np.ptp(generator.va_degree[source]) > SAME:
        raise ProofError("the sources have different voltages; the model merges them into one root")
    if generator.is_regulating.any():
        name = generator.name[int(np.argmax(generator.is_regulating))]
        raise ProofError(f"{name} holds its voltage; the model knows sources and constant powers only")
    uneven = _differ(branch.yft, branch.ytf, branch.yft) | _differ(branch.yff, branch.ytt, branch.yft)
    if (uneven & branch.in_service).any():
        name = branch.name[int(np.argmax(uneven & branch.in_service))]
        raise ProofError(f"{name} has a tap or a phase shift that is not nominal; the model has series impedances only")
    charging_mvar = network.base_mva * float((branch.yff + branch.yft)[branch.in_service].imag.sum()) * 2
    shunts_mva = network.base_mva * float(np.abs(network.bus.shunt_pu).sum())
    kinds = (charging_mvar, "Mvar of charging of branches"), (shunts_mva, "MVA of shunts at buses")
    return [
        f"{amount:.3g} {kind} is left out: the proof holds for series impedances only"
        for amount, kind in kinds
        if abs(amount) > 1e-6
    ]


def _differ(one: np.ndarray, other: np.ndarray, scale: np.ndarray) -> BoolArray:
    different: BoolArray = np.abs(one - other) > 1e3 * SAME * np.abs(scale)
    return different


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ml.optimisation.proof", description="Prove which radial configuration of a case loses least."
    )
    parser.add_argument("case", metavar="CASE", help="a case as the dashboard's --case takes it, e.g. feeder:PATH")
    parser.add_argument("--gap", type=_positive, default=1e-4, help="share of the losses that counts as equal")
    parser.add_argument("--time-limit", type=_positive, default=300.0, help="seconds")
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError("a number above zero is needed")
    return number


def _print_round(done: Round) -> None:
    print(
        f"{done.step:>14} {done.lower_kw:12.4f} {done.upper_kw:12.4f} {100 * done.gap:9.4f} {done.tangents:9d} "
        f"{done.seconds:8.1f}",
        flush=True,
    )


def _print_result(network: Network, proof: Proof, time_limit_s: float) -> None:
    best, bound = f"{proof.loss_kw:.4f} kW", f"{proof.lower_kw:.4f} kW"
    if proof.proven:
        print(f"proven: this configuration loses {best}, no radial one loses less than {bound}")
    else:
        gap = f"{100 * proof.rounds[-1].gap:.3f} %"
        print(f"NOT proven within {time_limit_s:g} s: the best known loses {best}, the bound is {bound}, the gap {gap}")
    print(f"open: {', '.join(network.branch.name[branch] for branch in proof.opened)}")
    flow, injection, present = PowerFlow(network), Injection.of_case(network), network.branch.closed
    flat = np.full(network.n_bus, network.base_voltage[network.source_buses[0]])  # far states are not near the present
    after, before = (1000 * flow.solve(injection, closed, flat).total_loss_mw for closed in (proof.closed, present))
    print(f"by full AC power flow: {after:.4f} kW, in the present state {before:.4f} kW")


if __name__ == "__main__":
    sys.exit(main())
