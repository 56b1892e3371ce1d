"""Shows attempts in Locust's statistics, in the harness's way and in Locust's own, as JSON."""

from __future__ import annotations

import json
import random
import sys

from locust.env import Environment

from harness.load.locust_stats import HISTORY_MAX, stats_updater, trim_stats
from harness.trial.batches import attempts_table
from tests.trials import attempt

OPERATIONS = ("create_session", "get_session")
PHASES = ("steady", "probe")
OUTCOMES = ("ok", "ok", "ok", "timeout", "rate_limited")


def told(environment: Environment) -> dict[str, object]:
    """What Locust has counted."""
    stats = environment.stats
    entries = {f"{name} {phase}": entry for (name, phase), entry in stats.entries.items()}
    return {
        "entries": {
            name: {
                "requests": entry.num_requests,
                "failures": entry.num_failures,
                "total_ms": round(entry.total_response_time, 6),
                "min_ms": entry.min_response_time,
                "max_ms": entry.max_response_time,
                "bytes": entry.total_content_length,
                "buckets": {str(k): v for k, v in sorted(entry.response_times.items())},
                "counted": sum(entry.num_reqs_per_sec.values()),
            }
            for name, entry in sorted((entries | {"total": stats.total}).items())
        },
        "errors": sorted(
            (e.name, e.method, str(e.error), e.occurrences) for e in stats.errors.values()
        ),
    }


def bounded(environment: Environment) -> dict[str, object]:
    """What is left of Locust's tables after a long load, and the rate it shows."""
    stats, now_s = environment.stats, 4_000_000_000
    for entry in (stats.total, *stats.entries.values()):
        entry.num_reqs_per_sec.update({now_s - back: 7 for back in range(5000)})
        entry.num_fail_per_sec.update({now_s - back: 1 for back in range(5000)})
    stats.total.last_request_timestamp, stats.total.start_time = now_s, 0
    rate = stats.total.current_rps
    stats.history.extend({"time": n} for n in range(HISTORY_MAX + 1))
    trim_stats(stats, now_s)
    tables = [
        len(counts)
        for entry in (stats.total, *stats.entries.values())
        for counts in (entry.num_reqs_per_sec, entry.num_fail_per_sec)
    ]
    times = [point["time"] for point in stats.history]
    return {
        "rates": [rate, stats.total.current_rps],
        "seconds": [min(tables), max(tables)],
        "history": [times[0], times[-1], len(times)],
    }


def main() -> None:
    """The same attempts twice: as a batch merged, and one event each."""
    chance = random.Random(1)
    rows = [
        attempt(
            call_id=n,
            operation=chance.choice(OPERATIONS),
            phase=chance.choice(PHASES),
            outcome=chance.choice(OUTCOMES),
            service_ms=chance.choice((0.4, 9.5, 99.5, 147.3, 3432.1)),
        )
        for n in range(400)
    ]
    merged, fired = Environment(), Environment()
    for environment in (merged, fired):
        environment.create_local_runner()  # whose listener counts
    fired.events.request.add_listener(lambda **_: None)  # somebody else's: then events are fired
    for environment in (merged, fired):
        show = stats_updater(environment)
        show(attempts_table(rows[:250]))
        show(attempts_table(rows[250:]))
    answer = {"merged": told(merged), "fired": told(fired), "bounded": bounded(merged)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
