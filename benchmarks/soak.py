"""
(f) Memory of a generator over a long load: it holds what is under way, not what was.

`harness run cache_import --closed` at full speed against nginx; the resident memory of the
generator's process is read every second. After the first quarter, which fills buffers and
memories that are bounded, it should stay where it is, whatever was sent: the slope of what
follows (Theil-Sen, `harness.analysis.drift`), carried on over an hour, must be small.
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

import numpy as np
import psutil

from benchmarks.servers import NGINX, Nginx
from benchmarks.throughput import CONNECTIONS, PLAN
from harness.analysis.drift import find_slope

SECONDS = 600
GROWTH_MAX_MIB = 16.0
"""What an hour at full speed may add, at the upper end of the slope's interval."""


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
    return table(samples[2:-1], attempts["attempts"], seconds)  # imports and farewell left out


def table(samples: list[float], attempts: int, seconds: int) -> str:
    """The section, from the generator's MiB at each second."""
    quarter = len(samples) // 4
    quarters = [statistics.median(samples[n * quarter : (n + 1) * quarter]) for n in range(4)]
    slope = find_slope(np.array(samples[quarter:]))
    hour = [3600 * mib_per_s for mib_per_s in (slope.estimate, slope.low, slope.high)]
    verdict = "flat" if hour[2] <= GROWTH_MAX_MIB else "not flat"
    return "\n".join(
        [
            f"{attempts:,} attempts in {seconds} s; medians of resident MiB.",
            "",
            "| first quarter | second | third | fourth | fourth to second |",
            "| ---: | ---: | ---: | ---: | ---: |",
            f"| {' | '.join(f'{mib:.0f}' for mib in quarters)} | {quarters[3] / quarters[1]:.3f} |",
            "",
            f"After the first quarter it changes by {hour[0]:+.1f} MiB an hour (99 % interval",
            f"{hour[1]:+.1f} to {hour[2]:+.1f}, Theil-Sen): {verdict}; at most",
            f"{GROWTH_MAX_MIB:.0f} are allowed.",
        ]
    )
