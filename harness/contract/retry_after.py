"""
Retry-After: how long a refused client should wait.

RFC 9110, section 10.2.3: delta-seconds or an HTTP-date (section 5.6.7: three forms, all of which
a recipient must read). More is read than the RFC allows, since an intended wait is better than
none, but every deviation is a violation.
"""

from __future__ import annotations

import math
import re
from calendar import timegm
from time import gmtime
from typing import NamedTuple

WAIT_MAX_S = 86_400.0
"""The longest wait accepted: one day."""

_TEXT_MAX = 64  # characters; the longest HTTP-date has 33
_DELTA = re.compile(r"[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_CLOCK = r"(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9]|60)"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
_DATES = (
    re.compile(rf"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_CLOCK} GMT"),
    re.compile(rf"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_CLOCK} GMT"),
    re.compile(rf"{_DAY} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_CLOCK} (?P<year>[0-9]{{4}})"),
)


class RetryAfter(NamedTuple):
    """
    The wait from now, 0 to `WAIT_MAX_S`, and how the header breaks the RFC ("": it does not).

    The wait is NaN if the header cannot be read.
    """

    seconds: float
    violation: str


def parse_retry_after(text: str, now_unix_s: float) -> RetryAfter:
    """
    Read the value of a Retry-After header.

    ``now_unix_s`` is when the response arrived. A date in the past is a wait of 0 and no violation.
    """
    text = text[: _TEXT_MAX + 1].strip(" \t")
    if len(text) <= _TEXT_MAX:
        if _DELTA.fullmatch(text):
            return _cap(float(text), "")
        if _NUMBER.fullmatch(text):
            return _cap(float(text), "Retry-After is not a whole number of seconds")
        for pattern in _DATES:
            if match := pattern.fullmatch(text):
                return _until(match, now_unix_s)
    return RetryAfter(math.nan, "Retry-After is neither seconds nor an HTTP-date")


def _cap(seconds: float, violation: str) -> RetryAfter:
    if seconds < 0:
        return RetryAfter(0.0, "Retry-After is negative")
    if seconds > WAIT_MAX_S:
        return RetryAfter(WAIT_MAX_S, "Retry-After is longer than a day")
    return RetryAfter(seconds, violation)


def _until(match: re.Match[str], now_unix_s: float) -> RetryAfter:
    year = int(match["year"])
    if len(match["year"]) == 2:
        year = _century(year, now_unix_s)
    day = int(match["day"])
    month = _MONTHS.index(match["month"]) + 1
    clock = (int(match["hour"]), int(match["minute"]), int(match["second"]))
    try:
        at_s = timegm((year, month, day, *clock))
    except ValueError:  # the year 0
        return RetryAfter(math.nan, "Retry-After is a date that does not exist")
    if gmtime(at_s - (clock[2] == 60))[1:3] != (month, day):  # 31 February, 00 March
        return RetryAfter(math.nan, "Retry-After is a date that does not exist")
    return _cap(max(0.0, at_s - now_unix_s), "")


def _century(year: int, now_unix_s: float) -> int:
    """A two-digit year over 50 years ahead is the latest past one (RFC 9110, 5.6.7)."""
    this_year = gmtime(now_unix_s).tm_year
    full = this_year - this_year % 100 + year
    return full - 100 if full > this_year + 50 else full
