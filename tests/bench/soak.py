"""
(f) Memory of a generator over a long load: it holds what is under way, not what was.

`harness run cache_import --closed` at full speed against nginx; the resident memory of the
generator's process is read every second. After the first quarter, which fills buffers and
memories that are bounded, it should stay where it is, whatever was sent.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.bench.servers import NGINX, Nginx
from tests.bench.throughput import CONNECTIONS, PLAN

SECONDS = 120


def _resident_mib(root: int) -> float:
    """Of the generator, once it runs; 0 before and after."""
    try:
        for child in psutil.Process(root).children(recursive=True):
            if "locust" in " ".join(child.cmdline()):
                return float(child.memory_info().rss) / 2**20
    except psutil.Error:
        pass
    return 0.0


def bench(seconds: int = SECONDS) -> str:
    """Measure; the section's text."""
    if not Path(NGINX).is_file() or (os.cpu_count() or 1) < 2:
        return "Skipped: it needs nginx (`make test-deps`) and two cores."
    folder = Path(tempfile.mkdtemp(prefix="harness-bench-"))
    samples: list[float] = []
    try:
        (folder / "plan.toml").write_text(PLAN.format(users=CONNECTIONS, seconds=seconds))
        with Nginx(core=0) as server:
            command = ["taskset", "-c", "1", sys.executable, "-c"]
            command += ["from harness.cli import main; main()", "run", "cache_import"]
            command += ["--closed", "--plan", str(folder / "plan.toml"), "--host", server.url]
            process = subprocess.Popen(
                [*command, "--out", str(folder / "trial")],
                env={**os.environ, "OPENSTEER_API_KEY": "osk_bench"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            while process.poll() is None:
                if mib := _resident_mib(process.pid):
                    samples.append(mib)
                time.sleep(1.0)
        attempts = json.loads((folder / "trial" / "summary.json").read_text())["totals"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    samples = samples[2:-1]  # imports before, the farewell after
    quarter = len(samples) // 4
    quarters = [statistics.median(samples[n * quarter : (n + 1) * quarter]) for n in range(4)]
    cells = " | ".join(f"{mib:.0f}" for mib in quarters)
    return "\n".join(
        [
            f"{attempts['attempts']:,} attempts in {seconds} s; medians of resident MiB.",
            "",
            "| first quarter | second | third | fourth | fourth to second |",
            "| ---: | ---: | ---: | ---: | ---: |",
            f"| {cells} | {quarters[3] / quarters[1]:.3f} |",
        ]
    )
