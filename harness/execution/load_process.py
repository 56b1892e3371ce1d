"""The load process: Locust as a child that is watched, stopped and never left running."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from rich.console import Console

from harness.errors import (
    HarnessError,
    NothingObservedError,
    StoppedEarlyError,
    StorageError,
    TargetError,
    UsageError,
)
from harness.exit_codes import ExitCode
from harness.launcher import module_command
from harness.load.progress import LiveMetrics
from harness.load.spec import PROGRESS_VARIABLE, SPEC_VARIABLE
from harness.plan.model import Plan
from harness.plugins import offered_scenarios, scenario_file
from harness.telemetry.progress_line import ProgressLine
from harness.text import one_line

SCENARIOS = Path(__file__).resolve().parent.parent.parent / "scenarios"
LOCUST = "harness.load.locust_process"
_LOG_BYTES_READ = 64 * 1024
"""How much of a log's end is read: a scenario may print any amount."""
_ERROR_OF_STATUS: Mapping[int, type[HarnessError]] = {
    ExitCode.USAGE: UsageError,
    ExitCode.UNREACHABLE: TargetError,
    ExitCode.UNKNOWN: StorageError,
}
"""Exit status of a load process that did not start → error of the command."""
_ERROR_PREFIX = "harness: "
NOTHING_KEPT = "stopped before the load began; there is nothing to keep"


def find_scenario(name: str) -> Path:
    """The Locust file of a scenario, ours before a plugin's; raises UsageError if there is none."""
    if name.endswith(".py") or "/" in name:
        path = Path(name)
        if not path.is_file():
            raise UsageError(f"{name}: no such scenario file")
        return path
    if name in _shipped_scenarios():
        return SCENARIOS / f"{name}.py"
    offered = scenario_file(name)
    if offered is not None:
        return offered
    known = ", ".join(sorted({*_shipped_scenarios(), *offered_scenarios()}))
    raise UsageError(f"no scenario named {name!r}; known are {known}, or name a .py file")


def _shipped_scenarios() -> set[str]:
    return {path.stem for path in SCENARIOS.glob("[!_]*.py")}


def locust_command(
    scenario: Path, host: str, plan: Plan, processes: int, options: Sequence[str]
) -> list[str]:
    """The command line of the load process, without secrets; raises UsageError."""
    check_users(plan, processes, f"--processes {processes}")
    users = str(plan.load.users)
    command = module_command(LOCUST, "-f", str(scenario), "--host", host)
    command += ["-u", users, "-r", users, "--loglevel", "ERROR", "--only-summary"]
    if not {"--headful", "--web-port", "--autostart", "--class-picker"} & set(options):
        command.append("--headless")
    if processes > 1:
        # A free port, so that two trials on one machine do not collide.
        port = str(_free_port())
        command += ["--processes", str(processes), "--master-bind-host", "127.0.0.1"]
        command += ["--master-bind-port", port, "--master-port", port]
    return [*command, *options]


def check_users(plan: Plan, workers: int, option: str) -> None:
    """Raise UsageError if a worker would have no user: its arrivals would never start."""
    if plan.load.users < workers:
        raise UsageError(
            f"{option}: {plan.load.users} users are too few, each process needs one; "
            f"give --users {workers} or more"
        )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


