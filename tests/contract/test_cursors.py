"""Cursors that count, and the order of a page's lines."""

from __future__ import annotations

import pytest

from harness.contract.cursors import CursorPosition, order_of, position_of


@pytest.mark.parametrize(
    ("cursor", "place"),
    [
        (25, CursorPosition("", 25)),
        ("25", CursorPosition("", 25)),
        ("log_00000025", CursorPosition("log_", 25)),
        ("", None),
        (None, None),
        (-1, None),
        (10**15, None),
        ("log_", None),
        ("25a", None),
        ("a1b2", None),
        ("9" * 16, None),
        ("x" * 65 + "1", None),
        ("٢٥", None),
    ],
)
def test_a_cursor_tells_a_place_where_it_ends_in_a_whole_number(cursor, place):
    """One run of digits at the end; more than 15, another script or none is opaque."""
    assert place == position_of(cursor)


@pytest.mark.parametrize(
    ("cursors", "order"),
    [
        (["log_1", "log_2", "log_10"], 1),
        ([3, 2, 1], -1),
        (["1", "3", "2"], 0),
        (["1", "2", "2"], 0),
        (["b", "a", "b"], 0),
        (["b", "a"], None),
        (["a1", "b2"], None),
        (["1", None, "3"], None),
        (["1"], None),
        ([], None),
    ],
)
def test_the_order_of_a_page(cursors, order):
    """Up, down, neither (a repeated cursor is neither, opaque or not), or unknown."""
    assert order == order_of(cursors)
