"""The whole lab against simulated limiters: right answers, and an end in every case."""

import json
import math

import pytest

from benchmarks.rate_limit.sweep import measure
from harness.experiments.rate_limit.advice import evaluate_advice
from harness.experiments.rate_limit.figures_data import figures_data
from harness.experiments.rate_limit.lab import Lab, LabConfig
from harness.experiments.rate_limit.report import verification_experiment
from tests.experiments.rate_limit.simulated_limiters import (
    Concurrency,
    FixedWindow,
    QueueingBucket,
    SlidingLog,
    TokenBucket,
    Unlimited,
    World,
)


def drive(world, **setup):
    """Run a lab to its end."""
    lab = Lab(LabConfig(operation="x", **setup))
    while (experiment := lab.next()) is not None:
        lab.record(world.run(experiment))
    return lab.result()


def exact(wait_s, _):
    """Retry-After as it should be, were decimals allowed."""
    return math.ceil(wait_s * 1e3) / 1e3, "decimal"


def test_bucket_is_described_to_the_promise():
    """50 a second, bursts to 20: the promised keys with the right numbers."""
    report = drive(World(TokenBucket(50, 20), seed=1)).to_json()
    assert report["limited"] is True
    assert "token-bucket" == report["algorithm"]
    assert pytest.approx(50, rel=0.03) == report["rate_per_s"]["estimate"]
    assert 20 == report["burst"]["estimate"]
    assert report["window_s"] is None
    assert False is report["rejected_count_against_limit"]
    assert report["attempts"] <= 2000
    assert report == json.loads(json.dumps(report))


def test_no_limiter_ends_within_the_budget():
    """Nothing refused: limited is false, and the budget holds."""
    report = drive(World(Unlimited(), seed=2), max_attempts=500)
    assert False is report.limited
    assert "unknown" == report.algorithm
    assert len(report.observations) <= 500


def test_server_that_dies_ends_the_lab():
    """Half-way everything is lost: the lab ends soon, says why, and claims no model."""
    world = World(TokenBucket(5, 10), seed=3, dies_at_s=1.5)
    report = drive(world)
    assert "the server stopped answering" == report.ended
    assert "unknown" == report.algorithm
    assert world.now_s - world.start_s < 60


def test_errors_in_between_do_not_mislead():
    """Three per cent of 503s, and the bucket is still found."""
    report = drive(World(TokenBucket(20, 10), seed=4, error_fraction=0.03))
    assert "token-bucket" == report.algorithm
    assert pytest.approx(20, rel=0.04) == report.fit.rate_per_s.estimate


@pytest.mark.parametrize(
    ("tell", "kind"),
    [
        (None, "missing"),
        (lambda w, _: (max(1, math.ceil(w)), "seconds"), "rounded up to whole seconds"),
        (lambda w, _: (w * 0.3, "decimal"), "too early"),
        (lambda w, _: (w + 3, "decimal"), "too late"),
        (lambda w, _: (float(math.ceil(w)), "http-date"), "http-date"),
        (lambda *_: (math.nan, "malformed"), "malformed"),
        (exact, "true"),
    ],
)
def test_lies_of_retry_after_are_called_by_name(tell, kind):
    """Each way to lie has its word."""
    report = drive(World(TokenBucket(2, 5), seed=5, retry_after=tell), max_seconds=90)
    assert kind == report.retry_after.kind
    assert (0.0 if kind == "missing" else 1.0) == report.retry_after.present_fraction


@pytest.mark.parametrize(
    ("rate", "burst", "at_once"), [(20, 10, 1), (20, 10, 4), (100, 30, 1), (5, 6, 2)]
)
def test_bucket_that_queues_is_told_from_a_limit_on_what_is_at_work(rate, burst, at_once):
    """The waits follow the bucket: it is named, and how many pass without one."""
    fit = drive(World(QueueingBucket(rate, burst, at_once=at_once), seed=10)).fit
    assert "token-bucket-queueing" == fit.variant
    assert pytest.approx(rate, rel=0.03) == fit.rate_per_s.estimate
    assert pytest.approx(burst, abs=1) == fit.burst.estimate
    assert pytest.approx(at_once, abs=1) == fit.extra["at_once"]


