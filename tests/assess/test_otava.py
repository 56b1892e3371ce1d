"""Change points by a program of its own: the real one, and ones that misbehave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
from typer.testing import CliRunner

from harness.assess import otava
from harness.cli.commands import app
from harness.errors import ProgramError, UsageError
from harness.experiments.compare.change_points import ChangePointMethod, find_change_points
from tests.experiments.compare.real_otava import OTAVA, needs_otava, pinned
from tests.schemas import schema_errors
from tests.trials import NS, T0, attempt, write_trial

APP = app
STEP = [10.0] * 6 + [15.0] * 6
LEVELS = {
    "create_session": STEP,
    "get_session": [None if n in {2, 8} else level for n, level in enumerate(STEP[2:] + STEP[-2:])],
    "close_session": [10.0] * 12,
}
"""Operation → its service time in each of twelve trials, ms; None where it was not called."""
ANSWER = """
import json, sys
tests = json.load(open("otava.yaml"))["tests"]
print("\\n".join(json.dumps({name: []}) for name in tests))
"""
"""A program that finds no change in anything."""


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    """A folder of twelve trials, a thousand seconds apart, three years ago and more."""
    folder = tmp_path_factory.mktemp("otava") / "trials"
    for number in range(12):
        rows = [
            attempt(
                call_id=n,
                at_s=n * 0.1,
                operation=name,
                service_ms=levels[number] * (1 + n % 5 / 10) * (1 + 0.004 * (number * 7 % 5)),
            )
            for name, levels in LEVELS.items()
            for n in range(100)
            if levels[number] is not None
        ]
        started_ns = (T0 - 5 + 1000 * number) * NS
        name = f"t{number:02}"
        write_trial(folder / name, rows, trial_id=name, started_ns=started_ns)
    return folder


def trend(trials, out, *words, **env):
    """The command's result, and trend.json; None where it did not get so far."""
    words_given = ["trend", "--trials", trials, "--out", out / "trend.html", *words]
    plain = {"COLUMNS": "200", "HARNESS_OTAVA": None}
    document = out / "trend.json"
    document.unlink(missing_ok=True)
    result = CliRunner().invoke(APP, list(map(str, words_given)), env=plain | env)
    return result, json.loads(document.read_text()) if document.exists() else None


@pytest.fixture
def program(tmp_path):
    """Make a program of some Python; its path."""

    def make(text, name="such"):
        path = tmp_path / "programs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{sys.executable}\n{text}")
        path.chmod(0o755)
        return path

    return make


@needs_otava
def test_the_real_one_finds_what_pelt_finds(trials, tmp_path):
    """
    Several operations at once, one of them with gaps, one of them steady.

    What the environment says of a branch, which would be a setting of otava's, is not heeded.
    """
    env = {"HARNESS_OTAVA": str(OTAVA), "BRANCH": "main"}
    result, found = trend(trials, tmp_path, **env)
    assert result.exit_code == 0, (result.output, result.exception)
    _, expected = trend(trials, tmp_path, "--by", "pelt", **env)

    assert schema_errors("trend", found) == []
    assert found["method"] == f"otava {pinned()}"
    assert f"\nChange points by otava {pinned()}, " in result.output
    assert {
        (one["operation"], shift["from_trial"])
        for one in found["series"]
        for shift in one["shifts"]
    } == {("create_session", "t06"), ("get_session", "t04")}
    assert len([one for one in found["series"] if one["shifts"]]) == 4  # p50 and p99 of both
    assert found["series"] == expected["series"]


