"""A Retry-After put to the test: what is sent, and what each answer tells."""

import math

import pytest

from harness.experiments.rate_limit.lab import Lab, LabConfig
from harness.experiments.rate_limit.observations import Observation
from harness.experiments.rate_limit.retry_after_tests import (
    AFTER,
    AT,
    BEFORE,
    RetryAfterTest,
    design_test,
    read_tests,
)
from tests.experiments.rate_limit.simulated_limiters import (
    Concurrency,
    SlidingCounter,
    TokenBucket,
    World,
)

JITTER_S = 0.04


def answer(at_s, accepted, *, announced_s=math.nan, purpose="burst"):
    """An answer 2 ms after its request."""
    sent_ns = round(at_s * 1e9)
    form = "missing" if math.isnan(announced_s) else "decimal"
    return Observation(
        0, sent_ns, sent_ns + 2_000_000, "x", 0, accepted, announced_s, form, purpose
    )


REFUSED = answer(100.0, accepted=False, announced_s=4.0)
LATE = RetryAfterTest(4.0, 0.0, 3.6, quiet=False)


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        ([], [(3.994, AT), (4.394, AFTER)]),
        ([RetryAfterTest(4.0, 0.0, 4.002, quiet=True)], [(3.594, BEFORE), (3.994, AT), (4.394, AFTER)]),
        ([RetryAfterTest(4.0, 0.0, 4.002, quiet=True), LATE], [(2.923, BEFORE), (3.994, AT), (4.394, AFTER)]),
        ([RetryAfterTest(4.0, 4.1, 4.5, quiet=True)] * 3, [(3.994, AT), (4.394, AFTER)]),
    ],
    ids=["quiet first", "then just before", "then earlier than rounding", "quiet again"],
)  # fmt: skip
def test_probe_is_a_list_of_times_round_the_end(tried, expected):
    """Told 4 s at 100.002, asked at 100.010: the end is 3.994 s ahead, with 2 ms of slack."""
    experiment = design_test("x", REFUSED, tried, now_s=100.010)
    seen = [
        (round(request.intended_ns / 1e9, 3), request.purpose) for request in experiment.requests
    ]
    assert expected == seen


def test_after_is_sent_later_the_earlier_it_was():
    """Refused 2 s after the end once: next time it is tried 6 s after it."""
    early = RetryAfterTest(4.0, 6.0, math.inf, quiet=True)
    experiment = design_test("x", REFUSED, [early], now_s=100.010)
    assert 9.994 == pytest.approx(experiment.duration_s)


def test_short_promise_has_no_before():
    """Told 30 ms: nothing can be sent so shortly before that it says anything."""
    told = answer(100.0, accepted=False, announced_s=0.03)
    experiment = design_test("x", told, [LATE], now_s=100.002)
    assert [AT, AFTER] == [request.purpose for request in experiment.requests]


@pytest.mark.parametrize(
    ("passed", "was_honest", "late_s", "early_s"),
    [
        ((True, True, True), True, 0.402, 0.0),
        ((False, True, True), True, 0.0, 0.0),
        ((False, False, True), False, 0.0, 0.001),
        ((False, False, False), False, 0.0, 0.401),
        ((False, None, True), None, 0.0, 0.0),
        ((None, None, None), None, 0.0, 0.0),
    ],
    ids=["late", "true", "early", "far too early", "no answer at", "no answer"],
)
def test_what_passes_and_what_does_not(passed, was_honest, late_s, early_s):
    """Before, at and after 4 s from 100.002; lost answers tell nothing."""
    rows = [REFUSED]
    for at_s, purpose, accepted in zip(
        (103.6, 104.003, 104.403), (BEFORE, AT, AFTER), passed, strict=True
    ):
        rows.append(answer(at_s, accepted, purpose=purpose))
    tests = list(read_tests([*rows, answer(200.0, accepted=True)]))

    if passed[2] is None:
        assert [] == tests
        return
    (one,) = tests
    assert 4.0 == one.announced_s
    assert was_honest is one.was_honest
    assert pytest.approx(late_s, abs=1e-6) == one.late_s
    assert pytest.approx(early_s, abs=1e-6) == one.early_s


def drive(limiter, tell, **setup):
    """Run a lab to its end."""
    world = World(limiter, seed=21, retry_after=tell)
    lab = Lab(LabConfig(operation="x", **setup))
    while (experiment := lab.next()) is not None:
        lab.record(world.run(experiment))
    return lab.result().retry_after


@pytest.mark.parametrize(("off_s", "kind"), [(-0.3, "too early"), (0.0, "true"), (2.0, "too late")])
def test_brackets_hold_the_wait_that_was_needed(off_s, kind):
    """However wrong it is told, each try's bracket holds what was needed."""
    told = drive(TokenBucket(1.5, 4), lambda wait_s, _: (max(0.0, wait_s + off_s), "decimal"))

    assert kind == told.kind
    assert len(told.tests) >= 5
    for one in told.tests:
        if one.announced_s == 0:
            continue  # cut off: it does not say how long the wait was
        needed_s = one.announced_s - off_s
        assert one.refused_s - JITTER_S <= needed_s <= one.passed_s + JITTER_S


def test_lie_is_called_so_without_a_model_that_says_what_was_needed():
    """Two-counter windows, limits on what is at work: the tries alone tell it."""
    for limiter in (SlidingCounter(6, 1.5), Concurrency(5)):
        told = drive(limiter, lambda *_: (4.0, "seconds"), max_seconds=90)
        assert "too late" == told.kind, limiter
        assert told.overshoot_p50_s > 2.0
