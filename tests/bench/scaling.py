"""
(h) Two load processes against one: what the second one adds.

With three cores: nginx on core 0, one process on core 1, then two on cores 1 and 2; the
ratio of their rates is the figure. Two cores have no room for that. There the two share
core 1 with what one has alone, and the figure is what an attempt costs in CPU, of all the
command's processes: what is shared out among more processes may not cost more.
"""

from __future__ import annotations

import os
import shutil
import statistics
from pathlib import Path

from tests.bench.servers import NGINX, Nginx
from tests.bench.throughput import Speed, harness

MARK = 1.8
"""Least times that two processes, a core each, should send what one does."""
ROUNDS = 5
CORES_MIN = 3


def table(found: dict[int, list[Speed]], cores: int) -> str:
    """The section, from the rounds of one and of two processes on a machine of so many cores."""
    rate = {n: statistics.median(s.rate_per_s for s in v) for n, v in found.items()}
    cost = {n: statistics.median(s.all_cpu_us for s in v) for n, v in found.items()}
    wide = cores >= CORES_MIN
    where = {1: "core 1", 2: "cores 1 and 2" if wide else "both on core 1"}
    lines = [
        f"Medians of {len(found[1])} alternating rounds; CPU of all the command's processes.",
        "",
        "| load processes | where | attempts/s | lowest to highest | CPU µs an attempt |",
        "| ---: | --- | ---: | ---: | ---: |",
    ]
    for number, speeds in found.items():
        of = [speed.rate_per_s for speed in speeds]
        lines.append(
            f"| {number} | {where[number]} | {rate[number]:,.0f} "
            f"| {min(of):,.0f} to {max(of):,.0f} | {cost[number]:.1f} |"
        )
    if wide:
        ratio = rate[2] / rate[1]
        verdict = "holds" if ratio >= MARK else "does not hold"
        return "\n".join(
            [
                *lines,
                "",
                f"Two send {ratio:.2f} times what one does: the mark of {MARK} {verdict}.",
            ]
        )
    dearer = cost[2] / cost[1]
    return "\n".join(
        [
            *lines,
            "",
            f"**The rates of two cores could not be measured**: {cores} cores, of which nginx has",
            f"one. An attempt costs {dearer:.2f} times as much with two processes. If nothing else",
            f"limited them, two with a core each would so send {2 / dearer:.2f} times what one does",
            f"(an estimate; the mark is {MARK}).",
        ]
    )


def bench(rounds: int = ROUNDS) -> str:
    """Measure; the section's text."""
    cores = os.cpu_count() or 1
    if not Path(NGINX).is_file() or cores < CORES_MIN - 1 or not shutil.which("taskset"):
        return "Skipped: it needs nginx (`make test-deps`), two cores and `taskset`."
    found: dict[int, list[Speed]] = {1: [], 2: []}
    with Nginx(core=0) as server:
        for number in range(rounds):
            for processes, speeds in found.items():
                where = "1,2" if processes > 1 and cores >= CORES_MIN else "1"
                speeds.append(harness(server.url, processes, where))
                told = f"{processes} processes: {speeds[-1].rate_per_s:,.0f}/s"
                print(f"round {number + 1}: {told}", flush=True)
    return table(found, cores)
