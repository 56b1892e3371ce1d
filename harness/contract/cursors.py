"""
Log cursors that count: ``25``, ``"25"`` and ``"log_00000025"`` tell of a place in the log.

A cursor is opaque by the documentation. Where it ends in a whole number its lines can be
laid edge to edge; where it does not, nothing is claimed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from harness.contract.response_models import Cursor

_NUMBERED = re.compile(r"([^0-9]{0,64})([0-9]{1,15})", re.ASCII)
"""Longer numbers are no longer exact as floats, and are taken as opaque."""
_NUMBER_MAX = 10**15


class CursorPosition(NamedTuple):
    """
    Where a line stands.

    Attributes:
        series: What precedes the number; only places of one series can be compared.
        number: The number.
    """

    series: str
    number: int


def position_of(cursor: Cursor) -> CursorPosition | None:
    """
    The place that a cursor tells; None when it is opaque.

    >>> place_of("log_00000025")
    Place(series='log_', number=25)
    >>> place_of("c2Vjb25k") is None
    True
    """
    if isinstance(cursor, int):
        return CursorPosition("", cursor) if 0 <= cursor < _NUMBER_MAX else None
    match = _NUMBERED.fullmatch(cursor) if isinstance(cursor, str) else None
    return CursorPosition(match[1], int(match[2])) if match else None


def order_of(cursors: Sequence[Cursor]) -> int | None:
    """
    How a page's lines run: 1 upwards, -1 downwards, 0 neither, None when it cannot be told.

    A cursor that comes twice is an order of neither kind, even among opaque ones.
    """
    given = [cursor for cursor in cursors if cursor is not None]
    if len(set(given)) < len(given):
        return 0
    places = [place for cursor in given if (place := position_of(cursor)) is not None]
    if len(places) < 2 or len(places) < len(cursors) or len({p.series for p in places}) > 1:
        return None
    numbers = [place.number for place in places]
    if numbers == sorted(numbers):
        return 1
    return -1 if numbers == sorted(numbers, reverse=True) else 0
