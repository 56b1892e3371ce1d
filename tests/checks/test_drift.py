"""The drift check on whole synthetic trials of an hour."""

from __future__ import annotations

import numpy as np
import pytest

from harness.checks.drift import judge_drift
from harness.trial.batches import attempts_table, intervals_table
from harness.trial.schema import Window
from harness.verdicts import Verdict
from tests.trials import NS, T0, attempt, manifest

LENGTH_S = 1800


def soak(seed, rise=0.0, error_rise=0.0, **of_manifest):
    """Half an hour at 6/s whose latency and errors rise by so much."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(LENGTH_S * 6):
        share = number / (LENGTH_S * 6)
        failed = random.random() < 0.002 + error_rise * share
        rows.append(
            attempt(
                call_id=number, at_s=number / 6, phase="soak",
                service_ms=float(random.lognormal(np.log(20 * (1 + rise * share)), 0.15)),
                **({"outcome": "server_error", "status": 500} if failed else {}),
            )
        )  # fmt: skip
    told = manifest(
        phases=[Window("soak", T0 * NS, (T0 + LENGTH_S) * NS)],
        plan={"load": {"phases": [{"name": "soak", "rate": 6}]}},
        started_ns=T0 * NS, ended_ns=(T0 + LENGTH_S) * NS, **of_manifest,
    )  # fmt: skip
    found = judge_drift(intervals_table(attempts_table(rows)), told)
    return {finding.name: finding.verdict for finding in found}


def test_a_flat_run_passes():
    """All three."""
    assert {
        "drift.p50": Verdict.PASS,
        "drift.p99": Verdict.PASS,
        "drift.errors": Verdict.PASS,
    } == soak(1)


def test_a_rise_of_latency_fails_and_the_errors_pass():
    """20 % over the run."""
    found = soak(2, rise=0.2)

    assert Verdict.FAIL is found["drift.p50"]
    assert Verdict.PASS is found["drift.errors"]


def test_a_rise_of_the_error_rate_fails():
    """From 0.2 % to 6 %."""
    found = soak(3, error_rise=0.06)

    assert Verdict.FAIL is found["drift.errors"]
    assert Verdict.PASS is found["drift.p50"]


@pytest.mark.parametrize("model", ["closed"])
def test_another_load_has_no_such_finding(model):
    """Only a long, steady, open one."""
    assert {} == soak(4, model=model)
    assert [] == judge_drift(intervals_table(attempts_table([attempt()])), manifest())
