"""Reading a trial from Python: what docs/reference/python.md promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import harness.trial
from harness.errors import TrialError
from harness.trial.schema import ATTEMPTS, INTERVALS
from harness.trial.view import TrialView
from tests.trials import attempt, event, finding, ladder, manifest, rate_limited, write_trial

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "python.md"


@pytest.fixture
def path(tmp_path):
    """A trial of 1000 good creates of 1 to 1000 ms, a warm-up call and a refusal."""
    rows = [
        *ladder(), rate_limited(call_id=2001, at_s=3.2), attempt(call_id=2002, phase="warm-up", at_s=-1),
    ]  # fmt: skip
    events = [
        event(1, "fault", "", fault="slow", edge="start"),
        event(2, "fault", "", fault="slow", edge="hit"),
        event(3, "fault", "", fault="slow", edge="end"),
    ]
    findings = [finding(), finding("fail", detail="it broke")]
    documents = {"summary.json": {"verdict": "fail"}}
    return write_trial(
        tmp_path / "trials" / "latest",
        rows,
        events=events,
        findings=findings,
        documents=documents,
    )


def state_of(folder):
    """Every file with its contents and its time."""
    return {
        file: (file.read_bytes(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_everything_is_there_and_nothing_is_written(path):
    """Documents as types, tables as frames with the columns of the files."""
    before = state_of(path)
    trial = harness.trial.open(path)

    assert manifest() == trial.manifest
    assert {"verdict": "fail"} == trial.summary
    assert ["pass", "fail"] == [found.verdict for found in trial.findings]
    assert (1002, ATTEMPTS.names) == (len(trial.attempts), list(trial.attempts.columns))
    assert INTERVALS.names == list(trial.intervals.columns)
    assert 1002 * 2 == trial.intervals["count"].sum()  # service and response
    assert ["start", "hit", "end"] == [line.data["edge"] for line in trial.events]
    assert trial.attempts is trial.attempts
    assert before == state_of(path)


def test_the_page_s_examples_work(path, monkeypatch, capsys):
    """Run as a reader would run them, with results known by arithmetic."""
    monkeypatch.chdir(path.parent.parent)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102  the page is ours

    said = capsys.readouterr().out
    assert said.startswith("session_churn http://127.0.0.1:8787 fail\n")
    assert {"create_session": 500.5} == names["median_ms"].to_dict()
    outcomes = names["outcomes"]
    assert isinstance(outcomes, pd.DataFrame)
    assert (100, 1) == (outcomes.loc[8, "ok"], outcomes.loc[8, "rate_limited"])
    assert ["it broke"] == names["failed"]
    assert ["start", "end"] == [event.data["edge"] for event in names["windows"]]


def test_the_page_names_every_attribute_and_its_type():
    """The table is the promise."""
    told = dict(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", PAGE.read_text(), re.MULTILINE))
    types = {name: part.func.__annotations__["return"] for name, part in vars(TrialView).items()
             if hasattr(part, "func")}  # fmt: skip

    assert {"manifest", *types} == set(told)
    for name, kind in types.items():
        assert kind == re.sub(r"harness\.\w+(\.\w+)*\.", "", told[name]).replace("pandas", "pd")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: (path / "manifest.json").unlink(), "it has no manifest.json"),
        (
            lambda path: write_trial(path, [], state="measured"),
            r"\(measured\); run `harness report",
        ),
        (lambda path: write_trial(path, [], schema=99), "written in schema 99"),
    ],
)
def test_what_is_no_finished_trial_is_refused(path, damage, reason):
    """At once, in a line that says what to do."""
    damage(path)
    with pytest.raises(TrialError, match=reason):
        harness.trial.open(path)


@pytest.mark.parametrize(
    ("name", "file", "reason"),
    [
        ("summary", "summary.json", "is missing; run `harness report"),
        ("attempts", "attempts.parquet", "is missing"),
        ("intervals", "intervals.parquet", "is missing"),
        ("events", "events.jsonl", "is missing"),
    ],
)
def test_an_absent_file_is_reported_when_it_is_read(path, name, file, reason):
    """The rest can be read."""
    (path / file).unlink()
    trial = harness.trial.open(path)

    assert trial.findings
    with pytest.raises(TrialError, match=reason):
        getattr(trial, name)


def test_the_package_costs_nothing_until_it_is_used():
    """Load processes import it for the parts they write, and need no pandas."""
    script = "import sys, harness.trial; print('pandas' in sys.modules, 'pyarrow' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert "False False\n" == told.stdout
