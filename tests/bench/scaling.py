"""
(h) Two load processes against one: what the second one adds.

With three cores: nginx on core 0, one process on core 1, then two on cores 1 and 2; the
ratio of their rates is the figure. Two cores have no room for that. There a *worker* has
core 1 to itself, as each of two would have, and its master shares core 0 with nginx; twice
what it sends, over what a process by itself sends there, is what two could do, as long as
the master keeps up.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.servers import NGINX, Nginx
from tests.bench.throughput import CONNECTIONS, PLAN, SECONDS, Speed, Watch, harness

MARK = 1.8
"""Least times that two processes, a core each, should send what one does."""
ROUNDS = 5
CORES_MIN = 3
_IN_THE_MIDDLE_S = 4.0


def worker(url: str) -> tuple[Speed, float]:
    """A worker on core 1 whose master is on core 0: its speed, and the master's µs an attempt."""
    folder = Path(tempfile.mkdtemp(prefix="harness-bench-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (folder / "plan.toml").write_text(PLAN.format(users=CONNECTIONS, seconds=SECONDS))
    leads = ["--closed", "--plan", str(folder / "plan.toml"), "--out", str(folder / "trial")]
    leads += ["--master", "1", "--bind", address]
    serves = ["--worker", address, "--out", str(folder / "own")]
    processes = [_start("0", url, leads), _start("1", url, serves)]
    try:
        own = Watch(processes[1], _IN_THE_MIDDLE_S)
        leading = Watch(processes[0], 0.0)
        for process in processes:
            process.wait(120)
        phase = json.loads((folder / "trial" / "summary.json").read_text())["phases"][0]
    finally:
        for process in processes:
            process.kill()
        shutil.rmtree(folder, ignore_errors=True)
    rate = phase["attempts_per_s"]
    return own.speed(rate), leading.speed(rate).all_cpu_us


def _start(core: str, url: str, options: list[str]) -> subprocess.Popen[str]:
    command = ["taskset", "-c", core, sys.executable, "-c"]
    command += ["from harness.cli import main; main()", "run", "cache_import", "--host", url]
    return subprocess.Popen(
        [*command, *options],
        env={**os.environ, "OPENSTEER_API_KEY": "osk_bench"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def table(found: dict[str, list[Speed]]) -> str:
    """The rows of the section, from the rounds of each arrangement."""
    lines = [
        f"Medians of {len(next(iter(found.values())))} alternating rounds.",
        "",
        "| arrangement | attempts/s | lowest to highest | CPU µs an attempt |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, speeds in found.items():
        of = [speed.rate_per_s for speed in speeds]
        cost = statistics.median(speed.all_cpu_us for speed in speeds)
        lines.append(
            f"| {name} | {statistics.median(of):,.0f} | {min(of):,.0f} to {max(of):,.0f} "
            f"| {cost:.1f} |"
        )
    return "\n".join(lines)


def ratio(found: dict[str, list[Speed]]) -> float:
    """How much the second arrangement sends of what the first does, by medians."""
    first, second = (statistics.median(s.rate_per_s for s in v) for v in found.values())
    return second / first


def judge(found: dict[str, list[Speed]]) -> str:
    """What two processes on cores of their own send, measured."""
    times = ratio(found)
    verdict = "holds" if times >= MARK else "does not hold"
    return f"Two send {times:.2f} times what one does: the mark of {MARK} {verdict}."


def estimate(found: dict[str, list[Speed]], master_us: Sequence[float]) -> str:
    """What two would send, from a worker that had the core of one."""
    cost, times = statistics.median(master_us), 2 * ratio(found)
    return "\n".join(
        [
            "**The rate of two processes could not be measured**: two cores, of which nginx needs",
            f"one. Two workers with a core each would send {times:.2f} times what one process does",
            f"(an estimate; the mark is {MARK}), as long as their master keeps up: it spends",
            f"{cost:.1f} µs an attempt, so a core of its own is enough for {1e6 / cost:,.0f}/s.",
        ]
    )


def bench(rounds: int = ROUNDS) -> str:
    """Measure; the section's text."""
    cores = os.cpu_count() or 1
    if not Path(NGINX).is_file() or cores < CORES_MIN - 1 or not shutil.which("taskset"):
        return "Skipped: it needs nginx (`make test-deps`), two cores and `taskset`."
    wide = cores >= CORES_MIN
    other = "two, on cores 1 and 2" if wide else "a worker on core 1, its master on core 0"
    found: dict[str, list[Speed]] = {"one process on core 1": [], other: []}
    master_us: list[float] = []
    with Nginx(core=0) as server:
        for number in range(rounds):
            found["one process on core 1"].append(harness(server.url))
            if wide:
                found[other].append(harness(server.url, 2, "1,2"))
            else:
                speed, cost = worker(server.url)
                found[other].append(speed)
                master_us.append(cost)
            told = ", ".join(f"{name}: {v[-1].rate_per_s:,.0f}/s" for name, v in found.items())
            print(f"round {number + 1}: {told}", flush=True)
    return f"{table(found)}\n\n{judge(found) if wide else estimate(found, master_us)}"
