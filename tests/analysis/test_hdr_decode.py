"""Histograms decoded many at a time say what HdrHistogram's own decoder says."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis import hdr_decode
from harness.analysis.hdr_decode import BUCKET_COUNT, decode
from harness.errors import TrialError
from harness.trial.histograms import bucket_indices, new_histogram

HOUR_US = 3_600_000_000


def encode(values_us):
    """A sample as the reference implementation encodes it."""
    histogram = new_histogram()
    for value in values_us:
        assert histogram.record_value(value)
    return histogram.encode()


def test_a_few_known_values():
    """1 µs, 3 µs twice and one hour stand in bins 1, 3 and the last in use."""
    found = decode([encode([3, 1, 3]), encode([HOUR_US])])

    assert [0, 0, 1] == found.row.tolist()
    assert [1, 3, int(bucket_indices(np.array([HOUR_US]))[0])] == found.bucket.tolist()
    assert [1, 2, 1] == found.counts.tolist()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, HOUR_US), max_size=12), max_size=6),
    st.sampled_from([1, 20, 1 << 20]),
)
def test_many_histograms_agree_with_the_reference_decoder(samples, chunk_bytes):
    """Row, bin and count of every value, however the work is cut into chunks."""
    kept, hdr_decode._CHUNK_BYTES = hdr_decode._CHUNK_BYTES, chunk_bytes
    try:
        found = decode([encode(sample) for sample in samples])
    finally:
        hdr_decode._CHUNK_BYTES = kept
    expected = [
        (row, int(index), count)
        for row, sample in enumerate(samples)
        for index, count in zip(*_counted(sample), strict=True)
    ]

    assert expected == [tuple(map(int, cell)) for cell in zip(*found, strict=True)]


def test_a_large_count_is_kept():
    """A counter that needs six bytes is read in full."""
    histogram = new_histogram()
    histogram.record_value(7, 10**12)

    assert [10**12] == decode([histogram.encode()]).counts.tolist()


def test_no_histogram_is_no_cell():
    """Nothing in, nothing out."""
    assert [0, 0, 0] == [len(column) for column in decode([])]


def _blob(payload, *, cookie=0x1C849303 | 0x10, digits=3, highest=HOUR_US):
    inner = hdr_decode._INNER.pack(cookie, len(payload), 0, digits, 1, highest, 1.0) + payload
    packed = zlib.compress(inner)
    return base64.b64encode(hdr_decode._OUTER.pack(0x1C849304 | 0x10, len(packed)) + packed)


def test_the_hand_made_blob_is_good():
    """The blobs below are damaged in just the one way that is meant: this one is not."""
    assert [(0, 2, 5)] == [
        tuple(map(int, cell)) for cell in zip(*decode([_blob(bytes([0x03, 0x0A]))]), strict=True)
    ]


@pytest.mark.parametrize(
    "blob",
    [
        None,
        b"",
        b"not base64!",
        base64.b64encode(b"short"),
        encode([1, 2, 3])[:-8],
        _blob(bytes([0x0A]), cookie=0x1C849301),
        _blob(bytes([0x0A]), digits=2),
        _blob(bytes([0x0A]), highest=2 * HOUR_US),
        _blob(bytes([0x8A])),
        _blob(bytes([0xFF] * 9 + [0x01])),
        _blob(bytes([0xFD, 0xFF, 0xFF, 0xFF, 0x0F, 0x0A])),
        _blob(bytes([0x0A]) * (BUCKET_COUNT + 1)),
        _blob(b"\x00" * 10_000_000),
    ],
    ids=[
        "null",
        "empty",
        "no base64",
        "short",
        "cut",
        "cookie",
        "digits",
        "range",
        "open number",
        "long number",
        "far zeros",
        "too many bins",
        "bomb",
    ],
)
def test_untrusted_bytes_are_a_trial_error(blob):
    """A blob that is no histogram of ours is refused, never decoded into nonsense."""
    with pytest.raises(TrialError, match=r"intervals\.parquet"):
        decode([blob])


def _counted(sample):
    return np.unique(bucket_indices(np.array(sample, np.int64)), return_counts=True)
