"""``harness ratelimit`` as a user runs it: its files, its exit codes, its bad days."""

from __future__ import annotations

import json
import signal
import threading
import time

import pytest

from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from tests.e2e.conftest import KEY, Command, Recording
from tests.schemas import schema_errors_of_file

PROMISED = {
    "schema",
    "limited",
    "algorithm",
    "rate_per_s",
    "burst",
    "window_s",
    "retry_after",
    "rejected_count_against_limit",
    "attempts",
}


def _result(harness: Command) -> dict:
    path = harness.folder / "trial" / "rate_limit.json"
    assert schema_errors_of_file(path) == []
    return json.loads(path.read_text())


def _no_key_anywhere(harness: Command, *keys: str) -> None:
    for path in (harness.folder / "trial").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not [key for key in keys if key.encode() in data], path


def _measure(harness: Command, config: StandinConfig, *options: str, **environ: str):
    standin = Standin(config.changed({"api_keys": [KEY, KEY + "2"]}))
    try:
        return harness(
            "ratelimit", "--host", standin.url, "--out", "trial", *options,
            OPENSTEER_API_KEY=KEY, **environ,
        )  # fmt: skip
    finally:
        standin.stop()


@pytest.mark.alone
def test_embedded_bucket_is_described_and_the_advice_holds(harness: Command) -> None:
    """No host: the stand-in's own limiter, 50 a second with bursts to 20."""
    ended = harness("ratelimit", "--out", "trial", "--max-attempts", "1500")
    result = _result(harness)

    assert ended.code == 0, ended.err
    assert result.keys() >= PROMISED
    assert result["algorithm"] == "token-bucket"
    assert result["rate_per_s"]["estimate"] == pytest.approx(50, rel=0.03)
    assert result["burst"]["estimate"] == pytest.approx(20, abs=1)
    assert result["retry_after"]["kind"] == "rounded up to whole seconds"
    assert result["check_run"]["holds"] is True
    assert result["attempts"] <= 1500
    assert "50 requests per second" in ended.out
    assert "at most 1,2" in ended.err  # the plan, before anything is sent
    assert (harness.folder / "trial" / "report.html").is_file()


@pytest.mark.alone
@pytest.mark.parametrize("limiter", ["fixed-window", "sliding-window"])
def test_windows_of_the_standin_are_described(harness: Command, limiter: str) -> None:
    """Twelve in 1.5 s, in windows of the clock or in any: kind, limit and length."""
    config = StandinConfig(limiter=limiter, rate=8.0, window_s=1.5)
    ended = _measure(harness, config, "--max-attempts", "1000", "--max-seconds", "60")
    result = _result(harness)

    assert ended.code == 0, ended.err
    assert result["algorithm"] == limiter
    assert result["burst"]["estimate"] == pytest.approx(12, abs=1)
    assert result["window_s"]["estimate"] == pytest.approx(1.5, rel=0.02)
    assert result["rate_per_s"]["estimate"] == pytest.approx(8, rel=0.09)  # 1 of 12


@pytest.mark.alone
def test_sessions_of_the_probes_are_closed_and_two_keys_compared(harness: Command) -> None:
    """The operation creates: nothing is left open; each key has a bucket of its own."""
    config = StandinConfig(limiter="token-bucket", rate=40.0, burst=6, retry_after="missing")
    standin = Standin(config.changed({"api_keys": [KEY, KEY + "2"]}))
    try:
        harness(
            "ratelimit", "--host", standin.url, "--out", "trial", "--operation",
            "create_session", "--max-attempts", "500", "--max-seconds", "30",
            OPENSTEER_API_KEY=KEY, OPENSTEER_API_KEY_2=KEY + "2",
        )  # fmt: skip
        truth = standin.truth()
    finally:
        standin.stop()
    result = _result(harness)

    assert truth["sessions"]["created"] > 10
    assert result["algorithm"] == "token-bucket"
    assert result["scope"] == {"operation": "shared", "key": "separate"}
    assert result["retry_after"]["kind"] == "missing"
    assert truth["sessions"]["open"] == 0
    _no_key_anywhere(harness, KEY, KEY + "2")


