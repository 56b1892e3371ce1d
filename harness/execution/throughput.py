"""
The trial of a throughput search: each step is a load of its own, all make one trial.

A step is a whole `harness run` against the same target: it ends when its calls have come
to their end and its sessions are closed, so the next one meets a drained queue. What it
recorded becomes a phase of the search's trial, with ``capacity.json`` beside.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console

from harness.analysis.generator import assess_generator
from harness.attempt import ReservedPhase
from harness.cli.capacity_view import print_step, print_throughput
from harness.cli.transport_options import DEFAULT_TRANSPORT, TransportOptions
from harness.cli.verdict import evaluate_measured
from harness.errors import HarnessError, StoppedEarlyError
from harness.execution import target as targets
from harness.execution.load import LoadJob, measure
from harness.execution.load_process import NOTHING_KEPT
from harness.execution.trial_directory import create_directory, discard_directory, link_latest
from harness.exit_codes import ExitCode
from harness.experiments.capacity.document import throughput_document
from harness.experiments.capacity.estimate import Spacing
from harness.experiments.capacity.observe import observe_step
from harness.experiments.capacity.search import RateSearch
from harness.experiments.capacity.steps import Step, StepResult, read_criteria
from harness.plan.file import build_plan
from harness.plan.model import Plan
from harness.plan.slo import Slo, parse_slos
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from harness.trial.batches import bucket_table, distinct, to_ipc
from harness.trial.finalize import finalize_trial
from harness.trial.parts import INTERNAL_WORKERS, PartWriter
from harness.trial.schema import ATTEMPTS, Manifest, PhaseWindow
from harness.trial.store import MANIFEST, Trial, open_trial, write_atomically, write_json

RESULT_FILE = "capacity.json"
EMBEDDED_CONFIG = StandinConfig(workers=4, service="20ms")
"""A stand-in that can do 200 requests a second, so that there is something to find."""
_CALL_IDS_OF_A_STEP = 1 << 48


@dataclass(frozen=True, slots=True)
class ThroughputJob:
    """
    A rate to be found.

    Attributes:
        scenario: Its Locust file.
        slo: What must hold, in the grammar of `harness.plan.slo`.
        plan: Weights, timeouts and the scenarios' settings; its load, retries, probes,
            objectives and faults are the search's own affair.
        host: The target's base URL; "" for the embedded stand-in.
        out: The trial directory; it does not exist yet, or is empty.
        max_per_s, start_per_s, patience: As `RateSearch` has them.
        users: Most calls in flight.
        spacing: Of the arrivals.
        standin: Settings of the embedded stand-in.
        transport_options: How the target is spoken to.
    """

    scenario: Path
    slo: str
    plan: Plan
    host: str
    out: Path
    trial_id: str
    max_per_s: float = 1000.0
    start_per_s: float = 10.0
    users: int = 200
    patience: float = 1.0
    spacing: Spacing = "poisson"
    seed: int = 1
    standin: StandinConfig = EMBEDDED_CONFIG
    transport_options: TransportOptions = DEFAULT_TRANSPORT


@dataclass(slots=True)
class _StepRecord:
    """The steps taken so far, as one trial."""

    out: Path
    manifests: list[Manifest] = field(default_factory=list)
    windows: list[PhaseWindow] = field(default_factory=list)
    interrupted: bool = False


def measure_throughput(job: ThroughputJob, key: str, out: Console, progress: Console) -> ExitCode:
    """
    Search, write the trial, say what was found.

    Raises:
        HarnessError: Nothing could be measured; nothing is left that looks like a trial.
    """
    search, interrupted = search_throughput(job, key, progress)
    evaluate_measured(job.out, out, progress)
    document = throughput_document(search.result(), job.slo, interrupted=interrupted)
    print_throughput(document, job.out / RESULT_FILE, out)
    if interrupted:
        return ExitCode.INTERRUPTED
    known = document["max_rate_per_s"]["estimate"] is not None
    infeasible = document["bound"] == "doomed"
    return ExitCode.PASS if known else ExitCode.FAIL if infeasible else ExitCode.UNKNOWN


def search_throughput(job: ThroughputJob, key: str, progress: Console) -> tuple[RateSearch, bool]:
    """
    Take the steps and write capacity.json; raises as above.

    Returns:
        The search, and whether the operator ended it early.
    """
    slos = parse_slos(job.slo)
    search = RateSearch(
        read_criteria(slos),
        start_per_s=job.start_per_s,
        max_per_s=job.max_per_s,
        patience=job.patience,
        spacing=job.spacing,
    )
    create_directory(job.out)
    steps_record = _StepRecord(job.out)
    try:
        with ExitStack() as stack:
            running = None
            if not job.host:
                running = stack.enter_context(targets.embedded(job.standin))
            while not steps_record.interrupted and (step := search.next_step()) is not None:
                print_step(step, search.eta(), progress)
                result = _run_step(step, job, slos, running, key, steps_record, progress)
                if steps_record.interrupted:
                    break
                search.record(result)
    except StoppedEarlyError:  # before a step's load: the steps before it are kept
        if not steps_record.manifests:
            discard_directory(job.out)
            raise
        steps_record.interrupted = True
    except HarnessError:
        if not steps_record.manifests:
            discard_directory(job.out)
        raise
    _finish(job, steps_record)
    found = throughput_document(search.result(), job.slo, interrupted=steps_record.interrupted)
    write_json(job.out / RESULT_FILE, found)
    link_latest(job.out)
    return search, steps_record.interrupted


def _run_step(
    step: Step,
    job: ThroughputJob,
    slos: tuple[Slo, ...],
    running: Standin | None,
    key: str,
    steps_record: _StepRecord,
    progress: Console,
) -> StepResult:
    """Make one step's load and put it into the record."""
    folder = job.out / "steps" / f"{step.number:02}"
    folder.parent.mkdir(exist_ok=True)
    inner = LoadJob(
        scenario=job.scenario,
        plan=_plan(job, step),
        host=job.host,
        out=folder,
        trial_id=f"{job.trial_id}-{step.number:02}",
        transport_options=job.transport_options,
        running=running,
    )
    with _restoring_signals():
        steps_record.interrupted = measure(inner, key, progress).interrupted
    finalize_trial(folder)
    trial = open_trial(folder)
    if not trial.manifest.phases:
        raise StoppedEarlyError(NOTHING_KEPT)
    attempts = trial.attempts_table()
    _append_step(trial, attempts, step, steps_record)
    frame = attempts.to_pandas()
    load = frame.loc[(frame["phase"] == ReservedPhase.LOAD.value).to_numpy()]
    result = observe_step(
        step,
        load,
        slos,
        start_ns=trial.manifest.phases[0].start_ns,
        saturated=assess_generator(trial.manifest).saturated,
    )
    shutil.rmtree(folder)
    return result


