"""Options behind ``--``."""

from __future__ import annotations

import pytest

from harness.cli.locust_options import reject_own_options
from harness.errors import UsageError


@pytest.mark.parametrize(
    ("options", "instead"),
    [
        (["-u", "0"], "--users N before the --"),
        (["--csv", "x", "-u5"], "--users N"),
        (["--users=5"], "--users N"),
        (["--host", "http://example.com"], "--host URL"),
        (["-H", "http://example.com"], "--host URL"),
        (["--run-time", "1s"], "--duration"),
        (["--processes", "2"], "--processes N"),
        (["--worker"], "--worker HOST"),
    ],
)
def test_what_the_command_gives_itself_is_not_handed_on(options, instead):
    """Users behind the plan's back: with none of them the load never ended."""
    with pytest.raises(UsageError, match=instead):
        reject_own_options(options)


def test_what_is_locusts_own_is():
    """Its web page, its files, its log."""
    reject_own_options(["--headful", "--web-port", "8089", "--csv", "users", "-L", "INFO"])
