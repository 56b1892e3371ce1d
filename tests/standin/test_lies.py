"""Every lie happens when configured, and counted; an honest server has none."""

from __future__ import annotations

import time

import pytest

from harness.standin.config import Lies


@pytest.fixture
def liar(start):
    """Starts a stand-in with the given lies, each with probability 1."""

    def begin(*names, **settings):
        return start(lies=Lies(**dict.fromkeys(names, 1.0)), **settings)

    return begin


def lies_of(client):
    """The lies counted so far."""
    return client.standin.truth()["lies"]


def test_executes_twice(liar):
    """The same key makes a second run, as if it were the first."""
    client = liar("executes_twice")
    first, again = client.queue(key="k").json(), client.queue(key="k").json()
    assert (False, True) == (again["replayed"], first["run"]["id"] != again["run"]["id"])
    assert {"k": 2} == client.standin.truth()["idempotency"]["executed_more_than_once"]
    assert {"executes_twice": 1} == lies_of(client)


def test_forgets_keys(start):
    """After 800 ms the key is new again; before, it is replayed."""
    client = start(lies=Lies(forgets_keys_after_s=0.8))
    seen = [client.queue(key="k").json()["replayed"] for _ in range(2)]
    time.sleep(0.85)
    assert [False, True, False] == [*seen, client.queue(key="k").json()["replayed"]]
    assert {"forgets_keys_after_s": 1} == lies_of(client)


def test_replays_the_wrong_run(liar):
    """A replay returns another run, an existing or an invented one."""
    client = liar("replays_wrong_run")
    first = client.queue(key="a").json()["run"]["id"]
    made_up = client.queue(key="a").json()
    second = client.queue(key="b").json()["run"]["id"]
    existing = client.queue(key="a").json()
    assert (True, True) == (made_up["replayed"], existing["replayed"])
    assert made_up["run"]["id"] not in (first, second)
    assert second == existing["run"]["id"]
    assert {"replays_wrong_run": 2} == lies_of(client)


def test_leaks_a_slot(liar):
    """DELETE answers 204, the session is closed, and there is still no room."""
    client = liar("leaks_slot", max_sessions=1)
    session_id = client.create().json()["sessionId"]
    seen = [client.delete(session_id), client.get(session_id), client.create()]
    assert [204, 410, 503] == [answer.status_code for answer in seen]
    truth = client.standin.truth()["sessions"]
    assert (0, 1, 1) == (truth["open"], truth["taken"], truth["leaked"])


def test_a_failed_create_keeps_its_slot(liar):
    """No session was made, and there is no room for the next; full, nothing more is lost."""
    fail = {"create_session:CLOUD_LAUNCH_FAILED": 1.0}
    client = liar("leaks_failed_create", max_sessions=1, fail=fail)
    seen = [client.create(), client.create()]
    client.standin.control(fail={})
    seen.append(client.create())
    assert [502, 502, 503] == [answer.status_code for answer in seen]
    truth = client.standin.truth()["sessions"]
    assert (0, 1, 1) == (truth["open"], truth["taken"], truth["leaked"])
    assert {"leaks_failed_create": 1} == lies_of(client)


def test_gives_an_id_twice(liar):
    """The second session gets the first one's id, and does not exist."""
    client = liar("duplicate_session_id")
    first, second = client.create().json(), client.create().json()
    assert first["sessionId"] == second["sessionId"]
    assert (1, {"duplicate_session_id": 1}) == (
        client.standin.truth()["sessions"]["created"], lies_of(client),
    )  # fmt: skip


def test_a_status_goes_back(liar):
    """A run that has ended is reported as running."""
    client = liar("status_goes_back", run_wait="0ms", run_duration="0ms")
    run_id = client.queue().json()["run"]["id"]
    assert "running" == client.run(run_id).json()["run"]["status"]
    assert {"status_goes_back": 1} == lies_of(client)


def test_loses_a_log_line(liar):
    """Each page lacks one of its 25 lines."""
    client = liar("loses_log_line", run_wait="0ms", run_duration="0ms")
    run_id = client.queue().json()["run"]["id"]
    pages = [client.logs(run_id).json()["logs"] for _ in range(8)]
    assert {24} == {len(page) for page in pages}
    assert len({tuple(line["cursor"] for line in page) for page in pages}) > 1
    assert {"loses_log_line": 8} == lies_of(client)


def test_miscounts_the_cache(liar):
    """One inserted too many: the numbers no longer add up."""
    client = liar("cache_miscounts")
    expected = {"imported": 1, "inserted": 2, "updated": 0, "skipped": 0}
    assert expected == client.load(client.entry()).json()
    assert (1, {"cache_miscounts": 1}) == (
        client.standin.truth()["cache"]["entries"], lies_of(client),
    )  # fmt: skip


def test_the_older_entry_wins(liar):
    """An older time is reported as an update; no lie is counted while nothing is older."""
    client = liar("older_wins")
    client.load(client.entry())
    assert {} == lies_of(client)
    assert 1 == client.load(client.entry(updatedAt="2024-01-01T00:00:00Z")).json()["updated"]
    assert {"older_wins": 1} == lies_of(client)


def test_a_deleted_session_still_answers(liar):
    """200 and active, though it is closed."""
    client = liar("deleted_still_answers")
    session_id = client.create().json()["sessionId"]
    client.delete(session_id)
    answer = client.get(session_id)
    assert (200, "active") == (answer.status_code, answer.json()["cloudSession"]["state"])
    assert (0, {"deleted_still_answers": 1}) == (
        client.standin.truth()["sessions"]["open"], lies_of(client),
    )  # fmt: skip


def test_a_wrong_retry_after(liar):
    """Zero seconds instead of 1000."""
    client = liar("wrong_retry_after", limiter="token-bucket", rate=0.001, burst=1)
    client.run("r")
    seen = [client.run("r").headers["retry-after"] for _ in range(3)]
    assert (["0"] * 3, {"wrong_retry_after": 3}) == (seen, lies_of(client))


def test_a_lie_with_a_probability_happens_sometimes(start):
    """Between 60 and 140 of 200 at one half, and each is counted."""
    client = start(lies=Lies(cache_miscounts=0.5))
    wrong = 0
    for _ in range(200):
        counts = client.load(client.entry()).json()
        wrong += counts["inserted"] + counts["updated"] + counts["skipped"] != 1
    assert wrong == lies_of(client)["cache_miscounts"]
    assert 60 < wrong < 140
