"""
The load process: Locust as a child, watched, stopped in order, never left behind.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from rich.console import Console

from harness.cli.live import LiveView
from harness.errors import (
    HarnessError,
    NothingObservedError,
    StoppedEarlyError,
    StorageError,
    TargetError,
    UsageError,
)
from harness.exits import Exit
from harness.load.plan import Plan
from harness.load.progress import Live
from harness.load.spec import PROGRESS_VARIABLE, SPEC_VARIABLE
from harness.text import one_line

SCENARIOS = Path(__file__).resolve().parent.parent.parent / "scenarios"
_LOG_BYTES_READ = 64 * 1024
"""What is read of a load process's log, its end: a scenario may print without measure."""
_REFUSALS: Mapping[int, type[HarnessError]] = {
    Exit.USAGE: UsageError,
    Exit.UNREACHABLE: TargetError,
    Exit.UNKNOWN: StorageError,
}
"""Exit status of a load process that refused its orders → what it means here."""
_MARK = "harness: "
"""Before each line of a refusal."""
NOTHING_KEPT = "stopped before the load began; there is nothing to keep"
_STOPPING = b"\nharness: stopping: closing sessions, then the report (again: kill)\n"


def find_scenario(name: str) -> Path:
    """
    The Locust file of a scenario given by name or path.

    Raises:
        UsageError: There is none.
    """
    if name.endswith(".py") or "/" in name:
        path = Path(name)
        if not path.is_file():
            raise UsageError(f"{name}: no such scenario file")
        return path
    path = SCENARIOS / f"{name}.py"
    if not path.is_file() or name.startswith("_"):
        known = sorted(p.stem for p in SCENARIOS.glob("*.py") if not p.stem.startswith("_"))
        raise UsageError(
            f"no scenario named {name!r}; known are {', '.join(known)}, or name a .py file"
        )
    return path


def locust_command(
    scenario: Path, host: str, plan: Plan, processes: int, options: Sequence[str]
) -> list[str]:
    """
    The command line of the load process; it holds no secret.

    Raises:
        UsageError: There are fewer users than processes.
    """
    demand_users(plan, processes, f"--processes {processes}")
    users = str(plan.load.users)
    command = [sys.executable, "-m", "locust", "-f", str(scenario), "--host", host]
    command += ["-u", users, "-r", users, "--loglevel", "ERROR", "--only-summary"]
    if not {"--headful", "--web-port", "--autostart", "--class-picker"} & set(options):
        command.append("--headless")
    if processes > 1:
        # A port of its own: two trials on one machine must not meet.
        port = str(_free_port())
        command += ["--processes", str(processes), "--master-bind-host", "127.0.0.1"]
        command += ["--master-bind-port", port, "--master-port", port]
    return [*command, *options]


def demand_users(plan: Plan, workers: int, option: str) -> None:
    """
    See that every worker gets a user: the arrivals of one without any would never begin.

    Raises:
        UsageError: There are too few; the message names the option.
    """
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


