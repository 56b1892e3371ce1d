"""How a generator hands on its attempts while users go on making them."""

from __future__ import annotations

import pytest
from gevent.lock import RLock

from harness.attempt import Attempt
from harness.client.recorder import Recorder
from harness.load.generator import BATCH_ROWS, LoadGenerator
from tests.trials import attempt


class Busy:
    """A sink during whose work the users record more, as they do at full speed."""

    def __init__(self, recorder: Recorder, row: Attempt, more: int) -> None:
        self.recorder, self.row, self.more = recorder, row, more
        self.sizes: list[int] = []

    def batch(self, _worker: str, attempts: object, _buckets: object) -> None:
        """Take one; as long as there are any, more are recorded."""
        self.sizes.append(len(attempts))
        for _ in range(150 if self.more > 0 else 0):
            self.recorder.record(self.row)
        self.more -= 150


def generator_with(pending: int, more: int) -> tuple[LoadGenerator, Busy]:
    """A generator of which only that part lives, and its sink."""
    row = attempt()
    generator = LoadGenerator.__new__(LoadGenerator)
    generator.worker, generator.observers = "w0", []
    generator.recorder, generator._batching = Recorder(), RLock()
    for _ in range(pending):
        generator.recorder.record(row)
    generator._sink = sink = Busy(generator.recorder, row, more)
    return generator, sink


@pytest.mark.parametrize("count", [0, 1, BATCH_ROWS, 2 * BATCH_ROWS, 2 * BATCH_ROWS + 7])
def test_so_many_are_handed_on_and_no_more(count):
    """What comes meanwhile waits for the next time, so batches stay large."""
    generator, sink = generator_with(2 * BATCH_ROWS + 40, more=10**6)
    generator._send_batches(count)

    assert count == sum(sink.sizes)
    assert 2 * BATCH_ROWS + 40 - count + 150 * len(sink.sizes) == generator.recorder.pending
    assert all(size == BATCH_ROWS for size in sink.sizes[:-1])


def test_the_last_flush_leaves_nothing():
    """What users whose grace is over record during it is in it."""
    generator, sink = generator_with(BATCH_ROWS + 40, more=300)
    generator._flush()

    assert BATCH_ROWS + 40 + 300 == sum(sink.sizes) == generator.recorder.recorded
    assert 0 == generator.recorder.pending
