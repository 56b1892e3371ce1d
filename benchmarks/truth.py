"""
(b) Truth of latency: what do tools say of a server that stands still one second in ten?

Its law is known, so what a caller on schedule would have felt can be computed: at 200
arrivals a second one in ten comes in a stall. A closed load stops asking in the stall,
and then has few slow answers to tell of (coordinated omission). The tools take turns in
rounds; each is shown by the round that was farthest from the truth.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.stalling import PERIOD_S, done_at
from benchmarks.throughput import BENCH, BODY

RATE_PER_S, SECONDS, ROUNDS = 200, 30, 3
ALLOWED = 0.02
"""How far our p99 and p99.9 may be from the truth, as a fraction of it."""
FRACTIONS = (0.5, 0.99, 0.999)

PLAN = f"""
name = "truth"
[load]
users = 400
phases = [{{name = "load", duration = "{SECONDS}s", rate = {RATE_PER_S}}}]
[scenario.cache_import]
batch = [1, 1]
again = 0.0
newer = 0.0
older = 0.0
[probes]
share = 0.0
"""


def percentiles(times_ms: Sequence[float]) -> list[float]:
    """Nearest ranks."""
    ordered = sorted(times_ms)
    return [ordered[max(0, math.ceil(q * len(ordered) - 1e-9) - 1)] for q in FRACTIONS]


def truth() -> list[float]:
    """By the server's law, for arrivals evenly over whole periods."""
    count = int(PERIOD_S * RATE_PER_S)
    starts = [(n + 0.5) / RATE_PER_S for n in range(count)]
    return percentiles([(done_at(at) - at) * 1000 for at in starts])


def ours(starts: list[list[float]], url: str, folder: Path) -> list[float]:
    """Response times of an open load; how late it began its calls goes into ``starts``."""
    (folder / "plan.toml").write_text(PLAN)
    command = [sys.executable, "-c", "from harness.cli import main; main()", "run"]
    command += ["cache_import", "--plan", str(folder / "plan.toml"), "--host", url]
    subprocess.run(
        [*command, "--out", str(folder / "trial")],
        env={**os.environ, "OPENSTEER_API_KEY": "osk_bench"},
        capture_output=True,
        check=False,
    )
    summary = json.loads((folder / "trial" / "summary.json").read_text())
    times = summary["operations"]["import_selector_cache"]["response_ms"]
    log = pq.read_table(
        folder / "trial" / "attempts.parquet",
        filters=[("attempt", "==", 1), ("phase", "==", "load")],
    )
    late_ns = log["start_ns"].to_numpy() - log["intended_ns"].to_numpy()
    starts.append(percentiles((late_ns / 1e6).tolist()))
    return [times[name] for name in ("p50", "p99", "p99_9")]


def fast_http_user(url: str, folder: Path) -> list[float]:
    """Two users, whom 10 ms let send 200 a second; raw times, not Locust's percentiles."""
    times = folder / "times.json"
    command = [sys.executable, "-m", "locust", "-f", str(BENCH / "rivals.py"), "FastRival"]
    command += ["--headless", "--host", url, "-u", "2", "-r", "2", "-t", f"{SECONDS}s"]
    environ = {"BENCH_TIMES": str(times), "BENCH_BODY": BODY.decode()}
    subprocess.run(
        [*command, "--only-summary", "--loglevel", "ERROR"],
        env={**os.environ, **environ},
        capture_output=True,
        check=True,
    )
    return percentiles(json.loads(times.read_text()))


def wrk(url: str, folder: Path) -> list[float]:
    """Two connections, which a service of 10 ms lets send 200 a second."""
    report = 'io.write(string.format("%d %d %d\\n", latency:percentile(50.0), '
    report += "latency:percentile(99.0), latency:percentile(99.9)))"
    script = folder / "wrk.lua"
    script.write_text(
        f'wrk.method="POST"\nwrk.body=[[{BODY.decode()}]]\n'
        f"function done(summary, latency, requests) {report} end\n"
    )
    command = ["wrk", "-t1", "-c2", f"-d{SECONDS}s", "--timeout", "5s", "-s", str(script)]
    out = subprocess.run(
        [*command, f"{url}/selector-cache/import"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"^(\d+) (\d+) (\d+)$", out, re.MULTILINE)
    assert found, out
    return [int(us) / 1000 for us in found.groups()]


def start() -> tuple[subprocess.Popen[bytes], str]:
    """The stalling server, answering."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.stalling", str(port)])
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return process, f"http://127.0.0.1:{port}"
    process.kill()
    msg = "the stalling server did not start"
    raise RuntimeError(msg)


def relative_error(row: Sequence[float], known: Sequence[float]) -> float:
    """How far p99 and p99.9 are from the truth at most, as a fraction of it."""
    return max(abs(row[n] / known[n] - 1) for n in (1, 2))


def bench(rounds: int = ROUNDS) -> str:
    """Ask every tool; the section's text."""
    starts: list[list[float]] = []
    tools: dict[str, Callable[[str, Path], list[float]]] = {
        "`harness run`, response time": partial(ours, starts),
        "Locust FastHttpUser, 2 users": fast_http_user,
    }
    if shutil.which("wrk"):
        tools["wrk, 2 connections"] = wrk
    known = truth()
    worst: dict[str, list[float]] = {}
    process, url = start()
    folder = Path(tempfile.mkdtemp(prefix="harness-bench-"))
    try:
        for number in range(rounds):
            for name, ask in tools.items():
                (place := folder / f"{number}").mkdir(exist_ok=True)
                row = ask(url, place)
                worst[name] = max(worst.get(name, row), row, key=lambda r: relative_error(r, known))
                print(f"round {number + 1}: {name}: {_cells(row)}", flush=True)
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)
    return table(known, worst, rounds, max(starts, key=lambda row: row[1]))


def _cells(row: Sequence[float]) -> str:
    return " | ".join(f"{ms:.1f}" for ms in row)


def table(
    known: Sequence[float],
    worst: dict[str, list[float]],
    rounds: int,
    starts: Sequence[float],
) -> str:
    """
    The section, from percentiles in ms.

    Args:
        known: Of the truth.
        worst: Of each tool's worst round, ours first.
        rounds: How many there were.
        starts: From the intended start to ours, in the worst round.
    """
    lines = [
        f"{SECONDS} s at {RATE_PER_S} arrivals/s, {rounds} rounds, each tool's worst one.",
        "Milliseconds, and the share of the truth.",
        "",
        "| tool | p50 | p99 | p99.9 | p99 of the truth | p99.9 of the truth |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, row in {"truth, computed": list(known), **worst}.items():
        shares = [f"{100 * row[n] / known[n]:.1f} %" for n in (1, 2)]
        lines.append(f"| {name} | {_cells(row)} | {' | '.join(shares)} |")
    far = relative_error(next(iter(worst.values())), known)
    verdict = "holds" if far <= ALLOWED else "does not hold"
    return "\n".join(
        [
            *lines,
            "",
            f"In the worst round our p99 and p99.9 are within {100 * far:.1f} % of the truth:",
            f"the mark of {100 * ALLOWED:.0f} % {verdict}.",
            "",
            "Our calls began after their intended instant by (p50, p99, p99.9 of the worst round):",
            f"{', '.join(f'{ms:.2f}' for ms in starts)} ms.",
            "",
            "Two users, or connections, are what 200 requests a second of 10 ms need. Neither tool",
            "knows a schedule: in a stall two requests wait where 200 callers would have come. wrk",
            "estimates afterwards what it did not send (a correction by the mean interval).",
        ]
    )
