"""Schedules: exact where they are even, random where they should be, whole when shared."""

from __future__ import annotations

import heapq
import math
import statistics
from fractions import Fraction
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.plan.arrivals import Phase, _expected, _invert, starts_ns

S = 1_000_000_000
HOUR = 3600 * S

RATES = st.sampled_from([0.0, 0.1, 1 / 3, 1.0, 7.3, 50.0, 333.3]) | st.floats(0, 400)
PHASES = st.lists(
    st.builds(
        Phase,
        st.just("p"),
        st.integers(0, 4 * S),
        RATES,
        RATES,
        st.sampled_from(["uniform", "poisson"]),
        st.booleans(),
    ),
    max_size=5,
)


def constant(rate, duration_ns=S, spacing="uniform"):
    """One phase of one rate."""
    return Phase("constant", duration_ns, rate, rate, spacing)


def starts(phases, seed=1):
    """Intended starts alone."""
    return [start for _, start, _ in starts_ns(phases, seed)]


def test_a_constant_rate_is_even():
    """4 per second: every 250 ms, from the first nanosecond on."""
    assert [
        (0, 0, 0), (1, 250_000_000, 0), (2, 500_000_000, 0), (3, 750_000_000, 0)
    ] == list(starts_ns([constant(4)], 1))  # fmt: skip


def test_a_third_of_a_nanosecond_is_not_lost():
    """3 per second for a day: each start is the floor of its exact time."""
    day = [constant(3, 24 * HOUR)]
    for n, start, _ in islice(starts_ns(day, 1), 0, None, 10_007):
        assert n * S // 3 == start
    assert 3 * 86_400 == sum(1 for _ in starts_ns(day, 1))


@pytest.mark.parametrize(("rate", "worker"), [(10_000, 99_999_999), (10_000 / 3, 33_333_332)])
def test_hours_at_ten_thousand_do_not_drift(rate, worker):
    """The last of some 10^8 arrivals is where arithmetic puts it, and costs no walk."""
    phases = [constant(rate, 10_000 * S)]
    exact = Fraction(rate).limit_denominator(1000)
    last = list(starts_ns(phases, 1, share=(worker, worker + 1)))
    assert [(worker, math.floor(worker * S / exact), 0)] == last


@pytest.mark.parametrize(
    ("rate", "seconds", "count"),
    [(0.1, 100, 10), (0.3, 10, 3), (1 / 3, 30, 10), (33.3, 10, 333)],
)
def test_a_float_means_the_number_that_was_written(rate, seconds, count):
    """0.1 as a float is a hair above a tenth; it must not ask for an eleventh arrival."""
    assert count == len(starts([constant(rate, seconds * S)]))


def test_a_ramp_is_the_inverse_of_its_integral():
    """From 0 to 2 per second in 4 s: Λ(s) = s²/4, so the m-th start is at 2√m."""
    ramp = Phase("ramp", 4 * S, 0, 2)
    assert [0, 2 * S, 2_828_427_124, 3_464_101_615] == starts([ramp])


def test_a_ramp_down_is_a_ramp_up_backwards():
    """From 2 to 0 in 4 s: Λ(s) = 2s - s²/4, so the m-th start is at 4 - 2√(4 - m)."""
    down = Phase("ramp", 4 * S, 2, 0)
    expected = [0, 535_898_384, 1_171_572_875, 2 * S]
    for want, got in zip(expected, starts([down]), strict=True):
        assert abs(want - got) <= 1


