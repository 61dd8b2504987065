"""Varieties of situations that tests and benchmarks draw by."""

from ml.optimisation.switching.problem import Variety

LOADS_ONLY = Variety(pv_share=0.0, outage_share=0.0, risk_share=0.0)
