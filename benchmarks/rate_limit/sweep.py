"""
How often the lab is right, over seeded random settings: a table of hit rates.

``python benchmarks/rate_limit/sweep.py [SETTINGS] [FIRST_SEED]``
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections import Counter, defaultdict
from typing import NamedTuple

from harness.experiments.rate_limit.lab import Lab, LabConfig
from harness.experiments.rate_limit.report import RateLimitReport
from tests.experiments.rate_limit.simulated_limiters import (
    Concurrency,
    FixedWindow,
    Gcra,
    SlidingCounter,
    SlidingLog,
    TokenBucket,
    World,
)

KINDS = ("bucket", "gcra", "aligned", "anchored", "log", "counter", "concurrency")


class Setting(NamedTuple):
    """A limiter with its true numbers."""

    kind: str
    limiter: object
    algorithm: str
    rate_per_s: float | None
    burst: int
    window_s: float | None


class Score(NamedTuple):
    """What one measurement got right."""

    setting: Setting
    seed: int
    report: RateLimitReport
    algorithm: bool
    rate: bool
    burst: bool
    window: bool
    covered: tuple[bool, ...]
    virtual_s: float
    cpu_s: float


def draw_setting(seed: int) -> Setting:
    """A random limiter: rate 1 to 500/s, burst 1 to 200, windows 1 to 10 s."""
    rand = random.Random(f"setting {seed}")
    kind = KINDS[seed % len(KINDS)]
    burst = max(1, round(200 ** rand.random()))
    if kind in ("bucket", "gcra"):
        rate = round(500 ** rand.random(), 1)
        make = TokenBucket if kind == "bucket" else Gcra
        return Setting(kind, make(rate, burst), "token-bucket", rate, burst, None)
    if kind == "concurrency":
        burst = max(2, burst)
        return Setting(kind, Concurrency(burst), "concurrency", None, burst, None)
    # A limit of one is a bucket of one: no one can tell, so windows start at two.
    burst = max(2, burst)
    window = round(10 ** rand.random(), 2)
    rate = burst / window
    if kind == "log":
        limiter, name = SlidingLog(burst, window), "sliding-window"
    elif kind == "counter":
        limiter, name = SlidingCounter(burst, window, phase=rand.random()), "sliding-window"
    else:
        limiter = FixedWindow(burst, window, anchored=kind == "anchored", phase=rand.random())
        name = "fixed-window"
    return Setting(kind, limiter, name, rate, burst, window)


def measure(seed: int, **world) -> Score:
    """Run the whole lab against the setting of this seed."""
    setting = draw_setting(seed)
    work_ms = 40.0 if setting.kind == "concurrency" else 3.0
    net = World(setting.limiter, seed=seed, work_ms=work_ms, **world)
    cpu = time.process_time()
    lab = Lab(LabConfig(operation="x"))
    while (experiment := lab.next()) is not None:
        lab.record(net.run(experiment))
    return score(setting, seed, lab.result(), net.now_s - net.start_s, time.process_time() - cpu)


def score(setting, seed, report, virtual_s, cpu_s) -> Score:
    """Compare a report with the truth."""
    fit = report.fit
    right = report.algorithm == setting.algorithm
    pairs = []
    if fit is not None:
        pairs = [
            (fit.rate_per_s, setting.rate_per_s),
            (fit.burst, setting.burst),
            (fit.window_s, setting.window_s),
        ]
    covered = tuple(
        got.low * (1 - 1e-9) <= true <= got.high * (1 + 1e-9)
        for got, true in pairs
        if got is not None and true is not None
    )

    def close(index, within):
        if not pairs:
            return False
        got, true = pairs[index]
        if true is None:
            return True
        return got is not None and abs(got.estimate - true) <= within

    return Score(
        setting, seed, report, right,
        close(0, 0.03 * (setting.rate_per_s or 0)),
        close(1, max(1.0, 0.05 * setting.burst)),
        close(2, 0.02 * (setting.window_s or 0)),
        covered, virtual_s, cpu_s,
    )  # fmt: skip


def table(scores) -> str:
    """Hit rates by kind of limiter, as text."""
    groups = defaultdict(list)
    for one in scores:
        groups[one.setting.kind].append(one)
        groups["all"].append(one)
    heads = ("algo", "rate", "burst", "window", "cover", "sent", "secs", "cpu s")
    lines = [f"{'kind':12} {'n':>4} " + " ".join(f"{head:>6}" for head in heads)]
    for kind in (*KINDS, "all"):
        rows = groups[kind]
        if not rows:
            continue
        cover = [c for r in rows for c in r.covered]
        lines.append(
            f"{kind:12} {len(rows):4} "
            + " ".join(f"{sum(getattr(r, f) for r in rows) / len(rows):6.1%}"
                       for f in ("algorithm", "rate", "burst", "window"))
            + f" {sum(cover) / max(1, len(cover)):6.1%}"
            + f" {sum(len(r.report.observations) for r in rows) / len(rows):6.0f}"
            + f" {sum(r.virtual_s for r in rows) / len(rows):6.1f}"
            + f" {sum(r.cpu_s for r in rows) / len(rows):6.2f}"
        )  # fmt: skip
    return "\n".join(lines)


def miss(one: Score) -> str:
    """One line about a measurement that was wrong somewhere."""
    fit = one.report.fit
    got = "nothing" if fit is None else (
        f"{fit.variant} r={fit.rate_per_s and round(fit.rate_per_s.estimate, 3)} "
        f"b={fit.burst.estimate:.1f} w={fit.window_s and round(fit.window_s.estimate, 3)}"
    )  # fmt: skip
    s = one.setting
    models = Counter({f.variant: f.contradictions for f in one.report.selection.fits})
    return (f"seed {one.seed} {s.kind} r={s.rate_per_s and round(s.rate_per_s, 3)} b={s.burst} "
            f"w={s.window_s} -> {got} | {one.report.ended} n={len(one.report.observations)} "
            f"{dict(models)}")  # fmt: skip


def main() -> None:
    """Run the sweep and print its table and its misses."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 70
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    scores = [measure(seed) for seed in range(first, first + count)]
    lines = [
        miss(one) for one in scores if not (one.algorithm and one.rate and one.burst and one.window)
    ]
    slowest = max((s.cpu_s for s in scores), default=math.nan)
    sys.stdout.write("\n".join([*lines, table(scores), f"slowest: {slowest:.2f} s"]) + "\n")


if __name__ == "__main__":
    main()
