"""
Numbered log cursors: ``25``, ``"25"`` and ``"log_00000025"`` are positions in the log.

By the documentation, a cursor is opaque. Where it ends in a whole number, lines can be checked
for gaps. Where it does not, nothing is claimed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from harness.contract.response_models import Cursor

_NUMBERED = re.compile(r"([^0-9]{0,64})([0-9]{1,15})", re.ASCII)
"""Longer numbers are not exact as floats, and count as opaque."""
_NUMBER_MAX = 10**15


class CursorPosition(NamedTuple):
    """The position of a line; only those with the same ``series`` (the prefix) can be compared."""

    series: str
    number: int


def position_of(cursor: Cursor) -> CursorPosition | None:
    """
    The position that a cursor names; None when it is opaque.

    >>> position_of("log_00000025")
    CursorPosition(series='log_', number=25)
    >>> position_of("c2Vjb25k") is None
    True
    """
    if isinstance(cursor, int):
        return CursorPosition("", cursor) if 0 <= cursor < _NUMBER_MAX else None
    match = _NUMBERED.fullmatch(cursor) if isinstance(cursor, str) else None
    return CursorPosition(match[1], int(match[2])) if match else None


def order_of(cursors: Sequence[Cursor]) -> int | None:
    """
    The order of a page's lines: 1 ascending, -1 descending, 0 neither, None unknown.

    A repeated cursor is neither, even among opaque ones.
    """
    given = [cursor for cursor in cursors if cursor is not None]
    if len(set(given)) < len(given):
        return 0
    found = [position for cursor in given if (position := position_of(cursor)) is not None]
    if len(found) < 2 or len(found) < len(cursors) or len({p.series for p in found}) > 1:
        return None
    numbers = [position.number for position in found]
    if numbers == sorted(numbers):
        return 1
    return -1 if numbers == sorted(numbers, reverse=True) else 0
