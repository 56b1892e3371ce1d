"""Objectives judged on small interval tables whose answers can be checked by eye."""

from __future__ import annotations

import msgspec
import pyarrow as pa
import pytest
from hdrh.histogram import HdrHistogram

from harness.checks.slo import evaluate, needed_attempts
from harness.plan.slo import parse_slos
from harness.trial.schema import INTERVALS, Manifest, PhaseWindow, WorkerSummary
from harness.verdicts import Verdict

SECOND_NS = 1_000_000_000

MANIFEST = Manifest(
    schema=1,
    trial_id="t",
    scenario="s",
    host="http://127.0.0.1",
    model="open",
    plan={},
    seed=0,
    versions={},
    workers=[WorkerSummary("w1", planned=1000)],
    phases=[
        PhaseWindow("warm-up", 0, 10 * SECOND_NS, measured=False),
        PhaseWindow("steady", 10 * SECOND_NS, 20 * SECOND_NS),
    ],
    started_ns=0,
    ended_ns=20 * SECOND_NS,
    state="complete",
)


def rows(times_ms, *, operation="get_run", outcome="ok", phase="steady", second=10):
    """The two interval rows (service and ten times longer response) of attempts."""
    table = []
    for metric, factor in (("service", 1), ("response", 10)):
        histogram = HdrHistogram(1, 3_600_000_000, 3)
        for time_ms in times_ms:
            histogram.record_value(int(time_ms * 1_000 * factor))
        table.append(
            {
                "second": second,
                "phase": phase,
                "operation": operation,
                "outcome": outcome,
                "metric": metric,
                "count": len(times_ms),
                "hdr": histogram.encode(),
            }
        )
    return table


def judge(text, table, manifest=MANIFEST):
    """The findings of a list of objectives."""
    return evaluate(parse_slos(text), pa.Table.from_pylist(table, schema=INTERVALS), manifest)


def verdict(text, table, manifest=MANIFEST):
    """The verdict of one objective."""
    return judge(text, table, manifest)[0].verdict


