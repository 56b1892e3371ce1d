"""Verdicts follow from effects by arithmetic that can be done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from harness.experiments.compare.decision import (
    Effect,
    MetricSample,
    decide,
    estimate_effect,
    holm,
    needed_factor,
)


def sample(value, spread, *, trials=(), degrees=1e6, seed=1):
    replicates = value + spread * np.random.default_rng(seed).standard_normal(20_000)
    return MetricSample(value, replicates, np.array(trials or [value]), degrees)


def test_holm_steps_down_and_never_falls():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_interval_and_p_of_normal_samples():
    effect = estimate_effect(sample(1.0, 0.03, seed=1), sample(1.1, 0.04, seed=2), sign=1)
    assert effect.value == pytest.approx(0.1)
    assert effect.low == pytest.approx(0.1 - 1.96 * 0.05, abs=0.003)
    assert effect.high == pytest.approx(0.1 + 1.96 * 0.05, abs=0.003)
    assert effect.p == pytest.approx(0.0228, abs=0.002)  # two standard errors


def test_less_throughput_is_worse():
    effect = estimate_effect(sample(5.0, 0.01), sample(4.8, 0.01, seed=2), sign=-1)
    assert effect.value == pytest.approx(0.2)
    assert effect.low < 0.2 < effect.high


def test_few_blocks_widen_the_interval():
    many = estimate_effect(sample(1.0, 0.03), sample(1.1, 0.04, seed=2), sign=1)
    few = estimate_effect(
        sample(1.0, 0.03, degrees=4), sample(1.1, 0.04, seed=2, degrees=4), sign=1
    )
    assert few.high - few.low > 1.1 * (many.high - many.low)
    assert few.p > many.p


def test_runs_that_differ_more_than_their_seconds_decide():
    # Three runs a side at 1.0 ± 0.1: pooled variance 0.01, standard error 0.1 · √(2/3).
    trials = (0.9, 1.0, 1.1)
    effect = estimate_effect(
        sample(1.0, 0.001, trials=trials), sample(1.0, 0.001, trials=trials), sign=1
    )
    assert effect.between_trials
    assert effect.high == pytest.approx(2.776 * 0.1 * np.sqrt(2 / 3), rel=1e-3)  # t(4)


def test_runs_that_agree_leave_it_to_the_blocks():
    trials = (0.99, 1.0, 1.01)
    effect = estimate_effect(
        sample(1.0, 0.1, trials=trials), sample(1.0, 0.1, trials=trials), sign=1
    )
    assert not effect.between_trials


def test_an_unknown_figure_has_no_effect():
    nothing = MetricSample(float("nan"), np.full(20_000, np.nan), np.array([np.nan]), 10)
    assert estimate_effect(nothing, sample(1.0, 0.1), sign=1) is None


@pytest.mark.parametrize(
    ("value", "low", "high", "p", "verdict"),
    [
        (0.10, 0.06, 0.14, 0.001, "regressed"),
        (0.10, 0.01, 0.19, 0.06, "inconclusive"),  # large, not significant after Holm
        (0.03, 0.02, 0.04, 0.001, "pass"),  # significant, but smaller than matters
        (0.03, 0.01, 0.06, 0.001, "inconclusive"),  # may be larger than matters
        (-0.20, -0.3, -0.1, 1.0, "pass"),
        (0.00, -0.2, 0.2, 0.5, "inconclusive"),
    ],
)
def test_verdict(value, low, high, p, verdict):
    assert decide(Effect(value, low, high, p, between_trials=False), p, 0.05) == verdict


def test_four_times_the_run_halves_the_interval():
    # Half-width 0.07: enough means half-width 0.05 / 1.43 = 0.035, so four times as long.
    effect = Effect(0.0, -0.07, 0.07, 0.5, between_trials=False)
    assert needed_factor(effect, 0.05) == pytest.approx(4.0, rel=0.01)
    near = Effect(0.045, 0.03, 0.06, 0.001, between_trials=False)
    assert needed_factor(near, 0.05) == pytest.approx(9.0)  # 0.015 must shrink to 0.005
