"""How late each start of an open schedule was, as JSON."""

from __future__ import annotations

import json
import sys
import time

import gevent

from harness.clock import unix_ns
from harness.load.scheduler import ArrivalRateScheduler
from harness.plan.arrivals import Phase


def main(rate_per_s: float, users: int) -> None:
    """Take one second of arrivals by users who are always free."""
    plain_late_ns = []
    for _ in range(100):
        due_ns = unix_ns() + 5_000_000
        time.sleep(0.005)
        plain_late_ns.append(unix_ns() - due_ns)
    start_ns = unix_ns() + 50_000_000
    phases = [Phase("load", 1_000_000_000, rate_per_s, rate_per_s)]
    scheduler = ArrivalRateScheduler(phases, 1, (0, 1), start_ns)
    starts: list[tuple[int, int]] = []

    def user() -> None:
        while (arrival := scheduler.next_arrival()) is not None:
            starts.append((arrival.number, unix_ns() - arrival.intended_ns))
            scheduler.arrival_done()

    gevent.joinall([gevent.spawn(user) for _ in range(users)], raise_error=True)
    sys.stdout.write(
        json.dumps({"starts": starts, "begun": scheduler.started, "plain": plain_late_ns})
    )


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
