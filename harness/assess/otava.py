"""
Find change points with apache-otava, which runs as its own program in its own environment.

It is not a dependency, because it pins numpy and installs database and chat clients
(docs/decisions/005-otava.md). One run searches all series: a CSV file and a test for each, in a
temporary directory. The times in the files are invented, one day apart, because only the order
matters; as ten-digit numbers they are read five times as fast as dates. Of the output (one
line of JSON per test) only the positions of the changes are used.

The environment can set every option of otava, notifications included, so it runs in a new one
without any key.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from harness.bounded_subprocess import printable_line, run_bounded
from harness.errors import ProgramError, UsageError
from harness.experiments.compare.change_points import PELT, ChangePointMethod

Method = Literal["auto", "otava", "pelt"]
P_VALUE_MAX = 0.003
"""Measured (docs/explanation/compare.md): otava's own 0.001 misses much in a dozen trials."""
_EXECUTABLE_VARIABLE = "HARNESS_OTAVA"
_INSTALL_HINT = (
    "install apache-otava in an environment of its own (`make otava`, or `pipx install "
    f"apache-otava`), or name its executable in {_EXECUTABLE_VARIABLE}"
)
_BEGIN_S, _DAY_S, _END_S = 1_000_000_000, 86_400, 9_999_999_999  # ten digits each
_LIMIT_S, _LIMIT_S_PER_POINT = 60.0, 0.02
"""A multiple of the measured time: about three seconds to start, 0.5 to 1.5 ms per point."""
_BYTES_MAX = 16_000_000


class _Change(msgspec.Struct, frozen=True):
    index: int


class _Group(msgspec.Struct, frozen=True):
    changes: tuple[_Change, ...]


_OUTPUT_DECODER = msgspec.json.Decoder(dict[str, tuple[_Group, ...]])


def choose_method(by: Method, environ: Mapping[str, str]) -> ChangePointMethod:
    """
    The method for ``--by``; ``auto`` is otava if it is installed, else PELT.

    Raises:
        UsageError: otava is required but not installed.
    """
    if by == "pelt":
        return PELT
    executable = _find_otava(environ)
    if executable is not None:
        return ChangePointMethod(_name(executable), partial(find_by_otava, executable))
    if by == "otava":
        raise UsageError(f"--by otava: no otava on PATH; {_INSTALL_HINT}")
    return PELT


def find_by_otava(
    executable: Path, series: Sequence[Sequence[float]], p_value_max: float = P_VALUE_MAX
) -> list[list[int]]:
    """Implement `ChangePointMethod.find` with otava; raises ProgramError."""
    with tempfile.TemporaryDirectory(prefix="harness-otava-") as name:
        directory = Path(name)
        _write(directory, series)
        limit_s = _LIMIT_S + _LIMIT_S_PER_POINT * sum(map(len, series))
        command = [
            str(executable), "analyze", "all", "--config-file", "otava.yaml",
            "--output", "json", "-P", f"{p_value_max:g}",
            "--since", str(_BEGIN_S), "--until", str(_END_S),
        ]  # fmt: skip
        try:
            output = run_bounded(
                command, directory, _environ(directory), limit_s=limit_s, bytes_max=_BYTES_MAX
            )
            return _read(output, [len(values) for values in series])
        except ProgramError as error:
            raise ProgramError(f"{executable} {error}; --by pelt does not need it") from error


def _find_otava(environ: Mapping[str, str]) -> Path | None:
    named, path = environ.get(_EXECUTABLE_VARIABLE, ""), environ.get("PATH", os.defpath)
    found = shutil.which(named or "otava", path=path)
    if named and found is None:
        raise UsageError(
            f"{_EXECUTABLE_VARIABLE}={named!r} is not executable; name otava's executable, or "
            "unset it"
        )
    return None if found is None else Path(found).absolute()


def _name(executable: Path) -> str:
    """Its name with the version of its package, if found: it has no option for its version."""
    environment = executable.resolve().parent.parent
    for info in environment.glob("lib/python*/site-packages/apache_otava-*.dist-info"):
        return f"otava {info.name.removesuffix('.dist-info').partition('-')[2]}"
    return "otava"


def _environ(directory: Path) -> dict[str, str]:
    own = {"LANG": "C.UTF-8", "TZ": "UTC", "OPENBLAS_NUM_THREADS": "1"}
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "HOME": str(directory), "TMPDIR": str(directory), **own}


def _write(directory: Path, series: Sequence[Sequence[float]]) -> None:
    """Write the series as CSV files, and a configuration (JSON is YAML) with a test for each."""
    tests = {}
    for number, values in enumerate(series):
        lines = [f"{_BEGIN_S + at * _DAY_S},{float(value)!r}\n" for at, value in enumerate(values)]
        (directory / f"{number}.csv").write_text("".join(["time,value\n", *lines]))
        tests[_test(number)] = {
            "type": "csv",
            "file": f"{number}.csv",
            "time_column": "time",
            "metrics": {"value": {"column": "value"}},
        }
    config = {"tests": tests, "test_groups": {"all": list(tests)}}
    (directory / "otava.yaml").write_text(json.dumps(config))


def _test(number: int) -> str:
    return f"series-{number}"


def _read(output: bytes, lengths: Sequence[int]) -> list[list[int]]:
    """
    The positions of the changes of each series.

    otava does not fail on a test that it cannot read, so each must be in the output.
    """
    found: dict[str, tuple[_Group, ...]] = {}
    for line in output.splitlines():
        try:
            found |= _OUTPUT_DECODER.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ProgramError(f"printed an unreadable line: {printable_line(line)!r}") from error
    changes = []
    for number, length in enumerate(lengths):
        if (groups := found.get(_test(number))) is None:
            raise ProgramError(f"left out {_test(number)} of {len(lengths)}")
        positions = sorted({change.index for group in groups for change in group.changes})
        if positions and not 0 < positions[0] <= positions[-1] < length:
            raise ProgramError(f"found a change at {positions[-1]} of {length} points")
        changes.append(positions)
    return changes
