"""
(c) What each stage of an attempt costs, in CPU µs a request of the generator.

The same requests are sent to nginx with one stage more each time; a stage's cost is the
difference to the rung below, as medians of alternating rounds. Wire: bytes out and in.
Client: the call, its key, policy and budget, validation of the answer included; it is
measured by itself as well, on the answer alone. Record: the attempt handed to the
recorder. Log: attempts and histograms as Arrow batches, compressed, on disk.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.servers import ANSWER, NGINX, Nginx

USERS, REQUESTS, ROUNDS = 32, 40_000, 5


def _ladder(url: str) -> dict[str, float]:
    """One round, in this process: rung → CPU µs a request."""
    import gevent

    from harness.client.call import ClientContext
    from harness.client.ledger import Ledger
    from harness.client.opensteer_client import ExpectedCounts, OpensteerClient
    from harness.client.recorder import Recorder
    from harness.client.retries import RetryBudget, RetryPolicy
    from harness.clock import unix_ns
    from harness.contract.interpretation import interpret
    from harness.contract.operations import request_target
    from harness.load.generator import BATCH_ROWS
    from harness.trial.batches import attempts_table, bucket_table, to_ipc
    from harness.trial.parts import PartWriter
    from harness.wire import Request, Target, Transport, connect
    from harness.workload.entries import EntryPool

    body = EntryPool(1).batch([(0, 1)])
    address = Target(url, headers=(("x-api-key", "osk_bench"),))
    path = request_target("import_selector_cache")
    transports = [connect(address) for _ in range(USERS)]
    request = Request("POST", path, body, "bench-1-1")

    def crowd(work: Callable[[Transport, int], None], after: Callable[[], Any]) -> float:
        began = time.process_time()
        jobs = [gevent.spawn(work, line, REQUESTS // USERS) for line in transports]
        gevent.joinall(jobs, raise_error=True)
        after()
        return 1e6 * (time.process_time() - began) / REQUESTS

    def send(line: Transport, times: int) -> None:
        for _ in range(times):
            response = line.exchange(request, unix_ns() + 10**10)
            assert response.status == 200, response

    def caller(record: Callable[..., None]) -> Callable[[Transport, int], None]:
        context = ClientContext(
            "w", record, RetryPolicy(), RetryBudget(0.1), gevent.sleep, Random(1)
        )

        def call(line: Transport, times: int) -> None:
            client = OpensteerClient(line, context, Ledger())
            for number in range(times):
                key = f"bench-{number}-1"
                assert client.import_selector_cache(body, key, ExpectedCounts(fresh=1)).ok

        return call

    def drain(recorder: Recorder, folder: str) -> None:
        with PartWriter(Path(folder)) as writer:
            while rows := recorder.drain(BATCH_ROWS):
                table = attempts_table(rows)
                writer.append("w", to_ipc(table), to_ipc(bucket_table(table)))

    answer = ANSWER.encode()
    crowd(send, lambda: None)
    rungs = {"wire": crowd(send, lambda: None)}
    began = time.process_time()
    for _ in range(REQUESTS):
        interpret("import_selector_cache", 200, answer)
    rungs["validation"] = 1e6 * (time.process_time() - began) / REQUESTS
    rungs["client"] = crowd(caller(lambda _attempt: None), lambda: None)
    rungs["record"] = crowd(caller(Recorder().record), lambda: None)
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as folder:
        rungs["log"] = crowd(caller(recorder.record), lambda: drain(recorder, folder))
    return rungs


def bench() -> str:
    """Measure; the section's text."""
    if not Path(NGINX).is_file() or (os.cpu_count() or 1) < 2:
        return "Skipped: it needs nginx (`make test-deps`) and two cores."
    rounds: list[dict[str, float]] = []
    with Nginx(core=0) as server:
        for _ in range(ROUNDS):
            command = ["taskset", "-c", "1", sys.executable, "-m", "benchmarks.stages"]
            out = subprocess.run([*command, server.url], capture_output=True, check=True).stdout
            rounds.append(json.loads(out))
    rung = {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}
    steps = {
        "wire: request out, answer in": rung["wire"],
        "client: call, key, policy, budget, evidence": (
            rung["client"] - rung["wire"] - rung["validation"]
        ),
        "validation of the answer": rung["validation"],
        "record: into the buffer": rung["record"] - rung["client"],
        "log: Arrow batches and histograms, compressed, written": rung["log"] - rung["record"],
    }
    lines = [
        f"Medians of {ROUNDS} rounds of {REQUESTS:,} requests, {USERS} connections; differences",
        "between rungs of a ladder, so that a small one may drown in the noise.",
        "",
        "| stage | CPU µs a request | share |",
        "| --- | ---: | ---: |",
    ]
    for name, cost in steps.items():
        lines.append(f"| {name} | {cost:.2f} | {100 * cost / rung['log']:.0f} % |")
    lines.append(f"| all of them | {rung['log']:.2f} | 100 % |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(json.dumps(_ladder(sys.argv[1])))
