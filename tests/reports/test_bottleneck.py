"""The bottleneck sentence names the limit that mattered, with its numbers."""

from __future__ import annotations

import pytest

from harness.trial.schema import WorkerSummary
from reports.bottleneck import bottleneck
from tests.reports.conftest import HOSTILE, build, has_facts
from tests.trials import attempt, event, finding, rate_limited


def rows(good=100, **refusals):
    """`good` ok attempts, and the given number of each other outcome."""
    made = [attempt(call_id=n) for n in range(good)]
    for name, count in refusals.items():
        made += [rate_limited(call_id=500 + n, outcome=name, code="X") for n in range(count)]
    return made


MISSED = [finding("fail", name="create_session.p99<5ms")]


@pytest.mark.parametrize(
    ("attempts", "findings", "facts"),
    [
        (
            rows(),
            [],
            ("No bottleneck", "100 % of measured attempts", "every planned arrival"),
        ),
        (rows(rate_limited=25), [], ("Bottleneck: ", "rate limiter (20.0 %")),
        (
            rows(capacity_full=25),
            MISSED,
            ("Bottlenecks: ", "target's capacity (20.0 %", "target's latency (create_session.p99<5ms"),
        ),
        (
            rows(80, rate_limited=2, timeout=12, server_error=6),
            [],
            ("errors of the target (18.0 %", "timeout", "rate limiter (2.0 %"),
        ),
        (rows(), MISSED, ("Bottleneck: ", "target's latency (create_session.p99<5ms")),
        (
            rows(),
            [finding("fail", name="throughput>1000/s")],
            ("Bottleneck: ", "target's throughput (throughput>1000/s"),
        ),
        (
            rows(),
            [finding("fail", name="drift.p50"), finding("fail", name="drift.p99"),
             finding("fail", name="drift.errors")],
            ("target's latency (p50 and p99", "errors of the target"),
        ),
    ],
)  # fmt: skip
def test_the_limits_are_named_most_frequent_first(tmp_path, attempts, findings, facts):
    """Shares of measured attempts, then missed objectives."""
    assert has_facts(bottleneck(build(tmp_path / "t", attempts, findings=findings)), *facts)


def test_injected_faults_do_not_blame_the_target(tmp_path):
    """Injected faults can be the cause, so the sentence does not name the target."""
    edges = [
        event(at_s, "fault", "", fault=name, edge=edge)
        for name in ("response-lost", "latency")
        for at_s, edge in ((1.0, "start"), (5.0, "end"))
    ]
    model = build(tmp_path / "t", rows(90, connection_lost=10), findings=MISSED, events=edges)

    sentence = bottleneck(model)
    assert has_facts(
        sentence, "errors (10.0 %", "connection_lost", "latency (create_session.p99<5ms"
    )
    assert has_facts(sentence, "2 injected faults", "response-lost", "latency)")
    assert "target" not in sentence


@pytest.mark.parametrize(
    ("name", "blamed"),
    [("errors<0.1%", True), ("timeout<0.1%", True), ("ok_rate>99.9%", True), ("p99<1s", False)],
)
def test_a_rare_error_limits_where_its_objective_broke(tmp_path, name, blamed):
    """One timeout in 500 is no limit, but it is when an objective says so."""
    model = build(tmp_path / "t", rows(499, timeout=1), findings=[finding("fail", name=name)])

    assert blamed is ("errors of the target (0.20 %" in bottleneck(model))


def test_what_is_not_measured_does_not_count(tmp_path):
    """Refusals of a warm-up and of probes limit nothing."""
    spoilt = [rate_limited(call_id=900 + n, phase="warm-up") for n in range(50)]
    spoilt += [rate_limited(call_id=990, phase="probe")]

    assert "100 % of measured" in bottleneck(build(tmp_path / "t", rows() + spoilt))


def test_the_generator_comes_first(tmp_path):
    """A saturated generator says nothing about the target."""
    model = build(
        tmp_path / "t", rows(rate_limited=50), workers=[WorkerSummary("a", saturated_s=9)]
    )

    assert bottleneck(model).startswith("Bottleneck: the load generator (worker a was at")


