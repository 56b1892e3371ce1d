"""The limiters decide exactly, and return the exact wait."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.standin.limits import (
    Concurrency,
    Decision,
    FixedWindow,
    SlidingWindow,
    TokenBucket,
    Unlimited,
)
from harness.standin.retry_after import format_retry_after

MS = 1_000_000
S = 1_000_000_000
T0 = 1_700_000_000 * S

gaps_ns = st.lists(st.integers(0, 400 * MS), min_size=1, max_size=80)


def accepted_at(limiter, gaps):
    """The instants at which requests after these gaps were accepted."""
    now, accepted = T0, []
    for gap in gaps:
        now += gap
        if limiter.decide(now).accepted:
            accepted.append(now)
    return accepted


def test_unlimited_accepts_everything():
    """Without a limiter nothing is refused."""
    limiter = Unlimited()
    assert [True] * 50 == [limiter.decide(T0).accepted for _ in range(50)]


def test_a_bucket_lets_the_burst_through_and_then_the_rate():
    """A burst of two, then one each 100 ms at 10 per second."""
    bucket = TokenBucket(10, 2)
    seen = [bucket.decide(T0 + at * MS).accepted for at in (0, 0, 0, 99, 100, 150, 200, 200)]
    assert [True, True, False, False, True, False, True, False] == seen


def test_a_bucket_tells_the_wait_to_the_nanosecond():
    """At 3 a second a token takes 333,333,333.3 ns: the wait is rounded up, and is enough."""
    bucket = TokenBucket(3, 1)
    bucket.decide(T0)
    assert Decision(accepted=False, retry_after_ns=333_333_334) == bucket.decide(T0)
    assert Decision(accepted=False, retry_after_ns=1) == bucket.decide(T0 + 333_333_333)
    assert bucket.decide(T0 + 333_333_334).accepted


def test_refused_requests_may_cost_tokens():
    """Where they count, two refusals put the next token 300 ms away instead of 100."""
    bucket = TokenBucket(10, 2, refused_count=True)
    waits = [bucket.decide(T0).retry_after_ns for _ in range(4)]
    assert [0, 0, 200 * MS, 300 * MS] == waits
    assert 300 * MS == bucket.decide(T0).retry_after_ns  # the debt ends at one burst


@settings(max_examples=60, deadline=None)
@given(gaps_ns, st.integers(1, 50), st.integers(1, 8))
def test_a_bucket_never_gives_more_than_burst_and_rate(gaps, rate, burst):
    """In every span of t seconds at most burst + rate·t requests are accepted."""
    times = accepted_at(TokenBucket(rate, burst), gaps)
    for first, start in enumerate(times):
        for last in range(first, len(times)):
            assert (last - first + 1 - burst) * S <= rate * (times[last] - start)


@settings(max_examples=60, deadline=None)
@given(gaps_ns, st.integers(1, 8))
def test_a_sliding_window_never_holds_more_than_its_limit(gaps, limit):
    """The limit-th request after an accepted one comes a whole window later."""
    times = accepted_at(SlidingWindow(limit, S), gaps)
    assert all(late - early >= S for early, late in zip(times, times[limit:], strict=False))


@settings(max_examples=60, deadline=None)
@given(gaps_ns, st.integers(1, 8))
def test_a_fixed_window_never_holds_more_than_its_limit(gaps, limit):
    """Each window of the clock has at most its limit."""
    windows = [at // S for at in accepted_at(FixedWindow(limit, S), gaps)]
    assert all(windows.count(window) <= limit for window in set(windows))


MAKERS = {
    "token-bucket": lambda: TokenBucket(7.3, 3),
    "token-bucket, refused count": lambda: TokenBucket(7.3, 3, refused_count=True),
    "fixed-window": lambda: FixedWindow(3, S),
    "sliding-window": lambda: SlidingWindow(3, S),
    "sliding-window, refused count": lambda: SlidingWindow(3, S, refused_count=True),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@settings(max_examples=40, deadline=None)
@given(gaps=gaps_ns)
def test_the_wait_is_the_least_that_is_enough(make, gaps):
    """A request sent when the wait is over is accepted; one a nanosecond before is not."""
    for early_ns in (0, 1):
        limiter, now = make(), T0
        for gap in gaps:
            now += gap
            decision = limiter.decide(now)
        if not decision.accepted and decision.retry_after_ns > early_ns:
            again = limiter.decide(now + decision.retry_after_ns - early_ns)
            assert (early_ns == 0) == again.accepted


def test_a_fixed_window_lets_two_limits_through_at_its_edge():
    """Its known flaw: 3 at the end of one window and 3 at the start of the next."""
    window = FixedWindow(3, S)
    before = [window.decide(T0 + 999 * MS).accepted for _ in range(4)]
    after = [window.decide(T0 + 1000 * MS).accepted for _ in range(4)]
    assert ([True, True, True, False],) * 2 == (before, after)


def test_a_fixed_window_returns_the_time_to_its_end():
    """At 250 ms into a full window of 1 s, 750 ms are left."""
    window = FixedWindow(1, S)
    window.decide(T0 + 250 * MS)
    assert 750 * MS == window.decide(T0 + 250 * MS).retry_after_ns


def test_a_sliding_window_that_counts_refusals_never_accepts_a_client_without_pauses():
    """Each refused request resets the wait to a whole window."""
    window = SlidingWindow(1, S, refused_count=True)
    seen = [window.decide(T0 + at * 900 * MS) for at in range(5)]
    assert [True, False, False, False, False] == [decision.accepted for decision in seen]
    assert S == seen[-1].retry_after_ns


def test_concurrency_counts_what_is_in_flight():
    """Two places; the third is refused without a known wait until one is freed."""
    limiter = Concurrency(2)
    assert [True, True] == [limiter.decide(T0).accepted for _ in range(2)]
    assert Decision(accepted=False, retry_after_ns=None) == limiter.decide(T0)
    limiter.release()
    assert limiter.decide(T0).accepted


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("exact-ceil", "3"),
        ("decimal", "2.251"),
        ("http-date", "Tue, 14 Nov 2023 22:13:23 GMT"),
        ("early", "1"),
        ("late", "5"),
        ("missing", None),
        ("malformed", "soon"),
    ],
)
def test_the_seven_styles_of_retry_after(style, expected):
    """A wait of 2.2503 s from 22:13:20, in each style."""
    assert expected == format_retry_after(style, 2_250_300_000, T0)


def test_an_unknown_wait_is_one_second():
    """A concurrency limit cannot know; clients still get a number."""
    assert "1" == format_retry_after("exact-ceil", None, T0)
