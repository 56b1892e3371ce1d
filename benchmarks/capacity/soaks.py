"""
``make bench-soaks``: real soaks whose latency stays, or rises by a fifth, into docs/explanation/drift.md.

Each is ``harness run mixed --plan soak`` in processes of its own against a stand-in whose
latency this bench raises second by second through its control, or leaves alone. A soak is
mostly waiting, so several run side by side. What comes of each is one line of a results
file; a sweep that was cut off goes on where it ended, and the page is written from the file.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.__main__ import machine
from benchmarks.capacity.soaks_page import FIGURES, is_void, write_soaks
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin

ROOT = Path(__file__).parents[2]
KEY = "osk_bench"
MEDIAN_MS, SIGMA = 100.0, 0.4
"""So slow that a few milliseconds of a shared machine matter little."""
RISES = (0.0, 0.2)
LENGTH_S = 240


@dataclass(frozen=True, slots=True)
class Soak:
    """One soak: by how much its target's latency rises over the load, and its seed."""

    rise: float
    seed: int

    @property
    def name(self) -> str:
        """What its line of results is known by."""
        return f"{'rise of ' + format(self.rise, '.0%') if self.rise else 'flat'}, {self.seed}"

    def latency(self, share: float) -> dict[str, str]:
        """The stand-in's latency when `share` of the load, 0 … 1, is over."""
        return {"*": f"lognormal({MEDIAN_MS * (1 + self.rise * share):.3f}ms,{SIGMA})"}


def main() -> int:
    """Make the soaks that are missing, then write the page; 1 when a verdict is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=ROOT / "trials" / "soaks.jsonl")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "explanation" / "drift.md")
    parser.add_argument("--keep", type=Path, help="a folder to keep the trials in")
    parser.add_argument("--seeds", type=int, default=20, help="soaks of each kind")
    parser.add_argument("--jobs", type=int, default=8, help="soaks at a time")
    parser.add_argument("--length", type=int, default=LENGTH_S, help="s of load")
    given = parser.parse_args()
    given.results.parent.mkdir(parents=True, exist_ok=True)
    done = {row["name"] for row in read_rows(given.results) if not is_void(row)}
    wanted = [Soak(rise, seed) for seed in range(1, given.seeds + 1) for rise in RISES]
    missing = [soak for soak in wanted if soak.name not in done]
    broken = sweep(missing, given.results, given.keep, given.jobs, given.length)
    bad = broken + write_soaks(read_rows(given.results), given.page)
    for line in bad:
        _say(line)
    return 1 if bad else 0


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The results so far."""
    text = path.read_text() if path.is_file() else ""
    return [json.loads(line) for line in text.splitlines()]


def sweep(
    missing: list[Soak], results: Path, keep: Path | None, jobs: int, length_s: int
) -> list[str]:
    """Make the soaks; those that broke, a line each."""
    broken, left = [], len(missing)
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(make, soak, keep, length_s): soak for soak in missing}
        for future in as_completed(futures):
            name, left = futures[future].name, left - 1
            if (error := future.exception()) is not None:
                broken.append(f"{name}: {error}")
                continue
            row = future.result()
            with results.open("a") as file:
                file.write(json.dumps({"name": name} | row) + "\n")
            _say(f"{left:4} left · {name} · {row['verdicts']}")
    return broken


def make(soak: Soak, keep: Path | None, length_s: int) -> dict[str, Any]:
    """One soak: its verdicts, and what its target and its generator did."""
    config = StandinConfig(seed=soak.seed, latency=soak.latency(0.0))
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, Standin(config) as standin:
        out = (keep or Path(folder)) / soak.name.replace(" ", "-")
        process = _start(soak, standin.url, out, length_s)
        raised_to = _raise(soak, standin, process, length_s)
        complaint = process.communicate()[1]
        if not (out / "summary.json").is_file():
            raise RuntimeError(complaint.decode(errors="replace")[-500:])
        summary = json.loads((out / "summary.json").read_text())
    findings = {f["name"]: f for f in summary["findings"] if f["name"].startswith("drift.")}
    return {
        "rise": soak.rise,
        "raised_to": raised_to,
        "length_s": length_s,
        "attempts": summary["load"]["attempts"],
        "verdicts": {name: finding["verdict"] for name, finding in findings.items()},
        "details": {name: finding["detail"] for name, finding in findings.items()},
        "changes": {name: _change(findings[f"drift.{name}"]["detail"]) for name in FIGURES},
        "generator": summary["generator"],
        "machine": machine(),
        "exit": process.returncode,
    }


def _start(soak: Soak, url: str, out: Path, length_s: int) -> subprocess.Popen[bytes]:
    options = {
        "--plan": "soak",
        "--duration": f"{length_s}s",
        "--seed": str(soak.seed),
        "--host": url,
        "--out": str(out),
    }
    return subprocess.Popen(
        [Path(sys.executable).parent / "harness", "run", "mixed"]
        + [word for pair in options.items() for word in pair],
        env=os.environ | {"OPENSTEER_API_KEY": KEY},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _raise(soak: Soak, standin: Standin, process: subprocess.Popen[bytes], length_s: int) -> float:
    """Raise the latency from the load's begin to its end; the last share that was set."""
    while process.poll() is None and not standin.truth()["requests"]:
        time.sleep(0.1)
    begun_s, share = time.monotonic(), 0.0
    while process.poll() is None and share < 1:
        share = min((time.monotonic() - begun_s) / length_s, 1.0)
        if soak.rise:
            standin.control(latency=soak.latency(share))
        time.sleep(1.0)
    return share


def _change(detail: str) -> float:
    """The change that a finding tells, as a fraction."""
    found = re.search(r"changed by ([+-][0-9.]+) %", detail)
    if found is None:
        raise RuntimeError(detail)
    return float(found[1]) / 100


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
