"""What the other pages are tested with: a comparison, a trend, and what labs leave behind."""

from __future__ import annotations

from dataclasses import replace

from harness.experiments.compare.change_points import ChangePoint
from harness.experiments.compare.changes import Change, Comparison
from harness.experiments.compare.trend import METRICS, Series, Trend
from tests.reports.test_rate_limit import LAB as LIMITER

LONG = "synchronize_browser_profile_with_everything_that_it_ever_saw"
"""An operation's name longer than any column would like."""


def comparison() -> Comparison:
    """Five metrics of two operations: one regressed, two in doubt, two passed."""
    times = {"unit": "ms", "baseline": 12.3, "candidate": 45.6, "threshold": 0.05}
    return Comparison(
        baseline=("20261125T120000Z-mixed-aaaa", "20261125T121000Z-mixed-bbbb"),
        candidate=("20261125T130000Z-mixed-cccc",),
        baseline_labels=("v12", "20261125T121000Z-mixed-bbbb"),
        candidate_labels=("20261125T130000Z-mixed-cccc",),
        baseline_s=120.0,
        candidate_s=60.0,
        changes=(
            Change(LONG, "response.p50", **times, change=2.7, low=2.1, high=3.3, p=0.001,
                   verdict="regressed"),
            Change(LONG, "response.p99.9", **times, reason="812 good answers, 10,000 needed",
                   needed_s=740.0),
            Change("create_session", "response.p99", **times, change=0.004, low=-0.09,
                   high=0.11, p=0.6, reason="runs differ among themselves", needed_runs=4),
            Change("create_session", "throughput", "per_s", 9.7, 9.8, 0.05, change=0.01,
                   low=-0.01, high=0.03, p=1.0, verdict="pass"),
            Change("create_session", "outcome.rate_limited", "share", 0.01, 0.012, 0.005,
                   change=0.002, low=-0.001, high=0.004, p=1.0, verdict="pass"),
        ),
        cautions=("plan.load.users: 20 → 21 (20261125T130000Z-mixed-cccc)",),
    )  # fmt: skip


def trend() -> Trend:
    """Eight trials of two operations: one level doubled at the fifth, one trial has a gap."""
    names = (*(f"20261125T12{n}000Z-mixed-{n}{n}{n}{n}" for n in range(7)), "v12")
    level = (10.0, 10.1, 9.9, 10.0, 20.1, 20.0, 19.9, 22.0)
    flat = (50.0, 50.2, None, 49.9, 50.1, 50.0, 49.8, 50.3)
    return Trend(
        names,
        (
            Series(LONG, "response.p50", level, (ChangePoint(4, 10.0, 20.0),)),
            Series(
                LONG, "response.p99", tuple(3 * v for v in level), (ChangePoint(4, 30.0, 60.0),)
            ),
            Series(LONG, "throughput", flat, ()),
            Series("create_session", "response.p50", flat, ()),
            Series("create_session", "response.p99", flat, ()),
            Series("create_session", "throughput", flat, ()),
        ),
    )


OPERATIONS = (
    "create_session", "delete_session", "get_run", "get_run_logs", "get_session",
    "import_selector_cache", "queue_run",
)  # fmt: skip


def many() -> Comparison:
    """Every operation's times and throughput: one slower by half, the others in doubt."""
    return replace(
        comparison(),
        changes=tuple(
            Change(name, metric, "per_s" if metric == "throughput" else "ms", 60.0, 90.0, 0.05,
                   change=0.5 if slow else -0.08 * n, low=0.4 if slow else -0.4,
                   high=0.6 if slow else 0.3, p=0.001, verdict="regressed" if slow else "inconclusive")
            for name in OPERATIONS
            for n, metric in enumerate(("response.p50", "response.p90", "service.p50", "throughput"))
            for slow in [name == "create_session" and metric != "throughput"]
        ),
    )  # fmt: skip


def crowded() -> Trend:
    """Forty trials of every operation, some kept by long names, one's level up by half."""
    names = tuple(
        f"kept-for-ever-{n}"
        if n % 2 == 0
        else f"202611{10 + n // 4}T{10 + n % 4}3000Z-mixed-{n:04}"
        for n in range(40)
    )
    step = tuple((60.0 if n < 20 else 90.0) + n % 3 for n in range(40))
    flat = tuple(20.0 + n % 4 for n in range(40))
    return Trend(
        names,
        tuple(
            Series(name, metric, step, (ChangePoint(20, 61.0, 91.0),))
            if name == "create_session" and metric != "throughput"
            else Series(name, metric, flat, ())
            for name in OPERATIONS
            for metric in METRICS
        ),
        "otava 0.8.0",
    )


SESSIONS = {
    "kind": "sessions", "ceiling": 37, "ceiling_low": 36, "ceiling_high": 37,
    "refusal_code": "CLOUD_CAPACITY_FULL", "refusal": {"count": 12}, "over_admitted": 0,
    "leaked": 0, "slots_lost": 0, "opened": 210, "releases_ms": [52.0, 50.0, 61.5, 54.0],
    "release_ms": {"p50": 53.0, "p99": 61.5, "resolution": 4.0},
    "sightings": [{"at_s": 0.0, "sessions": 37}, {"at_s": 4.0, "sessions": 36}],
    "notes": ["The ceiling moved while it was measured."],
}  # fmt: skip

THROUGHPUT = {
    "kind": "throughput", "slo": "p99<250ms,errors<1%", "gives_way": "latency",
    "max_rate_per_s": {"estimate": 150.0, "low": 140.0, "high": 160.0},
    "knee": {"rate_per_s": 145.0}, "notes": ["Each step was 20 s long."],
    "steps": [
        {"number": n, "purpose": "bracket", "rate_per_s": rate, "served_per_s": served,
         "p50_ms": p99 / 2, "p99_ms": p99, "p99_low_ms": p99 * 0.9, "p99_high_ms": p99 * 1.2,
         "decision": decision}
        for n, (rate, served, p99, decision) in enumerate(
            ((50.0, 50.0, 30.0, "pass"), (100.0, 99.0, 40.0, "pass"), (200.0, 160.0, 900.0, "fail")), 1
        )
    ],
    "usl": {
        "lambda": 100.0, "sigma": 0.05, "kappa": 0.0002, "r2": 0.998,
        "intervals": {"lambda": [97.0, 103.0], "sigma": [0.04, 0.06], "kappa": [1e-4, 3e-4]},
        "peak_concurrency": 68.9, "peak_per_s": 1283.0,
        "levels": [[1, 100], [4, 346], [16, 889], [64, 1287]],
    },
}  # fmt: skip

LABS = {
    "rate_limit.json": LIMITER,
    "capacity.json": THROUGHPUT,
    "compare.json": comparison().document(),
    "trend.json": trend().document("smoke"),
}
"""Every section that a page can have, but for the other kind of capacity."""