@pytest.mark.parametrize(("limit", "work_ms"), [(5, 40), (12, 200), (30, 15)])
def test_limit_on_what_is_at_work_is_not_called_a_queue(limit, work_ms):
    """Its answer times scatter, but not with the place among those at work."""
    report = drive(World(Concurrency(limit), seed=11, work_ms=work_ms))
    assert "concurrency" == report.algorithm
    assert limit == report.fit.burst.estimate


def test_limit_on_what_is_at_work_is_not_called_a_bucket():
    """Three places of 40 ms let as many through as a bucket of 68 a second, at first sight."""
    assert measure(20033).algorithm


def test_fast_bucket_of_one_is_told_by_its_count():
    """480 a second: every decision allows almost any rate, all together do not."""
    world = World(TokenBucket(480, 1), seed=2, latency_ms=0.15, jitter_ms=0.2, work_ms=0.6)
    report = drive(world)
    assert "token-bucket" == report.algorithm
    assert 1 == round(report.fit.burst.estimate)
    assert report.fit.rate_per_s.low <= 480 <= report.fit.rate_per_s.high


@pytest.mark.parametrize(("shared", "word"), [(True, "shared"), (False, "separate")])
def test_scope_of_operations(shared, word):
    """The other operation is refused too, or is not."""
    one = TokenBucket(5, 10)
    limiters = {"x": one, "y": one if shared else TokenBucket(5, 10)}
    report = drive(World(limiters, seed=6), other_operation="y")
    assert word == report.scope["operation"]


def test_refusals_that_count_are_found_out():
    """
    A sliding log that logs refusals too.

    Its Retry-After is true for who waits; a request before the end makes it no lie.
    """
    limiter = SlidingLog(6, 1.5, refused_count=True)
    report = drive(World(limiter, seed=7, retry_after=lambda w, _: (w + 0.02, "decimal")))
    assert report.rejected_count is True
    assert 6 == report.fit.burst.estimate
    assert pytest.approx(1.5, rel=0.02) == report.fit.window_s.estimate
    assert "true" == report.retry_after.kind
    assert 1.0 == report.retry_after.honest_fraction


def test_retry_after_that_nobody_tried_is_not_called_true():
    """Told when the budget was spent: nothing says whether it was true."""
    limiter = Concurrency(5)
    world = World(limiter, seed=4, work_ms=40, retry_after=lambda *_: (3.0, "seconds"))
    report = drive(world, max_attempts=60)
    assert "untested" == report.retry_after.kind
    assert "was not tested" in report.summary_text


def test_advice_sees_no_refusals():
    """The check run with the advised settings meets no refusal."""
    for limiter in (TokenBucket(30, 12), FixedWindow(40, 1.5), SlidingLog(25, 2.0)):
        world = World(limiter, seed=8)
        report = drive(world)
        check = evaluate_advice(world.run(verification_experiment(report)))
        assert 0 == check.refused
        assert check.holds is True


def test_figures_have_one_entry_a_decision():
    """The arrays of the timeline are equally long."""
    data = figures_data(drive(World(TokenBucket(10, 5), seed=9, retry_after=exact)))
    lengths = {len(data.timeline_s), len(data.timeline_accepted), len(data.room)}
    assert 1 == len(lengths)
    assert len(data.retry_told_s) == len(data.retry_needed_s) > 0
    assert len(data.refill_silence_s) == len(data.refill_passed) > 0


def test_a_drain_is_no_burst_after_a_silence():
    """No silence brings back more than the bucket holds, however long requests go on."""
    data = figures_data(drive(World(TokenBucket(50, 20), seed=9, retry_after=exact)))

    assert 18 <= max(data.refill_passed) <= 22


def test_lab_refuses_to_be_driven_out_of_step():
    """next() before tell(), tell() before next(): an error, not a wrong answer."""
    lab = Lab()
    with pytest.raises(ValueError, match="call next"):
        lab.record([])
    lab.next()
    with pytest.raises(ValueError, match="record"):
        lab.next()


def test_seeded_settings_are_mostly_right():
    """A random limiter of each kind; the long list is `make bench-ratelimit`'s."""
    scores = [measure(seed) for seed in range(1001, 1008)]
    wrong = [s.seed for s in scores if not s.algorithm]
    assert len(wrong) <= 1, wrong
