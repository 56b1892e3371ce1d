"""
The trial of a limiter: the lab says what to send, the sending process sends it.

The directory is a trial like any other, with ``rate_limit.json`` beside. What is known
when the operator interrupts, or the server dies, is written all the same.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
from rich.console import Console

from harness.cli import target as targets
from harness.cli.limiter_answers import Journal, observe
from harness.cli.limiter_view import ProbeView, print_answer, print_plan
from harness.cli.rescue import rescue
from harness.cli.trial_directory import (
    claim,
    disclaim,
    has_begun,
    point_latest,
    write_own,
)
from harness.cli.verdict import judge_measured
from harness.cli.wire_options import PLAIN, Wire
from harness.complaints import complain
from harness.errors import HarnessError, TargetError
from harness.exits import Exit
from harness.experiments.rate_limit.advice import Check, evaluate_check
from harness.experiments.rate_limit.figures_data import figures_data
from harness.experiments.rate_limit.lab import Lab, Setup
from harness.experiments.rate_limit.observations import Observation
from harness.experiments.rate_limit.probes import Probe
from harness.experiments.rate_limit.report import RateLimitReport, check_run
from harness.load.actions import SECOND_KEY_VARIABLE, Action, Prober
from harness.load.plan import Plan
from harness.load.plan_file import build_plan
from harness.load.spec import Spec
from harness.recorder import Recorder
from harness.standin.config import StandinConfig
from harness.trial.parts import PREFLIGHT
from harness.trial.store import write_bytes, write_json

SPEC = "spec.json"
RESULT = "rate_limit.json"
EMBEDDED = StandinConfig(limiter="token-bucket", rate=50.0, burst=20)
CHECK_SHARE = 0.2
"""Share of the attempts kept for the run that shows the advice."""
CHECK_MOST = 400


@dataclass(frozen=True, slots=True)
class LimiterJob:
    """
    A limiter to be measured.

    Attributes:
        host: The target's base URL; "" for the embedded stand-in.
        out: The trial directory; it does not exist yet, or is empty.
        setup: What the lab may do.
        standin: Settings of the embedded stand-in.
        wire: How the target is spoken to.
    """

    host: str
    out: Path
    trial_id: str
    setup: Setup
    seed: int = 1
    standin: StandinConfig = EMBEDDED
    wire: Wire = PLAIN


@dataclass(slots=True)
class _Found:
    """What the probing brought, however it ended."""

    report: RateLimitReport
    check: Check | None = None
    check_attempts: int = 0
    interrupted: bool = False


def measure_limiter(job: LimiterJob, key: str, out: Console, progress: Console) -> Exit:
    """
    Measure, write the trial, say what was found.

    Raises:
        HarnessError: Nothing could be measured; nothing is left that looks like a trial.
        KeyboardInterrupt: A second one, while sessions were being closed: what was measured
            is kept, and with it the ledger of what may be open.
    """
    claim(job.out)
    try:
        with ExitStack() as stack:
            stack.enter_context(_terminable())
            spec = _prepare(job, stack)
            found = _probe(job, spec, progress)
            rescue(job.out, job.out / SPEC, key, progress, embedded=spec.embedded)
    except HarnessError:
        disclaim(job.out)
        raise
    except KeyboardInterrupt:
        if not has_begun(job.out):
            disclaim(job.out)
            raise
        complain(progress, f"stopped; what was measured is kept: harness report {job.out}")
        raise
    (job.out / SPEC).unlink(missing_ok=True)
    document = _document(found)
    write_json(job.out / RESULT, document)
    point_latest(job.out)
    judged = judge_measured(job.out, out, progress)
    print_answer(document, job.out / RESULT, out)
    return _exit(found, judged)


def _exit(found: _Found, judged: Exit) -> Exit:
    if found.interrupted:
        return Exit.INTERRUPTED
    if judged is Exit.FAIL:
        return Exit.FAIL
    limited, fit = found.report.limited, found.report.fit
    return Exit.UNKNOWN if limited is None or (limited and fit is None) else Exit.PASS


def _document(found: _Found) -> dict[str, Any]:
    report = found.report
    document = report.to_json()
    document["attempts"] = len(report.observations) + found.check_attempts
    document["check_run"] = found.check._asdict() if found.check else None
    document["figures"] = figures_data(report)._asdict()
    return document


def _prepare(job: LimiterJob, stack: ExitStack) -> Spec:
    """See the target alive, write the spec. Nothing that could use the limit up is sent."""
    host, embedded = job.host, False
    if not host:
        standin = stack.enter_context(targets.embedded(job.standin))
        host, embedded = standin.url, True
    spec = Spec(
        trial_id=job.trial_id,
        out=str(job.out),
        scenario="ratelimit",
        host=host,
        shown_host=job.host or "stand-in",
        plan=_plan(job).model_dump(mode="json", by_alias=True),
        embedded=embedded,
        **job.wire.to_spec(),
    )
    recorder = Recorder()
    timeouts = _plan(job).timeouts.to_timeouts()
    try:
        targets.preflight(spec.target(timeouts, ""), recorder, key_matters=False)
    finally:
        write_own(job.out, PREFLIGHT, recorder)
    write_bytes(job.out / SPEC, msgspec.json.encode(spec))
    return spec


def _plan(job: LimiterJob) -> Plan:
    seconds = max(1, round(job.setup.max_seconds))
    document = {
        "name": "ratelimit",
        "description": f"probes of the limiter of {job.setup.operation}",
        "seed": job.seed,
        "load": {"phases": [{"name": "load", "duration": f"{seconds}s", "rate": 1}]},
        "retry": {"attempts": 1},
        "slo": {"must": []},
    }
    return build_plan(document, "the lab's plan")


def _probe(job: LimiterJob, spec: Spec, progress: Console) -> _Found:
    """Drive the lab to its end, then run the check of its advice."""
    spare = min(CHECK_MOST, round(CHECK_SHARE * job.setup.max_attempts))
    lab = Lab(replace(job.setup, max_attempts=job.setup.max_attempts - spare))
    print_plan(lab.plan(), spare, job.setup.operation, spec.shown_host, progress)
    environ = dict(os.environ)
    if spec.embedded:
        environ.pop(SECOND_KEY_VARIABLE, None)
    interrupted = False
    check: Check | None = None
    seen: list[Observation] = []
    with Prober(spec, job.out / SPEC, environ) as prober:
        try:
            with (
                Journal(job.out) as journal,
                ProbeView(progress, job.setup.max_attempts) as view,
            ):
                _explore(lab, prober, journal, view)
                probe = check_run(lab.result())
                if probe is not None:
                    shots = probe.shots[: spare + max(0, lab.attempts_left)]
                    probe = Probe(probe.name, probe.why, shots)
                    seen = _send(prober, probe, journal, view)
                    check = evaluate_check(seen)
        except TargetError as error:
            if not lab.attempts:
                raise
            complain(progress, str(error))
        except KeyboardInterrupt:
            interrupted = True
            sys.stderr.write("\nharness: stopping: closing sessions, then the report\n")
            prober.interrupt()
    return _Found(lab.result(), check, len(seen), interrupted)


def _explore(lab: Lab, prober: Prober, journal: Journal, view: ProbeView) -> None:
    first = True
    while (probe := lab.next()) is not None:
        seen = _send(prober, probe, journal, view, key_matters=first)
        first = False
        lab.tell(seen)


def _send(
    prober: Prober,
    probe: Probe,
    journal: Journal,
    view: ProbeView,
    *,
    key_matters: bool = False,
) -> list[Observation]:
    view.begin(probe)
    actions = [Action(s.intended_ns, s.operation, s.key) for s in probe.shots]
    answers = prober.send(actions)
    if key_matters:
        _judge_first({answer.outcome for answer in answers}, prober.spec.shown_host)
    seen = [
        observe(shot.intended_ns, shot.purpose, action, answer)
        for shot, action, answer in zip(probe.shots, actions, answers, strict=False)
    ]
    journal.note(probe, seen)
    view.end(seen)
    return seen


def _judge_first(outcomes: set[str], host: str) -> None:
    """See by the first answers that the key is taken, and by an API."""
    if outcomes == {"auth_failed"}:
        raise TargetError(
            f"{host} refuses the API key (401); check OPENSTEER_API_KEY and its scheme (--auth)"
        )
    if outcomes == {"invalid_response"}:
        raise TargetError(
            f"{host} does not answer as the Opensteer API does; is this its base URL?"
        )


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the probing as Ctrl-C does."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
