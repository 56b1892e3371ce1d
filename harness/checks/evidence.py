"""
Decode the evidence column: one JSON text per attempt (docs/reference/trial.md).

A trial has millions of texts, so a check names the keys that it reads, and each distinct
text is decoded once per piece.
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
    """One attempt's evidence; an absent key is None."""

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
    """A decoder of these keys only: fewer keys decode faster."""
    types = get_type_hints(Evidence)
    fields = [(name, types[name], None) for name in names]
    return msgspec.json.Decoder(msgspec.defstruct("Picked", fields, gc=False))


def decode_evidence(texts: pd.Series, names: Sequence[str]) -> pd.DataFrame:
    """
    Decode some keys of many texts: one object column per name, with the index of `texts`.

    An absent key, and a text that is invalid or over 4096 characters, gives None.
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
            # Equal words share one object: some occur a million times.
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
    """Decode counts as float64; NaN where absent."""
    return decode_evidence(texts, names).astype(float)