def test_rate_nought_is_a_pause():
    """Nothing starts in it, and the next phase begins at its own beginning."""
    phases = [constant(2), constant(0), constant(2)]
    assert [
        (0, 0, 0), (1, S // 2, 0), (2, 2 * S, 2), (3, 2 * S + S // 2, 2)
    ] == list(starts_ns(phases, 1))  # fmt: skip
    assert [] == starts([constant(0, HOUR), constant(0, HOUR, "poisson")])


def test_short_steps_ask_for_no_more_than_one_phase():
    """Ten tenths of a second at 1.5 per second are 1.5 arrivals: two, not ten."""
    steps = [constant(1.5, S // 10) for _ in range(10)]
    assert starts([constant(1.5)]) == starts(steps)
    assert [0, 666_666_666] == starts(steps)


def test_expected_count_is_the_area_under_the_rate():
    """10 s of 20, a ramp from 100 to 300 in 60 s, and a pause."""
    phases = [constant(20, 10 * S), Phase("r", 60 * S, 100, 300, "poisson"), constant(0)]
    assert [200, 12_000, 0] == [_expected(phase) for phase in phases]


@given(PHASES, st.integers(-5, 2**70))
@settings(max_examples=120, deadline=None)
def test_every_schedule_is_in_order_and_in_its_windows(phases, seed):
    """Numbers without gaps, times that never step back, each inside its phase."""
    edges = [0]
    for phase in phases:
        edges.append(edges[-1] + phase.duration_ns)
    schedule = list(starts_ns(phases, seed))
    assert list(range(len(schedule))) == [number for number, _, _ in schedule]
    assert all(a[1] <= b[1] and a[2] <= b[2] for a, b in pairwise(schedule))
    assert all(edges[p] <= start < edges[p + 1] for _, start, p in schedule)
    assert schedule == list(starts_ns(phases, seed))


@given(PHASES)
@settings(max_examples=80, deadline=None)
def test_uniform_phases_give_what_they_ask_for(phases):
    """The expected count, rounded up."""
    uniform = [p for p in phases if p.spacing == "uniform"]
    expected = sum(map(_expected, uniform))
    assert expected - 1e-6 <= len(starts(uniform)) < expected + 1 + 1e-6


@given(PHASES, st.integers(0, 9), st.integers(1, 7))
@settings(max_examples=120, deadline=None)
def test_shares_together_are_the_whole(phases, seed, count):
    """Worker i has every count-th number; nothing is lost, doubled or moved."""
    shares = [list(starts_ns(phases, seed, share=(i, count))) for i in range(count)]
    for i, share in enumerate(shares):
        assert all(number % count == i for number, _, _ in share)
    assert list(starts_ns(phases, seed)) == list(heapq.merge(*shares))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_poisson_gaps_are_exponential(seed):
    """Mean 1/rate, variance 1/rate², a share e⁻¹ longer than the mean; within 5 sigma."""
    times = starts([constant(1000, 40 * S, "poisson")], seed)
    gaps = [(b - a) / S * 1000 for a, b in pairwise(times)]
    n = len(gaps)
    assert abs(n - 40_000) < 5 * math.sqrt(40_000)
    assert abs(statistics.fmean(gaps) - 1) < 5 / math.sqrt(n)
    assert abs(statistics.variance(gaps) - 1) < 5 * math.sqrt(8 / n)  # Var s² = (μ4 - σ⁴)/n
    share = sum(gap > 1 for gap in gaps) / n
    assert abs(share - math.exp(-1)) < 5 * math.sqrt(0.2325 / n)


def test_poisson_counts_have_the_variance_of_their_mean():
    """Counts of 2,000 windows of mean 20: index of dispersion 1, within 5 sigma."""
    times = starts([constant(200, 200 * S, "poisson")], 4)
    counts = [0] * 2000
    for start in times:
        counts[start // (S // 10)] += 1
    dispersion = statistics.variance(counts) / statistics.fmean(counts)
    assert abs(dispersion - 1) < 5 * math.sqrt(2 / 2000)


def test_a_poisson_ramp_follows_its_rate():
    """From 0 to 1000 per second in 40 s: a quarter of the arrivals in the first half."""
    times = starts([Phase("ramp", 40 * S, 0, 1000, "poisson")], 5)
    early = sum(start < 20 * S for start in times)
    assert abs(len(times) - 20_000) < 5 * math.sqrt(20_000)
    assert abs(early - 5_000) < 5 * math.sqrt(5_000)


def test_poisson_phases_are_independent_of_each_other_and_of_the_seed():
    """Two equal phases differ, two seeds differ, one seed repeats itself."""
    two = [constant(50, S, "poisson"), constant(50, S, "poisson")]
    first = [start for _, start, p in starts_ns(two, 1) if p == 0]
    second = [start - S for _, start, p in starts_ns(two, 1) if p == 1]
    assert first != second
    assert starts(two, 1) != starts(two, 2)
    assert starts(two, 1) == starts(two, 1)


def test_known_poisson_starts():
    """Who changes them changes every recorded trial's replay."""
    known = [start for _, start, _ in islice(starts_ns([constant(1, HOUR, "poisson")], 7), 4)]
    assert [981083863, 3256188048, 4750895090, 5006054718] == known


def test_an_endless_plan_starts_at_once():
    """A year at 10,000 per second is not built before it is walked."""
    for spacing in ("uniform", "poisson"):
        year = [constant(10_000, 8760 * HOUR, spacing)]
        assert 3 == len(list(islice(starts_ns(year, 1), 3)))


@pytest.mark.parametrize(
    ("change", "text"),
    [({"duration_ns": -1}, "duration -1 ns is negative"),
     ({"rate_start_per_s": -1.0}, "rate -1.0 per second"),
     ({"rate_end_per_s": math.nan}, "rate nan per second"),
     ({"rate_end_per_s": math.inf}, "rate inf per second"),
     ({"spacing": "even"}, "spacing 'even' is not uniform or poisson")],
)  # fmt: skip
def test_an_impossible_phase_is_refused(change, text):
    """At once, and by name."""
    good = {"name": "p", "duration_ns": 1, "rate_start_per_s": 1.0, "rate_end_per_s": 1.0}
    with pytest.raises(ValueError, match=f"phase 'p': {text}"):
        Phase(**good | change)


@pytest.mark.parametrize("share", [(1, 1), (-1, 2), (0, 0)])
def test_an_impossible_share_is_refused(share):
    """When it is asked for, not when it is walked."""
    with pytest.raises(ValueError, match="share"):
        starts_ns([], 1, share=share)


def test_rounding_does_not_carry_a_start_out_of_its_phase():
    """All that a ramp down asks for is asked for at its end, which is the next phase's."""
    down = Phase("down", S, 2, 0, "poisson")
    assert [S - 1] == _invert(down, np.array([1.0])).tolist()
