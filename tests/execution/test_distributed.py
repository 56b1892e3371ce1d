"""Addresses of a master: HOST, HOST:PORT, or [IPv6]:PORT."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.execution.distributed import coordinator_options, parse_address
from harness.plan.model import Plan


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lead", ("lead", 5557)),
        ("lead:1", ("lead", 1)),
        ("10.0.0.1:65535", ("10.0.0.1", 65535)),
        ("[::1]:80", ("::1", 80)),
        ("::1", ("::1", 5557)),
    ],
)
def test_an_address_is_read(text, expected):
    """The port is Locust's own where none is given."""
    assert expected == parse_address(text, "--bind")


@pytest.mark.parametrize("text", ["", ":80", "a b:1", "lead:", "lead:x", "lead:0", "lead:65536"])
def test_what_is_no_address_is_refused(text):
    """The message names the option."""
    with pytest.raises(UsageError, match="--worker"):
        parse_address(text, "--worker")


def test_a_master_waits_for_no_more_workers_than_there_are_users():
    """Each of them needs one."""
    plan = Plan.model_validate({"load": {"users": 2}})
    options = coordinator_options(2, "127.0.0.1:7", "http://127.0.0.1:9", plan)

    assert ["--master", "--expect-workers", "2"] == options[:3]
    assert ["--master-bind-host", "127.0.0.1", "--master-bind-port", "7"] == options[3:]
    with pytest.raises(UsageError, match="--master 3: 2 users are too few"):
        coordinator_options(3, "127.0.0.1:7", "http://127.0.0.1:9", plan)
