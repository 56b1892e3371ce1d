"""A user's mistakes: one clear line, the right exit code, nothing half-written."""

from __future__ import annotations

import pytest

from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from tests.e2e.conftest import KEY, Command, Recording
from tests.trials import ladder, write_trial


def _refused(ended, code: int, *words: str) -> None:
    lines = ended.err.strip().splitlines()

    assert ended.code == code, ended.err
    assert len(lines) == 1, ended.err
    assert "Traceback" not in ended.err
    for word in words:
        assert word in lines[0]


def test_a_remote_host_needs_a_key(harness: Command) -> None:
    """Without a key nothing is sent to a host that was named."""
    ended = harness(
        "run",
        "mixed",
        "--host",
        "http://127.0.0.1:1",
        OPENSTEER_API_KEY="",
        OPENSTEER_ACCESS_TOKEN="",
    )

    _refused(ended, 2, "OPENSTEER_API_KEY")


def test_a_plan_that_holds_the_key(harness: Command) -> None:
    """Every report shows the plan: the key has no place in it, and the refusal does not tell it."""
    (harness.folder / "plan.toml").write_text(f'name = "mine"\ndescription = "with {KEY}"\n')
    with Standin(StandinConfig(api_keys=(KEY,))) as standin:
        ended = harness(
            "run", "mixed", "--plan", "plan.toml", "--host", standin.url, "--out", "trial"
        )

    _refused(ended, 2, "plan.toml", "holds the API key")
    assert KEY not in ended.out + ended.err
    assert not (harness.folder / "trial").exists()


def test_a_host_elsewhere_needs_to_be_spelled_out(harness: Command) -> None:
    """A mistake never loads a production system."""
    _refused(harness("run", "mixed", "--host", "https://api.example.com"), 2, "--allow-host")


def test_an_unreachable_host(harness: Command) -> None:
    """Nobody listens there: exit 3, and no trial directory is left."""
    ended = harness("run", "mixed", "--host", "http://127.0.0.1:9", "--out", "trial")

    _refused(ended, 3, "127.0.0.1:9", "cannot be reached")
    assert not (harness.folder / "trial").exists()


def test_a_host_that_answers_html(harness: Command) -> None:
    """A web page is not the API."""
    server = Recording("text/html", b"<html><body>It works!</body></html>")
    try:
        ended = harness("run", "mixed", "--host", server.url, "--out", "trial")
    finally:
        server.close()

    _refused(ended, 3, server.url, "Opensteer API")
    assert not (harness.folder / "trial").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[load]\nusrs = 5\n", ("plan.toml:2", "usrs", "users")),
        ("[load]\nusers = 'many'\n", ("plan.toml:2", "load.users")),
        ("[slo]\nmust = ['p99<<2s']\n", ("plan.toml:2", "p99")),
        ("[load\n", ("plan.toml", "TOML")),
        ("[scenario.cache_import]\nbatch = [9, 3]\n", ("cache_import", "batch")),
        ("[weights]\nsesion_churn = 3\n", ("sesion_churn",)),
    ],
)
def test_a_wrong_plan(harness: Command, text: str, words: tuple[str, ...]) -> None:
    """File, line and key, before anything is sent."""
    (harness.folder / "plan.toml").write_text(text)

    _refused(harness("run", "mixed", "--plan", "plan.toml", "--out", "trial"), 2, *words)
    assert not (harness.folder / "trial").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("run", "mixd"), ("mixd", "mixed")),
        (("run", "mixed", "--plan", "smok"), ("smok", "smoke")),
        (("run", "mixed", "--rate", "-4"), ("--rate",)),
        (("run", "mixed", "--duration", "5"), ("--duration", "5")),
        (("report", "nowhere"), ("nowhere",)),
        (("check", "nowhere"), ("nowhere",)),
    ],
)
def test_a_wrong_word_on_the_command_line(
    harness: Command, args: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """What is wrong, and what there is instead."""
    _refused(harness(*args), 2, *words)


def test_a_directory_in_use_is_left_alone(harness: Command) -> None:
    """A trial never overwrites anything."""
    (harness.folder / "trial").mkdir()
    (harness.folder / "trial" / "keep.txt").write_text("mine")

    _refused(harness("run", "mixed", "--out", "trial"), 2, "not empty")
    assert (harness.folder / "trial" / "keep.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["manifest.json", "attempts.parquet", "intervals.parquet"])
def test_a_damaged_trial(harness: Command, name: str) -> None:
    """A truncated file is named; no traceback, no report of half a trial."""
    path = write_trial(harness.folder / "trial", ladder()) / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    _refused(harness("report", "trial"), 2, name)
