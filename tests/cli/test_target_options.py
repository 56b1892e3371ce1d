"""The options of a target: declared once, the same for every command that talks to one."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest

from harness.cli.commands import COMMANDS
from harness.cli.lazy import load_command
from harness.cli.target_options import TargetOptions, takes_target
from harness.errors import UsageError
from harness.execution.transport_options import TransportOptions

NAMES = [field.name for field in fields(TargetOptions)]


def leaves(command):
    """A command, or the commands of a group."""
    below = getattr(command, "commands", {})
    return [leaf for one in below.values() for leaf in leaves(one)] or [command]


@pytest.mark.parametrize("name", ["run", "ratelimit", "capacity", "conform", "doctor"])
def test_every_command_that_talks_to_a_target_has_them_all(name):
    for command in leaves(load_command(name, COMMANDS[name])):
        assert set(NAMES) <= {param.name for param in command.params}


def test_a_command_gets_them_as_one_value():
    """In the place of its parameter ``target``, the others around it stay."""
    seen = []

    @takes_target
    def command(before: int, target: TargetOptions, after: str = "x") -> None:
        seen.append((before, target, after))

    assert ["before", *NAMES, "after"] == list(inspect.signature(command).parameters)
    given = {name: getattr(TargetOptions(), name) for name in NAMES}
    command(before=1, after="y", **given | {"host": "http://127.0.0.1:1", "insecure": True})
    ((before, target, after),) = seen
    assert (1, "y", TransportOptions(verify=False)) == (before, after, target.transport_options)
    assert "http://127.0.0.1:1" == target.check_host()


def test_options_that_contradict_each_other_are_refused():
    with pytest.raises(UsageError, match="--proxy and --http2 need --transport httpx"):
        _ = TargetOptions(http2=True).transport_options
    with pytest.raises(UsageError, match="add --allow-host"):
        TargetOptions(host="https://api.example.com").check_host()
    assert "" == TargetOptions().check_host()


def test_the_wire_becomes_a_target_with_the_key_in_its_headers():
    target = TransportOptions("httpx", "bearer", "ca.pem", verify=False, http2=True).to_target(
        "http://h", "k"
    )

    assert ("http://h", "ca.pem", False, None, True) == (
        target.base_url, target.ca_file, target.verify, target.proxy, target.http2,
    )  # fmt: skip
    assert ("authorization", "Bearer k") in target.headers
