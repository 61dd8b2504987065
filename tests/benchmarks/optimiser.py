"""`make bench-optimiser`: the figures of the optimiser, written to docs/benchmarks/optimiser.md.

`python -m tests.benchmarks.optimiser [PART ...]` makes some or all parts, with the policies that
`python -m tests.benchmarks.policies` has trained, and writes the report of all parts made so far: they are kept under
var/benchmarks. The feeders and their known optima are read from beside the project; without them there are no figures.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict

import torch
from threadpoolctl import threadpool_limits

from tests.benchmarks import report
from tests.benchmarks.optimiser_amortised import amortised, few_pairs, transfer
from tests.benchmarks.optimiser_live import live
from tests.benchmarks.optimiser_plans import plans
from tests.benchmarks.optimiser_static import static
from tests.benchmarks.policies import FEEDERS, KEPT, SEEDS, STEPS

PARTS: dict[str, Callable[[], tuple[list[report.Figure], str]]] = {
    "static": static,
    "amortised": lambda: amortised(risk=False),
    "risk": lambda: amortised(risk=True),
    "pairs": few_pairs,
    "transfer": transfer,
    "plans": plans,
    "live": live,
}

NOTES = f"""
Policies: those of the product's SwitchingOptimizer, seeds {SEEDS[0]} to {SEEDS[-1]}, {STEPS} steps of REINFORCE each on
one core, on load levels 0.3 to 1.1 with regional and nodal variation, photovoltaics, outages, failure probabilities and
risk weights, with a memory of good configurations (ml/memory.py). Gaps are to the best that any method finds in a
situation, long local searches and all seeds included; spread over seeds in brackets. 200 held-out situations a feeder,
30 % of them with photovoltaics, from a seed that nothing is trained on. "Equal time" is the policy's median time a
decision, measured in the same run. Live figures are taken as soon as the policy is trained,
while failure models (with city8) are being trained in a process of their own and forecasts in a thread beside the
requests, and again when all that is done.
Meshed grids: dispatch.md.
"""


def main(parts: list[str]) -> int:
    """Make some parts, by default all, and the report; returns the exit code."""
    if not FEEDERS.exists():
        print(f"skipped: there are no benchmark feeders at {FEEDERS}")
        return 0
    torch.set_num_threads(1)
    threadpool_limits(1)
    for name in parts or list(PARTS):
        figures, text = PARTS[name]()
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
    sys.exit(main(sys.argv[1:]))
