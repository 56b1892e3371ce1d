"""
Change points by apache-otava: a program of its own, in an environment of its own.

It is no dependency, for it pins numpy and brings clients of databases and chats
(docs/decisions/005-otava.md). It is run once for all series: a CSV file and a test each, in a
directory that goes again. The times in them are made up, a day apart, because only the order
counts; as ten digits they are read five times as fast as dates. Of its answer (a line of JSON
a test) only the places of the changes are taken.

Every setting of otava may also come from the environment, a database or a chat to tell of
changes included. So its environment is made here, and no key of ours is in it.
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
"""Many times what it takes: some three seconds to begin, 0.5 to 1.5 ms a point."""
_BYTES_MAX = 16_000_000


class _Change(msgspec.Struct, frozen=True):
    index: int


class _Group(msgspec.Struct, frozen=True):
    changes: tuple[_Change, ...]


_OUTPUT_DECODER = msgspec.json.Decoder(dict[str, tuple[_Group, ...]])


def choose_method(by: Method, environ: Mapping[str, str]) -> ChangePointMethod:
    """
    The search that ``--by`` asks for; ``auto`` is otava where there is one, else PELT.

    Raises:
        UsageError: There is no otava where there must be one.
    """
    if by == "pelt":
        return PELT
    executable = _find_otava(environ)
    if executable is not None:
        return ChangePointMethod(_name(executable), partial(find_by_otava, executable))
    if by == "otava":
        raise UsageError(f"--by otava: there is no otava on PATH; {_INSTALL_HINT}")
    return PELT


def find_by_otava(
    executable: Path, series: Sequence[Sequence[float]], p_value_max: float = P_VALUE_MAX
) -> list[list[int]]:
    """
    What `ChangePointMethod.find` promises, by otava.

    Raises:
        ProgramError: It did not answer, or not what was asked.
    """
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
            raise ProgramError(f"{executable} {error}; --by pelt does without it") from error


def _find_otava(environ: Mapping[str, str]) -> Path | None:
    named, path = environ.get(_EXECUTABLE_VARIABLE, ""), environ.get("PATH", os.defpath)
    found = shutil.which(named or "otava", path=path)
    if named and found is None:
        raise UsageError(
            f"{_EXECUTABLE_VARIABLE}={named!r}: no program that can be run; name otava's "
            "executable, or "
            "unset it"
        )
    return None if found is None else Path(found).absolute()


def _name(executable: Path) -> str:
    """With its version, where it lies in an environment that tells: it has no option for it."""
    environment = executable.resolve().parent.parent
    for info in environment.glob("lib/python*/site-packages/apache_otava-*.dist-info"):
        return f"otava {info.name.removesuffix('.dist-info').partition('-')[2]}"
    return "otava"


def _environ(directory: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "OPENBLAS_NUM_THREADS": "1",
    }


def _write(directory: Path, series: Sequence[Sequence[float]]) -> None:
    """The series as CSV files, and a configuration (JSON is YAML) with a test for each."""
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
    positions = {"tests": tests, "test_groups": {"all": list(tests)}}
    (directory / "otava.yaml").write_text(json.dumps(positions))


def _test(number: int) -> str:
    return f"series-{number}"


def _read(output: bytes, lengths: Sequence[int]) -> list[list[int]]:
    """
    The places of the changes of each series.

    A test that otava could not read is a line on its stderr, and no failure: so each must
    be there.
    """
    found: dict[str, tuple[_Group, ...]] = {}
    for line in output.splitlines():
        try:
            found |= _OUTPUT_DECODER.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ProgramError(f"printed what is no answer: {printable_line(line)!r}") from error
    places = []
    for number, length in enumerate(lengths):
        if (groups := found.get(_test(number))) is None:
            raise ProgramError(f"left out {_test(number)} of {len(lengths)}")
        positions = sorted({change.index for group in groups for change in group.changes})
        if positions and not 0 < positions[0] <= positions[-1] < length:
            raise ProgramError(f"found a change at {positions[-1]} of {length} points")
        places.append(positions)
    return places
