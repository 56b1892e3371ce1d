"""What a stand-in with browsers may leave behind: processes, folders, descriptors."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import psutil


def browsers_of(pid: int) -> list[psutil.Process]:
    """Every process of a browser that the stand-in of this pid started."""
    mark = f"opensteer-browser-{pid}-"
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        if any(mark in word for word in process.info["cmdline"] or ()):
            found.append(process)
    return found


def folders_of(pid: int) -> list[Path]:
    """Its browsers' profile folders."""
    return list(Path(tempfile.gettempdir()).glob(f"opensteer-browser-{pid}-*"))


def descriptors_of(pid: int) -> int:
    """How many files and sockets a process has open."""
    return psutil.Process(pid).num_fds()


def wait_until(condition, seconds: float = 20.0) -> bool:
    """Whether a condition comes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def nothing_is_left(pid: int) -> bool:
    """Whether no browser, no helper of one and no folder is left."""
    return wait_until(lambda: not browsers_of(pid) and not folders_of(pid))


def main_process(pid: int) -> psutil.Process:
    """The one browser's main process."""
    (main,) = [each for each in browsers_of(pid) if "--type=" not in " ".join(each.cmdline())]
    return main
