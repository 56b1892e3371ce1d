"""Live figures as metrics: exact counts, and what Prometheus' own tools say of their form."""

from __future__ import annotations

import shutil
import subprocess
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from harness.errors import UsageError
from harness.load.live_counters import BOUNDS_US
from harness.load.progress import LiveMetrics, Progress
from harness.telemetry.exporters import Exporters
from harness.telemetry.latest_metrics import TrialInfo
from harness.telemetry.prometheus import parse_listener
from harness.trial.batches import attempts_table, bucket_table
from harness.trial.schema import Event
from tests.trials import attempt, ladder, rate_limited

FACTS = TrialInfo("20231114T221320Z-mixed", "mixed", "smoke")


def live(*batches: list, events: list[Event] = ()) -> LiveMetrics:
    """The figures after these batches of attempts, as they come out of the pipe."""
    progress = Progress(None, 20 * 10**9, watched=True)
    for rows in batches:
        progress.add(bucket_table(attempts_table(rows)))
    for event in events:
        progress.event(event)
    return progress.snapshot()


def scrape(figures: LiveMetrics | None) -> tuple[str, dict[str, dict]]:
    """What a scrape gets: the text, and its samples by name and labels."""
    with Exporters(prometheus="0").running(FACTS, Console(stderr=True, quiet=True)) as latest:
        if figures is not None:
            latest.update(figures)
        with urllib.request.urlopen(latest.url, timeout=10) as answer:
            text = answer.read().decode()
    samples: dict[str, dict] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = tuple(sorted(sample.labels.items()))
            samples.setdefault(sample.name, {})[key] = sample.value
    return text, samples


CREATE_OK = (("operation", "create_session"), ("outcome", "ok"))


def bucket(le: str) -> tuple:
    """Labels of one bucket of good create_sessions."""
    return (("le", le), *CREATE_OK)


def test_counts_and_latencies_are_the_attempts_own() -> None:
    """1000 answers of 1 … 1000 ms in two batches: 100 within 0.1 s, 500.5 s in all."""
    rows = ladder()
    _, samples = scrape(live(rows[:300], [*rows[300:], rate_limited(), rate_limited()]))
    name = "opensteer_harness_service_seconds"

    assert samples["opensteer_harness_attempts_total"] == {
        CREATE_OK: 1000,
        (("operation", "create_session"), ("outcome", "rate_limited")): 2,
    }
    assert samples[name + "_bucket"][bucket("0.1")] == pytest.approx(100, abs=1)
    assert samples[name + "_bucket"][bucket("0.5")] == pytest.approx(500, abs=1)
    assert samples[name + "_bucket"][bucket("+Inf")] == samples[name + "_count"][CREATE_OK] == 1000
    assert samples[name + "_sum"][CREATE_OK] == pytest.approx(500.5, rel=0.001)


def test_response_and_service_differ() -> None:
    """An attempt that began 1 s late is slow for its caller and fast for the target."""
    _, samples = scrape(live([attempt(service_ms=10.0, late_ms=1000.0)]))

    assert samples["opensteer_harness_service_seconds_bucket"][bucket("0.0125")] == 1
    assert samples["opensteer_harness_response_seconds_bucket"][bucket("0.8")] == 0
    assert samples["opensteer_harness_response_seconds_bucket"][bucket("1.25")] == 1


def test_what_is_slower_than_the_last_bound_is_counted() -> None:
    """It is in +Inf and in no other bucket."""
    _, samples = scrape(live([attempt(service_ms=BOUNDS_US[-1] / 1000 + 1000)]))
    buckets = samples["opensteer_harness_service_seconds_bucket"]

    assert buckets[bucket("40")] == 0
    assert buckets[bucket("+Inf")] == 1


def test_probes_are_left_out() -> None:
    """What they are refused is what they were sent to hear."""
    figures = live([attempt(phase="probe"), attempt()])

    assert [row.count for row in figures.series] == [1, 1]


def test_late_starts_add_up_and_other_samples_are_the_last() -> None:
    """A generator's event has the late starts of one second."""
    events = [
        Event(
            n,
            "generator",
            "w0",
            {"cpu_fraction": n / 10, "loop_lag_ms": 5.0 * n, "late_starts": 3, "in_flight": n},
        )
        for n in (1, 2)
    ]
    _, samples = scrape(live(events=events))
    worker = (("worker", "w0"),)

    assert samples["opensteer_harness_generator_late_starts_total"] == {worker: 6}
    assert samples["opensteer_harness_generator_cpu_fraction"] == {worker: 0.2}
    assert samples["opensteer_harness_generator_loop_lag_seconds"] == {worker: 0.01}
    assert samples["opensteer_harness_generator_in_flight"] == {worker: 2}


def test_before_the_first_figures_the_trial_is_named() -> None:
    """A scrape during the preflight is no error."""
    _, samples = scrape(None)

    assert list(samples) == ["opensteer_harness_trial_info"]


def test_nobody_watching_costs_nothing() -> None:
    """Without --prometheus or --otlp nothing is added up."""
    progress = Progress(None, 10**9)
    progress.add(bucket_table(attempts_table(ladder())))

    assert progress.snapshot().series == []
    assert progress.snapshot().attempts == 1000


def test_the_metrics_please_promtool() -> None:
    """Names, types, help and units as Prometheus wants them."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (make test-deps)")
    text, _ = scrape(live(ladder()))
    ended = subprocess.run(
        [promtool, "check", "metrics"], check=False, input=text, capture_output=True, text=True, timeout=60
    )  # fmt: skip

    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "listener"),
    [("9464", ("127.0.0.1", 9464)), ("10.0.0.7:0", ("10.0.0.7", 0)), ("[::1]:1", ("::1", 1))],
)
def test_a_listener_is_a_port_or_a_host_and_a_port(text, listener) -> None:
    """Loopback without a host: what a trial does is nobody else's affair."""
    assert parse_listener(text) == listener


@pytest.mark.parametrize("text", ["", "x", "65536", "127.0.0.1", "-1", "1:²"])
def test_a_listener_that_is_none_is_refused(text) -> None:
    """One line that names the option."""
    with pytest.raises(UsageError, match=r"^--prometheus "):
        parse_listener(text)


def test_a_port_that_is_taken_is_one_line() -> None:
    """Before anything is started."""
    console = Console(stderr=True, quiet=True)
    with Exporters(prometheus="0").running(FACTS, console) as latest:
        port = latest.url.rsplit(":", 1)[1].split("/")[0]
        with (
            pytest.raises(UsageError, match=f"^--prometheus {port}: Address already in use$"),
            Exporters(prometheus=port).running(FACTS, console),
        ):
            pass
