"""A small part of the matrix of docs/explanation/reliability.md; `make bench-reliability` makes it all."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchmarks.reliability.cases import BY_NAME, CHECKS, LIES, RETRIES


def made(case, tmp_path, seconds):
    """One trial of a case, in processes of its own."""
    command = [sys.executable, "-m", "benchmarks.reliability.trials", case, "--seed", "7"]
    command += ["--seconds", str(seconds), "--out", str(tmp_path / "trial")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)

    assert 0 == ended.returncode, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize(
    ("lie", "seconds"),
    [
        ("executes-twice", 5),
        ("forgets-keys-after-s", 7),
        ("leaks-slot", 10),
        ("loses-log-line", 5),
    ],
)
def test_a_lie_is_caught_by_its_check_and_no_other(tmp_path, lie, seconds):
    """The stand-in lied, its check failed, and every other one passed."""
    row = made(lie, tmp_path, seconds)

    assert row["lies"] > 0
    assert {BY_NAME[lie].caught_by} == {
        name for name, verdict in row["verdicts"].items() if verdict == "fail"
    }, row["details"]
    assert set(CHECKS) == set(row["verdicts"])


@pytest.mark.parametrize("case", ["all of the network's", "restart under loss"])
def test_an_honest_stand_in_is_accused_of_nothing_and_the_books_balance(tmp_path, case):
    """Whatever was lost on the way: no false alarm, and truth and record agree to the last."""
    row = made(case, tmp_path, 7)

    assert row["hits"] > 20
    assert "fail" not in row["verdicts"].values(), row["details"]
    assert [] == row["unbalanced"]


def test_every_check_has_a_lie_that_trips_it():
    """Completeness: all but the harness's own promise are put to the test."""
    assert set(CHECKS) - {RETRIES} == {case.caught_by for case in LIES}
