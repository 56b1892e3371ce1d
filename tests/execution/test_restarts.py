"""The fault ``restart``: down at its time, always back, recorded as events."""

from __future__ import annotations

import json
import threading

import pytest

from harness.clock import unix_ns
from harness.errors import StorageError, TargetError, UsageError
from harness.execution.restarts import Restarter
from harness.faults.spec import parse_fault
from harness.trial.parts import PARTS


class Standin:
    """Notes what is done to it; may refuse to come back."""

    def __init__(self, error=None):
        self.error, self.done, self.down = error, [], threading.Event()

    def crash(self):
        """Go down."""
        self.done.append("crash")
        self.down.set()

    def restart(self):
        """Come back."""
        self.done.append("revive")
        if self.error is not None:
            raise self.error


def restarts_of(folder, standin, *texts):
    """The restarts of a trial in that folder."""
    (folder / PARTS).mkdir(exist_ok=True)
    return Restarter(standin, [parse_fault(text) for text in texts], folder)


def edges(folder):
    """The edges in the events."""
    lines = (folder / PARTS / "restarts.events").read_text().splitlines()
    return [(json.loads(line)["data"]["edge"], json.loads(line)["data"]["down"]) for line in lines]


def test_a_load_that_ends_brings_the_standin_back_at_once(tmp_path):
    """It must still find its target, to close what it opened."""
    standin = Standin()
    restarts = restarts_of(tmp_path, standin, "restart:at=0s,down=1h")
    restarts.begin(unix_ns())
    assert standin.down.wait(20)
    restarts.end()

    assert ["crash", "revive"] == standin.done
    assert [("start", "3600s"), ("end", "3600s")] == edges(tmp_path)


def test_a_restart_that_has_not_come_never_comes(tmp_path):
    """The load ended before."""
    standin = Standin()
    restarts = restarts_of(tmp_path, standin, "restart:at=1h")
    restarts.begin(unix_ns())
    restarts.end()
    restarts.cancel()

    assert not standin.done


@pytest.mark.parametrize(
    ("error", "kind"), [(TargetError("no"), TargetError), (OSError(28, "full"), StorageError)]
)
def test_a_standin_that_does_not_come_back_is_reported_at_the_end(tmp_path, error, kind):
    """Not in a thread's traceback; cancelling reports nothing."""
    standin = Standin(error)
    restarts = restarts_of(tmp_path, standin, "restart:at=0s,down=1h")
    restarts.begin(unix_ns())
    assert standin.down.wait(20)
    restarts.cancel()

    with pytest.raises(kind):
        restarts.end()


def test_two_that_overlap_are_refused(tmp_path):
    """The second would kill a stand-in that is down."""
    with pytest.raises(UsageError, match="before the previous one ends"):
        restarts_of(tmp_path, Standin(), "restart:at=1s,down=2s", "restart:at=3s")
