"""The process: how it starts, ends, and survives."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from harness.errors import TargetError
from harness.standin.config import Lies, StandinConfig
from harness.standin.launch import Standin
from harness.standin.state import State
from harness.standin.state_file import StateFile


def is_alive(pid):
    """Whether the process runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_begun(client):
    """Until a request has passed the limiter: from then on it only takes its time."""
    while not client.standin.truth()["limiter"]["accepted"]:
        time.sleep(0.01)


def test_sigterm_ends_it_clean(start):
    """Exit status 0 long before its runs end, with connections open and webhooks pending."""
    client = start(run_duration="1h")
    client.health()
    client.queue(webhook={"url": "http://127.0.0.1:9/", "secret": "s"})
    begun = time.perf_counter()
    assert 0 == client.standin.stop()
    assert time.perf_counter() - begun < 15


def test_an_open_request_is_answered_before_the_end(start):
    """400 ms of work survive a SIGTERM."""
    client = start(latency={"get_run": "400ms"})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.run, "r")
        wait_until_begun(client)
        assert 0 == client.standin.stop()
        assert 404 == answer.result().status_code


def test_a_request_that_takes_too_long_is_dropped_at_the_end(start):
    """A response that is due in an hour does not delay the end."""
    client = start(latency={"get_run": "1h"})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.run, "r")
        wait_until_begun(client)
        begun = time.perf_counter()
        assert 0 == client.standin.stop()
        assert time.perf_counter() - begun < 15
        # Cut off by the end of the process, or an error; never a success.
        with contextlib.suppress(httpx.TransportError):
            assert 500 == answer.result().status_code


