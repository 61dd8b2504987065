"""`make bench-optimiser`: the figures of the optimiser, written to docs/benchmarks/optimiser.md.

`python -m tests.benchmarks.optimiser [PART ...] [--seeds N]` makes some or all parts, with the policies that
`python -m tests.benchmarks.policies` has trained, and writes the report of all parts made so far: they are kept under
var/benchmarks. The feeders and their known optima are read from beside the project; without them there are no figures.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import torch
from threadpoolctl import threadpool_limits

from tests.benchmarks import report
from tests.benchmarks.optimiser_amortised import amortised, few_pairs, transfer
from tests.benchmarks.optimiser_live import live
from tests.benchmarks.optimiser_plans import plans
from tests.benchmarks.optimiser_static import static
from tests.benchmarks.policies import EPISODES, FEEDERS, FIRST_SEED, KEPT, NAMES, Scope, parser

PARTS: dict[str, Callable[[Scope], tuple[list[report.Figure], str]]] = {
    "static": static,
    **{f"amortised-{name}": partial(amortised, name=name, risk=False) for name in NAMES},
    **{f"risk-{name}": partial(amortised, name=name, risk=True) for name in NAMES},
    "pairs": few_pairs,
    "transfer": lambda _: transfer(),
    "plans": lambda _: plans(),
    "live": lambda _: live(),
}

NOTES = f"""
Policies: trained by the dashboard's own code for the {EPISODES} episodes of its first training, on one core; seeds
from {FIRST_SEED} on, as many as the tables say, none left out. Situations: load levels 0.3 to 1.1 with regional and
nodal variation, photovoltaics in 30 %, in training also outages, failure probabilities and risk weights, with a
memory of good configurations (ml/optimisation/switching/memory.py). 200 held-out situations a feeder, from a seed that
nothing is trained on. Gaps are to the best that any method finds in a situation, long local searches and all seeds
included; spread over seeds in brackets.

The judges see what the optimiser sees: its objective, its compiled power flow, and neighbours screened by predicted
change as its own branch exchange screens them. They begin with the present configuration, which is what branch exchange
makes of sequential opening for the case's own loads, or with sequential opening in the situation itself, whose time
counts. "Equal time" is the mean time of a decision. All times are of the processor, by one clock, measured in one run.
The dashboard's proposal is SmartGridOptimizer.propose with losses as the objective: all its methods, verification of
plans by full AC power flow and the order of switching included; savings below 0.01 % are not proposed.

Live figures are taken as soon as the policy is trained, while failure models (with city8) and forecasts are being
learned by other processes on the same cores, and again when all that is done.
Meshed grids: dispatch.md.
"""


def main() -> int:
    """Make some parts, by default all, and the report; returns the exit code."""
    command = parser("Make the figures of the optimiser.")
    report.add_parts(command, PARTS)
    given = command.parse_args()
    scope = Scope(count=given.seeds)
    if not FEEDERS.exists():
        print(f"skipped: there are no benchmark feeders at {FEEDERS}")
        return 0
    torch.set_num_threads(1)
    threadpool_limits(1)
    for name in given.part or PARTS:
        figures, text = PARTS[name](scope)
        KEPT.mkdir(parents=True, exist_ok=True)
        kept = {"figures": [asdict(figure) for figure in figures], "text": text}
        (KEPT / f"{name}.json").write_text(json.dumps(kept, default=bool), encoding="utf-8")
    _write_report()
    return 0


def _write_report() -> None:
    figures, texts = [], []
    for name in PARTS:
        path = KEPT / f"{name}.json"
        if not path.exists():
            figures.append(report.Figure(name, "not measured yet"))
            continue
        kept = json.loads(path.read_text(encoding="utf-8"))
        figures += [report.Figure(**values) for values in kept["figures"]]
        texts.append(kept["text"])
    report.write("optimiser", "The optimiser", "\n\n".join(filter(None, [*texts, NOTES])), figures)


if __name__ == "__main__":
    sys.exit(main())
