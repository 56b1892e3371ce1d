"""Lists and counts as people write them."""

from __future__ import annotations

import pytest

from reports.formatting import capitalized, joined, listed, number, plural, signed_percent


@pytest.mark.parametrize(
    ("parts", "said"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_parts_are_joined(parts, said):
    """The last one with a word."""
    assert said == joined(parts)


def test_a_long_list_is_cut():
    """What is left out is counted."""
    assert ("a, b, c", "a, b, c and 2 more") == (listed(list("abc")), listed(list("abcde")))


def test_counts_and_changes():
    """One is no plural, and a minus is a minus."""
    assert ("1 call", "2,000 calls") == (plural(1, "call"), plural(2000, "call"))
    assert ("+5 %", "−4.2 %") == (signed_percent(0.05, 0), signed_percent(-0.042))
    assert ("", "A b") == (capitalized(""), capitalized("a b"))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (12345, "12,345"),
        (12345.6, "12,346"),
        (999.7, "1,000"),
        (97.154, "97.2"),
        (0.23163, "0.232"),
        (99.97, "99.97"),
        (0.9996, "0.9996"),
        (100.0, "100"),
        (-4.2, "−4.2"),
    ],
)
def test_numbers_have_three_digits_and_are_never_the_next_power_of_ten(value, said):
    """99.97 % is not all; thousands are apart, without an exponent, and a minus is a minus."""
    assert said == number(value)