LADDER = rows(range(1, 1001))
"""Service 1 … 1000 ms, once each; response 10 … 10 000 ms."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("service.p99<992ms", Verdict.PASS),
        ("service.p99<990ms", Verdict.FAIL),
        ("service.p50<502ms", Verdict.PASS),
        ("service.p50<500ms", Verdict.FAIL),
        ("p50<5.02s", Verdict.PASS),
        ("response.p50<5s", Verdict.FAIL),
        ("service.max<1.002s", Verdict.PASS),
        ("service.max<1s", Verdict.FAIL),
        ("service.mean<501.5ms", Verdict.PASS),
        ("service.mean<500ms", Verdict.FAIL),
        ("get_run.service.p50<502ms", Verdict.PASS),
        ("queue_run.service.p50<502ms", Verdict.UNKNOWN),
        ("throughput>99/s", Verdict.PASS),
        ("throughput>101/s", Verdict.FAIL),
        ("errors<1%", Verdict.PASS),
        ("ok_rate>=100%", Verdict.PASS),
    ],
)
def test_a_ladder_of_a_thousand_values(text, expected):
    """1000 attempts of 1 … 1000 ms in ten seconds: every statistic is known."""
    assert expected is verdict(text, LADDER)


def test_required_and_actual_and_n_are_in_the_detail():
    """One sentence holds what was seen, what was asked, and on how many attempts."""
    finding = judge("get_run.service.p50<400ms", LADDER)[0]

    assert "get_run.service.p50<400ms" == finding.name
    assert "slo" == finding.kind
    assert (
        "service p50 of get_run was 500 ms, required < 400 ms, n = 1,000 ok attempts"
        == finding.detail
    )
    assert (
        {"second": 10, "operation": "get_run", "attempts": 1000, "max_ms": 1000.447},
    ) == finding.witness


def test_shares_count_every_attempt_and_errors_leave_refusals_out():
    """90 ok, 4 limited, 3 full, 2 timeouts, 1 server error: errors are 3 of 100."""
    table = (
        rows([5] * 90)
        + rows([5] * 4, outcome="rate_limited")
        + rows([5] * 3, outcome="capacity_full", operation="create_session")
        + rows([5] * 2, outcome="timeout")
        + rows([5], outcome="server_error")
    )
    findings = judge(
        "errors<=3%,errors<3%,rate_limited<4.1%,ok_rate>90%,get_run.ok<93%,timeout<1%",
        table,
    )

    assert ["pass", "fail", "pass", "fail", "pass", "fail"] == [f.verdict for f in findings]
    assert "errors: 3 of 100 attempts = 3 %, required < 3 %" == findings[1].detail
    assert [("get_run", "timeout", 2), ("get_run", "server_error", 1)] == [
        tuple(row.values()) for row in findings[1].witness
    ]
    # Too few were ok: all that took their place.
    assert [4, 3, 2, 1] == [row["attempts"] for row in findings[3].witness]
    assert "ok" not in [row["outcome"] for row in findings[3].witness]


def test_unmeasured_phases_and_probes_do_not_count():
    """Warm-up, cleanup and probes are outside every objective."""
    table = (
        rows([1] * 500)
        + rows([9000] * 500, phase="warm-up")
        + rows([9000] * 500, phase="cleanup", outcome="timeout")
        + rows([9000] * 500, phase="probe")
    )

    assert ["pass"] * 4 == [
        f.verdict for f in judge("max<1s,errors<1%,ok_rate>99%,throughput<=50/s", table)
    ]


def test_nothing_observed_is_unknown():
    """No row, no measured row, or no ok row under a latency: never a pass."""
    nothing = judge("p99<1s,errors<1%,throughput>1/s,ok_rate>1%", [])
    only_failures = judge("p99<1s", rows([1] * 400, outcome="timeout"))

    assert ["unknown"] * 4 == [f.verdict for f in nothing]
    assert "no attempt in a measured phase" == nothing[0].detail
    assert ["unknown"] == [f.verdict for f in only_failures]
    assert "no ok attempt to take a latency from (400 timeout)" == only_failures[0].detail


@pytest.mark.parametrize(
    ("fast", "slow", "expected"),
    [
        (300, 0, Verdict.PASS),
        (299, 0, Verdict.UNKNOWN),
        (9, 1, Verdict.UNKNOWN),  # 1 or more beyond, of 10: in 9.6 % of trials
        (9, 2, Verdict.FAIL),  # 2 or more beyond, of 11: in 0.5 %
        (100, 2, Verdict.UNKNOWN),  # 2 or more beyond, of 102: happens in 27 % of trials
        (100, 6, Verdict.FAIL),  # 6 or more beyond, of 106: in 0.1 %
        (400, 6, Verdict.FAIL),
        (400, 4, Verdict.PASS),
    ],
)
def test_a_percentile_needs_its_attempts(fast, slow, expected):
    """p99 needs 300 attempts to pass; fewer can only fail, and only clearly."""
    table = rows([1] * fast + [500] * slow)

    assert expected is verdict("service.p99<250ms", table)


def test_needed_attempts_are_told():
    """The sentence says how many it takes."""
    finding = judge("service.p99.9<250ms", rows([1] * 1000))[0]

    assert finding.detail.endswith("n = 1,000 ok attempts: too few, 3,000 are needed")
    assert [6, 30, 60, 300, 3_000] == [needed_attempts(q) for q in (0.5, 0.9, 0.95, 0.99, 0.999)]


@pytest.mark.parametrize(
    ("worker", "spoilt"),
    [
        (WorkerSummary("w1", planned=1000, late_by_generator=10), False),
        (WorkerSummary("w1", planned=1000, late_by_generator=11), True),
        (WorkerSummary("w1", planned=1000, saturated_s=1), False),
        (WorkerSummary("w1", planned=1000, saturated_s=2), True),
    ],
)
def test_a_saturated_generator_makes_objectives_unknown(worker, spoilt):
    """2 of 20 seconds, or more than 1 % late: neither pass nor fail can be said."""
    manifest = msgspec.structs.replace(MANIFEST, workers=[WorkerSummary("w0"), worker])
    findings = judge("service.p99<2s,service.p99<1ms", LADDER, manifest)

    expected = ["unknown", "unknown"] if spoilt else ["pass", "fail"]
    assert expected == [f.verdict for f in findings]
    assert spoilt is ("more --processes" in findings[0].detail)
    assert spoilt is ("worker w1" in findings[0].detail)


def test_split_histograms_judge_as_merged_ones():
    """Rows of many seconds and workers are merged as counts before a percentile is read."""
    split = [row for i in range(1, 1001) for row in rows([i], second=10 + i % 10)]

    assert (
        judge("service.p90<1s,p50<1s,service.max<1ms", LADDER)[0]
        == (judge("service.p90<1s,p50<1s,service.max<1ms", split)[0])
    )
    assert "n = 1,000 ok attempts" in judge("max<1ms", split)[0].detail


@pytest.mark.parametrize(
    ("text", "times_ms", "words"),
    [
        ("service.p50<250ms", [250.2] * 100, "was 250.239 ms, required < 250 ms"),
        ("service.p50<250ms", [249.9] * 100, "was 249.983 ms, required < 250 ms"),
        ("service.p50<2m", [120_200] * 100, "was 120.259 s, required < 2 min"),
        ("service.p50<250ms", [300] * 100, "was 300 ms, required < 250 ms"),
    ],
)
def test_what_is_near_the_limit_is_told_with_all_its_digits(text, times_ms, words):
    """Three digits would make it read like the limit itself, broken or kept."""
    (finding,) = judge(text, rows(times_ms))

    assert words in finding.detail


def test_a_share_near_the_limit_is_told_with_all_its_digits():
    """1,004 of 100,000 are more than a percent."""
    many = rows([1] * 98_996) + rows([1] * 1004, outcome="timeout")
    (finding,) = judge("errors<1%", many)

    assert "1,004 of 100,000 attempts = 1.004 %, required < 1 %" in finding.detail
