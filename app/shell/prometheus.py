"""The state of the process and the grid's totals in Prometheus' text format."""

import math

from app.engine.board import Snapshot

PREFIX = "smartgrid"


def exposition(snapshot: Snapshot) -> str:
    """Prometheus text format 0.0.4; values that aren't known are left out."""
    metrics, cycle = snapshot.assessed.metrics, snapshot.control.cycle
    gauges = (
        ("load_megawatts", "Active power of all loads.", metrics.load_mw),
        ("generation_megawatts", "Active power fed in.", metrics.generation_mw),
        ("loss_megawatts", "Active power lost in branches.", metrics.loss_mw),
        ("unsupplied_megawatts", "Demand without supply.", metrics.unsupplied_mw),
        ("renewable_percent", "Renewable share of generation.", metrics.renewable_percent),
        (
            "average_risk_megawatts",
            "Mean over branches of MW interrupted, expected within a year.",
            metrics.average_risk,
        ),
        ("active_alarms", "Alarms that are not normal.", metrics.active_alarms),
        ("stale", "1 while the state shown is not the present one.", int(snapshot.solved.stale)),
        ("cycle_duration_p95_seconds", "95th percentile of recent cycles.", cycle.p95_ms / 1000),
    )
    counters = (
        ("snapshots_total", "Snapshots published.", snapshot.version),
        ("cycles_missed_total", "Cycles that were due while an earlier one still ran.", cycle.missed),
        ("cycles_failed_total", "Cycles that failed.", cycle.failed),
    )
    lines = []
    for kind, rows in (("gauge", gauges), ("counter", counters)):
        for name, text, value in rows:
            if math.isfinite(value):
                lines += [
                    f"# HELP {PREFIX}_{name} {text}",
                    f"# TYPE {PREFIX}_{name} {kind}",
                    f"{PREFIX}_{name} {value}",
                ]
    return "\n".join(lines) + "\n"
