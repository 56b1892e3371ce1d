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

from harness.cli import target as targets
from harness.cli.capacity_view import SessionsView, print_sessions
from harness.cli.rescue import rescue
from harness.cli.trial_directory import claim, disclaim, point_latest, write_own
from harness.cli.verdict import judge_measured
from harness.cli.wire_options import PLAIN, Wire
from harness.complaints import complain
from harness.errors import HarnessError, TargetError
from harness.exits import Exit
from harness.experiments.capacity.document import sessions_document
from harness.experiments.capacity.session_words import (
    Action,
    Close,
    Closed,
    Created,
    Open,
    Told,
    Wait,
)
from harness.experiments.capacity.sessions import SessionSearch
from harness.load.actions import Action as Request
from harness.load.actions import Prober, Seen
from harness.load.plan import Plan
from harness.load.plan_file import build_plan
from harness.load.spec import Spec
from harness.recorder import Recorder
from harness.standin.config import StandinConfig
from harness.trial.parts import PREFLIGHT
from harness.trial.store import MANIFEST, write_bytes, write_json
from harness.units import NS_PER_S

SPEC = "spec.json"
RESULT = "capacity.json"
EMBEDDED = StandinConfig(max_sessions=64, release_delay_s=0.05)
_NAP_S = 0.1
_CLOSED = frozenset({"ok", "not_found", "session_closed"})


@dataclass(frozen=True, slots=True)
class SessionsJob:
    """
    A ceiling to be found.

    Attributes:
        host: The target's base URL; "" for the embedded stand-in.
        out: The trial directory; it does not exist yet, or is empty.
        max_sessions, parallel, cycles, races: As `SessionSearch` has them.
        standin: Settings of the embedded stand-in.
        wire: How the target is spoken to.
    """

    host: str
    out: Path
    trial_id: str
    max_sessions: int = 256
    parallel: int = 32
    cycles: int = 20
    races: int = 3
    seed: int = 1
    standin: StandinConfig = EMBEDDED
    wire: Wire = PLAIN


def measure_sessions(job: SessionsJob, key: str, out: Console, progress: Console) -> Exit:
    """
    Find the ceiling, write the trial, say what was found.

    Raises:
        HarnessError: Nothing could be measured; nothing is left that looks like a trial.
    """
    search = hold_sessions(job, key, progress)
    judged = judge_measured(job.out, out, progress)
    print_sessions(search.result(), job.out / RESULT, out)
    if search.stopped:
        return Exit.INTERRUPTED
    return Exit.UNKNOWN if search.result().ceiling is None and not judged else judged


def hold_sessions(job: SessionsJob, key: str, progress: Console) -> SessionSearch:
    """Make the load, close everything, and write capacity.json; raises as above."""
    claim(job.out)
    search = SessionSearch(job.max_sessions, job.trial_id, job.parallel, job.cycles, job.races)
    try:
        with ExitStack() as stack:
            spec = _prepare(job, key, stack)
            _drive(search, job, spec, progress)
            left = rescue(job.out, job.out / SPEC, key, progress, embedded=spec.embedded)
    except HarnessError:
        disclaim(job.out)
        raise
    (job.out / SPEC).unlink(missing_ok=True)
    found = sessions_document(search.result(), leaked=left, interrupted=search.stopped)
    write_json(job.out / RESULT, found)
    point_latest(job.out)
    return search


def _prepare(job: SessionsJob, key: str, stack: ExitStack) -> Spec:
    """See the target alive and the key taken, write the spec."""
    host, embedded = job.host, False
    if not host:
        host, embedded = stack.enter_context(targets.embedded(job.standin)).url, True
    plan = _plan(job)
    spec = Spec(
        trial_id=job.trial_id,
        out=str(job.out),
        scenario="capacity-sessions",
        host=host,
        shown_host=job.host or "stand-in",
        plan=plan.model_dump(mode="json", by_alias=True),
        embedded=embedded,
        **job.wire.to_spec(),
    )
    recorder = Recorder()
    target = spec.target(plan.timeouts.to_timeouts(), key)
    try:
        targets.preflight(target, recorder, key_matters=not embedded)
    finally:
        write_own(job.out, PREFLIGHT, recorder)
    write_bytes(job.out / SPEC, msgspec.json.encode(spec))
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


def _drive(search: SessionSearch, job: SessionsJob, spec: Spec, progress: Console) -> None:
    """Do what the search asks for, until all is closed or the sending process is gone."""
    with (
        Prober(spec, job.out / SPEC, dict(os.environ)) as prober,
        _stopping(search, prober),
        SessionsView(progress, spec.shown_host, job.max_sessions) as view,
    ):
        try:
            while (action := search.next_action()) is not None:
                view.show(search.stage)
                search.tell(_carry_out(action, prober, search))
        except TargetError as error:
            if not (job.out / MANIFEST).is_file():
                raise
            search.stop()
            complain(progress, str(error))


def _carry_out(action: Action, prober: Prober, search: SessionSearch) -> Told:
    if isinstance(action, Wait):
        _wait(action.seconds, search)
        return ()
    if isinstance(action, Open):
        answers = prober.send([Request(0, "create_session", again=k) for k in action.keys])
        return tuple(map(_created, action.keys, answers))
    assert isinstance(action, Close)
    requests = [Request(0, "delete_session", resource_id=i) for i in action.session_ids]
    return tuple(map(_closed, action.session_ids, prober.send(requests)))


def _wait(seconds: float, search: SessionSearch) -> None:
    """Let time pass; a stop that comes meanwhile ends it, one that came before does not."""
    until_s, stopped = time.monotonic() + seconds, search.stopped
    while (left_s := until_s - time.monotonic()) > 0 and search.stopped is stopped:
        time.sleep(min(left_s, _NAP_S))


def _created(key: str, seen: Seen) -> Created:
    return Created(
        key=key,
        outcome=seen.outcome,
        start_s=seen.sent_ns / NS_PER_S,
        end_s=seen.received_ns / NS_PER_S,
        session_id=seen.resource_id if seen.outcome == "ok" else "",
        code=seen.code,
        retry_after_s=float("nan") if seen.retry_after_s is None else seen.retry_after_s,
    )


def _closed(session_id: str, seen: Seen) -> Closed:
    return Closed(
        session_id,
        closed=seen.outcome in _CLOSED,
        end_s=seen.received_ns / NS_PER_S,
        limited=seen.outcome == "rate_limited",
        retry_after_s=float("nan") if seen.retry_after_s is None else seen.retry_after_s,
    )


@contextmanager
def _stopping(search: SessionSearch, prober: Prober) -> Iterator[None]:
    """Ctrl-C and SIGTERM: first the cleanup, then the end of the sending process."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if search.stopped:
            prober.kill()
            return
        search.stop()
        sys.stderr.write(
            "\nharness: stopping: closing sessions, then the report (again: kill)\n"
        )

    before = {number: signal(number, stop) for number in (SIGINT, SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal(number, handler)