@needs_otava
def test_the_real_one_on_series_of_every_kind():
    """Also more points than its window, none that vary, a lone odd one, and a short series."""
    series = {
        "step": [10.0, 10.1, 9.9, 10.0, 10.1, 12.0, 12.1, 11.9, 12.0, 12.1],
        "flat": [10.0, 10.1, 9.9, 10.0, 10.1, 10.0, 9.9, 10.1, 10.0, 9.9],
        "constant": [10.0] * 12,
        "odd at the end": [10.0] * 11 + [20.0],
        "odd in the middle": [10.0] * 5 + [30.0] + [10.0] * 6,
        "up and down": [10.0] * 8 + [20.0] * 8 + [10.0] * 8,
        "long": [10.0 + n % 3 / 10 for n in range(80)] + [15.0 + n % 3 / 10 for n in range(80)],
        "short": [10.0, 10.0, 20.0, 20.0],
        "large and small": [1e-3] * 6 + [1e6] * 6,
    }
    search = ChangePointMethod("otava", partial(otava.find_by_otava, OTAVA))
    found = find_change_points(list(series.values()), [0.05] * len(series), search)

    assert {name: [s.at for s in one] for name, one in zip(series, found, strict=True)} == {
        "step": [5], "flat": [], "constant": [], "odd at the end": [], "odd in the middle": [],
        "up and down": [8, 16], "long": [80], "short": [], "large and small": [6],
    }  # fmt: skip


