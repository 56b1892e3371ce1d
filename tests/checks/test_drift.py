"""The drift check on whole synthetic trials of ten minutes and less."""

from __future__ import annotations

import re

import numpy as np
import pytest

from harness.analysis.drift import Slope
from harness.checks import drift
from harness.checks.drift import check_drift
from harness.trial.batches import attempts_table
from harness.trial.schema import PhaseWindow
from harness.verdicts import Verdict
from tests.trials import NS, T0, attempt, intervals_table, manifest

NAMES = ("drift.p50", "drift.p99", "drift.errors")


def findings_of(
    seed,
    rise=0.0,
    error_rise=0.0,
    *,
    length_s=600,
    rate=10,
    sigma=0.15,
    asked=False,
    step=0.0,
    error_share=0.002,
    **of_manifest,
):
    """A load whose latency and errors rise by so much; ten minutes at 10/s."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(length_s * rate):
        share = number / (length_s * rate)
        failed = random.random() < error_share + error_rise * share
        rows.append(
            attempt(
                call_id=number, at_s=number / rate, phase="soak",
                service_ms=float(
                    random.lognormal(
                        np.log(20 * (1 + rise * share) * (1 + step * (share >= 0.5))), sigma
                    )
                ),
                **({"outcome": "server_error", "status": 500} if failed else {}),
            )
        )  # fmt: skip
    told = manifest(
        phases=[PhaseWindow("soak", T0 * NS, (T0 + length_s) * NS)],
        plan={"load": {"phases": [{"name": "soak", "rate": rate}]}, "slo": {"drift": asked}},
        started_ns=T0 * NS, ended_ns=(T0 + length_s) * NS, **of_manifest,
    )  # fmt: skip
    return check_drift(intervals_table(attempts_table(rows)), told)


def soak(seed, rise=0.0, error_rise=0.0, **given):
    """Check → verdict of such a load."""
    found = findings_of(seed, rise, error_rise, **given)
    return {finding.name: finding.verdict for finding in found}


def test_a_flat_run_passes():
    """All three."""
    assert dict.fromkeys(NAMES, Verdict.PASS) == soak(1)


def test_a_rise_of_latency_fails_and_the_errors_pass():
    """20 % over the run."""
    found = soak(2, rise=0.2)

    assert Verdict.FAIL is found["drift.p50"]
    assert Verdict.PASS is found["drift.errors"]


def test_a_step_is_told_with_its_time():
    """A third more from the middle of ten minutes on: when, and the level of each sixth."""
    found = {finding.name: finding for finding in findings_of(2, step=0.33)}
    told = {name: finding.detail for name, finding in found.items()}
    witness = found["drift.p50"].witness

    levels = [row["p50_ms"] for row in witness]
    assert [0, 100, 200, 300, 400, 500] == [row["from_s"] for row in witness]
    assert [100, 200, 300, 400, 500, 600] == [row["to_s"] for row in witness]
    assert max(levels[:3]) < 1.1 * 20 < 1.2 * 20 < min(levels[3:])
    assert re.search(r"a step of \+3\d\.\d % after (4 min 5\d s|5 min)", told["drift.p50"])


def test_no_error_at_all_is_no_rate_that_changed_by_nothing():
    """It passes, in as many words."""
    told = {finding.name: finding for finding in findings_of(1, error_share=0.0)}

    assert Verdict.PASS is told["drift.errors"].verdict
    assert "no attempt ended in an error" == told["drift.errors"].detail


def test_a_rise_of_the_error_rate_fails():
    """From 0.2 % to 6 %."""
    found = soak(3, error_rise=0.06)

    assert Verdict.FAIL is found["drift.errors"]
    assert Verdict.PASS is found["drift.p50"]


def test_a_load_of_four_minutes_is_judged_where_the_plan_asks_for_it():
    """And only there."""
    short = {"length_s": 240, "rate": 25}

    assert Verdict.FAIL is soak(5, rise=0.2, asked=True, **short)["drift.p50"]
    assert dict.fromkeys(NAMES, Verdict.PASS) == soak(6, asked=True, **short)
    assert {} == soak(7, rise=0.2, length_s=240, rate=1)


def test_an_interval_that_reaches_a_fifth_passes_nothing():
    """Four minutes at 2/s of a wide law: 20 % more would not have been seen."""
    found = soak(0, length_s=240, rate=2, sigma=1.5, asked=True)

    assert Verdict.UNKNOWN is found["drift.p50"]
    assert Verdict.UNKNOWN is found["drift.p99"]


@pytest.mark.parametrize("unfit", [{"length_s": 179}, {"model": "closed"}])
def test_what_was_asked_for_and_cannot_be_told_is_unknown(unfit):
    """Too short for it, or no open load."""
    assert dict.fromkeys(NAMES, Verdict.UNKNOWN) == soak(9, rate=1, asked=True, **unfit)


def test_another_load_has_no_such_finding():
    """Only a long, steady, open one."""
    assert {} == soak(4, rate=1, model="closed")
    assert [] == check_drift(intervals_table(attempts_table([attempt()])), manifest())


@pytest.mark.parametrize(
    ("rise", "low", "expected"),
    [(0.006, 0.001, Verdict.FAIL), (0.004, 0.001, Verdict.PASS), (0.006, -0.001, Verdict.PASS)],
)
def test_a_rise_of_errors_counts_when_it_is_clear_and_half_a_point(
    monkeypatch, rise, low, expected
):
    """Either alone is nobody's trouble."""
    whole = 59  # sixty stretches
    slope = Slope(rise / whole, low / whole, 1.0, 0.0)
    monkeypatch.setattr(drift, "find_slope", lambda _shares: slope)

    assert expected is soak(1, rate=2)["drift.errors"]
