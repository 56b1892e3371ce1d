"""``harness doctor``: is this machine fit to measure, and is the target there?"""

from __future__ import annotations

import os
import resource
import shutil
import time
from dataclasses import dataclass

import psutil
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.cli.console import plain_table
from harness.cli.transport_options import AllowHost, Auth, CaFile, Host
from harness.client.recorder import Recorder
from harness.contract.versions import CONTRACT_VERSION
from harness.errors import HarnessError
from harness.execution import target as targets
from harness.exit_codes import ExitCode
from harness.load.spec import EMBEDDED_KEY, auth_headers, check_host, read_key
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


def doctor(
    host: Host = "",
    allow_host: AllowHost = "",
    auth: Auth = "api-key",
    ca_file: CaFile = None,
) -> None:
    """Look at this machine and at the target, and say what is in the way of a good trial."""
    out = Console()
    diagnostics, code = _check_machine(), ExitCode.PASS
    try:
        diagnostics += _check_target(host, allow_host, auth, ca_file)
    except HarnessError as error:
        diagnostics.append(Diagnostic("target", "bad", str(error)))
        code = error.exit_code
    out.print(_table(diagnostics))
    raise typer.Exit(int(code))


def _check_machine() -> list[Diagnostic]:
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


def _check_target(host: str, allow_host: str, auth: str, ca_file: str | None) -> list[Diagnostic]:
    if not host:
        with targets.embedded() as standin:
            return _check_reachable(standin.url, "stand-in", EMBEDDED_KEY, auth, ca_file)
    checked = check_host(host, allow_host)
    key = read_key(os.environ, embedded=False)
    return _check_reachable(checked, checked, key, auth, ca_file)


def _check_reachable(
    url: str, shown: str, key: str, auth: str, ca_file: str | None
) -> list[Diagnostic]:
    recorder = Recorder()
    target = Target(url, auth_headers(auth, key), ca_file=ca_file)
    unconfirmed = targets.preflight(target, recorder)
    times = [format_duration(attempt.service_us * 1000) for attempt in recorder.drain()]
    found = "answers and takes the key"
    if unconfirmed:
        found = f"answers; if it takes the key, its {unconfirmed} to get_session does not tell"
    there = Diagnostic(
        "target", "warn" if unconfirmed else "ok", f"{shown} {found} ({', '.join(times)})"
    )
    versions_found = targets.find_versions(target)
    taken = versions_found.get(CONTRACT_VERSION) == "taken"
    words = ", ".join(f"{version} {word}" for version, word in versions_found.items())
    return [there, Diagnostic("contract", "ok" if taken else "warn", words)]


def _table(diagnostics: list[Diagnostic]) -> Table:
    styles = {"ok": "green", "warn": "yellow", "bad": "bold red"}
    table = plain_table("harness doctor")
    table.add_column("what")
    table.add_column("state")
    table.add_column("detail")
    for diagnostic in diagnostics:
        state = Text(diagnostic.state, styles[diagnostic.state])
        table.add_row(diagnostic.name, state, Text(diagnostic.detail))  # no markup in it
    return table
