"""
``make bench-ratelimit``, its second half: the command against the real stand-in, over HTTP.

Each setting is a stand-in of its own in a process of its own, measured by ``harness
ratelimit`` as a user runs it. What comes of one is one line of a results file, so that a
sweep that was cut off goes on where it ended; the table in docs/explanation/rate-limit.md is written
from that file alone.

``python benchmarks/rate_limit/over_http.py [--settings 36] [--first-seed 1] …``
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.rate_limit.http_page import summarise, write_page
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin

KEY = "osk_bench"
KINDS = ("token-bucket", "fixed-window", "sliding-window")
STYLES = ("exact-ceil", "decimal", "early", "late", "http-date", "missing", "malformed")
TIMEOUT_S = 420.0
_SEEN_LIE_S = 0.15


class Setting(NamedTuple):
    """
    A stand-in's limiter.

    Attributes:
        kind: Its algorithm, as the stand-in and rate_limit.json both call it.
        rate_per_s: Tokens a second, or the limit over the window.
        burst: The bucket's size, or the window's limit.
        window_s: None for a bucket.
        style: How it writes Retry-After.
    """

    seed: int
    kind: str
    rate_per_s: float
    burst: int
    window_s: float | None
    style: str

    @property
    def words(self) -> set[str]:
        """What the lab may call the Retry-After; a lie of milliseconds is none."""
        if self.style == "early" and self.window_s is None and 1 / self.rate_per_s < _SEEN_LIE_S:
            return {"too early", "true"}
        named = {
            "exact-ceil": "rounded up to whole seconds",
            "decimal": "true",
            "early": "too early",
            "late": "too late",
        }
        return {named.get(self.style, self.style)}

    def config(self) -> StandinConfig:
        """The stand-in's settings."""
        return StandinConfig(
            limiter=self.kind,  # type: ignore[arg-type]
            rate=self.rate_per_s,
            burst=self.burst,
            window_s=self.window_s or 1.0,
            retry_after=self.style,  # type: ignore[arg-type]
            api_keys=(KEY,),
        )


def draw_setting(seed: int) -> Setting:
    """Rate 1 to 500 a second, burst 1 to 200, windows 1 to 10 s, evenly in their logarithm."""
    rand = random.Random(f"over http {seed}")
    kind, style = KINDS[seed % 3], STYLES[seed // 3 % len(STYLES)]
    burst = max(1, round(200 ** rand.random()))
    if kind == "token-bucket":
        return Setting(seed, kind, round(500 ** rand.random(), 1), burst, None, style)
    # A limit of one is a bucket of one: no one can tell, so windows start at two.
    burst, window_s = max(2, burst), round(10 ** rand.random(), 2)
    return Setting(seed, kind, burst / window_s, burst, window_s, style)


def measure(setting: Setting) -> dict[str, Any]:
    """Run the command against this setting; the row of the results file."""
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="ratelimit-") as folder,
        Standin(setting.config()) as standin,
    ):
        command = [sys.executable, "-c", "from harness.cli import main; main()", "ratelimit"]
        command += ["--host", standin.url, "--out", "trial"]
        ended = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"OPENSTEER_API_KEY": KEY, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        path = Path(folder) / "trial" / "rate_limit.json"
        if not path.is_file():
            raise RuntimeError(f"seed {setting.seed}: exit {ended.returncode}: {ended.stderr}")
        told = json.loads(path.read_text())
    kept = ("algorithm", "rate_per_s", "burst", "window_s", "retry_after", "attempts", "ended")
    return {
        **setting._asdict(),
        "words": sorted(setting.words),
        "told": {name: told[name] for name in kept},
        "check": told["check_run"],
        "models": {m["variant"]: m["contradictions"] for m in told["models"]},
        "exit": ended.returncode,
        "seconds": round(time.monotonic() - begun, 1),
    }


def sweep(settings: list[Setting], results: Path, jobs: int, until: float) -> bool:
    """Measure them, a few at a time, until all are measured or the time is over."""
    left = len(settings)
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(_measure_in_time, one, until) for one in settings]
        for future in as_completed(futures):
            row = future.result()
            if row is None:
                continue
            left -= 1
            with results.open("a") as file:
                file.write(json.dumps(row) + "\n")
            told = row["told"]
            _say(
                f"{left:4} left · seed {row['seed']} · {row['kind']} is {told['algorithm']}, "
                f"Retry-After {row['style']} is {told['retry_after']['kind']}"
            )
    return left == 0


def main() -> int:
    """Measure what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("trials/ratelimit-http.jsonl"))
    parser.add_argument("--page", type=Path, default=Path("docs/explanation/rate-limit.md"))
    parser.add_argument("--settings", type=int, default=42)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="settings at a time; they wait most")
    parser.add_argument("--stop-after", type=float, default=math.inf, help="seconds; go on later")
    given = parser.parse_args()
    given.results.parent.mkdir(parents=True, exist_ok=True)
    seeds = range(given.first_seed, given.first_seed + given.settings)
    done = {row["seed"] for row in read_results(given.results)}
    missing = [draw_setting(seed) for seed in seeds if seed not in done]
    whole = sweep(missing, given.results, given.jobs, time.monotonic() + given.stop_after)
    rows = sorted(read_results(given.results), key=lambda row: row["seed"])
    _say(summarise(rows))
    if not whole:
        _say("not all settings were measured in the time; the page stays as it is")
        return 1
    write_page(rows, given.page)
    return 0


def read_results(path: Path) -> list[dict[str, Any]]:
    """The results so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def _measure_in_time(setting: Setting, until: float) -> dict[str, Any] | None:
    return measure(setting) if time.monotonic() < until else None


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
