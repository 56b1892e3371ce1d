"""
Decode many HdrHistograms at a time.

A long trial has tens of thousands of interval histograms; decoding them one by one into 23 552
counters takes half a minute. Here payloads are concatenated and decoded in one pass of array
arithmetic into `BucketCounts`, which has only the counters that are not zero.

The bins are those of ``harness.trial.histograms`` (three significant digits, unit 1 µs)::

    index      0 … 2047   2048 … 3071   3072 … 4095   …
    width, µs      1           2             4        …

The payload (V2 encoding): ZigZag LEB128 numbers of at most 9 bytes; a positive one is the next
counter, a negative one counts zeros.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.errors import TrialError
from harness.trial.schema import HDR_BUCKETS, HDR_DIGITS, HDR_HIGHEST_US, HDR_LOWEST_US

_HALF_BITS = 10
BUCKET_COUNT = HDR_BUCKETS

_OUTER = struct.Struct(">II")
_INNER = struct.Struct(">IIIIQQd")
_OUTER_COOKIE, _INNER_COOKIE = 0x1C849304, 0x1C849303
_COOKIE_MASK = ~0xF0 & 0xFFFFFFFF
_BLOB_BYTES_MAX = 1 << 20
_PAYLOAD_BYTES_MAX = _INNER.size + 9 * BUCKET_COUNT
_CHUNK_BYTES = 1 << 17
_NUMBER_BYTES_MAX = 9

Ints = NDArray[np.int64]


class BucketCounts(NamedTuple):
    """
    The non-zero counters of many histograms.

    Attributes:
        row: The histogram's place in the input; ascending. int32.
        bucket: Index of the counter, 0 … `BUCKET_COUNT` - 1; ascending within a row. int16.
        counts: Values in the bucket, at least 1. int64.
    """

    row: NDArray[np.int32]
    bucket: NDArray[np.int16]
    counts: Ints


def decode(blobs: Iterable[bytes]) -> BucketCounts:
    """
    Decode histograms in HdrHistogram's V2 compressed, base64 form.

    Raises TrialError with the row of a blob that is no histogram with our range and digits.
    """
    parts: list[BucketCounts] = []
    chunk: list[bytes] = []
    size = first = 0
    for number, blob in enumerate(blobs):
        payload = _unpack(blob, number)
        chunk.append(payload)
        size += len(payload)
        if size >= _CHUNK_BYTES:
            parts.append(_decode_chunk(chunk, first))
            chunk, size, first = [], 0, number + 1
    parts.append(_decode_chunk(chunk, first))
    return BucketCounts(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def bucket_middle_us(indices: Ints) -> Ints:
    """Middle value of each bin, in µs; HdrHistogram's means use it."""
    shift = np.maximum((indices >> _HALF_BITS) - 1, 0)
    middle: Ints = ((indices - (shift << _HALF_BITS)) << shift) + ((1 << shift) >> 1)
    return middle


def _unpack(blob: bytes, number: int) -> bytes:
    """The counters' bytes of one blob; checks headers and size."""
    try:
        return _payload(blob)
    except (binascii.Error, struct.error, zlib.error, ValueError) as error:
        raise TrialError(
            f"intervals.parquet, row {number}: no histogram ({error}); copy the trial again"
        ) from error


def _payload(blob: bytes) -> bytes:
    if blob is None or len(blob) > _BLOB_BYTES_MAX:
        raise ValueError("absent or too long")
    raw = base64.b64decode(blob)
    cookie, length = _OUTER.unpack_from(raw)
    if cookie & _COOKIE_MASK != _OUTER_COOKIE or length != len(raw) - _OUTER.size:
        raise ValueError("not HdrHistogram's V2 compressed form")
    packer = zlib.decompressobj()
    data = packer.decompress(raw[_OUTER.size :], _PAYLOAD_BYTES_MAX)
    if not packer.eof:
        raise ValueError("truncated or too long")
    cookie, length, _, digits, lowest, highest, _ = _INNER.unpack_from(data)
    if cookie & _COOKIE_MASK != _INNER_COOKIE or length != len(data) - _INNER.size:
        raise ValueError("its payload is damaged")
    if (digits, lowest, highest) != (HDR_DIGITS, HDR_LOWEST_US, HDR_HIGHEST_US):
        raise ValueError(f"range {lowest} to {highest} with {digits} digits is not ours")
    payload = data[_INNER.size :]
    if payload and payload[-1] & 0x80:
        raise ValueError("its last counter is cut off")
    return payload


def _decode_chunk(payloads: list[bytes], first: int) -> BucketCounts:
    """Decode payloads; ``first`` is the row number of the first."""
    row_of_byte_end = np.cumsum([len(payload) for payload in payloads], dtype=np.int64)
    values, ends = _decode_numbers(np.frombuffer(b"".join(payloads), np.uint8), first)
    upto = np.searchsorted(ends, row_of_byte_end)
    row = np.repeat(np.arange(len(payloads)), np.diff(upto, prepend=0))
    if len(values) and (steps := np.where(values < 0, -values, 1)).max() > BUCKET_COUNT:
        raise TrialError(_out_of_range(first + int(row[np.argmax(steps)])))
    if not len(values):
        empty = np.empty(0, np.int64)
        return BucketCounts(empty.astype(np.int32), empty.astype(np.int16), empty)
    after = np.cumsum(steps)
    before_row = np.concatenate(([0], after))[np.concatenate(([0], upto[:-1]))]
    index = after - steps - before_row[row]
    if (outside := index + steps > BUCKET_COUNT).any():
        raise TrialError(_out_of_range(first + int(row[np.argmax(outside)])))
    seen = values > 0
    return BucketCounts(
        (row[seen] + first).astype(np.int32), index[seen].astype(np.int16), values[seen]
    )


def _decode_numbers(data: NDArray[np.uint8], first: int) -> tuple[Ints, Ints]:
    """ZigZag LEB128 numbers and the index of each one's last byte."""
    # A ninth byte would carry eight bits; counters stay below 2**55, so it is refused.
    ends = np.flatnonzero(data < 0x80)
    starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
    if len(ends) and (ends - starts).max() >= _NUMBER_BYTES_MAX - 1:
        raise TrialError(_out_of_range(first))
    raw = (data[starts] & 0x7F).astype(np.int64)
    longer, more = np.arange(len(starts)), ends - starts
    for place in range(1, _NUMBER_BYTES_MAX):  # few numbers have three bytes
        longer = longer[more[longer] >= place]
        if not len(longer):
            break
        raw[longer] |= (data[starts[longer] + place] & 0x7F).astype(np.int64) << (7 * place)
    return (raw >> 1) ^ -(raw & 1), ends


def _out_of_range(row: int) -> str:
    return f"intervals.parquet, near row {row}: a histogram beyond its range; copy the trial again"