BAD = {
    "fails": (
        "import sys; sys.stderr.write('first\\nno module named \\x1b[31msuch\\n'); sys.exit(1)",
        "ended with 1: no module named \ufffd[31msuch",
    ),
    "is killed": (
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "was killed by signal 15: it said nothing",
    ),
    "prints rubbish": (
        "print('no change today')",
        "printed an unreadable line: 'no change today'",
    ),
    "prints other JSON": ("print('[1]')", "printed an unreadable line: '[1]'"),
    "prints no text": (
        "import sys; sys.stdout.buffer.write(b'\\xff\\xfe')",
        "printed an unreadable line: '\ufffd\ufffd'",
    ),
    "says nothing": ("", "left out series-0 of 9"),
    "leaves one out": (
        ANSWER.replace("in tests", "in list(tests)[1:]"),
        "left out series-0 of 9",
    ),
    "finds a change where nothing is": (
        ANSWER.replace("[]", "[{'changes': [{'index': 12}]}]"),
        "found a change at 12 of 12 points",
    ),
    "prints for ever": ("while True: print('{}' * 999)", "printed more than 16 MB"),
    "complains for ever": (
        "import sys\nwhile True: sys.stderr.write('no ' * 999)",
        "printed more than 16 MB",
    ),
    "hangs": ("import time; time.sleep(600)", "did not end within 1 s"),
    "drips": (
        "import os\nwhile True: os.write(1, b' ')",
        "did not end within 1 s",
    ),
    "hangs with its mouth shut": (
        "import os, time; os.close(1); os.close(2); time.sleep(600)",
        "did not end within 1 s",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_program_that_misbehaves_is_one_line(trials, tmp_path, program, monkeypatch, name):
    """Exit 4 and no page, at once; and how to do without it."""
    text, said = BAD[name]
    slow = "did not end" in said
    monkeypatch.setattr(otava, "_LIMIT_S", 1.0 if slow else 60.0)
    monkeypatch.setattr(otava, "_LIMIT_S_PER_POINT", 0.0)
    path, begun_s = program(text), time.monotonic()
    result, document = trend(trials, tmp_path, HARNESS_OTAVA=str(path))

    assert isinstance(result.exception, ProgramError), result.output
    assert str(result.exception) == f"{path} {said}; --by pelt does not need it"
    assert int(result.exception.exit_code) == 4
    assert document is None
    assert time.monotonic() - begun_s < 30


def test_what_a_hanging_program_started_is_ended_with_it(trials, tmp_path, program, monkeypatch):
    """It and its child are gone, and so is the directory that was made for them."""
    written = tmp_path / "written"
    monkeypatch.setattr(otava, "_LIMIT_S", 2.0)
    monkeypatch.setattr(otava, "_LIMIT_S_PER_POINT", 0.0)
    path = program(
        "import os, pathlib, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(written)!r}).write_text(f'{{child.pid}} {{os.getpid()}} {{os.getcwd()}}')\n"
        "time.sleep(600)"
    )
    trend(trials, tmp_path, HARNESS_OTAVA=str(path))
    child, parent, directory = written.read_text().split()

    until_s = time.monotonic() + 10
    while alive := [pid for pid in (int(child), int(parent)) if is_alive(pid)]:
        assert time.monotonic() < until_s, alive
        time.sleep(0.05)
    assert not os.path.exists(directory)  # noqa: PTH110  a string


def is_alive(pid):
    """Whether a process still runs; one that nobody waited for does not."""
    try:
        os.kill(pid, signal.SIG_DFL)
    except ProcessLookupError:
        return False
    status = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return not status.stdout.strip().startswith("Z")


def test_it_sees_no_key_and_nothing_of_ours(trials, tmp_path, program):
    """Its whole environment is of our making; its settings could come from there."""
    written = tmp_path / "environment"
    path = program(
        f"import os, pathlib\npathlib.Path({str(written)!r}).write_text(repr(dict(os.environ)))\n{ANSWER}"
    )
    secrets = {"OPENSTEER_API_KEY": "osk_secret", "SLACK_BOT_TOKEN": "secret", "BRANCH": "secret",
               "HOME": "/secret", "POSTGRES_PASSWORD": "secret"}  # fmt: skip
    result, document = trend(trials, tmp_path, HARNESS_OTAVA=str(path), **secrets)
    assert result.exit_code == 0, (result.output, result.exception)

    seen = written.read_text()
    assert "secret" not in seen
    assert set(eval(seen)) == {  # noqa: S307  a dict of our own
        "PATH", "HOME", "TMPDIR", "LANG", "TZ", "OPENBLAS_NUM_THREADS",
    }  # fmt: skip
    assert document["method"] == "otava"  # the version is unknown


def test_auto_takes_otava_from_the_path_else_pelt(trials, tmp_path, program):
    """And PELT needs none, whatever is said of one."""
    folder = program(ANSWER, "otava").parent
    empty = tmp_path / "empty"
    empty.mkdir()
    methods = {
        (by, path): trend(trials, tmp_path, "--by", by, PATH=str(path), **named)[1]["method"]
        for by, path, named in (
            ("auto", folder, {}),
            ("otava", folder, {}),
            ("auto", empty, {}),
            ("pelt", empty, {"HARNESS_OTAVA": "/no/such"}),
        )
    }
    assert methods == {
        ("auto", folder): "otava", ("otava", folder): "otava",
        ("auto", empty): "pelt", ("pelt", empty): "pelt",
    }  # fmt: skip


@pytest.mark.parametrize("by", ["auto", "otava"])
@pytest.mark.parametrize("named", ["/no/such", "no-such-program", "README", "."])
def test_a_name_that_is_no_program_is_a_usage_error(trials, tmp_path, by, named):
    """A file that cannot be executed, and a directory, are none either."""
    (tmp_path / "README").write_text("")
    named = str(tmp_path / named) if named in {"README", "."} else named
    result, document = trend(trials, tmp_path, "--by", by, HARNESS_OTAVA=named)

    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == (
        f"HARNESS_OTAVA={named!r} is not executable; name otava's executable, or unset it"
    )
    assert document is None


def test_otava_that_is_not_there_says_where_to_get_it(trials, tmp_path):
    """Exit 2; and so does a method that nobody knows."""
    (tmp_path / "empty").mkdir()
    result, _ = trend(trials, tmp_path, "--by", "otava", PATH=str(tmp_path / "empty"))
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == (
        "--by otava: no otava on PATH; install apache-otava in an environment of its "
        "own (`make otava`, or `pipx install apache-otava`), or name its executable in "
        "HARNESS_OTAVA"
    )
    result, _ = trend(trials, tmp_path, "--by", "such")
    assert result.exit_code == 2
    assert "'such' is not one of 'auto', 'otava', 'pelt'" in result.output


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        (None, 2, "is not executable"),
        ("import sys; sys.exit('no')", 4, "ended with 1: no;"),
    ],
)
def test_the_command_itself_ends_with_a_line_and_no_traceback(
    trials, tmp_path, program, text, status, said
):
    """As a shell sees it."""
    named = "/no/such" if text is None else program(text)
    command = [sys.executable, "-c", "from harness.cli import main; main()", "trend"]
    done = subprocess.run(
        [*command, "--trials", trials, "--out", tmp_path / "trend.html"],
        env=os.environ | {"HARNESS_OTAVA": str(named)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert done.returncode == status
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("harness: ")
    assert said in done.stderr
    assert not (tmp_path / "trend.html").exists()
