"""
How often `harness compare` cries wolf, and how often it misses one.

``python -m benchmarks.compare.decisions [null|shift]`` (``make bench-stats``) compares
200 simulated pairs of five-minute runs each way and prints what docs/explanation/compare.md tells.
The noise is harsher than that of the tests: a level with a standard deviation of 5 % that
remembers four fifths of the second before.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from harness.experiments.compare.comparison import compare
from harness.plan.tolerances import Tolerances
from tests.experiments.compare.simulated import simulate

PAIRS = 200
REPLICATES = 500  # a quarter of what the command takes, for time
WORKERS = 2
NOISE = {"rho": 0.8, "level_sigma": 0.05}
SHIFT = 1.10
TAILS = ("service.p99", "response.p99")
COVERED = ("service.p50", "service.p90", "service.p99", "throughput")


@dataclass(frozen=True)
class Outcome:
    """What one comparison said: its verdict, and by metric what the figures of it rest on."""

    verdict: str
    p99: frozenset[str]
    significant: bool
    covered: dict[str, bool]


def compare_pair(seed: int, tail: float, seconds: int = 300, replicates: int = REPLICATES):
    """Simulate two runs, the candidate's tail longer by a factor, and compare them."""
    rngs = np.random.default_rng([seed, round(1000 * tail)]).spawn(2)
    baseline = simulate(rngs[0], seconds=seconds, **NOISE)
    candidate = simulate(rngs[1], seconds=seconds, tail=tail, **NOISE)
    result = compare([baseline], [candidate], Tolerances(), replicates=replicates)
    by_metric = {change.metric: change for change in result.changes}
    return Outcome(
        result.verdict,
        frozenset(by_metric[name].verdict for name in TAILS),
        any(change.p <= 0.05 for change in result.changes if change.p is not None),
        {name: by_metric[name].low <= 0 <= by_metric[name].high for name in COVERED},
    )


def share(outcomes: Iterable[bool]) -> float:
    """The share that is true."""
    return float(np.mean(list(outcomes)))


def run(tail: float, pairs: int = PAIRS, **given) -> list[Outcome]:
    """Many pairs, on all workers."""
    with ProcessPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(compare_pair, seed, tail, **given) for seed in range(pairs)]
        found = []
        for number, future in enumerate(futures, 1):
            found.append(future.result())
            sys.stderr.write(f"\r{number} of {pairs} pairs")
        sys.stderr.write("\n")
    return found


def report_null() -> bool:
    """No change: how often regressed, and whether the intervals hold what they promise."""
    found = run(1.0)
    alarms = share(outcome.verdict == "regressed" for outcome in found)
    print(f"no change, {len(found)} pairs")
    print(f"  regressed (false alarm)            {alarms:7.1%}   at most 5 %")
    print(f"  any metric significant, after Holm {share(o.significant for o in found):7.1%}")
    for verdict in ("pass", "inconclusive"):
        print(f"  {verdict:34} {share(o.verdict == verdict for o in found):7.1%}")
    for name in COVERED:
        print(f"  95 % interval of {name:17} {share(o.covered[name] for o in found):7.1%}")
    return alarms <= 0.05


def report_shift() -> bool:
    """The tail 10 % longer: how often that is found."""
    found = run(SHIFT)
    caught = share("regressed" in outcome.p99 for outcome in found)
    print(f"p99 +10 %, {len(found)} pairs")
    print(f"  a p99 regressed (detection)        {caught:7.1%}   at least 90 %")
    print(
        f"  verdict regressed                  {share(o.verdict == 'regressed' for o in found):7.1%}"
    )
    return caught >= 0.9


def main() -> int:
    """Run what was asked for, or both."""
    asked = sys.argv[1:] or ["null", "shift"]
    begun = time.monotonic()
    held = [{"null": report_null, "shift": report_shift}[name]() for name in asked]
    print(f"{time.monotonic() - begun:.0f} s")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
