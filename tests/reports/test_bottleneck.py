"""What limited a trial is always one sentence, and names the limit that mattered."""

from __future__ import annotations

import pytest

from harness.trial.schema import WorkerSummary
from reports.bottleneck import bottleneck
from tests.reports.conftest import HOSTILE, build
from tests.trials import attempt, event, finding, rate_limited


def rows(good=100, **refusals):
    """So many good attempts, and so many of each outcome beside them."""
    told = [attempt(call_id=n) for n in range(good)]
    for name, count in refusals.items():
        told += [rate_limited(call_id=500 + n, outcome=name, code="X") for n in range(count)]
    return told


MISSED = [finding("fail", name="create_session.p99<5ms")]


@pytest.mark.parametrize(
    ("attempts", "findings", "said"),
    [
        (
            rows(),
            [],
            ("Nothing limited it: 100 % of the measured attempts ended ok, and every planned "
            "arrival was begun."),
        ),
        (rows(rate_limited=25), [], "The rate limiter (20.0 % of the attempts refused) limited it."),
        (
            rows(capacity_full=25),
            MISSED,
            ("The target's capacity (20.0 % of the attempts refused as full) and the target's "
            "latency (create_session.p99<5ms missed) limited it."),
        ),
        (
            rows(80, rate_limited=2, timeout=12, server_error=6),
            [],
            ("Errors of the target (18.0 % of the attempts, most of all timeout) and the rate "
            "limiter (2.0 % of the attempts refused) limited it."),
        ),
        (rows(), MISSED, "The target's latency (create_session.p99<5ms missed) limited it."),
        (
            rows(),
            [finding("fail", name="throughput>1000/s")],
            "The target's throughput (throughput>1000/s missed) limited it.",
        ),
        (
            rows(),
            [finding("fail", name="drift.p50"), finding("fail", name="drift.p99"),
             finding("fail", name="drift.errors")],
            ("The target's latency (its p50 and p99 rose over the load) and errors of the target "
            "(more and more over the load) limited it."),
        ),
    ],
)  # fmt: skip
def test_the_limits_are_named_most_frequent_first(tmp_path, attempts, findings, said):
    """Shares of the measured attempts, then what the objectives missed."""
    assert said == bottleneck(build(tmp_path / "t", attempts, findings=findings))


def test_faults_of_ours_are_not_the_targets(tmp_path):
    """What we broke on purpose may have cost the attempts: the target is not blamed."""
    edges = [
        event(at_s, "fault", "", fault=name, edge=edge)
        for name in ("response-lost", "latency")
        for at_s, edge in ((1.0, "start"), (5.0, "end"))
    ]
    model = build(tmp_path / "t", rows(90, connection_lost=10), findings=MISSED, events=edges)

    assert bottleneck(model) == (
        "Errors (10.0 % of the attempts, most of all connection_lost) and latency "
        "(create_session.p99<5ms missed) limited it, under 2 injected faults (response-lost, "
        "latency)."
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [("errors<0.1%", True), ("timeout<0.1%", True), ("ok_rate>99.9%", True), ("p99<1s", False)],
)
def test_a_rare_error_limits_where_its_objective_broke(tmp_path, name, told):
    """One timeout in 500 is no limit, but it is when an objective says so."""
    model = build(tmp_path / "t", rows(499, timeout=1), findings=[finding("fail", name=name)])

    assert told is ("Errors of the target (0.20 % of the attempts" in bottleneck(model))


def test_what_is_not_measured_does_not_count(tmp_path):
    """Refusals of a warm-up and of probes limit nothing."""
    spoilt = [rate_limited(call_id=900 + n, phase="warm-up") for n in range(50)]
    spoilt += [rate_limited(call_id=990, phase="probe")]

    assert "100 % of the measured" in bottleneck(build(tmp_path / "t", rows() + spoilt))


def test_the_generator_comes_first(tmp_path):
    """Whoever is saturated himself cannot blame the target."""
    model = build(
        tmp_path / "t", rows(rate_limited=50), workers=[WorkerSummary("a", saturated_s=9)]
    )

    assert bottleneck(model).startswith("The load generator itself limited it (worker a was at")