def test_a_taken_port_is_one_clear_line(start):
    """The error has the process's message."""
    port = int(start().standin.url.rsplit(":", 1)[1])
    with pytest.raises(TargetError, match=r"standin: cannot serve: .*in use"):
        Standin(StandinConfig(port=port))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"{", "wrong configuration"),
        (b'{"burts": 1}', "burts"),
        (b'{"burst": 0}', "burst"),
    ],
)
def test_a_wrong_configuration_is_exit_2(text, complaint):
    """One line on stderr, nothing on stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "harness.standin"], input=text, capture_output=True, check=False
    )
    assert (2, b"", 1) == (done.returncode, done.stdout, len(done.stderr.splitlines()))
    assert complaint in done.stderr.decode()


def test_it_ends_with_its_parent():
    """The parent is killed; the stand-in ends by itself within a few polls."""
    script = (
        "import os, sys; from harness.standin.launch import Standin\n"
        "s = Standin(); print(s.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    pid, deadline = int(done.stdout), time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


def test_ctrl_c_is_for_the_caller_alone(start):
    """The stand-in is in a session of its own, so that its caller can clean up first."""
    assert os.getsid(start().standin.pid) != os.getsid(0)


def test_launching_imports_no_server():
    """The launcher imports neither uvicorn nor starlette."""
    script = (
        "import sys, harness.standin.launch\n"
        "print({'uvicorn', 'starlette', 'httpx', 'locust'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert b"set()" == done.stdout.strip()


def test_a_key_is_in_no_argument_and_no_file(start, tmp_path):
    """Neither the process list nor the state file holds an API key."""
    path = tmp_path / "state.db"
    client = start(api_keys=("osk_test",), state=str(path))
    client.queue(key="k")
    with open(f"/proc/{client.standin.pid}/cmdline", "rb") as file:  # noqa: PTH123
        assert b"osk_test" not in file.read()
    client.standin.stop()
    assert b"osk_test" not in path.read_bytes()


def test_a_killed_server_goes_on_where_it_was(start, tmp_path):
    """Sessions, slots, keys, runs, cache and every counter survive a kill -9."""
    config = {
        "state": str(tmp_path / "state.db"), "max_sessions": 2,
        "run_wait": "0ms", "run_duration": "1h",
    }  # fmt: skip
    client = start(**config)
    first = client.create(key="s").json()
    closed = client.create().json()["sessionId"]
    client.delete(closed)
    run = client.queue(key="r").json()["run"]
    client.load(client.entry())
    client.create(sourceType="manual")
    before = client.standin.truth()
    client.standin.kill()

    again = start(**config)
    assert before | {"now_ns": 0} == again.standin.truth() | {"now_ns": 0}
    assert first["sessionId"] == again.create(key="s").json()["sessionId"]
    assert (True, run["id"]) == (
        (replay := again.queue(key="r").json())["replayed"], replay["run"]["id"],
    )  # fmt: skip
    assert 422 == again.queue(key="r", slug="other").status_code
    assert "running" == again.run(run["id"]).json()["run"]["status"]
    assert 1 == again.load(again.entry()).json()["skipped"]
    assert [200, 410] == [
        again.get(first["sessionId"]).status_code, again.get(closed).status_code,
    ]  # fmt: skip
    assert [201, 503] == [again.create().status_code for _ in range(2)]


def test_what_cannot_be_written_does_not_keep_out_what_can(tmp_path):
    """A transaction that fails is rolled back; the next one is written."""
    state_file, state = StateFile(str(tmp_path / "state.db")), State(StandinConfig())
    key = ("ns", "https://a.test", "click", "1")
    state_file.put_entries({key: 1 << 70})
    with pytest.raises(OverflowError):
        state_file.commit(state)
    state_file.put_entries({key: 5})
    state_file.commit(state)
    state_file.close()
    state_file = StateFile(str(tmp_path / "state.db"))
    state_file.restore(state, 0)
    assert {key: 5} == state.cache.updated_us
    state_file.close()


def test_a_lost_slot_stays_lost_after_a_restart(tmp_path):
    """No session holds it, so the counters have to bring it back."""
    config = StandinConfig(max_sessions=2, lies=Lies(leaks_failed_create=1))
    state_file, state = StateFile(str(tmp_path / "state.db")), State(config)
    state.fail_create(0)
    state_file.commit(state)
    again = State(config)
    state_file.restore(again, 0)
    assert (1, 1) == (again.taken(0), again.sessions.leaked)
    state_file.close()


def test_a_state_file_of_something_else_is_one_clear_line(start, tmp_path):
    """Neither another program's text nor a row that is none is a traceback."""
    path = tmp_path / "state.db"
    path.write_bytes(b"name = 'plan'\n" * 100)
    with pytest.raises(TargetError, match=r"said: standin: cannot serve: [^\n]*$"):
        Standin(StandinConfig(state=str(path)))
    path.unlink()
    start(state=str(path)).standin.stop()
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO sessions VALUES ('s', x'ff')")
    db.close()
    with pytest.raises(TargetError, match=r"said: standin: cannot serve: [^\n]*$"):
        Standin(StandinConfig(state=str(path)))


def test_no_id_is_given_twice_after_a_restart(start, tmp_path):
    """The same seed goes on with other ids."""
    seen = []
    for _ in range(3):
        client = start(state=str(tmp_path / "state.db"), seed=4)
        seen += [client.create().json()["sessionId"] for _ in range(3)]
        client.standin.kill()
    assert 9 == len(set(seen))


def test_every_answer_that_was_sent_is_in_the_file(start, tmp_path):
    """Killed under load, it loses no run that a client got a response for."""
    client = start(state=str(tmp_path / "state.db"))
    confirmed = []

    def flood(number):
        try:
            for index in range(1000):
                answer = client.queue(key=f"{number}-{index}")
                confirmed.append((f"{number}-{index}", answer.json()["run"]["id"]))
        except httpx.TransportError:
            return

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(flood, number) for number in range(4)]
        while len(confirmed) < 40:
            time.sleep(0.01)
        os.kill(client.standin.pid, 9)
        for future in done:
            future.result()
    again = start(state=str(tmp_path / "state.db"))
    replays = [again.queue(key=key).json() for key, _ in confirmed]
    assert [(True, run_id) for _, run_id in confirmed] == [
        (replay["replayed"], replay["run"]["id"]) for replay in replays
    ]
    assert {} == again.standin.truth()["idempotency"]["executed_more_than_once"]
