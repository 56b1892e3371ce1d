"""Each estimator on sequences made by hand, with answers that follow by arithmetic."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.experiments.rate_limit.designs import make_experiment, spaced_requests
from harness.experiments.rate_limit.lab import Lab, LabConfig
from harness.experiments.rate_limit.model_selection import select_model
from harness.experiments.rate_limit.models.concurrency import fit_concurrency
from harness.experiments.rate_limit.models.cumulative_counts import passes, predicts_counts
from harness.experiments.rate_limit.models.fit import Interval
from harness.experiments.rate_limit.models.fixed_window import (
    fit_aligned_window,
    fit_anchored_window,
)
from harness.experiments.rate_limit.models.sliding_window import fit_sliding_log
from harness.experiments.rate_limit.models.token_bucket import fit_token_bucket
from harness.experiments.rate_limit.observations import Observation, build_decision_log
from tests.experiments.rate_limit.simulated_limiters import (
    RandomChoices,
    SlidingLog,
    TokenBucket,
    World,
)


def seen(*decisions, took_ms=2):
    """Observations of ``(second, accepted)``, each answered after ``took_ms``."""
    return [
        Observation(0, round(at * 1e9), round(at * 1e9) + took_ms * 1_000_000, "x", 0, accepted)
        for at, accepted in decisions
    ]


def test_bucket_of_three_at_two_a_second():
    """Three at once, then one each half second: rate 2, burst 3."""
    decisions = [(0.00, True), (0.01, True), (0.02, True), (0.03, False)]
    for k in range(1, 21):
        decisions += [(0.48 * 1 + 0.5 * (k - 1), False), (0.52 + 0.5 * (k - 1), True)]
    fit = fit_token_bucket(build_decision_log(seen(*decisions)))
    assert 0 == fit.contradictions
    assert 3.0 == fit.burst.estimate
    assert fit.rate_per_s.low <= 2.0 <= fit.rate_per_s.high
    assert pytest.approx(2.0, rel=0.02) == fit.rate_per_s.estimate


def test_aligned_window_edges_at_whole_seconds():
    """Two pass after every whole second, whenever they are sent: window 1 s, limit 2."""
    decisions = []
    for second, offset in ((0, 0.4), (1, 0.05), (2, 0.7), (3, 0.02), (4, 0.3), (5, 0.02)):
        at = second + offset
        decisions += [(at, True), (at + 0.05, True), (at + 0.1, False), (second + 0.98, False)]
    fit = fit_aligned_window(build_decision_log(seen(*sorted(decisions))))
    assert 0 == fit.contradictions
    assert 2.0 == fit.burst.estimate
    assert fit.window_s.low <= 1.0 <= fit.window_s.high


def test_anchored_window_begins_with_its_first_request():
    """Two pass, then nothing until 2 s after the first of them."""
    decisions = []
    for start in (0.0, 2.01, 4.52, 6.53):
        decisions += [
            (start, True), (start + 0.9, True), (start + 1.0, False), (start + 1.99, False)
        ]  # fmt: skip
    fit = fit_anchored_window(build_decision_log(seen(*decisions)))
    assert 0 == fit.contradictions
    assert 2.0 == fit.burst.estimate
    assert fit.window_s.low <= 2.0 <= fit.window_s.high


def test_sliding_log_gives_back_one_by_one():
    """Two requests half a second apart come back half a second apart, one second later."""
    decisions = [
        (0.0, True), (0.5, True), (0.6, False), (0.98, False), (1.02, True), (1.1, False),
        (1.48, False), (1.52, True), (1.6, False), (2.0, False), (2.04, True), (2.5, False),
        (2.54, True),
    ]  # fmt: skip
    fit = fit_sliding_log(build_decision_log(seen(*decisions)))
    assert 0 == fit.contradictions
    assert 2.0 == fit.burst.estimate
    assert fit.window_s.low <= 1.0 <= fit.window_s.high


def test_concurrency_limit_refuses_while_two_are_at_work():
    """With two at work for 100 ms the third is refused, and passes when they are done."""
    rows = []
    for start in (0.0, 0.2, 0.4):
        rows += seen((start, True), (start + 0.02, True), took_ms=100)
        rows += seen((start + 0.04, False), (start + 0.06, False))
    rows += seen(*[(0.6 + 0.15 * k, True) for k in range(4)], took_ms=100)
    fit = fit_concurrency(build_decision_log(rows))
    assert 0 == fit.contradictions
    assert 2.0 == fit.burst.estimate


def test_full_bucket_never_refuses():
    """Refusals a second apart are not explained by one token that is back at once."""
    decisions = [(float(k), k % 2 == 0) for k in range(60)]
    fit = fit_token_bucket(build_decision_log(seen(*decisions)))
    assert fit.rate_per_s.high < 1.0
    assert fit.explained_fraction < 0.95 or fit.burst.estimate == 1.0


def test_bucket_played_over_times_lets_its_tokens_through():
    """Two at once, the third when 1.5 tokens are back, the fifth not with half a token."""
    times = np.array([0.0, 0.0, 0.0, 1.5, 1.5])
    assert [True, True, False, True, False] == passes(times, 1.0, 2.0).tolist()


def test_count_of_a_bucket_is_foretold_and_a_coins_is_not():
    """Every third of 900 passes, or each with luck of one in three."""
    rand = random.Random(5)
    for steady in (True, False):
        decisions = [
            (0.01 * k, k % 3 == 0 if steady else rand.random() < 1 / 3) for k in range(900)
        ]
        log = build_decision_log(seen(*decisions))
        fit = replace(
            fit_token_bucket(log),
            rate_per_s=Interval(33.0, 25.0, 45.0),
            burst=Interval(1.0, 1.0, 1.0),
        )
        assert steady is predicts_counts(fit, log)


def test_errors_are_no_decisions():
    """A 503 is neither pass nor refusal, and leaves the log."""
    log = build_decision_log(seen((0.0, True), (0.1, None), (0.2, False)))
    assert 2 == len(log)
    assert [True, False] == log.accepted.tolist()
    assert 1 == len(log.consumed_at_s)


def test_nothing_to_fit_without_refusals():
    """No estimator invents a limit that nobody met."""
    log = build_decision_log(seen(*[(0.1 * k, True) for k in range(30)]))
    assert fit_token_bucket(log) is None
    assert fit_sliding_log(log) is None
    assert fit_aligned_window(log) is None
    assert fit_anchored_window(log) is None
    assert fit_concurrency(log) is None


@pytest.mark.parametrize(("spacing_s", "seed"), [(0.02, 3), (0.02, 4), (0.1, 5), (0.5, 3)])
def test_coin_tosses_fit_no_model(spacing_s, seed):
    """Refusals at random are explained by nothing: unknown, not a guess."""
    toss = World(TokenBucket(1e6, 1e6), seed=seed, flip_fraction=0.5)
    rows = toss.run(make_experiment("p", "", spaced_requests("x", 300, spacing_s=spacing_s)))
    assert select_model(rows).best is None


@pytest.mark.parametrize(("share", "seed"), [(0.85, 2), (0.9, 1), (0.95, 3)])
def test_lab_does_not_believe_a_limiter_that_throws_dice(share, seed):
    """It lets most pass, at random: no limit on what is at work, whatever that explains."""
    world = World(RandomChoices(share, seed), seed=seed)
    lab = Lab(LabConfig(operation="x", max_attempts=1000))
    while (experiment := lab.next()) is not None:
        lab.record(world.run(experiment))

    report = lab.result()

    assert True is report.limited
    assert "unknown" == report.algorithm
    assert "would explain any other decisions too" in report.summary_text


@given(
    rate=st.floats(1, 200),
    burst=st.integers(2, 60),
    seed=st.integers(0, 10_000),
    jitter_ms=st.floats(0.1, 3),
)
@example(rate=1.0, burst=6, seed=26, jitter_ms=2.0)
@settings(max_examples=15, deadline=None)
def test_bucket_intervals_hold_the_truth_under_jitter(rate, burst, seed, jitter_ms):
    """Whatever the jitter, a true bucket explains its decisions."""
    world = World(TokenBucket(rate, burst), seed=seed, jitter_ms=jitter_ms)
    offer = spaced_requests("x", 220, spacing_s=max(22 / rate, 1.2) / 220)
    rows = world.run(make_experiment("p", "", spaced_requests("x", burst + 10)))
    rows += world.run(make_experiment("p", "", offer))
    fit = fit_token_bucket(build_decision_log(rows))
    assert fit.explained_fraction >= 0.97
    assert fit.rate_per_s.low * 0.97 <= rate <= fit.rate_per_s.high * 1.03


@given(limit=st.integers(2, 60), window=st.floats(1, 10), seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_sliding_length_is_found_under_jitter(limit, window, seed):
    """Burst, half a window's silence, polls: the length is known to 2 %."""
    world = World(SlidingLog(limit, window), seed=seed)
    rows = world.run(make_experiment("p", "", spaced_requests("x", limit + 8)))
    for _ in range(2):
        polls = spaced_requests("x", 50, at_s=0.6 * window, spacing_s=0.01 * window)
        rows += world.run(make_experiment("p", "", polls))
    fit = fit_sliding_log(build_decision_log(rows))
    assert fit.explained_fraction >= 0.97
    assert math.isclose(window, fit.window_s.estimate, rel_tol=0.02)
