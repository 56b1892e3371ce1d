"""
Batches: rows of attempts become Arrow tables, and tables become interval histograms.

A generator turns the attempts of a fraction of a second into one attempt table
and one *bucket table*: its interval histograms as sparse counts. Both are small,
self-contained and add up: the bucket tables of N workers, concatenated, are the
bucket table of the whole.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from harness.attempt import Attempt
from harness.trial.histograms import IntArray, bucket_indices
from harness.trial.merge import Merger
from harness.trial.schema import ATTEMPTS, INTERVALS
from harness.units import NS_PER_S

BUCKETS = pa.schema(
    [
        *[
            INTERVALS.field(name)
            for name in ("second", "phase", "operation", "outcome", "metric")
        ],
        pa.field("bucket", pa.int32()),
        pa.field("count", pa.int64()),
    ]
)
BLOB_BYTES_MAX = 1 << 30
"""No batch is as large by far; a length beyond it is damage."""

_LENGTH = struct.Struct("<Q")
_codec = pa.Codec("zstd", compression_level=1)
_LABELS = ("phase", "operation", "outcome")


def attempts_table(rows: Sequence[Attempt]) -> pa.Table:
    """The rows as a table of schema `ATTEMPTS`, in their order."""
    if not rows:
        return ATTEMPTS.empty_table()
    columns = zip(*rows, strict=True)
    arrays = [
        _dictionary(column)
        if pa.types.is_dictionary(field.type)
        else pa.array(column, field.type)
        for field, column in zip(ATTEMPTS, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=ATTEMPTS)


def _dictionary(column: Sequence[str]) -> pa.DictionaryArray:
    # A dict look-up a value is several times cheaper than letting Arrow hash each string.
    codes: dict[str, int] = {}
    indices = [codes.setdefault(value, len(codes)) for value in column]
    return pa.DictionaryArray.from_arrays(
        pa.array(indices, pa.int32()), pa.array(codes, pa.string())
    )


def bucket_table(attempts: pa.Table) -> pa.Table:
    """
    The interval histograms of a table of attempts, as sparse counts (schema `BUCKETS`).

    An attempt counts in the Unix second in which it ended, once under ``service``
    and once under ``response``.
    """
    if not len(attempts):
        return BUCKETS.empty_table()
    attempts = attempts.unify_dictionaries().combine_chunks()
    second = attempts["end_ns"].to_numpy() // NS_PER_S
    labels = [attempts[name].combine_chunks() for name in _LABELS]
    group = np.unique(
        np.stack([second, *(array.indices.to_numpy(zero_copy_only=False) for array in labels)]),
        axis=1,
        return_inverse=True,
    )
    tables = [
        _buckets_of(metric, attempts[f"{metric}_us"].to_numpy(), group, labels)
        for metric in ("service", "response")
    ]
    return pa.concat_tables(tables, promote_options="default")


def _buckets_of(
    metric: str,
    values_us: IntArray,
    group: tuple[IntArray, IntArray],
    labels: Sequence[pa.DictionaryArray],
) -> pa.Table:
    keys, member = group
    combined = (member.reshape(-1).astype(np.int64) << 32) | bucket_indices(values_us)
    distinct, counts = np.unique(combined, return_counts=True)
    of_group = keys[:, distinct >> 32]
    named = [
        pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), array.dictionary)
        for codes, array in zip(of_group[1:], labels, strict=True)
    ]
    metrics = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(len(distinct), np.int32)), pa.array([metric])
    )
    arrays = [pa.array(of_group[0]), *named, metrics]
    arrays += [pa.array((distinct & 0xFFFFFFFF).astype(np.int32)), pa.array(counts)]
    return pa.Table.from_arrays(arrays, schema=BUCKETS)


def intervals_table(attempts: pa.Table) -> pa.Table:
    """The intervals of a table of attempts in one step (schema `INTERVALS`)."""
    merger = Merger()
    merger.add(bucket_table(attempts))
    return merger.intervals()


def to_ipc(table: pa.Table) -> bytes:
    """
    A table as one self-contained blob: its length, then its Arrow IPC stream in zstd.

    Compressing the stream as a whole costs a fifth of compressing its 60 buffers one by
    one, and comes out smaller.
    """
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    plain = sink.getvalue()
    packed: bytes = _codec.compress(plain, asbytes=True)
    return _LENGTH.pack(plain.size) + packed


def from_ipc(blob: bytes, schema: pa.Schema) -> pa.Table:
    """
    Read a table that `to_ipc` wrote.

    Raises:
        ValueError: The bytes are no such table, or one of another schema.
    """
    try:
        (length,) = _LENGTH.unpack_from(blob)
        if length > BLOB_BYTES_MAX:
            raise ValueError(f"a damaged batch: {length} bytes long")
        plain = _codec.decompress(memoryview(blob)[_LENGTH.size :], length)
        with pa.ipc.open_stream(plain) as reader:
            table = reader.read_all()
        # Arrow believes what it reads; an offset beyond its buffer would be read all the same.
        table.validate(full=True)
    except (pa.ArrowException, OSError, struct.error) as error:
        raise ValueError(f"a damaged batch: {error}") from error
    if not table.schema.equals(schema):
        msg = "a batch of another schema; all workers must run the same version of the harness"
        raise ValueError(msg)
    return table


def distinct(table: pa.Table, column: str) -> list[str]:
    """The distinct values of a name column, sorted."""
    values: list[str] = sorted(pc.unique(table[column].cast(pa.string())).to_pylist())
    return values
