"""What TAB completes: names that are there, paths, and the values of an option."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.cli import completion
from harness.cli.completion import (
    complete_baseline,
    complete_fault,
    complete_plan,
    complete_scenario,
    complete_side,
    complete_trial,
)
from harness.trial.baselines import BASELINES
from harness.trial.store import MANIFEST


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A directory with two baselines, two trials, and files."""
    for name in ("baselines/main", "baselines/none", "trials/2026-a", "trials/2026-b"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "manifest.json").touch()
    (tmp_path / "baselines/none/manifest.json").unlink()
    (tmp_path / "own.py").touch()
    (tmp_path / "own.toml").touch()
    (tmp_path / ".hidden").mkdir()
    monkeypatch.chdir(tmp_path)


def test_names_are_those_of_the_other_rooms():
    """Completion imports neither room, for they take a second."""
    assert (BASELINES, MANIFEST) == (completion.BASELINES, completion._MANIFEST)


@pytest.mark.parametrize(
    ("complete", "incomplete", "expected"),
    [
        (complete_scenario, "mi", ["mixed"]),
        (complete_scenario, "_", []),
        (complete_scenario, "ow", ["own.py"]),
        (complete_scenario, "./o", ["./own.py"]),
        (complete_plan, "smo", ["smoke"]),
        (complete_plan, "own", ["own.toml"]),
        (complete_fault, "response-", ["response-lost", "response-truncated"]),
        (complete_baseline, "", ["main"]),
        (complete_trial, "tr", ["trials/2026-b", "trials/2026-a", "trials/"]),
        (complete_trial, "trials/", ["trials/2026-b", "trials/2026-a"]),
        (complete_trial, "absent/x", []),
        (
            complete_side,
            "",
            ["main", "trials/2026-b", "trials/2026-a", "baselines/", "trials/"],
        ),
    ],
)
def test_completes(complete, incomplete, expected):
    assert expected == complete(incomplete)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("harness re", ["report"]),
        ("harness run mix", ["mixed"]),
        ("harness run mixed --transport ", ["fast", "httpx"]),
        ("harness run mixed --plan smo", ["smoke"]),
        ("harness capacity th", ["throughput"]),
        ("harness baseline show ", ["main"]),
        ("harness serve --limiter to", ["token-bucket"]),
        ("harness trend --by o", ["otava"]),
        ("harness run --host '' --aut", ["--auth"]),
    ],
)
def test_a_shell_gets_its_completions(line, expected):
    """Through the protocol of bash, without a library of numbers."""
    program = "import sys; from harness.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    words = line.split(" ")
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv[0] = 'harness'; {program}"],
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "_HARNESS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
    )  # fmt: skip

    assert expected == ended.stdout.split()
    assert "msgspec" not in ended.stderr.split()
