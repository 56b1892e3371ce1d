"""Diagnose this machine and the target before a trial."""

from __future__ import annotations

import resource
import shutil
import time
from dataclasses import dataclass

import psutil

from harness.client.recorder import Recorder
from harness.contract.versions import CONTRACT_VERSION
from harness.execution import target as targets
from harness.execution.transport_options import TransportOptions
from harness.load.trial_writer import versions
from harness.units import format_duration
from harness.wire import Target

FILES_MIN = 4096
FREE_BYTES_MIN = 1 << 30
SLEEP_LATE_MS = 2.0


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One diagnosis; its state is ``ok``, ``warn`` or ``bad``."""

    name: str
    state: str
    detail: str


def diagnose_machine() -> list[Diagnostic]:
    """Diagnose what would distort a measurement here."""
    cores = psutil.cpu_count() or 1
    busy = psutil.cpu_percent(interval=0.5)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    free = shutil.disk_usage(".").free
    late_ms = _sleep_late_ms()
    late = format_duration(late_ms * 1e6)
    return [
        Diagnostic("versions", "ok", ", ".join(f"{k} {v}" for k, v in versions().items())),
        _diagnostic("processor", busy > 50, f"{cores} cores, {busy:.0f}% busy before any load"),
        _diagnostic(
            "timers", late_ms > SLEEP_LATE_MS, f"a sleep ends {late} late (99th percentile)"
        ),
        _diagnostic("open files", files < FILES_MIN, f"at most {files:,}"),
        _diagnostic("disk", free < FREE_BYTES_MIN, f"{free / 1e9:.1f} GB free here"),
    ]


def _diagnostic(name: str, warn: bool, detail: str) -> Diagnostic:  # noqa: FBT001
    return Diagnostic(name, "warn" if warn else "ok", detail)


def _sleep_late_ms() -> float:
    lates = []
    for _ in range(100):
        due_s = time.perf_counter() + 0.002
        time.sleep(0.002)
        lates.append(time.perf_counter() - due_s)
    return max(0.0, sorted(lates)[98]) * 1000


def diagnose_target(host: str, key: str, transport_options: TransportOptions) -> list[Diagnostic]:
    """Diagnose the target, "" for the embedded stand-in; raises as `targets.preflight`."""
    if host:
        return _diagnose(transport_options.to_target(host, key), host)
    with targets.embedded() as standin:
        return _diagnose(transport_options.to_target(standin.url, key), "stand-in")


def _diagnose(target: Target, shown: str) -> list[Diagnostic]:
    recorder = Recorder()
    unconfirmed = targets.preflight(target, recorder)
    times = [format_duration(attempt.service_us * 1000) for attempt in recorder.drain()]
    found = "answers and accepts the key"
    if unconfirmed:
        found = f"answers; {unconfirmed} to get_session leaves open whether it accepts the key"
    reached = _diagnostic("target", bool(unconfirmed), f"{shown} {found} ({', '.join(times)})")
    versions_found = targets.find_versions(target)
    taken = versions_found.get(CONTRACT_VERSION) == "taken"
    words = ", ".join(f"{version} {word}" for version, word in versions_found.items())
    return [reached, _diagnostic("contract", not taken, words)]
