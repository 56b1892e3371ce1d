"""Retries and waits over time: how often calls are retried, and which waits the target asks for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from harness.analysis.probes import is_preflight
from harness.units import NS_PER_S

COLUMNS = ("phase", "end_ns", "attempt", "retry_after_s")
"""Columns that `retry_waits_by_second` needs."""


def retry_waits_by_second(attempts: pa.Table, *, step_s: int = 1) -> pd.DataFrame:
    """
    Retries and Retry-After, by the second in which the attempt (at least `COLUMNS`) ended.

    The preflight does not count. Steps begin at multiples of ``step_s``.

    Columns:
        retries     int64    -  attempts after their call's first
        told        int64    -  responses with a Retry-After
        median_s    float64  s  median Retry-After; NaN for none
        longest_s   float64  s  longest Retry-After

        The index ``second`` (Unix, the step's first) has no gaps.
    """
    step = attempts["end_ns"].to_numpy() // (NS_PER_S * step_s)
    kept = ~is_preflight(attempts).to_numpy()
    # Masks cost less than copies of millions of rows.
    ends = np.iinfo(step.dtype)
    first = int(step.min(where=kept, initial=ends.max))
    place = step - first
    steps = max(0, int(place.max(where=kept, initial=ends.min)) + 1)
    wait_s = attempts["retry_after_s"].to_numpy()
    with_retry_after = np.isfinite(wait_s) & kept
    again = (attempts["attempt"].to_numpy() > 1) & kept
    waits = pd.Series(wait_s[with_retry_after]).groupby(place[with_retry_after])
    index = pd.RangeIndex(steps)
    frame = pd.DataFrame(
        {
            "retries": np.bincount(place[again], minlength=steps),
            "told": np.bincount(place[with_retry_after], minlength=steps),
            "median_s": waits.median().reindex(index),
            "longest_s": waits.max().reindex(index),
        },
        index=index,
    )
    frame.index = pd.Index((first + np.arange(steps)) * step_s, name="second")
    return frame
