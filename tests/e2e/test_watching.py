"""A running trial, watched by a real Prometheus and by an OTLP receiver."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from harness.analysis.distributions import PERCENTILES
from harness.load.live_counters import BOUNDS_US
from harness.telemetry.exporters import Exporters
from tests.e2e.conftest import KEY, Command, CompletedCommand
from tests.otlp import Receiver, labels
from tests.reports.conftest import build
from tests.telemetry.test_prometheus import FACTS, live
from tests.trials import attempt


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def prometheus(target: str, folder: Path) -> Iterator[str]:
    """A real one that scrapes the target every second; yields its URL."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("prometheus is not installed (make test-deps)")
    job = {"job_name": "harness", "static_configs": [{"targets": [target]}]}
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}
    (folder / "prometheus.yml").write_text(json.dumps(config))
    address = f"127.0.0.1:{free_port()}"
    options = [
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address={address}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([binary, *options], stdout=log, stderr=log)
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def query(url: str, expression: str) -> dict[tuple[str, str], float]:
    """What Prometheus answers, by operation and outcome; nothing while it starts."""
    asked = f"{url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            rows = json.loads(answer.read())["data"]["result"]
    except urllib.error.URLError:
        return {}
    return {
        (row["metric"].get("operation", ""), row["metric"].get("outcome", "")): float(
            row["value"][1]
        )
        for row in rows
    }


def attempts_of(trial: Path) -> dict[tuple[str, str], int]:
    """What the load wrote down, probes and preflight left out, by operation and outcome."""
    columns = ["phase", "operation", "outcome"]
    table = pd.read_parquet(trial / "attempts.parquet", columns=columns).astype(str)
    table = table[~table["phase"].isin(["probe", "preflight"])]
    return table.groupby(["operation", "outcome"]).size().to_dict()


def metrics_url(process: subprocess.Popen) -> str:
    """Where the trial says that its metrics are."""
    line = process.stderr.readline()
    assert line.startswith("metrics: http://"), line
    return line.split()[1]


def test_prometheus_and_an_otlp_receiver_watch_a_trial(harness: Command, tmp_path: Path) -> None:
    """
    Prometheus sees the counts before the end; the last OTLP export has those of the trial.
    """
    with Receiver() as receiver:
        ended, seen, p99_s, generator = _watch(harness, tmp_path, receiver.url)
    written = attempts_of(tmp_path / "t")
    longest_us = pd.read_parquet(tmp_path / "t/attempts.parquet")["service_us"].max()

    assert ended.code in {0, 4}, ended.err
    assert seen
    assert p99_s
    assert all(count <= written[key] for key, count in seen.items())
    assert all(0 < value <= 1.3e-6 * longest_us for value in p99_s.values())
    assert generator
    _exports_are_complete(receiver, written)


def _watch(harness: Command, folder: Path, otlp: str) -> tuple[CompletedCommand, dict, dict, dict]:
    """Run a trial with both exporters; what Prometheus has seen of it before its end."""
    process = harness.start(
        "run", "mixed", "--duration", "10s", "--rate", "20", "--prometheus", "0", "--otlp", otlp,
        "--out", "t",
    )  # fmt: skip
    seen, p99_s, generator = {}, {}, {}
    try:
        target = urllib.parse.urlsplit(metrics_url(process)).netloc
        with prometheus(target, folder) as url:
            while process.poll() is None and not (seen and p99_s and generator):
                seen = query(url, "opensteer_harness_attempts_total > 0")
                p99_s = query(
                    url,
                    "histogram_quantile(0.99, opensteer_harness_service_seconds_bucket"
                    '{outcome="ok"}) > 0',
                )
                generator = query(url, "opensteer_harness_generator_cpu_fraction >= 0")
                time.sleep(0.2)  # between two questions, not for anything to happen
    finally:
        ended = harness.wait(process)
    return ended, seen, p99_s, generator


def _exports_are_complete(receiver: Receiver, written: dict) -> None:
    """Sums, histograms and gauges; the key is in none of them."""
    metrics = receiver.metrics()
    sums = {labels(p): p.as_int for p in metrics["opensteer.harness.attempts"].sum.data_points}
    histograms = metrics["opensteer.harness.service.duration"].histogram.data_points

    assert {path for path, _ in receiver.exports} == {"/v1/metrics"}
    assert sums == written
    assert {labels(p): p.count for p in histograms} == written
    assert all(sum(p.bucket_counts) == p.count for p in histograms)
    assert metrics["opensteer.harness.generator.cpu"].gauge.data_points
    assert KEY.encode() not in receiver.exports[-1][1].SerializeToString()


def test_a_quantile_out_of_prometheus_lies_in_the_bucket_of_the_reports(tmp_path: Path) -> None:
    """3,000 known latencies, scraped by a real one; each quantile of two operations."""
    rng = np.random.default_rng(11)
    rows = [
        attempt(call_id=n, at_s=n * 0.005, service_ms=float(ms), operation=operation)
        for n, (ms, operation) in enumerate(
            zip(
                np.exp(rng.normal(3.0, 1.0, 3000)),
                ["create_session", "get_run", "get_run"] * 1000,
                strict=True,
            )
        )
    ]
    operations = build(tmp_path / "t", rows).summary["operations"]
    metric = 'opensteer_harness_service_seconds_bucket{outcome="ok"}'
    found = {}
    with Exporters(prometheus="0").running(FACTS, Console(stderr=True, quiet=True)) as latest:
        latest.update(live(rows))
        target = urllib.parse.urlsplit(latest.url).netloc
        with prometheus(target, tmp_path) as url:
            deadline_s = time.monotonic() + 60
            while not found and time.monotonic() < deadline_s:
                found = query(url, f"histogram_quantile(0.5, {metric}) > 0")
                time.sleep(0.1)  # between two questions, not for anything to happen
            for name, fraction in PERCENTILES.items():
                found = query(url, f"histogram_quantile({fraction}, {metric})")
                for (operation, _), value_s in found.items():
                    truth_us = 1000 * operations[operation]["service_ms"][name]
                    buckets = np.searchsorted(BOUNDS_US, [value_s * 1e6, truth_us])
                    assert buckets[0] == buckets[1], (operation, name, value_s, truth_us)

    assert {operation for operation, _ in found} == {"create_session", "get_run"}


def test_a_worker_has_no_figures_to_watch(harness: Command) -> None:
    """They are the master's: one line, exit 2."""
    ended = harness(
        "run",
        "mixed",
        "--worker",
        "127.0.0.1",
        "--host",
        "http://127.0.0.1:9",
        "--prometheus",
        "0",
    )

    assert ended.code == 2
    assert ended.err.strip() == "harness: --worker: the coordinator exports live metrics"
