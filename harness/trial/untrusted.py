"""
Trial directories are untrusted: nothing in them may lead a read or a write elsewhere.

`require_plain_entries` runs whenever a trial is opened. It refuses symbolic links, devices,
sockets and FIFOs anywhere in the directory. Files are then created by `create_beside`, under a
random name that must not exist, and put in place by a rename, which replaces a link instead of
following it.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import TrialError
from harness.text import one_line

ENTRIES_MAX = 20_000
"""Entries of a trial directory that are looked at; a directory with more is refused."""
_DEPTH_MAX = 4
_NAME_MAX = 200
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def require_plain_entries(directory: Path) -> None:
    """
    Require that a directory holds only files and directories, at every level.

    Raises TrialError for a link, a special file, or too many entries or levels.
    """
    for number, (entry, depth) in enumerate(_entries(directory, 1)):
        kind = _KINDS.get(stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode))
        shown = one_line(os.path.relpath(entry.path, directory), _NAME_MAX)
        if kind is not None:
            raise TrialError(
                f"{directory}: {shown} is {kind}; a trial "
                "directory holds only files and directories: remove it"
            )
        if number >= ENTRIES_MAX or depth > _DEPTH_MAX:
            raise TrialError(
                f"{directory}: not a trial directory: over {ENTRIES_MAX:,} entries, "
                f"or more than {_DEPTH_MAX} levels"
            )


def _entries(directory: Path, depth: int) -> Iterator[tuple[os.DirEntry[str], int]]:
    with os.scandir(directory) as entries:
        for entry in entries:
            yield entry, depth
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path), depth + 1)


@contextmanager
def create_beside(target: Path) -> Iterator[Path]:
    """
    Give a new file beside the target, which replaces it when the block ends.

    The file is created exclusively, under a random name. It is synced before the rename, and
    removed if the block raises.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        yield temporary
        os.fsync(handle)
        os.fchmod(handle, 0o666 & ~_umask())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


def _umask() -> int:
    value = os.umask(0o022)
    os.umask(value)
    return value
