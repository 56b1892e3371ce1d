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
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from harness.cli.live import LiveView
from harness.errors import HarnessError, TargetError, UsageError
from harness.exits import Exit
from harness.load.plan import Plan
from harness.load.progress import Live
from harness.load.spec import PROGRESS_VARIABLE, SPEC_VARIABLE

SCENARIOS = Path(__file__).resolve().parent.parent.parent / "scenarios"


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
    """The command line of the load process; it holds no secret."""
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


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


class Interruption:
    """
    What Ctrl-C and SIGTERM do while load is made.

    The first one asks the load process to end in order, the second kills it.
    """

    def __init__(self) -> None:
        self.count = 0
        self.child: subprocess.Popen[bytes] | None = None

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        """Take one signal."""
        self.count += 1
        if self.child is None or self.child.poll() is not None:
            return
        if self.count == 1:
            sys.stderr.write(
                "\nharness: stopping: closing sessions, then the report (again: kill)\n"
            )
            self.child.terminate()
        else:
            os.killpg(self.child.pid, signal.SIGKILL)

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
    reading, writing = os.pipe()
    child_environ = {
        **environ,
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
            return child.wait()
        finally:
            os.close(reading)
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


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
                if child.poll() is not None:
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
    """What the load process said when it refused its orders with this exit status."""
    lines = [line for line in _lines(log) if line.startswith("harness: ")]
    text = lines[0].removeprefix("harness: ") if lines else last_line(log)
    return TargetError(text) if status == Exit.UNREACHABLE else UsageError(text)


def last_line(log: Path) -> str:
    """The last thing the load process said, cut where it is too long."""
    lines = [line for line in _lines(log) if line.strip()]
    return lines[-1][:500] if lines else "it said nothing"


def _lines(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines() if log.is_file() else []