def _plan(job: ThroughputJob, step: Step) -> Plan:
    document = job.plan.model_dump(mode="json", by_alias=True) | {
        "name": "capacity-throughput",
        "description": f"step {step.number}: {step.purpose} at {step.rate_per_s:.4g}/s",
        "seed": job.seed + step.number,
        "load": {
            "users": job.users,
            "phases": [
                {
                    "name": ReservedPhase.LOAD.value,
                    "duration": f"{round(step.duration_s * 1000)}ms",
                    "rate": step.rate_per_s,
                    "spacing": job.spacing,
                }
            ],
        },
        "retry": {"attempts": 1},
        "probes": {"share": 0.0},
        "slo": {"must": []},
        "faults": [],
    }
    return build_plan(document, "the search's plan")


def _append_step(trial: Trial, attempts: pa.Table, step: Step, steps_record: _StepRecord) -> None:
    """Append a step to the trial of the search: its phase, calls and workers by number."""
    name = f"{step.number:02} {step.purpose} {step.rate_per_s:.4g}/s"
    prefix = f"s{step.number:02}-"
    columns = {
        "phase": _renamed(attempts["phase"], {ReservedPhase.LOAD.value: name}),
        "worker": _renamed(attempts["worker"], {name: name for name in INTERNAL_WORKERS}, prefix),
        "call_id": pa.array(
            attempts["call_id"].to_numpy() + np.int64(step.number * _CALL_IDS_OF_A_STEP)
        ),
    }
    for column, values in columns.items():
        attempts = attempts.set_column(ATTEMPTS.get_field_index(column), column, values)
    attempts = attempts.combine_chunks()
    with PartWriter(steps_record.out) as writer:
        for worker in distinct(attempts, "worker"):
            rows = attempts.filter(pc.equal(attempts["worker"].cast(pa.string()), worker))
            writer.append(worker, to_ipc(rows), to_ipc(bucket_table(rows)))
        for event in trial.iter_events():
            if event.kind != "phase":
                worker = f"{prefix}{event.worker}" if event.worker else ""
                writer.event(msgspec.structs.replace(event, worker=worker))
    window = trial.manifest.phases[0]
    steps_record.windows.append(msgspec.structs.replace(window, name=name))
    steps_record.manifests.append(trial.manifest)


def _renamed(column: pa.ChunkedArray, names: dict[str, str], prefix: str = "") -> pa.Array:
    values = [names.get(value, prefix + value) for value in column.to_pylist()]
    return pa.array(values, pa.string()).dictionary_encode()


def _finish(job: ThroughputJob, steps_record: _StepRecord) -> None:
    """Write the manifest over all steps, and make the parts a trial."""
    shutil.rmtree(job.out / "steps", ignore_errors=True)
    first, last = steps_record.manifests[0], steps_record.manifests[-1]
    workers = [
        msgspec.structs.replace(end, worker=f"s{number:02}-{end.worker}")
        for number, manifest in enumerate(steps_record.manifests, 1)
        for end in manifest.workers
    ]
    complete = not steps_record.interrupted and all(
        m.state == "complete" for m in steps_record.manifests
    )
    manifest = msgspec.structs.replace(
        first,
        trial_id=job.trial_id,
        phases=steps_record.windows,
        workers=workers,
        ended_ns=last.ended_ns,
        state="measured" if complete else "interrupted",
    )
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    write_atomically(job.out / MANIFEST, text + b"\n")
    finalize_trial(job.out)


@contextmanager
def _restoring_signals() -> Iterator[None]:
    """A step takes Ctrl-C for itself; afterwards it is what it was."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