def test_arrivals_that_no_user_was_free_for(tmp_path):
    """The ceiling of the plan is a limit, too, and its number is told."""
    model = build(tmp_path / "t", rows(), workers=[WorkerSummary("a", unstarted_arrivals=3)])

    assert (
        "The plan's own ceiling of 20 calls in flight (3 arrivals never begun) limited it."
    ) == bottleneck(model)


def test_a_closed_load_begins_no_arrivals(tmp_path):
    """Its users make the load, so nothing is said of arrivals."""
    said = bottleneck(build(tmp_path / "t", rows(), model="closed"))

    assert said.endswith("and its users always had a next call to make.")


LABS = {
    "limiter": (
        {"rate_limit.json": {"limited": True, "algorithm": "token-bucket",
                             "paragraph": "5 requests in any 2.5 s (2 a second). Refused ones."}},
        "The rate limiter limited it: 5 requests in any 2.5 s (2 a second).",
    ),
    "limiter without words": (
        {"rate_limit.json": {"limited": True, "algorithm": "unknown"}},
        "The rate limiter limited it: unknown.",
    ),
    "refusals that no objective counts": (
        {"capacity.json": {"kind": "throughput", "max_rate_per_s": {"estimate": 400.0},
                           "bound": "max_rate", "steps": [
                               {"rate_per_s": 200.0, "served_per_s": 99.0, "decision": "pass"},
                               {"rate_per_s": 400.0, "served_per_s": 111.8, "decision": "pass"},
                               {"rate_per_s": 400.0, "served_per_s": 9.0, "decision": "void"}]}},
        ("Nothing limited it: the objectives held up to about 400 arrivals a second, the "
        "highest rate tried, though of these only 112 a second were served: the objectives say "
        "nothing of refusals."),
    ),
    "no limiter": (
        {"rate_limit.json": {"limited": False}},
        "Nothing limited it: the lab met no rate limiter.",
    ),
    "ceiling": (
        {"capacity.json": {"kind": "sessions", "ceiling": 37, "bounded": False,
                           "refusal_code": "CLOUD_CAPACITY_FULL"}},
        ("The target's capacity limited it: 37 sessions at once, beyond which creates were "
        "refused with CLOUD_CAPACITY_FULL."),
    ),
    "no ceiling": (
        {"capacity.json": {"kind": "sessions", "ceiling": 64, "bounded": True}},
        "Nothing limited it: all 64 sessions asked for were open at once.",
    ),
    "rate": (
        {"capacity.json": {"kind": "throughput", "max_rate_per_s": {"estimate": 151.2},
                           "gives_way": "latency", "bound": "slo"}},
        ("The target's latency limited it: the objectives held up to about 151.2 arrivals a "
        "second."),
    ),
    "highest rate held": (
        {"capacity.json": {"kind": "throughput", "max_rate_per_s": {"estimate": 200.0},
                           "gives_way": None, "bound": "max_rate"}},
        ("Nothing limited it: the objectives held up to about 200 arrivals a second, the "
        "highest rate tried."),
    ),
    "generator": (
        {"capacity.json": {"kind": "throughput", "max_rate_per_s": {"estimate": 200.0},
                           "bound": "generator"}},
        ("The load generator itself limited it: the objectives held up to about 200 arrivals a "
        "second."),
    ),
    "doomed": (
        {"capacity.json": {"kind": "throughput", "max_rate_per_s": {"estimate": None},
                           "gives_way": "429", "bound": "doomed"}},
        "The rate limiter limited it: the objectives held at no rate that was tried.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LABS)
def test_a_lab_goes_to_the_limit_on_purpose(tmp_path, name):
    """Its refusals are its result, told with the number it was after."""
    documents, said = LABS[name]

    assert said == bottleneck(build(tmp_path / "t", rows(rate_limited=9), documents=documents))


@pytest.mark.parametrize("file", ["rate_limit.json", "capacity.json"])
@pytest.mark.parametrize("kind", ["sessions", "throughput"])
def test_a_damaged_document_is_survived(tmp_path, file, kind):
    """Whatever stands in a lab's file, there is one sentence."""
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
    said = bottleneck(build(tmp_path / "t", rows(), documents={file: {**document, "kind": kind}}))

    assert said.endswith(".")
    assert "limited it" in said
