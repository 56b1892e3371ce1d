"""
Actions: single requests at given times, for the labs; and the process that sends them.

A lab thinks in a plain process; the requests leave from another one that has gevent's
clock to itself (`harness.load.lab_sender`). Between them go lines of JSON: a list of
`LabRequest` there, a list of `SendResult` back. This module is the lab's side.
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
"""Said by a lab that has come to its end; an input that ends without it was cut off."""


class LabRequest(msgspec.Struct, frozen=True, array_like=True):
    """
    One request to send.

    Attributes:
        at_ns: When, from the start of the list it is in.
        operation: What to call.
        key: Which API key to carry: 0 the first, 1 the second.
        resource_id: The session or run to speak of; "" for operations without.
        idempotency_key: Idempotency-Key to send. The key of an earlier action repeats that
            action, body included.
            "" takes a new one.
    """

    at_ns: int
    operation: str
    key: int = 0
    resource_id: str = ""
    idempotency_key: str = ""


class SendResult(msgspec.Struct, frozen=True, array_like=True):
    """
    What came of an action.

    Attributes:
        sent_ns, received_ns: Unix ns.
        status: HTTP status; 0 for none.
        code: CLOUD_* code; "" for none.
        outcome: A value of ``harness.contract.outcomes.Outcome``.
        retry_after_s: Seconds; None when absent or unreadable.
        retry_after: The header as it came; None when absent.
        resource_id: The session or run that it made or spoke of.
        idempotency_key: The key it was sent with.
        state: Session state or run status; "" for none.
        ambiguous: It failed, and may have had its effect all the same.
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
    The sending process, as a context; it closes all it opened when the context ends.

    The trial is whole when the context ends in order; after an exception or `interrupt`
    it is an interrupted one.

    Args:
        spec: Target and trial directory; must stand in a file already.
        spec_path: That file.
        environ: Its environment, with the keys.

    Raises:
        TargetError: It died; the message is its own.
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

    def send(self, actions: Sequence[LabRequest]) -> list[SendResult]:
        """Send every action at its time; what came of each, in the same order."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(list(actions)) + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            raise TargetError(f"the sending process ended: {self._last_log_line()}")
        return self._decode(line)

    def interrupt(self) -> None:
        """Have it drop what is under way and close what it opened."""
        self._complete = False
        self._process.terminate()

    def kill(self) -> None:
        """End it at once; what it opened stands in its ledger."""
        self._process.kill()

    def close(self) -> int:
        """
        End it in order: it closes what it opened, and writes the trial's parts.

        Returns:
            Its exit status: 0 when everything is closed.
        """
        process = self._process
        if process.stdin is not None and not process.stdin.closed:
            with suppress(BrokenPipeError):
                if self._complete:
                    process.stdin.write(END_MESSAGE)
                process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=120)
        process.kill()  # which does nothing to one that has ended
        status = reap_process(process)
        if self._log.is_file() and self._log.stat().st_size == 0:
            self._log.unlink()
        return status

    def _last_log_line(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return one_line(lines[-1], 300) if lines else "it said nothing"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        self._complete = self._complete and kind is None
        self.close()
