"""`make bench-optimiser`: the figures of the optimiser, written to docs/benchmarks/optimiser.md.

`python -m tests.benchmarks.optimiser` makes all of them with the policies that `python -m tests.benchmarks.policies`
has trained. The feeders and their known optima are read from beside the project; without them there are no figures.
"""

import sys

import torch
from threadpoolctl import threadpool_limits

from tests.benchmarks import report
from tests.benchmarks.optimiser_amortised import amortised, few_pairs, transfer
from tests.benchmarks.optimiser_live import live
from tests.benchmarks.optimiser_plans import plans
from tests.benchmarks.optimiser_static import static
from tests.benchmarks.policies import FEEDERS, SEEDS, STEPS

NOTES = f"""
Policies: seeds {SEEDS[0]} to {SEEDS[-1]}, {STEPS} steps of REINFORCE each on one core, on load levels 0.3 to 1.1 with
regional and nodal variation, photovoltaics, outages, failure probabilities and risk weights. Gaps are to the best that
any method finds in a situation, long local searches and all seeds included; spread over seeds in brackets. 200 held-out
situations a feeder, 30 % of them with photovoltaics, from a seed that nothing is trained on. "Equal time" is the
policy's median time a decision, measured in the same run. Meshed grids: dispatch.md.
"""


def main() -> int:
    """Make all figures; returns the exit code."""
    if not FEEDERS.exists():
        print(f"skipped: there are no benchmark feeders at {FEEDERS}")
        return 0
    torch.set_num_threads(1)
    threadpool_limits(1)
    figures, texts = [], []
    for part in (static, lambda: amortised(risk=False), transfer, plans, lambda: amortised(risk=True)):
        found, text = part()
        figures += found
        texts.append(text)
        print(text, flush=True)
    figures += few_pairs() + live()
    report.write("optimiser", "The optimiser", "\n\n".join([*texts, NOTES]), figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
