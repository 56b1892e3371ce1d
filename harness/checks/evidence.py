"""
Evidence read back: what the client wrote down of each attempt beside its columns.

It is JSON of a bounded kind (docs/reference/trial.md), a text an attempt, millions of them; so
a check names the keys that it wants, and each distinct text is decoded once a piece.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, get_type_hints

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

_EVIDENCE_CHARS_MAX = 4096
_PIECE_ROWS = 1 << 13
_WORDS_MAX = 1 << 16

Cursor = str | int | None


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """One attempt's evidence, as in docs/reference/trial.md; what is absent is None."""

    state: str | None = None
    status: str | None = None
    webhook: bool | None = None
    events: tuple[str, ...] | None = None
    body: str | None = None
    probe: str | None = None
    sent: int | None = None
    imported: int | None = None
    inserted: int | None = None
    updated: int | None = None
    skipped: int | None = None
    fresh: int | None = None
    same: int | None = None
    newer: int | None = None
    older: int | None = None
    cursor: Cursor = None
    next: Cursor = None
    first: Cursor = None
    last: Cursor = None
    lines: int | None = None
    limit: int | None = None
    digest: str | None = None
    ascending: bool | None = None


@cache
def _decoder(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """A decoder of these keys alone: the fewer are built, the faster."""
    types = get_type_hints(Evidence)
    fields = [(name, types[name], None) for name in names]
    return msgspec.json.Decoder(msgspec.defstruct("Picked", fields, gc=False))


def decode_evidence(texts: pd.Series, names: Sequence[str]) -> pd.DataFrame:
    """
    Decode some keys of many evidence texts, in bounded memory beside what they say.

    What cannot be read (no JSON, other types, over 4096 characters) tells nothing.

    Columns:
        one a name  object  as in `Evidence`, None where absent; the index is `texts`'
    """
    decode = _decoder(tuple(names)).decode
    columns = {name: np.full(len(texts), None, dtype=object) for name in names}
    words: dict[str, str] = {}
    for first in range(0, len(texts), _PIECE_ROWS):
        piece = slice(first, first + _PIECE_ROWS)
        codes, distinct = pd.factorize(texts.iloc[piece])
        decoded = _decode_all(decode, np.asarray(distinct, dtype=object))
        for name, column in columns.items():
            values = [None if one is None else getattr(one, name) for one in decoded]
            # Of equal words one object: some are told a million times.
            shared = [words.setdefault(v, v) if type(v) is str else v for v in values]
            # A missing text has the code -1 and reads the last, which is None.
            column[piece] = np.fromiter([*shared, None], dtype=object)[codes]
        if len(words) > _WORDS_MAX:
            words.clear()
    return pd.DataFrame(columns, index=texts.index, dtype=object)


def _decode_all(decode: Callable[[str], Any], texts: npt.NDArray[np.object_]) -> list[Any]:
    try:
        return [decode(t) if 0 < len(t) <= _EVIDENCE_CHARS_MAX else None for t in texts]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [_decode_one(decode, text) for text in texts]


def _decode_one(decode: Callable[[str], Any], text: str) -> Any:
    if len(text) > _EVIDENCE_CHARS_MAX:
        return None
    try:
        return decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def decode_numbers(texts: pd.Series, names: Sequence[str]) -> pd.DataFrame:
    """
    Decode counts.

    Columns:
        one a name  float64  NaN where absent; the index is that of `texts`
    """
    return decode_evidence(texts, names).astype(float)