def test_arrivals_that_no_user_was_free_for(tmp_path):
    """The plan's limit of users is a bottleneck, with its number."""
    model = build(tmp_path / "t", rows(), workers=[WorkerSummary("a", unstarted_arrivals=3)])

    assert has_facts(bottleneck(model), "Bottleneck: ", "20 calls in flight", "3 arrivals")


def test_a_closed_load_begins_no_arrivals(tmp_path):
    """Its users make the load, so the sentence has no arrivals."""
    sentence = bottleneck(build(tmp_path / "t", rows(), model="closed"))

    assert "users always" in sentence
    assert "arrival" not in sentence


LABS = {
    "limiter": (
        {"rate_limit.json": {"limited": True, "algorithm": "token-bucket",
                             "paragraph": "5 requests in any 2.5 s (2 a second). Refused ones."}},
        ("Bottleneck: the rate limiter", "5 requests in any 2.5 s (2 a second)."),
    ),
    "limiter without words": (
        {"rate_limit.json": {"limited": True, "algorithm": "unknown"}},
        ("Bottleneck: the rate limiter", "unknown"),
    ),
    "refusals that no objective counts": (
        {"capacity.json": {"kind": "throughput", "max_rate_per_s": {"estimate": 400.0},
                           "bound": "max_rate", "steps": [
                               {"rate_per_s": 200.0, "served_per_s": 99.0, "decision": "pass"},
                               {"rate_per_s": 400.0, "served_per_s": 111.8, "decision": "pass"},
                               {"rate_per_s": 400.0, "served_per_s": 9.0, "decision": "void"}]}},
        ("No bottleneck", "400 arrivals per second", "highest rate tried", "112 per second"),
    ),
    "no limiter": (
        {"rate_limit.json": {"limited": False}},
        ("No bottleneck", "no rate limit"),
    ),
    "ceiling": (
        {"capacity.json": {"kind": "sessions", "ceiling": 37, "bounded": False,
                           "refusal_code": "CLOUD_CAPACITY_FULL"}},
        ("Bottleneck: the target's capacity", "37 sessions", "CLOUD_CAPACITY_FULL"),
    ),
    "no ceiling": (
        {"capacity.json": {"kind": "sessions", "ceiling": 64, "bounded": True}},
        ("No bottleneck", "all 64 requested sessions"),
    ),
    "rate": (
        {"capacity.json": {"kind": "throughput", "max_rate_per_s": {"estimate": 151.2},
                           "gives_way": "latency", "bound": "slo"}},
        ("Bottleneck: the target's latency", "151.2 arrivals per second"),
    ),
    "highest rate held": (
        {"capacity.json": {"kind": "throughput", "max_rate_per_s": {"estimate": 200.0},
                           "gives_way": None, "bound": "max_rate"}},
        ("No bottleneck", "200 arrivals per second", "highest rate tried"),
    ),
    "generator": (
        {"capacity.json": {"kind": "throughput", "max_rate_per_s": {"estimate": 200.0},
                           "bound": "generator"}},
        ("Bottleneck: the load generator", "200 arrivals per second"),
    ),
    "doomed": (
        {"capacity.json": {"kind": "throughput", "max_rate_per_s": {"estimate": None},
                           "gives_way": "429", "bound": "doomed"}},
        ("Bottleneck: the rate limiter", "failed at every rate"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LABS)
def test_a_lab_names_the_limit_it_measured(tmp_path, name):
    """Its refusals are its result, with the measured number."""
    documents, facts = LABS[name]
    model = build(tmp_path / "t", rows(rate_limited=9), documents=documents)

    assert has_facts(bottleneck(model), *facts)


@pytest.mark.parametrize("file", ["rate_limit.json", "capacity.json"])
@pytest.mark.parametrize("kind", ["sessions", "throughput"])
def test_a_damaged_document_is_survived(tmp_path, file, kind):
    """Any content of a lab's file gives a sentence."""
    document = {
        key: [HOSTILE]
        for key in [
            "ceiling",
            "bound",
            "gives_way",
            "max_rate_per_s",
            "limited",
            "rate_per_s",
            "burst",
        ]
    }
    model = build(tmp_path / "t", rows(), documents={file: {**document, "kind": kind}})

    assert bottleneck(model).endswith(".")
    assert "ottleneck" in bottleneck(model)
