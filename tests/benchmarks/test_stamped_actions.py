"""The stamped scenario stands on inner parts of the harness: it must go where those go."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import benchmarks.stamped_actions as stamped
from harness.client.sockets import connection
from harness.wire.fast import dial

assert connection.PendingCall is stamped.StampedPendingCall, connection.PendingCall
assert dial.Stream is stamped.StampedStream, dial.Stream
"""


def test_its_parts_are_in_place_of_the_harness_s_own(tmp_path) -> None:
    """In a process of its own: it changes modules."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={"HARNESS_BENCH_OWN": str(tmp_path / "own")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert 0 == done.returncode, done.stderr
    assert (tmp_path / "own").is_file()
