"""What parts of `make bench` say of figures that are known; nothing is measured here."""

from __future__ import annotations

import numpy as np

from benchmarks import scaling, soak, truth

KNOWN = [10.0, 900.0, 1000.0]


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
    told = truth.table(
        KNOWN, {"ours": [11.1, 909.0, 981.0], "other": [10.0, 9.0, 9.0]}, 3, [0.1, 0.3, 2.0]
    )

    assert "within 1.9 % of the truth:\nthe mark of 2 % holds." in told
    assert "0.10, 0.30, 2.00 ms" in told


def test_more_than_two_percent_off_the_truth_are_said_plainly() -> None:
    """One of the two percentiles is enough."""
    told = truth.table(KNOWN, {"ours": [10.0, 877.5, 1000.0]}, 3, [0.1, 0.3, 2.0])

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


def test_the_ratio_of_medians_is_judged() -> None:
    """A round that was disturbed does not move them; slow motion is told."""
    one = [scaling.Sent(30_000.0, 1.0), scaling.Sent(31_000.0, 0.9), scaling.Sent(9_000.0, 1.0)]
    two = [
        scaling.Sent(54_000.0, 1.0),
        scaling.Sent(54_000.0, 1.0),
        scaling.Sent(20_000.0, 1.0),
    ]
    less = [scaling.Sent(53_000.0, 1.0)]

    held = "Two send 1.80 times what one does: the mark of 1.8 holds."
    assert held == scaling.judge(one, two, None)
    assert f"{held}\nMeasured in slow motion: " in scaling.judge(one, two, 0.4)
    missed = "1.77 times what one does: the mark of 1.8 does not hold."
    assert scaling.judge(one, less, None).endswith(missed)
    assert "| one | 30,000 | 9,000 to 31,000 | 1.00 |" in scaling.table({"one": one})


def _noise(mib: float) -> np.ndarray:
    return np.random.default_rng(7).normal(0.0, mib, 120)
