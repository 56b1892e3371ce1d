"""What `harness doctor` looks at: this machine, and the target."""

from __future__ import annotations

import resource
import shutil
import time
from dataclasses import dataclass

import psutil
from rich.table import Table
from rich.text import Text

from harness.cli.console import plain_table
from harness.cli.target_options import TargetOptions
from harness.client.recorder import Recorder
from harness.contract.versions import CONTRACT_VERSION
from harness.execution import target as targets
from harness.load.trial_writer import versions
from harness.units import format_duration
from harness.wire import Target

FILES_MIN = 4096
FREE_BYTES_MIN = 1 << 30
SLEEP_LATE_MS = 2.0


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing looked at: ``ok``, ``warn`` or ``bad``."""

    name: str
    state: str
    detail: str


def look_at_machine() -> list[Diagnostic]:
    """Look at what would falsify a measurement here."""
    cores = psutil.cpu_count() or 1
    busy = psutil.cpu_percent(interval=0.5)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    free = shutil.disk_usage(".").free
    late_ms = _sleep_late_ms()
    return [
        Diagnostic("versions", "ok", ", ".join(f"{k} {v}" for k, v in versions().items())),
        Diagnostic(
            "processor",
            "warn" if busy > 50 else "ok",
            f"{cores} cores, {busy:.0f}% busy before any load",
        ),
        Diagnostic(
            "timers",
            "warn" if late_ms > SLEEP_LATE_MS else "ok",
            f"a sleep ends {format_duration(late_ms * 1e6)} late (99th percentile)",
        ),
        Diagnostic("open files", "warn" if files < FILES_MIN else "ok", f"at most {files:,}"),
        Diagnostic(
            "disk", "warn" if free < FREE_BYTES_MIN else "ok", f"{free / 1e9:.1f} GB free here"
        ),
    ]


def _sleep_late_ms() -> float:
    lates = []
    for _ in range(100):
        due_s = time.perf_counter() + 0.002
        time.sleep(0.002)
        lates.append(time.perf_counter() - due_s)
    return max(0.0, sorted(lates)[98]) * 1000


def look_at_target(options: TargetOptions) -> list[Diagnostic]:
    """
    Look at the target, or at the stand-in.

    Raises:
        HarnessError: It cannot be reached, refuses the key, or is not the Opensteer API.
    """
    transport, key = options.transport_options, options.read_key()
    if url := options.check_host():
        return _reach(transport.to_target(url, key), url)
    with targets.embedded() as standin:
        return _reach(transport.to_target(standin.url, key), "stand-in")


def _reach(target: Target, shown: str) -> list[Diagnostic]:
    recorder = Recorder()
    untold = targets.preflight(target, recorder)
    times = [format_duration(attempt.service_us * 1000) for attempt in recorder.drain()]
    found = "answers and takes the key"
    if untold:
        found = f"answers; if it takes the key, its {untold} to get_session does not tell"
    there = Diagnostic(
        "target", "warn" if untold else "ok", f"{shown} {found} ({', '.join(times)})"
    )
    versions_found = targets.find_versions(target)
    taken = versions_found.get(CONTRACT_VERSION) == "taken"
    told = ", ".join(f"{version} {word}" for version, word in versions_found.items())
    return [there, Diagnostic("contract", "ok" if taken else "warn", told)]


def diagnostics_table(diagnostics: list[Diagnostic]) -> Table:
    """One row for each remark."""
    styles = {"ok": "green", "warn": "yellow", "bad": "bold red"}
    table = plain_table("harness doctor")
    table.add_column("what")
    table.add_column("state")
    table.add_column("detail")
    for remark in diagnostics:
        state = Text(remark.state, styles[remark.state])
        table.add_row(remark.name, state, Text(remark.detail))  # no markup in it
    return table
