"""
One Chromium process: its start, its profile folder, and its end.

The process leads its own group, which is killed at the end with all helper processes. A pipe
connects it to us: when our end closes, even by a kill, Chromium ends by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

FLAGS = (
    "--headless=new", "--remote-debugging-port=0", "--remote-debugging-pipe",
    "--no-first-run", "--no-default-browser-check", "--disable-gpu",
    "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--disable-extensions", "--disable-default-apps",
    "--disable-breakpad", "--disable-crash-reporter", "--no-crash-upload",
    "--password-store=basic", "--use-mock-keychain", "--mute-audio",
)  # fmt: skip
_PORT_FILE = "DevToolsActivePort"
_POLL_S = 0.02
_FOLDER = "opensteer-browser-"
_TMPDIR_CHARS_MAX = 60
"""Chromium makes a socket below it, and a socket's path has at most 107 characters."""

# Chromium needs its pipe as descriptors 3 and 4, which only the new process can set up.
_FD_SETUP = (
    "import os,sys;r,w=map(int,sys.argv[1:3]);os.dup2(r,3);os.dup2(w,4);"
    "os.close(r);os.close(w);os.execv(sys.argv[3],sys.argv[3:])"
)


class LaunchError(Exception):
    """A browser that did not start."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # CLOUD_LAUNCH_FAILED or CLOUD_LAUNCH_TIMEOUT


class Chromium:
    """A running browser."""

    def __init__(
        self, process: asyncio.subprocess.Process, profile: Path, lifeline_fd: int
    ) -> None:
        self._process = process
        self._profile = profile
        self._lifeline_fd = lifeline_fd
        self.endpoint = ("127.0.0.1", 0, "")  # host, port and path of its DevTools WebSocket
        self.pid = process.pid  # its process, and its process group
        self.gone = asyncio.Event()  # set when the process has ended
        self._watch = asyncio.create_task(self._wait())

    @classmethod
    async def launch(cls, program: str, timeout_s: float) -> Chromium:
        """
        Start a browser and wait until it accepts connections.

        Raises:
            LaunchError: It cannot be started, ended early, or took too long.
        """
        profile = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
        try:
            process, lifeline_fd = await _spawn(program, profile)
        except OSError as error:
            shutil.rmtree(profile, ignore_errors=True)
            raise LaunchError("CLOUD_LAUNCH_FAILED", f"cannot start: {error}") from None
        browser = cls(process, profile, lifeline_fd)
        try:
            async with asyncio.timeout(timeout_s):
                await browser._wait_until_ready()
        except TimeoutError:
            await browser.end()
            why = f"not ready after {timeout_s:g} s"
            raise LaunchError("CLOUD_LAUNCH_TIMEOUT", why) from None
        except BaseException:
            await browser.end()
            raise
        return browser

    async def _wait_until_ready(self) -> None:
        port_file = self._profile / _PORT_FILE
        while True:
            if self.gone.is_set():
                why = f"ended with status {self._process.returncode}"
                raise LaunchError("CLOUD_LAUNCH_FAILED", why)
            with contextlib.suppress(OSError):
                lines = port_file.read_text("ascii").splitlines()
                if len(lines) == 2 and lines[0].isdigit():  # written in two steps
                    self.endpoint = ("127.0.0.1", int(lines[0]), lines[1])
                    return
            await asyncio.sleep(_POLL_S)

    async def _wait(self) -> None:
        await self._process.wait()
        self._kill_group()
        self.gone.set()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def end(self) -> None:
        """Kill it with its helpers, and remove its profile; a second call does nothing."""
        if self._lifeline_fd < 0:
            return
        os.close(self._lifeline_fd)
        self._lifeline_fd = -1
        if not self.gone.is_set():  # else its pid may be reused
            self._kill_group()
        await self._watch
        for _ in range(50):  # a dying helper may still write
            shutil.rmtree(self._profile, ignore_errors=True)
            if not self._profile.exists():
                return
            await asyncio.sleep(_POLL_S)


async def _spawn(program: str, profile: Path) -> tuple[asyncio.subprocess.Process, int]:
    # Above 10, so that duplicating them to 3 and 4 never overwrites one of them.
    low_in, low_lifeline_fd = os.pipe()
    pipe_in = fcntl.fcntl(low_in, fcntl.F_DUPFD_CLOEXEC, 10)
    lifeline_fd = fcntl.fcntl(low_lifeline_fd, fcntl.F_DUPFD_CLOEXEC, 10)
    low_out = os.open(os.devnull, os.O_WRONLY)
    pipe_out = fcntl.fcntl(low_out, fcntl.F_DUPFD_CLOEXEC, 10)
    for descriptor in (low_in, low_lifeline_fd, low_out):
        os.close(descriptor)
    flags = [*FLAGS, f"--user-data-dir={profile}"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # required for root
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", "-c", _FD_SETUP, str(pipe_in), str(pipe_out),
            program, *flags, "about:blank",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            pass_fds=(pipe_in, pipe_out), start_new_session=True, env=_environment(profile),
        )  # fmt: skip
    except BaseException:
        os.close(lifeline_fd)
        raise
    finally:
        os.close(pipe_in)
        os.close(pipe_out)
    return process, lifeline_fd


def _environment(profile: Path) -> dict[str, str]:
    """Our environment, with the profile as TMPDIR, because it is always removed."""
    place = str(profile)
    return os.environ | ({"TMPDIR": place} if len(place) <= _TMPDIR_CHARS_MAX else {})


def remove_stale_profiles() -> None:
    """Remove the profile folders of killed stand-ins."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*-*"):
        pid = folder.name.removeprefix(_FOLDER).partition("-")[0]
        with contextlib.suppress(OSError):
            if (
                pid.isdigit()
                and folder.stat().st_uid == os.geteuid()
                and not psutil.pid_exists(int(pid))
            ):
                shutil.rmtree(folder, ignore_errors=True)