class Interruption:
    """
    What Ctrl-C and SIGTERM do from a trial's first preparation until its parts are settled.

    Before the load process is started the first one ends everything. While it runs, the
    first asks it to end in order, and the second kills it. Afterwards what is left to do
    is short, and none of them stops it.

    Attributes:
        count: Signals taken so far.
        begun: The load process is being started, or was.
        child: The load process, once it is there.
    """

    def __init__(self) -> None:
        self.count = 0
        self.begun = False
        self.child: subprocess.Popen[bytes] | None = None

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        """
        Take one signal.

        Raises:
            StoppedEarlyError: There is no load yet.
        """
        self.count += 1
        if not self.begun:
            raise StoppedEarlyError(NOTHING_KEPT)
        if self.child is None or _has_ended(self.child):
            return
        if self.count == 1:
            # Not sys.stderr: the signal may have come in the middle of a write to that.
            with suppress(OSError):
                os.write(2, _STOPPING)
            self.child.terminate()
        else:
            _kill_group(self.child)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take the signals for as long as the block lasts."""
        before = {
            number: signal.signal(number, self) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run_load(
    command: Sequence[str],
    spec_path: Path,
    log_path: Path,
    environ: Mapping[str, str],
    interruption: Interruption,
    console: Console,
    on_start: Callable[[int], None],
    on_live: Callable[[Live], object] = str,
) -> int:
    """
    Run the load process to its end, showing its progress.

    Args:
        command: What to run.
        spec_path: Its orders.
        log_path: Where what it says goes.
        environ: Its environment, which holds the key.
        interruption: Told of the child, to pass signals on.
        console: Where progress is shown.
        on_start: Called once with the load's start, Unix ns.
        on_live: Called with the figures of each second.

    Returns:
        Its exit status, negative when a signal ended it.
    """
    interruption.begun = True
    reading, writing = os.pipe()
    # Locust takes options from there as well: LOCUST_RUN_TIME would cut a plan short.
    kept = {k: v for k, v in environ.items() if not k.startswith("LOCUST_")}
    child_environ = {
        **kept,
        SPEC_VARIABLE: str(spec_path),
        PROGRESS_VARIABLE: str(writing),
        "PYTHONUNBUFFERED": "1",
        "LOCUST_SKIP_MONKEY_PATCH_WARNING": "1",
    }
    with log_path.open("wb") as log:
        child = subprocess.Popen(
            command,
            env=child_environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[writing],
            start_new_session=True,
        )
        os.close(writing)
        interruption.child = child
        try:
            if interruption.count:
                child.terminate()
            with LiveView(console) as view:
                _follow(reading, child, view, on_start, on_live)
            _has_ended(child, wait=True)
        finally:
            os.close(reading)
            # Also when it ended by itself: a leader that was killed leaves its workers.
            _kill_group(child)
            status = child.wait()
        return status


def _has_ended(child: subprocess.Popen[bytes], *, wait: bool = False) -> bool:
    """Whether it has; its status is left to be asked for, so that its number stays its own."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return (child.wait() if wait else child.poll()) is not None
    options = os.WEXITED | os.WNOWAIT | (0 if wait else os.WNOHANG)
    try:
        return os.waitid(os.P_PID, child.pid, options) is not None
    except ChildProcessError:  # it was asked for already
        return True


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill it and all that it started; only before its status was asked for."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _follow(
    reading: int,
    child: subprocess.Popen[bytes],
    view: LiveView,
    on_start: Callable[[int], None],
    on_live: Callable[[Live], object],
) -> None:
    """Show lines until the writer is gone."""
    buffer, started = b"", False
    with selectors.DefaultSelector() as selector:
        selector.register(reading, selectors.EVENT_READ)
        while True:
            if not selector.select(timeout=0.5):
                if _has_ended(child):
                    return
                continue
            chunk = os.read(reading, 65536)
            if not chunk:
                return
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                live = view.show(line)
                if live is None:
                    continue
                on_live(live)
                if live.started_ns and not started:
                    started = True
                    on_start(live.started_ns)


def refusal(log: Path, status: int) -> HarnessError:
    """Why a load process that began no trial ended with this exit status, by its log."""
    kind = _REFUSALS.get(status)
    # Each of several processes says the same.
    said = list(dict.fromkeys(line for line in _lines(log) if line.startswith(_MARK)))
    if kind is not None and said:
        return kind("\n".join(line.removeprefix(_MARK) for line in said))
    if status < 0:
        return NothingObservedError(
            f"the load process was killed by {signal.Signals(-status).name} before its load "
            "began; is there memory enough?"
        )
    return (kind or UsageError)(f"the load process ended with {status}: {last_line(log)}")


def last_line(log: Path) -> str:
    """The last thing the load process said, cut where it is too long."""
    lines = [line for line in _lines(log) if line.strip()]
    return one_line(lines[-1], 500) if lines else "it said nothing"


def _lines(log: Path) -> list[str]:
    if not log.is_file():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_BYTES_READ))
        return file.read(_LOG_BYTES_READ).decode(errors="replace").splitlines()
