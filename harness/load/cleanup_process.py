"""
``python -m harness.load.cleanup_process``: close what dead processes left in their ledgers.

Prints the number of sessions that could not be closed. Its attempts belong to the trial.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from random import Random

import gevent

import harness.load.arrow_only  # noqa: F401  before pyarrow makes an array
from harness.client.call import ClientContext
from harness.client.ledger import read_outstanding
from harness.client.recorder import Recorder
from harness.client.retries import RetryBudget
from harness.load.generator import CLEANUP_S
from harness.load.session_cleanup import CLEANUP_POLICY, close_sessions
from harness.load.spec import SPEC_VARIABLE, read_key, read_spec
from harness.plan.file import build_plan
from harness.trial.batches import attempts_table, bucket_table, to_ipc
from harness.trial.parts import CLEANUP_PROCESS, PARTS, PartWriter
from harness.wire import connect

_CALL_IDS_FROM = (1 << 60) + (1 << 40)


def main() -> None:
    """Close, record, and print how many are left."""
    spec = read_spec(Path(os.environ[SPEC_VARIABLE]))
    plan = build_plan(spec.plan, "the trial's plan")
    target = spec.target(plan.timeouts, read_key(os.environ, embedded=spec.embedded), direct=True)
    outstanding, _ = read_outstanding(Path(spec.out) / PARTS)
    recorder = Recorder()
    context = ClientContext(
        worker=CLEANUP_PROCESS,
        record=recorder.record,
        policy=CLEANUP_POLICY,
        budget=RetryBudget(1.0),
        sleep=gevent.sleep,
        rng=Random(0),
        next_call_id=_CALL_IDS_FROM + spec.first_call_id,
    )
    left_open = close_sessions(
        outstanding, context, lambda: connect(target, spec.transport), CLEANUP_S
    )
    table = attempts_table(recorder.drain())
    # Without disk space, sessions are closed but not recorded.
    with suppress(OSError), PartWriter(Path(spec.out)) as writer:
        writer.append(CLEANUP_PROCESS, to_ipc(table), to_ipc(bucket_table(table)))
    sys.stdout.write(f"{left_open}\n")


if __name__ == "__main__":
    main()
