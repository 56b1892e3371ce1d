"""The sending process of the labs: how the trial stands that it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import msgspec
import pytest

from harness.load.lab_protocol import LabRequest, LabSenderProcess
from harness.load.spec import TrialSpec
from harness.plan.file import build_plan
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin

PLAN = {
    "name": "capacity-sessions",
    "load": {"phases": [{"name": "load", "duration": "1s", "rate": 0}]},
    "retry": {"attempts": 1},
    "slo": {"must": []},
}


@pytest.fixture
def standin():
    running = Standin(StandinConfig())
    yield running
    running.stop()


def _sender(out: Path, host: str) -> LabSenderProcess:
    plan = build_plan(PLAN, "a test's plan").model_dump(mode="json", by_alias=True)
    spec = TrialSpec("t-1", str(out), "lab", host, "stand-in", plan, embedded=True)
    path = out / "spec.json"
    path.write_bytes(msgspec.json.encode(spec))
    return LabSenderProcess(spec, path, dict(os.environ))


def _state(out: Path) -> str:
    return json.loads((out / "manifest.json").read_text())["state"]


def _opened(standin: Standin) -> int:
    return standin.truth()["sessions"]["open"]


def _end_in_order(sender: LabSenderProcess) -> None:
    sender.close()


def _interrupt(sender: LabSenderProcess) -> None:
    sender.interrupt()
    sender.close()


def _interrupt_late(sender: LabSenderProcess) -> None:
    """The end of the input is there before the signal."""
    process = sender._process
    assert process.stdin is not None
    process.send_signal(signal.SIGSTOP)
    process.stdin.close()
    sender.interrupt()
    process.send_signal(signal.SIGCONT)
    sender.close()


def _vanish(sender: LabSenderProcess) -> None:
    """What the process sees of a lab that was killed."""
    assert sender._process.stdin is not None
    sender._process.stdin.close()
    sender.close()


def _fail(sender: LabSenderProcess) -> None:
    with pytest.raises(ZeroDivisionError), sender:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (_end_in_order, "measured"),
        (_interrupt, "interrupted"),
        (_interrupt_late, "interrupted"),
        (_vanish, "interrupted"),
        (_fail, "interrupted"),
    ],
)
def test_only_an_end_message_makes_a_complete_trial(standin, tmp_path, end, state):
    """However it ends, what it opened is closed; only one way makes a complete trial."""
    sender = _sender(tmp_path, standin.url)
    (seen,) = sender.send([LabRequest(0, "create_session")])
    assert seen.outcome == "ok"

    end(sender)

    assert _state(tmp_path) == state
    assert _opened(standin) == 0


def test_interrupt_drops_what_is_under_way(standin, tmp_path):
    """A list that would take a minute ends at once, and its sessions are closed."""
    sender = _sender(tmp_path, standin.url)
    requests = [LabRequest(0, "create_session"), LabRequest(60_000_000_000, "create_session")]
    assert sender._process.stdin is not None
    sender._process.stdin.write(msgspec.json.encode(requests) + b"\n")
    sender._process.stdin.flush()
    while not standin.truth()["requests"].get("create_session"):
        time.sleep(0.05)

    began_s = time.monotonic()
    sender.interrupt()

    assert sender.close() == 0
    assert time.monotonic() - began_s < 30
    assert _state(tmp_path) == "interrupted"
    assert _opened(standin) == 0
