"""
Single requests at given times, for the labs, and the process that sends them.

A lab runs in a plain process; `harness.load.lab_sender` sends from another one that runs gevent.
They exchange lines of JSON: a list of `LabRequest` there, a list of `SendResult` back.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from harness.errors import TargetError
from harness.launcher import module_command
from harness.load.spec import SPEC_VARIABLE, TrialSpec
from harness.subprocesses import reap_process
from harness.text import one_line

SECOND_KEY_VARIABLE = "OPENSTEER_API_KEY_2"
END_MESSAGE = b"null\n"
"""The lab's last message; an input that ends without it was cut off."""


class LabRequest(msgspec.Struct, frozen=True, array_like=True):
    """
    One request to send.

    Attributes:
        at_ns: When, from the start of its list.
        key: Which API key: 0 the first, 1 the second.
        resource_id: Session or run; "" for operations without one.
        idempotency_key: Idempotency-Key. The key of an earlier request repeats that request,
            body included. "" makes a new key.
    """

    at_ns: int
    operation: str
    key: int = 0
    resource_id: str = ""
    idempotency_key: str = ""


class SendResult(msgspec.Struct, frozen=True, array_like=True):
    """
    The result of a request.

    Attributes:
        sent_ns, received_ns: Unix ns.
        status: HTTP status; 0 for none.
        code: CLOUD_* code; "" for none.
        retry_after_s: Seconds; None when absent or unreadable.
        retry_after: The header's text; None when absent.
        state: Session state or run status; "" for none.
        ambiguous: It failed, and may have had its effect.
    """

    sent_ns: int
    received_ns: int
    status: int
    code: str
    outcome: str
    retry_after_s: float | None
    retry_after: str | None
    resource_id: str
    idempotency_key: str
    state: str
    ambiguous: bool


class LabSenderProcess:
    """
    The sending process as a context; it closes all it opened at the end.

    The trial is complete when the context ends in order, else interrupted. ``spec_path`` holds the
    ``spec``, ``environ`` the keys. Methods raise TargetError, with its message, if it ended early.
    """

    def __init__(self, spec: TrialSpec, spec_path: Path, environ: dict[str, str]) -> None:
        self.spec = spec
        self._log = Path(spec.out) / "load.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                module_command("harness.load.lab_sender"),
                env={**environ, SPEC_VARIABLE: str(spec_path)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._decode = msgspec.json.Decoder(list[SendResult]).decode
        self._complete = True

    def send(self, requests: Sequence[LabRequest]) -> list[SendResult]:
        """Send every request at its time; the results are in the same order."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(list(requests)) + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            raise TargetError(f"the sending process ended: {self._last_log_line()}")
        return self._decode(line)

    def interrupt(self) -> None:
        """Drop requests under way and close what it opened."""
        self._complete = False
        self._process.terminate()

    def kill(self) -> None:
        """Kill it; its ledger lists what it opened."""
        self._process.kill()

    def close(self) -> int:
        """End it in order; returns its exit status, 0 when everything is closed."""
        process = self._process
        if process.stdin is not None and not process.stdin.closed:
            with suppress(BrokenPipeError):
                if self._complete:
                    process.stdin.write(END_MESSAGE)
                process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=120)
        process.kill()  # no effect if it has ended
        status = reap_process(process)
        if self._log.is_file() and self._log.stat().st_size == 0:
            self._log.unlink()
        return status

    def _last_log_line(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return one_line(lines[-1], 300) if lines else "no output"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        self._complete = self._complete and kind is None
        self.close()
