"""
``make bench-capacity``: the lab against stand-ins whose answer is known, into docs/explanation/capacity-*.md.

Each search is a real one, in processes of its own; a few run at a time, for most of their
time is waiting. What comes of each is one line of a results file, so that a sweep that was
cut off goes on where it ended. The page is written from that file alone. A part of it,
``sessions``, ``uniform`` or ``poisson``, can be made by itself: ``make bench-capacity
PART=sessions``.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.__main__ import machine
from benchmarks.capacity.cases import (
    PLAN,
    SERVERS,
    SLO,
    Ceiling,
    Server,
    list_ceilings,
)
from benchmarks.capacity.page import is_void, write_pages
from harness.execution.lifecycle import measure
from harness.execution.sessions import SessionsExperiment, SessionsJob
from harness.execution.throughput import ThroughputExperiment, ThroughputJob
from harness.plan.file import build_plan
from harness.standin.launch import Standin

ROOT = Path(__file__).parents[2]
KEY = "osk_bench"
SPACINGS = ("uniform", "poisson")
PARTS = ("sessions", *SPACINGS)


def main() -> int:
    """Make the searches that are missing, then write the pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all without")
    parser.add_argument("--results", type=Path, default=ROOT / "trials" / "capacity.jsonl")
    parser.add_argument("--pages", type=Path, default=ROOT / "docs" / "explanation")
    parser.add_argument("--repeat", type=int, default=3, help="searches of each server")
    parser.add_argument("--jobs", type=int, default=3, help="searches at a time")
    parser.add_argument("--stop-after", type=float, default=5400, help="s; then go on later")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    given.results.parent.mkdir(parents=True, exist_ok=True)
    done = {row["name"] for row in read_results(given.results) if not is_void(row)}
    missing = [
        item
        for item in list_wanted(given.repeat)
        if (item[1] or "sessions") in (given.parts or PARTS) and name_of(*item) not in done
    ]
    broken = sweep(missing, given.results, given.jobs, time.monotonic() + given.stop_after)
    bad = broken + write_pages(read_results(given.results), given.pages)
    for line in bad:
        _say(line)
    return 1 if bad else 0


def list_wanted(repeat: int) -> list[tuple[Ceiling | Server, str, int]]:
    """Each search: against what, with which arrivals, the how manieth."""
    wanted: list[tuple[Ceiling | Server, str, int]] = [(c, "", 1) for c in list_ceilings()]
    for number in range(1, repeat + 1):
        wanted += [(server, spacing, number) for spacing in SPACINGS for server in SERVERS]
    return wanted


def name_of(case: Ceiling | Server, spacing: str, number: int) -> str:
    """What a line of results is known by."""
    if isinstance(case, Ceiling):
        return f"{case.ceiling} sessions, {case.setting}"
    return f"{case.workers} x {case.service_s * 1e3:g} ms, {spacing}, {number}"


def read_results(path: Path) -> list[dict[str, Any]]:
    """The results so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def sweep(
    missing: list[tuple[Ceiling | Server, str, int]], results: Path, jobs: int, until_s: float
) -> list[str]:
    """Make searches until all are made or the time is over; those that broke, a line each."""
    broken, left = [], len(missing)
    with ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        futures = {pool.submit(make, *item, until_s): name_of(*item) for item in missing}
        for future in as_completed(futures):
            name = futures[future]
            if future.exception() is not None:
                broken.append(f"{name}: {future.exception()}")
                continue
            row = future.result()
            left -= 1
            if row is not None:
                with results.open("a") as file:
                    file.write(json.dumps({"name": name} | row) + "\n")
                _say(f"{left:4} left · {name} · {row['seconds']:.0f} s")
    return broken


def make(
    case: Ceiling | Server, spacing: str, number: int, until_s: float
) -> dict[str, Any] | None:
    """One search; None when the time is over."""
    if time.monotonic() > until_s:
        return None
    os.environ["OPENSTEER_API_KEY"] = KEY
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="capacity-") as folder:
        if isinstance(case, Ceiling):
            row = find_ceiling(case, Path(folder) / "trial")
        else:
            row = find_rate(case, spacing, number, Path(folder) / "trial")
    return row | {"seconds": time.monotonic() - begun_s, "machine": machine()}


def find_ceiling(case: Ceiling, out: Path) -> dict[str, Any]:
    """A session search, and the truth of its target."""
    with Standin(case.config) as standin:
        job = SessionsJob(host=standin.url, out=out, trial_id="bench", max_sessions=600, cycles=5)
        measure(SessionsExperiment(job), KEY, _nowhere())
        truth = standin.truth()["sessions"]
    found = json.loads((out / "capacity.json").read_text())
    kept = ("ceiling", "ceiling_low", "ceiling_high", "over_admitted", "slots_lost", "leaked")
    return {
        "setting": case.setting,
        "true_ceiling": case.ceiling,
        "found": {name: found[name] for name in kept},
        "truth": {name: truth[name] for name in ("open", "over_admitted", "leaked")},
        "release_ms": found["release_ms"],
        "rate_limited": found["rate_limited"],
        "failed": found["failed_creates"],
    }


def find_rate(case: Server, spacing: str, number: int, out: Path) -> dict[str, Any]:
    """A throughput search."""
    job = ThroughputJob(
        scenario=ROOT / "scenarios" / "cache_import.py",
        slo=SLO,
        plan=build_plan(PLAN, "the bench's plan"),
        host="",
        out=out,
        trial_id="bench",
        spacing=spacing,
        seed=1000 * number,
        standin=case.config,
    )
    measure(ThroughputExperiment(job), KEY, _nowhere())
    found = json.loads((out / "capacity.json").read_text())
    return {
        "workers": case.workers,
        "service_ms": case.service_s * 1e3,
        "spacing": spacing,
        "edge_per_s": case.edge_per_s(spacing),
        "found": found["max_rate_per_s"],
        "bound": found["bound"],
        "steps": [
            {key: step[key] for key in ("purpose", "rate_per_s", "decision", "p99_ms")}
            for step in found["steps"]
        ],
        "notes": found["notes"],
    }


def _nowhere() -> Console:
    return Console(file=io.StringIO())


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