class SignalHandler:
    """
    Handles SIGINT and SIGTERM from a trial's preparation until its sessions are closed.

    Attributes:
        count: Signals so far.
        stop: Called with the count; while None, a signal ends the trial.
    """

    def __init__(self) -> None:
        self.count = 0
        self.stop: Callable[[int], None] | None = None

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        """Count a signal and pass it on; raises StoppedEarlyError before the load."""
        self.count += 1
        if self.stop is None:
            raise StoppedEarlyError(NOTHING_KEPT)
        self.stop(self.count)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handle the signals while the context lasts."""
        before = {number: signal.signal(number, self) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run_load(
    command: Sequence[str],
    spec_path: Path,
    log_path: Path,
    signals: SignalHandler,
    console: Console,
    on_start: Callable[[int], None],
    on_live: Callable[[LiveMetrics], object] = str,
) -> int:
    """
    Run the load process and show its progress; return its exit status, negative for a signal.

    The first signal terminates it, the second kills it. ``on_start`` gets the start of the load
    (Unix ns), ``on_live`` the metrics of each second.
    """
    process: subprocess.Popen[bytes] | None = None

    def stop(count: int) -> None:
        if process is None or _has_ended(process):
            return
        if count == 1:
            announce_stop()
            process.terminate()
        else:
            _kill_group(process)

    signals.stop = stop
    read_fd, write_fd = os.pipe()
    process = _start(command, spec_path, log_path, write_fd)
    os.close(write_fd)
    try:
        if signals.count:
            process.terminate()
        with ProgressLine(console) as view:
            _relay_progress(read_fd, process, view, on_start, on_live)
        _has_ended(process, wait=True)
    finally:
        os.close(read_fd)
        # Also if it ended by itself: a killed coordinator leaves its workers running.
        _kill_group(process)
        status = process.wait()
    return status


def _start(
    command: Sequence[str], spec_path: Path, log_path: Path, progress_fd: int
) -> subprocess.Popen[bytes]:
    # Without Locust's variables: LOCUST_RUN_TIME would end a plan early.
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith("LOCUST_")},
        SPEC_VARIABLE: str(spec_path),
        PROGRESS_VARIABLE: str(progress_fd),
        "PYTHONUNBUFFERED": "1",
        "LOCUST_SKIP_MONKEY_PATCH_WARNING": "1",
    }
    with log_path.open("wb") as log:
        return subprocess.Popen(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[progress_fd],
            start_new_session=True,
        )


def announce_stop(then: str = " (again: kill)") -> None:
    """Announce the stop; not on sys.stderr, because a signal may interrupt a write to it."""
    with suppress(OSError):
        os.write(2, f"\nharness: stopping: closing sessions, then the report{then}\n".encode())


def _has_ended(process: subprocess.Popen[bytes], *, wait: bool = False) -> bool:
    """Whether it has ended; it is not reaped, so that its pid is not used again."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return (process.wait() if wait else process.poll()) is not None
    options = os.WEXITED | os.WNOWAIT | (0 if wait else os.WNOHANG)
    try:
        return os.waitid(os.P_PID, process.pid, options) is not None
    except ChildProcessError:  # already reaped
        return True


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill it and its children; only before it is reaped."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _relay_progress(
    read_fd: int,
    process: subprocess.Popen[bytes],
    view: ProgressLine,
    on_start: Callable[[int], None],
    on_live: Callable[[LiveMetrics], object],
) -> None:
    """Show lines until the writer has ended."""
    buffer, started = b"", False
    with selectors.DefaultSelector() as selector:
        selector.register(read_fd, selectors.EVENT_READ)
        while True:
            if not selector.select(timeout=0.5):
                if _has_ended(process):
                    return
                continue
            chunk = os.read(read_fd, 65536)
            if not chunk:
                return
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                if (live := view.show(line)) is None:
                    continue
                on_live(live)
                if live.started_ns and not started:
                    started = True
                    on_start(live.started_ns)


def load_error(log: Path, status: int) -> HarnessError:
    """Why a load process ended before its load began, from its exit status and log."""
    kind = _ERROR_OF_STATUS.get(status)
    # Several processes print the same lines.
    messages = list(dict.fromkeys(line for line in _lines(log) if line.startswith(_ERROR_PREFIX)))
    if kind is not None and messages:
        return kind("\n".join(line.removeprefix(_ERROR_PREFIX) for line in messages))
    if status < 0:
        return NothingObservedError(
            f"the load process was killed by {signal.Signals(-status).name} before its load "
            "began; is there enough memory?"
        )
    return (kind or UsageError)(f"the load process ended with {status}: {last_line(log)}")


def last_line(log: Path) -> str:
    """The last line of the load process, cut to 500 characters."""
    lines = [line for line in _lines(log) if line.strip()]
    return one_line(lines[-1], 500) if lines else "it printed nothing"


def _lines(log: Path) -> list[str]:
    if not log.is_file():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_BYTES_READ))
        return file.read(_LOG_BYTES_READ).decode(errors="replace").splitlines()
