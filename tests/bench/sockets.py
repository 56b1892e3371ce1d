"""
`make bench-sockets`: what 500 sockets in one generator cost an action, into docs/sockets.md.

The stand-in answers every action after 20 ms. What an action took beyond that is the
overhead of both sides and the kernel; the harness's own part of it is told apart by the
kernel's stamps (`tests.bench.stamped_actions`). The generator is one process on core 1, the
stand-in is on core 0. The users' first 10 s, when all of them connect at once, are left out.

``python -m tests.bench.sockets``
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from tests.bench.__main__ import machine

PAGE = Path(__file__).parent.parent.parent / "docs" / "sockets.md"
SCENARIO = Path(__file__).parent / "stamped_actions.py"
OWN_FILE = "HARNESS_BENCH_OWN"  # importing it from there would patch this process
USERS, SOCKETS = 530, 500
SECONDS = 30
ACTION_US = 20_000
LIMIT_MS = 5.0
THINK = (0.5, 1.5)

PLAN = f"""
name = "sockets"
[load]
model = "closed"
users = {USERS}
wait = [0.0, 0.0]
phases = [
  {{name = "connect", duration = "10s", rate = 0, measured = false}},
  {{name = "load", duration = "{SECONDS}s", rate = 0}},
]
[scenario.session_actions]
think = [{THINK[0]}, {THINK[1]}]
together = 0.0
[probes]
share = 0.0
"""


def measure(folder: Path) -> tuple[pa.Table, np.ndarray]:
    """Make the trial; its attempts, and the rows (start, own part) of actions, in ns."""
    (folder / "plan.toml").write_text(PLAN)
    config = StandinConfig(latency={"action": f"{ACTION_US // 1000}ms"})
    with Standin(config) as standin:
        subprocess.run(
            ["taskset", "-a", "-cp", "0", str(standin.pid)], check=True, capture_output=True
        )
        command = [
            "taskset",
            "-c",
            "1",
            sys.executable,
            "-c",
            "from harness.cli import main; main()",
        ]
        command += ["run", str(SCENARIO), "--closed", "--plan", str(folder / "plan.toml")]
        command += ["--host", standin.url, "--out", str(folder / "trial")]
        own = folder / "own"
        environ = {**os.environ, "OPENSTEER_API_KEY": "osk_bench", OWN_FILE: str(own)}
        subprocess.run(command, env=environ, check=False, timeout=110, stdout=sys.stderr)
    attempts = pa.concat_tables(
        pq.read_table(each) for each in sorted((folder / "trial").rglob("attempts*.parquet"))
    )
    return attempts, np.fromfile(own, np.int64).reshape(-1, 2)


def sockets_open(attempts: pa.Table, start_ns: int, end_ns: int) -> np.ndarray:
    """Sockets open at every 100 ms of a time: connected so far, minus left so far."""
    connected = attempts.filter(pc.field("operation") == "action.connect")
    connected = connected.filter(pc.field("outcome") == "ok")["end_ns"].to_numpy()
    left = attempts.filter(pc.field("operation") == "delete_session")["start_ns"].to_numpy()
    at = np.arange(start_ns, end_ns, 100_000_000)
    return np.searchsorted(np.sort(connected), at) - np.searchsorted(np.sort(left), at)


def tell(attempts: pa.Table, own_ns: np.ndarray) -> tuple[str, bool]:
    """The section's text, and whether the aim is reached."""
    load = attempts.filter(pc.field("phase") == "load")
    start_ns = pc.min(load["start_ns"]).as_py()
    end_ns = start_ns + SECONDS * 10**9  # then users finish their rounds, and sockets close
    load = load.filter(pc.field("start_ns") < end_ns)
    actions = load.filter(pc.starts_with(load["operation"].cast(pa.string()), "action."))
    actions = actions.filter(pc.field("operation") != "action.connect")
    ok = actions.filter(pc.field("outcome") == "ok")
    beyond_ms = (ok["service_us"].to_numpy() - ACTION_US) / 1000
    own_ms = own_ns[np.isin(own_ns[:, 0], ok["start_ns"].to_numpy()), 1] / 1e6
    assert len(own_ms) == len(ok), "an action without its stamps"
    sockets = sockets_open(attempts, start_ns, end_ns)
    few = int(np.percentile(sockets, 5))
    failed = len(actions) - len(ok)
    rows = [
        ("sockets open at once, median", f"{np.median(sockets):,.0f}"),
        ("sockets open at once, in 95 % of the time at least", f"{few:,}"),
        ("actions", f"{len(ok):,}"),
        ("actions a second", f"{len(ok) / SECONDS:,.0f}"),
        ("actions that failed", f"{failed:,}"),
        *_spread("the harness's own part", own_ms),
        *_spread("beyond the 20 ms, both sides", beyond_ms),
    ]
    text = (
        f"Measured {machine()}: one generator process on core 1, `serve --latency action="
        f"{ACTION_US // 1000}ms` on core 0, {USERS} users thinking {THINK[0]:g} to {THINK[1]:g} s, "
        f"{SECONDS} s.\n\n"
        "| what | figure |\n| --- | ---: |\n"
        + "".join(f"| {what} | {figure} |\n" for what, figure in rows).rstrip()
    )
    return text, np.percentile(own_ms, 99) < LIMIT_MS and few >= SOCKETS and not failed


def _spread(what: str, values_ms: np.ndarray) -> list[tuple[str, str]]:
    names = {"p50": 50, "p99": 99, "greatest": 100}
    return [
        (f"{what}, {name}", f"{np.percentile(values_ms, q):.2f} ms")
        for name, q in names.items()
    ]


def main() -> int:
    """Measure, and write the section."""
    if (os.cpu_count() or 1) < 2 or not shutil.which("taskset"):
        sys.stderr.write("bench-sockets: it needs two cores and taskset\n")
        return 3
    with tempfile.TemporaryDirectory(prefix="harness-sockets-") as folder:
        text, reached = tell(*measure(Path(folder)))
    page = PAGE.read_text()
    marked = re.compile(r"(<!-- bench -->\n).*?(<!-- /bench -->)", re.DOTALL)
    assert marked.search(page), f"{PAGE} has no place for the figures"
    PAGE.write_text(marked.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page))
    print(text)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
