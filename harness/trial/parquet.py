"""Read untrusted Parquet files: check columns, size and text."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from harness.errors import TrialError
from harness.text import one_line
from harness.trial.row_filter import UneventfulFilter, is_one_of

ROWS_MAX = 1_000_000_000
_BATCH_ROWS = 1 << 20

RECOPY_HINT = "the file is damaged: copy the trial again or repeat it"


def read_parquet(
    path: Path,
    schema: pa.Schema,
    columns: Sequence[str] | None = None,
    keep: Mapping[str, Collection[str]] | None = None,
    row_filter: UneventfulFilter | None = None,
) -> pa.Table:
    """
    Read one table of a trial; raise TrialError if it is absent, damaged or of another form.

    Args:
        schema: Required columns; the file may have more.
        columns: Columns to read, in this order; all when None.
        keep: Name column → names of rows to keep; all rows when None.
    """
    wanted = list(columns) if columns is not None else schema.names
    # Otherwise Arrow's allocator keeps the memory of tables read before.
    pa.default_memory_pool().release_unused()
    try:
        with pq.ParquetFile(
            path, thrift_string_size_limit=1 << 28, thrift_container_size_limit=1 << 24
        ) as file:
            _check_columns(path, file.schema_arrow, schema)
            if file.metadata.num_rows > ROWS_MAX:
                raise TrialError(
                    f"{path}: {file.metadata.num_rows} rows, more than {ROWS_MAX}; {RECOPY_HINT}"
                )
            return _select(file, schema, wanted, keep or {}, row_filter)
    except FileNotFoundError as error:
        raise TrialError(
            f"{path} is missing: the trial is not complete; copy it again or repeat it"
        ) from error
    except MemoryError:
        raise  # Arrow's, too: the file is not damaged
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise TrialError(
            f"{path}: not a readable Parquet file ({shorten_error(error)}); {RECOPY_HINT}"
        ) from error


def _check_columns(path: Path, found: pa.Schema, wanted: pa.Schema) -> None:
    wrong = [
        f"{field.name} ({'absent' if kind is None else kind})"
        for field in wanted
        if _value_type(kind := _type_of(found, field.name)) != _value_type(field.type)
    ]
    if wrong:
        raise TrialError(f"{path}: wrong columns {', '.join(wrong)}; use the harness that wrote it")


def _type_of(schema: pa.Schema, name: str) -> pa.DataType | None:
    index = schema.get_field_index(name)
    return None if index < 0 else schema.field(index).type


def _value_type(kind: pa.DataType | None) -> pa.DataType | None:
    """The type of the values: Parquet may return a dictionary with other indices."""
    return kind.value_type if kind is not None and pa.types.is_dictionary(kind) else kind


def _select(
    file: pq.ParquetFile,
    schema: pa.Schema,
    wanted: list[str],
    keep: Mapping[str, Collection[str]],
    row_filter: UneventfulFilter | None,
) -> pa.Table:
    extra = row_filter.columns if row_filter else ()
    read = list(dict.fromkeys([*wanted, *keep, *extra]))
    names = {column: pa.array(sorted(kept), pa.string()) for column, kept in keep.items()}
    parts = []
    for piece in _read_ahead(_read_row_groups(file, schema, read, names)):
        piece.validate(full=True)  # Arrow itself does not check UTF-8
        part = _encode_names(piece, schema)
        if names and not pc.all(kept := _matching_rows(part, names), min_count=0).as_py():
            part = part.filter(kept)
        parts.append((row_filter.keep(part) if row_filter else part).select(wanted))
    if not parts:
        return schema.empty_table().select(wanted)
    return pa.concat_tables(parts).unify_dictionaries()


def _matching_rows(table: pa.Table, names: Mapping[str, pa.Array]) -> pa.ChunkedArray:
    """Rows with one of the names in each of the columns."""
    return functools.reduce(
        pc.and_, (is_one_of(table[column], values) for column, values in names.items())
    )


def _read_ahead(pieces: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same pieces; reads the next one while the caller works on this one."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = reader.submit(next, pieces, None)
            yield piece


def _read_row_groups(
    file: pq.ParquetFile, schema: pa.Schema, columns: list[str], names: Mapping[str, pa.Array]
) -> Iterator[pa.Table]:
    """The file's row groups, or pieces of long ones; skips groups without a kept row."""
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
    """Every name column as a dictionary with int32 indices."""
    kind = pa.dictionary(pa.int32(), pa.string())
    for index, field in enumerate(table.schema):
        if pa.types.is_dictionary(schema.field(field.name).type) and field.type != kind:
            column = table.column(index)
            is_encoded = pa.types.is_dictionary(field.type)
            encoded = column.cast(kind) if is_encoded else column.dictionary_encode()
            table = table.set_column(index, field.name, encoded)
    return table


def shorten_error(error: BaseException) -> str:
    """An error's text in a line of bounded length."""
    return one_line(str(error), 160) or type(error).__name__
