"""What stood around a trial's target, and died before the load was over."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack

import msgspec
import pytest

from harness.errors import NothingObservedError
from harness.execution.sidecars import start_sidecars
from harness.plan.model import Plan
from harness.trial.schema import INBOX_LOST, Event

PLAN = Plan.model_validate({"faults": [{"kind": "latency", "latency": "1ms"}]})


@pytest.fixture
def around(tmp_path):
    """An inbox and a proxy before a port that nobody asks."""
    with ExitStack() as stack:
        yield start_sidecars(PLAN, "http://127.0.0.1:9", "t", tmp_path, stack)


def kill(pid):
    """As the kernel does when memory is short."""
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_a_dead_inbox_is_noted_for_the_check(around):
    """The target is not accused of what nobody could hear."""
    kill(around.inbox.pid)
    around.end()

    (line,) = around.events.read_bytes().splitlines()
    assert INBOX_LOST == msgspec.json.decode(line, type=Event).data["lost"]


def test_a_dead_proxy_is_no_fault_of_the_target(around):
    """The refused connections are ours."""
    kill(around.proxy.pid)

    with pytest.raises(NothingObservedError, match="fault proxy died during the load"):
        around.end()
    assert not around.events.exists()


def test_what_lives_is_not_spoken_of(around):
    """Nothing is noted."""
    around.end()

    assert not around.events.exists()
