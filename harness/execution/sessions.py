"""
The trial of the session ceiling: the search says what to do, the sending process does it.

The directory is a trial like any other, with ``capacity.json`` beside. Ctrl-C ends the
search and closes everything that is open; a second one kills the sending process, and
what its ledger still holds is closed by the next.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGTERM, signal
from types import FrameType

import msgspec
from rich.console import Console

from harness.cli.capacity_view import SessionsView, print_sessions
from harness.cli.transport_options import DEFAULT_TRANSPORT, TransportOptions
from harness.cli.verdict import evaluate_measured
from harness.client.recorder import Recorder
from harness.complaints import complain
from harness.errors import HarnessError, TargetError
from harness.execution import target as targets
from harness.execution.orphans import close_orphans
from harness.execution.trial_directory import (
    append_own_attempts,
    create_directory,
    discard_directory,
    link_latest,
)
from harness.exit_codes import ExitCode
from harness.experiments.capacity.document import sessions_document
from harness.experiments.capacity.messages import (
    Action,
    CreateResult,
    CreateSessions,
    DeleteResult,
    DeleteSessions,
    Results,
    Wait,
)
from harness.experiments.capacity.sessions import SessionSearch
from harness.load.lab_protocol import LabRequest as Request
from harness.load.lab_protocol import LabSenderProcess, SendResult
from harness.load.spec import TrialSpec
from harness.plan.file import build_plan
from harness.plan.model import Plan
from harness.standin.config import StandinConfig
from harness.trial.parts import PREFLIGHT
from harness.trial.store import MANIFEST, write_atomically, write_json
from harness.units import NS_PER_S

SPEC_FILE = "spec.json"
RESULT_FILE = "capacity.json"
EMBEDDED_CONFIG = StandinConfig(max_sessions=64, release_delay_s=0.05)
_POLL_S = 0.1
_CLOSED_OUTCOMES = frozenset({"ok", "not_found", "session_closed"})


@dataclass(frozen=True, slots=True)
class SessionsJob:
    """
    A ceiling to be found.

    Attributes:
        host: The target's base URL; "" for the embedded stand-in.
        out: The trial directory; it does not exist yet, or is empty.
        max_sessions, parallel, cycles, races: As `SessionSearch` has them.
        standin: Settings of the embedded stand-in.
        transport_options: How the target is spoken to.
    """

    host: str
    out: Path
    trial_id: str
    max_sessions: int = 256
    parallel: int = 32
    cycles: int = 20
    races: int = 3
    seed: int = 1
    standin: StandinConfig = EMBEDDED_CONFIG
    transport_options: TransportOptions = DEFAULT_TRANSPORT


def measure_sessions(job: SessionsJob, key: str, out: Console, progress: Console) -> ExitCode:
    """
    Find the ceiling, write the trial, say what was found.

    Raises:
        HarnessError: Nothing could be measured; nothing is left that looks like a trial.
    """
    search = search_sessions(job, key, progress)
    judged = evaluate_measured(job.out, out, progress)
    print_sessions(search.result(), job.out / RESULT_FILE, out)
    if search.stopped:
        return ExitCode.INTERRUPTED
    return ExitCode.UNKNOWN if search.result().ceiling is None and not judged else judged


def search_sessions(job: SessionsJob, key: str, progress: Console) -> SessionSearch:
    """Make the load, close everything, and write capacity.json; raises as above."""
    create_directory(job.out)
    search = SessionSearch(job.max_sessions, job.trial_id, job.parallel, job.cycles, job.races)
    try:
        with ExitStack() as stack:
            spec = _prepare(job, key, stack)
            _run_search(search, job, spec, progress)
            left_open = close_orphans(
                job.out, job.out / SPEC_FILE, key, progress, embedded=spec.embedded
            )
    except HarnessError:
        discard_directory(job.out)
        raise
    (job.out / SPEC_FILE).unlink(missing_ok=True)
    found = sessions_document(search.result(), leaked=left_open, interrupted=search.stopped)
    write_json(job.out / RESULT_FILE, found)
    link_latest(job.out)
    return search


def _prepare(job: SessionsJob, key: str, stack: ExitStack) -> TrialSpec:
    """See the target alive and the key taken, write the spec."""
    host, embedded = job.host, False
    if not host:
        host, embedded = stack.enter_context(targets.embedded(job.standin)).url, True
    plan = _plan(job)
    spec = TrialSpec(
        trial_id=job.trial_id,
        out=str(job.out),
        scenario="capacity-sessions",
        host=host,
        shown_host=job.host or "stand-in",
        plan=plan.model_dump(mode="json", by_alias=True),
        embedded=embedded,
        **job.transport_options.to_spec(),
    )
    recorder = Recorder()
    target = spec.target(plan.timeouts, key)
    try:
        targets.preflight(target, recorder, key_matters=not embedded)
    finally:
        append_own_attempts(job.out, PREFLIGHT, recorder)
    write_atomically(job.out / SPEC_FILE, msgspec.json.encode(spec))
    return spec


def _plan(job: SessionsJob) -> Plan:
    document = {
        "name": "capacity-sessions",
        "description": f"sessions opened and held, {job.max_sessions} at most",
        "seed": job.seed,
        # It ends when it knows enough; no phase of it is over before.
        "load": {"phases": [{"name": "load", "duration": "24h", "rate": 0}]},
        "retry": {"attempts": 1},
        "slo": {"must": []},
    }
    return build_plan(document, "the lab's plan")


def _run_search(
    search: SessionSearch, job: SessionsJob, spec: TrialSpec, progress: Console
) -> None:
    """Do what the search asks for, until all is closed or the sending process is gone."""
    with (
        LabSenderProcess(spec, job.out / SPEC_FILE, dict(os.environ)) as sender,
        _handle_signals(search, sender),
        SessionsView(progress, spec.shown_host, job.max_sessions) as view,
    ):
        try:
            while (action := search.next_action()) is not None:
                view.show(search.stage)
                search.record(_execute(action, sender, search))
        except TargetError as error:
            if not (job.out / MANIFEST).is_file():
                raise
            search.stop()
            complain(progress, str(error))


def _execute(action: Action, sender: LabSenderProcess, search: SessionSearch) -> Results:
    if isinstance(action, Wait):
        _wait(action.seconds, search)
        return ()
    if isinstance(action, CreateSessions):
        results = sender.send(
            [Request(0, "create_session", idempotency_key=k) for k in action.keys]
        )
        return tuple(map(_create_result, action.keys, results))
    assert isinstance(action, DeleteSessions)
    requests = [Request(0, "delete_session", resource_id=i) for i in action.session_ids]
    return tuple(map(_delete_result, action.session_ids, sender.send(requests)))


def _wait(seconds: float, search: SessionSearch) -> None:
    """Let time pass; a stop that comes meanwhile ends it, one that came before does not."""
    until_s, stopped = time.monotonic() + seconds, search.stopped
    while (left_s := until_s - time.monotonic()) > 0 and search.stopped is stopped:
        time.sleep(min(left_s, _POLL_S))


def _create_result(key: str, result: SendResult) -> CreateResult:
    return CreateResult(
        key=key,
        outcome=result.outcome,
        start_s=result.sent_ns / NS_PER_S,
        end_s=result.received_ns / NS_PER_S,
        session_id=result.resource_id if result.outcome == "ok" else "",
        code=result.code,
        retry_after_s=float("nan") if result.retry_after_s is None else result.retry_after_s,
    )


def _delete_result(session_id: str, result: SendResult) -> DeleteResult:
    return DeleteResult(
        session_id,
        closed=result.outcome in _CLOSED_OUTCOMES,
        end_s=result.received_ns / NS_PER_S,
        limited=result.outcome == "rate_limited",
        retry_after_s=float("nan") if result.retry_after_s is None else result.retry_after_s,
    )


@contextmanager
def _handle_signals(search: SessionSearch, sender: LabSenderProcess) -> Iterator[None]:
    """Ctrl-C and SIGTERM: first the cleanup, then the end of the sending process."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if search.stopped:
            sender.kill()
            return
        search.stop()
        sys.stderr.write("\nharness: stopping: closing sessions, then the report (again: kill)\n")

    before = {number: signal(number, stop) for number in (SIGINT, SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal(number, handler)
