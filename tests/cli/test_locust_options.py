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
        (["-r", "1"], "the plan decides"),
        (["-Tslow"], "the plan decides"),
        (["--exclude-tags=x"], "the plan decides"),
        (["--config", "locust.conf"], "the plan decides"),
        (["--master-port=1"], "gives that option itself"),
    ],
)
def test_what_the_command_gives_itself_is_not_handed_on(options, instead):
    """Users behind the plan's back: with none of them the load never ended."""
    with pytest.raises(UsageError, match=instead):
        reject_own_options(options)


def test_what_is_locusts_own_is():
    """Its web page, its files, its log."""
    reject_own_options(["--headful", "--web-port", "8089", "--csv", "users", "-L", "INFO"])


@pytest.mark.parametrize(
    ("option", "full"),
    [
        ("--use", "--users"),
        ("--run-t=1s", "--run-time"),
        ("--master-bind-p", "--master-bind-port"),
    ],
)
def test_an_abbreviation_is_no_way_around(option, full):
    """argparse would take it for the whole option."""
    with pytest.raises(UsageError, match=rf"-- {option}: is it {full}\?"):
        reject_own_options([option, "0"])
