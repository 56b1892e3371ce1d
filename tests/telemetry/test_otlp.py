"""Live figures to an OpenTelemetry collector."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.errors import UsageError
from harness.load.progress import Progress
from harness.telemetry.exporters import Exporters
from harness.telemetry.latest_metrics import TrialInfo
from harness.telemetry.otlp import endpoint
from harness.trial.batches import attempts_table, bucket_table
from tests.otlp import Receiver, labels
from tests.trials import T0, ladder

FACTS = TrialInfo("20231114T221320Z-mixed", "mixed", "smoke")


def send(receiver: Receiver) -> str:
    """Send 1000 good answers of 1 … 1000 ms; what was said on stderr."""
    progress, err = Progress(None, 20 * 10**9, watched=True), io.StringIO()
    progress.start(T0 * 10**9)
    progress.add(bucket_table(attempts_table(ladder())))
    with Exporters(otlp=receiver.url).running(FACTS, Console(file=err)) as latest:
        latest.update(progress.snapshot())
    return err.getvalue()


def test_what_was_counted_arrives_when_the_block_ends() -> None:
    """Whole, cumulative since the load's start, and named after the trial."""
    with Receiver() as receiver:
        said = send(receiver)
    path, export = receiver.exports[-1]
    metrics = receiver.metrics()
    (count,) = metrics["opensteer.harness.attempts"].sum.data_points
    (histogram,) = metrics["opensteer.harness.service.duration"].histogram.data_points
    resource = {a.key: a.value.string_value for a in export.resource_metrics[0].resource.attributes}

    assert path == "/v1/metrics"
    assert said == ""
    assert (labels(count), count.as_int) == (("create_session", "ok"), 1000)
    assert count.start_time_unix_nano == T0 * 10**9
    assert histogram.count == sum(histogram.bucket_counts) == 1000
    within = sum(
        n
        for n, bound in zip(histogram.bucket_counts, histogram.explicit_bounds, strict=False)
        if bound <= 0.1
    )
    assert within == pytest.approx(100, abs=1)
    assert histogram.sum == pytest.approx(500.5, rel=0.001)
    assert not histogram.HasField("max")
    assert resource["service.instance.id"] == FACTS.trial_id


def test_a_collector_that_refuses_is_one_line() -> None:
    """The trial goes on."""
    with Receiver(status=400) as receiver:
        said = send(receiver)

    assert said.splitlines() == [
        f"harness: --otlp: {receiver.url}/v1/metrics does not accept metrics; the trial continues"
    ]


@pytest.mark.parametrize(
    ("url", "posted"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/metrics"),
        ("https://collector/", "https://collector/v1/metrics"),
        ("http://collector/of/mine?a=b", "http://collector/of/mine?a=b"),
    ],
)
def test_a_url_without_a_path_gets_otlps_own(url, posted) -> None:
    """As every collector listens."""
    assert endpoint(url) == posted


@pytest.mark.parametrize(
    "url", ["", "collector:4318", "ftp://x", "http://", "http://x:99999", "http://me:secret@x"]
)
def test_a_url_that_is_none_is_refused(url) -> None:
    """One line that names the option and repeats no secret."""
    with pytest.raises(UsageError, match=r"^--otlp ") as raised:
        endpoint(url)
    assert "secret" not in str(raised.value)
