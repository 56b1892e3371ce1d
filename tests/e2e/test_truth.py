"""The harness's numbers, held against what the stand-in says really happened."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hdrh.histogram import HdrHistogram

from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from harness.trial.histograms import bucket_highest_us
from tests.e2e.conftest import (
    KEY,
    Command,
    outcomes_of_summary,
    outcomes_of_truth,
    summary_of,
)

TROUBLED = StandinConfig(
    api_keys=(KEY,),
    limiter="token-bucket",
    rate=60.0,
    burst=15,
    max_sessions=4,
    launch_s=0.1,
    latency={"*": "lognormal(3ms,0.5)"},
    fail={
        "CLOUD_INTERNAL_ERROR": 0.02,
        "create_session:CLOUD_LAUNCH_FAILED": 0.05,
        "create_session:CLOUD_LAUNCH_TIMEOUT": 0.03,
        "CLOUD_TIMEOUT": 0.02,
        "get_session:CLOUD_RUNTIME_GONE": 0.02,
        "CLOUD_CDP_UNAVAILABLE": 0.01,
    },
    timeout_after_effect=0.5,
)
"""A limiter, a capacity and failures, all at once."""


@pytest.mark.parametrize("processes", [1, 2])
def test_totals_equal_the_truth(harness: Command, processes: int) -> None:
    """Every attempt of every operation and outcome is counted, by one process and by two."""
    with Standin(TROUBLED) as standin:
        ended = harness(
            "run", "mixed", "--host", standin.url, "--duration", "6s", "--rate", "30",
            "--processes", str(processes), "--out", "trial",
        )  # fmt: skip
        truth = standin.truth()
    trial = harness.folder / "trial"

    assert ended.code in {0, 1, 4}, ended.err
    assert outcomes_of_truth(truth) == outcomes_of_summary(summary_of(trial))
    assert truth["sessions"]["open"] == 0
    assert {"rate_limited", "capacity_full", "server_error"} <= {
        name for row in outcomes_of_truth(truth).values() for name in row
    }
    _load_and_probes_are_all(summary_of(trial))
    _percentiles_agree(trial)


def _load_and_probes_are_all(summary: dict) -> None:
    """Load, probes and preflight, which are counted apart, are together what was counted."""
    before = summary["preflight"]

    assert {"health", "get_session"} == set(before)
    assert sum(row["probes"]["attempts"] for row in summary["operations"].values())
    for name, row in summary["operations"].items():
        apart = Counter(row["load"]["outcomes"]) + Counter(row["probes"]["outcomes"])
        assert row["outcomes"] == dict(apart + Counter(before.get(name, {})))


def _percentiles_agree(trial) -> None:
    """Percentiles of intervals.parquet equal numpy's on attempts.parquet."""
    attempts = pq.read_table(trial / "attempts.parquet")
    intervals = pq.read_table(trial / "intervals.parquet")
    for metric in ("service", "response"):
        for operation in pc.unique(attempts["operation"].cast("string")).to_pylist():
            mine = intervals.filter(
                (pc.field("operation") == operation) & (pc.field("metric") == metric)
            )
            raw = attempts.filter(pc.field("operation") == operation)[f"{metric}_us"].to_numpy()
            counts: dict[int, int] = {}
            for blob in mine["hdr"].to_pylist():
                decoded = HdrHistogram.decode(blob).counts
                for index in np.flatnonzero(decoded):
                    counts[int(index)] = counts.get(int(index), 0) + int(decoded[index])
            indices = np.array(sorted(counts))
            cumulative = np.cumsum([counts[i] for i in indices])

            assert len(raw) == cumulative[-1]
            for q in (0.5, 0.9, 0.99, 0.999):
                rank = max(1, int(np.ceil(q * len(raw))))
                found = bucket_highest_us(indices[[np.searchsorted(cumulative, rank)]])[0]
                expected = max(1, np.sort(raw)[rank - 1])
                assert abs(found - expected) <= expected * 0.001 + 1
