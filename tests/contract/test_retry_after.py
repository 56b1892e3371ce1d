"""Retry-After, by the RFC and beyond."""

from __future__ import annotations

import math
from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contract.retry_after import WAIT_MAX_S, parse_retry_after

EXAMPLE_S = 784111777  # RFC 9110's example: Sun, 06 Nov 1994 08:49:37 GMT
NO_NUMBER = "Retry-After is not a whole number of seconds"
NEITHER = "Retry-After is neither seconds nor an HTTP-date"


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ],
)
def test_the_three_forms_of_a_date_are_read(text):
    """The RFC's own example, 120 s ahead and then past."""
    assert (120.0, "") == parse_retry_after(text, EXAMPLE_S - 120)
    assert (0.0, "") == parse_retry_after(text, EXAMPLE_S + 120)
    assert (WAIT_MAX_S, "Retry-After is longer than a day") == parse_retry_after(
        text, EXAMPLE_S - 86_401
    )


@pytest.mark.parametrize(
    ("text", "seconds", "violation"),
    [("0", 0, ""), ("120", 120, ""), (" 5\t", 5, ""), ("007", 7, ""),
     ("1.5", 1.5, NO_NUMBER), ("2.", 2, NO_NUMBER), (".5", 0.5, NO_NUMBER),
     ("+3", 3, NO_NUMBER),
     ("-1", 0, "Retry-After is negative"), ("-0.5", 0, "Retry-After is negative"),
     ("86400", 86400, ""),
     ("86401", 86400, "Retry-After is longer than a day"),
     ("9" * 60, 86400, "Retry-After is longer than a day")],
)  # fmt: skip
def test_numbers(text, seconds, violation):
    """Whole numbers as in the RFC; others are accepted and reported."""
    assert (seconds, violation) == parse_retry_after(text, 0.0)


@pytest.mark.parametrize(
    "text",
    ["", " ", "soon", "1e3", "0x10", "1, 2", "٣", "1\n2", "inf", "nan", "9" * 65,
     "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0100",
     "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
     "sun, 06 nov 1994 08:49:37 gmt", "1994-11-06T08:49:37Z"],
)  # fmt: skip
def test_nothing_is_guessed(text):
    """What is neither number nor HTTP-date gives no wait."""
    wait = parse_retry_after(text, 0.0)
    assert math.isnan(wait.seconds)
    assert NEITHER == wait.violation


@pytest.mark.parametrize("text", ["Sun, 31 Feb 2027 00:00:00 GMT", "Sun, 00 Mar 2027 00:00:00 GMT"])
def test_days_that_do_not_exist(text):
    """They are reported, not moved into the next month."""
    wait = parse_retry_after(text, 1.8e9)
    assert math.isnan(wait.seconds)
    assert "Retry-After is a date that does not exist" == wait.violation


def test_a_leap_second_is_a_second():
    """:60 is allowed, at the end of a month too."""
    at_s = 1483228800  # 2017-01-01T00:00:00Z, just after a leap second
    assert (10.0, "") == parse_retry_after("Sat, 31 Dec 2016 23:59:60 GMT", at_s - 10)


def test_two_digits_of_a_year_are_no_further_than_fifty_years_ahead():
    """RFC 9110, 5.6.7: otherwise they mean the past, and a wait of none."""
    in_2026 = 1_790_000_000.0
    assert 0.0 == parse_retry_after("Sunday, 06-Nov-94 08:49:37 GMT", in_2026).seconds
    assert WAIT_MAX_S == parse_retry_after("Friday, 06-Nov-76 08:49:37 GMT", in_2026).seconds


@given(st.integers(0, 86_400), st.integers(0, 4_000_000_000))
@settings(max_examples=150, deadline=None)
def test_a_date_written_is_a_date_read(wait_s, now_s):
    """Whatever the day, the wait comes back."""
    header = formatdate(now_s + wait_s, usegmt=True)
    assert (float(wait_s), "") == parse_retry_after(header, float(now_s))


_DATE_LIKE = st.from_regex(
    r"\A(Sun|Monday),? [0-9 -]{1,3}[ -]?(Feb|Nov)[ -][0-9]{2,4} [0-9:]{5,8} GMT\Z"
)


@given(st.text() | _DATE_LIKE, st.floats(0, 4e9))
@settings(max_examples=400, deadline=None)
def test_no_text_makes_it_raise(text, now_s):
    """Any text gives a wait within bounds, or none and a violation."""
    wait = parse_retry_after(text, now_s)
    assert (0 <= wait.seconds <= WAIT_MAX_S) or (math.isnan(wait.seconds) and wait.violation)
