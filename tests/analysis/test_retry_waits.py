"""Retries and waits by second, counted by hand."""

import math

from harness.analysis.retry_waits import retry_waits_by_second
from harness.trial.batches import attempts_table
from tests.trials import T0, attempt, rate_limited


def test_retries_and_waits_are_counted_in_the_second_of_their_end():
    """Two refusals that tell 1 s and 3 s, a retry two seconds later, silence between."""
    rows = [
        rate_limited(at_s=0.1, retry_after_s=1.0),
        rate_limited(at_s=0.2, retry_after_s=3.0),
        attempt(at_s=2.1, attempt=2),
    ]
    frame = retry_waits_by_second(attempts_table(rows))

    assert list(frame.index) == [T0, T0 + 1, T0 + 2]
    assert list(frame["retries"]) == [0, 0, 1]
    assert list(frame["told"]) == [2, 0, 0]
    assert frame["median_s"].iloc[0] == 2.0
    assert frame["longest_s"].iloc[0] == 3.0
    assert math.isnan(frame["longest_s"].iloc[2])


def test_longer_steps_hold_what_ended_in_them():
    """Steps of ten seconds begin at multiples of ten."""
    rows = [attempt(at_s=s, attempt=2) for s in (0.5, 4.0, 11.0)]
    frame = retry_waits_by_second(attempts_table(rows), step_s=10)

    assert list(frame["retries"]) == [2, 1]
    assert list(frame.index) == [T0 // 10 * 10, T0 // 10 * 10 + 10]


def test_no_attempts_are_an_empty_frame():
    """Nothing happened."""
    frame = retry_waits_by_second(attempts_table([]))

    assert len(frame) == 0
    assert list(frame.columns) == ["retries", "told", "median_s", "longest_s"]
