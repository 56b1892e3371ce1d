"""Idempotency keys over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest


def executions(client, key):
    """The number of times the key's work was done."""
    return client.standin.truth(everything=True)["idempotency"]["executions"].get(key, 0)


def test_a_created_session_is_replayed_as_it_was(honest):
    """Same status, same bytes, one session."""
    first, again = honest.create(key="s-1"), honest.create(key="s-1")
    assert (201, first.content) == (again.status_code, again.content)
    assert [None, "true"] == [a.headers.get("idempotency-replayed") for a in (first, again)]
    assert 1 == executions(honest, "s-1")


def test_a_queued_run_is_replayed_and_says_so(honest):
    """replayed: false, then true, and otherwise the same answer."""
    first, again = honest.queue(key="r-1"), honest.queue(key="r-1")
    assert first.json() | {"replayed": True} == again.json()
    assert (False, 202, 1) == (
        first.json()["replayed"], again.status_code, executions(honest, "r-1"),
    )  # fmt: skip


def test_an_import_is_replayed_with_its_first_counts(honest):
    """The second request imports nothing, and still reports one inserted."""
    entry = honest.entry(namespace="replayed")
    first, again = honest.load(entry, key="i-1"), honest.load(entry, key="i-1")
    assert (1, first.content) == (again.json()["inserted"], again.content)


def test_the_same_key_with_another_request_is_a_422(honest):
    """Another body, another slug, another operation."""
    honest.queue(key="r-2")
    seen = [
        honest.queue(key="r-2", input={"n": 2}).status_code,
        honest.queue(key="r-2", slug="other").status_code,
        honest.create(key="r-2").status_code,
        honest.queue(key="r-2").status_code,
    ]
    assert ([422, 422, 422, 202], 1) == (seen, executions(honest, "r-2"))


def test_the_same_key_in_flight_is_a_409(start):
    """Of eight concurrent requests one is handled; the others get 409, and later the replay."""
    client = start(latency={"create_session": "700ms"})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.create(key="k"), range(8)))
    assert [201, *[409] * 7] == sorted(answer.status_code for answer in answers)
    assert (201, 1) == (client.create(key="k").status_code, executions(client, "k"))


@pytest.mark.parametrize("code", ["CLOUD_INTERNAL_ERROR", "CLOUD_TIMEOUT", "CLOUD_RATE_LIMITED"])
def test_a_failed_answer_is_not_kept(start, code):
    """After the failure ends, the same key does its work, once."""
    client = start(fail={code: 1})
    assert [code, code] == [client.queue(key="k").json()["code"] for _ in range(2)]
    assert 0 == executions(client, "k")
    client.standin.control(fail={})
    assert [False, True] == [client.queue(key="k").json()["replayed"] for _ in range(2)]
    assert 1 == executions(client, "k")


def test_a_refused_session_does_not_use_up_its_key(start):
    """503 when full; with room again the same key creates."""
    client = start(max_sessions=1)
    session_id = client.create().json()["sessionId"]
    assert 503 == client.create(key="k").status_code
    client.delete(session_id)
    assert 201 == client.create(key="k").status_code


def test_a_timeout_after_the_effect_is_told_by_the_retry(start):
    """504, but the run is there: the same key replays it."""
    client = start(fail={"CLOUD_TIMEOUT": 1}, timeout_after_effect=1)
    assert 504 == client.queue(key="k").status_code
    client.standin.control(fail={})
    assert (True, 1) == (client.queue(key="k").json()["replayed"], executions(client, "k"))


def test_a_key_belongs_to_its_api_key(honest):
    """Two users may choose the same key."""
    first = honest.queue(key="shared").json()
    other = honest.http.post(
        "/scrapers/shop/runs",
        json={"input": {"n": 1}},
        headers={"idempotency-key": "shared", "x-api-key": "osk_other"},
    ).json()
    assert (False, False) == (first["replayed"], other["replayed"])


def test_a_key_is_forgotten_after_its_lifetime(start):
    """Then the work is done again."""
    client = start(key_lifetime_s=0.05)
    client.queue(key="k")
    while client.queue(key="k").json()["replayed"]:
        pass
    truth = client.standin.truth()
    assert ({"k": 2}, {}) == (truth["idempotency"]["executed_more_than_once"], truth["lies"])
