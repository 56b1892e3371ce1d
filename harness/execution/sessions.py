"""
The experiment of ``harness capacity sessions``: the search decides, the sending process acts.

The first Ctrl-C ends the search and closes the open sessions. The second kills the sending
process; the lifecycle then closes the sessions that its ledger lists.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from harness.complaints import complain
from harness.errors import TargetError
from harness.execution.experiment import (
    ActiveTrial,
    Experiment,
    ProgressView,
    SilentView,
    TrialJob,
    build_lab_plan,
)
from harness.execution.load_process import announce_stop
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
from harness.standin.config import StandinConfig
from harness.trial.store import write_json
from harness.units import NS_PER_S

EMBEDDED_CONFIG = StandinConfig(max_sessions=64, release_delay_s=0.05)
RESULT_FILE = "capacity.json"
_POLL_S = 0.1
_CLOSED_OUTCOMES = frozenset({"ok", "not_found", "session_closed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsJob(TrialJob):
    """A session ceiling to find; see `SessionSearch`."""

    standin: StandinConfig = EMBEDDED_CONFIG
    max_sessions: int = 256
    parallel: int = 32
    cycles: int = 20
    races: int = 3
    seed: int = 1


class SessionsExperiment(Experiment):
    """Find the session ceiling; shows each `SearchProgress`."""

    scenario = "capacity-sessions"

    def __init__(self, job: SessionsJob, view: ProgressView | None = None) -> None:
        self.job: SessionsJob = job
        # The search ends before the phase does.
        text = f"sessions opened and held, {job.max_sessions} at most"
        self.plan = build_lab_plan("capacity-sessions", text, job.seed, duration="24h", rate=0)
        self.search = SessionSearch(
            job.max_sessions, job.trial_id, job.parallel, job.cycles, job.races
        )
        self._view = view or SilentView()

    def run(self, trial: ActiveTrial) -> None:
        """Do what the search decides, until all sessions are closed or the sender has died."""
        search = self.search
        with LabSenderProcess(trial.spec, trial.spec_path, dict(os.environ)) as sender:

            def stop(_count: int) -> None:
                if search.stopped:
                    sender.kill()
                else:
                    search.stop()
                    announce_stop()

            trial.signals.stop = stop
            with self._view as view:
                try:
                    while (action := search.next_action()) is not None:
                        view.show(search.stage)
                        search.record(_execute(action, sender, search))
                except TargetError as error:
                    if not self.has_begun():
                        raise
                    search.stop()
                    complain(trial.progress, str(error))

    def write_result(self, left_open: int) -> None:
        """Write capacity.json."""
        search = self.search
        found = sessions_document(search.result(), leaked=left_open, interrupted=search.stopped)
        write_json(self.job.out / RESULT_FILE, found)

    def exit_code(self, evaluated: ExitCode) -> ExitCode:
        """Return the verdict's; unknown where no ceiling was found."""
        if self.search.stopped:
            return ExitCode.INTERRUPTED
        unknown = self.search.result().ceiling is None and evaluated is ExitCode.PASS
        return ExitCode.UNKNOWN if unknown else evaluated


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
    """Wait until the time is over or the search is stopped; an earlier stop does not count."""
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
