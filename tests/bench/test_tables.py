"""What parts of `make bench` say of figures that are known; nothing is measured here."""

from __future__ import annotations

import numpy as np

from tests.bench import scaling, soak, truth
from tests.bench.throughput import Speed

KNOWN = [10.0, 900.0, 1000.0]


def _speed(rate_per_s: float, all_cpu_us: float) -> Speed:
    return Speed(rate_per_s, all_cpu_us, all_cpu_us)


def test_the_truth_is_what_the_law_of_the_server_says() -> None:
    """
    Of 2,000 arrivals the 21st and the 3rd longest wait.

    The longest two are interrupted by a stall; the others come into it, one every 5 ms.
    """
    found = [round(value, 6) for value in truth.truth()]

    assert [10.0, 1007.5 - 18 * 5, 1007.5] == found


def test_a_percentile_is_the_nearest_rank() -> None:
    """Of 1,000 values the 500th, the 990th and the 999th."""
    assert [500, 990, 999] == truth.percentiles(range(1, 1001))


def test_two_percent_off_the_truth_are_within_the_mark() -> None:
    """Too low counts as much as too high; the median is told, and not judged."""
    told = truth.table(KNOWN, {"ours": [11.1, 909.0, 981.0], "other": [10.0, 9.0, 9.0]}, 3)

    assert "within 1.9 % of the truth:\nthe mark of 2 % holds." in told


def test_more_than_two_percent_off_the_truth_are_said_plainly() -> None:
    """One of the two percentiles is enough."""
    told = truth.table(KNOWN, {"ours": [10.0, 877.5, 1000.0]}, 3)

    assert "within 2.5 % of the truth:\nthe mark of 2 % does not hold." in told


def test_memory_that_fills_at_the_start_is_flat() -> None:
    """The first quarter is left out of the slope."""
    filling = np.minimum(np.arange(120.0), 29.0)
    told = soak.table(list(150 + filling + _noise(0.2)), 4_000_000, 120)

    assert "Theil-Sen): flat;" in told


def test_a_leak_of_a_tenth_of_a_mebibyte_a_second_is_not_flat() -> None:
    """It is 360 MiB an hour, whatever the noise."""
    told = soak.table(list(150 + 0.1 * np.arange(120) + _noise(0.2)), 4_000_000, 120)

    assert "Theil-Sen): not flat;" in told


def test_noise_that_hides_the_answer_is_not_flat() -> None:
    """The upper end of the interval counts, not the estimate."""
    told = soak.table(list(150 + _noise(20.0)), 4_000_000, 120)

    assert "Theil-Sen): not flat;" in told


def test_with_three_cores_the_ratio_of_rates_is_judged() -> None:
    """Medians: a round that was disturbed does not move them."""
    one = [_speed(30_000, 25), _speed(31_000, 25), _speed(9_000, 90)]
    two = [_speed(54_000, 25), _speed(54_000, 25), _speed(20_000, 90)]

    assert scaling.judge({"one": one, "two": two}) == (
        "Two send 1.80 times what one does: the mark of 1.8 holds."
    )
    assert scaling.judge({"one": one, "two": [_speed(53_000, 25)]}).endswith(
        "1.77 times what one does: the mark of 1.8 does not hold."
    )
    assert "| one | 30,000 | 9,000 to 31,000 | 25.0 |" in scaling.table({"one": one})


def test_on_two_cores_nothing_is_claimed_but_an_estimate() -> None:
    """A worker that sends a tenth less leaves 1.80 of two; a master of 4 µs has its bound."""
    told = scaling.estimate(
        {"one": [_speed(30_000, 20)], "worker": [_speed(27_000, 22)]}, [4.0, 3.0, 90.0]
    )

    assert "could not be measured" in told
    assert "send 1.80 times what one process does\n(an estimate; the mark is 1.8)" in told
    assert "4.0 µs an attempt, so a core of its own is enough for 250,000/s." in told
    assert "holds" not in told


def _noise(mib: float) -> np.ndarray:
    return np.random.default_rng(7).normal(0.0, mib, 120)
