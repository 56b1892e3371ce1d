"""What a worker's sink sends, as JSON: for tests, which must not import Locust themselves."""

from __future__ import annotations

import json
import random
import sys

import msgspec
import pyarrow as pa

from harness.load import worker
from harness.load.worker import RemoteSink
from harness.trial.batches import BUCKETS, attempts_table, bucket_table, from_ipc
from harness.trial.merge import Merger
from harness.trial.schema import ATTEMPTS, WorkerSummary
from tests.trials import attempt


class Runner:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[dict] = []

    def send_message(self, _kind: str, data: dict) -> None:
        """Take one message."""
        self.sent.append(data)


def main(rows: int, noise: int, piece_bytes: int) -> None:
    """Send one batch of attempts with some bytes of noise each."""
    worker.MESSAGE_BYTES_MAX = piece_bytes
    chance = random.Random(1)
    table = attempts_table(
        [
            attempt(
                call_id=n,
                service_ms=chance.uniform(1, 900),
                violation=f"{chance.getrandbits(8 * noise):x}" if noise else "",
            )
            for n in range(rows)
        ]
    )
    buckets = bucket_table(table)
    runner = Runner()
    sink = RemoteSink(runner)
    sink.batch("w0", table, buckets)
    whole, pieces = Merger(), Merger()
    whole.add(buckets)
    for message in runner.sent:
        pieces.add(from_ipc(message["buckets"], BUCKETS))
    came = pa.concat_tables([from_ipc(m["attempts"], ATTEMPTS) for m in runner.sent])
    # A worker whose clock is 45 s ahead reports the load's end by its coordinator's.
    sink.clock_ahead_ns = 45 * 10**9
    sink.end(WorkerSummary("w0", load_ended_ns=60 * 10**9))
    end = msgspec.json.decode(runner.sent.pop()["end"], type=WorkerSummary)
    told = {
        "ended_s": end.load_ended_ns // 10**9,
        "sizes": [len(m["attempts"]) + len(m["buckets"]) for m in runner.sent],
        "calls": came["call_id"].to_pylist(),
        "same_intervals": whole.intervals().equals(pieces.intervals()),
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
