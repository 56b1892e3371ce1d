"""The truth equals what a client saw; administrative requests are not in it."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest


def test_the_truth_equals_what_a_client_saw(start):  # noqa: C901  one case a request
    """500 mixed requests with limiter, capacity and failures on: every count agrees."""
    client = start(
        limiter="token-bucket", rate=60, burst=30, max_sessions=6, seed=5,
        latency={"create_session": "uniform(1ms,9ms)"},
        fail={"CLOUD_INTERNAL_ERROR": 0.05, "create_session:CLOUD_LAUNCH_FAILED": 0.1,
              "queue_run:CLOUD_TIMEOUT": 0.2},
        timeout_after_effect=0.5,
    )  # fmt: skip
    rng = random.Random(11)
    opened: list[str] = []

    def ask(number):
        kind = rng.choice(["create", "get", "delete", "load", "queue", "run", "bad", "health"])
        session_id = opened[-1] if opened else "sess_0"
        match kind:
            case "create":
                answer, name = client.create(), "create_session"
                if answer.status_code == 201:
                    opened.append(answer.json()["sessionId"])
            case "get":
                answer, name = client.get(session_id), "get_session"
            case "delete":
                answer, name = client.delete(session_id), "delete_session"
            case "load":
                entry = client.entry(descriptionHash=f"h{number % 7}")
                answer, name = client.load(entry, entry), "import_selector_cache"
            case "queue":
                answer, name = client.queue(key=f"k{number % 40}"), "queue_run"
            case "run":
                answer, name = client.run("run_0"), "get_run"
            case "bad":
                answer, name = client.load({}), "import_selector_cache"
            case _:
                answer, name = client.health(), "health"
        return name, answer

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(ask, range(500)))
    truth = client.standin.truth()
    statuses = Counter((name, str(answer.status_code)) for name, answer in seen)
    counted = {
        (name, status): times
        for name, answers in truth["requests"].items()
        for status, times in answers["by_status"].items()
    }
    assert dict(statuses) == counted
    refused = sum("retry-after" in answer.headers for _, answer in seen)
    assert refused == truth["limiter"]["refused"] > 0
    assert refused == sum(answers["refused"] for answers in truth["requests"].values())
    made = statuses["create_session", "201"], statuses["delete_session", "204"]
    sessions = truth["sessions"]
    assert made == (sessions["created"], sessions["closed"])
    assert (made[0] - made[1], 0) == (sessions["open"], sessions["over_admitted"])
    assert sorted(sessions["open_ids"]) == sorted(
        {a.json()["sessionId"] for n, a in seen if n == "create_session" and a.status_code == 201}
        - {str(a.url).rsplit("/", 1)[1] for _, a in seen if a.status_code == 204}
    )
    loads = [a.json() for n, a in seen if n == "import_selector_cache" and a.status_code == 200]
    for name in ("inserted", "updated", "skipped"):
        assert sum(load[name] for load in loads) == truth["cache"][name]
    assert truth["work"]["queue_run"] == truth["runs"]["queued"]
    assert {} == truth["idempotency"]["executed_more_than_once"]


def test_codes_are_counted_beside_ok(start):
    """By code: ok, the code, or the status where there is none."""
    client = start()
    client.create()
    client.create(sourceType="manual")
    client.http.get("/nowhere")
    requests = client.standin.truth()["requests"]
    assert {"ok": 1, "CLOUD_CONFIG_INVALID": 1} == requests["create_session"]["by_code"]
    assert {"404": 1} == requests["unknown"]["by_code"]


def test_back_doors_are_not_counted(start):
    """Reading the truth and changing settings are not counted as requests."""
    client = start()
    client.standin.control(latency={"*": "1ms"})
    client.standin.truth()
    assert {} == client.standin.truth()["requests"]


def test_control_shows_no_key_and_takes_no_wrong_setting(start):
    """Only the number of keys is shown; an unknown or fixed setting is one clear line."""
    client = start(api_keys=("osk_test", "osk_secret"))
    shown = client.standin.control(rate=7)
    assert (7, 2) == (shown["rate"], shown["api_keys"])
    with pytest.raises(ValueError, match="burts"):
        client.standin.control(burts=1)
    with pytest.raises(ValueError, match="'port' is fixed"):
        client.standin.control(port=1)
    with pytest.raises(ValueError, match="not a distribution"):
        client.standin.control(latency={"*": "soon"})
    assert 201 == client.create().status_code


def test_a_new_limit_starts_afresh_and_another_setting_does_not(start):
    """Changing the failures keeps the bucket empty; changing its burst refills it."""
    client = start(limiter="token-bucket", rate=0.001, burst=1)
    assert [404, 429] == [client.run("r").status_code for _ in range(2)]
    client.standin.control(vocabulary="sdk")
    assert 429 == client.run("r").status_code
    client.standin.control(burst=2)
    assert [404, 404, 429] == [client.run("r").status_code for _ in range(3)]


def test_back_doors_have_their_methods(honest):
    """POST to the truth and GET of control are refused."""
    url = honest.standin.url
    seen = [
        httpx.post(url + "/__truth__", trust_env=False).status_code,
        httpx.get(url + "/__control__", trust_env=False).status_code,
    ]
    assert [405, 405] == seen