def test_no_limiter_is_said_within_the_budget(harness: Command) -> None:
    """Nothing refused: limited is false, the budget holds, and that is a pass."""
    ended = _measure(harness, StandinConfig(), "--max-attempts", "300")
    result = _result(harness)

    assert ended.code == 0, ended.err
    assert result["limited"] is False
    assert result["attempts"] <= 300


def _stop_after(standin: Standin, imports: int) -> None:
    """Stop a stand-in once it has answered so many imports."""
    while sum(_imports(standin.truth()).values()) < imports:
        time.sleep(0.05)
    standin.stop()


def _imports(truth: dict) -> dict[str, int]:
    return truth["requests"].get("import_selector_cache", {}).get("by_status", {})


def test_server_that_dies_half_way_is_unknown_and_written(harness: Command) -> None:
    """The server goes away: exit 4, and what was seen is in the trial."""
    config = StandinConfig(limiter="token-bucket", rate=2.0, burst=5, api_keys=(KEY,))
    standin = Standin(config)
    threading.Thread(target=_stop_after, args=(standin, 10), daemon=True).start()
    ended = harness("ratelimit", "--host", standin.url, "--out", "trial", OPENSTEER_API_KEY=KEY)
    result = _result(harness)

    assert ended.code in {1, 4}, ended.err
    assert result["ended"] == "the server stopped answering"
    assert result["algorithm"] == "unknown"
    assert "Traceback" not in ended.err


def test_interrupted_writes_what_is_known(harness: Command) -> None:
    """Ctrl-C while it waits for a slow limiter: exit 130, all files there."""
    config = StandinConfig(limiter="fixed-window", burst=5, window_s=8.0, api_keys=(KEY,))
    standin = Standin(config)
    try:
        process = harness.start(
            "ratelimit", "--host", standin.url, "--out", "trial", OPENSTEER_API_KEY=KEY
        )
        deadline = time.monotonic() + 30
        seen, since = {}, time.monotonic()
        while not seen.get("refused") or time.monotonic() < since + 0.7:  # then it waits
            assert time.monotonic() < deadline, "it never met the limit"
            if (now := standin.truth()["limiter"]) != seen:
                seen, since = now, time.monotonic()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        ended = harness.wait(process)
    finally:
        standin.stop()

    assert ended.code == 130, ended.err
    assert _result(harness)["limited"] is True
    assert json.loads((harness.folder / "trial" / "manifest.json").read_text())["state"] == (
        "interrupted"
    )


def test_a_page_is_no_api_without_a_limit(harness: Command) -> None:
    """Its first answers tell: exit 3, one line, and no thousand requests more."""
    recording = Recording("text/html", b"<html>hello</html>")
    try:
        ended = harness("ratelimit", "--host", recording.url, "--out", "trial")
    finally:
        recording.close()

    assert ended.code == 3, ended.err
    assert "does not answer as the Opensteer API does" in ended.err.splitlines()[-1]
    assert len(recording.requests) < 100
    assert not (harness.folder / "trial").exists()


def test_key_that_is_refused_is_named(harness: Command) -> None:
    """A wrong key: exit 3, one line, no directory left."""
    standin = Standin(StandinConfig(api_keys=("osk_other",)))
    try:
        ended = harness("ratelimit", "--host", standin.url, "--out", "trial", OPENSTEER_API_KEY=KEY)
    finally:
        standin.stop()

    assert ended.code == 3, ended.err
    assert "refuses the API key" in ended.err
    assert not (harness.folder / "trial").exists()


def test_unknown_operation_is_a_usage_error(harness: Command) -> None:
    """A mistake in the command line is one line."""
    ended = harness("ratelimit", "--operation", "delete_everything")

    assert ended.code == 2
    assert 1 == len(ended.err.splitlines())
    assert "is not one of 'import_selector_cache', 'create_session'" in ended.err
