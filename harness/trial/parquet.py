"""
Parquet files from another hand: columns, size and text are checked before they are believed.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from harness.errors import TrialError
from harness.text import one_line

ROWS_MAX = 1_000_000_000
_BATCH_ROWS = 1 << 20

RECOPY_HINT = "the file is damaged: copy the trial again or repeat it"


class RowFilter(Protocol):
    """Says of each piece of a file which rows stay; needs ``columns`` for it."""

    columns: Sequence[str]

    def keep(self, table: pa.Table) -> pa.Table:
        """The rows that stay."""


def read_parquet(
    path: Path,
    schema: pa.Schema,
    columns: Sequence[str] | None = None,
    keep: Mapping[str, Collection[str]] | None = None,
    row_filter: RowFilter | None = None,
) -> pa.Table:
    """
    Read one table of a trial.

    Args:
        path: The file.
        schema: What it must hold; it may hold more.
        columns: Which to read, in this order; all when None.
        keep: Name column → the names whose rows are kept; every row when None.
        row_filter: What else decides which rows are kept; pieces come to it in order.

    Raises:
        TrialError: The file is absent, damaged, too long, or has other columns.
    """
    wanted = list(columns) if columns is not None else schema.names
    # What was read before and dropped would otherwise stay with Arrow's allocator.
    pa.default_memory_pool().release_unused()
    try:
        with pq.ParquetFile(
            path, thrift_string_size_limit=1 << 28, thrift_container_size_limit=1 << 24
        ) as file:
            _check_columns(path, file.schema_arrow, schema)
            if file.metadata.num_rows > ROWS_MAX:
                msg = f"{path}: {file.metadata.num_rows} rows, more than {ROWS_MAX}; {RECOPY_HINT}"
                raise TrialError(msg)
            return _select(file, schema, wanted, keep or {}, row_filter)
    except FileNotFoundError as error:
        msg = f"{path} is missing: not a whole trial; copy it again or repeat it"
        raise TrialError(msg) from error
    except MemoryError:
        raise  # of Arrow's, too; the file is none the worse for it
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        msg = f"{path}: not a readable Parquet file ({shorten_error(error)}); {RECOPY_HINT}"
        raise TrialError(msg) from error


def _check_columns(path: Path, found: pa.Schema, wanted: pa.Schema) -> None:
    wrong = [
        f"{field.name} ({'absent' if kind is None else kind})"
        for field in wanted
        if _value_type(kind := _type_of(found, field.name)) != _value_type(field.type)
    ]
    if wrong:
        msg = f"{path}: wrong columns {', '.join(wrong)}; use the harness that wrote it"
        raise TrialError(msg)


def _type_of(schema: pa.Schema, name: str) -> pa.DataType | None:
    index = schema.get_field_index(name)
    return None if index < 0 else schema.field(index).type


def _value_type(kind: pa.DataType | None) -> pa.DataType | None:
    """The type of the values: Parquet may hand a dictionary back with other indices."""
    return kind.value_type if kind is not None and pa.types.is_dictionary(kind) else kind


def _select(
    file: pq.ParquetFile,
    schema: pa.Schema,
    wanted: list[str],
    keep: Mapping[str, Collection[str]],
    row_filter: RowFilter | None,
) -> pa.Table:
    extra = row_filter.columns if row_filter else ()
    read = list(dict.fromkeys([*wanted, *keep, *extra]))
    names = {column: pa.array(sorted(kept), pa.string()) for column, kept in keep.items()}
    parts = []
    for piece in _read_ahead(_read_row_groups(file, schema, read, names)):
        piece.validate(full=True)  # Arrow itself trusts that text is UTF-8
        part = _encode_names(piece, schema)
        if names and not pc.all(kept := _matching_rows(part, names), min_count=0).as_py():
            part = part.filter(kept)
        parts.append((row_filter.keep(part) if row_filter else part).select(wanted))
    if not parts:
        return schema.empty_table().select(wanted)
    return pa.concat_tables(parts).unify_dictionaries()


def _matching_rows(table: pa.Table, names: Mapping[str, pa.Array]) -> pa.ChunkedArray:
    """Which rows have one of the names in each of the columns."""
    return functools.reduce(
        pc.and_, (is_one_of(table[column], values) for column, values in names.items())
    )


def is_one_of(column: pa.ChunkedArray, names: pa.Array) -> pa.ChunkedArray:
    """Where a name column has one of the names; each distinct name is looked at once."""
    chunks = []
    for chunk in column.chunks:
        known = pc.is_in(chunk.dictionary, value_set=names)
        chunks.append(pc.fill_null(known.take(chunk.indices), fill_value=False))
    return pa.chunked_array(chunks, pa.bool_())


def _read_ahead(pieces: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same pieces; one is read while the one before it is worked on."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = reader.submit(next, pieces, None)
            yield piece


def _read_row_groups(
    file: pq.ParquetFile, schema: pa.Schema, columns: list[str], names: Mapping[str, pa.Array]
) -> Iterator[pa.Table]:
    """
    The file in tables of bounded length: its row groups, which are read fastest whole.

    Of a group without a row that is kept nothing but the names is read.
    """
    for number in range(file.num_row_groups):
        if file.metadata.row_group(number).num_rows > _BATCH_ROWS:
            for batch in file.iter_batches(_BATCH_ROWS, [number], columns):
                yield pa.Table.from_batches([batch])
        elif not names or _has_matching_rows(
            file.read_row_group(number, list(names)), schema, names
        ):
            yield file.read_row_group(number, columns)


def _has_matching_rows(heads: pa.Table, schema: pa.Schema, names: Mapping[str, pa.Array]) -> bool:
    heads.validate(full=True)
    return bool(pc.any(_matching_rows(_encode_names(heads, schema), names)).as_py())


def _encode_names(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Every name column as a dictionary with int32 indices, whatever the file had."""
    kind = pa.dictionary(pa.int32(), pa.string())
    for index, field in enumerate(table.schema):
        if pa.types.is_dictionary(schema.field(field.name).type) and field.type != kind:
            column = table.column(index)
            plain = column.cast(kind) if pa.types.is_dictionary(field.type) else None
            encoded = plain if plain is not None else column.dictionary_encode()
            table = table.set_column(index, field.name, encoded)
    return table


def shorten_error(error: BaseException) -> str:
    """An error's text in a line of bounded length."""
    return one_line(str(error), 160) or type(error).__name__
