"""
(g) A trial of an hour at 10,000 attempts a second: how soon its page opens.

Pages and comparisons are made from interval histograms, so the trial (`write_hour`) has
those of all its 36 million attempts, and single attempts of one in a hundred. Opening is
timed in real headless Chromium, from the request until the first frame after the load
event; the file lies in the page cache.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.reporting import run_command
from harness.trial.histograms import Encoder, bucket_indices
from harness.trial.schema import ATTEMPTS, INTERVALS, PhaseWindow, WorkerSummary
from harness.verdicts import Finding, Verdict
from tests.trials import NS, T0, event, manifest

HOUR_S = 3600
RATE_PER_S = 10_000
WORKERS = 4
OPERATIONS = {
    "create_session": 0.15, "get_session": 0.15, "delete_session": 0.15,
    "import_selector_cache": 0.30, "queue_run": 0.10, "get_run": 0.15,
}  # fmt: skip
OUTCOMES = {"ok": 0.96, "rate_limited": 0.03, "timeout": 0.006, "server_error": 0.004}
CODES = {
    "ok": "", "rate_limited": "CLOUD_RATE_LIMITED", "timeout": "",
    "server_error": "CLOUD_INTERNAL",
}  # fmt: skip
OPENINGS = 7
_OF_WHAT = (
    "Pages and comparisons come from the histograms of all 36 million attempts; of single "
    "attempts\nthis trial logs one in a hundred."
)
_PHASES = (("warm-up", 60), ("steady", 1740), ("ramp", 900), ("steady again", 900))


def write_hour(
    path: Path,
    *,
    seed: int = 7,
    per_s: int = RATE_PER_S,
    slower: float = 1.0,
    logged: float = 0.01,
    operations: int = len(OPERATIONS),
) -> Path:
    """
    Write a finished trial of an hour.

    Args:
        path: The directory.
        seed: Of the random numbers; level and bursts differ with it.
        per_s: Attempts a second.
        slower: Factor on all times.
        logged: Share of the attempts that attempts.parquet holds.
        operations: How many of `OPERATIONS`.
    """
    rng = np.random.default_rng(seed)
    path.mkdir(parents=True, exist_ok=True)
    names = dict(list(OPERATIONS.items())[:operations])
    pq.write_table(_intervals(rng, names, per_s, slower), path / "intervals.parquet")
    attempts = int(HOUR_S * per_s * logged)
    pq.write_table(_attempts(rng, list(names), attempts), path / "attempts.parquet")
    (path / "events.jsonl").write_bytes(b"".join(_events(rng)))
    workers = [
        WorkerSummary(f"worker-{n}", attempts=attempts // WORKERS, planned=attempts // WORKERS)
        for n in range(WORKERS)
    ]
    document = manifest(
        trial_id=path.name, scenario="mixed", workers=workers, phases=_windows(),
        plan={"name": "hour", "load": {"users": 2000}},
        started_ns=T0 * NS, ended_ns=(T0 + HOUR_S) * NS, embedded=True,
    )  # fmt: skip
    (path / "manifest.json").write_bytes(msgspec.json.encode(document))
    told = [Finding(f"check.{n}", "slo", Verdict.PASS, "as it should be") for n in range(30)]
    (path / "findings.json").write_bytes(msgspec.json.encode(told))
    return path


def _windows() -> list[PhaseWindow]:
    ends = np.cumsum([0, *(length for _, length in _PHASES)])
    return [
        PhaseWindow(name, (T0 + int(a)) * NS, (T0 + int(b)) * NS, name != "warm-up")
        for (name, _), a, b in zip(_PHASES, ends[:-1], ends[1:], strict=True)
    ]


def _level(rng: np.random.Generator, seconds: int) -> np.ndarray:
    """A level of latency that wanders by 5 % and remembers 0.8 of the second before."""
    level = np.zeros(seconds)
    for second in range(1, seconds):
        level[second] = 0.8 * level[second - 1] + 0.03 * rng.standard_normal()
    return np.exp(level)


def _intervals(
    rng: np.random.Generator, operations: dict[str, float], per_s: int, slower: float
) -> pa.Table:
    encoder, rows = Encoder(), []
    level = _level(rng, HOUR_S) * slower
    phases = [name for name, length in _PHASES for _ in range(length)]
    for second in range(HOUR_S):
        for place, (operation, weight) in enumerate(operations.items()):
            ends = rng.multinomial(rng.poisson(per_s * weight), list(OUTCOMES.values()))
            for outcome, count in zip(OUTCOMES, ends.tolist(), strict=True):
                if not count:
                    continue
                middle_us = 5_000 * (place + 1) * level[second]
                service = middle_us * np.exp(0.5 * rng.standard_normal(count))
                for metric, lag_us in (("service", 0), ("response", 300)):
                    bins = bucket_indices((service + lag_us).astype(np.int64))
                    encoded = encoder.encode(*np.unique(bins, return_counts=True))
                    rows.append(
                        (
                            T0 + second,
                            phases[second],
                            operation,
                            outcome,
                            metric,
                            count,
                            encoded,
                        )
                    )
    columns = zip(INTERVALS, zip(*rows, strict=True), strict=True)
    return pa.table([pa.array(c).cast(f.type) for f, c in columns], schema=INTERVALS)


def _attempts(rng: np.random.Generator, operations: list[str], count: int) -> pa.Table:
    end_ns = np.sort(rng.integers(T0 * NS, (T0 + HOUR_S) * NS, count))
    took_us = rng.lognormal(9.0, 0.5, count).astype(np.int64)
    outcome = rng.choice(list(OUTCOMES), count, p=list(OUTCOMES.values()))
    ok, refused = outcome == "ok", outcome == "rate_limited"
    columns: dict[str, Any] = {
        "worker": [f"worker-{n % WORKERS}" for n in range(count)],
        "phase": ["steady"] * count,
        "operation": rng.choice(operations, count),
        "call_id": np.arange(count),
        "attempt": np.where(rng.random(count) < 0.03, 2, 1),
        "intended_ns": end_ns - took_us * 1000,
        "start_ns": end_ns - took_us * 1000,
        "end_ns": end_ns,
        "status": np.where(ok, 200, np.where(refused, 429, 0)),
        "code": [CODES[name] for name in outcome.tolist()],
        "outcome": outcome,
        "service_us": took_us,
        "response_us": took_us,
        "retry_after_s": np.where(refused, rng.random(count), np.nan),
        "replayed": np.full(count, -1),
        "bytes_out": np.full(count, 300),
        "bytes_in": np.full(count, 500),
        "disposition": ["done"] * count,
    }
    empty = [""] * count
    return pa.table(
        [pa.array(columns.get(f.name, empty)).cast(f.type) for f in ATTEMPTS], schema=ATTEMPTS
    )


def _events(rng: np.random.Generator) -> list[bytes]:
    told = [
        event(second + 0.5, "generator", f"worker-{n}", cpu_fraction=0.5 + 0.2 * rng.random(),
              loop_lag_ms=5 * rng.random(), late_starts=0, in_flight=30)
        for second in range(HOUR_S) for n in range(WORKERS)
    ]  # fmt: skip
    for name, begin in (("latency", 600.0), ("response-lost", 1800.0)):
        told.append(event(begin, "fault", "", fault=name, edge="start"))
        hits = np.sort(rng.random(5_000)) * 300 + begin
        told += [event(float(at), "fault", "", fault=name, edge="hit") for at in hits]
        told.append(event(begin + 300, "fault", "", fault=name, edge="end"))
    return [msgspec.json.encode(one) + b"\n" for one in sorted(told, key=lambda e: e.time_ns)]


_PAINTED = """() => new Promise(done => {
  const painted = new Promise(seen => new PerformanceObserver((list, self) => {
    for (const entry of list.getEntriesByName("first-contentful-paint")) {
      self.disconnect();
      seen(entry.startTime);
    }
  }).observe({type: "paint", buffered: true}));
  const tell = () => requestAnimationFrame(() => requestAnimationFrame(async () => {
    const now = performance.now();
    done({
      painted: now,
      first: await Promise.race([painted, new Promise(no => setTimeout(no, 5000, NaN))]),
      load: performance.getEntriesByType("navigation")[0].loadEventEnd,
      elements: document.querySelectorAll("*").length,
    });
  }));
  document.readyState === "complete" ? tell() : addEventListener("load", () => setTimeout(tell));
})"""


def open_page(path: Path, openings: int = OPENINGS) -> list[dict[str, float]] | None:
    """
    Open a page so often, each time in a window of its own.

    Returns:
        ms until its first paint (``first``), its load event (``load``) and the frame after
        that (``painted``), and its ``elements``; None where there is no Chromium.
    """
    chromium = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        return None
    seen = []
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=arguments)
        for _ in range(openings):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.goto(path.as_uri(), wait_until="commit")
            seen.append(page.evaluate(_PAINTED))
            context.close()
        browser.close()
    return seen


def bench() -> str:
    """Measure; the section's text."""
    folder = Path(tempfile.mkdtemp(prefix="harness-bench-"))
    try:
        print("making two trials of an hour …", flush=True)
        one = write_hour(folder / "one", seed=1)
        two = write_hour(folder / "two", seed=2, slower=1.1)
        lines = ["| step | seconds | peak memory, MiB |", "| --- | ---: | ---: |"]
        for step, words, codes in (
            ("`harness report`", ["report", str(one)], (0, 1, 4)),
            ("`harness compare`", ["compare", str(one), str(two)], (1,)),
        ):
            seconds, mib = run_command(words, codes)
            lines.append(f"| {step} | {seconds:.1f} | {mib:,.0f} |")
            print(lines[-1], flush=True)
        pages = [one / "report.html", two / "compare.html"]
        return "\n".join([*lines, "", *_openings(pages), "", _OF_WHAT])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _openings(pages: list[Path]) -> list[str]:
    lines = [
        f"Medians of {OPENINGS} openings (the slowest in brackets), ms.",
        "",
        "| page | kB | elements | first paint | load event | painted after it |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for path in pages:
        seen = open_page(path)
        if seen is None:
            return ["Opening was not timed: Chromium or playwright is not installed."]
        cells = [
            f"{statistics.median(one[key] for one in seen):.0f} "
            f"({max(one[key] for one in seen):.0f})"
            for key in ("first", "load", "painted")
        ]
        size = f"{path.stat().st_size / 1000:,.0f} | {seen[0]['elements']:,.0f}"
        lines.append(f"| {path.name} | {size} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return lines
