"""
``make bench-reliability``: every lie and every fault, over many seeds, into docs/explanation/reliability.md.

Trials run a few at a time, each in processes of its own; what comes of each is one line of
a results file, so that a sweep that was cut off goes on where it ended. The page is
written from that file alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.reliability.cases import BY_NAME, HONEST, LIES
from benchmarks.reliability.page import write_page

TIMEOUT_S = 240


def main() -> int:
    """Make the trials that are missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("trials/reliability.jsonl"))
    parser.add_argument("--page", type=Path, default=Path("docs/explanation/reliability.md"))
    parser.add_argument("--seeds", type=int, default=20, help="seeds of each honest case")
    parser.add_argument("--lie-seeds", type=int, default=3, help="seeds of each lie")
    parser.add_argument("--seconds", type=float, default=6.0, help="load of an honest trial")
    parser.add_argument("--jobs", type=int, default=3, help="trials at a time")
    parser.add_argument("--calls", type=int, default=100_000, help="calls of the last trial")
    parser.add_argument("--stop-after", type=float, default=0, help="seconds; then go on later")
    given = parser.parse_args()
    given.results.parent.mkdir(parents=True, exist_ok=True)
    wanted = [(case.name, seed, 20.0) for case in LIES for seed in range(1, given.lie_seeds + 1)]
    wanted += [
        (case.name, seed, given.seconds) for seed in range(1, given.seeds + 1) for case in HONEST
    ]
    done = {(row["case"], row["seed"]) for row in read_results(given.results)}
    _revision()
    missing = [one for one in wanted if one[:2] not in done]
    until = time.monotonic() + given.stop_after if given.stop_after else None
    whole = sweep(missing, given.results, given.jobs, until)
    if whole and given.calls and ("100,000 calls", 1) not in done:
        make_large(given.results, given.calls)
    rows = read_results(given.results)
    bad = write_page(rows, given.page)
    _say(f"{len(rows)} trials, {len(bad)} not as expected; see {given.page}")
    for line in bad:
        _say(f"  {line}")
    return 1 if bad else 0


def read_results(path: Path) -> list[dict[str, Any]]:
    """The results so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def sweep(
    missing: list[tuple[str, int, float]], results: Path, jobs: int, until: float | None
) -> bool:
    """Make trials until all are made or the time is over; whether all were."""
    left = len(missing)
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(_make_if_time, one, until) for one in missing]
        for future in as_completed(futures):
            row = future.result()
            if row is None:
                continue
            left -= 1
            _append(results, row)
            _say(f"{left:4} left · {row['case']} · seed {row['seed']}")
    return left == 0


def make_large(results: Path, calls: int) -> None:
    """The books of many calls under mixed faults, to the last one."""
    rate, seconds = 90.0, calls / 90.0 / 5.5
    row = _make("all of the network's", 1, seconds, "--rate", str(rate))
    _append(results, row | {"case": "100,000 calls"})


def _make_if_time(one: tuple[str, int, float], until: float | None) -> dict[str, Any] | None:
    if until is not None and time.monotonic() > until:
        return None
    return _make(*one)


def _make(name: str, seed: int, seconds: float, *more: str) -> dict[str, Any]:
    assert name in BY_NAME
    with tempfile.TemporaryDirectory(prefix="reliability-") as folder:
        command = [
            sys.executable,
            "-m",
            "benchmarks.reliability.trials",
            name,
            "--seed",
            str(seed),
        ]
        command += ["--seconds", str(seconds), "--out", f"{folder}/trial", *more]
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S + 3 * seconds,
            check=False,
        )
        if ended.returncode:
            raise RuntimeError(f"{name}, seed {seed}: {ended.stderr[-2000:]}")
    row: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return row | {"revision": _revision()}


@cache
def _revision() -> str:
    """What the trials are made of; asked once, before anybody may move on."""
    code = ("harness", "scenarios", "tests/reliability")
    head = _git("rev-parse", "--short", "HEAD")
    changed = " (changed)" if _git("status", "--porcelain", "--", *code) else ""
    return f"{head}{changed}" if head else "unknown"


def _git(*words: str) -> str:
    told = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    return told.stdout.strip()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _append(results: Path, row: dict[str, Any]) -> None:
    with results.open("a") as file:
        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    sys.exit(main())
