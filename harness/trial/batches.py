"""
Batches: attempts become Arrow tables, and tables become interval histograms.

A generator turns the attempts of a fraction of a second into one attempt table and one *bucket
table*: interval histograms as sparse counts. Bucket tables of N workers add up by concatenation.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harness.attempt import Attempt
from harness.trial.histograms import bucket_indices
from harness.trial.schema import ATTEMPTS, INTERVALS
from harness.units import NS_PER_S

BUCKETS = pa.schema(
    [
        *[INTERVALS.field(name) for name in ("second", "phase", "operation", "outcome", "metric")],
        pa.field("bucket", pa.int32()),
        pa.field("count", pa.int64()),
    ]
)
BLOB_BYTES_MAX = 1 << 30
"""A longer batch is damaged."""

_LENGTH = struct.Struct("<Q")
_codec = pa.Codec("zstd", compression_level=1)
_LABELS = ("phase", "operation", "outcome")
_METRICS = pa.array(["service", "response"])
_COUNTED = ["end_ns", *_LABELS, "service_us", "response_us"]
_BUCKET_BITS = 15
_BUCKET_MASK = (1 << _BUCKET_BITS) - 1


def attempts_table(rows: Sequence[Attempt]) -> pa.Table:
    """The rows as a table of schema `ATTEMPTS`."""
    if not rows:
        return ATTEMPTS.empty_table()
    arrays = [
        _encode_dictionary(column)
        if pa.types.is_dictionary(field.type)
        else pa.array(column, field.type)
        for field, column in zip(ATTEMPTS, zip(*rows, strict=True), strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=ATTEMPTS)


def _encode_dictionary(column: Sequence[str]) -> pa.DictionaryArray:
    if column.count(column[0]) == len(column):  # most columns have one value
        return _dictionary_array(np.zeros(len(column), np.int32), pa.array(column[:1], pa.string()))
    # A dict look-up is several times cheaper than Arrow's hash of each string.
    codes: dict[str, int] = {}
    indices = [codes.setdefault(value, len(codes)) for value in column]
    return _dictionary_array(np.array(indices, np.int32), pa.array(codes, pa.string()))


def _dictionary_array(codes: NDArray[Any], names: pa.Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32, copy=False)), names)


def bucket_table(attempts: pa.Table) -> pa.Table:
    """
    The interval histograms of a table of attempts, as sparse counts (schema `BUCKETS`).

    An attempt counts in the Unix second in which it ended, under ``service`` and ``response``.
    """
    if not len(attempts):
        return BUCKETS.empty_table()
    counted = attempts.select(_COUNTED).unify_dictionaries().combine_chunks()
    second = counted["end_ns"].to_numpy() // NS_PER_S
    first = second.min()
    labels = [counted[name].chunk(0) for name in _LABELS]
    # One integer identifies a histogram, so that counting is one sort.
    group = second - first
    for label in labels:
        group = group * len(label.dictionary) + label.indices.to_numpy()
    count = group.max() + 1
    keys = [
        group + count * place << _BUCKET_BITS | bucket_indices(counted[f"{metric}_us"].to_numpy())
        for place, metric in enumerate(_METRICS)
    ]
    distinct, counts = np.unique(np.concatenate(keys), return_counts=True)
    metric, group = np.divmod(distinct >> _BUCKET_BITS, count)
    arrays = [pa.array(counts), pa.array((distinct & _BUCKET_MASK).astype(np.int32))]
    arrays.append(_dictionary_array(metric, _METRICS))
    for label in labels[::-1]:
        group, code = np.divmod(group, len(label.dictionary))
        arrays.append(_dictionary_array(code, label.dictionary))
    arrays.append(pa.array(group + first))
    return pa.Table.from_arrays(arrays[::-1], schema=BUCKETS)


def to_ipc(table: pa.Table) -> bytes:
    """
    A table as one blob: its length, then its Arrow IPC stream in zstd.

    Compressing the complete stream is five times faster than compressing its 60 buffers.
    """
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    plain = sink.getvalue()
    packed: bytes = _codec.compress(plain, asbytes=True)
    return _LENGTH.pack(plain.size) + packed


def from_ipc(blob: bytes, schema: pa.Schema) -> pa.Table:
    """Read a table from `to_ipc`; raises ValueError for other bytes or another schema."""
    try:
        (length,) = _LENGTH.unpack_from(blob)
        if length > BLOB_BYTES_MAX:
            raise ValueError(f"a damaged batch: {length} bytes long")
        plain = _codec.decompress(memoryview(blob)[_LENGTH.size :], length)
        with pa.ipc.open_stream(plain) as reader:
            table = reader.read_all()
        # Arrow itself does not check offsets.
        table.validate(full=True)
    except (pa.ArrowException, OSError, struct.error) as error:
        raise ValueError(f"a damaged batch: {error}") from error
    if not table.schema.equals(schema):
        raise ValueError(
            "a batch of another schema; all workers must run the same version of the harness"
        )
    return table
