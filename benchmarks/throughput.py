"""
(a) Requests a second of one generator core, everything on, against other tools.

nginx on core 0, the tool on core 1, 32 connections that send again as soon as they are
answered, a small JSON body each way. The tools take turns in rounds, so that whatever
slows the machine for a while slows them all; a figure is the median of its rounds. The
share of its core that a tool's process used in its middle second gives CPU a request.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.servers import NGINX, Nginx
from harness.workload.entries import EntryPool

CONNECTIONS = 32
SECONDS = 5
BENCH = Path(__file__).parent
BODY = EntryPool(1).batch([(0, 1)])

PLAN = """
name = "bench"
[load]
model = "closed"
users = {users}
wait = [0.0, 0.0]
phases = [{{name = "load", duration = "{seconds}s", rate = 0}}]
[scenario.cache_import]
batch = [1, 1]
again = 0.0
newer = 0.0
older = 0.0
[probes]
share = 0.0
"""


@dataclass(frozen=True)
class Speed:
    """Requests a second, and CPU µs of the generator a request: its busiest process, and all."""

    rate_per_s: float
    cpu_us: float
    all_cpu_us: float


class Watch:
    """
    CPU time of a command over a second in the load's middle, as fractions of a core.

    Attributes:
        busiest: Of the busiest of its processes.
        together: Of all of them.
    """

    def __init__(self, process: subprocess.Popen[str], after_s: float) -> None:
        time.sleep(after_s)
        before = self._used(process.pid)
        began = time.monotonic()
        time.sleep(1.0)
        after = self._used(process.pid)
        spent = [after[pid] - used for pid, used in before.items() if pid in after]
        seconds = time.monotonic() - began
        self.busiest, self.together = max(spent, default=0.0) / seconds, sum(spent) / seconds

    def speed(self, rate_per_s: float) -> Speed:
        """The command's, which made so many requests a second."""
        return Speed(rate_per_s, 1e6 * self.busiest / rate_per_s, 1e6 * self.together / rate_per_s)

    @staticmethod
    def _used(root: int) -> dict[int, float]:
        top = psutil.Process(root)
        found = {}
        for process in (top, *top.children(recursive=True)):
            times = process.cpu_times()
            found[process.pid] = times.user + times.system
        return found


def run(command: list[str], after_s: float, cores: str = "1", **environ: str) -> tuple[str, Watch]:
    """Run a tool on core 1, or others: what it printed, and the CPU it used."""
    process = subprocess.Popen(
        ["taskset", "-c", cores, *command],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    watch = Watch(process, after_s)
    out, _ = process.communicate(timeout=120)
    return out, watch


def wrk(url: str) -> Speed:
    """wrk, one thread."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        headers = 'wrk.headers["content-type"]="application/json"\n'
        headers += 'wrk.headers["x-api-key"]="osk_bench"\n'
        script.write(f'wrk.method="POST"\n{headers}wrk.body=[[{BODY.decode()}]]\n')
        script.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", script.name]
        out, watch = run([*command, f"{url}/selector-cache/import"], 1.0)
    found = re.search(r"Requests/sec:\s+([\d.]+)", out)
    assert found, out
    return watch.speed(float(found[1]))


def locust(kind: str) -> Callable[[str], Speed]:
    """One of Locust's own users, or httpx under it."""

    def measure(url: str) -> Speed:
        command = [sys.executable, "-m", "locust", "-f", str(BENCH / "rivals.py"), kind]
        command += ["--headless", "--host", url, "-u", str(CONNECTIONS), "-r", "32"]
        command += ["-t", f"{SECONDS}s", "--only-summary", "--loglevel", "ERROR", "--json"]
        out, watch = run(command, 3.0, BENCH_BODY=BODY.decode())
        row = json.loads(out)[0]
        assert not row["num_failures"]
        return watch.speed(
            row["num_requests"] / (row["last_request_timestamp"] - row["start_time"])
        )

    return measure


def harness(url: str, processes: int = 1, cores: str = "1") -> Speed:
    """`harness run cache_import --closed`, in full: validation, records, checks, reports."""
    folder = Path(tempfile.mkdtemp(prefix="harness-bench-"))
    try:
        (folder / "plan.toml").write_text(PLAN.format(users=CONNECTIONS, seconds=SECONDS))
        command = [sys.executable, "-c", "from harness.cli import main; main()", "run"]
        command += ["cache_import", "--closed", "--plan", str(folder / "plan.toml")]
        command += ["--processes", str(processes), "--host", url]
        command += ["--out", str(folder / "trial")]
        _, watch = run(command, 3.0, cores, OPENSTEER_API_KEY="osk_bench")
        summary = json.loads((folder / "trial" / "summary.json").read_text())
        phase = summary["phases"][0]
        assert phase["ok"] == phase["attempts"] > 0, summary["outcomes"]
        return watch.speed(phase["attempts_per_s"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


TOOLS: dict[str, Callable[[str], Speed]] = {
    "wrk": wrk,
    "`harness run cache_import --closed`, all on": harness,
    "Locust FastHttpUser": locust("FastRival"),
    "Locust HttpUser": locust("RequestsRival"),
    "httpx in a Locust User": locust("HttpxRival"),
}


def bench(rounds: int = 5) -> str:
    """Measure all tools; the section's text."""
    if not Path(NGINX).is_file():
        return "Skipped: nginx is not installed (`make test-deps`)."
    if (os.cpu_count() or 1) < 2 or not shutil.which("taskset"):
        return "Skipped: it needs two cores and `taskset`."
    tools = {n: f for n, f in TOOLS.items() if n != "wrk" or shutil.which("wrk")}
    found: dict[str, list[Speed]] = {name: [] for name in tools}
    with Nginx(core=0) as server:
        for number in range(rounds):
            for name, measure in tools.items():
                found[name].append(measure(server.url))
                speed = found[name][-1]
                print(f"round {number + 1}: {name}: {speed.rate_per_s:,.0f}/s", flush=True)
    rates = {n: statistics.median(s.rate_per_s for s in v) for n, v in found.items()}
    lines = [
        f"Medians of {rounds} alternating rounds of {SECONDS} s.",
        "",
        "| tool | requests/s | lowest to highest | of wrk's | of FastHttpUser's | CPU µs a request |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, speeds in found.items():
        rate, of = rates[name], [s.rate_per_s for s in speeds]
        wrks = f"{rate / rates['wrk']:.2f}" if "wrk" in rates else "-"
        cpu = statistics.median(s.cpu_us for s in speeds)
        lines.append(
            f"| {name} | {rate:,.0f} | {min(of):,.0f} to {max(of):,.0f} | {wrks} "
            f"| {rate / rates['Locust FastHttpUser']:.2f} | {cpu:.1f} |"
        )
    if "wrk" not in tools:
        lines += ["", "wrk is not installed: its row is left out."]
    return "\n".join(lines)
