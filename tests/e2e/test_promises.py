"""What the README promises of a trial: seeds, secrets, files, plain Locust, reporting again."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
import time
from fnmatch import fnmatch
from pathlib import Path

import duckdb
import psutil
import pytest

from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from tests.e2e.conftest import KEY, Command, Recording, _clean_environ, summary_of
from tests.schemas import schema_errors_of_file


def test_the_same_seed_sends_the_same_payloads(harness: Command) -> None:
    """Two trials with one seed send the same bodies in the same order, whatever the workload.

    The webhook's URL is the trial's own: an inbox. `tests/workload` compares two seeds.
    """
    sent = []
    for trial in ("a", "b"):
        server = Recording()
        try:
            ended = harness(
                "run", "mixed", "--host", server.url, "--seed", "5", "--users", "1",
                "--duration", "2s", "--rate", "30", "--out", trial,
            )  # fmt: skip
        finally:
            server.close()
        assert ended.code in {0, 1, 4}, ended.err
        sent.append([_without_inbox(path, body) for path, body in server.requests])
    common = min(len(sent[0]), len(sent[1]))

    assert common > 30
    assert {path.split("/")[1] for path, _ in sent[0]} == {
        "sessions", "selector-cache", "scrapers",
    }  # fmt: skip
    assert sent[0][:common] == sent[1][:common]


def _without_inbox(path: str, body: bytes) -> tuple[str, dict]:
    sent = json.loads(body)
    if "webhook" in sent:
        sent["webhook"] = sorted(sent["webhook"])
    return path, sent


def test_the_key_is_nowhere(harness: Command) -> None:
    """No artifact, no output and no process title holds the API key."""
    with Standin(StandinConfig(api_keys=(KEY,), fail={"CLOUD_AUTH_FAILED": 0.1})) as standin:
        process = harness.start(
            "run", "mixed", "--host", standin.url, "--duration", "3s", "--processes", "2",
            "--out", "trial", "--", "--csv", "locust",
        )  # fmt: skip
        titles = set()
        while process.poll() is None:
            for child in psutil.process_iter(["cmdline"]):
                titles.add(" ".join(child.info["cmdline"] or []))
            time.sleep(0.2)
        ended = harness.wait(process)
    files = [path for path in (harness.folder / "trial").rglob("*") if path.is_file()]

    assert len(files) > 10, ended.err
    assert any("locust" in title for title in titles)
    assert not [title for title in titles if KEY in title]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert KEY not in ended.out + ended.err
    assert _requests_of_locust(harness.folder / "locust_stats.csv") > 100


def _requests_of_locust(path: Path) -> int:
    """What Locust's own statistics of all workers count: its options keep working."""
    with path.open(newline="") as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    return int(rows["Aggregated"]["Request Count"])


def _promised_files(trial: Path) -> None:
    """The directory has all documented files and no others, each valid by its schema."""
    names = {path.name for path in trial.iterdir()}
    manifest = json.loads((trial / "manifest.json").read_text())

    assert {
        "manifest.json", "attempts.parquet", "intervals.parquet", "latency.hlog", "percentiles",
        "events.jsonl", "summary.json", "report.html", "report.md", "junit.xml", "tables",
    } <= names  # fmt: skip
    assert "parts" not in names
    assert manifest["state"] == "complete"
    assert (trial / "tables").is_dir()
    for name in ("manifest.json", "summary.json", "findings.json", "events.jsonl"):
        assert schema_errors_of_file(trial / name) == [], name
    attempts = duckdb.read_parquet(str(trial / "attempts.parquet"))
    counted = attempts.aggregate("outcome, count(*)").fetchall()
    outcomes = summary_of(trial)["outcomes"]
    assert dict(counted) == {name: count for name, count in outcomes.items() if count}
    page = (Path(__file__).resolve().parents[2] / "docs/reference/formats.md").read_text()
    listed = re.findall(r"^\| `(\S+)` \|", page, re.MULTILINE)
    files = [p.relative_to(trial).as_posix() for p in trial.rglob("*") if p.is_file()]
    assert [name for name in files if not any(fnmatch(name, one) for one in listed)] == []


def test_a_trial_has_every_promised_file_and_is_reported_again_without_a_server(
    harness: Command,
) -> None:
    """`report` and `check` of a copy repeat the results of `run` from its files alone."""
    first = harness("run", "mixed", "--duration", "2s", "--out", "trial")

    assert first.code in {0, 1, 4}, first.err
    _promised_files(harness.folder / "trial")
    before = summary_of(harness.folder / "trial")
    shutil.copytree(harness.folder / "trial", harness.folder / "copy")
    for name in ("summary.json", "report.html", "findings.json"):
        (harness.folder / "copy" / name).unlink()
    again = harness("report", "copy")
    checked = harness("check", "copy")

    assert first.code == again.code == checked.code
    assert before == summary_of(harness.folder / "copy")


@pytest.mark.parametrize("options", [(), ("--processes", "2")], ids=["alone", "with workers"])
def test_scenarios_run_under_plain_locust(harness: Command, options: tuple[str, ...]) -> None:
    """`locust -f` makes one trial too, and `harness report` finishes it."""
    with Standin(StandinConfig(api_keys=(KEY,))) as standin:
        done = subprocess.run(
            [
                sys.executable, "-m", "locust", "-f", _scenario("session_churn"), "--headless",
                "-u", "3", "-r", "3", "-t", "3s", "--host", standin.url, *options,
            ],
            cwd=harness.folder, env=_clean_environ(), capture_output=True, text=True,
            timeout=90, check=False,
        )  # fmt: skip
        truth = standin.truth()
    trials = list((harness.folder / "trials").iterdir())

    assert done.returncode == 0, done.stderr
    assert len(trials) == 1
    assert f"harness report trials/{trials[0].name}" in done.stderr
    assert harness("report", str(trials[0])).code in {0, 1, 4}
    summary = summary_of(trials[0])
    assert truth["sessions"]["open"] == 0
    assert summary["model"] == "closed"
    assert summary["totals"]["attempts"] == sum(
        sum(counts["by_status"].values()) for counts in truth["requests"].values()
    )


def test_plain_locust_says_that_its_load_never_began(harness: Command) -> None:
    """Users are spawned one a second unless told otherwise; nothing was sent, and why is said."""
    with Standin(StandinConfig(api_keys=(KEY,))) as standin:
        done = subprocess.run(
            [
                sys.executable, "-m", "locust", "-f", _scenario("session_churn"), "--headless",
                "-u", "60", "-t", "4s", "--host", standin.url,
            ],
            cwd=harness.folder, env=_clean_environ(), capture_output=True, text=True,
            timeout=90, check=False,
        )  # fmt: skip

    assert "the load did not start: not all users were spawned" in done.stderr


def _scenario(name: str) -> str:
    from harness.execution.load_process import find_scenario

    return str(find_scenario(name))
