"""
(h) Two load processes against one: what the second one adds.

`harness run` in one process, against two workers under a master. With four cores each of nginx,
master and workers has a core of its own. With two, everything runs in slow motion: whoever sends
gets a fixed share of a core (a CPU quota), so that two of them fit beside nginx and the master,
and the ratio is measured all the same.
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
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.allotment import CpuQuota
from benchmarks.servers import NGINX, Nginx
from benchmarks.throughput import CONNECTIONS, PLAN

MARK = 1.8
"""Least times that two processes should send what one does."""
ROUNDS = 5
SECONDS = 10
SHARE = 0.4
"""Of a core, for each that sends where there are fewer than four."""
CORES_WIDE = 4


@dataclass(frozen=True)
class Sent:
    """Attempts a second, and the highest share of a core that any sending process used."""

    rate_per_s: float
    share: float


def measure(url: str, workers: int, share: float | None) -> Sent:
    """
    A closed load at full speed.

    Args:
        url: The server's.
        workers: How many under a master; 0 for one process by itself.
        share: What each that sends has of its core; None for all.
    """
    folder = Path(tempfile.mkdtemp(prefix="harness-bench-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    users = CONNECTIONS * max(1, workers)
    (folder / "plan.toml").write_text(PLAN.format(users=users, seconds=SECONDS))
    leads = ["--closed", "--plan", str(folder / "plan.toml"), "--out", str(folder / "trial")]
    serves = [["--worker", address, "--out", str(folder / f"own{n}")] for n in range(workers)]
    master = ["--master", str(workers), "--bind", address]
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        sending = serves or [leads]
        commands = [_pinned("1", _command(url, leads + master))] if workers else []
        for number, options in enumerate(sending):
            command = _pinned(_core_of(number, share), _command(url, options))
            if share is not None:
                quota = stack.enter_context(CpuQuota(f"{number}", share))
                command = quota.holding(command)
            commands.append(command)
        _run(commands)
        summary = json.loads((folder / "trial" / "summary.json").read_text())
    phase = summary["phases"][0]
    assert phase["ok"] == phase["attempts"] > 0, summary["outcomes"]
    return Sent(phase["attempts_per_s"], summary["generator"]["cpu_max_fraction"])


def _core_of(worker: int, share: float | None) -> str:
    # In slow motion the first is beside the master, the second beside nginx.
    return str(2 + worker) if share is None else str(1 - worker)


def _pinned(core: str, command: list[str]) -> list[str]:
    return ["taskset", "-c", core, *command]


def _command(url: str, options: list[str]) -> list[str]:
    command = [sys.executable, "-c", "from harness.cli import main; main()"]
    return [*command, "run", "cache_import", "--host", url, *options]


def _run(commands: list[list[str]]) -> None:
    """Start all, in that order, and wait for their end."""
    environ = {**os.environ, "OPENSTEER_API_KEY": "osk_bench"}
    quiet = subprocess.DEVNULL
    processes = [
        subprocess.Popen(command, env=environ, stdout=quiet, stderr=quiet) for command in commands
    ]
    try:
        for process in processes:
            process.wait(180)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def table(found: dict[str, Sequence[Sent]]) -> str:
    """The rows of the section, from the rounds of each arrangement."""
    lines = [
        f"Medians of {len(next(iter(found.values())))} alternating rounds of {SECONDS} s.",
        "",
        "| arrangement | attempts/s | lowest to highest | most CPU of a process, cores |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, sent in found.items():
        of = [one.rate_per_s for one in sent]
        share = statistics.median(one.share for one in sent)
        lines.append(
            f"| {name} | {statistics.median(of):,.0f} | {min(of):,.0f} to {max(of):,.0f} "
            f"| {share:.2f} |"
        )
    return "\n".join(lines)


def judge(one: Sequence[Sent], two: Sequence[Sent], share: float | None) -> str:
    """How many times two send what one does, by medians; and how they were held."""
    first, second = (statistics.median(sent.rate_per_s for sent in v) for v in (one, two))
    times = second / first
    verdict = "holds" if times >= MARK else "does not hold"
    told = f"Two send {times:.2f} times what one does: the mark of {MARK} {verdict}."
    if share is None:
        return told
    return (
        f"{told}\nMeasured in slow motion: these cores have no room for nginx, a master and two\n"
        f"workers at full speed, so whoever sent had {share} of a core, by a CPU quota."
    )


def bench(rounds: int = ROUNDS) -> str:
    """Measure; the section's text."""
    cores = os.cpu_count() or 1
    if not Path(NGINX).is_file() or cores < 2 or not shutil.which("taskset"):
        return "Skipped: it needs nginx (`make test-deps`), two cores and `taskset`."
    share = None if cores >= CORES_WIDE else SHARE
    if share is not None:
        try:
            with CpuQuota("probe", share):
                pass
        except OSError as error:
            return f"Skipped: with fewer than four cores it needs CPU quotas ({error})."
    one: list[Sent] = []
    two: list[Sent] = []
    with Nginx(core=0) as server:
        for number in range(rounds):
            one.append(measure(server.url, 0, share))
            two.append(measure(server.url, 2, share))
            told = f"{one[-1].rate_per_s:,.0f}/s, {two[-1].rate_per_s:,.0f}/s"
            print(f"round {number + 1}: one process, two workers: {told}", flush=True)
    rows = table({"one process": one, "two workers and a master": two})
    return f"{rows}\n\n{judge(one, two, share)}"
