"""Our buckets are HdrHistogram's."""

from __future__ import annotations

import numpy as np
from hdrh.histogram import HdrHistogram

from harness.analysis.hdr_decode import BUCKET_COUNT, bucket_middle_us
from harness.trial.histograms import bucket_indices

HOUR_US = 3_600_000_000


def test_our_bins_are_hdrhistograms():
    """The number of bins and the middle of each agree with the reference."""
    histogram = HdrHistogram(1, HOUR_US, 3)
    values = np.array([1, 2047, 2048, 2049, 4096, 123_456, 1_000_000, HOUR_US])

    assert histogram.counts_len == BUCKET_COUNT
    assert [histogram._hdr_median_equiv_value(v) for v in values.tolist()] == (
        bucket_middle_us(bucket_indices(values)).tolist()
    )
